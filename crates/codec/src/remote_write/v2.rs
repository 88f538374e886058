//! `io.prometheus.write.v2.Request` of remote write 2.0: texts stand once in a table of symbols, metadata beside the series.

use super::histogram::histogram;
use super::labels::{LabelSetBuilder, Pair};
use super::metric_type;
use super::v1::put_exemplar;
use crate::error::{DecodeError, Decoded};
use crate::metric_batch::BatchBuilder;
use crate::protobuf::{Budget, Fault, Field, Outcome, Reader};
use clew_model::metrics::{METRIC_NAME, Metadata, MetricBatch, MetricType, Sample, SampleStart};

/// What errors call the format.
const FORMAT: &str = "remote write 2.0";

/// Most label references of one series, two for each label; longer lists are cut, and refused for it.
const MAX_REFERENCES: usize = 8_192;

/// Reads a `Request`; samples and histograms are counted.
///
/// # Errors
/// Bytes that are not well-formed protobuf of this message, and bodies whose records take more than `memory` bytes.
pub fn decode(body: &[u8], memory: usize) -> Result<Decoded<MetricBatch>, DecodeError> {
    let mut decoder = Decoder {
        batch: BatchBuilder::default(),
        decoded: Decoded::default(),
        labels: LabelSetBuilder::default(),
        symbols: Vec::new(),
        references: Vec::new(),
        pairs: Vec::new(),
        budget: Budget::of(memory),
        index: 0,
    };
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
    symbols: Vec<&'a [u8]>,
    /// Of the list that is being read.
    references: Vec<u64>,
    /// The labels of the series that is being read.
    pairs: Vec<Pair<'a>>,
    budget: Budget,
    /// Samples and histograms so far.
    index: u64,
}

impl<'a> Decoder<'a> {
    /// The symbols wherever they stand, then the series.
    fn request(&mut self, reader: Reader<'a>) -> Outcome<()> {
        let mut fields = reader;
        while let Some(field) = fields.next()? {
            if field.number == 4 {
                self.budget.take(size_of::<&[u8]>(), field.offset)?;
                self.symbols.push(field.bytes("symbols")?);
            }
        }
        if self.symbols.first().is_some_and(|first| !first.is_empty()) {
            return Err(Fault::malformed(0, "the first symbol is not the empty text".to_owned()));
        }
        let (mut fields, mut series) = (reader, 0);
        while let Some(field) = fields.next()? {
            if field.number == 5 {
                field.element("timeseries", series, |reader| self.series(reader))?;
                series += 1;
            }
        }
        Ok(())
    }

    fn series(&mut self, reader: Reader<'a>) -> Outcome<()> {
        self.references.clear();
        let mut fields = reader;
        while let Some(field) = fields.next()? {
            if field.number == 1 {
                field.varints("labels_refs", MAX_REFERENCES + 1, &mut self.references)?;
            }
        }
        let mut pairs = std::mem::take(&mut self.pairs);
        let resolved = self.resolve(&mut pairs);
        let series = match resolved.and_then(|()| self.labels.build(&mut pairs)) {
            Ok(set) => Ok(self.batch.series(set, &mut self.budget, reader.offset())?),
            Err(reason) => Err(reason),
        };
        let name = pairs.iter().find(|(name, _)| *name == METRIC_NAME.as_bytes()).map_or(&[][..], |(_, name)| name);
        self.pairs = pairs;
        let mut fields = reader;
        while let Some(field) = fields.next()? {
            match (field.number, &series) {
                (2, Ok(series)) => self.sample(*series, &field)?,
                (3, Ok(series)) => self.histogram(*series, &field)?,
                (4, Ok(series)) => self.exemplar(*series, &field)?,
                (5, Ok(_)) => field.nested("metadata", |reader| self.metadata(reader, name))?,
                (2 | 3, Err(reason)) => self.refuse(|| reason.clone()),
                _ => {}
            }
        }
        Ok(())
    }

    /// The labels that the references mean.
    fn resolve(&self, pairs: &mut Vec<Pair<'a>>) -> Result<(), String> {
        pairs.clear();
        if self.references.len() > MAX_REFERENCES {
            return Err(format!("the series has more than {} labels", MAX_REFERENCES / 2));
        }
        for pair in self.references.chunks(2) {
            let [name, value] = pair else {
                return Err(format!("labels_refs has {} entries, expected pairs", self.references.len()));
            };
            pairs.push((self.symbol(*name)?, self.symbol(*value)?));
        }
        Ok(())
    }

    fn symbol(&self, reference: u64) -> Result<&'a [u8], String> {
        let symbol = usize::try_from(reference).ok().and_then(|place| self.symbols.get(place));
        symbol.copied().ok_or_else(|| format!("the reference {reference} is beyond the {} symbols", self.symbols.len()))
    }

    fn refuse(&mut self, reason: impl FnOnce() -> String) {
        self.decoded.reject(self.index, reason);
        self.index = self.index.saturating_add(1);
    }

    fn sample(&mut self, series: u32, field: &Field<'a>) -> Outcome<()> {
        let (mut value, mut time, mut start) = (0.0, 0, 0);
        let mut reader = field.message("samples")?;
        while let Some(field) = reader.next()? {
            match field.number {
                1 => value = field.double("value")?,
                2 => time = field.int("timestamp")?,
                3 => start = field.int("start_timestamp")?,
                _ => {}
            }
        }
        self.take_for(size_of::<Sample>(), start, field.offset)?;
        self.index = self.index.saturating_add(1);
        self.batch.sample(series, time, value);
        self.batch.start(series, time, start);
        Ok(())
    }

    fn histogram(&mut self, series: u32, field: &Field<'a>) -> Outcome<()> {
        match field.nested("histograms", |reader| histogram(reader, &mut self.budget)) {
            Ok(own) => {
                self.take_for(0, own.start, field.offset)?;
                self.index = self.index.saturating_add(1);
                self.batch.histogram(series, own.time, own.histogram);
                self.batch.start(series, own.time, own.start);
            }
            Err(fault) => {
                let reason = fault.into_refusal()?;
                self.refuse(|| reason);
            }
        }
        Ok(())
    }

    /// Takes the memory of something that may have a start.
    fn take_for(&mut self, bytes: usize, start: i64, offset: usize) -> Outcome<()> {
        let own = if start == 0 { 0 } else { size_of::<SampleStart>() };
        self.budget.take(bytes + own, offset)
    }

    /// An exemplar that cannot be taken is left out: it spoils no sample.
    fn exemplar(&mut self, series: u32, field: &Field<'a>) -> Outcome<()> {
        let mut reader = field.message("exemplars")?;
        let (mut value, mut time) = (0.0, 0);
        self.references.clear();
        while let Some(field) = reader.next()? {
            match field.number {
                1 => field.varints("labels_refs", MAX_REFERENCES + 1, &mut self.references)?,
                2 => value = field.double("value")?,
                3 => time = field.int("timestamp")?,
                _ => {}
            }
        }
        let mut pairs = Vec::new();
        match self.resolve(&mut pairs) {
            Ok(()) => put_exemplar(&mut self.batch, &mut self.budget, series, (&pairs, value, time), field.offset),
            Err(_) => Ok(()),
        }
    }

    fn metadata(&mut self, mut reader: Reader<'a>, name: &[u8]) -> Outcome<()> {
        let (mut own, mut help, mut unit) = (MetricType::Unknown, 0, 0);
        let offset = reader.offset();
        while let Some(field) = reader.next()? {
            match field.number {
                1 => own = metric_type(field.int("type")?),
                3 => help = field.varint("help_ref")?,
                4 => unit = field.varint("unit_ref")?,
                _ => {}
            }
        }
        let text = |reference| String::from_utf8_lossy(self.symbol(reference).unwrap_or_default()).into_owned();
        let (help, unit) = (text(help), text(unit));
        if own == MetricType::Unknown && help.is_empty() && unit.is_empty() {
            return Ok(());
        }
        self.budget.take(help.len().saturating_add(unit.len()), offset)?;
        let metric = family(own, &String::from_utf8_lossy(name)).to_owned();
        self.batch.metadata(&Metadata { metric, metric_type: own, help, unit });
        Ok(())
    }
}

/// The family of a series with this name: those of classic histograms and summaries have suffixes.
fn family(metric_type: MetricType, name: &str) -> &str {
    let suffixes: &[&str] = match metric_type {
        MetricType::Histogram | MetricType::GaugeHistogram => &["_bucket", "_sum", "_count"],
        MetricType::Summary => &["_sum", "_count"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name)
}
