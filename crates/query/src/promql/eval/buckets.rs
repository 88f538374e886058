//! Buckets of native histograms with their bounds, from the lowest values to the highest.

use super::layout::indexed;
use clew_model::metrics::{CUSTOM_BUCKETS_SCHEMA, NativeHistogram};

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

/// All buckets, the zero bucket in its place where it holds something. Where it overlaps the bucket beside it, that one begins
/// where the zero bucket ends.
pub(super) fn buckets(histogram: &NativeHistogram) -> Vec<(Side, Bucket)> {
    let mut all = whole_buckets(histogram);
    let zero = histogram.zero_threshold;
    if zero > 0.0 {
        for (side, bucket) in &mut all {
            match side {
                Side::Negative if bucket.upper < 0.0 => bucket.upper = bucket.upper.min(-zero),
                Side::Positive if bucket.lower > 0.0 => bucket.lower = bucket.lower.max(zero),
                _ => {}
            }
        }
    }
    all
}

/// All buckets with the bounds of their schema, the zero bucket in its place where it holds something.
pub(super) fn whole_buckets(histogram: &NativeHistogram) -> Vec<(Side, Bucket)> {
    let bound = |index: i32| histogram.upper_bound(index);
    let negative = histogram.negative_buckets.len();
    let mut out = Vec::with_capacity(negative + histogram.positive_buckets.len() + 1);
    for (index, count) in indexed(&histogram.negative_spans, &histogram.negative_buckets) {
        let (lower, upper) = (-bound(index), -bound(index.saturating_sub(1)));
        out.push((Side::Negative, Bucket { lower, upper, count }));
    }
    out.reverse();
    if histogram.zero_count > 0.0 {
        let zero = histogram.zero_threshold;
        out.push((Side::Zero, Bucket { lower: -zero, upper: zero, count: histogram.zero_count }));
    }
    for (index, count) in indexed(&histogram.positive_spans, &histogram.positive_buckets) {
        let (lower, upper) = (bound(index.saturating_sub(1)), bound(index));
        out.push((Side::Positive, Bucket { lower, upper, count }));
    }
    out
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
