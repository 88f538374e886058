//! Samples on their way into the store.

use super::histogram::NativeHistogram;
use super::label_sets::LabelSets;
use super::labels::Labels;
use crate::time::UnixMillis;
use std::sync::Arc;

/// The bits of the NaN by which Prometheus marks that a series has ended (`value.StaleNaN`).
pub const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

/// Whether a value is the staleness marker rather than a number.
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN
}

/// One float sample of a batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Which label set: an index into [`MetricBatch::series`].
    pub series: u32,
    /// When, in milliseconds.
    pub time: UnixMillis,
    /// The value; the staleness marker has the bits [`STALE_NAN`].
    pub value: f64,
}

/// One native histogram sample of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramSample {
    /// Which label set: an index into [`MetricBatch::series`].
    pub series: u32,
    /// When, in milliseconds.
    pub time: UnixMillis,
    /// The histogram; its sum has the bits [`STALE_NAN`] for a staleness marker.
    pub histogram: Arc<NativeHistogram>,
}

/// Since when the counter, or histogram, behind a sample counts: its start timestamp, or "created" timestamp. It stands
/// beside the samples, which seldom have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleStart {
    /// Which label set: an index into [`MetricBatch::series`].
    pub series: u32,
    /// The time of the sample or histogram.
    pub time: UnixMillis,
    /// The start; never 0, which means none.
    pub start: UnixMillis,
}

/// An example measurement of a series, usually with a trace ID (OpenMetrics, "Exemplars").
#[derive(Debug, Clone, PartialEq)]
pub struct Exemplar {
    /// Which label set: an index into [`MetricBatch::series`].
    pub series: u32,
    /// When, in milliseconds.
    pub time: UnixMillis,
    /// The measured value.
    pub value: f64,
    /// Its own labels: `trace_id`, `span_id` and others.
    pub labels: Labels,
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetricType {
    /// Not told.
    #[default]
    Unknown,
    /// Only goes up, or resets to zero.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution, classic or native.
    Histogram,
    /// A distribution that goes up and down.
    GaugeHistogram,
    /// Quantiles computed by the client.
    Summary,
    /// Constant 1 with labels that describe.
    Info,
    /// A set of states, one of them 1.
    StateSet,
}

impl MetricType {
    /// The name that the Prometheus API uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MetricType::Unknown => "unknown",
            MetricType::Counter => "counter",
            MetricType::Gauge => "gauge",
            MetricType::Histogram => "histogram",
            MetricType::GaugeHistogram => "gaugehistogram",
            MetricType::Summary => "summary",
            MetricType::Info => "info",
            MetricType::StateSet => "stateset",
        }
    }
}

/// What is known about a metric family.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Metadata {
    /// The family's name.
    pub metric: String,
    /// Its type.
    pub metric_type: MetricType,
    /// Its help text.
    pub help: String,
    /// Its unit, empty when not told.
    pub unit: String,
}

/// Decided samples that are written together: each label set once, samples by index.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricBatch {
    /// The label sets, each once.
    pub series: LabelSets,
    /// Float samples, staleness markers among them.
    pub samples: Vec<Sample>,
    /// Native histogram samples.
    pub histograms: Vec<HistogramSample>,
    /// Start timestamps of those samples and histograms that have one.
    pub starts: Vec<SampleStart>,
    /// Exemplars.
    pub exemplars: Vec<Exemplar>,
    /// What the sender said about families.
    pub metadata: Vec<Metadata>,
}

impl MetricBatch {
    /// Float and histogram samples together.
    #[must_use]
    pub fn sample_count(&self) -> usize {
        self.samples.len() + self.histograms.len()
    }

    /// Whether nothing would be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.histograms.is_empty() && self.exemplars.is_empty() && self.metadata.is_empty()
    }
}
