//! The counts as series.

use super::aging::{Ended, Farewell};
use super::duration::Durations;
use super::state::{Calls, Spans, Tenant, Told};
use crate::limits::{SPAN_METRIC_QUIET_MILLIS, SPAN_METRIC_REPEAT_MILLIS};
use clew_model::UnixMillis;
use clew_model::metrics::{
    Exemplar, HistogramSample, Labels, METRIC_NAME, Metadata, MetricBatch, MetricType, NativeHistogram, SPAN_LATENCY,
    Sample,
};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::traces::{SpanKind, StatusCode};
use clew_model::value::hex_text;
use std::sync::Arc;

const CALLS: &str = "traces_spanmetrics_calls_total";
const REQUESTS: &str = "traces_service_graph_request_total";
const FAILED: &str = "traces_service_graph_request_failed_total";
const CALLER_SECONDS: &str = "traces_service_graph_request_client_seconds";
const CALLED_SECONDS: &str = "traces_service_graph_request_server_seconds";

/// Name, type, help, unit.
const FAMILIES: [(&str, MetricType, &str, &str); 6] = [
    (CALLS, MetricType::Counter, "Spans, by service, operation, kind and status.", ""),
    (SPAN_LATENCY, MetricType::Histogram, "How long spans took.", "seconds"),
    (REQUESTS, MetricType::Counter, "Calls between two services.", ""),
    (FAILED, MetricType::Counter, "Calls between two services of which a side had an error.", ""),
    (CALLER_SECONDS, MetricType::Histogram, "How long calls took as the calling service saw them.", "seconds"),
    (CALLED_SECONDS, MetricType::Histogram, "How long calls took as the called service saw them.", "seconds"),
];

/// Samples of what is worth telling at `now`.
pub(super) fn samples(tenant: &mut Tenant, now: UnixMillis) -> MetricBatch {
    let Tenant { names, spans, edges, farewells, told_farewells, told_at, .. } = tenant;
    *told_at = now;
    let mut writer = Writer { batch: MetricBatch::default(), now };
    farewells.iter().for_each(|farewell| writer.farewell(farewell));
    *told_farewells = farewells.len();
    writer.now = now;
    for ((service, operation, kind, status), own) in spans {
        if own.told.is_due(own.durations.count, own.seen, now) {
            writer.spans([names.text(*service), names.text(*operation)], (*kind, *status), own);
        }
    }
    for ((caller, called, is_message), own) in edges {
        if own.told.is_due(own.calls.caller.count, own.seen, now) {
            writer.edge([names.text(*caller), names.text(*called)], *is_message, &own.calls);
        }
    }
    let mut batch = writer.batch;
    if !batch.series.is_empty() {
        let metadata = |(name, metric_type, help, unit): (&str, _, &str, &str)| Metadata {
            metric: name.into(),
            metric_type,
            help: help.into(),
            unit: unit.into(),
        };
        batch.metadata = FAMILIES.map(metadata).into();
    }
    batch
}

impl Told {
    /// Whether a series with this count, whose last span arrived at `seen`, is told now, which is noted: always what was
    /// not told yet, after a start too. One that stands still is told less often, so that it goes on while it may be asked
    /// for, and no more when nothing has happened for long.
    fn is_due(&mut self, count: u64, seen: UnixMillis, now: UnixMillis) -> bool {
        let is_quiet = now.saturating_sub(seen) > SPAN_METRIC_QUIET_MILLIS;
        let has_changed = count != self.count || self.at == 0;
        let is_due = has_changed || (!is_quiet && now.saturating_sub(self.at) >= SPAN_METRIC_REPEAT_MILLIS);
        if is_due {
            (self.count, self.at) = (count, now);
        }
        is_due
    }
}

struct Writer {
    batch: MetricBatch,
    now: UnixMillis,
}

impl Writer {
    /// The last values of a series, and the zeros at its end.
    fn farewell(&mut self, farewell: &Farewell) {
        let nothing = (Durations::default(), Calls::default());
        for (at, is_last) in [(farewell.at.saturating_sub(1), true), (farewell.at, false)] {
            self.now = at;
            match &farewell.whose {
                Ended::Spans { service, operation, kind, status, last } => {
                    self.counts([service, operation], (*kind, *status), if is_last { last } else { &nothing.0 });
                }
                Ended::Edge { caller, called, is_message, last } => {
                    self.edge([caller, called], *is_message, if is_last { last } else { &nothing.1 });
                }
            }
        }
    }

    fn spans(&mut self, names: [&str; 2], outcome: (u8, u8), own: &mut Spans) {
        let Some(series) = self.counts(names, outcome, &own.durations) else { return };
        if let Some(example) = own.example.take() {
            let (trace, span) = (hex_text(&example.trace.0), hex_text(&example.span.0));
            if let Ok(labels) = Labels::new([("trace_id", &trace), ("span_id", &span)]) {
                let time = example.time.div_euclid(NANOS_PER_MILLI);
                let value = example.nanos as f64 / 1e9;
                self.batch.exemplars.push(Exemplar { series, time, value, labels });
            }
        }
    }

    /// Answers the series of the durations.
    fn counts(&mut self, [service, operation]: [&str; 2], (kind, status): (u8, u8), own: &Durations) -> Option<u32> {
        let (kind, status) = (kind_text(kind), status_text(status));
        let labels = [("service", service), ("span_name", operation), ("span_kind", kind), ("status_code", status)];
        self.counter(CALLS, &labels, own.count);
        self.histogram(SPAN_LATENCY, &labels, own.histogram())
    }

    fn edge(&mut self, [caller, called]: [&str; 2], is_message: bool, own: &Calls) {
        let connection = if is_message { "messaging_system" } else { "" };
        let labels = [("client", caller), ("server", called), ("connection_type", connection)];
        self.counter(REQUESTS, &labels, own.caller.count);
        self.counter(FAILED, &labels, own.failed);
        self.histogram(CALLER_SECONDS, &labels, own.caller.histogram());
        self.histogram(CALLED_SECONDS, &labels, own.called.histogram());
    }

    fn counter(&mut self, name: &str, labels: &[(&str, &str)], count: u64) {
        if let Some(series) = self.series(name, labels) {
            self.batch.samples.push(Sample { series, time: self.now, value: count as f64 });
        }
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: NativeHistogram) -> Option<u32> {
        let series = self.series(name, labels)?;
        self.batch.histograms.push(HistogramSample { series, time: self.now, histogram: Arc::new(histogram) });
        Some(series)
    }

    /// `None` never comes: the names of the labels differ.
    fn series(&mut self, name: &str, labels: &[(&str, &str)]) -> Option<u32> {
        let labels = Labels::new(labels.iter().copied().chain([(METRIC_NAME, name)])).ok()?;
        self.batch.series.push(&labels);
        u32::try_from(self.batch.series.len() - 1).ok()
    }
}

/// As in OTLP's enum, which Tempo shows.
fn kind_text(kind: u8) -> &'static str {
    match SpanKind::from_number(i64::from(kind)) {
        SpanKind::Unspecified => "SPAN_KIND_UNSPECIFIED",
        SpanKind::Internal => "SPAN_KIND_INTERNAL",
        SpanKind::Server => "SPAN_KIND_SERVER",
        SpanKind::Client => "SPAN_KIND_CLIENT",
        SpanKind::Producer => "SPAN_KIND_PRODUCER",
        SpanKind::Consumer => "SPAN_KIND_CONSUMER",
    }
}

fn status_text(status: u8) -> &'static str {
    match StatusCode::from_number(i64::from(status)) {
        StatusCode::Unset => "STATUS_CODE_UNSET",
        StatusCode::Ok => "STATUS_CODE_OK",
        StatusCode::Error => "STATUS_CODE_ERROR",
    }
}
