//! What a query says beside its value: the texts of Prometheus 3.14 (`util/annotations`), each with the place it is about.

use super::ast::{BinaryOp, Span};
use super::eval::rfc3339;
use super::number::{format_general, format_two_digits};
use super::value::Annotations;
use clew_model::UnixMillis;
use std::fmt;

/// Something to be said.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Note {
    InvalidQuantile(f64),
    InvalidRatio { given: f64, taken: f64 },
    BadBucketLabel { metric: String, value: String },
    MixedFloatsHistograms { metric: String },
    MixedFloatsHistogramsAggregated,
    MixedClassicNative { metric: String },
    NotCounter { metric: String },
    NotGauge { metric: String },
    MixedBuckets { metric: String },
    IncompatibleBuckets { op: BinaryOp },
    SortInRange,
    PossiblyNoCounter { metric: String },
    StartOverlap { metric: String },
    ForcedMonotonicity { metric: String, forced: Forced },
    IncompatibleTypes { left: &'static str, op: BinaryOp, right: &'static str },
    IgnoredInAggregation { op: &'static str },
    IgnoredInMixedRange { metric: String },
    QuantileIsNan { metric: String },
    QuantileIsSkewed { metric: String },
    FractionWithoutNan { metric: String },
    ResetCollision { during: During },
    ReconciledBuckets { during: During },
}

/// What histograms were combined for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum During {
    Addition,
    Subtraction,
    Aggregation,
}

/// By how much the buckets of classic histograms had to be raised.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Forced {
    pub(super) least_bucket: f64,
    pub(super) greatest_bucket: f64,
    pub(super) most: f64,
    pub(super) samples: u64,
    pub(super) first: UnixMillis,
    pub(super) last: UnixMillis,
}

impl Forced {
    /// Takes in another.
    pub(super) fn merge(&mut self, other: Self) {
        self.least_bucket = self.least_bucket.min(other.least_bucket);
        self.greatest_bucket = self.greatest_bucket.max(other.greatest_bucket);
        self.most = self.most.max(other.most);
        self.samples += other.samples;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

impl Annotations {
    /// Says something about the expression at `span`.
    pub(super) fn note(&mut self, note: &Note, span: Span) {
        let text = format!("PromQL {}: {note} ({span})", if note.is_warning() { "warning" } else { "info" });
        if note.is_warning() { self.warn(text) } else { self.info(text) }
    }
}

impl Note {
    fn is_warning(&self) -> bool {
        !matches!(
            self,
            Note::PossiblyNoCounter { .. }
                | Note::ForcedMonotonicity { .. }
                | Note::IncompatibleTypes { .. }
                | Note::IgnoredInAggregation { .. }
                | Note::IgnoredInMixedRange { .. }
                | Note::QuantileIsNan { .. }
                | Note::QuantileIsSkewed { .. }
                | Note::FractionWithoutNan { .. }
                | Note::ReconciledBuckets { .. }
        )
    }
}

/// ` for metric name "x"`, where there is one.
struct OfMetric<'a>(&'a str);

impl fmt::Display for OfMetric<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " for metric name {:?}", self.0) }
    }
}

impl fmt::Display for During {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            During::Addition => "addition",
            During::Subtraction => "subtraction",
            During::Aggregation => "aggregation",
        })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Note::InvalidQuantile(given) => {
                write!(f, "quantile value should be between 0 and 1, got {}", format_general(*given))
            }
            Note::InvalidRatio { given, taken } => write!(
                f,
                "ratio value should be between -1 and 1, got {}, capping to {}",
                format_general(*given),
                format_general(*taken)
            ),
            Note::BadBucketLabel { metric, value } => {
                write!(f, "bucket label \"le\" is missing or has a malformed value of {value:?}{}", OfMetric(metric))
            }
            Note::MixedFloatsHistograms { metric } => {
                write!(f, "encountered a mix of histograms and floats for metric name {metric:?}")
            }
            Note::MixedFloatsHistogramsAggregated => {
                f.write_str("encountered a mix of histograms and floats for aggregation")
            }
            Note::MixedClassicNative { metric } => {
                write!(f, "vector contains a mix of classic and native histograms{}", OfMetric(metric))
            }
            Note::NotCounter { metric } => write!(f, "this native histogram metric is not a counter: {metric:?}"),
            Note::NotGauge { metric } => write!(f, "this native histogram metric is not a gauge: {metric:?}"),
            Note::StartOverlap { metric } => {
                write!(f, "sample has start time that overlaps with previous sample timestamp for metric {metric:?}")
            }
            Note::MixedBuckets { metric } => write!(
                f,
                "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {metric:?}"
            ),
            Note::IncompatibleBuckets { op } => {
                write!(f, "incompatible bucket layout encountered for binary operator {}", op.as_str())
            }
            Note::SortInRange => {
                f.write_str("sort is ineffective for range queries since results are always ordered by labels")
            }
            Note::PossiblyNoCounter { metric } => {
                write!(f, "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {metric:?}")
            }
            Note::ForcedMonotonicity { metric, forced } => {
                write!(
                    f,
                    "input to histogram_quantile needed to be fixed for monotonicity (see \
                     https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile){}, {forced}",
                    OfMetric(metric)
                )
            }
            Note::IncompatibleTypes { left, op, right } => {
                let op = op.as_str();
                write!(f, "incompatible sample types encountered for binary operator {op:?}: {left} {op} {right}")
            }
            Note::IgnoredInAggregation { op } => write!(f, "ignored histogram in {op} aggregation"),
            Note::IgnoredInMixedRange { metric } => write!(
                f,
                "ignored histograms in a range containing both floats and histograms for metric name {metric:?}"
            ),
            Note::QuantileIsNan { metric } => {
                write!(f, "input to histogram_quantile has NaN observations, result is NaN{}", OfMetric(metric))
            }
            Note::QuantileIsSkewed { metric } => write!(
                f,
                "input to histogram_quantile has NaN observations, result is skewed higher{}",
                OfMetric(metric)
            ),
            Note::FractionWithoutNan { metric } => write!(
                f,
                "input to histogram_fraction has NaN observations, which are excluded from all fractions{}",
                OfMetric(metric)
            ),
            Note::ResetCollision { during } => write!(f, "conflicting counter resets during histogram {during}"),
            Note::ReconciledBuckets { during } => {
                write!(f, "mismatched custom buckets were reconciled during {during}")
            }
        }
    }
}

impl fmt::Display for Forced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
            format_general(self.least_bucket),
            format_general(self.greatest_bucket),
            format_two_digits(self.most),
            self.samples,
            rfc3339(self.first),
            rfc3339(self.last),
        )
    }
}
