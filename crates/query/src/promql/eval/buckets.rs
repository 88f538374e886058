//! Buckets of native histograms with their bounds, from the lowest values to the highest.

use super::native_histogram::by_index;
use clew_model::metrics::{CUSTOM_BUCKETS_SCHEMA, NativeHistogram, exponential_bound};

/// One bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    pub lower: f64,
    pub upper: f64,
    pub count: f64,
}

/// Which buckets of a histogram a bucket is among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Negative,
    Zero,
    Positive,
}

/// Whether a histogram has bounds of its own.
pub(super) fn is_custom(histogram: &NativeHistogram) -> bool {
    histogram.schema == CUSTOM_BUCKETS_SCHEMA
}

/// All buckets, the zero bucket in its place where it holds something.
pub(super) fn buckets(histogram: &NativeHistogram) -> Vec<(Side, Bucket)> {
    let bound = |index: i32| bound(histogram, index);
    let negative = by_index(&histogram.negative_spans, &histogram.negative_buckets);
    let positive = by_index(&histogram.positive_spans, &histogram.positive_buckets);
    let mut out = Vec::with_capacity(negative.len() + positive.len() + 1);
    for (index, count) in negative.iter().rev() {
        let (lower, upper) = (-bound(*index), -bound(index.saturating_sub(1)));
        out.push((Side::Negative, Bucket { lower, upper, count: *count }));
    }
    if histogram.zero_count > 0.0 {
        let zero = histogram.zero_threshold;
        out.push((Side::Zero, Bucket { lower: -zero, upper: zero, count: histogram.zero_count }));
    }
    for (index, count) in &positive {
        let (lower, upper) = (bound(index.saturating_sub(1)), bound(*index));
        out.push((Side::Positive, Bucket { lower, upper, count: *count }));
    }
    out
}

/// The upper bound of the positive bucket with this index.
fn bound(histogram: &NativeHistogram, index: i32) -> f64 {
    if !is_custom(histogram) {
        return exponential_bound(index, histogram.schema);
    }
    match usize::try_from(index) {
        Err(_) => f64::NEG_INFINITY,
        Ok(index) => histogram.custom_bounds.get(index).copied().unwrap_or(f64::INFINITY),
    }
}

impl Bucket {
    /// The part (0 to 1) of the bucket's observations below `value`, which lies within: spread evenly, or by the logarithm.
    pub(super) fn part_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let (lower, upper, value_log) = (self.lower.abs().log2(), self.upper.abs().log2(), value.abs().log2());
        if value > 0.0 { (value_log - lower) / (upper - lower) } else { 1.0 - (value_log - upper) / (lower - upper) }
    }

    /// The zero bucket of a histogram that has observations on one side only ends at zero.
    pub(super) fn narrowed(self, has_negative: bool, has_positive: bool) -> Self {
        match (has_negative, has_positive) {
            (false, true) => Self { lower: 0.0, ..self },
            (true, false) => Self { upper: 0.0, ..self },
            _ => self,
        }
    }
}
