//! Aggregates over the samples of a window: `avg_over_time` and its family.

use super::compensated::{Mean, Sum, Variance};
use super::compute::{Output, Window};
use super::histogram_sum;
use super::notes::WindowNote;
use super::quantile::quantile;
use clew_model::UnixMillis;

/// How many samples there are.
pub(super) fn count(window: &Window<'_>) -> Output {
    Output::Float((window.values.len() + window.histograms.len()) as f64)
}

/// The sum, or the mean.
pub(super) fn total(window: &Window<'_>, mean: bool) -> Output {
    if !window.histograms.is_empty() {
        return histogram_total(window, mean);
    }
    if window.values.is_empty() {
        return Output::Nothing;
    }
    let mut sum = Sum::default();
    let mut average = Mean::default();
    for value in window.values {
        if mean { average.add(*value) } else { sum.add(*value) }
    }
    Output::Float(if mean { average.mean() } else { sum.total() })
}

fn histogram_total(window: &Window<'_>, mean: bool) -> Output {
    if !window.values.is_empty() {
        window.note(WindowNote::Mixed);
        return Output::Nothing;
    }
    let histograms = window.histograms.iter().map(|(_, histogram)| &**histogram);
    let Some(total) = histogram_sum::total(histograms, mean) else {
        window.note(WindowNote::MixedBuckets);
        return Output::Nothing;
    };
    if total.reconciled {
        window.note(WindowNote::ReconciledAggregating);
    }
    if total.collides {
        window.note(WindowNote::CollisionAggregating);
    }
    Output::Histogram(total.histogram)
}

/// The best value; NaN only when there is nothing else.
pub(super) fn extreme(window: &Window<'_>, better: fn(f64, f64) -> bool) -> Option<f64> {
    window.ignores_histograms();
    window.values.iter().copied().reduce(|best, value| if better(value, best) || best.is_nan() { value } else { best })
}

/// The newest sample.
pub(super) fn last(window: &Window<'_>) -> Output {
    let float = window.times.last().zip(window.values.last());
    match (float, window.histograms.last()) {
        (Some((time, value)), Some((other, _))) if time > other => Output::Float(*value),
        (_, Some((_, histogram))) => Output::Histogram((**histogram).clone()),
        (Some((_, value)), None) => Output::Float(*value),
        (None, None) => Output::Nothing,
    }
}

/// The oldest sample.
pub(super) fn first(window: &Window<'_>) -> Output {
    let float = window.times.first().zip(window.values.first());
    match (float, window.histograms.first()) {
        (Some((time, value)), Some((other, _))) if time < other => Output::Float(*value),
        (_, Some((_, histogram))) => Output::Histogram((**histogram).clone()),
        (Some((_, value)), None) => Output::Float(*value),
        (None, None) => Output::Nothing,
    }
}

/// When the oldest sample was, in seconds.
pub(super) fn first_time(window: &Window<'_>) -> Option<f64> {
    let histogram = window.histograms.first().map(|(time, _)| time);
    window.times.first().into_iter().chain(histogram).min().map(|time| seconds(*time))
}

/// When the newest sample was, in seconds.
pub(super) fn last_time(window: &Window<'_>) -> Option<f64> {
    let histogram = window.histograms.last().map(|(time, _)| time);
    window.times.last().into_iter().chain(histogram).max().map(|time| seconds(*time))
}

/// When the best value was, in seconds, the last time.
pub(super) fn time_of(window: &Window<'_>, better: fn(f64, f64) -> bool) -> Option<f64> {
    window.ignores_histograms();
    let mut samples = window.times.iter().zip(window.values);
    let first = samples.next()?;
    let (time, _) =
        samples.fold(first, |best, own| if better(*own.1, *best.1) || best.1.is_nan() { own } else { best });
    Some(seconds(*time))
}

fn seconds(time: UnixMillis) -> f64 {
    time as f64 / 1000.0
}

/// Holt's linear smoothing: the level after the last sample.
pub(super) fn double_exponential(window: &Window<'_>, level: f64, trend: f64) -> Option<f64> {
    let [first, second, ..] = window.values else {
        window.ignores_histograms();
        return None;
    };
    window.ignores_histograms();
    let (mut before, mut smoothed, mut slope) = (0.0, *first, second - first);
    for (place, value) in window.values.iter().skip(1).enumerate() {
        if place > 0 {
            slope = trend * (smoothed - before) + (1.0 - trend) * slope;
        }
        (before, smoothed) = (smoothed, level * value + (1.0 - level) * (smoothed + slope));
    }
    Some(smoothed)
}

/// The variance of the population.
pub(super) fn variance(window: &Window<'_>) -> Option<f64> {
    if window.values.is_empty() {
        return None;
    }
    window.ignores_histograms();
    let mut variance = Variance::default();
    window.values.iter().for_each(|value| variance.add(*value));
    Some(variance.variance())
}

/// The median of the distances to the median.
pub(super) fn mad(window: &Window<'_>) -> Option<f64> {
    if window.values.is_empty() {
        return None;
    }
    window.ignores_histograms();
    if window.values.iter().any(|value| value.is_nan()) {
        return Some(f64::NAN);
    }
    let mut values = window.values.to_vec();
    let median = quantile(0.5, &mut values);
    values.iter_mut().for_each(|value| *value = (*value - median).abs());
    Some(quantile(0.5, &mut values))
}
