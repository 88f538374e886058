//! Putting samples of one series together: in order of time, and where two have the same time the one that was there
//! first stays.

use clew_model::UnixMillis;
use clew_model::metrics::NativeHistogram;
use std::sync::Arc;

/// Merges `more` into what stands from index `from` on; both are in order of time.
pub(super) fn merge_samples(
    times: &mut Vec<UnixMillis>,
    values: &mut Vec<f64>,
    from: usize,
    more_times: &[UnixMillis],
    more_values: &[f64],
) {
    let Some(first) = more_times.first() else { return };
    if times.len() <= from || times.last().is_some_and(|last| last < first) {
        times.extend_from_slice(more_times);
        values.extend_from_slice(more_values);
        return;
    }
    let old_times = times.split_off(from);
    let old_values = values.split_off(from);
    let mut old = old_times.into_iter().zip(old_values).peekable();
    let mut more = more_times.iter().copied().zip(more_values.iter().copied()).peekable();
    loop {
        let next = match (old.peek(), more.peek()) {
            (Some((left, _)), Some((right, _))) if left == right => {
                more.next();
                old.next()
            }
            (Some((left, _)), Some((right, _))) if left > right => more.next(),
            (Some(_), _) => old.next(),
            (None, _) => more.next(),
        };
        let Some((time, value)) = next else { return };
        times.push(time);
        values.push(value);
    }
}

/// What stands beside the samples of two lists, put together as [`merge_samples`] puts the samples together. Lists that are
/// shorter than their times are filled up with 0.
pub(super) fn merge_beside(
    (times, beside): (&[UnixMillis], &[UnixMillis]),
    (more_times, more_beside): (&[UnixMillis], &[UnixMillis]),
) -> Vec<UnixMillis> {
    fn filled<'a>(times: &'a [UnixMillis], beside: &'a [UnixMillis]) -> impl Iterator<Item = (UnixMillis, UnixMillis)> {
        times.iter().copied().zip(beside.iter().copied().chain(std::iter::repeat(0)))
    }
    let mut all: Vec<_> = filled(times, beside).chain(filled(more_times, more_beside)).collect();
    // Stable: the one that was there first stays.
    all.sort_by_key(|(time, _)| *time);
    all.dedup_by_key(|(time, _)| *time);
    all.into_iter().map(|(_, beside)| beside).collect()
}

/// Merges histograms in order of time into those that are there.
pub(super) fn merge_histograms(
    histograms: &mut Vec<(UnixMillis, Arc<NativeHistogram>)>,
    more: impl IntoIterator<Item = (UnixMillis, Arc<NativeHistogram>)>,
) {
    let known = histograms.len();
    histograms.extend(more);
    let is_in_order = histograms.get(known.saturating_sub(1)..).unwrap_or_default().is_sorted_by(|a, b| a.0 < b.0);
    if known > 0 && !is_in_order {
        // A stable sort keeps the one that was there first in front, and that one stays.
        histograms.sort_by_key(|(time, _)| *time);
        histograms.dedup_by_key(|(time, _)| *time);
    }
}
