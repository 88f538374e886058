//! `rate` and its family: change of counters and gauges over a window.

use super::compute::{Output, Window};
use super::native_histogram;
use clew_model::UnixMillis;

pub(super) const MIXED: &str =
    "PromQL warning: encountered a mix of histograms and floats for one series, which gives no result";

/// How many times the value fell.
pub(super) fn resets(window: &Window<'_>) -> Output {
    Output::Float(count_pairs(window, |before, after| after < before))
}

/// How many times the value became another.
pub(super) fn changes(window: &Window<'_>) -> Output {
    Output::Float(count_pairs(window, |before, after| before != after && !(before.is_nan() && after.is_nan())))
}

/// Prometheus' extrapolation: the change between first and last sample is stretched to the window's ends where the
/// samples reach near them (within 1.1 of the mean distance), else by half a distance; a counter is never stretched
/// beyond the point where it would have been zero.
pub(super) fn extrapolated(window: &Window<'_>, counter: bool, per_second: bool) -> Output {
    if !window.histograms.is_empty() {
        return histogram_change(window, counter, per_second);
    }
    let (Some(first), Some(last)) = (window.values.first(), window.values.last()) else { return Output::Nothing };
    let Some(times) = ends(window.times) else { return Output::Nothing };
    let mut change = last - first;
    if counter && falls(window.values) {
        for (before, after) in window.values.iter().zip(window.values.iter().skip(1)) {
            if after < before {
                change += before;
            }
        }
    }
    let level = counter.then_some((*first, change));
    Output::Float(change * stretch(window, times, window.times.len(), level, per_second))
}

/// Whether any value is less than the one before. Looks at all of them, since without a way out the loop is vectorised:
/// most windows have no reset.
fn falls(values: &[f64]) -> bool {
    values.iter().zip(values.iter().skip(1)).fold(false, |falls, (before, after)| falls | (after < before))
}

fn histogram_change(window: &Window<'_>, counter: bool, per_second: bool) -> Output {
    if !window.values.is_empty() {
        return Output::Warning(MIXED);
    }
    let (Some((first_time, first)), Some((last_time, _))) = (window.histograms.first(), window.histograms.last())
    else {
        return Output::Nothing;
    };
    if first_time == last_time {
        return Output::Nothing;
    }
    let Some(change) = native_histogram::change(window.histograms, counter) else {
        return Output::Warning("PromQL warning: encountered histograms whose buckets cannot be combined");
    };
    let level = counter.then_some((first.count, change.count));
    let factor = stretch(window, (*first_time, *last_time), window.histograms.len(), level, per_second);
    Output::Histogram(native_histogram::scaled(&change, factor))
}

fn ends(times: &[UnixMillis]) -> Option<(UnixMillis, UnixMillis)> {
    let (first, last) = (*times.first()?, *times.last()?);
    (first < last).then_some((first, last))
}

/// By what the change between first and last sample is multiplied; `level` is a counter's first value and its change.
fn stretch(
    window: &Window<'_>,
    (first, last): (UnixMillis, UnixMillis),
    samples: usize,
    level: Option<(f64, f64)>,
    per_second: bool,
) -> f64 {
    let mut to_start = (first - window.start) as f64 / 1000.0;
    let mut to_end = (window.end - last) as f64 / 1000.0;
    let sampled = (last - first) as f64 / 1000.0;
    let distance = sampled / (samples - 1) as f64;
    let threshold = distance * 1.1;
    if to_start >= threshold {
        to_start = distance / 2.0;
    }
    if let Some((first, change)) = level
        && change > 0.0
        && first >= 0.0
    {
        to_start = to_start.min(sampled * (first / change));
    }
    if to_end >= threshold {
        to_end = distance / 2.0;
    }
    let factor = (sampled + to_start + to_end) / sampled;
    if per_second { factor / ((window.end - window.start) as f64 / 1000.0) } else { factor }
}

/// The change between the last two samples.
pub(super) fn instant(window: &Window<'_>, rate: bool) -> Option<f64> {
    let at = window.values.len().checked_sub(2)?;
    let (before, after) = (window.values.get(at)?, window.values.last()?);
    let (before_time, after_time) = (window.times.get(at)?, window.times.last()?);
    let change = if rate && after < before { *after } else { after - before };
    if after_time == before_time {
        return None;
    }
    Some(if rate { change / ((after_time - before_time) as f64 / 1000.0) } else { change })
}

fn count_pairs(window: &Window<'_>, counts: impl Fn(f64, f64) -> bool) -> f64 {
    window.values.iter().zip(window.values.iter().skip(1)).filter(|(before, after)| counts(**before, **after)).count()
        as f64
}
