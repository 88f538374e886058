//! Metric data points as Prometheus series (`opentelemetry/proto/metrics/v1/metrics.proto`).
//!
//! The translation is that of Prometheus 3's OTLP receiver with default settings, after the OpenTelemetry
//! specification "Prometheus and OpenMetrics Compatibility":
//!
//! | OTLP | Prometheus |
//! |---|---|
//! | gauge; cumulative sum that is not monotonic | gauge |
//! | cumulative monotonic sum | counter, `_total` |
//! | histogram | classic histogram: `_bucket` with `le`, `_sum`, `_count` |
//! | exponential histogram | native histogram, schema 8 at most |
//! | summary | series by `quantile`, `_sum`, `_count` |
//! | delta temporality | refused, with the remedy |
//! | `service.namespace`/`service.name`, `service.instance.id` | labels `job`, `instance` |
//! | the other attributes of the resource | labels of `target_info` |
//! | `NO_RECORDED_VALUE` | staleness marker in every series of the point |
//!
//! Beyond Prometheus: exemplars of gauges are kept, since they lead to traces like any other, and with them up to
//! [`crate::limits::MAX_EXEMPLAR_LABEL_BYTES`] of attributes.

mod exemplars;
mod labels;
mod metric;
mod naming;
mod native;
mod origin;
mod points;
mod texts;
mod translate;

pub use naming::TranslationStrategy;

use crate::error::{DecodeError, Decoded};
use crate::otlp::PROTOBUF;
use crate::otlp::envelope::walk;
use clew_model::metrics::MetricBatch;
use compact_str::CompactString;
use translate::MetricSink;

/// How OTLP metrics become Prometheus series; the default is Prometheus' default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtlpMetricOptions {
    /// How names are translated.
    pub strategy: TranslationStrategy,
    /// Whether every series gets `otel_scope_name`, `otel_scope_version`, `otel_scope_schema_url` and the scope's
    /// attributes as `otel_scope_…` labels. Off as in Prometheus, though the specification asks for it: it would rename
    /// every series of those who come from there.
    pub promote_scope: bool,
    /// Attributes of the resource that become labels of every series, by their OpenTelemetry keys.
    pub promote_resource_attributes: Vec<CompactString>,
    /// Whether `target_info` carries the service's name, namespace and instance ID too, not only as `job` and
    /// `instance`.
    pub keep_identifying_resource_attributes: bool,
    /// Whether `target_info` is written.
    pub target_info: bool,
}

impl Default for OtlpMetricOptions {
    fn default() -> Self {
        Self {
            strategy: TranslationStrategy::default(),
            promote_scope: false,
            promote_resource_attributes: Vec::new(),
            keep_identifying_resource_attributes: false,
            target_info: true,
        }
    }
}

/// Reads an `ExportMetricsServiceRequest` in protobuf; `accepted` and `rejected` count data points.
///
/// Refused by themselves are data points without a time or a value, with delta or unspecified temporality, of a metric
/// without a name, with an attribute without a name, with more than [`crate::limits::MAX_HISTOGRAM_BUCKETS`] buckets,
/// with bounds that do not rise or do not fit the bucket counts, or with a scale below -4. A metric without data of a
/// known type counts as one refused point.
///
/// # Errors
/// Bytes that are not well-formed protobuf of this message, and bodies whose records take more than `memory` bytes.
pub fn decode_metrics(
    body: &[u8],
    options: &OtlpMetricOptions,
    memory: usize,
) -> Result<Decoded<MetricBatch>, DecodeError> {
    let mut sink = MetricSink::new(options);
    walk(body, memory, &mut sink).map_err(|fault| fault.into_error(PROTOBUF))?;
    Ok(sink.finish())
}
