//! Records made of their numbers, sent to a server, and read back.

use crate::model::{Record, Shown};
use clew_app::reads::{About, Plan};
use clew_app::signal::SignalStore as _;
use clew_app::{App, AppError, Protocol};
use clew_codec::error::Decoded;
use clew_model::logs::{LogFilter, LogQuery, LogRecord, Order};
use clew_model::metrics::{Labels, MetricBatch, Sample};
use clew_model::traces::Span;
use clew_model::{Caller, SpanId, TimeRange, TraceId, Value};
use std::sync::Arc;

const MILLI: i64 = 1_000_000;
const SERIES: u64 = 7;
const TRACES: u64 = 5;

fn decoded<T>(records: T) -> Decoded<T> {
    Decoded::of(records)
}

fn trace_id(number: u64) -> TraceId {
    let mut id = [9; 16];
    id[15] = (number % TRACES) as u8;
    TraceId(id)
}

/// Sends a request; true when all of it was acknowledged.
pub(crate) async fn send(app: &App, signal: usize, records: &[Record]) -> Result<bool, AppError> {
    let (caller, protocol) = (&Caller::anonymous(), Protocol::OtlpHttp);
    let outcome = match signal {
        0 => {
            let log = |record: &Record| LogRecord {
                time: record.time,
                body: format!("record {} of many", record.number).as_str().into(),
                ..LogRecord::default()
            };
            app.ingest_logs(caller, protocol, decoded(records.iter().map(log).collect())).await?
        }
        1 => {
            let name = |record: &Record| Labels::new([("__name__", "m"), ("n", &(record.number % SERIES).to_string())]);
            let sample = |(place, record): (usize, &Record)| Sample {
                series: place as u32,
                time: record.time / MILLI,
                value: record.number as f64,
            };
            let batch = MetricBatch {
                series: records.iter().map(|record| name(record).unwrap()).collect(),
                samples: records.iter().enumerate().map(sample).collect(),
                ..MetricBatch::default()
            };
            app.ingest_metrics(caller, protocol, decoded(batch)).await?
        }
        _ => {
            let span = |record: &Record| {
                let new = Span::new(trace_id(record.number), SpanId(record.number.to_be_bytes()));
                Span { start: record.time, end: record.time + 5, ..new }
            };
            app.ingest_traces(caller, protocol, decoded(records.iter().map(span).collect())).await?
        }
    };
    Ok(outcome.rejected == 0)
}

/// Everything that queries find.
pub(crate) async fn read(app: &Arc<App>) -> Result<Shown, AppError> {
    let plan = Plan::new(About::new("test"), |context, stores| {
        let mut shown = Shown::default();
        let query = LogQuery {
            filter: LogFilter::All,
            range: TimeRange::ALL,
            order: Order::Ascending,
            limit: 1_000_000,
            after: None,
        };
        let [logs, metrics, traces] = &mut shown.records;
        for row in clew_query::logs::sinks::search(context, &*stores.logs.view(context), &query)?.rows {
            let Value::String(body) = &row.record.body else { panic!("a body is no text") };
            let number = body.split(' ').nth(1).unwrap().parse().unwrap();
            logs.entry(number).or_default().push(row.record.time);
        }
        let view = stores.metrics.view(context);
        for series in clew_query::metrics::samples(context, &*view, &[], TimeRange::ALL)? {
            for (time, value) in series.times.iter().zip(&series.values) {
                metrics.entry(*value as u64).or_default().push(time * MILLI);
            }
        }
        let view = stores.traces.view(context);
        for number in 0..TRACES {
            for span in clew_query::traces::trace(context, &*view, trace_id(number))?.spans {
                traces.entry(u64::from_be_bytes(span.span_id.0)).or_default().push(span.start);
            }
        }
        Ok(shown)
    });
    let mut shown = app.ask(&Caller::anonymous(), plan).await?;
    shown.kept_from =
        [app.logs().store().kept_from(), app.metrics().store().kept_from(), app.traces().store().kept_from()];
    Ok(shown)
}
