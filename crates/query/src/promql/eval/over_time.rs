//! Aggregates over the samples of a window: `avg_over_time` and its family.

use super::compensated::{Mean, Sum, Variance};
use super::compute::{Output, Window};
use super::native_histogram;
use super::quantile::quantile;
use super::rate::MIXED;

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
        return Output::Warning(MIXED);
    }
    let Some(sum) = native_histogram::sum(window.histograms.iter().map(|(_, histogram)| &**histogram)) else {
        return Output::Warning("PromQL warning: encountered histograms whose buckets cannot be combined");
    };
    let divisor = if mean { window.histograms.len() as f64 } else { 1.0 };
    Output::Histogram(native_histogram::scaled(&sum, 1.0 / divisor))
}

/// The best value; NaN only when there is nothing else.
pub(super) fn extreme(window: &Window<'_>, better: fn(f64, f64) -> bool) -> Option<f64> {
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

/// The variance of the population.
pub(super) fn variance(window: &Window<'_>) -> Option<f64> {
    if window.values.is_empty() {
        return None;
    }
    let mut variance = Variance::default();
    window.values.iter().for_each(|value| variance.add(*value));
    Some(variance.variance())
}

/// The median of the distances to the median.
pub(super) fn mad(window: &Window<'_>) -> Option<f64> {
    if window.values.is_empty() {
        return None;
    }
    let mut values = window.values.to_vec();
    let median = quantile(0.5, &mut values);
    values.iter_mut().for_each(|value| *value = (*value - median).abs());
    Some(quantile(0.5, &mut values))
}
