//! Batch to frame.

use super::state::ValueState;
use super::{
    BY_INDEX, IN_ORDER, MAX_STATE_LABEL_BYTES, MAX_STATE_SERIES, METRIC_FRAME_VERSION, RESET, WITH_STARTS, ZSTD_LEVEL,
};
use crate::bytes::{BytesError, Problem, put_bytes, put_signed, put_text, put_u64, put_varint};
use crate::metrics::{Effort, encode_histograms, type_code, write_compressed};
use clew_model::TenantId;
use clew_model::metrics::{LabelSets, MetricBatch, Sample};
use hashbrown::HashMap;

/// The series of a batch in the table that the journal shares with the head.
#[derive(Debug, Clone, Copy)]
pub struct SeriesNumbers<'a> {
    /// Which table of the batch's tenant: another one has other numbers.
    pub table: u64,
    /// The table's number of each series of the batch, by place.
    pub numbers: &'a [u32],
}

/// Encodes the batches of one journal, in the order in which they are appended.
#[derive(Debug, Default)]
pub struct MetricFrameEncoder {
    segment: Option<u64>,
    sequence: u64,
    known: HashMap<TenantId, Known>,
    /// Of each series of the segment.
    values: Vec<ValueState>,
    label_bytes: usize,
    payload: Vec<u8>,
}

/// Which series of a tenant's table the segment knows by which number.
#[derive(Debug, Default)]
struct Known {
    table: u64,
    /// By the table's number; [`UNKNOWN`], or beyond the end, for one that it does not know.
    numbers: Vec<u32>,
}

const UNKNOWN: u32 = u32::MAX;

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
        let numbers: usize = self.known.values().map(|known| known.numbers.capacity()).sum();
        (self.values.len(), numbers * size_of::<u32>() + self.values.capacity() * size_of::<ValueState>())
    }

    /// Appends the frame of a batch that goes into `segment`; a new segment begins from nothing.
    ///
    /// # Errors
    /// A sample, histogram or exemplar names a series that the batch does not have, or the series have no numbers; nothing
    /// is appended, and the next frame begins from nothing.
    pub fn encode(
        &mut self,
        segment: u64,
        tenant: &TenantId,
        batch: &MetricBatch,
        series: SeriesNumbers<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), BytesError> {
        let too_large = self.values.len() >= MAX_STATE_SERIES || self.label_bytes >= MAX_STATE_LABEL_BYTES;
        if self.segment != Some(segment) || too_large {
            self.begin(segment);
        }
        let mut payload = std::mem::take(&mut self.payload);
        payload.clear();
        put_text(&mut payload, tenant.as_str());
        let written = self.put_series(&mut payload, tenant, &batch.series, series).and_then(|numbers| {
            self.put_samples(&mut payload, &batch.samples, &numbers)?;
            put_rare(&mut payload, batch)?;
            put_starts(&mut payload, batch)
        });
        if written.is_ok() {
            out.push(METRIC_FRAME_VERSION);
            let starts = if batch.starts.is_empty() { 0 } else { WITH_STARTS };
            out.push(if self.sequence == 0 { RESET | starts } else { starts });
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
    fn put_series(
        &mut self,
        out: &mut Vec<u8>,
        tenant: &TenantId,
        sets: &LabelSets,
        series: SeriesNumbers<'_>,
    ) -> Result<Vec<u32>, BytesError> {
        if series.numbers.len() != sets.len() {
            return Err(unknown_series(series.numbers.len() as u32));
        }
        if !self.known.contains_key(tenant) {
            self.known.insert(tenant.clone(), Known::default());
        }
        let Self { known, values, label_bytes, .. } = self;
        let Some(known) = known.get_mut(tenant) else { return Ok(Vec::new()) };
        if known.table != series.table {
            *known = Known { table: series.table, numbers: Vec::new() };
        }
        let most = series.numbers.iter().max().map_or(0, |most| *most as usize + 1);
        if known.numbers.len() < most {
            known.numbers.resize(most, UNKNOWN);
        }
        let mut new = Vec::new();
        let mut numbers = Vec::with_capacity(sets.len());
        for (place, number) in series.numbers.iter().enumerate() {
            let Some(slot) = known.numbers.get_mut(*number as usize) else { continue };
            if *slot == UNKNOWN {
                *slot = values.len() as u32;
                values.push(ValueState::default());
                new.push(place);
            }
            numbers.push(*slot);
        }
        put_varint(out, new.len() as u64);
        for key in new.into_iter().filter_map(|place| sets.key(place)) {
            *label_bytes += key.bytes().len();
            put_bytes(out, key.bytes());
        }
        put_runs(out, &numbers);
        Ok(numbers)
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

/// Numbers that mostly follow each other.
fn put_runs(out: &mut Vec<u8>, numbers: &[u32]) {
    put_varint(out, numbers.chunk_by(|left, right| left.wrapping_add(1) == *right).count() as u64);
    let mut next = 0i64;
    for run in numbers.chunk_by(|left, right| left.wrapping_add(1) == *right) {
        let first = i64::from(run.first().copied().unwrap_or_default());
        put_signed(out, first - next);
        put_varint(out, run.len() as u64);
        next = first + run.len() as i64;
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

/// Start timestamps, where there are some: mostly one for each sample, and the same.
fn put_starts(out: &mut Vec<u8>, batch: &MetricBatch) -> Result<(), BytesError> {
    if batch.starts.is_empty() {
        return Ok(());
    }
    put_varint(out, batch.starts.len() as u64);
    let (mut series, mut time, mut start) = (0, 0, 0);
    for one in &batch.starts {
        if one.series as usize >= batch.series.len() {
            return Err(unknown_series(one.series));
        }
        put_signed(out, i64::from(one.series) - series);
        put_signed(out, one.time.wrapping_sub(time));
        put_signed(out, one.start.wrapping_sub(start));
        (series, time, start) = (one.series.into(), one.time, one.start);
    }
    Ok(())
}

fn unknown_series(series: u32) -> BytesError {
    BytesError { what: "a sample's series", offset: 0, problem: Problem::BadValue(series.into()) }
}
