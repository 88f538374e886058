//! Frame to batch.

use super::state::ValueState;
use super::{BY_INDEX, IN_ORDER, MAX_FRAME_BYTES, METRIC_FRAME_VERSION, RESET, WITH_STARTS};
use crate::bytes::{BytesError, Problem, Reader};
use crate::metrics::{decode_histograms, read_compressed, type_of};
use clew_model::TenantId;
use clew_model::metrics::{
    Exemplar, HistogramSample, LabelSets, Labels, Metadata, MetricBatch, Sample, SampleStart, SeriesKey,
};

/// Decodes the frames of a journal, in the order in which they stand in it.
#[derive(Debug, Default)]
pub struct MetricFrameDecoder {
    segment: Option<u64>,
    sequence: u64,
    /// Of each series of the segment.
    values: Vec<ValueState>,
}

/// What a frame holds.
#[derive(Debug)]
pub struct MetricFrame {
    /// Whose.
    pub tenant: TenantId,
    /// Whether the numbers of series begin anew with it.
    pub begins: bool,
    /// Label sets that are met first in it; their numbers follow those of the frames before.
    pub new: LabelSets,
    /// The number of each series ([`FrameSeries::key`]), by place.
    pub numbers: Vec<u32>,
    /// Everything but the label sets.
    pub batch: MetricBatch,
}

/// The label sets that the frames of a journal name by numbers.
#[derive(Debug, Default)]
pub struct FrameSeries(LabelSets);

impl FrameSeries {
    /// Takes in what is new in a frame. Every frame must be given, in the order in which they were decoded.
    pub fn take(&mut self, frame: &MetricFrame) {
        if frame.begins {
            self.0 = LabelSets::default();
        }
        self.0.append(&frame.new);
    }

    /// The label set with a number.
    #[must_use]
    pub fn key(&self, number: u32) -> Option<SeriesKey<'_>> {
        self.0.key(number as usize)
    }
}

impl MetricFrameDecoder {
    /// A decoder that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes a frame of `segment`. Frames must come without gaps, from one that begins from nothing (the first of
    /// every segment does).
    ///
    /// # Errors
    /// Damaged bytes, another version, or a frame is missing before this one.
    pub fn decode(&mut self, segment: u64, bytes: &[u8]) -> Result<MetricFrame, BytesError> {
        let decoded = self.decode_frame(segment, bytes);
        if decoded.is_err() {
            // What follows can be understood again only from a frame that begins from nothing.
            self.segment = None;
        }
        decoded
    }

    fn decode_frame(&mut self, segment: u64, bytes: &[u8]) -> Result<MetricFrame, BytesError> {
        let mut reader = Reader::new(bytes);
        let version = reader.u8("a frame's version")?;
        if version != METRIC_FRAME_VERSION {
            return Err(reader.error("a frame's version", Problem::BadValue(version.into())));
        }
        let flags = reader.u8("a frame's flags")?;
        if flags & !(RESET | WITH_STARTS) != 0 {
            return Err(reader.error("a frame's flags", Problem::BadValue(flags.into())));
        }
        let begins = flags & RESET != 0;
        if begins {
            *self = Self { segment: Some(segment), ..Self::default() };
        }
        let sequence = reader.varint("a frame's sequence number")?;
        if self.segment != Some(segment) || sequence != self.sequence {
            return Err(reader.error("a frame's sequence number (a frame is missing)", Problem::BadValue(sequence)));
        }
        let payload = read_compressed(&mut reader, MAX_FRAME_BYTES, "a frame")?;
        reader.finish("a frame")?;
        let mut reader = Reader::new(&payload);
        let name = reader.text("a frame's tenant")?;
        let tenant = TenantId::new(name);
        let tenant = tenant.ok_or_else(|| reader.error("a frame's tenant", Problem::BadValue(name.len() as u64)))?;
        let new = self.read_new_series(&mut reader)?;
        let numbers = self.read_numbers(&mut reader)?;
        let samples = self.read_samples(&mut reader, &numbers)?;
        let mut batch = MetricBatch { samples, ..MetricBatch::default() };
        read_rare(&mut reader, numbers.len(), &mut batch)?;
        if flags & WITH_STARTS != 0 {
            batch.starts = read_starts(&mut reader, numbers.len())?;
        }
        reader.finish("a frame")?;
        self.sequence += 1;
        Ok(MetricFrame { tenant, begins, new, numbers, batch })
    }

    fn read_new_series(&mut self, reader: &mut Reader<'_>) -> Result<LabelSets, BytesError> {
        let mut new = LabelSets::default();
        for _ in 0..reader.count(1, "a frame's new series")? {
            let bytes = reader.bytes("a series' labels")?;
            let pushed = new.push_encoded(bytes);
            pushed.map_err(|_| reader.error("a series' labels", Problem::BadValue(bytes.len() as u64)))?;
            self.values.push(ValueState::default());
        }
        Ok(new)
    }

    fn read_numbers(&self, reader: &mut Reader<'_>) -> Result<Vec<u32>, BytesError> {
        let mut numbers = Vec::new();
        let mut next = 0i64;
        for _ in 0..reader.count(2, "a frame's runs of series")? {
            let first = next.wrapping_add(reader.signed("a run of series")?);
            let length = reader.varint("a run of series")?;
            let range = usize::try_from(first).ok().zip(usize::try_from(length).ok()).and_then(|(first, length)| {
                first.checked_add(length).filter(|end| *end <= self.values.len()).map(|end| first..end)
            });
            let range = range.ok_or_else(|| reader.error("a run of series", Problem::BadValue(length)))?;
            next = range.end as i64;
            numbers.extend(range.map(|number| number as u32));
        }
        Ok(numbers)
    }

    fn read_samples(&mut self, reader: &mut Reader<'_>, numbers: &[u32]) -> Result<Vec<Sample>, BytesError> {
        let count = reader.count(2, "a frame's samples")?;
        let mut samples = Vec::with_capacity(count);
        if count == 0 {
            return Ok(samples);
        }
        match reader.u8("the order of samples")? {
            IN_ORDER => samples.extend((0..count).map(|index| Sample { series: index as u32, time: 0, value: 0.0 })),
            BY_INDEX => {
                let mut series = 0i64;
                for _ in 0..count {
                    series = series.wrapping_add(reader.signed("a sample's series")?);
                    let index = u32::try_from(series);
                    let index =
                        index.map_err(|_| reader.error("a sample's series", Problem::BadValue(series as u64)))?;
                    samples.push(Sample { series: index, time: 0, value: 0.0 });
                }
            }
            order => return Err(reader.error("the order of samples", Problem::BadValue(order.into()))),
        }
        let mut time = 0i64;
        for sample in &mut samples {
            time = time.wrapping_add(reader.signed("a sample's time")?);
            sample.time = time;
        }
        for sample in &mut samples {
            let number = numbers.get(sample.series as usize);
            let state = number.and_then(|number| self.values.get_mut(*number as usize));
            let unknown = || reader.error("a sample's series", Problem::BadValue(sample.series.into()));
            sample.value = state.ok_or_else(unknown)?.read(reader)?;
        }
        Ok(samples)
    }
}

fn read_rare(reader: &mut Reader<'_>, series_count: usize, batch: &mut MetricBatch) -> Result<(), BytesError> {
    let mut histograms = Vec::new();
    for _ in 0..reader.count(2, "a frame's histograms")? {
        let series = read_index(reader, series_count)?;
        decode_histograms(reader.bytes("a histogram")?, i64::MIN, i64::MAX, &mut histograms)?;
        let drained = histograms.drain(..);
        batch.histograms.extend(drained.map(|(time, histogram)| HistogramSample { series, time, histogram }));
    }
    for _ in 0..reader.count(11, "a frame's exemplars")? {
        let series = read_index(reader, series_count)?;
        let time = reader.signed("an exemplar's time")?;
        let value = f64::from_bits(reader.u64("an exemplar's value")?);
        let labels = read_labels(reader, "an exemplar's labels")?;
        batch.exemplars.push(Exemplar { series, time, value, labels });
    }
    for _ in 0..reader.count(4, "a frame's metadata")? {
        let metric = reader.text("a metric's name")?.to_owned();
        let code = reader.u8("a metric's type")?;
        let metric_type = type_of(code);
        let metric_type = metric_type.ok_or_else(|| reader.error("a metric's type", Problem::BadValue(code.into())))?;
        let help = reader.text("a metric's help")?.to_owned();
        let unit = reader.text("a metric's unit")?.to_owned();
        batch.metadata.push(Metadata { metric, metric_type, help, unit });
    }
    Ok(())
}

fn read_starts(reader: &mut Reader<'_>, series_count: usize) -> Result<Vec<SampleStart>, BytesError> {
    let count = reader.count(3, "a frame's starts")?;
    let mut starts = Vec::with_capacity(count);
    let (mut place, mut time, mut start) = (0i64, 0i64, 0i64);
    for _ in 0..count {
        place = place.wrapping_add(reader.signed("a start's series")?);
        let series = u32::try_from(place).ok().filter(|series| (*series as usize) < series_count);
        let series =
            series.ok_or_else(|| reader.error("a start's series", Problem::BadValue(place.cast_unsigned())))?;
        time = time.wrapping_add(reader.signed("a start's time")?);
        start = start.wrapping_add(reader.signed("a start")?);
        starts.push(SampleStart { series, time, start });
    }
    Ok(starts)
}

fn read_index(reader: &mut Reader<'_>, count: usize) -> Result<u32, BytesError> {
    let series = reader.varint("a series")?;
    let index = u32::try_from(series).ok().filter(|index| (*index as usize) < count);
    index.ok_or_else(|| reader.error("a series", Problem::BadValue(series)))
}

fn read_labels(reader: &mut Reader<'_>, what: &'static str) -> Result<Labels, BytesError> {
    let bytes = reader.bytes(what)?;
    Labels::from_bytes(bytes).map_err(|_| reader.error(what, Problem::BadValue(bytes.len() as u64)))
}
