//! Some records of each signal, by their numbers.

use clew_model::logs::LogRecord;
use clew_model::metrics::{Labels, MetricBatch, Sample};
use clew_model::traces::{Span, SpanEvent};
use clew_model::{Attribute, Resource, SpanId, TraceId, Value};
use std::sync::Arc;

/// When all of them are.
pub(crate) const NOW: i64 = 1_700_000_000_000_000_000;

fn attribute(key: &str, value: impl Into<Value>) -> Attribute {
    Attribute { key: key.into(), value: value.into() }
}

/// A log record of some service, with an ID, a number, a text and a nested value.
pub(crate) fn log(number: u64) -> LogRecord {
    let service = attribute("service.name", ["api", "worker"][number as usize % 2]);
    LogRecord {
        time: NOW + number as i64 * 1_000_000,
        body: format!("request {number} of user-{} took {} ms: \u{1b}[31mslow\u{1b}[0m", number % 3, number * 7)
            .as_str()
            .into(),
        trace_id: Some(TraceId([1 + (number % 4) as u8; 16])),
        attributes: vec![
            attribute("request_id", format!("req-{number:08x}").as_str()),
            attribute("count", Value::Int(number as i64)),
            attribute("ratio", Value::Double(number as f64 / 3.0)),
            attribute("nested", Value::Array(vec![Value::Bool(true), Value::Int(3)])),
        ],
        resource: Arc::new(Resource { attributes: vec![service], ..Resource::default() }),
        ..LogRecord::default()
    }
}

/// A span with an event.
pub(crate) fn span(number: u64) -> Span {
    let new = Span::new(TraceId([1 + (number / 4) as u8; 16]), SpanId((number + 1).to_be_bytes()));
    let start = NOW + number as i64 * 1_000_000;
    let event = SpanEvent { time: start + 5, name: "retry".into(), ..SpanEvent::default() };
    Span {
        name: ["GET /a", "SELECT"][number as usize % 2].into(),
        start,
        end: start + 1_000 * number as i64,
        attributes: vec![attribute("http.status_code", Value::Int(200 + number as i64 % 3))],
        events: vec![event],
        resource: Arc::new(Resource { attributes: vec![attribute("service.name", "api")], ..Resource::default() }),
        ..new
    }
}

/// Some samples of a few series.
pub(crate) fn batch(numbers: std::ops::Range<u64>) -> MetricBatch {
    let labels = |number: u64| {
        let name = ["requests_total", "latency_bucket"][number as usize % 2];
        Labels::new([("__name__", name), ("le", &format!("{}", number % 3)), ("job", "a")]).unwrap()
    };
    let sample = |(place, number): (usize, u64)| Sample {
        series: place as u32,
        time: NOW / 1_000_000 + number as i64 * 15_000,
        value: number as f64 * 1.5,
    };
    MetricBatch {
        series: numbers.clone().map(labels).collect(),
        samples: numbers.enumerate().map(sample).collect(),
        ..MetricBatch::default()
    }
}
