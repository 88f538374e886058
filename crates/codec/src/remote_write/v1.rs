//! `prometheus.WriteRequest` of remote write 1.0 (`prompb/remote.proto`, `prompb/types.proto`).

use super::histogram::histogram;
use super::labels::{LabelSetBuilder, Pair, exemplar_labels};
use super::metric_type;
use crate::error::{DecodeError, Decoded};
use crate::limits::MAX_EXEMPLAR_LABEL_BYTES;
use crate::metric_batch::{BatchBuilder, Example};
use crate::protobuf::{Budget, Field, Outcome, Reader};
use clew_model::UnixMillis;
use clew_model::metrics::{Metadata, MetricBatch, Sample};

/// What errors call the format.
const FORMAT: &str = "remote write 1.0";

/// Bytes of memory that a family takes beside its texts.
const METADATA_BYTES: usize = 128;

/// Reads a `WriteRequest`; samples and histograms are counted.
///
/// # Errors
/// Bytes that are not well-formed protobuf of this message, and bodies whose records take more than `memory` bytes.
pub fn decode(body: &[u8], memory: usize) -> Result<Decoded<MetricBatch>, DecodeError> {
    let mut decoder = Decoder { budget: Budget::of(memory), ..Decoder::default() };
    decoder.batch.expect(body.len());
    decoder.request(Reader::new(body)).map_err(|fault| fault.into_error(FORMAT))?;
    let Decoder { batch, mut decoded, .. } = decoder;
    decoded.records = batch.finish();
    decoded.accepted = decoded.records.sample_count() as u64;
    Ok(decoded)
}

struct Decoder<'a> {
    batch: BatchBuilder,
    decoded: Decoded<MetricBatch>,
    labels: LabelSetBuilder,
    /// The labels of the series that is being read.
    pairs: Vec<Pair<'a>>,
    budget: Budget,
    /// Samples and histograms so far.
    index: u64,
}

impl Default for Decoder<'_> {
    fn default() -> Self {
        Self {
            batch: BatchBuilder::default(),
            decoded: Decoded::default(),
            labels: LabelSetBuilder::default(),
            pairs: Vec::new(),
            budget: Budget::of(0),
            index: 0,
        }
    }
}

impl<'a> Decoder<'a> {
    fn request(&mut self, mut reader: Reader<'a>) -> Outcome<()> {
        let (mut series, mut families) = (0, 0);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => {
                    field.element("timeseries", series, |reader| self.series(reader))?;
                    series += 1;
                }
                3 => {
                    field.element("metadata", families, |reader| self.metadata(reader))?;
                    families += 1;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A series: its labels wherever they stand, then all else.
    fn series(&mut self, reader: Reader<'a>) -> Outcome<()> {
        self.pairs.clear();
        let mut fields = reader;
        while let Some(field) = fields.next()? {
            if field.number == 1 {
                self.pairs.push(field.nested("labels", label)?);
            }
        }
        let series = match self.labels.build(&mut self.pairs) {
            Ok(set) => Ok(self.batch.series(set, &mut self.budget, reader.offset())?),
            Err(reason) => Err(reason),
        };
        let mut fields = reader;
        while let Some(field) = fields.next()? {
            match (field.number, &series) {
                (2, Ok(series)) => self.sample(*series, &field)?,
                (3, Ok(series)) => self.exemplar(*series, &field)?,
                (4, Ok(series)) => self.histogram(*series, &field)?,
                (2 | 4, Err(reason)) => self.refuse(|| reason.clone()),
                _ => {}
            }
        }
        Ok(())
    }

    fn refuse(&mut self, reason: impl FnOnce() -> String) {
        self.decoded.reject(self.index, reason);
        self.index = self.index.saturating_add(1);
    }

    fn sample(&mut self, series: u32, field: &Field<'a>) -> Outcome<()> {
        let (value, time) = field.nested("samples", sample)?;
        self.budget.take(size_of::<Sample>(), field.offset)?;
        self.index = self.index.saturating_add(1);
        self.batch.sample(series, time, value);
        Ok(())
    }

    fn histogram(&mut self, series: u32, field: &Field<'a>) -> Outcome<()> {
        match field.nested("histograms", |reader| histogram(reader, &mut self.budget)) {
            Ok(own) => {
                self.index = self.index.saturating_add(1);
                self.batch.histogram(series, own.time, own.histogram);
            }
            Err(fault) => {
                let reason = fault.into_refusal()?;
                self.refuse(|| reason);
            }
        }
        Ok(())
    }

    /// An exemplar that cannot be taken is left out, as Prometheus does: it spoils no sample.
    fn exemplar(&mut self, series: u32, field: &Field<'a>) -> Outcome<()> {
        let mut reader = field.message("exemplars")?;
        let (mut pairs, mut value, mut time) = (Vec::new(), 0.0, 0);
        while let Some(field) = reader.next()? {
            match field.number {
                1 => pairs.push(field.nested("labels", label)?),
                2 => value = field.double("value")?,
                3 => time = field.int("timestamp")?,
                _ => {}
            }
        }
        put_exemplar(&mut self.batch, &mut self.budget, series, (&pairs, value, time), field.offset)
    }

    fn metadata(&mut self, mut reader: Reader<'a>) -> Outcome<()> {
        let mut metadata = Metadata::default();
        let offset = reader.offset();
        self.budget.take(METADATA_BYTES.saturating_add(reader.remaining()), offset)?;
        while let Some(field) = reader.next()? {
            match field.number {
                1 => metadata.metric_type = metric_type(field.int("type")?),
                2 => field.string("metric_family_name")?.clone_into(&mut metadata.metric),
                4 => field.string("help")?.clone_into(&mut metadata.help),
                5 => field.string("unit")?.clone_into(&mut metadata.unit),
                _ => {}
            }
        }
        if !metadata.metric.is_empty() {
            self.batch.metadata(&metadata);
        }
        Ok(())
    }
}

/// Adds an exemplar, unless its labels are none or too long.
pub(super) fn put_exemplar(
    batch: &mut BatchBuilder,
    budget: &mut Budget,
    series: u32,
    (pairs, value, time): (&[Pair<'_>], f64, UnixMillis),
    offset: usize,
) -> Outcome<()> {
    let bytes = pairs.iter().map(|(name, value)| name.len().saturating_add(value.len())).sum::<usize>();
    if bytes > MAX_EXEMPLAR_LABEL_BYTES {
        return Ok(());
    }
    budget.take(bytes.saturating_add(size_of::<Example>()), offset)?;
    if let Ok(labels) = exemplar_labels(pairs) {
        batch.exemplar(series, Example { time, value, labels });
    }
    Ok(())
}

/// Name and value of a `Label`.
fn label(mut reader: Reader<'_>) -> Outcome<Pair<'_>> {
    let mut pair: Pair<'_> = (&[], &[]);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => pair.0 = field.bytes("name")?,
            2 => pair.1 = field.bytes("value")?,
            _ => {}
        }
    }
    Ok(pair)
}

/// Value and time of a `Sample`.
fn sample(mut reader: Reader<'_>) -> Outcome<(f64, UnixMillis)> {
    let (mut value, mut time) = (0.0, 0);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => value = field.double("value")?,
            2 => time = field.int("timestamp")?,
            _ => {}
        }
    }
    Ok((value, time))
}
