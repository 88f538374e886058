//! Frames of a journal that are applied together, series by series: each series' memory is visited once for all of its
//! samples, not once for each.

use super::apply::Resolved;
use clew_columns::frames::metrics::MetricFrame;
use clew_model::metrics::{MetricBatch, Sample};

/// The frames of one tenant, with the head's numbers of their series, as one batch: its series are those numbers, and its
/// samples stand series by series, those of one series in the order of the frames. What is not a float sample stands as it
/// came.
pub(super) fn gathered(frames: Vec<(MetricFrame, Resolved)>) -> (MetricBatch, Resolved) {
    let mut places = Places::default();
    for (frame, series) in &frames {
        frame.batch.samples.iter().filter_map(|sample| series.number(sample.series)).for_each(|one| places.count(one));
    }
    let mut batch = MetricBatch { samples: vec![NOTHING; places.begin()], ..MetricBatch::default() };
    let mut whole = Resolved::default();
    for (frame, series) in frames {
        let MetricBatch { samples, histograms, exemplars, metadata, starts, .. } = frame.batch;
        for sample in samples {
            let Some(number) = series.number(sample.series) else { continue };
            if let Some(slot) = places.next(number).and_then(|place| batch.samples.get_mut(place)) {
                *slot = Sample { series: number, ..sample };
            }
        }
        for mut one in histograms {
            let Some(number) = series.number(one.series) else { continue };
            one.series = number;
            batch.histograms.push(one);
        }
        for mut one in exemplars {
            let Some(number) = series.number(one.series) else { continue };
            one.series = number;
            batch.exemplars.push(one);
        }
        for mut one in starts {
            let Some(number) = series.number(one.series) else { continue };
            one.series = number;
            batch.starts.push(one);
        }
        batch.metadata.extend(metadata);
        whole.widen(&series);
    }
    batch.starts.sort_by_key(|one| one.series);
    (batch, whole)
}

const NOTHING: Sample = Sample { series: 0, time: 0, value: 0.0 };

/// Where the samples of each series go, by the series' number: first how many there are, then the next free place.
#[derive(Default)]
struct Places(Vec<usize>);

impl Places {
    fn count(&mut self, number: u32) {
        let number = number as usize;
        if self.0.len() <= number {
            self.0.resize(number + 1, 0);
        }
        if let Some(count) = self.0.get_mut(number) {
            *count += 1;
        }
    }

    /// Turns counts into first places; answers how many there are in all.
    fn begin(&mut self) -> usize {
        let mut next = 0;
        for slot in &mut self.0 {
            let count = std::mem::replace(slot, next);
            next += count;
        }
        next
    }

    fn next(&mut self, number: u32) -> Option<usize> {
        let slot = self.0.get_mut(number as usize)?;
        *slot += 1;
        Some(*slot - 1)
    }
}
