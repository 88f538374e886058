//! Extended ranges of native histograms.

use super::buckets::is_custom;
use super::compute::{Output, Window};
use super::native_histogram::{Combination, added, divided, is_reset, scaled, subtracted};
use super::notes::WindowNote;
use clew_model::UnixMillis;
use clew_model::metrics::{NativeHistogram, ResetHint};
use std::sync::Arc;

type Points<'a> = &'a [(UnixMillis, Arc<NativeHistogram>)];

/// The change over the range, from the histogram at its start to that at its end.
pub(super) fn change(window: &Window<'_>, smoothed: bool, counter: bool, per_second: bool) -> Output {
    let Some(mut change) = whole_change(window, smoothed, counter) else { return Output::Nothing };
    change.reset_hint = ResetHint::Gauge;
    if per_second {
        change = divided(&change, (window.end - window.start) as f64 / 1000.0);
    }
    Output::Histogram(change)
}

fn whole_change(window: &Window<'_>, smoothed: bool, counter: bool) -> Option<NativeHistogram> {
    let points = counting(window.histograms, (window.start, window.end), smoothed)?;
    if !are_alike(window, points, counter) {
        return None;
    }
    let (first, last) = (points.first()?, points.last()?);
    let left = match points.get(1) {
        Some(second) if smoothed && first.0 < window.start => between(window, first, second, window.start, counter)?,
        _ => (*first.1).clone(),
    };
    let right = match points.len().checked_sub(2).and_then(|at| points.get(at)) {
        Some(before) if smoothed && last.0 > window.end => between(window, before, last, window.end, counter)?,
        _ => (*last.1).clone(),
    };
    if !counter && [&left, &right].iter().any(|one| one.reset_hint != ResetHint::Gauge) {
        window.note(WindowNote::NotGauge);
    }
    let mut change = told(window, subtracted(&right, &left), WindowNote::ReconciledSubtracting)?;
    if counter {
        for lost in lost_by_resets(points, (&left, &right), smoothed && first.0 < window.start) {
            change = told(window, added(&change, lost), WindowNote::ReconciledAdding)?;
        }
    }
    Some(change)
}

/// The samples from the last one before the range, or the first in it, to the last in it, or the first after it where it is
/// smoothed; `None` where nothing lies in it.
fn counting(all: Points<'_>, (start, end): (UnixMillis, UnixMillis), smoothed: bool) -> Option<Points<'_>> {
    let newest = all.len().checked_sub(1)?;
    let earlier = all.get(..newest).unwrap_or_default();
    let first = earlier.partition_point(|(time, _)| *time <= start).saturating_sub(1);
    let last = if smoothed { earlier.partition_point(|(time, _)| *time < end) } else { newest };
    let points = all.get(first..=last)?;
    let (first, last) = (points.first()?, points.last()?);
    (last.0 > start && !(smoothed && first.0 > end)).then_some(points)
}

/// Whether all have buckets of one kind; tells of those that have not, and of gauges among counters.
fn are_alike(window: &Window<'_>, points: Points<'_>, counter: bool) -> bool {
    let custom = points.first().is_some_and(|(_, first)| is_custom(first));
    for (_, own) in points {
        if is_custom(own) != custom {
            window.note(WindowNote::MixedBuckets);
            return false;
        }
        if counter && own.reset_hint == ResetHint::Gauge {
            window.note(WindowNote::NotCounter);
        }
    }
    true
}

/// The histogram at `time` between two samples; a counter that began anew has risen from nothing.
fn between(
    window: &Window<'_>,
    (from, before): &(UnixMillis, Arc<NativeHistogram>),
    (to, after): &(UnixMillis, Arc<NativeHistogram>),
    time: UnixMillis,
    counter: bool,
) -> Option<NativeHistogram> {
    if time == *from {
        return Some((**before).clone());
    }
    if time == *to {
        return Some((**after).clone());
    }
    let part = (time - from) as f64 / (to - from) as f64;
    if counter && is_reset(before, after) {
        return Some(scaled(after, part));
    }
    let difference = told(window, subtracted(after, before), WindowNote::ReconciledSubtracting)?;
    let hint = after.reset_hint;
    let mut made = told(window, added(&scaled(&difference, part), before), WindowNote::ReconciledAdding)?;
    made.reset_hint = hint;
    Some(made)
}

/// What a counter had each time before it began anew. The samples at the ends stand in `ends`; one that was made across a reset
/// accounts for it.
fn lost_by_resets<'a>(
    points: &'a [(UnixMillis, Arc<NativeHistogram>)],
    (left, right): (&'a NativeHistogram, &'a NativeHistogram),
    left_is_between: bool,
) -> Vec<&'a NativeHistogram> {
    let (mut from, mut before) = (1, left);
    if let (true, [(_, first), (_, second), ..]) = (left_is_between, points)
        && is_reset(first, second)
    {
        (from, before) = (2, second);
    }
    let to = points.len().saturating_sub(1);
    if from > to {
        return Vec::new();
    }
    let mut lost = Vec::new();
    for own in points.get(from..to).unwrap_or_default().iter().map(|(_, own)| &**own).chain([right]) {
        if is_reset(before, own) {
            lost.push(before);
        }
        before = own;
    }
    lost
}

fn told(window: &Window<'_>, made: Option<Combination>, reconciled: WindowNote) -> Option<NativeHistogram> {
    let Some(made) = made else {
        window.note(WindowNote::MixedBuckets);
        return None;
    };
    if made.reconciled {
        window.note(reconciled);
    }
    Some(made.histogram)
}

/// The histogram at the end of the window, among the samples around it: between those before and after, or the last one.
pub(super) fn value_at(window: &Window<'_>) -> Output {
    let points = window.histograms;
    let at = points.partition_point(|(time, _)| *time < window.end);
    if let Some((_, own)) = points.get(at).filter(|(time, _)| *time == window.end) {
        return Output::Histogram((**own).clone());
    }
    let Some(before) = at.checked_sub(1).and_then(|at| points.get(at)) else { return Output::Nothing };
    let Some(after) = points.get(at) else {
        return Output::Histogram(NativeHistogram { reset_hint: ResetHint::Unknown, ..(*before.1).clone() });
    };
    if is_custom(&before.1) != is_custom(&after.1) {
        window.note(WindowNote::MixedBuckets);
        return Output::Nothing;
    }
    let counter = [before, after].iter().any(|(_, own)| own.reset_hint != ResetHint::Gauge);
    between(window, before, after, window.end, counter).map_or(Output::Nothing, Output::Histogram)
}
