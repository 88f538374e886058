//! Random export requests that use every field, by seed.

use fastrand::Rng;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList, any_value::Value,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint, Metric,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    exponential_histogram_data_point::Buckets, metric::Data, number_data_point, summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};

/// Times that fit the model.
const MAX_TIME: u64 = i64::MAX as u64;

pub(crate) fn text(rng: &mut Rng) -> String {
    let pool =
        ["", "a", "http.method", "ü☃", "a value that is longer than what fits inline", "line\nbreak \"quoted\" \\"];
    match rng.u8(0..8) {
        choice @ 0..6 => pool[usize::from(choice)].to_owned(),
        _ => (0..rng.usize(0..40)).map(|_| rng.alphanumeric()).collect(),
    }
}

pub(crate) fn list<T>(rng: &mut Rng, most: usize, mut make: impl FnMut(&mut Rng) -> T) -> Vec<T> {
    (0..rng.usize(0..=most)).map(|_| make(rng)).collect()
}

fn number(rng: &mut Rng) -> f64 {
    match rng.u8(0..8) {
        0 => f64::INFINITY,
        1 => f64::NEG_INFINITY,
        2 => -0.0,
        3 => f64::from(rng.i32(-1000..1000)),
        4 => f64::from_bits(rng.u64(..) & !(0x7ff << 52) | 1 << 62),
        _ => rng.f64() * 1e6,
    }
}

fn int(rng: &mut Rng) -> i64 {
    if rng.bool() { rng.i64(-1000..1000) } else { rng.i64(..) }
}

fn time(rng: &mut Rng) -> u64 {
    if rng.u8(0..5) == 0 { 0 } else { rng.u64(0..=MAX_TIME) }
}

fn id(rng: &mut Rng, length: usize) -> Vec<u8> {
    match rng.u8(0..5) {
        0 => Vec::new(),
        1 => vec![0; length],
        _ => (0..length).map(|_| rng.u8(1..)).collect(),
    }
}

pub(crate) fn any(rng: &mut Rng, depth: u32) -> AnyValue {
    let choice = rng.u8(0..if depth == 0 { 6 } else { 8 });
    AnyValue {
        value: match choice {
            0 => None,
            1 => Some(Value::StringValue(text(rng))),
            2 => Some(Value::BoolValue(rng.bool())),
            3 => Some(Value::IntValue(int(rng))),
            4 => Some(Value::DoubleValue(number(rng))),
            5 => Some(Value::BytesValue(list(rng, 20, |rng| rng.u8(..)))),
            6 => Some(Value::ArrayValue(ArrayValue { values: list(rng, 3, |rng| any(rng, depth - 1)) })),
            _ => Some(Value::KvlistValue(KeyValueList { values: list(rng, 3, |rng| key_value(rng, depth - 1)) })),
        },
    }
}

fn key_value(rng: &mut Rng, depth: u32) -> KeyValue {
    let value = (rng.u8(0..10) > 0).then(|| any(rng, depth));
    KeyValue { key: text(rng), value, ..KeyValue::default() }
}

fn attributes(rng: &mut Rng) -> Vec<KeyValue> {
    list(rng, 5, |rng| key_value(rng, 3))
}

pub(crate) fn resource(rng: &mut Rng) -> Option<Resource> {
    let mut attributes = attributes(rng);
    for key in ["service.name", "service.namespace", "service.instance.id", "host.name"] {
        if rng.bool() {
            let value = Some(AnyValue { value: Some(Value::StringValue(text(rng))) });
            attributes.push(KeyValue { key: key.to_owned(), value, ..KeyValue::default() });
        }
    }
    (rng.u8(0..5) > 0).then(|| Resource { attributes, dropped_attributes_count: rng.u32(..), entity_refs: vec![] })
}

pub(crate) fn scope(rng: &mut Rng) -> Option<InstrumentationScope> {
    (rng.u8(0..5) > 0).then(|| InstrumentationScope {
        name: text(rng),
        version: text(rng),
        attributes: attributes(rng),
        dropped_attributes_count: rng.u32(..),
    })
}

pub(crate) fn logs(rng: &mut Rng) -> ExportLogsServiceRequest {
    let resource_logs = list(rng, 3, |rng| ResourceLogs {
        resource: resource(rng),
        scope_logs: list(rng, 3, |rng| ScopeLogs {
            scope: scope(rng),
            log_records: list(rng, 4, log_record),
            schema_url: text(rng),
        }),
        schema_url: text(rng),
    });
    ExportLogsServiceRequest { resource_logs }
}

fn log_record(rng: &mut Rng) -> LogRecord {
    LogRecord {
        time_unix_nano: time(rng),
        observed_time_unix_nano: time(rng),
        severity_number: rng.i32(-3..30),
        severity_text: text(rng),
        body: rng.bool().then(|| any(rng, 4)),
        attributes: attributes(rng),
        dropped_attributes_count: rng.u32(..),
        flags: rng.u32(..),
        trace_id: id(rng, 16),
        span_id: id(rng, 8),
        event_name: text(rng),
    }
}

pub(crate) fn traces(rng: &mut Rng) -> ExportTraceServiceRequest {
    let resource_spans = list(rng, 3, |rng| ResourceSpans {
        resource: resource(rng),
        scope_spans: list(rng, 3, |rng| ScopeSpans {
            scope: scope(rng),
            spans: list(rng, 4, one_span),
            schema_url: text(rng),
        }),
        schema_url: text(rng),
    });
    ExportTraceServiceRequest { resource_spans }
}

fn one_span(rng: &mut Rng) -> Span {
    Span {
        trace_id: id(rng, 16),
        span_id: id(rng, 8),
        trace_state: text(rng),
        parent_span_id: id(rng, 8),
        flags: rng.u32(..),
        name: text(rng),
        kind: rng.i32(-1..8),
        start_time_unix_nano: time(rng),
        end_time_unix_nano: time(rng),
        attributes: attributes(rng),
        dropped_attributes_count: rng.u32(..),
        events: list(rng, 3, |rng| span::Event {
            time_unix_nano: time(rng),
            name: text(rng),
            attributes: attributes(rng),
            dropped_attributes_count: rng.u32(..),
        }),
        dropped_events_count: rng.u32(..),
        links: list(rng, 3, |rng| span::Link {
            trace_id: id(rng, 16),
            span_id: id(rng, 8),
            trace_state: text(rng),
            attributes: attributes(rng),
            dropped_attributes_count: rng.u32(..),
            flags: rng.u32(..),
        }),
        dropped_links_count: rng.u32(..),
        status: rng.bool().then(|| Status { message: text(rng), code: rng.i32(-1..5) }),
    }
}

pub(crate) fn metrics(rng: &mut Rng) -> ExportMetricsServiceRequest {
    let resource_metrics = list(rng, 3, |rng| ResourceMetrics {
        resource: resource(rng),
        scope_metrics: list(rng, 2, |rng| ScopeMetrics {
            scope: scope(rng),
            metrics: list(rng, 4, metric),
            schema_url: text(rng),
        }),
        schema_url: text(rng),
    });
    ExportMetricsServiceRequest { resource_metrics }
}

fn metric(rng: &mut Rng) -> Metric {
    let temporality = if rng.u8(0..6) == 0 { rng.i32(0..2) } else { 2 };
    let data = match rng.u8(0..11) {
        0 => None,
        1 | 2 => Some(Data::Gauge(Gauge { data_points: list(rng, 3, number_point) })),
        3 | 4 => Some(Data::Sum(Sum {
            data_points: list(rng, 3, number_point),
            aggregation_temporality: temporality,
            is_monotonic: rng.bool(),
        })),
        5 | 6 => Some(Data::Histogram(Histogram {
            data_points: list(rng, 3, histogram_point),
            aggregation_temporality: temporality,
        })),
        7 | 8 => Some(Data::ExponentialHistogram(ExponentialHistogram {
            data_points: list(rng, 3, exponential_point),
            aggregation_temporality: temporality,
        })),
        _ => Some(Data::Summary(Summary { data_points: list(rng, 3, summary_point) })),
    };
    let units = ["", "1", "s", "By/s", "{request}", "weird unit"];
    Metric {
        name: if rng.u8(0..8) == 0 { String::new() } else { format!("metric.{}", rng.u8(0..6)) },
        description: text(rng),
        unit: units[rng.usize(0..units.len())].to_owned(),
        metadata: attributes(rng),
        data,
    }
}

fn flags(rng: &mut Rng) -> u32 {
    u32::from(rng.u8(0..6) == 0)
}

fn exemplars(rng: &mut Rng) -> Vec<Exemplar> {
    list(rng, 3, |rng| Exemplar {
        filtered_attributes: attributes(rng),
        time_unix_nano: time(rng),
        span_id: id(rng, 8),
        trace_id: id(rng, 16),
        value: match rng.u8(0..20) {
            0 => None,
            1..10 => Some(exemplar::Value::AsDouble(number(rng))),
            _ => Some(exemplar::Value::AsInt(int(rng))),
        },
    })
}

fn number_point(rng: &mut Rng) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(rng),
        start_time_unix_nano: time(rng),
        time_unix_nano: time(rng),
        exemplars: exemplars(rng),
        flags: flags(rng),
        value: match rng.u8(0..8) {
            0 => None,
            1..4 => Some(number_data_point::Value::AsDouble(number(rng))),
            _ => Some(number_data_point::Value::AsInt(int(rng))),
        },
    }
}

fn histogram_point(rng: &mut Rng) -> HistogramDataPoint {
    let mut explicit_bounds = list(rng, 6, |rng| f64::from(rng.i32(-20..20)) / 4.0);
    if rng.u8(0..6) > 0 {
        explicit_bounds.sort_by(f64::total_cmp);
        explicit_bounds.dedup();
    }
    let number = if rng.u8(0..6) == 0 { rng.usize(0..6) } else { explicit_bounds.len() + 1 };
    HistogramDataPoint {
        attributes: attributes(rng),
        start_time_unix_nano: time(rng),
        time_unix_nano: time(rng),
        count: rng.u64(0..1_000_000),
        sum: rng.bool().then(|| rng.f64()),
        bucket_counts: (0..number).map(|_| rng.u64(0..1000)).collect(),
        explicit_bounds,
        exemplars: exemplars(rng),
        flags: flags(rng),
        min: rng.bool().then(|| rng.f64()),
        max: rng.bool().then(|| rng.f64()),
    }
}

fn buckets(rng: &mut Rng) -> Option<Buckets> {
    rng.bool().then(|| Buckets {
        offset: rng.i32(-300..300),
        bucket_counts: list(rng, 30, |rng| if rng.bool() { 0 } else { rng.u64(0..300) }),
    })
}

fn exponential_point(rng: &mut Rng) -> ExponentialHistogramDataPoint {
    ExponentialHistogramDataPoint {
        attributes: attributes(rng),
        start_time_unix_nano: time(rng),
        time_unix_nano: time(rng),
        count: rng.u64(0..1_000_000),
        sum: rng.bool().then(|| rng.f64()),
        scale: rng.i32(-6..21),
        zero_count: rng.u64(0..100),
        positive: buckets(rng),
        negative: buckets(rng),
        flags: flags(rng),
        exemplars: exemplars(rng),
        min: None,
        max: Some(1.0),
        zero_threshold: if rng.bool() { 0.0 } else { rng.f64() },
    }
}

fn summary_point(rng: &mut Rng) -> SummaryDataPoint {
    SummaryDataPoint {
        attributes: attributes(rng),
        start_time_unix_nano: time(rng),
        time_unix_nano: time(rng),
        count: rng.u64(0..1000),
        sum: rng.f64(),
        quantile_values: list(rng, 4, |rng| ValueAtQuantile {
            quantile: f64::from(rng.u8(0..101)) / 100.0,
            // prost leaves out -0.0 as if it were the default
            value: number(rng) + 0.0,
        }),
        flags: flags(rng),
    }
}
