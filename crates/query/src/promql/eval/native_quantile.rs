//! Quantiles and fractions of native histograms, with Prometheus 3's interpolation: exponential within exponential
//! buckets, linear within the zero bucket and custom buckets.

use super::native_histogram::{by_index, exponential_bound};
use clew_model::metrics::NativeHistogram;

const CUSTOM_SCHEMA: i32 = -53;

#[derive(Debug, Clone, Copy)]
struct Bucket {
    lower: f64,
    upper: f64,
    count: f64,
    linear: bool,
}

/// The buckets from the lowest values to the highest.
fn buckets(histogram: &NativeHistogram) -> Vec<Bucket> {
    if histogram.schema == CUSTOM_SCHEMA {
        return custom_buckets(histogram);
    }
    let bound = |index: i32| exponential_bound(index, histogram.schema);
    let negative = by_index(&histogram.negative_spans, &histogram.negative_buckets);
    let positive = by_index(&histogram.positive_spans, &histogram.positive_buckets);
    let mut out = Vec::with_capacity(negative.len() + positive.len() + 1);
    for (index, count) in negative.iter().rev() {
        out.push(Bucket {
            lower: -bound(*index),
            upper: -bound(index.saturating_sub(1)),
            count: *count,
            linear: false,
        });
    }
    if histogram.zero_count > 0.0 {
        // One-sided histograms have no observations on the other side of zero.
        let lower = if negative.is_empty() && !positive.is_empty() { 0.0 } else { -histogram.zero_threshold };
        let upper = if positive.is_empty() && !negative.is_empty() { 0.0 } else { histogram.zero_threshold };
        out.push(Bucket { lower, upper, count: histogram.zero_count, linear: true });
    }
    for (index, count) in &positive {
        out.push(Bucket { lower: bound(index.saturating_sub(1)), upper: bound(*index), count: *count, linear: false });
    }
    out
}

fn custom_buckets(histogram: &NativeHistogram) -> Vec<Bucket> {
    let bounds = &histogram.custom_bounds;
    let bound = |index: i32| usize::try_from(index).ok().and_then(|index| bounds.get(index)).copied();
    by_index(&histogram.positive_spans, &histogram.positive_buckets)
        .into_iter()
        .map(|(index, count)| {
            let upper = bound(index).unwrap_or(f64::INFINITY);
            // As with classic buckets, the lowest one starts at zero unless its bound is negative.
            let lowest = if upper > 0.0 { 0.0 } else { f64::NEG_INFINITY };
            let lower = if index == 0 { lowest } else { bound(index.saturating_sub(1)).unwrap_or(f64::NEG_INFINITY) };
            Bucket { lower, upper, count, linear: true }
        })
        .collect()
}

impl Bucket {
    /// The value below which `part` (0 to 1) of the bucket's observations lie.
    fn value_at(&self, part: f64) -> f64 {
        if self.lower.is_infinite() {
            return self.upper;
        }
        if self.upper.is_infinite() {
            return self.lower;
        }
        if self.linear {
            return self.lower + (self.upper - self.lower) * part;
        }
        let (near, far) = (self.lower.abs().log2(), self.upper.abs().log2());
        let value = (near + (far - near) * part).exp2();
        if self.lower < 0.0 { -value } else { value }
    }

    /// The part (0 to 1) of the bucket's observations that lie below `value`, which lies within.
    fn part_below(&self, value: f64) -> f64 {
        if self.linear || self.lower.is_infinite() || self.upper.is_infinite() {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let (near, far) = (self.lower.abs().log2(), self.upper.abs().log2());
        (value.abs().log2() - near) / (far - near)
    }
}

/// The φ-quantile; NaN without observations, infinite for φ outside [0, 1].
pub(super) fn quantile(phi: f64, histogram: &NativeHistogram) -> f64 {
    if phi < 0.0 {
        return f64::NEG_INFINITY;
    }
    if phi > 1.0 {
        return f64::INFINITY;
    }
    if phi.is_nan() || histogram.count == 0.0 || histogram.count.is_nan() {
        return f64::NAN;
    }
    let rank = phi * histogram.count;
    let mut below = 0.0;
    let mut last = None;
    for bucket in buckets(histogram).into_iter().filter(|bucket| bucket.count > 0.0) {
        if below + bucket.count >= rank {
            return bucket.value_at((rank - below) / bucket.count);
        }
        below += bucket.count;
        last = Some(bucket);
    }
    // NaN observations count, but stand in no bucket.
    last.map_or(f64::NAN, |bucket| if histogram.sum.is_nan() { f64::NAN } else { bucket.value_at(1.0) })
}

/// The part of the observations between two values.
pub(super) fn fraction(lower: f64, upper: f64, histogram: &NativeHistogram) -> f64 {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let buckets = buckets(histogram);
    (below(upper, &buckets) - below(lower, &buckets)) / histogram.count
}

fn below(value: f64, buckets: &[Bucket]) -> f64 {
    buckets
        .iter()
        .take_while(|bucket| bucket.lower < value)
        .map(|bucket| if value >= bucket.upper { bucket.count } else { bucket.count * bucket.part_below(value) })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::metrics::BucketSpan;

    fn histogram() -> NativeHistogram {
        // Schema 0: buckets (1, 2] with 4 and (2, 4] with 4 observations.
        NativeHistogram {
            count: 8.0,
            sum: 18.0,
            positive_spans: vec![BucketSpan { offset: 1, length: 2 }],
            positive_buckets: vec![4.0, 4.0],
            ..NativeHistogram::default()
        }
    }

    #[test]
    fn quantiles_interpolate_exponentially() {
        let histogram = histogram();
        // By hand: the median is the bound of the buckets; the quartiles lie in the middle of the exponents.
        for (phi, value) in [(0.5, 2.0), (0.25, 2f64.sqrt()), (0.75, 8f64.sqrt()), (1.0, 4.0), (0.0, 1.0)] {
            assert!((quantile(phi, &histogram) - value).abs() < 1e-12, "{phi}: {}", quantile(phi, &histogram));
        }
        assert_eq!(quantile(1.1, &histogram), f64::INFINITY);
        assert!((fraction(2.0, f64::INFINITY, &histogram) - 0.5).abs() < 1e-12);
        assert!((fraction(0.0, 2f64.sqrt(), &histogram) - 0.25).abs() < 1e-12);
    }
}
