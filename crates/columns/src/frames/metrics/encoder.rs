//! Batch to frame.

use super::state::ValueState;
use super::{BY_INDEX, IN_ORDER, MAX_STATE_LABEL_BYTES, MAX_STATE_SERIES, METRIC_FRAME_VERSION, RESET, ZSTD_LEVEL};
use crate::bytes::{BytesError, Problem, put_bytes, put_signed, put_text, put_u64, put_varint};
use crate::metrics::{Effort, encode_histograms, type_code, write_compressed};
use clew_model::TenantId;
use clew_model::metrics::{Labels, MetricBatch, Sample};
use hashbrown::HashMap;

/// Encodes the batches of one journal, in the order in which they are appended.
#[derive(Debug, Default)]
pub struct MetricFrameEncoder {
    segment: Option<u64>,
    sequence: u64,
    numbers: HashMap<Labels, u32>,
    order: Vec<Labels>,
    values: Vec<ValueState>,
    label_bytes: usize,
    payload: Vec<u8>,
}

impl MetricFrameEncoder {
    /// An encoder that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything: the next frame begins from nothing. Must be called when a frame that was encoded did not
    /// get into the journal.
    pub fn reset(&mut self) {
        self.segment = None;
    }

    /// Series the encoder remembers, and about how many bytes it holds for them.
    #[must_use]
    pub fn state_size(&self) -> (usize, usize) {
        let per_series = std::mem::size_of::<(Labels, u32)>() + std::mem::size_of::<(Labels, ValueState)>() + 16;
        (self.order.len(), self.label_bytes + self.order.len() * per_series)
    }

    /// Appends the frame of a batch that goes into `segment`; a new segment begins from nothing.
    ///
    /// # Errors
    /// A sample, histogram or exemplar names a series that the batch does not have; nothing is appended, and the next
    /// frame begins from nothing.
    pub fn encode(
        &mut self,
        segment: u64,
        tenant: &TenantId,
        batch: &MetricBatch,
        out: &mut Vec<u8>,
    ) -> Result<(), BytesError> {
        let too_large = self.order.len() >= MAX_STATE_SERIES || self.label_bytes >= MAX_STATE_LABEL_BYTES;
        if self.segment != Some(segment) || too_large {
            self.begin(segment);
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        put_text(&mut payload, tenant.as_str());
        let numbers = self.put_series(&mut payload, &batch.series);
        let written =
            self.put_samples(&mut payload, &batch.samples, &numbers).and_then(|()| put_rare(&mut payload, batch));
        if written.is_ok() {
            out.push(METRIC_FRAME_VERSION);
            out.push(if self.sequence == 0 { RESET } else { 0 });
            put_varint(out, self.sequence);
            write_compressed(out, &payload, ZSTD_LEVEL);
            self.sequence += 1;
        } else {
            self.reset();
        }
        self.payload = payload;
        written
    }

    fn begin(&mut self, segment: u64) {
        let Self { payload, .. } = std::mem::take(self);
        *self = Self { segment: Some(segment), payload, ..Self::default() };
    }

    /// Writes the label sets that are new, then the numbers of all in runs; answers the numbers.
    fn put_series(&mut self, out: &mut Vec<u8>, series: &[Labels]) -> Vec<u32> {
        let known = self.order.len();
        let mut numbers = Vec::with_capacity(series.len());
        let mut guess = 0;
        for labels in series {
            let number = self.number_of(labels, guess);
            guess = number as usize + 1;
            numbers.push(number);
        }
        let new = self.order.get(known..).unwrap_or_default();
        put_varint(out, new.len() as u64);
        new.iter().for_each(|labels| put_bytes(out, labels.as_bytes()));
        let runs: Vec<&[u32]> = numbers.chunk_by(|left, right| left.wrapping_add(1) == *right).collect();
        put_varint(out, runs.len() as u64);
        let mut next = 0i64;
        for run in runs {
            let first = i64::from(run.first().copied().unwrap_or_default());
            put_signed(out, first - next);
            put_varint(out, run.len() as u64);
            next = first + run.len() as i64;
        }
        numbers
    }

    fn number_of(&mut self, labels: &Labels, guess: usize) -> u32 {
        if self.order.get(guess).is_some_and(|known| known == labels) {
            return guess as u32;
        }
        if let Some(number) = self.numbers.get(labels) {
            return *number;
        }
        let number = self.order.len() as u32;
        self.label_bytes += labels.as_bytes().len();
        self.numbers.insert(labels.clone(), number);
        self.order.push(labels.clone());
        self.values.push(ValueState::default());
        number
    }

    fn put_samples(&mut self, out: &mut Vec<u8>, samples: &[Sample], numbers: &[u32]) -> Result<(), BytesError> {
        put_varint(out, samples.len() as u64);
        if samples.is_empty() {
            return Ok(());
        }
        if samples.iter().enumerate().all(|(index, sample)| sample.series as usize == index) {
            out.push(IN_ORDER);
        } else {
            out.push(BY_INDEX);
            let mut before = 0;
            for sample in samples {
                put_signed(out, i64::from(sample.series) - before);
                before = i64::from(sample.series);
            }
        }
        let mut time = 0;
        for sample in samples {
            put_signed(out, sample.time.wrapping_sub(time));
            time = sample.time;
        }
        for sample in samples {
            let number = numbers.get(sample.series as usize).ok_or_else(|| unknown_series(sample.series))?;
            if let Some(state) = self.values.get_mut(*number as usize) {
                state.put(out, sample.value);
            }
        }
        Ok(())
    }
}

/// Histograms, exemplars and metadata: seldom, so plainly.
fn put_rare(out: &mut Vec<u8>, batch: &MetricBatch) -> Result<(), BytesError> {
    let known = |series: u32| if (series as usize) < batch.series.len() { Ok(()) } else { Err(unknown_series(series)) };
    put_varint(out, batch.histograms.len() as u64);
    let mut bytes = Vec::new();
    for sample in &batch.histograms {
        known(sample.series)?;
        put_varint(out, sample.series.into());
        bytes.clear();
        encode_histograms(&mut bytes, &[(sample.time, sample.histogram.clone())], Effort::Fast);
        put_bytes(out, &bytes);
    }
    put_varint(out, batch.exemplars.len() as u64);
    for exemplar in &batch.exemplars {
        known(exemplar.series)?;
        put_varint(out, exemplar.series.into());
        put_signed(out, exemplar.time);
        put_u64(out, exemplar.value.to_bits());
        put_bytes(out, exemplar.labels.as_bytes());
    }
    put_varint(out, batch.metadata.len() as u64);
    for metadata in &batch.metadata {
        put_text(out, &metadata.metric);
        out.push(type_code(metadata.metric_type));
        put_text(out, &metadata.help);
        put_text(out, &metadata.unit);
    }
    Ok(())
}

fn unknown_series(series: u32) -> BytesError {
    BytesError { what: "a sample's series", offset: 0, problem: Problem::BadValue(series.into()) }
}
