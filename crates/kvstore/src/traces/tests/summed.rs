//! Answers by what was counted of runs beside answers from every span.

use super::*;
use clew_model::traces::{Grain, SpanBatch, SpanScan};
use clew_model::{ReadMeter, Sink, TenantId};
use fastrand::Rng;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const BASE: i64 = 1_700_000_040 * SECOND;

/// A view that looks at every span.
struct Plain(Box<dyn TraceView>);

impl TraceView for Plain {
    fn scan(&self, context: &Context, scan: &SpanScan<'_>, sink: &dyn Sink<dyn SpanBatch>) -> Result<(), ReadError> {
        self.0.scan(context, &SpanScan { grain: Grain::Span, ..*scan }, sink)
    }
}

fn open_wide(dir: &Path) -> TraceStore {
    let options = TraceStoreOptions { partition_width: 86_400 * SECOND, ..TraceStoreOptions::default() };
    TraceStore::open(Arc::new(DiskFiles), dir, options, Arc::new(CorrelationRules::default())).unwrap()
}

/// A trace of some calls between services; `orphan` leaves the root out.
fn trace(number: u32, start: i64, random: &mut Rng, orphan: bool) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for place in 0..random.u32(1..7) {
        let parent = (place > 0).then(|| random.u32(0..place));
        let start = start + i64::from(place) * random.i64(0..2 * SECOND);
        let mut own = span(number, place, start);
        own.end = start + (random.i64(0..3 * SECOND) >> random.u32(0..31));
        own.parent_span_id = parent.map(span_id);
        own.kind = [SpanKind::Server, SpanKind::Client, SpanKind::Internal][random.usize(0..3)];
        own.name = format!("op {}", random.u8(0..5)).as_str().into();
        own.status.code = [StatusCode::Unset, StatusCode::Ok, StatusCode::Error][random.usize(0..3)];
        own.resource = service(["front", "back", "queue", "store"][random.usize(0..4)]);
        // As Zipkin's: the server's side has the ID of the client's.
        if own.kind == SpanKind::Client && random.u8(0..20) == 0 {
            let server = Span { kind: SpanKind::Server, resource: service("shared"), ..own.clone() };
            spans.push(server);
        }
        spans.push(own);
    }
    if orphan {
        spans.remove(0);
    }
    spans
}

/// An hour of traces in some runs, some merged, the last not sealed; some traces in parts, some spans sent twice.
fn history(store: &TraceStore, random: &mut Rng) {
    let mut late: Vec<Span> = Vec::new();
    for frame in 0..40u64 {
        let mut spans: Vec<Span> = std::mem::take(&mut late);
        for number in 0..60u32 {
            let start = BASE + frame as i64 * 90 * SECOND + random.i64(0..90 * SECOND);
            let orphan = random.u8(0..15) == 0;
            let mut own = trace(frame as u32 * 60 + number, start, random, orphan);
            if random.u8(0..20) == 0 {
                late.extend(own.pop());
            }
            if random.u8(0..40) == 0 {
                late.extend(own.first().cloned());
            }
            spans.extend(own);
        }
        store.apply(frame + 1, &TenantId::default(), spans);
        if frame < 36 && random.u8(0..3) == 0 {
            store.seal().unwrap();
        }
        if random.u8(0..8) == 0 {
            while store.compact().unwrap().merged > 0 {}
        }
    }
}

fn check(store: &TraceStore, range: TimeRange, step: i64) {
    let context = context();
    let (told, plain) = (store.view(&context), Plain(store.view(&context)));
    let both: [&dyn TraceView; 2] = [&*told, &plain];
    let services = both.map(|view| questions::services(&context, view, range).unwrap());
    assert_eq!(services[0], services[1], "{range:?}");
    let edges = both.map(|view| questions::service_edges(&context, view, range).unwrap());
    assert_eq!(edges[0], edges[1], "{range:?}");
    for name in ["front", "shared", "nobody"] {
        let story = both.map(|view| questions::service(&context, view, name, range, step).unwrap());
        assert_eq!(story[0], story[1], "{name} {range:?} by {step}");
    }
}

#[test]
fn what_was_counted_answers_as_the_spans_do() {
    for seed in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        let store = open_wide(dir.path());
        let random = &mut Rng::with_seed(seed);
        history(&store, random);
        for _ in 0..30 {
            let start = BASE + random.i64(-10 * MINUTE..60 * MINUTE);
            let range = match random.u8(0..3) {
                0 => TimeRange::new(BASE - MINUTE, BASE + 120 * MINUTE),
                1 => TimeRange::new(start, BASE + 120 * MINUTE),
                _ => TimeRange::new(start, start + random.i64(0..40 * MINUTE)),
            };
            let step = [MINUTE, 5 * MINUTE, 15 * SECOND, 7 * SECOND][random.usize(0..4)];
            check(&store, range, step);
        }
        store.seal().unwrap();
        while store.compact().unwrap().merged > 0 {}
        check(&store, TimeRange::new(BASE, BASE + 60 * MINUTE), MINUTE);
    }
}

/// Bytes that a question reads.
fn bytes_read(store: &TraceStore, ask: impl Fn(&Context, &dyn TraceView), is_plain: bool) -> u64 {
    let context = Context { read: ReadMeter::default(), ..context() };
    let view = store.view(&context);
    match is_plain {
        true => ask(&context, &Plain(view)),
        false => ask(&context, &*view),
    }
    context.read.bytes()
}

#[test]
fn questions_about_services_read_counts_instead_of_spans() {
    let dir = tempfile::tempdir().unwrap();
    let store = open_wide(dir.path());
    let random = &mut Rng::with_seed(1);
    for frame in 0..10u32 {
        let start = |number: u32| BASE + i64::from(frame * 300 + number) * 3_600 * SECOND / 3_000;
        let spans =
            (0..300).flat_map(|number| trace(frame * 300 + number, start(number), random, false)).collect::<Vec<_>>();
        store.apply(u64::from(frame) + 1, &TenantId::default(), spans);
    }
    store.seal().unwrap();
    let all = TimeRange::new(BASE - MINUTE, BASE + 120 * MINUTE);
    let part = TimeRange::new(BASE + 100 * SECOND, BASE + 50 * MINUTE + 7);
    let check = |name: &str, least: u64, ask: &dyn Fn(&Context, &dyn TraceView)| {
        let [told, plain] = [false, true].map(|is_plain| bytes_read(&store, ask, is_plain));
        assert!(told * least < plain, "{name}: {told} bytes instead of {plain}");
    };
    // The first question also reads where traces stand.
    check("first", 10, &|context, view| drop(questions::services(context, view, all).unwrap()));
    for (range, least) in [(all, 20), (part, 2)] {
        check("services", least, &|context, view| drop(questions::services(context, view, range).unwrap()));
        check("calls", least, &|context, view| drop(questions::service_edges(context, view, range).unwrap()));
    }
    for range in [all, part] {
        check("one service", 3, &|context, view| {
            drop(questions::service(context, view, "front", range, MINUTE).unwrap())
        });
    }
}
