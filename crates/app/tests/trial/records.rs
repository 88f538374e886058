//! Records made of their numbers, sent to a server, and read back.

use super::ledger::{Record, Shown};
use super::{DAY, MILLI};
use clew_app::reads::{About, Plan, Warned};
use clew_app::signal::SignalStore as _;
use clew_app::{App, AppError, Protocol};
use clew_codec::error::Decoded;
use clew_model::logs::{LogFilter, LogQuery, LogRecord, Order};
use clew_model::metrics::{Labels, MetricBatch, Sample};
use clew_model::traces::Span;
use clew_model::{Caller, SpanId, TimeRange, TraceId, Value};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How records lie in series and traces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub series: u64,
    pub traces: u64,
    /// So many numbers, one after the other, are of one trace.
    pub spans: u64,
}

/// New records, numbered from `first` on, of the days before `now` that are `kept`; mostly of one day. A number has a
/// millisecond of its day of its own, so that no two samples of a series have the same time.
pub(crate) fn new_records(
    rng: &mut Rng,
    first: u64,
    count: impl FnOnce(&mut Rng) -> u64,
    now: i64,
    kept: i64,
) -> Vec<Record> {
    let (usual, count) = (rng.i64(0..kept), count(rng));
    let record = |number: u64| {
        let day = if rng.u8(..5) == 0 { rng.i64(0..kept) } else { usual };
        let midnight = (now.div_euclid(DAY) - day - 1) * DAY;
        Record { number, time: midnight + number as i64 * MILLI }
    };
    (first..first + count).map(record).collect()
}

/// What one signal shows.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Found {
    /// By number, the time of each copy.
    pub records: BTreeMap<u64, Vec<i64>>,
    pub warnings: Vec<String>,
}

impl Warned for Found {
    fn warn(&mut self, mut warnings: Vec<String>) {
        self.warnings.append(&mut warnings);
    }
}

impl Shape {
    fn trace_id(self, number: u64) -> TraceId {
        let mut id = [9; 16];
        id[8..].copy_from_slice(&(number / self.spans % self.traces).to_be_bytes());
        TraceId(id)
    }

    /// Sends a request; true when all of it was acknowledged.
    pub(crate) async fn send(self, app: &App, signal: usize, records: &[Record]) -> Result<bool, AppError> {
        let (caller, protocol) = (&Caller::anonymous(), Protocol::OtlpHttp);
        let outcome = match signal {
            0 => {
                let log = |record: &Record| LogRecord {
                    time: record.time,
                    body: format!("record {} of many", record.number).as_str().into(),
                    ..LogRecord::default()
                };
                app.ingest_logs(caller, protocol, Decoded::of(records.iter().map(log).collect())).await?
            }
            1 => {
                let name = |record: &Record| {
                    Labels::new([("__name__", "m"), ("n", &(record.number % self.series).to_string())]).unwrap()
                };
                let sample = |(place, record): (usize, &Record)| Sample {
                    series: place as u32,
                    time: record.time / MILLI,
                    value: record.number as f64,
                };
                let batch = MetricBatch {
                    series: records.iter().map(name).collect(),
                    samples: records.iter().enumerate().map(sample).collect(),
                    ..MetricBatch::default()
                };
                app.ingest_metrics(caller, protocol, Decoded::of(batch)).await?
            }
            _ => {
                let span = |record: &Record| {
                    let id = SpanId((record.number + 1).to_be_bytes());
                    let new = Span::new(self.trace_id(record.number), id);
                    Span { start: record.time, end: record.time + 5, ..new }
                };
                app.ingest_traces(caller, protocol, Decoded::of(records.iter().map(span).collect())).await?
            }
        };
        Ok(outcome.rejected == 0)
    }

    /// Everything that queries find of one signal.
    pub(crate) async fn find(self, app: &Arc<App>, signal: usize) -> Result<Found, AppError> {
        let plan = match signal {
            0 => Plan::new(About::new("logs"), |context, stores| {
                let query = LogQuery {
                    filter: LogFilter::All,
                    range: TimeRange::ALL,
                    order: Order::Ascending,
                    limit: 1_000_000,
                    after: None,
                };
                let page = clew_query::logs::sinks::search(context, &*stores.logs.view(context), &query)?;
                let mut found = Found { warnings: page.warnings, ..Found::default() };
                for row in page.rows {
                    let Value::String(body) = &row.record.body else { panic!("a body is no text") };
                    let number = body.split(' ').nth(1).unwrap().parse().unwrap();
                    found.records.entry(number).or_default().push(row.record.time);
                }
                Ok(found)
            }),
            1 => Plan::new(About::new("metrics"), |context, stores| {
                let mut found = Found::default();
                let view = stores.metrics.view(context);
                for series in clew_query::metrics::samples(context, &*view, &[], TimeRange::ALL)? {
                    assert!(series.labels.get("n").is_some(), "a series without its labels");
                    for (time, value) in series.times.iter().zip(&series.values) {
                        found.records.entry(*value as u64).or_default().push(time * MILLI);
                    }
                }
                Ok(found)
            }),
            _ => Plan::new(About::new("traces"), move |context, stores| {
                let mut found = Found::default();
                let view = stores.traces.view(context);
                for trace in 0..self.traces {
                    let id = self.trace_id(trace * self.spans);
                    for span in clew_query::traces::trace(context, &*view, id)?.spans {
                        let number = u64::from_be_bytes(span.span_id.0) - 1;
                        found.records.entry(number).or_default().push(span.start);
                    }
                }
                Ok(found)
            }),
        };
        app.ask(&Caller::anonymous(), plan).await
    }

    /// Everything that queries find; nothing may be missing, or even said to be.
    pub(crate) async fn read(self, app: &Arc<App>) -> Result<Shown, AppError> {
        let mut shown = Shown { kept_from: kept_from(app), ..Shown::default() };
        for (signal, records) in shown.records.iter_mut().enumerate() {
            let found = self.find(app, signal).await?;
            assert_eq!(found.warnings, Vec::<String>::new());
            *records = found.records;
        }
        Ok(shown)
    }
}

/// From when on each signal keeps its records.
pub(crate) fn kept_from(app: &App) -> [i64; 3] {
    [app.logs().store().kept_from(), app.metrics().store().kept_from(), app.traces().store().kept_from()]
}
