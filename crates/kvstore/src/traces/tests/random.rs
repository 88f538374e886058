//! Random lives of a store; after every few steps all calls answer as the naive list does.

use super::naive::{Hit, Naive};
use super::*;
use clew_model::logs::{Comparison, FieldTest};
use clew_model::traces::{
    AttributeTest, SpanLink, TraceBounds, TraceFilter, TraceKey, TraceOrder, TracePage, TracePlace, TraceQuery,
};
use clew_model::{CanonicalId, TenantId, TimeRange, Value};
use fastrand::Rng;

const TRACES: u32 = 60;
const PARTITIONS: i64 = 4;

/// A store, the journal before it, and what should be in it.
struct Life {
    dir: tempfile::TempDir,
    store: Option<TraceStore>,
    journal: Vec<Vec<Span>>,
    naive: Naive,
    random: Rng,
}

impl Life {
    fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Some(open(dir.path()));
        let naive = Naive { arrived: Vec::new(), bound: i64::MIN };
        Self { dir, store, journal: Vec::new(), naive, random: Rng::with_seed(seed) }
    }

    fn store(&self) -> &TraceStore {
        self.store.as_ref().unwrap()
    }

    fn apply(&mut self, spans: Vec<Span>) {
        self.journal.push(spans.clone());
        self.naive.arrived.extend(spans.clone());
        self.store().apply(self.journal.len() as u64, &TenantId::default(), spans);
    }

    fn step(&mut self) {
        match self.random.u32(0..100) {
            0..45 => {
                let count = self.random.usize(0..30);
                let spans = (0..count).map(|_| any_span(&mut self.random)).collect();
                self.apply(spans);
            }
            45..60 if !self.journal.is_empty() => {
                let again = self.random.usize(0..self.journal.len());
                let mut spans = self.journal[again].clone();
                if self.random.bool()
                    && let Some(span) = spans.first_mut()
                {
                    span.end += 1;
                }
                self.apply(spans);
            }
            60..88 => {
                let report = self.store().seal().unwrap();
                assert_eq!(report.position, self.journal.len() as u64);
                assert_eq!(self.store().hot_stats().spans, 0);
            }
            88..95 => while self.store().compact().unwrap().merged > 0 {},
            95..97 => self.retain(),
            _ => self.reopen(),
        }
    }

    fn retain(&mut self) {
        let cutoff = self.random.i64(0..WIDTH * 2);
        let before = self.store().sealed_stats();
        let report = self.store().retain(cutoff, None).unwrap();
        let after = self.store().sealed_stats();
        assert_eq!(before.rows - report.spans, after.rows);
        self.naive.bound = self.naive.bound.max(cutoff.div_euclid(WIDTH) * WIDTH);
    }

    /// As after a crash: the hot tail is gone, the journal is replayed from the sealed position on.
    fn reopen(&mut self) {
        self.store = None;
        let store = open(self.dir.path());
        let sealed = store.sealed_position() as usize;
        for (frame, spans) in self.journal.iter().enumerate().skip(sealed) {
            store.apply(frame as u64 + 1, &TenantId::default(), spans.clone());
        }
        self.store = Some(store);
    }

    fn compare(&mut self) {
        let context = context();
        let store = self.store.as_ref().unwrap();
        let range = any_range(&mut self.random);
        let spans = self.naive.spans();
        for _ in 0..4 {
            let id = trace_id(self.random.u32(0..TRACES + 1));
            let expected: Vec<Span> = spans.iter().filter(|span| span.trace_id == id).cloned().collect();
            assert_eq!(ask(store, &context).trace(id).unwrap().spans, expected);
        }
        assert_eq!(ask(store, &context).services(range).unwrap(), self.naive.services(range));
        // A span of time that starts and ends at no multiple of the step.
        let step = ((range.end.saturating_sub(range.start)) / 7).max(1);
        if range.end.saturating_sub(range.start) < i64::MAX / 2 {
            let expected = self.naive.service("back", range, step);
            assert_eq!(ask(store, &context).service("back", range, step).unwrap(), expected);
        }
        assert_eq!(ask(store, &context).service_edges(range).unwrap(), self.naive.edges(range));
        for _ in 0..4 {
            let query = any_query(&mut self.random);
            assert_eq!(hits(ask(store, &context).search(&query).unwrap()), self.naive.search(&query), "{query:?}");
        }
        // Any order, and bounds of whole traces.
        for key in [TraceKey::Duration, TraceKey::Spans, TraceKey::Errors] {
            let order = TraceOrder { key, ascending: self.random.bool() };
            let query =
                TraceQuery { order, after: None, bounds: any_bounds(&mut self.random), ..any_query(&mut self.random) };
            let page = ask(store, &context).search(&query).unwrap();
            let all = self.naive.search(&TraceQuery { limit: usize::MAX, ..query.clone() });
            assert_eq!(page.total, Some(all.len() as u64), "{query:?}");
            assert_eq!(page.next.is_some(), all.len() > query.limit, "{query:?}");
            assert_eq!(hits(page), self.naive.search(&query), "{query:?}");
        }
        let ids = any_ids(&mut self.random);
        let found = ask(store, &context).find_ids(&ids, range, 1000).unwrap();
        let all = self.naive.find_ids(&CorrelationRules::default(), &ids, range);
        assert_eq!(found.spans, all, "{ids:?}");
        for limit in [1, 2, 5] {
            let found = ask(store, &context).find_ids(&ids, range, limit).unwrap();
            let first = &all[..all.len().min(limit)];
            assert_eq!((&*found.spans, found.truncated), (first, all.len() > limit), "{ids:?} {limit}");
        }
        assert_eq!(context.memory.used(), 0);
    }
}

fn any_span(random: &mut Rng) -> Span {
    let trace = random.u32(0..TRACES);
    let number = random.u32(0..25);
    // Start and everything else follow from the identity, so that the same identity is the same span.
    let mut fixed = Rng::with_seed(u64::from(trace) << 32 | u64::from(number));
    let start =
        fixed.i64(0..WIDTH * PARTITIONS).min(i64::from(trace) * WIDTH * PARTITIONS / i64::from(TRACES) + 400_000);
    let mut span = span(trace, number, start);
    span.end = start + fixed.i64(-3..100);
    span.parent_span_id = (number > 0 && fixed.u8(0..10) > 0).then(|| span_id(fixed.u32(0..26)));
    span.kind = [SpanKind::Server, SpanKind::Client, SpanKind::Internal][fixed.usize(0..3)];
    span.name = ["get", "put", "publish"][fixed.usize(0..3)].into();
    span.status.code = [StatusCode::Unset, StatusCode::Ok, StatusCode::Error][fixed.usize(0..3)];
    span.resource = service(["front", "back", "queue"][fixed.usize(0..3)]);
    span.attributes = vec![
        Attribute::new("http.status", fixed.i64(200..206)),
        Attribute::new("task_id", format!("task:{:03}", fixed.u32(0..50))),
        Attribute::new("message", format!("m-{}", fixed.u64(0..1 << 40))),
        Attribute::new("state", ["\u{1b}[32mok\u{1b}[0m", "ok", "\u{1b}[31mtask-7001\u{1b}[0m"][fixed.usize(0..3)]),
        Attribute::new("tags", Value::Array(vec!["a".into(), ["b", "c"][fixed.usize(0..2)].into()])),
    ];
    if fixed.u8(0..3) == 0 {
        span.attributes.push(Attribute::new("upstream.trace_id", spelt(fixed.u64(0..8), fixed.u8(0..6))));
    }
    if fixed.u8(0..8) == 0 {
        span.links.push(SpanLink {
            trace_id: trace_id(fixed.u32(0..TRACES)),
            span_id: span_id(1),
            trace_state: "".into(),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            flags: 0,
        });
    }
    span
}

fn any_range(random: &mut Rng) -> TimeRange {
    if random.u8(0..3) == 0 {
        return TimeRange::ALL;
    }
    let start = random.i64(0..WIDTH * PARTITIONS);
    TimeRange::new(start, start + random.i64(0..WIDTH * 2))
}

fn any_query(random: &mut Rng) -> TraceQuery {
    let mut maybe = |percent: u8| random.u8(0..100) < percent;
    let (service, operation, kind, status, long, short, attribute, after) =
        (maybe(40), maybe(30), maybe(20), maybe(30), maybe(20), maybe(10), maybe(40), maybe(20));
    let tests = [
        ("http.status", FieldTest::Equals("203".into())),
        ("http.status", FieldTest::Compare(Comparison::Greater, 202.0)),
        ("task_id", FieldTest::Equals(format!("task:{:03}", random.u32(0..50)))),
        ("tags", FieldTest::Equals("c".into())),
        ("resource.host.name", FieldTest::Equals("host-queue".into())),
        ("host.name", FieldTest::Is("back".into())),
        ("upstream.trace_id", FieldTest::Equals(spelt(random.u64(0..8), random.u8(0..6)))),
        ("missing", FieldTest::Exists),
        ("state", FieldTest::Equals("ok".into())),
        ("state", FieldTest::Equals("task-7001".into())),
    ];
    let keys = [TraceKey::Time, TraceKey::Duration, TraceKey::Spans, TraceKey::Errors];
    let order = TraceOrder { key: keys[random.usize(0..keys.len())], ascending: random.u8(0..4) == 0 };
    let (key, test) = tests[random.usize(0..tests.len())].clone();
    TraceQuery {
        filter: TraceFilter {
            service: service.then(|| ["front", "back", "queue", "none"][random.usize(0..4)].to_owned()),
            operation: operation.then(|| ["get", "put", "publish"][random.usize(0..3)].to_owned()),
            kind: kind.then_some(SpanKind::Server),
            status: status.then_some(StatusCode::Error),
            min_duration: long.then(|| random.i64(0..100)),
            max_duration: short.then(|| random.i64(0..100)),
            attributes: if attribute { vec![AttributeTest { key: key.to_owned(), test }] } else { Vec::new() },
        },
        range: any_range(random),
        bounds: any_bounds(random),
        order,
        limit: random.usize(1..25),
        after: after.then(|| any_place(random, order.key)),
    }
}

/// Those of whole traces; most often none.
fn any_bounds(random: &mut Rng) -> TraceBounds {
    let mut maybe = |percent: u8| random.u8(0..100) < percent;
    let (long, short, started, failed) = (maybe(10), maybe(10), maybe(10), maybe(10));
    TraceBounds {
        min_duration: long.then(|| random.i64(0..WIDTH * 2)),
        max_duration: short.then(|| random.i64(0..WIDTH * 2)),
        started: started.then(|| any_range(random)),
        failed: failed.then(|| random.bool()),
    }
}

fn any_place(random: &mut Rng, key: TraceKey) -> TracePlace {
    let newest_match = random.i64(0..WIDTH * PARTITIONS);
    let value = match key {
        TraceKey::Time => newest_match,
        TraceKey::Duration => random.i64(0..WIDTH * 2),
        TraceKey::Spans | TraceKey::Errors => random.i64(0..12),
    };
    TracePlace { value, newest_match, trace_id: trace_id(random.u32(0..TRACES)) }
}

/// A 64-bit trace ID in one of the ways to write it.
fn spelt(n: u64, way: u8) -> String {
    let id = 0xa789_0b68_7652_0000 + n;
    match way {
        0 => format!("{id:016x}"),
        1 => format!("{id:032X}"),
        2 => format!("{id}"),
        3 => format!("0x{id:x}"),
        4 => format!("{id:x}:00f067aa0ba902b7:0:1"),
        _ => format!("Root=1-00000000-00000000{id:016x};Sampled=1"),
    }
}

fn any_ids(random: &mut Rng) -> Vec<CanonicalId> {
    if random.u8(0..3) == 0 {
        return CanonicalId::readings(&spelt(random.u64(0..8), random.u8(0..6)));
    }
    let one = match random.u8(0..4) {
        0 => trace_id(random.u32(0..TRACES)).into(),
        1 => span_id(random.u32(0..25)).into(),
        2 => CanonicalId::new(&format!("task:{:03}", random.u32(0..50))).unwrap(),
        _ => CanonicalId::new("nowhere").unwrap(),
    };
    vec![one, CanonicalId::new("task:007").unwrap()]
}

fn hits(page: TracePage) -> Vec<Hit> {
    let hit = |trace: clew_model::traces::TraceSummary| Hit {
        id: trace.trace_id,
        newest: trace.newest_match,
        matched: trace.matched,
        spans: trace.spans,
        errors: trace.errors,
        start: trace.start,
        duration: trace.duration,
        root: (trace.root_operation, trace.has_root),
        services: trace.services,
    };
    page.traces.into_iter().map(hit).collect()
}

#[test]
fn a_store_answers_as_a_plain_list_of_spans_whatever_happens_to_it() {
    for seed in 0..4 {
        let mut life = Life::new(seed);
        for step in 0..100 {
            life.step();
            if step % 5 == 0 {
                life.compare();
            }
        }
        life.store().seal().unwrap();
        while life.store().compact().unwrap().merged > 0 {}
        life.reopen();
        life.compare();
    }
}

#[test]
fn pages_lead_through_all_traces_without_repeating_one() {
    let mut life = Life::new(99);
    for _ in 0..30 {
        let spans = (0..20).map(|_| any_span(&mut life.random)).collect();
        life.apply(spans);
        if life.random.bool() {
            life.store().seal().unwrap();
        }
    }
    let mut query = TraceQuery {
        filter: TraceFilter::default(),
        range: TimeRange::ALL,
        bounds: TraceBounds::default(),
        order: TraceOrder::default(),
        limit: 7,
        after: None,
    };
    let mut found = Vec::new();
    loop {
        let page = ask(life.store(), &context()).search(&query).unwrap();
        query.after = page.next;
        found.extend(hits(page));
        if query.after.is_none() {
            break;
        }
    }
    query.limit = usize::MAX;
    assert_eq!(found, life.naive.search(&query));
}
