//! The three signals behind one function: bytes in, outcome out.

use crate::error::ApiError;
use crate::state::ApiState;
use bytes::Bytes;
use clew_app::Protocol;
use clew_app::ingest::IngestOutcome;
use clew_codec::DecodeError;
use clew_codec::error::Decoded;
use clew_codec::otlp;
use clew_model::logs::LogRecord;
use clew_model::metrics::MetricBatch;
use clew_model::traces::Span;
use clew_model::{Caller, Signal, UnixNanos};

/// How an OTLP body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// `application/x-protobuf`
    Protobuf,
    /// `application/json`
    Json,
}

/// What a body held.
pub(super) enum Records {
    /// Log records.
    Logs(Decoded<Vec<LogRecord>>),
    /// Samples.
    Metrics(Decoded<MetricBatch>),
    /// Spans.
    Traces(Decoded<Vec<Span>>),
}

/// Decodes a body of a signal.
///
/// # Errors
/// A body that is malformed as a whole, or whose records take more than `memory` bytes.
pub(super) fn decode(
    signal: Signal,
    encoding: Encoding,
    body: &Bytes,
    arrival: UnixNanos,
    options: &otlp::OtlpMetricOptions,
    memory: usize,
) -> Result<Records, DecodeError> {
    match (signal, encoding) {
        (Signal::Logs, Encoding::Protobuf) => otlp::decode_logs(body, arrival, memory).map(Records::Logs),
        (Signal::Logs, Encoding::Json) => otlp::decode_logs_json(body, arrival, memory).map(Records::Logs),
        (Signal::Traces, Encoding::Protobuf) => otlp::decode_traces(body, memory).map(Records::Traces),
        (Signal::Traces, Encoding::Json) => otlp::decode_traces_json(body, memory).map(Records::Traces),
        (Signal::Metrics, Encoding::Protobuf) => otlp::decode_metrics(body, options, memory).map(Records::Metrics),
        (Signal::Metrics, Encoding::Json) => otlp::decode_metrics_json(body, options, memory).map(Records::Metrics),
    }
}

/// Writes what a body held.
///
/// # Errors
/// What the write path answers.
pub(super) async fn write(
    state: &ApiState,
    caller: &Caller,
    protocol: Protocol,
    records: Records,
) -> Result<IngestOutcome, ApiError> {
    let outcome = match records {
        Records::Logs(decoded) => state.app.ingest_logs(caller, protocol, decoded).await,
        Records::Metrics(decoded) => state.app.ingest_metrics(caller, protocol, decoded).await,
        Records::Traces(decoded) => state.app.ingest_traces(caller, protocol, decoded).await,
    };
    outcome.map_err(ApiError::from)
}
