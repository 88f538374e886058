//! Arithmetic of native histograms: sums, differences, scaling, over buckets by index.

use super::buckets::{Side, buckets, is_custom};
use super::column::{Column, is_absent};
use super::compute::Window;
use super::layout::{Layout, indexed};
use super::notes::WindowNote;
use super::started::Starts;
use crate::promql::number::format_general;
use clew_model::UnixMillis;
use clew_model::metrics::{BucketSpan, NativeHistogram, ResetHint};
use std::sync::Arc;

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
    let mut layout = Layout::<f64>::of(left);
    layout.add(right, factor);
    let (reset_hint, collides) = Combination::hint(left.reset_hint, right.reset_hint);
    let histogram = NativeHistogram {
        count: left.count + factor * right.count,
        sum: left.sum + factor * right.sum,
        reset_hint,
        ..layout.to_histogram()
    };
    Some(Combination { histogram, collides, reconciled: custom && left.custom_bounds != right.custom_bounds })
}

/// The histogram with the buckets of a coarser exponential schema.
fn coarsened(own: &NativeHistogram, schema: i32) -> NativeHistogram {
    let mut layout = Layout::<f64>::of(own);
    layout.coarsen(schema);
    NativeHistogram { count: own.count, sum: own.sum, reset_hint: own.reset_hint, ..layout.to_histogram() }
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
            let kept = indexed(spans, counts).filter(|(_, count)| *count != 0.0);
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
    let starts = Starts::new(window.histograms, |(time, _)| *time, window.histogram_starts);
    // Where a reset follows it, the first sample does not count, nor how its buckets are laid out.
    let begins_anew = counter && (starts.is_anew(1) || is_reset(first, second));
    let relevant = if begins_anew { rest } else { &samples };
    let is_mixed = |one: &Arc<NativeHistogram>| is_custom(one) != is_custom(last);
    let looked_at = |place: usize| counter || place == 0 || place + 1 == relevant.len();
    if relevant.iter().enumerate().any(|(place, one)| looked_at(place) && is_mixed(one)) {
        window.note(WindowNote::MixedBuckets);
        return None;
    }
    let schema = relevant.iter().filter(|_| counter).map(|one| one.schema).min().unwrap_or(last.schema);
    let mut change = match schema < last.schema && !is_custom(last) {
        true => coarsened(last, schema),
        false => (**last).clone(),
    };
    if !begins_anew {
        let difference = subtracted(&change, first)?;
        if difference.reconciled {
            window.note(WindowNote::ReconciledSubtracting);
        }
        change = difference.histogram;
    }
    if counter {
        starts.note_overlap(window);
        let skipped = usize::from(begins_anew);
        for (place, (before, after)) in relevant.iter().zip(relevant.iter().skip(1)).enumerate() {
            if starts.is_anew(skipped + place + 1) || is_reset(before, after) {
                let sum = added(&change, before)?;
                if sum.reconciled {
                    window.note(WindowNote::ReconciledAdding);
                }
                change = sum.histogram;
            }
        }
    }
    change.reset_hint = ResetHint::Gauge;
    Some(change)
}

/// The change between two samples; a counter that began anew in between has changed by what it has.
pub(super) fn instant_change(
    window: &Window<'_>,
    (before, after): (&NativeHistogram, &NativeHistogram),
    counter: bool,
    is_anew: bool,
) -> Option<NativeHistogram> {
    let are_gauges = [before, after].map(|own| own.reset_hint == ResetHint::Gauge);
    match counter {
        true if are_gauges.contains(&true) => window.note(WindowNote::NotCounter),
        false if are_gauges.contains(&false) => window.note(WindowNote::NotGauge),
        _ => {}
    }
    if counter && (is_anew || is_reset(before, after)) {
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
    if has_same_layout(before, after) {
        // As nearly always: nothing needs to be laid out anew.
        return after.zero_count < before.zero_count
            || falls(positive(before), positive(after))
            || falls(negative(before), negative(after));
    }
    subtracted(after, before).is_none_or(|change| {
        let change = change.histogram;
        // A wider zero bucket than that of the later sample cuts a populated bucket of the earlier one.
        (!is_custom(after) && change.zero_threshold != after.zero_threshold)
            || change.zero_count < 0.0
            || change.positive_buckets.iter().chain(&change.negative_buckets).any(|count| *count < 0.0)
    })
}

fn has_same_layout(left: &NativeHistogram, right: &NativeHistogram) -> bool {
    left.schema == right.schema
        && left.zero_threshold == right.zero_threshold
        && left.custom_bounds == right.custom_bounds
}

/// Whether any count is less than it was; a bucket that is not there holds nothing.
fn falls(before: impl Iterator<Item = (i32, f64)>, after: impl Iterator<Item = (i32, f64)>) -> bool {
    let mut after = after.peekable();
    before.into_iter().any(|(index, count)| {
        while after.next_if(|(own, _)| *own < index).is_some() {}
        let now = after.peek().filter(|(own, _)| *own == index).map_or(0.0, |(_, now)| *now);
        now < count
    })
}

fn positive(own: &NativeHistogram) -> impl Iterator<Item = (i32, f64)> {
    indexed(&own.positive_spans, &own.positive_buckets)
}

fn negative(own: &NativeHistogram) -> impl Iterator<Item = (i32, f64)> {
    indexed(&own.negative_spans, &own.negative_buckets)
}
