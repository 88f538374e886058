//! OTLP/JSON: the JSON mapping of proto3 with OTLP's exceptions (IDs in hex, enums as numbers; OTLP specification,
//! "JSON Protobuf Encoding").
//!
//! A body is rewritten as protobuf in one streaming pass by the tables of the schema, then read by the protobuf
//! decoder. Field names may be in camel case or as the schema writes them; 64-bit integers may be strings or numbers;
//! enums may be names; `null` is an absent field; unknown fields are ignored; `NaN` and `Infinity` are strings. The
//! rewritten body is at most five times as long as the body.

mod scalar;
mod schema;
mod transcode;

use super::metrics::{OtlpMetricOptions, decode_metrics};
use super::{decode_logs, decode_traces};
use crate::error::{DecodeError, Decoded, Position};
use clew_model::UnixNanos;
use clew_model::logs::LogRecord;
use clew_model::metrics::MetricBatch;
use clew_model::traces::Span;
use schema::Message;

/// What errors call the format.
const JSON: &str = "OTLP JSON";

/// Reads an `ExportLogsServiceRequest` in JSON; as [`decode_logs`] in all else.
///
/// # Errors
/// As [`decode_logs`]; with line, column and field path for what is not JSON or not of this message.
pub fn decode_logs_json(
    body: &[u8],
    arrival: UnixNanos,
    memory: usize,
) -> Result<Decoded<Vec<LogRecord>>, DecodeError> {
    decode_by(&schema::LOGS_REQUEST, body, memory, |bytes, memory| decode_logs(bytes, arrival, memory))
}

/// Reads an `ExportTraceServiceRequest` in JSON; as [`decode_traces`] in all else.
///
/// # Errors
/// As [`decode_traces`]; with line, column and field path for what is not JSON or not of this message.
pub fn decode_traces_json(body: &[u8], memory: usize) -> Result<Decoded<Vec<Span>>, DecodeError> {
    decode_by(&schema::TRACES_REQUEST, body, memory, decode_traces)
}

/// Reads an `ExportMetricsServiceRequest` in JSON; as [`decode_metrics`] in all else.
///
/// # Errors
/// As [`decode_metrics`]; with line, column and field path for what is not JSON or not of this message.
pub fn decode_metrics_json(
    body: &[u8],
    options: &OtlpMetricOptions,
    memory: usize,
) -> Result<Decoded<MetricBatch>, DecodeError> {
    decode_by(&schema::METRICS_REQUEST, body, memory, |bytes, memory| decode_metrics(bytes, options, memory))
}

fn decode_by<T>(
    message: &'static Message,
    body: &[u8],
    memory: usize,
    decode: impl FnOnce(&[u8], usize) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    let bytes = transcode::transcode(body, message)?;
    // The body in its other form stands beside the records.
    let left = memory.checked_sub(bytes.len()).ok_or(DecodeError::Memory { limit: memory })?;
    decode(&bytes, left).map_err(as_json_error)
}

/// An error of the second step in the terms of the body: its offset is one of the rewritten bytes and says nothing.
fn as_json_error(error: DecodeError) -> DecodeError {
    let position = Position::Unknown;
    match error {
        DecodeError::Malformed { path, reason, .. } => {
            DecodeError::Malformed { format: JSON, position, path: schema::camel_case(&path), reason }
        }
        DecodeError::LimitExceeded { what, path, limit, .. } => {
            DecodeError::LimitExceeded { what, position, path: schema::camel_case(&path), limit }
        }
        DecodeError::Memory { limit } => DecodeError::Memory { limit },
    }
}
