//! Seeded corpora: the same records for the same seed and the same end of time, on every machine.
//!
//! They tell of one system of [`SERVICES`] on [`HOSTS`] hosts that serves requests. The request with number `n` has the
//! same trace ID and the same correlation ID in logs and traces, so that one question can cross the signals.

pub mod logs;
pub mod metrics;
pub mod traces;

use fastrand::Rng;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;

/// The services of the system.
pub const SERVICES: [&str; 30] = [
    "checkout",
    "payments",
    "ledger",
    "catalog",
    "search",
    "basket",
    "shipping",
    "invoice",
    "identity",
    "sessions",
    "mailer",
    "gateway",
    "frontend",
    "pricing",
    "stock",
    "reviews",
    "ranking",
    "images",
    "orders",
    "refunds",
    "fraud",
    "planner",
    "executor",
    "critic",
    "memory",
    "tools",
    "router",
    "scheduler",
    "webhooks",
    "reports",
];

/// How many hosts they run on.
pub const HOSTS: usize = 50;

/// How much time a corpus covers, in nanoseconds: the hour before its end.
pub const COVERED_NANOS: u64 = 3_600_000_000_000;

/// What a request is known by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId {
    /// Its trace.
    pub trace: [u8; 16],
    /// Its correlation ID, such as `req-0a1b2c3d4e5f`.
    pub correlation: String,
}

/// The IDs of the request with number `number`.
#[must_use]
pub fn request(seed: u64, number: u64) -> RequestId {
    let mut rng = Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    RequestId { trace: rng.u128(1..).to_be_bytes(), correlation: format!("req-{:012x}", rng.u64(..1 << 48)) }
}

/// The lower-case hex digits of some bytes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The time of record `index` of `count` that are spread evenly over the hour before `end`, with some jitter: records
/// come nearly, not quite, in order.
fn time_of(index: usize, count: usize, end: u64, rng: &mut Rng) -> u64 {
    let step = COVERED_NANOS / count.max(1) as u64;
    let jitter = rng.u64(..step.saturating_mul(20).max(1));
    (end - COVERED_NANOS + step * index as u64 + jitter).min(end)
}

fn text(value: impl Into<String>) -> AnyValue {
    AnyValue { value: Some(any_value::Value::StringValue(value.into())) }
}

fn attribute(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

fn integer(value: i64) -> AnyValue {
    AnyValue { value: Some(any_value::Value::IntValue(value)) }
}

fn resource(service: &str, host: usize) -> Resource {
    Resource {
        attributes: vec![
            attribute("service.name", text(service)),
            attribute("service.version", text("2.14.3")),
            attribute("host.name", text(format!("host-{host:02}"))),
            attribute("k8s.pod.name", text(format!("{service}-5d8f7c{host:02}"))),
        ],
        ..Resource::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope { name: "clew-corpus".to_owned(), version: "1".to_owned(), ..InstrumentationScope::default() }
}
