//! OTLP (OpenTelemetry protocol) 1.x: logs, metrics and traces in, protobuf or JSON; responses out.
//!
//! The decoders visit the wire bytes themselves and build the model in one pass; JSON is first rewritten as protobuf,
//! so both formats mean the same by construction. Malformed bytes fail the whole body with offset and field path; a
//! record that is well-formed but cannot be accepted is refused by itself and told in [`crate::Decoded`].

#![warn(clippy::indexing_slicing)]

mod common;
mod envelope;
mod json;
mod logs;
mod metrics;
mod response;
mod traces;

pub use json::{decode_logs_json, decode_metrics_json, decode_traces_json};
pub use logs::decode_logs;
pub use metrics::{OtlpMetricOptions, TranslationStrategy, decode_metrics};
pub use response::{Format, encode_response, encode_retry, encode_status};
pub use traces::decode_traces;

/// What errors call the binary format.
const PROTOBUF: &str = "OTLP protobuf";
