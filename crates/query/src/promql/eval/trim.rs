//! `</` and `>/`: a histogram without the observations above or below a value. A bucket that holds the value is cut, and the
//! sum is estimated from the middles of what is left.

use super::buckets::{Bucket, Side, is_custom, whole_buckets};
use super::layout::{indexed, to_spans};
use clew_model::metrics::NativeHistogram;

/// The observations up to `limit`, or from it on.
pub(super) fn trimmed(histogram: &NativeHistogram, limit: f64, upper: bool) -> NativeHistogram {
    let custom = is_custom(histogram);
    let all = whole_buckets(histogram);
    let has = |side: Side| all.iter().any(|(own, bucket)| *own == side && bucket.count != 0.0);
    let (has_negative, has_positive) = (has(Side::Negative), has(Side::Positive));
    let mut kept: Vec<(Side, f64)> = Vec::with_capacity(all.len());
    let (mut count, mut sum, mut is_cut) = (0.0, 0.0, false);
    for (side, bucket) in &all {
        let (left, middle) = match side {
            _ if bucket.count == 0.0 => (0.0, 0.0),
            Side::Zero => cut_zero(bucket.narrowed(has_negative, has_positive), limit, upper),
            _ => cut(*bucket, limit, upper, *side == Side::Positive, custom),
        };
        is_cut |= left != bucket.count;
        count += left;
        if left != 0.0 {
            sum += middle * left;
        }
        kept.push((*side, left));
    }
    if !is_cut {
        return histogram.clone();
    }
    let of = |side: Side| kept.iter().filter(move |(own, _)| *own == side).map(|(_, left)| *left);
    let with = |own: &mut dyn Iterator<Item = (i32, f64)>, left: Vec<f64>| -> Vec<(i32, f64)> {
        own.map(|(index, _)| index).zip(left).collect()
    };
    let mut positive = indexed(&histogram.positive_spans, &histogram.positive_buckets);
    let (positive_spans, positive_buckets) = to_spans(&with(&mut positive, of(Side::Positive).collect()));
    let mut negative = indexed(&histogram.negative_spans, &histogram.negative_buckets);
    let mut negative_left: Vec<f64> = of(Side::Negative).collect();
    negative_left.reverse();
    let (negative_spans, negative_buckets) = to_spans(&with(&mut negative, negative_left));
    NativeHistogram {
        zero_count: of(Side::Zero).sum(),
        count,
        sum,
        positive_spans,
        positive_buckets,
        negative_spans,
        negative_buckets,
        ..histogram.clone()
    }
}

/// What is left of a bucket, and the middle of that.
fn cut(bucket: Bucket, limit: f64, upper: bool, positive: bool, custom: bool) -> (f64, f64) {
    let whole = || (bucket.count, middle(bucket.lower, bucket.upper, positive, custom));
    match upper {
        true if bucket.upper <= limit => return whole(),
        true if bucket.lower < limit => {}
        false if bucket.lower >= limit => return whole(),
        false if bucket.upper > limit => {}
        // Also where the limit is NaN.
        _ => return (0.0, 0.0),
    }
    if bucket.lower == f64::NEG_INFINITY || bucket.upper == f64::INFINITY {
        return cut_infinite(bucket, limit, upper);
    }
    let under = bucket.count * bucket.part_below(limit, custom);
    if upper {
        (under, middle(bucket.lower, limit, positive, custom))
    } else {
        (bucket.count - under, middle(limit, bucket.upper, positive, custom))
    }
}

/// How the observations of a bucket without an end are spread is not known: it is left whole or goes whole, unless it may be
/// taken to begin at zero.
fn cut_infinite(bucket: Bucket, limit: f64, upper: bool) -> (f64, f64) {
    let begins_at_zero = bucket.upper > 0.0 && bucket.upper.is_finite();
    if bucket.lower == f64::NEG_INFINITY {
        return match upper {
            true if limit >= bucket.upper => (bucket.count, 0.0),
            true if limit > 0.0 && begins_at_zero => (bucket.count * limit / bucket.upper, limit / 2.0),
            true if bucket.upper <= 0.0 => (bucket.count, limit),
            false if limit <= bucket.lower => (bucket.count, 0.0),
            false if limit >= 0.0 && bucket.upper > limit && begins_at_zero => {
                (bucket.count * (1.0 - limit / bucket.upper), (limit + bucket.upper) / 2.0)
            }
            _ => (0.0, 0.0),
        };
    }
    if !upper && limit >= bucket.lower { (bucket.count, limit) } else { (0.0, 0.0) }
}

fn cut_zero(bucket: Bucket, limit: f64, upper: bool) -> (f64, f64) {
    let Bucket { lower, upper: high, count } = bucket;
    match (upper, limit <= lower, limit >= high) {
        (true, true, _) | (false, false, true) => (0.0, 0.0),
        (true, false, true) | (false, true, _) => (count, (lower + high) / 2.0),
        (true, false, false) => (count * ((limit - lower) / (high - lower)), (lower + limit) / 2.0),
        (false, false, false) => (count * ((high - limit) / (high - lower)), (limit + high) / 2.0),
    }
}

/// The middle of what is left between two bounds.
fn middle(lower: f64, upper: f64, positive: bool, linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) if linear => (lower + upper) / 2.0,
        (false, false) => {
            let geometric = (lower * upper).abs().sqrt();
            if positive { geometric } else { -geometric }
        }
    }
}
