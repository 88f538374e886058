//! `rate` and its family: change of counters and gauges over a window.

use super::compute::{Output, Window};
use super::notes::WindowNote;
use super::started::{self, Started};
use super::{extended, native_histogram};
use crate::promql::ast::Extension;
use clew_model::UnixMillis;
use clew_model::metrics::NativeHistogram;
use std::cmp::Ordering;
use std::sync::Arc;

/// How many times the value fell.
pub(super) fn resets(window: &Window<'_>) -> Output {
    count_pairs(window, |before, after| after < before, native_histogram::is_reset, true)
}

/// How many times the value became another.
pub(super) fn changes(window: &Window<'_>) -> Output {
    let differs = |before: f64, after: f64| before != after && !(before.is_nan() && after.is_nan());
    count_pairs(window, differs, |before, after| !native_histogram::is_same(before, after), false)
}

/// Prometheus' extrapolation: the change between first and last sample is stretched to the window's ends where the
/// samples reach near them (within 1.1 of the mean distance), else by half a distance; a counter is never stretched
/// beyond the point where it would have been zero.
pub(super) fn extrapolated(window: &Window<'_>, counter: bool, per_second: bool) -> Output {
    if let Some(extension) = window.extension {
        return extended::change(window, extension == Extension::Smoothed, counter, per_second);
    }
    if !window.histograms.is_empty() {
        return histogram_change(window, counter, per_second);
    }
    if counter && !window.starts.is_empty() {
        return started_change(window, per_second);
    }
    let (Some(first), Some(last)) = (window.values.first(), window.values.last()) else { return Output::Nothing };
    let of_times = || Stretch::of(window.times, window.start, window.end);
    let Some(stretch) = window.stretch.or_else(of_times) else { return Output::Nothing };
    let mut change = last - first;
    if counter && !window.is_rising && falls(window.values) {
        for (before, after) in window.values.iter().zip(window.values.iter().skip(1)) {
            if after < before {
                change += before;
            }
        }
    }
    let level = counter.then_some((*first, change));
    Output::Float(change * stretch.factor(level, per_second))
}

/// Whether any value is less than the one before. Looks at all of them, since without a way out the loop is vectorised:
/// most windows have no reset.
pub(super) fn falls(values: &[f64]) -> bool {
    values.iter().zip(values.iter().skip(1)).fold(false, |falls, (before, after)| falls | (after < before))
}

/// The change of a counter that says since when it counts.
fn started_change(window: &Window<'_>, per_second: bool) -> Output {
    let stretch = || window.stretch.or_else(|| Stretch::of(window.times, window.start, window.end));
    match (started::float_change(window, per_second), window.values.first()) {
        (Some((change, Some(factor))), _) => Output::Float(change * factor),
        (Some((change, None)), Some(first)) => match stretch() {
            Some(stretch) => Output::Float(change * stretch.factor(Some((*first, change)), per_second)),
            None => Output::Nothing,
        },
        _ => Output::Nothing,
    }
}

fn histogram_change(window: &Window<'_>, counter: bool, per_second: bool) -> Output {
    if !window.values.is_empty() {
        window.note(WindowNote::Mixed);
        return Output::Nothing;
    }
    let (Some((first_time, first)), Some((last_time, _))) = (window.histograms.first(), window.histograms.last())
    else {
        return Output::Nothing;
    };
    if let Some(change) = counter.then(|| started::histogram_change(window, per_second)).flatten() {
        return change;
    }
    if first_time == last_time {
        return Output::Nothing;
    }
    let Some(change) = native_histogram::change(window, counter) else { return Output::Nothing };
    let level = counter.then_some((first.count, change.count));
    let times = (*first_time, *last_time);
    let stretch = Stretch::between(times, window.histograms.len(), window.start, window.end);
    Output::Histogram(native_histogram::scaled(&change, stretch.factor(level, per_second)))
}

/// By what the change between the first and the last sample of a window is multiplied: known from the times alone, except
/// for a counter that would have begun below zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    /// Seconds between the samples.
    sampled: f64,
    /// Seconds to be added before the first and after the last.
    to_start: f64,
    to_end: f64,
    /// Seconds of the window.
    width: f64,
    factor: f64,
    per_second: f64,
}

/// What a product is taken to be off by at most, relatively; far more than it is.
const ROUNDING: f64 = 1.0 + 1e-9;

impl Stretch {
    /// Of a window's times; `None` for fewer than two.
    pub(super) fn of(times: &[UnixMillis], start: UnixMillis, end: UnixMillis) -> Option<Self> {
        let (first, last) = (*times.first()?, *times.last()?);
        (first < last).then(|| Self::between((first, last), times.len(), start, end))
    }

    fn between((first, last): (UnixMillis, UnixMillis), samples: usize, start: UnixMillis, end: UnixMillis) -> Self {
        let mut to_start = (first - start) as f64 / 1000.0;
        let mut to_end = (end - last) as f64 / 1000.0;
        let sampled = (last - first) as f64 / 1000.0;
        let distance = sampled / (samples - 1) as f64;
        let threshold = distance * 1.1;
        if to_start >= threshold {
            to_start = distance / 2.0;
        }
        if to_end >= threshold {
            to_end = distance / 2.0;
        }
        let width = (end - start) as f64 / 1000.0;
        let factor = (sampled + to_start + to_end) / sampled;
        Self { sampled, to_start, to_end, width, factor, per_second: factor / width }
    }

    /// The factor; `level` is a counter's first value and its change.
    fn factor(&self, level: Option<(f64, f64)>, per_second: bool) -> f64 {
        if let Some((first, change)) = level
            && change > 0.0
            && first >= 0.0
            // Most counters are far from where they were zero, which is seen without dividing.
            && (first * self.sampled).partial_cmp(&(self.to_start * change * ROUNDING)) != Some(Ordering::Greater)
        {
            let to_start = self.to_start.min(self.sampled * (first / change));
            let factor = (self.sampled + to_start + self.to_end) / self.sampled;
            return if per_second { factor / self.width } else { factor };
        }
        if per_second { self.per_second } else { self.factor }
    }
}

/// A float or a histogram with its times.
#[derive(Clone, Copy)]
enum Point<'a> {
    Float(Started, f64),
    Histogram(Started, &'a NativeHistogram),
}

impl Point<'_> {
    fn started(&self) -> Started {
        let (Point::Float(started, _) | Point::Histogram(started, _)) = self;
        *started
    }

    fn time(&self) -> UnixMillis {
        self.started().time
    }
}

/// The samples of both kinds in order of time, from these places on; of two at one instant the float comes first.
fn points<'a>(window: &Window<'a>, (float, histogram): (usize, usize)) -> impl Iterator<Item = Point<'a>> {
    let started = |starts: &[UnixMillis], place: usize, time: UnixMillis| {
        let start = starts.get(place).copied().unwrap_or(0);
        Started { time, start }
    };
    let (starts, histogram_starts) = (window.starts, window.histogram_starts);
    let floats = window.times.iter().zip(window.values).enumerate().skip(float);
    let float =
        move |(place, (time, value)): (usize, (&UnixMillis, &f64))| Point::Float(started(starts, place, *time), *value);
    let histograms = window.histograms.iter().enumerate().skip(histogram);
    let histogram = move |(place, (time, own)): (usize, &'a (UnixMillis, Arc<NativeHistogram>))| {
        Point::Histogram(started(histogram_starts, place, *time), own)
    };
    let (mut floats, mut histograms) = (floats.map(float).peekable(), histograms.map(histogram).peekable());
    std::iter::from_fn(move || {
        let is_float_next = match (floats.peek(), histograms.peek()) {
            (Some(float), Some(histogram)) => float.time() <= histogram.time(),
            (float, _) => float.is_some(),
        };
        if is_float_next { floats.next() } else { histograms.next() }
    })
}

/// The change between the last two samples.
pub(super) fn instant(window: &Window<'_>, rate: bool) -> Output {
    // The last two of either kind are among the last two of each.
    let places = (window.values.len().saturating_sub(2), window.histograms.len().saturating_sub(2));
    let mut last_two = [None, None];
    for point in points(window, places) {
        last_two = [last_two[1], Some(point)];
    }
    let [Some(before), Some(after)] = last_two else { return Output::Nothing };
    let interval = after.time() - before.time();
    if interval == 0 {
        return Output::Nothing;
    }
    let seconds = interval as f64 / 1000.0;
    let is_anew = after.started().is_anew(before.started());
    match (before, after) {
        (Point::Float(_, before), Point::Float(_, after)) => {
            let change = if rate && (is_anew || after < before) { after } else { after - before };
            Output::Float(if rate { change / seconds } else { change })
        }
        (Point::Histogram(_, before), Point::Histogram(_, after)) => {
            match native_histogram::instant_change(window, (before, after), rate, is_anew) {
                Some(change) if rate => Output::Histogram(native_histogram::divided(&change, seconds)),
                Some(change) => Output::Histogram(change),
                None => Output::Nothing,
            }
        }
        _ => {
            window.note(WindowNote::Mixed);
            Output::Nothing
        }
    }
}

/// How often neighbours differ as told, or, with `by_start`, the later one began anew by its start timestamp. A float and a
/// histogram always differ.
fn count_pairs(
    window: &Window<'_>,
    floats: impl Fn(f64, f64) -> bool,
    histograms: impl Fn(&NativeHistogram, &NativeHistogram) -> bool,
    by_start: bool,
) -> Output {
    let start = match window.extension {
        None => (0, 0),
        Some(_) => match extended::anchored_start(window) {
            Some(start) => start,
            None => return Output::Nothing,
        },
    };
    if window.histograms.is_empty() && (!by_start || window.starts.is_empty()) {
        let values = window.values.get(start.0..).unwrap_or_default();
        let pairs = values.iter().zip(values.iter().skip(1));
        return Output::Float(pairs.filter(|(before, after)| floats(**before, **after)).count() as f64);
    }
    let pairs = points(window, start).zip(points(window, start).skip(1));
    let is_anew = |(before, after): &(Point<'_>, Point<'_>)| by_start && after.started().is_anew(before.started());
    let differing = pairs.filter(|pair| match pair {
        pair if is_anew(pair) => true,
        (Point::Float(_, before), Point::Float(_, after)) => floats(*before, *after),
        (Point::Histogram(_, before), Point::Histogram(_, after)) => histograms(before, after),
        _ => true,
    });
    Output::Float(differing.count() as f64)
}
