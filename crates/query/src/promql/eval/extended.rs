//! Extended ranges (`anchored`, `smoothed`): the samples just outside of a range tell what the values at its ends are.

use super::compute::{Output, Window};
use super::notes::WindowNote;
use clew_model::UnixMillis;

/// The floats of a window with what stands before and, where it is smoothed, after it.
struct Points<'a> {
    times: &'a [UnixMillis],
    values: &'a [f64],
    first: usize,
    last: usize,
}

impl Points<'_> {
    fn time(&self, at: usize) -> UnixMillis {
        self.times.get(at).copied().unwrap_or_default()
    }

    fn value(&self, at: usize) -> f64 {
        self.values.get(at).copied().unwrap_or_default()
    }

    /// The value at `time`, between the points at `at` and the next; a counter that fell begins anew from zero.
    fn between(&self, at: usize, time: UnixMillis, counter: bool) -> f64 {
        let (before, after) = (self.value(at), self.value(at + 1));
        let before = if counter && after < before { 0.0 } else { before };
        let part = (time - self.time(at)) as f64 / (self.time(at + 1) - self.time(at)) as f64;
        before + (after - before) * part
    }
}

/// The points that count for a range, with the first and the last of them; `None` where nothing lies in it.
fn points<'a>(
    times: &'a [UnixMillis],
    values: &'a [f64],
    (start, end): (UnixMillis, UnixMillis),
    smoothed: bool,
) -> Option<Points<'a>> {
    let newest = times.len().checked_sub(1)?;
    let earlier = times.get(..newest).unwrap_or_default();
    let first = earlier.partition_point(|time| *time <= start).saturating_sub(1);
    let last = if smoothed { earlier.partition_point(|time| *time < end) } else { newest };
    let own = Points { times, values, first, last };
    let is_inside = own.time(last) > start && !(smoothed && own.time(first) > end);
    is_inside.then_some(own)
}

/// The values at both ends.
fn ends(own: &Points<'_>, (start, end): (UnixMillis, UnixMillis), smoothed: bool, counter: bool) -> (f64, f64) {
    let left = if smoothed && own.time(own.first) < start {
        own.between(own.first, start, counter)
    } else {
        own.value(own.first)
    };
    let right = match own.last.checked_sub(1) {
        Some(before) if smoothed && own.time(own.last) > end => own.between(before, end, counter),
        _ => own.value(own.last),
    };
    (left, right)
}

/// The change over the range, from the value at its start to that at its end.
pub(super) fn change(window: &Window<'_>, smoothed: bool, counter: bool, per_second: bool) -> Output {
    if !window.histograms.is_empty() {
        if !window.values.is_empty() {
            window.note(WindowNote::Mixed);
            return Output::Nothing;
        }
        return super::extended_histograms::change(window, smoothed, counter, per_second);
    }
    let range = (window.start, window.end);
    let Some(own) = points(window.times, window.values, range, smoothed) else { return Output::Nothing };
    let (left, right) = ends(&own, range, smoothed, counter);
    let mut change = right - left;
    if counter {
        let first = own.first + usize::from(own.time(own.first) <= window.start);
        let after = (own.last + 1).saturating_sub(usize::from(own.time(own.last) >= window.end));
        change += lost_by_resets(left, right, own.values.get(first..after).unwrap_or_default());
    }
    Output::Float(if per_second { change / ((window.end - window.start) as f64 / 1000.0) } else { change })
}

/// What a counter had each time before it fell.
fn lost_by_resets(left: f64, right: f64, between: &[f64]) -> f64 {
    let mut lost = 0.0;
    let mut before = left;
    for value in between.iter().copied().chain([right]) {
        if value < before {
            lost += before;
        }
        before = value;
    }
    lost
}

/// The samples of an anchored range for what compares neighbours: the last one before it, and those within. Indexes of the
/// first float and of the first histogram; `None` where nothing lies within.
pub(super) fn anchored_start(window: &Window<'_>) -> Option<(usize, usize)> {
    let floats = window.times.partition_point(|time| *time <= window.start);
    let histograms = window.histograms.partition_point(|(time, _)| *time <= window.start);
    if floats >= window.times.len() && histograms >= window.histograms.len() {
        return None;
    }
    let float = floats.checked_sub(1).and_then(|at| window.times.get(at));
    let histogram = histograms.checked_sub(1).and_then(|at| window.histograms.get(at)).map(|(time, _)| time);
    Some(match (float, histogram) {
        (None, None) => (floats, histograms),
        (Some(float), Some(histogram)) if float < histogram => (floats, histograms - 1),
        (None, Some(_)) => (floats, histograms - 1),
        (Some(_), _) => (floats - 1, histograms),
    })
}

/// The samples of a range as the answer itself: those within, and one at each end.
pub(super) fn samples(
    times: &[UnixMillis],
    values: &[f64],
    range: (UnixMillis, UnixMillis),
    smoothed: bool,
) -> Vec<(UnixMillis, f64)> {
    let Some(own) = points(times, values, range, smoothed) else { return Vec::new() };
    let (left, right) = ends(&own, range, smoothed, false);
    let inside = (own.first..=own.last).map(|at| (own.time(at), own.value(at)));
    let inside = inside.filter(|(time, _)| *time > range.0 && *time < range.1);
    std::iter::once((range.0, left)).chain(inside).chain([(range.1, right)]).collect()
}

/// The value at `time` among the samples around it: interpolated, or the last one where none follows.
pub(super) fn value_at(times: &[UnixMillis], values: &[f64], time: UnixMillis) -> Option<f64> {
    let own = Points { times, values, first: 0, last: 0 };
    let at = times.partition_point(|own| *own < time);
    if times.get(at).is_some_and(|own| *own == time) {
        return values.get(at).copied();
    }
    let before = at.checked_sub(1)?;
    Some(if at < times.len() { own.between(before, time, false) } else { own.value(before) })
}
