//! The three signals behind one function: bytes in, outcome out.

use crate::error::ApiError;
use crate::state::ApiState;
use bytes::Bytes;
use clew_app::Protocol;
use clew_app::ingest::IngestOutcome;
use clew_app::tenants::Arrival;
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

impl Records {
    /// How many.
    fn count(&self) -> usize {
        match self {
            Records::Logs(decoded) => decoded.records.len(),
            Records::Metrics(decoded) => decoded.records.sample_count(),
            Records::Traces(decoded) => decoded.records.len(),
        }
    }

    fn signal(&self) -> Signal {
        match self {
            Records::Logs(_) => Signal::Logs,
            Records::Metrics(_) => Signal::Metrics,
            Records::Traces(_) => Signal::Traces,
        }
    }
}

/// Writes what a body of so many bytes, decompressed, held.
///
/// # Errors
/// What the write path answers; the caller's tenant is beyond a rate.
pub(super) async fn write(
    state: &ApiState,
    caller: &Caller,
    protocol: Protocol,
    (bytes, records): (usize, Records),
) -> Result<IngestOutcome, ApiError> {
    let arrival = Arrival { signal: records.signal(), records: records.count() as u64, bytes: bytes as u64 };
    let write = async {
        match records {
            Records::Logs(decoded) => state.app.ingest_logs(caller, protocol, decoded).await,
            Records::Metrics(decoded) => state.app.ingest_metrics(caller, protocol, decoded).await,
            Records::Traces(decoded) => state.app.ingest_traces(caller, protocol, decoded).await,
        }
    };
    state.app.within_rates(caller, arrival, write).await.map_err(ApiError::from)
}
