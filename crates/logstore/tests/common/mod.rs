//! Random log records, and the naive model that the store must agree with.

#![allow(dead_code, clippy::unwrap_used)]

use clew_model::correlation::CorrelationRules;
use clew_model::logs::*;
use clew_model::*;
use clew_query::logs::sinks;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const DAY: i64 = 86_400 * 1_000_000_000;

pub(crate) fn rules() -> Arc<CorrelationRules> {
    let pattern = regex::Regex::new("job-[0-9]+").unwrap();
    Arc::new(CorrelationRules::new(["task_id", "correlation_id"], [pattern]))
}

/// A context whose questions run on several threads every other time.
pub(crate) fn context() -> Context {
    static TURN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let alone = TURN.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(2);
    let executor: Arc<dyn Executor> = if alone { Arc::new(Serial) } else { Arc::new(Threads) };
    Context { executor, ..Context::new(Duration::from_secs(60), 1 << 30) }
}

/// Always as many threads as are asked for, up to four.
#[derive(Debug)]
pub(crate) struct Threads;

impl Executor for Threads {
    fn workers(&self) -> usize {
        4
    }

    fn run(&self, extra: usize, work: &(dyn Fn() + Sync)) {
        std::thread::scope(|scope| {
            (0..extra).for_each(|_| drop(scope.spawn(work)));
            work();
        });
    }
}

/// The questions, each on a view of its own.
pub(crate) trait Questions {
    fn search(&self, context: &Context, query: &LogQuery) -> Result<LogPage, ReadError>;
    fn arrivals(
        &self,
        context: &Context,
        filter: &LogFilter,
        numbers: Range<u64>,
        limit: usize,
    ) -> Result<LogArrivals, ReadError>;
    fn histogram(
        &self,
        context: &Context,
        filter: &LogFilter,
        range: TimeRange,
        step: i64,
    ) -> Result<LogHistogram, ReadError>;
    fn fields(
        &self,
        context: &Context,
        filter: &LogFilter,
        range: TimeRange,
        top: usize,
    ) -> Result<LogFields, ReadError>;
    fn field_values(
        &self,
        context: &Context,
        name: &str,
        filter: &LogFilter,
        range: TimeRange,
        limit: usize,
    ) -> Result<LogFieldValues, ReadError>;
    fn find_ids(
        &self,
        context: &Context,
        ids: &[CanonicalId],
        range: TimeRange,
        limit: usize,
    ) -> Result<LogPage, ReadError>;
}

impl<R: LogReader + ?Sized> Questions for R {
    fn search(&self, context: &Context, query: &LogQuery) -> Result<LogPage, ReadError> {
        sinks::search(context, &*self.view(context), query)
    }

    fn arrivals(
        &self,
        context: &Context,
        filter: &LogFilter,
        numbers: Range<u64>,
        limit: usize,
    ) -> Result<LogArrivals, ReadError> {
        sinks::arrivals(context, &*self.view(context), filter, numbers, limit)
    }

    fn histogram(
        &self,
        context: &Context,
        filter: &LogFilter,
        range: TimeRange,
        step: i64,
    ) -> Result<LogHistogram, ReadError> {
        sinks::histogram(context, &*self.view(context), filter, range, step)
    }

    fn fields(
        &self,
        context: &Context,
        filter: &LogFilter,
        range: TimeRange,
        top: usize,
    ) -> Result<LogFields, ReadError> {
        sinks::fields(context, &*self.view(context), filter, range, top)
    }

    fn field_values(
        &self,
        context: &Context,
        name: &str,
        filter: &LogFilter,
        range: TimeRange,
        limit: usize,
    ) -> Result<LogFieldValues, ReadError> {
        sinks::field_values(context, &*self.view(context), name, filter, range, limit)
    }

    fn find_ids(
        &self,
        context: &Context,
        ids: &[CanonicalId],
        range: TimeRange,
        limit: usize,
    ) -> Result<LogPage, ReadError> {
        sinks::find_ids(context, &*self.view(context), ids, range, limit)
    }
}

pub(crate) fn record(random: &mut fastrand::Rng, time: i64) -> LogRecord {
    let n = random.u32(..40);
    let body = match random.u8(..8) {
        0 => format!("request {n} took {}ms", random.u32(..500)),
        1 => format!("user u{n} logged in from 10.0.0.{n}"),
        2 => format!("cache miss for key {:016x}", random.u64(..)),
        3 => format!("finished job-{n} with Code_{n}"),
        4 => "connection reset by peer".to_owned(),
        5 => format!("{:?}", random.u128(..)),
        6 => format!("用户u{n}登录失败{n}次"),
        _ => "größe überschritten".to_owned(),
    };
    let mut attributes = vec![
        Attribute::new("http.status", i64::from(random.u16(200..204))),
        Attribute::new("host", format!("node-{}", random.u8(..4))),
    ];
    if random.bool() {
        let inner = vec![Attribute::new("task_id", format!("task:{:03}", n)), Attribute::new("n", f64::from(n) / 4.0)];
        attributes.push(Attribute::new("context", Value::Map(inner)));
    }
    if random.u8(..4) == 0 {
        attributes.push(Attribute::new("tags", Value::Array(vec!["redis".into(), format!("tag{}", n % 5).into()])));
    }
    if random.bool() {
        attributes.push(Attribute::new("correlation_id", format!("{:08x}-0000-4000-8000-{n:012x}", n % 8)));
    }
    if random.bool() {
        attributes.push(Attribute::new("took", number(n % 6, random.u8(..7))));
    }
    if random.u8(..3) == 0 {
        let name = ["dd.trace_id", "upstream", "parentSpanId"][random.usize(..3)];
        attributes.push(Attribute::new(name, spelt(n % 8, random.u8(..9))));
    }
    let resource = (random.u8(..3) > 0).then(|| {
        let region = format!("region-{}", n % 3);
        Arc::new(Resource { attributes: vec![Attribute::new("cloud.region", region)], ..Resource::default() })
    });
    LogRecord {
        time,
        observed_time: time + random.i64(0..3),
        severity: Severity::from_number(random.i64(0..25)),
        severity_text: if random.bool() { "WARN".into() } else { "".into() },
        body: body.into(),
        service: format!("svc-{}", random.u8(..4)).into(),
        trace_id: match random.u8(..6) {
            0 | 1 => Some(TraceId([random.u8(1..9); 16])),
            2 => Some(TraceId::from_64_bits(SpanId(short_id(n % 8).to_be_bytes()))),
            _ => None,
        },
        span_id: (random.u8(..3) == 0).then(|| SpanId([random.u8(1..9); 8])),
        attributes,
        resource: resource.unwrap_or_default(),
        ..LogRecord::default()
    }
}

/// Half a small number in one of the notations in which clients send it.
fn number(n: u32, notation: u8) -> Value {
    let half = f64::from(n) / 2.0;
    match notation {
        0 if n.is_multiple_of(2) => Value::Int(i64::from(n / 2)),
        0 | 1 => Value::Double(half),
        2 => Value::Number(clew_model::Number(format!("{half:.3}").into())),
        3 => Value::Number(clew_model::Number(format!("{}e-1", n * 5).into())),
        4 => Value::from(format!("{half}").as_str()),
        5 => Value::from(format!("0{half:.2}").as_str()),
        _ => Value::from(format!("{half} of {n}").as_str()),
    }
}

/// A 64-bit ID of 16 hex digits with letters, and of 20 decimal digits.
pub(crate) fn short_id(n: u32) -> u64 {
    0xa789_0b68_7652_0000 + u64::from(n)
}

/// The same in one of the ways to write it.
pub(crate) fn spelt(n: u32, way: u8) -> String {
    let id = short_id(n);
    match way {
        0 => format!("{id:016x}"),
        1 => format!("{id:032x}"),
        2 => format!("{id:016X}"),
        3 => format!("{id}"),
        4 => format!("0x{id:x}"),
        5 => format!("{id:x}:00f067aa0ba902b7:0:1"),
        6 => format!("00-{id:032x}-00f067aa0ba902b7-01"),
        7 => format!("{id:016x}-00f067aa0ba902b7-1"),
        _ => format!("projects/p/traces/{id:032x}"),
    }
}

pub(crate) fn filter(random: &mut fastrand::Rng) -> LogFilter {
    let n = random.u32(..40);
    let words = |text: &str| TextTest::words(text);
    let field = |name: &str, test: FieldTest| LogFilter::Field { name: name.into(), test };
    match random.u8(..24) {
        21 => LogFilter::AnyText(words(&format!("u{n}登录"))),
        22 => LogFilter::Message(TextTest::Substring("登录失败".into())),
        20 => field("took", FieldTest::Is(number(n % 6, random.u8(..7)).display_text().into_owned())),
        0 => LogFilter::All,
        18 => field("trace_id", FieldTest::Is(spelt(n % 8, random.u8(..9)))),
        23 => field("trace_id", FieldTest::Is(format!("[{:032x}],", short_id(n % 8)))),
        19 => field("dd.trace_id", FieldTest::Is(spelt(n % 8, random.u8(..9)))),
        1 => LogFilter::AnyText(words("request")),
        2 => LogFilter::AnyText(words(&format!("u{n}"))),
        3 => LogFilter::Message(words("reset by peer")),
        4 => LogFilter::Message(TextTest::Substring("miss for".into())),
        5 => field("task_id", FieldTest::Is(format!("task:{n:03}"))),
        6 => field("context.n", FieldTest::Compare(Comparison::Less, 4.0)),
        7 => field("host", FieldTest::Equals(format!("node-{}", n % 5))),
        8 => field("level", FieldTest::Is("error".into())),
        9 => field("tags", FieldTest::Is(format!("tag{}", n % 6))),
        10 => field("cloud.region", FieldTest::Equals(format!("region-{}", n % 4))),
        11 => field("service", FieldTest::Is("svc-1".into())),
        12 => LogFilter::SeverityBetween(9, 16),
        13 => field("correlation_id", FieldTest::Is(format!("{:08x}000040008000{n:012x}", n % 8))),
        14 => LogFilter::Not(Box::new(filter(random))),
        15 => LogFilter::And(vec![filter(random), filter(random)]),
        16 => LogFilter::Or(vec![filter(random), filter(random)]),
        _ => field("trace_id", FieldTest::Is(TraceId([random.u8(1..9); 16]).to_string())),
    }
}

/// All rows that a store should have, in a list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub rows: Vec<LogRow>,
    pub cutoff: Option<i64>,
}

impl Model {
    pub(crate) fn push(&mut self, first: u64, records: &[LogRecord]) {
        let row = |(number, record): (u64, &LogRecord)| LogRow {
            id: RecordId { time: record.time, number },
            record: record.clone(),
        };
        self.rows.extend((first..).zip(records).map(row));
    }

    pub(crate) fn passing(&self, filter: &LogFilter, range: TimeRange) -> Vec<LogRow> {
        let kept = |row: &&LogRow| self.cutoff.is_none_or(|cutoff| row.id.time >= cutoff);
        let passes = |row: &&LogRow| range.contains(row.id.time) && filter.matches(&row.record);
        let mut rows: Vec<LogRow> = self.rows.iter().filter(kept).filter(passes).cloned().collect();
        rows.sort_by_key(|row| row.id);
        rows
    }

    pub(crate) fn histogram(&self, filter: &LogFilter, range: TimeRange, step: i64) -> Vec<LogHistogramBucket> {
        let first = range.start.div_euclid(step);
        let count = range.end.div_euclid(step) - first + 1;
        let mut buckets: Vec<_> =
            (0..count).map(|at| LogHistogramBucket { start: (first + at) * step, counts: [0; 7] }).collect();
        for row in self.passing(filter, range) {
            let range = match row.record.severity.number() {
                0 => 0,
                n => 1 + usize::from((n - 1) / 4),
            };
            buckets[(row.id.time.div_euclid(step) - first) as usize].counts[range] += 1;
        }
        buckets
    }

    pub(crate) fn values(&self, name: &str, filter: &LogFilter, range: TimeRange) -> (u64, BTreeMap<String, u64>) {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut records = 0;
        for row in self.passing(filter, range) {
            let mut values = BTreeSet::new();
            row.record.visit_counted(name, &mut |text| {
                values.insert(text.to_owned());
            });
            records += u64::from(!values.is_empty());
            values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
        }
        (records, counts)
    }

    pub(crate) fn fields(&self, filter: &LogFilter, range: TimeRange) -> HashMap<String, (u64, BTreeMap<String, u64>)> {
        let mut fields: HashMap<String, (u64, BTreeMap<String, u64>)> = HashMap::new();
        for row in self.passing(filter, range) {
            let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
            row.record.visit_listed(&mut |name, text| {
                values.entry(name.to_owned()).or_default().insert(text.to_owned());
            });
            for (name, values) in values {
                let field = fields.entry(name).or_default();
                field.0 += 1;
                values.into_iter().for_each(|value| *field.1.entry(value).or_default() += 1);
            }
        }
        fields
    }

    pub(crate) fn carrying(&self, ids: &[CanonicalId], range: TimeRange, rules: &CorrelationRules) -> Vec<LogRow> {
        let mut rows = self.passing(&LogFilter::All, range);
        rows.retain(|row| {
            let mut found = false;
            rules.visit_log(&row.record, &mut |carried| found |= ids.contains(&carried.id));
            found
        });
        rows
    }
}

/// Reads all pages of a query and checks that they fit together.
pub(crate) fn all_pages(store: &dyn LogReader, mut query: LogQuery) -> Vec<LogRow> {
    let mut rows = Vec::new();
    loop {
        let page = store.search(&context(), &query).unwrap();
        assert_eq!(page.warnings, Vec::<String>::new());
        assert!(page.rows.len() <= query.limit);
        rows.extend(page.rows);
        match page.next {
            None => return rows,
            next => query.after = next,
        }
    }
}
