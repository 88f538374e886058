//! Prometheus remote write 1.0 and 2.0 (<https://prometheus.io/docs/specs/prw/>): the unpacked messages
//! `prometheus.WriteRequest` and `io.prometheus.write.v2.Request`, read in place.
//!
//! A series whose labels cannot be taken, and a histogram whose buckets contradict themselves, is refused by itself with all
//! its samples; the others are kept. Malformed protobuf fails the body.

mod histogram;
mod labels;
mod v1;
mod v2;

pub use v1::decode as decode_v1;
pub use v2::decode as decode_v2;

use clew_model::metrics::MetricType;

/// The type of a metric by its number in `MetricMetadata.MetricType`, the same in both versions; an unknown number is an
/// unknown type.
fn metric_type(number: i64) -> MetricType {
    match number {
        1 => MetricType::Counter,
        2 => MetricType::Gauge,
        3 => MetricType::Histogram,
        4 => MetricType::GaugeHistogram,
        5 => MetricType::Summary,
        6 => MetricType::Info,
        7 => MetricType::StateSet,
        _ => MetricType::Unknown,
    }
}
