//! The decoders with as much memory as any body here needs.

use clew_codec::limits::MAX_DECODED_BYTES;
use clew_codec::otlp::{self, OtlpMetricOptions};
use clew_codec::{DecodeError, Decoded};
use clew_model::logs::LogRecord;
use clew_model::metrics::MetricBatch;
use clew_model::traces::Span;

pub(crate) fn decode_logs(body: &[u8], arrival: i64) -> Result<Decoded<Vec<LogRecord>>, DecodeError> {
    otlp::decode_logs(body, arrival, MAX_DECODED_BYTES)
}

pub(crate) fn decode_logs_json(body: &[u8], arrival: i64) -> Result<Decoded<Vec<LogRecord>>, DecodeError> {
    otlp::decode_logs_json(body, arrival, MAX_DECODED_BYTES)
}

pub(crate) fn decode_traces(body: &[u8]) -> Result<Decoded<Vec<Span>>, DecodeError> {
    otlp::decode_traces(body, MAX_DECODED_BYTES)
}

pub(crate) fn decode_traces_json(body: &[u8]) -> Result<Decoded<Vec<Span>>, DecodeError> {
    otlp::decode_traces_json(body, MAX_DECODED_BYTES)
}

pub(crate) fn decode_metrics(body: &[u8], options: &OtlpMetricOptions) -> Result<Decoded<MetricBatch>, DecodeError> {
    otlp::decode_metrics(body, options, MAX_DECODED_BYTES)
}

pub(crate) fn decode_metrics_json(
    body: &[u8],
    options: &OtlpMetricOptions,
) -> Result<Decoded<MetricBatch>, DecodeError> {
    otlp::decode_metrics_json(body, options, MAX_DECODED_BYTES)
}
