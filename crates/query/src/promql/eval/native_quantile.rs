//! Quantiles, fractions and variances of native histograms, with Prometheus 3's interpolation: exponential within exponential
//! buckets, linear within the zero bucket and custom buckets.

use super::buckets::{Bucket, buckets, is_custom};
use super::compensated::Sum;
use clew_model::metrics::NativeHistogram;

/// What observations of NaN did to an answer: they count, but stand in no bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NanNote {
    /// The quantile lies among them.
    IsNan,
    /// The quantile is that of fewer observations than are counted.
    IsSkewed,
    /// They are in no fraction.
    AreLeftOut,
}

/// The φ-quantile; NaN without observations, infinite for φ outside [0, 1].
pub(super) fn quantile(phi: f64, histogram: &NativeHistogram) -> (f64, Option<NanNote>) {
    if phi < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if phi > 1.0 {
        return (f64::INFINITY, None);
    }
    if histogram.count == 0.0 || phi.is_nan() {
        return (f64::NAN, None);
    }
    let may_have_nan = histogram.sum.is_nan();
    // From the nearer end, which loses less by rounding; observations of NaN would be at the upper one.
    let forward = may_have_nan || phi < 0.5;
    let mut all: Vec<Bucket> = buckets(histogram).into_iter().map(|(_, bucket)| bucket).collect();
    let in_buckets: f64 = all.iter().map(|bucket| bucket.count).sum();
    if !forward {
        all.reverse();
    }
    let rank = if forward { phi } else { 1.0 - phi } * histogram.count;
    let mut count = 0.0;
    let mut reached = Bucket { lower: 0.0, upper: 0.0, count: 0.0 };
    for bucket in all.into_iter().filter(|bucket| bucket.count != 0.0) {
        reached = bucket;
        count += bucket.count;
        if count >= rank {
            break;
        }
    }
    let bucket = match ends(reached, histogram) {
        Ok(bucket) => bucket,
        Err(value) => return (value, None),
    };
    let count = count.min(histogram.count);
    if count < rank {
        return if may_have_nan { (f64::NAN, Some(NanNote::IsNan)) } else { (bucket.upper, None) };
    }
    let rank = if forward { rank - (count - bucket.count) } else { count - rank };
    let note = (may_have_nan && in_buckets < histogram.count).then_some(NanNote::IsSkewed);
    (value_at(bucket, rank / bucket.count, is_custom(histogram)), note)
}

/// The bucket between which bounds is interpolated, or the value where a bound is infinite.
fn ends(bucket: Bucket, histogram: &NativeHistogram) -> Result<Bucket, f64> {
    if !is_custom(histogram) {
        let is_zero = bucket.lower < 0.0 && bucket.upper > 0.0;
        let (negative, positive) = (!histogram.negative_buckets.is_empty(), !histogram.positive_buckets.is_empty());
        return Ok(if is_zero { bucket.narrowed(negative, positive) } else { bucket });
    }
    if bucket.lower == f64::NEG_INFINITY {
        return if bucket.upper <= 0.0 { Err(bucket.upper) } else { Ok(Bucket { lower: 0.0, ..bucket }) };
    }
    if bucket.upper == f64::INFINITY { Err(bucket.lower) } else { Ok(bucket) }
}

/// The value below which `part` (0 to 1) of the bucket's observations lie.
fn value_at(bucket: Bucket, part: f64, custom: bool) -> f64 {
    let Bucket { lower, upper, .. } = bucket;
    if custom || (lower <= 0.0 && upper >= 0.0) {
        return lower + (upper - lower) * part;
    }
    let (near, far) = (lower.abs().log2(), upper.abs().log2());
    if lower > 0.0 { (near + (far - near) * part).exp2() } else { -(far + (near - far) * (1.0 - part)).exp2() }
}

/// The part of the observations between two values.
pub(super) fn fraction(lower: f64, upper: f64, histogram: &NativeHistogram) -> (f64, Option<NanNote>) {
    if histogram.count == 0.0 || lower.is_nan() || upper.is_nan() {
        return (f64::NAN, None);
    }
    if lower >= upper {
        return (0.0, None);
    }
    let all = buckets(histogram);
    let (mut count, mut note) = (histogram.count, None);
    if histogram.sum.is_nan() {
        count = all.iter().map(|(_, bucket)| bucket.count).sum();
        note = (count < histogram.count).then_some(NanNote::AreLeftOut);
    }
    let below =
        |value: f64| below(value, all.iter().map(|(_, bucket)| *bucket), histogram).map_or(count, |own| own.min(count));
    ((below(upper) - below(lower)) / histogram.count, note)
}

/// How many observations lie below a value; `None` where it lies above all buckets.
fn below(value: f64, all: impl Iterator<Item = Bucket>, histogram: &NativeHistogram) -> Option<f64> {
    let (negative, positive) = (!histogram.negative_buckets.is_empty(), !histogram.positive_buckets.is_empty());
    let mut rank = 0.0;
    for bucket in all {
        let is_zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
        let bucket = if is_zero { bucket.narrowed(negative, positive) } else { bucket };
        if bucket.lower >= value {
            return Some(rank);
        }
        if bucket.upper > value {
            let linear = is_zero || is_custom(histogram);
            let is_open = linear && bucket.lower == f64::NEG_INFINITY;
            return Some(if is_open { bucket.count } else { rank + bucket.count * bucket.part_below(value, linear) });
        }
        rank += bucket.count;
    }
    None
}

/// The variance of the observations, each taken to lie in the middle of its bucket: the geometric one, the arithmetic one of
/// custom buckets, zero in the zero bucket.
pub(super) fn variance(histogram: &NativeHistogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let mut sum = Sum::default();
    for (_, bucket) in buckets(histogram).into_iter().filter(|(_, bucket)| bucket.count != 0.0) {
        let middle = if is_custom(histogram) {
            (bucket.upper + bucket.lower) / 2.0
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.upper * bucket.lower).sqrt().copysign(bucket.upper)
        };
        sum.add(bucket.count * (middle - mean) * (middle - mean));
    }
    sum.total() / histogram.count
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
            assert!((quantile(phi, &histogram).0 - value).abs() < 1e-12, "{phi}: {}", quantile(phi, &histogram).0);
        }
        assert_eq!(quantile(1.1, &histogram).0, f64::INFINITY);
        assert!((fraction(2.0, f64::INFINITY, &histogram).0 - 0.5).abs() < 1e-12);
        assert!((fraction(0.0, 2f64.sqrt(), &histogram).0 - 0.25).abs() < 1e-12);
    }
}
