//! How a run of metrics is laid out: keys and values (`docs/storage-format.md`, "Metric partitions").

use super::merge::merge_beside;
use crate::engine::{Run, RunWriter, Slice, Snapshot};
use crate::error::KvError;
use crate::limits::{EXEMPLARS_PER_CHUNK, LABELS_CHUNK_BYTES, LABELS_PER_CHUNK};
use clew_columns::bytes::{Problem, Reader, put_bytes, put_signed, put_u64, put_varint};
use clew_columns::metrics::{
    Effort, SampleDecoder, SampleEncoder, StartRuns, StoredExemplar, decode_exemplars, decode_histograms,
    decode_labels, encode_exemplars, encode_histograms, encode_labels,
};
use clew_model::UnixMillis;
use clew_model::correlation::{CanonicalId, CorrelationRules};
use clew_model::metrics::{Labels, NativeHistogram};
use roaring::RoaringBitmap;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// Which series, how many exemplar lists.
const HEADER: u8 = 0;
/// Label sets of the series that this run was the first to have, in lists.
const LABELS: u8 = 1;
/// The samples of one series.
const SERIES: u8 = 2;
/// Exemplars, in lists.
const EXEMPLARS: u8 = 3;
/// Hashes of the IDs that a list of exemplars carries.
const EXEMPLAR_IDS: u8 = 4;
/// Label sets of the series that earlier runs were the first to have, in lists: needed where one of those is damaged.
const KNOWN_LABELS: u8 = 5;

/// Stands in the value of a series before its starts, where it has some, in the place of a histogram's schema: none is this.
const STARTS_MARK: i64 = -64;

fn key(kind: u8, number: u32) -> [u8; 5] {
    let [a, b, c, d] = number.to_be_bytes();
    [kind, a, b, c, d]
}

/// What a run says about itself.
#[derive(Debug, Clone, Default)]
pub(super) struct RunHeader {
    /// Number of the first series whose labels the run holds.
    pub(super) first_new: u32,
    /// Label sets the run holds.
    pub(super) new: u32,
    /// Series with samples in it.
    pub(super) present: RoaringBitmap,
    /// Lists of exemplars.
    pub(super) exemplar_chunks: u32,
}

/// Float samples and histograms of one series, each in order of time.
#[derive(Debug, Clone, Default)]
pub(super) struct SeriesSamples {
    pub(super) times: Vec<UnixMillis>,
    pub(super) values: Vec<f64>,
    pub(super) histograms: Vec<(UnixMillis, Arc<NativeHistogram>)>,
    /// Start timestamps of the floats: empty where none has one, else as many, 0 where there is none.
    pub(super) starts: Vec<UnixMillis>,
    /// Start timestamps of the histograms, likewise.
    pub(super) histogram_starts: Vec<UnixMillis>,
}

impl SeriesSamples {
    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty() && self.histograms.is_empty()
    }

    pub(super) fn count(&self) -> u64 {
        (self.times.len() + self.histograms.len()) as u64
    }

    pub(super) fn clear(&mut self) {
        self.times.clear();
        self.values.clear();
        self.histograms.clear();
        self.starts.clear();
        self.histogram_starts.clear();
    }

    /// Earliest and latest time.
    pub(super) fn span(&self) -> Option<(UnixMillis, UnixMillis)> {
        let ends = |first: Option<UnixMillis>, last: Option<UnixMillis>| first.zip(last);
        let floats = ends(self.times.first().copied(), self.times.last().copied());
        let histograms =
            ends(self.histograms.first().map(|(time, _)| *time), self.histograms.last().map(|(time, _)| *time));
        match (floats, histograms) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        }
    }

    /// Brings a later written part, which was appended after so many floats and histograms, in order with them.
    pub(super) fn settle(&mut self, (floats, histograms): (usize, usize)) {
        self.settle_starts((floats, histograms));
        let is_late =
            |next: Option<&UnixMillis>, last: Option<&UnixMillis>| next.zip(last).is_some_and(|(n, l)| n <= l);
        let last = floats.checked_sub(1).and_then(|last| self.times.get(last));
        if is_late(self.times.get(floats), last) {
            let times = self.times.split_off(floats);
            let values = self.values.split_off(floats);
            super::merge::merge_samples(&mut self.times, &mut self.values, 0, &times, &values);
        }
        let more = self.histograms.split_off(histograms.min(self.histograms.len()));
        super::merge::merge_histograms(&mut self.histograms, more);
    }

    /// Brings the starts in the order that their samples will have.
    fn settle_starts(&mut self, (floats, histograms): (usize, usize)) {
        if !self.starts.is_empty() {
            let (times, more_times) = self.times.split_at(floats.min(self.times.len()));
            let (starts, more) = self.starts.split_at(floats.min(self.starts.len()));
            self.starts = merge_beside((times, starts), (more_times, more));
        }
        if !self.histogram_starts.is_empty() {
            let times: Vec<UnixMillis> = self.histograms.iter().map(|(time, _)| *time).collect();
            let (times, more_times) = times.split_at(histograms.min(times.len()));
            let (starts, more) = self.histogram_starts.split_at(histograms.min(self.histogram_starts.len()));
            self.histogram_starts = merge_beside((times, starts), (more_times, more));
        }
    }

    /// Gives the samples that were appended after so many floats and histograms their starts.
    pub(super) fn note_starts(&mut self, (floats, histograms): (usize, usize), starts: &StartRuns) {
        let floats = self.times.get(floats..).unwrap_or_default();
        let known = self.times.len() - floats.len();
        fill(&mut self.starts, known, floats.iter().map(|time| starts.at(*time)));
        let histograms = self.histograms.get(histograms..).unwrap_or_default();
        let known = self.histograms.len() - histograms.len();
        fill(&mut self.histogram_starts, known, histograms.iter().map(|(time, _)| starts.at(*time)));
    }

    /// The starts of all, by time.
    fn start_runs(&self) -> StartRuns {
        let floats = self.times.iter().copied().zip(self.starts.iter().copied());
        let histograms = self.histograms.iter().map(|(time, _)| *time).zip(self.histogram_starts.iter().copied());
        if self.times.is_empty() || self.histograms.is_empty() {
            return StartRuns::of(floats.chain(histograms));
        }
        let starts = |known: &[UnixMillis], place: usize| known.get(place).copied().unwrap_or_default();
        let floats = self.times.iter().enumerate().map(|(place, time)| (*time, starts(&self.starts, place)));
        let histograms = self.histograms.iter().enumerate();
        let histograms = histograms.map(|(place, (time, _))| (*time, starts(&self.histogram_starts, place)));
        let mut all: Vec<_> = floats.chain(histograms).collect();
        all.sort_by_key(|(time, _)| *time);
        StartRuns::of(all)
    }

    /// Encodes it as the value of a series.
    pub(super) fn encode(&self, out: &mut Vec<u8>, encoder: &mut SampleEncoder, effort: Effort) {
        let mut floats = Vec::new();
        encoder.encode(&mut floats, 0, &self.times, &self.values, effort);
        put_bytes(out, &floats);
        if !(self.starts.is_empty() && self.histogram_starts.is_empty()) {
            put_signed(out, STARTS_MARK);
            self.start_runs().encode(out);
        }
        encode_histograms(out, &self.histograms, effort);
    }

    /// Appends what the value of a series holds in `start..=end`.
    pub(super) fn decode(
        &mut self,
        value: &[u8],
        start: UnixMillis,
        end: UnixMillis,
        decoder: &mut SampleDecoder,
    ) -> Result<(), KvError> {
        let damaged = |source| KvError::Damaged { what: "the samples of a series".to_owned(), source };
        let mut reader = Reader::new(value);
        let floats = reader.bytes("the floats").map_err(damaged)?;
        let before = (self.times.len(), self.histograms.len());
        decoder.decode(floats, start, end, &mut self.times, &mut self.values).map_err(damaged)?;
        if reader.is_empty() {
            return Ok(());
        }
        let mut marked = reader.clone();
        let starts = if marked.signed("the starts' mark").map_err(damaged)? == STARTS_MARK {
            reader = marked;
            Some(StartRuns::decode(&mut reader).map_err(damaged)?)
        } else {
            None
        };
        let rest = reader.take(reader.left(), "the histograms").map_err(damaged)?;
        decode_histograms(rest, start, end, &mut self.histograms).map_err(damaged)?;
        if let Some(starts) = starts {
            self.note_starts(before, &starts);
        }
        Ok(())
    }
}

/// Appends starts, unless there are none at all so far; those of the `known` before them may be missing.
fn fill(starts: &mut Vec<UnixMillis>, known: usize, more: impl Iterator<Item = UnixMillis> + Clone) {
    if !starts.is_empty() || more.clone().any(|start| start != 0) {
        starts.resize(known, 0);
        starts.extend(more);
    }
}

/// Writes header and labels, which stand before the series.
pub(super) fn write_head(writer: &mut RunWriter<'_>, header: &RunHeader, new: &[Labels]) -> Result<(), KvError> {
    let mut bytes = Vec::new();
    put_varint(&mut bytes, header.first_new.into());
    put_varint(&mut bytes, new.len() as u64);
    put_varint(&mut bytes, header.exemplar_chunks.into());
    let mut present = Vec::new();
    let serialized = header.present.serialize_into(&mut present);
    serialized.map_err(|error| KvError::BadEntry(format!("a set of series: {error}")))?;
    put_bytes(&mut bytes, &present);
    writer.put(&key(HEADER, 0), &bytes)?;
    write_labels(writer, LABELS, new)
}

/// Writes, behind everything else, the labels of those series that are present and not new, in order of their numbers.
pub(super) fn write_known(writer: &mut RunWriter<'_>, known: &[Labels]) -> Result<(), KvError> {
    write_labels(writer, KNOWN_LABELS, known)
}

fn write_labels(writer: &mut RunWriter<'_>, kind: u8, labels: &[Labels]) -> Result<(), KvError> {
    let mut rest = labels;
    let mut chunk = 0;
    while !rest.is_empty() {
        let (labels, behind) = rest.split_at(labels_in_chunk(rest));
        writer.put(&key(kind, chunk), &encode_labels(labels))?;
        (rest, chunk) = (behind, chunk + 1);
    }
    Ok(())
}

/// How many of the label sets go into one list: it must stay below what reading it back accepts.
fn labels_in_chunk(labels: &[Labels]) -> usize {
    let mut bytes = 0;
    let fits = |one: &&Labels| {
        let had_room = bytes < LABELS_CHUNK_BYTES;
        bytes += one.as_bytes().len();
        had_room
    };
    labels.iter().take(LABELS_PER_CHUNK).take_while(fits).count()
}

pub(super) fn write_series(writer: &mut RunWriter<'_>, number: u32, value: &[u8]) -> Result<(), KvError> {
    writer.put(&key(SERIES, number), value)
}

/// How many lists these exemplars take.
pub(super) fn exemplar_chunks(exemplars: &[StoredExemplar]) -> u32 {
    exemplars.len().div_ceil(EXEMPLARS_PER_CHUNK) as u32
}

/// Writes exemplars and the hashes of the IDs they carry, after the series.
pub(super) fn write_exemplars(
    writer: &mut RunWriter<'_>,
    exemplars: &[StoredExemplar],
    rules: &CorrelationRules,
) -> Result<(), KvError> {
    for (chunk, list) in exemplars.chunks(EXEMPLARS_PER_CHUNK).enumerate() {
        writer.put(&key(EXEMPLARS, chunk as u32), &encode_exemplars(list))?;
    }
    for (chunk, list) in exemplars.chunks(EXEMPLARS_PER_CHUNK).enumerate() {
        let mut hashes = Vec::new();
        for exemplar in list {
            rules.visit_exemplar(&exemplar.labels, &mut |carried| hashes.push(id_hash(&carried.id)));
        }
        hashes.sort_unstable();
        hashes.dedup();
        let mut bytes = Vec::with_capacity(hashes.len() * 8);
        hashes.iter().for_each(|hash| put_u64(&mut bytes, *hash));
        writer.put(&key(EXEMPLAR_IDS, chunk as u32), &bytes)?;
    }
    Ok(())
}

pub(super) fn id_hash(id: &CanonicalId) -> u64 {
    xxh3_64(id.as_str().as_bytes())
}

pub(super) fn read_header(snapshot: &Snapshot, run: &Run) -> Result<RunHeader, KvError> {
    let what = || format!("the header of run {}", run.generation);
    let Some(value) = snapshot.get(run, &key(HEADER, 0))? else {
        return Err(KvError::inconsistent(what(), "it is not there"));
    };
    let mut reader = Reader::new(&value);
    let mut number = |name| {
        let value = reader.varint(name)?;
        u32::try_from(value).map_err(|_| reader.error(name, Problem::BadValue(value)))
    };
    let head = number("the first new series").and_then(|first| Ok((first, number("the new series")?)));
    let (first_new, new) = head.map_err(KvError::damaged(what()))?;
    let exemplar_chunks = number("the exemplar lists").map_err(KvError::damaged(what()))?;
    let present = reader.bytes("the series").map_err(KvError::damaged(what()))?;
    let present = RoaringBitmap::deserialize_from(present);
    let present = present.map_err(|error| KvError::inconsistent(what(), error.to_string()))?;
    Ok(RunHeader { first_new, new, present, exemplar_chunks })
}

/// The label sets that a run holds.
pub(super) fn read_labels(snapshot: &Snapshot, run: &Run, header: &RunHeader) -> Result<Vec<Labels>, KvError> {
    let labels = read_label_lists(snapshot, run, LABELS)?;
    if labels.len() != header.new as usize {
        let reason = format!("{} label sets, {} are announced", labels.len(), header.new);
        return Err(KvError::inconsistent(format!("run {}", run.generation), reason));
    }
    Ok(labels)
}

/// The labels of the series that are present in a run and not new in it, with their numbers.
pub(super) fn read_known(snapshot: &Snapshot, run: &Run, header: &RunHeader) -> Result<Vec<(u32, Labels)>, KvError> {
    let labels = read_label_lists(snapshot, run, KNOWN_LABELS)?;
    let known: Vec<u32> = header.present.range(..header.first_new).collect();
    if labels.len() != known.len() {
        let reason = format!("{} label sets of {} known series", labels.len(), known.len());
        return Err(KvError::inconsistent(format!("run {}", run.generation), reason));
    }
    Ok(known.into_iter().zip(labels).collect())
}

fn read_label_lists(snapshot: &Snapshot, run: &Run, kind: u8) -> Result<Vec<Labels>, KvError> {
    let mut labels = Vec::new();
    for entry in snapshot.scan(run, &key(kind, 0), Some(&key(kind + 1, 0)))? {
        let list = decode_labels(&entry?.value);
        labels.extend(list.map_err(KvError::damaged(format!("the labels of run {}", run.generation)))?);
    }
    Ok(labels)
}

/// Reads the value of one series.
pub(super) fn read_series(snapshot: &Snapshot, run: &Run, number: u32) -> Result<Slice, KvError> {
    snapshot.get(run, &key(SERIES, number))?.ok_or_else(|| {
        KvError::inconsistent(format!("run {}", run.generation), format!("series {number} is not there"))
    })
}

/// Visits the series of a run from number `first` to `last`, in order of numbers.
pub(super) fn scan_series(
    snapshot: &Snapshot,
    run: &Run,
    first: u32,
    last: u32,
) -> Result<impl Iterator<Item = Result<(u32, Slice), KvError>> + use<>, KvError> {
    let to = last.checked_add(1).map_or(key(EXEMPLARS, 0), |next| key(SERIES, next));
    let generation = run.generation;
    Ok(snapshot.scan(run, &key(SERIES, first), Some(&to))?.map(move |entry| {
        let entry = entry?;
        let number = entry.key().get(1..5).and_then(|bytes| bytes.first_chunk::<4>());
        let number = number.map(|bytes| u32::from_be_bytes(*bytes));
        let number = number.ok_or_else(|| KvError::inconsistent(format!("run {generation}"), "a key is too short"))?;
        Ok((number, entry.value))
    }))
}

/// One list of exemplars.
pub(super) fn read_exemplars(snapshot: &Snapshot, run: &Run, chunk: u32) -> Result<Vec<StoredExemplar>, KvError> {
    let what = || format!("the exemplars of run {}", run.generation);
    let value = snapshot.get(run, &key(EXEMPLARS, chunk))?;
    let value = value.ok_or_else(|| KvError::inconsistent(what(), format!("list {chunk} is not there")))?;
    decode_exemplars(&value).map_err(KvError::damaged(what()))
}

/// Whether a list of exemplars may carry one of these IDs, given by their hashes.
pub(super) fn exemplars_may_carry(snapshot: &Snapshot, run: &Run, chunk: u32, hashes: &[u64]) -> Result<bool, KvError> {
    let Some(value) = snapshot.get(run, &key(EXEMPLAR_IDS, chunk))? else { return Ok(true) };
    let (stored, _) = value.as_chunks::<8>();
    let has = |hash: &u64| stored.binary_search_by_key(hash, |bytes| u64::from_le_bytes(*bytes)).is_ok();
    Ok(hashes.iter().any(has))
}
