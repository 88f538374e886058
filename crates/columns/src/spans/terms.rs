//! What blocks are found by: hashes of IDs, services, operations and attribute values.
//!
//! A term is a 64-bit hash (XXH3); equal things always have equal terms, so that a lookup never misses. Different
//! things may share one: whoever finds a block by a term tests its rows.

use clew_model::traces::StatusCode;
use clew_model::{CanonicalId, SpanId, TraceId, Value};
use xxhash_rust::xxh3::xxh3_64_with_seed;

const TRACE: u64 = 1;
const SPAN: u64 = 2;
const TEXT_ID: u64 = 3;
const SERVICE: u64 = 4;
const OPERATION: u64 = 5;
const OUTCOME: u64 = 6;
const ATTRIBUTE: u64 = 7;
const RESOURCE: u64 = 8;

/// The term of a trace ID, wherever it stands.
#[must_use]
pub fn trace_term(id: TraceId) -> u64 {
    xxh3_64_with_seed(&id.0, TRACE)
}

/// The term of a span ID.
#[must_use]
pub fn span_term(id: SpanId) -> u64 {
    xxh3_64_with_seed(&id.0, SPAN)
}

/// The term under which an ID in canonical form is kept that stands in an attribute.
#[must_use]
pub fn id_term(id: &CanonicalId) -> u64 {
    if let Some(span) = id.as_span_id() {
        span_term(span)
    } else if let Some(trace) = id.as_trace_id() {
        trace_term(trace)
    } else {
        xxh3_64_with_seed(id.as_str().as_bytes(), TEXT_ID)
    }
}

/// The terms under which what carries an ID can be found: 16 digits may be a span or a trace of 64 bits.
pub fn terms_of_id(id: &CanonicalId) -> impl Iterator<Item = u64> {
    let trace = id.as_span_id().and(id.as_trace_id()).map(trace_term);
    [id_term(id)].into_iter().chain(trace)
}

/// The term of a service's name.
#[must_use]
pub fn service_term(service: &str) -> u64 {
    xxh3_64_with_seed(service.as_bytes(), SERVICE)
}

/// The term of a span's name.
#[must_use]
pub fn operation_term(operation: &str) -> u64 {
    xxh3_64_with_seed(operation.as_bytes(), OPERATION)
}

/// The term of an operation of a service with an outcome.
#[must_use]
pub fn outcome_term(service: u64, operation: u64, status: StatusCode) -> u64 {
    let mut bytes = [0; 17];
    let (services, rest) = bytes.split_at_mut(8);
    services.copy_from_slice(&service.to_le_bytes());
    let (operations, code) = rest.split_at_mut(8);
    operations.copy_from_slice(&operation.to_le_bytes());
    code.copy_from_slice(&[status.number()]);
    xxh3_64_with_seed(&bytes, OUTCOME)
}

/// The seed of the values of a key: of a span's attributes or of its resource's.
#[must_use]
pub fn key_seed(key: &str, in_resource: bool) -> u64 {
    xxh3_64_with_seed(key.as_bytes(), if in_resource { RESOURCE } else { ATTRIBUTE })
}

/// The term of a value's text under the seed of its key.
#[must_use]
pub fn value_term(seed: u64, text: &str) -> u64 {
    xxh3_64_with_seed(text.as_bytes(), seed)
}

/// Visits the scalars that tests on an attribute look at: the elements of an array, else the value itself.
pub fn visit_elements(value: &Value, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Array(items) => items.iter().for_each(visit),
        value => visit(value),
    }
}
