//! Arithmetic of native histograms: sums, differences, scaling, over buckets by index.

use super::buckets::{Side, buckets, is_custom};
use super::column::{Column, is_absent};
use super::compute::Window;
use super::notes::WindowNote;
use crate::promql::number::format_general;
use clew_model::UnixMillis;
use clew_model::metrics::{BucketSpan, NativeHistogram, ResetHint, exponential_bound};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Counts by index.
pub(super) type Buckets = BTreeMap<i32, f64>;

/// The histogram with all counts and the sum multiplied; one that is turned around is no counter.
pub(super) fn scaled(histogram: &NativeHistogram, factor: f64) -> NativeHistogram {
    let mut out = histogram.clone();
    out.zero_count *= factor;
    out.count *= factor;
    out.sum *= factor;
    out.positive_buckets.iter_mut().chain(&mut out.negative_buckets).for_each(|count| *count *= factor);
    if factor < 0.0 {
        out.reset_hint = ResetHint::Gauge;
    }
    out
}

/// The histogram with all counts and the sum divided; by zero no bucket is left.
pub(super) fn divided(histogram: &NativeHistogram, by: f64) -> NativeHistogram {
    let mut out = histogram.clone();
    out.zero_count /= by;
    out.count /= by;
    out.sum /= by;
    if by == 0.0 {
        out.positive_spans.clear();
        out.positive_buckets.clear();
        out.negative_spans.clear();
        out.negative_buckets.clear();
    }
    out.positive_buckets.iter_mut().chain(&mut out.negative_buckets).for_each(|count| *count /= by);
    if by < 0.0 {
        out.reset_hint = ResetHint::Gauge;
    }
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

pub(super) fn to_spans(buckets: &Buckets) -> (Vec<BucketSpan>, Vec<f64>) {
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

/// The index of a bucket of one layout in another, which is no finer: of a coarser schema, or of fewer custom bounds.
pub(super) fn mapped_index(index: i32, from: &NativeHistogram, to: &NativeHistogram) -> i32 {
    if is_custom(from) {
        let bound = usize::try_from(index).ok().and_then(|index| from.custom_bounds.get(index));
        let place = bound.map_or(to.custom_bounds.len(), |bound| to.custom_bounds.partition_point(|own| own < bound));
        return i32::try_from(place).unwrap_or(i32::MAX);
    }
    let shift = u32::try_from(from.schema.saturating_sub(to.schema)).unwrap_or(0).min(31);
    // Bucket i holds (base^(i-1), base^i]: i-1 is halved, rounding down.
    if shift == 0 { index } else { (index.saturating_sub(1) >> shift).saturating_add(1) }
}

/// The bounds that both have.
pub(super) fn intersected(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().copied().filter(|bound| right.contains(bound)).collect()
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

/// Two histograms made one, and what is to be told of it.
#[derive(Debug)]
pub(super) struct Combination {
    pub histogram: NativeHistogram,
    /// Whether the one is known to follow a reset, and the other to follow none.
    pub collides: bool,
    /// Whether custom bounds differed, so that only those are left that both have.
    pub reconciled: bool,
}

impl Combination {
    /// What is known of resets of the combination, and whether the two contradict each other.
    pub(super) fn hint(left: ResetHint, right: ResetHint) -> (ResetHint, bool) {
        match (left, right) {
            (left, right) if left == right => (left, false),
            (ResetHint::Gauge, _) | (_, ResetHint::Gauge) => (ResetHint::Gauge, false),
            (ResetHint::Unknown, _) | (_, ResetHint::Unknown) => (ResetHint::Unknown, false),
            _ => (ResetHint::Unknown, true),
        }
    }
}

/// `left + factor * right`; `None` when the one has custom buckets and the other has not.
fn combine(left: &NativeHistogram, right: &NativeHistogram, factor: f64) -> Option<Combination> {
    let custom = is_custom(left);
    if custom != is_custom(right) {
        return None;
    }
    let reconciled = custom && left.custom_bounds != right.custom_bounds;
    let custom_bounds =
        if reconciled { intersected(&left.custom_bounds, &right.custom_bounds) } else { left.custom_bounds.clone() };
    let (reset_hint, collides) = Combination::hint(left.reset_hint, right.reset_hint);
    let schema = left.schema.min(right.schema);
    let layout = NativeHistogram { schema, custom_bounds, reset_hint, ..NativeHistogram::default() };
    let side = |own: &NativeHistogram, spans: &[BucketSpan], counts: &[f64]| {
        let mut buckets = Buckets::new();
        for (index, count) in by_index(spans, counts) {
            *buckets.entry(mapped_index(index, own, &layout)).or_insert(0.0) += count;
        }
        buckets
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
    let histogram = NativeHistogram {
        zero_threshold: zero.0,
        zero_count: zero.1 + factor * other_zero.1,
        count: left.count + factor * right.count,
        sum: left.sum + factor * right.sum,
        positive_spans,
        positive_buckets,
        negative_spans,
        negative_buckets,
        ..layout
    };
    Some(Combination { histogram, collides, reconciled })
}

/// `left + right`.
pub(super) fn added(left: &NativeHistogram, right: &NativeHistogram) -> Option<Combination> {
    combine(left, right, 1.0)
}

/// `left - right`, which is a gauge.
pub(super) fn subtracted(left: &NativeHistogram, right: &NativeHistogram) -> Option<Combination> {
    let mut difference = combine(left, right, -1.0)?;
    difference.histogram.reset_hint = ResetHint::Gauge;
    Some(difference)
}

/// Whether two histograms hold the same, however their empty buckets are written.
pub(super) fn is_same(left: &NativeHistogram, right: &NativeHistogram) -> bool {
    let bits = |own: &NativeHistogram| [own.count, own.sum, own.zero_count].map(f64::to_bits);
    let sides = |own: &NativeHistogram| {
        let compact = |spans: &[BucketSpan], counts: &[f64]| {
            let kept = by_index(spans, counts).into_iter().filter(|(_, count)| *count != 0.0);
            kept.map(|(index, count)| (index, count.to_bits())).collect::<Vec<_>>()
        };
        [compact(&own.positive_spans, &own.positive_buckets), compact(&own.negative_spans, &own.negative_buckets)]
    };
    left.schema == right.schema
        && left.custom_bounds == right.custom_bounds
        && left.zero_threshold == right.zero_threshold
        && bits(left) == bits(right)
        && sides(left) == sides(right)
}

/// The text of a histogram, as `count_values` gives it: counts of its buckets between their bounds.
pub(super) fn text(own: &NativeHistogram) -> String {
    let mut text = format!("{{count:{}, sum:{}", format_general(own.count), format_general(own.sum));
    for (side, bucket) in buckets(own).into_iter().filter(|(_, bucket)| bucket.count != 0.0) {
        let (open, close) = match side {
            Side::Negative => ('[', ')'),
            Side::Zero => ('[', ']'),
            Side::Positive => ('(', ']'),
        };
        let [lower, upper, count] = [bucket.lower, bucket.upper, bucket.count].map(format_general);
        text.push_str(&format!(", {open}{lower},{upper}{close}:{count}"));
    }
    text.push('}');
    text
}

/// The change from the first to the last sample of a window; resets of counters are made good. `None` where the samples cannot
/// be combined, which is told.
pub(super) fn change(window: &Window<'_>, counter: bool) -> Option<NativeHistogram> {
    let own = |(_, histogram): &'_ (UnixMillis, Arc<NativeHistogram>)| Arc::clone(histogram);
    let samples: Vec<Arc<NativeHistogram>> = window.histograms.iter().map(own).collect();
    let [first, rest @ ..] = samples.as_slice() else { return None };
    let (second, last) = (rest.first()?, rest.last()?);
    let gauges = samples.iter().filter(|one| one.reset_hint == ResetHint::Gauge).count();
    match counter {
        true if gauges > 0 => window.note(WindowNote::NotCounter),
        false if [first, last].iter().any(|one| one.reset_hint != ResetHint::Gauge) => {
            window.note(WindowNote::NotGauge)
        }
        _ => {}
    }
    // Where a reset follows it, the first sample does not count, nor how its buckets are laid out.
    let begins_anew = counter && is_reset(first, second);
    let relevant = if begins_anew { rest } else { &samples };
    let is_mixed = |one: &Arc<NativeHistogram>| is_custom(one) != is_custom(last);
    let looked_at = |place: usize| counter || place == 0 || place + 1 == relevant.len();
    if relevant.iter().enumerate().any(|(place, one)| looked_at(place) && is_mixed(one)) {
        window.note(WindowNote::MixedBuckets);
        return None;
    }
    let mut change = NativeHistogram { reset_hint: ResetHint::Gauge, ..(**last).clone() };
    if !begins_anew {
        let difference = subtracted(last, first)?;
        if difference.reconciled {
            window.note(WindowNote::ReconciledSubtracting);
        }
        change = difference.histogram;
    }
    if counter {
        let schema = relevant.iter().map(|one| one.schema).min().unwrap_or(change.schema);
        let coarse = NativeHistogram { schema, zero_threshold: change.zero_threshold, ..NativeHistogram::default() };
        if schema < change.schema && !is_custom(&change) {
            change = added(&change, &coarse)?.histogram;
        }
        for (before, after) in relevant.iter().zip(relevant.iter().skip(1)) {
            if is_reset(before, after) {
                let sum = added(&change, before)?;
                if sum.reconciled {
                    window.note(WindowNote::ReconciledAdding);
                }
                change = sum.histogram;
            }
        }
        change.reset_hint = ResetHint::Gauge;
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
    match subtracted(after, before) {
        None => {
            window.note(WindowNote::MixedBuckets);
            None
        }
        Some(change) => {
            if change.reconciled {
                window.note(WindowNote::ReconciledSubtracting);
            }
            Some(change.histogram)
        }
    }
}

/// Whether a counter started anew between two samples: the hint says so, or any bucket or the count fell, or buckets became
/// finer, which counting on does not do.
pub(super) fn is_reset(before: &NativeHistogram, after: &NativeHistogram) -> bool {
    match after.reset_hint {
        ResetHint::Reset => return true,
        ResetHint::NoReset => return false,
        ResetHint::Unknown | ResetHint::Gauge => {}
    }
    if after.count < before.count || (is_custom(after) && !is_custom(before)) {
        return true;
    }
    if !is_custom(after) && (after.schema > before.schema || after.zero_threshold < before.zero_threshold) {
        return true;
    }
    subtracted(after, before).is_none_or(|change| {
        let change = change.histogram;
        // A wider zero bucket than that of the later sample cuts a populated bucket of the earlier one.
        (!is_custom(after) && change.zero_threshold != after.zero_threshold)
            || change.zero_count < 0.0
            || change.positive_buckets.iter().chain(&change.negative_buckets).any(|count| *count < 0.0)
    })
}
