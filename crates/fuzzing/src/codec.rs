//! What comes over the wire. What a decoder takes must be kept as it is by what is written of it.

use crate::choice;
use crate::columns::{are_kept_as_logs, are_kept_as_spans};
use clew_codec::error::Decoded;
use clew_codec::exposition::{Format, ScrapeOptions, decode};
use clew_codec::json_logs::{self, JsonLogOptions};
use clew_codec::otlp::{self, OtlpMetricOptions};
use clew_codec::time_text::{parse_time, parse_timestamp};
use clew_model::logs::LogRecord;
use clew_model::metrics::MetricBatch;
use clew_model::traces::Span;

const NOW: i64 = 1_700_000_000_000_000_000;
/// What a body may become in memory.
const MEMORY: usize = 64 << 20;

fn logs(decoded: Decoded<Vec<LogRecord>>) {
    assert_eq!(decoded.accepted, decoded.records.len() as u64);
    assert!(decoded.rejects.len() as u64 <= decoded.rejected.max(1));
    are_kept_as_logs(&decoded.records);
}

fn spans(decoded: Decoded<Vec<Span>>) {
    assert_eq!(decoded.accepted, decoded.records.len() as u64);
    are_kept_as_spans(&decoded.records);
}

/// Every sample, histogram and exemplar is of a series that there is.
fn metrics(batch: &MetricBatch) {
    let series = batch.series.len() as u32;
    assert!(batch.samples.iter().all(|sample| sample.series < series));
    assert!(batch.starts.iter().all(|start| start.series < series && start.start != 0));
    assert!(batch.exemplars.iter().all(|exemplar| exemplar.series < series));
}

pub(crate) fn otlp_logs(data: &[u8]) {
    if let Ok(decoded) = otlp::decode_logs(data, NOW, MEMORY) {
        logs(decoded);
    }
}

pub(crate) fn otlp_traces(data: &[u8]) {
    if let Ok(decoded) = otlp::decode_traces(data, MEMORY) {
        spans(decoded);
    }
}

pub(crate) fn otlp_metrics(data: &[u8]) {
    if let Ok(decoded) = otlp::decode_metrics(data, &OtlpMetricOptions::default(), MEMORY) {
        metrics(&decoded.records);
    }
}

pub(crate) fn otlp_json(data: &[u8]) {
    let (choice, body) = choice(data);
    match choice % 3 {
        0 => otlp::decode_logs_json(body, NOW, MEMORY).into_iter().for_each(logs),
        1 => otlp::decode_traces_json(body, MEMORY).into_iter().for_each(spans),
        _ => otlp::decode_metrics_json(body, &OtlpMetricOptions::default(), MEMORY)
            .into_iter()
            .for_each(|decoded| metrics(&decoded.records)),
    }
}

pub(crate) fn json_logs(data: &[u8]) {
    if let Ok(decoded) = json_logs::decode(data, NOW, &JsonLogOptions::default()) {
        logs(decoded);
    }
}

/// A batch has no more samples than the body has lines.
pub(crate) fn exposition(data: &[u8]) {
    let (choice, body) = choice(data);
    let format = if choice.is_multiple_of(2) { Format::PrometheusText } else { Format::OpenMetricsText };
    let options = ScrapeOptions { format, scrape_time: NOW / 1_000_000, honor_timestamps: choice & 2 == 0 };
    if let Ok(batch) = decode(body, &options) {
        metrics(&batch);
        let lines = body.iter().filter(|byte| **byte == b'\n').count() + 1;
        assert!(batch.samples.len() <= lines && batch.series.len() <= lines);
    }
}

pub(crate) fn times(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = parse_time(text, NOW);
    let _ = parse_timestamp(text);
}
