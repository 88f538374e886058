//! What start timestamps tell of counters: that they began anew, though they never fell, and since when they count.

use super::compute::{Output, Window};
use super::native_histogram;
use super::notes::WindowNote;
use clew_model::UnixMillis;

/// A sample's time with its start timestamp, 0 where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Started {
    pub time: UnixMillis,
    pub start: UnixMillis,
}

impl Started {
    /// Whether the counter began anew after the sample before, by its start timestamp. One at or behind its own time says
    /// nothing. One at the time of the sample before is that of a delta, unless that sample's own start was not known: then it
    /// is how OpenTelemetry writes a sum of unknown start
    /// (<https://opentelemetry.io/docs/specs/otel/metrics/data-model/#cumulative-streams-handling-unknown-start-time>).
    pub(super) fn is_anew(self, before: Started) -> bool {
        if self.start == 0 || self.start >= self.time || self.start < before.time {
            return false;
        }
        self.start > before.time || (before.start != 0 && before.start < before.time)
    }

    /// Whether it claims to count since a time that the sample before has counted already, and which is not the same start.
    fn overlaps(self, before: Started) -> bool {
        self.start != 0 && self.start < before.time && self.start != before.start
    }
}

/// The samples of a window with their start timestamps.
#[derive(Clone, Copy)]
pub(super) struct Starts<'a, T> {
    samples: &'a [T],
    time: fn(&T) -> UnixMillis,
    starts: &'a [UnixMillis],
}

impl<'a, T> Starts<'a, T> {
    pub(super) fn new(samples: &'a [T], time: fn(&T) -> UnixMillis, starts: &'a [UnixMillis]) -> Self {
        Self { samples, time, starts }
    }

    fn at(&self, place: usize) -> Option<Started> {
        let time = (self.time)(self.samples.get(place)?);
        Some(Started { time, start: *self.starts.get(place)? })
    }

    /// Whether the sample at a place began anew after the one before.
    pub(super) fn is_anew(&self, place: usize) -> bool {
        let before = || self.at(place.checked_sub(1)?);
        matches!((before(), self.at(place)), (Some(before), Some(own)) if own.is_anew(before))
    }

    /// Tells of the first overlap.
    pub(super) fn note_overlap(&self, window: &Window<'_>) {
        let pairs = (1..self.starts.len()).filter_map(|place| self.at(place - 1).zip(self.at(place)));
        if pairs.into_iter().any(|(before, own)| own.overlaps(before)) {
            window.note(WindowNote::StartOverlap);
        }
    }

    /// When the counter was zero inside the window, before its first sample.
    fn zero(&self, window: &Window<'_>) -> Option<UnixMillis> {
        let first = self.at(0)?;
        (first.start != 0 && first.start > window.start && first.start < first.time).then_some(first.start)
    }
}

/// The factor of a change that is counted from a zero inside the window: it is extrapolated to the right alone, and by the
/// mean distance of samples, which one sample alone does not have.
fn factor_from(zero: UnixMillis, times: (UnixMillis, UnixMillis), samples: usize, window: &Window<'_>) -> f64 {
    let (first, last) = times;
    let distance = match samples {
        0 | 1 => 0.0,
        _ => (last - first) as f64 / 1000.0 / (samples - 1) as f64,
    };
    let mut to_end = (window.end - last) as f64 / 1000.0;
    if to_end >= distance * 1.1 {
        to_end = distance / 2.0;
    }
    let counted = (last - zero) as f64 / 1000.0;
    (counted + to_end) / counted
}

fn seconds(window: &Window<'_>) -> f64 {
    (window.end - window.start) as f64 / 1000.0
}

/// The change of a counter of floats over a window, and by what it is multiplied where that is known already: it was zero
/// inside the window.
pub(super) fn float_change(window: &Window<'_>, per_second: bool) -> Option<(f64, Option<f64>)> {
    let starts = Starts::new(window.times, |time| *time, window.starts);
    let (first, last) = (*window.values.first()?, *window.values.last()?);
    let mut change = last - first;
    for (place, (before, after)) in window.values.iter().zip(window.values.iter().skip(1)).enumerate() {
        if after < before || starts.is_anew(place + 1) {
            change += before;
        }
    }
    starts.note_overlap(window);
    let Some(zero) = starts.zero(window) else { return Some((change, None)) };
    let times = (*window.times.first()?, *window.times.last()?);
    let factor = factor_from(zero, times, window.times.len(), window);
    Some((change + first, Some(if per_second { factor / seconds(window) } else { factor })))
}

/// The change of a counter of histograms over a window where it was zero inside; `None` where it was not.
pub(super) fn histogram_change(window: &Window<'_>, per_second: bool) -> Option<Output> {
    let starts = Starts::new(window.histograms, |(time, _)| *time, window.histogram_starts);
    let zero = starts.zero(window)?;
    let ((first_time, first), (last_time, _)) = (window.histograms.first()?, window.histograms.last()?);
    let change = match window.histograms.len() {
        1 => (**first).clone(),
        _ => {
            let Some(change) = native_histogram::change(window, true) else { return Some(Output::Nothing) };
            let Some(sum) = native_histogram::added(&change, first) else {
                window.note(WindowNote::MixedBuckets);
                return Some(Output::Nothing);
            };
            if sum.reconciled {
                window.note(WindowNote::ReconciledAdding);
            }
            sum.histogram
        }
    };
    let factor = factor_from(zero, (*first_time, *last_time), window.histograms.len(), window);
    let factor = if per_second { factor / seconds(window) } else { factor };
    Some(Output::Histogram(native_histogram::scaled(&change, factor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_begins_anew_where_its_start_lies_behind_the_sample_before() {
        let at = |time, start| Started { time, start };
        for (before, own, is_anew, overlaps, why) in [
            (at(60, 0), at(120, 0), false, false, "no start"),
            (at(60, 10), at(120, 10), false, false, "the same start"),
            (at(60, 10), at(120, 61), true, false, "a start in between"),
            (at(60, 10), at(120, 60), true, false, "deltas"),
            (at(60, 0), at(120, 60), false, false, "a sum whose first start was not known"),
            (at(60, 60), at(120, 60), false, false, "one whose first start is its own time"),
            (at(60, 90), at(120, 60), false, false, "one whose first start lies behind it"),
            (at(60, 10), at(120, 120), false, false, "a start at its own time"),
            (at(60, 10), at(120, 130), false, false, "a start behind its own time"),
            (at(60, 10), at(120, 40), false, true, "another start before the sample before"),
        ] {
            assert_eq!((own.is_anew(before), own.overlaps(before)), (is_anew, overlaps), "{why}");
        }
    }
}
