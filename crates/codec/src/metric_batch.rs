//! The batch under construction: each label set once, each family told once.

use crate::protobuf::{Budget, Outcome};
use clew_model::UnixMillis;
use clew_model::metrics::{
    Exemplar, HistogramSample, LabelSizes, Labels, Metadata, MetricBatch, NativeHistogram, Sample, SampleStart,
    SeriesKey,
};
use hashbrown::{HashSet, HashTable};
use std::sync::Arc;

/// Bytes that a series takes beside its labels: its entry in the list and in the table.
const SERIES_BYTES: usize = 64;

/// Bytes that the labels of a series do not commonly exceed.
const COMMON_LABEL_BYTES: usize = 4_096;

/// Bytes on the wire that a series commonly takes, for sizing lists ahead.
const COMMON_SERIES_BYTES: usize = 64;

/// Series for which room is made before they are read.
const MOST_EXPECTED: usize = 16_384;

/// An exemplar whose series is not decided yet.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) time: UnixMillis,
    pub(crate) value: f64,
    pub(crate) labels: Labels,
}

/// A [`MetricBatch`] under construction.
#[derive(Debug, Default)]
pub(crate) struct BatchBuilder {
    batch: MetricBatch,
    /// Places of label sets, by their hashes.
    series: HashTable<u32>,
    families: HashSet<String>,
}

impl BatchBuilder {
    /// The finished batch.
    pub(crate) fn finish(self) -> MetricBatch {
        self.batch
    }

    /// Data points that take so many bytes on the wire follow.
    pub(crate) fn expect(&mut self, bytes: usize) {
        let Self { batch: MetricBatch { series, .. }, series: places, .. } = self;
        let more = (bytes / COMMON_SERIES_BYTES).min(MOST_EXPECTED);
        places.reserve(more, |place| series.key(*place as usize).map_or(0, SeriesKey::hash));
        self.batch.samples.reserve(more);
        self.batch.series.reserve(more, bytes.min(MOST_EXPECTED * COMMON_SERIES_BYTES).saturating_mul(3));
    }

    /// The index of the label set with this key and these sizes.
    pub(crate) fn series(
        &mut self,
        (key, sizes): (SeriesKey<'_>, LabelSizes),
        budget: &mut Budget,
        offset: usize,
    ) -> Outcome<u32> {
        let Self { batch: MetricBatch { series, .. }, series: places, .. } = self;
        let is_same = |place: &u32| series.key(*place as usize).is_some_and(|known| known.bytes() == key.bytes());
        if let Some(index) = places.find(key.hash(), is_same) {
            // building huge labels again and again costs time, if not memory
            budget.take(key.bytes().len().saturating_sub(COMMON_LABEL_BYTES), offset)?;
            return Ok(*index);
        }
        budget.take(SERIES_BYTES + key.bytes().len(), offset)?;
        // the budget ends long before the indexes do
        let index = series.len() as u32;
        series.push_key(key, sizes);
        places.insert_unique(key.hash(), index, |place| series.key(*place as usize).map_or(0, SeriesKey::hash));
        Ok(index)
    }

    /// Adds a float sample.
    pub(crate) fn sample(&mut self, series: u32, time: UnixMillis, value: f64) {
        self.batch.samples.push(Sample { series, time, value });
    }

    /// Says since when the counter behind a sample or histogram counts; 0 is nothing said.
    pub(crate) fn start(&mut self, series: u32, time: UnixMillis, start: UnixMillis) {
        if start != 0 {
            self.batch.starts.push(SampleStart { series, time, start });
        }
    }

    /// Adds a native histogram.
    pub(crate) fn histogram(&mut self, series: u32, time: UnixMillis, histogram: NativeHistogram) {
        self.batch.histograms.push(HistogramSample { series, time, histogram: Arc::new(histogram) });
    }

    /// Adds an exemplar.
    pub(crate) fn exemplar(&mut self, series: u32, example: Example) {
        let Example { time, value, labels } = example;
        self.batch.exemplars.push(Exemplar { series, time, value, labels });
    }

    /// Tells about a family, the first time.
    pub(crate) fn metadata(&mut self, metadata: &Metadata) {
        if !self.families.contains(&metadata.metric) {
            self.families.insert(metadata.metric.clone());
            self.batch.metadata.push(metadata.clone());
        }
    }
}
