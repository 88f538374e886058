//! Arithmetic of native histograms: sums, differences, scaling, over buckets by index.

use super::column::{Column, is_absent};
use super::compute::Window;
use super::notes::WindowNote;
use clew_model::UnixMillis;
use clew_model::metrics::{BucketSpan, NativeHistogram, ResetHint};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The schema of histograms with bounds of their own.
const CUSTOM_SCHEMA: i32 = -53;

/// Counts by index.
type Buckets = BTreeMap<i32, f64>;

/// The histogram with all counts and the sum multiplied.
pub(super) fn scaled(histogram: &NativeHistogram, factor: f64) -> NativeHistogram {
    let mut out = histogram.clone();
    out.zero_count *= factor;
    out.count *= factor;
    out.sum *= factor;
    out.positive_buckets.iter_mut().chain(&mut out.negative_buckets).for_each(|count| *count *= factor);
    out
}

/// Replaces the histograms of a column by numbers, drops its floats and its name.
pub(super) fn to_floats(column: &mut Column, function: &dyn Fn(usize, &NativeHistogram) -> f64) {
    column.drop_name = true;
    let histograms = std::mem::take(&mut column.histograms);
    for (step, value) in column.values.iter_mut().enumerate() {
        let histogram = histograms.get(step).and_then(Option::as_ref);
        *value = match histogram {
            Some(histogram) if is_absent(*value) => function(step, histogram),
            _ => super::column::ABSENT,
        };
    }
}

/// Buckets by index: bucket `i` of the positive side has the upper bound `base^i`.
pub(super) fn by_index(spans: &[BucketSpan], counts: &[f64]) -> Buckets {
    let mut out = Buckets::new();
    let mut counts = counts.iter();
    let mut index = 0i32;
    for span in spans {
        index = index.saturating_add(span.offset);
        for _ in 0..span.length {
            let Some(count) = counts.next() else { return out };
            out.insert(index, *count);
            index = index.saturating_add(1);
        }
    }
    out
}

fn to_spans(buckets: &Buckets) -> (Vec<BucketSpan>, Vec<f64>) {
    let (mut spans, mut counts): (Vec<BucketSpan>, Vec<f64>) = (Vec::new(), Vec::new());
    let mut next = 0i32;
    for (index, count) in buckets.iter().filter(|(_, count)| **count != 0.0) {
        match spans.last_mut() {
            Some(span) if *index == next => span.length += 1,
            _ => spans.push(BucketSpan { offset: index.saturating_sub(next), length: 1 }),
        }
        counts.push(*count);
        next = index.saturating_add(1);
    }
    (spans, counts)
}

/// The buckets at a coarser schema: each step merges pairs.
fn coarser(buckets: Buckets, from: i32, to: i32) -> Buckets {
    if from <= to {
        return buckets;
    }
    let shift = u32::try_from(from - to).unwrap_or(31).min(31);
    let mut out = Buckets::new();
    for (index, count) in buckets {
        // Bucket i holds (base^(i-1), base^i]: i-1 is halved, rounding down.
        *out.entry(((index.saturating_sub(1)) >> shift).saturating_add(1)).or_insert(0.0) += count;
    }
    out
}

/// Counts within the wider zero bucket move there; the threshold grows to the bound of a bucket that straddles it.
fn widen_zero(zero: &mut (f64, f64), sides: [&mut Buckets; 2], schema: i32, wanted: f64) {
    zero.0 = zero.0.max(wanted);
    for side in sides {
        while let Some((index, count)) = side.first_key_value().map(|(index, count)| (*index, *count)) {
            let lower = exponential_bound(index.saturating_sub(1), schema);
            if lower >= zero.0 {
                break;
            }
            if count != 0.0 {
                zero.0 = zero.0.max(exponential_bound(index, schema));
            }
            zero.1 += count;
            side.remove(&index);
        }
    }
}

/// `base^index` for the base of a schema.
pub(super) fn exponential_bound(index: i32, schema: i32) -> f64 {
    (f64::from(index) * (-f64::from(schema)).exp2()).exp2()
}

/// `left + factor * right`; `None` when their buckets cannot be combined.
fn combine(left: &NativeHistogram, right: &NativeHistogram, factor: f64) -> Option<NativeHistogram> {
    let custom = left.schema == CUSTOM_SCHEMA;
    if custom != (right.schema == CUSTOM_SCHEMA) || (custom && left.custom_bounds != right.custom_bounds) {
        return None;
    }
    let schema = left.schema.min(right.schema);
    let side = |histogram: &NativeHistogram, spans: &[BucketSpan], counts: &[f64]| {
        coarser(by_index(spans, counts), histogram.schema, schema)
    };
    let mut positive = side(left, &left.positive_spans, &left.positive_buckets);
    let mut negative = side(left, &left.negative_spans, &left.negative_buckets);
    let mut other_positive = side(right, &right.positive_spans, &right.positive_buckets);
    let mut other_negative = side(right, &right.negative_spans, &right.negative_buckets);
    let mut zero = (left.zero_threshold, left.zero_count);
    let mut other_zero = (right.zero_threshold, right.zero_count);
    if !custom {
        // Widening one may pass the other's threshold; two rounds settle it, since bounds of both are of one schema.
        for _ in 0..2 {
            widen_zero(&mut zero, [&mut positive, &mut negative], schema, other_zero.0);
            widen_zero(&mut other_zero, [&mut other_positive, &mut other_negative], schema, zero.0);
        }
    }
    for (index, count) in other_positive {
        *positive.entry(index).or_insert(0.0) += factor * count;
    }
    for (index, count) in other_negative {
        *negative.entry(index).or_insert(0.0) += factor * count;
    }
    let (positive_spans, positive_buckets) = to_spans(&positive);
    let (negative_spans, negative_buckets) = to_spans(&negative);
    Some(NativeHistogram {
        schema,
        zero_threshold: zero.0,
        zero_count: zero.1 + factor * other_zero.1,
        count: left.count + factor * right.count,
        sum: left.sum + factor * right.sum,
        positive_spans,
        positive_buckets,
        negative_spans,
        negative_buckets,
        custom_bounds: left.custom_bounds.clone(),
        reset_hint: ResetHint::Gauge,
    })
}

/// `left + right`.
pub(super) fn added(left: &NativeHistogram, right: &NativeHistogram) -> Option<NativeHistogram> {
    combine(left, right, 1.0)
}

/// `left - right`.
pub(super) fn subtracted(left: &NativeHistogram, right: &NativeHistogram) -> Option<NativeHistogram> {
    combine(left, right, -1.0)
}

/// The sum of all; `None` when there is none or their buckets cannot be combined.
pub(super) fn sum<'a>(mut histograms: impl Iterator<Item = &'a NativeHistogram>) -> Option<NativeHistogram> {
    let first = histograms.next()?.clone();
    histograms.try_fold(first, |sum, histogram| added(&sum, histogram))
}

/// The change from the first to the last; counters' resets are made good.
pub(super) fn change(samples: &[(UnixMillis, Arc<NativeHistogram>)], counter: bool) -> Option<NativeHistogram> {
    let ((_, first), (_, last)) = (samples.first()?, samples.last()?);
    let mut change = subtracted(last, first)?;
    if counter {
        for ((_, before), (_, after)) in samples.iter().zip(samples.iter().skip(1)) {
            if is_reset(before, after) {
                change = added(&change, before)?;
            }
        }
    }
    Some(change)
}

/// The change between two samples; a counter that began anew in between has changed by what it has.
pub(super) fn instant_change(
    window: &Window<'_>,
    before: &NativeHistogram,
    after: &NativeHistogram,
    counter: bool,
) -> Option<NativeHistogram> {
    let are_gauges = [before, after].map(|own| own.reset_hint == ResetHint::Gauge);
    match counter {
        true if are_gauges.contains(&true) => window.note(WindowNote::NotCounter),
        false if are_gauges.contains(&false) => window.note(WindowNote::NotGauge),
        _ => {}
    }
    if counter && is_reset(before, after) {
        return Some(NativeHistogram { reset_hint: ResetHint::Gauge, ..after.clone() });
    }
    let change = subtracted(after, before);
    if change.is_none() {
        window.note(WindowNote::MixedBuckets);
    }
    change
}

/// Whether a counter started anew between two samples: the hint says so, or any bucket or the count fell.
pub(super) fn is_reset(before: &NativeHistogram, after: &NativeHistogram) -> bool {
    match after.reset_hint {
        ResetHint::Reset => return true,
        ResetHint::NoReset | ResetHint::Gauge => return false,
        ResetHint::Unknown => {}
    }
    if after.count < before.count || after.schema > before.schema || after.zero_threshold < before.zero_threshold {
        return true;
    }
    subtracted(after, before).is_none_or(|change| {
        change.zero_count < 0.0
            || change.positive_buckets.iter().chain(&change.negative_buckets).any(|count| *count < 0.0)
    })
}
