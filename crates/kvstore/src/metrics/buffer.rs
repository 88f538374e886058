//! The samples of one series that are not sealed: raw ones, blocks of 16, and what came late or is no float.

use crate::error::KvError;
use crate::limits::{MAX_EXEMPLARS_PER_SERIES, RAW_SAMPLES};
use clew_columns::metrics::{Effort, SampleDecoder, SampleEncoder, StartRuns};
use clew_model::UnixMillis;
use clew_model::metrics::{Labels, NativeHistogram, SampleStart};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes that most blocks of 16 samples stay below.
const BLOCK_ROOM: usize = 48;

/// Blocks grow by this part of themselves: smaller steps would copy them for every block.
const BLOCKS_GROW_BY: usize = 4;

/// Bytes of blocks after which a reader may begin in the middle.
const MARK_BYTES: usize = 192;

/// An exemplar without its series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct HotExemplar {
    pub(super) time: UnixMillis,
    pub(super) value: f64,
    pub(super) labels: Labels,
}

/// The newest sample of a series, whether sealed or not.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeriesEnd {
    pub(super) time: UnixMillis,
    bits: u64,
}

impl SeriesEnd {
    pub(super) const NONE: Self = Self { time: UnixMillis::MIN, bits: 0 };
}

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Appended {
    InOrder,
    Late,
    Duplicate,
    Conflict,
}

/// Buffers shared by all series.
#[derive(Debug, Default)]
pub(super) struct Codec {
    encoder: SampleEncoder,
    decoder: SampleDecoder,
    times: Vec<UnixMillis>,
    values: Vec<f64>,
}

#[derive(Debug, Clone, Default)]
struct Rare {
    late: BTreeMap<UnixMillis, f64>,
    histograms: BTreeMap<UnixMillis, Arc<NativeHistogram>>,
    exemplars: Vec<HotExemplar>,
    starts: StartRuns,
}

/// In-order samples stand in `blocks`, then `raw`; their times are all greater than any late one of the same instant
/// could be, so where both have an instant the in-order one came first.
#[derive(Debug, Clone, Default)]
pub(super) struct SeriesBuffer {
    raw: Vec<(UnixMillis, f64)>,
    blocks: Vec<u8>,
    blocks_end: UnixMillis,
    /// Places in `blocks` where one ends and the next begins, with the last time before.
    marks: Vec<(u32, UnixMillis)>,
    samples: u32,
    rare: Option<Box<Rare>>,
    /// Earliest and latest time of a sample or histogram.
    span: Option<(UnixMillis, UnixMillis)>,
}

impl SeriesBuffer {
    pub(super) fn is_empty(&self) -> bool {
        self.raw.is_empty() && self.blocks.is_empty() && self.rare.is_none()
    }

    /// Whether a sample or histogram may lie in `start..=end`.
    pub(super) fn touches(&self, start: UnixMillis, end: UnixMillis) -> bool {
        self.span.is_some_and(|(first, last)| first <= end && start <= last)
    }

    fn widen(&mut self, time: UnixMillis) {
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
    }

    /// Samples and histograms.
    pub(super) fn samples(&self) -> u64 {
        let histograms = self.rare.as_ref().map_or(0, |rare| rare.histograms.len());
        u64::from(self.samples) + histograms as u64
    }

    /// About how many bytes it takes beside its own size, without those of histograms and exemplars: looking at each of
    /// them for every one that comes would take the square of their number.
    pub(super) fn heap_bytes(&self) -> usize {
        let late =
            self.rare.as_ref().map_or(0, |rare| size_of::<Rare>() + rare.late.len() * 24 + rare.starts.heap_bytes());
        let marks = self.marks.capacity() * size_of::<(u32, UnixMillis)>();
        self.raw.capacity() * size_of::<(UnixMillis, f64)>() + self.blocks.capacity() + marks + late
    }

    /// Appends samples as long as each is newer than all before; answers how many they were.
    pub(super) fn append_in_order(
        &mut self,
        end: &mut SeriesEnd,
        samples: impl Iterator<Item = (UnixMillis, f64)>,
        codec: &mut Codec,
    ) -> usize {
        let before = self.samples;
        let starts_end = self.starts().and_then(StartRuns::last_time).unwrap_or(UnixMillis::MIN);
        for (time, value) in samples {
            if time <= end.time {
                break;
            }
            if time <= starts_end {
                self.clear_start(time);
            }
            if self.samples == before {
                self.widen(time);
            }
            *end = SeriesEnd { time, bits: value.to_bits() };
            self.raw.push((time, value));
            self.samples += 1;
            if self.raw.len() >= RAW_SAMPLES {
                self.pack(codec);
            }
        }
        if self.samples != before {
            self.widen(end.time);
        }
        (self.samples - before) as usize
    }

    /// Appends a sample that is not newer than all before.
    pub(super) fn append_late(&mut self, end: &SeriesEnd, time: UnixMillis, value: f64, codec: &mut Codec) -> Appended {
        if time == end.time {
            return verdict(end.bits == value.to_bits());
        }
        if let Some(known) = self.value_at(time, codec) {
            return verdict(known.to_bits() == value.to_bits());
        }
        self.widen(time);
        self.clear_start(time);
        self.rare().late.insert(time, value);
        self.samples += 1;
        Appended::Late
    }

    pub(super) fn append_histogram(&mut self, time: UnixMillis, histogram: &Arc<NativeHistogram>) -> Appended {
        self.widen(time);
        if self.histogram_at(time).is_none() {
            self.clear_start(time);
        }
        let histograms = &mut self.rare().histograms;
        let newest = histograms.last_key_value().map(|(time, _)| *time);
        match histograms.entry(time) {
            std::collections::btree_map::Entry::Occupied(known) => verdict(same_histogram(known.get(), histogram)),
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(histogram.clone());
                if newest.is_some_and(|newest| newest > time) { Appended::Late } else { Appended::InOrder }
            }
        }
    }

    /// Notes the starts of samples that were appended just now.
    pub(super) fn note_starts(&mut self, starts: &[SampleStart], codec: &mut Codec) {
        let mut starts = Cow::Borrowed(starts);
        if !starts.is_sorted_by_key(|one| one.time) {
            starts.to_mut().sort_by_key(|one| one.time);
        }
        let Some(newest) = starts.last().map(|one| one.time).filter(|_| !self.is_empty()) else { return };
        let last = self.starts().and_then(StartRuns::last_time);
        self.find_times(last.map_or(UnixMillis::MIN, |last| last.saturating_add(1)), newest, codec);
        let mut times = codec.times.as_slice();
        let rare = self.rare();
        for one in starts.iter() {
            let is_next = times.first().is_none_or(|next| *next >= one.time);
            rare.starts.add(one.time, one.start, is_next);
            times = times.get(times.partition_point(|time| *time <= one.time)..).unwrap_or_default();
        }
    }

    /// Puts the times of samples and histograms in `start..=end` into the codec, in order.
    fn find_times(&self, start: UnixMillis, end: UnixMillis, codec: &mut Codec) {
        let Codec { decoder, times, values, .. } = codec;
        times.clear();
        values.clear();
        if start > end {
            return;
        }
        let mut histograms = Vec::new();
        // Should these blocks, which we wrote, not decode, reading reports the fault.
        let _ = self.read(start, end, decoder, times, values, &mut histograms);
        if !histograms.is_empty() {
            times.extend(histograms.iter().map(|(time, _)| *time));
            times.sort_unstable();
        }
    }

    /// A sample that lies between others has not their start, but its own, if any.
    fn clear_start(&mut self, time: UnixMillis) {
        if let Some(rare) = self.rare.as_mut().filter(|rare| !rare.starts.is_empty()) {
            rare.starts.remove(time);
        }
    }

    /// Since when what it counts is counted, by the samples' times.
    pub(super) fn starts(&self) -> Option<&StartRuns> {
        self.rare.as_ref().map(|rare| &rare.starts).filter(|starts| !starts.is_empty())
    }

    /// Keeps the exemplar unless it is there; answers whether it was new.
    pub(super) fn append_exemplar(&mut self, exemplar: HotExemplar) -> bool {
        let exemplars = &mut self.rare().exemplars;
        if exemplars.contains(&exemplar) {
            return false;
        }
        if exemplars.len() >= MAX_EXEMPLARS_PER_SERIES {
            exemplars.remove(0);
        }
        exemplars.push(exemplar);
        true
    }

    pub(super) fn exemplars(&self) -> &[HotExemplar] {
        self.rare.as_ref().map_or(&[], |rare| rare.exemplars.as_slice())
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn pack(&mut self, codec: &mut Codec) {
        let Codec { encoder, times, values, .. } = codec;
        times.clear();
        values.clear();
        times.extend(self.raw.iter().map(|(time, _)| *time));
        values.extend(self.raw.iter().map(|(_, value)| *value));
        // By small steps: doubling would leave a third of the head unused.
        if self.blocks.capacity() - self.blocks.len() < BLOCK_ROOM {
            self.blocks.reserve_exact(BLOCK_ROOM.max(self.blocks.len() / BLOCKS_GROW_BY));
        }
        let marked = self.marks.last().map_or(0, |(at, _)| *at as usize);
        if self.blocks.len() - marked >= MARK_BYTES {
            self.marks.reserve_exact(1);
            self.marks.push((self.blocks.len() as u32, self.blocks_end));
        }
        encoder.encode(&mut self.blocks, self.blocks_end, times, values, Effort::Fast);
        self.blocks_end = times.last().copied().unwrap_or(self.blocks_end);
        self.raw.clear();
    }

    /// The blocks that may hold samples from `start` on, with the last time before them.
    fn blocks_from(&self, start: UnixMillis) -> (&[u8], UnixMillis) {
        let mark = self.marks.iter().rev().find(|(_, base)| *base < start);
        let (at, base) = mark.copied().unwrap_or((0, 0));
        (self.blocks.get(at as usize..).unwrap_or_default(), base)
    }

    /// The float sample at exactly this time.
    pub(super) fn value_at(&self, time: UnixMillis, codec: &mut Codec) -> Option<f64> {
        if let Some((_, value)) = self.raw.iter().find(|(at, _)| *at == time) {
            return Some(*value);
        }
        if !self.blocks.is_empty() && time <= self.blocks_end {
            let Codec { decoder, times, values, .. } = codec;
            times.clear();
            values.clear();
            // We wrote these blocks; should they not decode, the sample counts as new and reading reports the fault.
            let (blocks, base) = self.blocks_from(time);
            let _ = decoder.decode_after(blocks, base, (time, time), times, values);
            if let Some(value) = values.first() {
                return Some(*value);
            }
        }
        self.rare.as_ref().and_then(|rare| rare.late.get(&time)).copied()
    }

    /// Whether a histogram stands at exactly this time.
    pub(super) fn histogram_at(&self, time: UnixMillis) -> Option<&Arc<NativeHistogram>> {
        self.rare.as_ref().and_then(|rare| rare.histograms.get(&time))
    }

    /// Appends the samples in `start..=end`, and the histograms, each in order of time.
    pub(super) fn read(
        &self,
        start: UnixMillis,
        end: UnixMillis,
        decoder: &mut SampleDecoder,
        times: &mut Vec<UnixMillis>,
        values: &mut Vec<f64>,
        histograms: &mut Vec<(UnixMillis, Arc<NativeHistogram>)>,
    ) -> Result<(), KvError> {
        if !self.touches(start, end) {
            return Ok(());
        }
        let from = times.len();
        if !self.blocks.is_empty() && start <= self.blocks_end {
            let (blocks, base) = self.blocks_from(start);
            let decoded = decoder.decode_after(blocks, base, (start, end), times, values);
            decoded.map_err(KvError::damaged("a block in memory"))?;
        }
        let raw = self.raw.iter().filter(|(time, _)| (start..=end).contains(time));
        for (time, value) in raw {
            times.push(*time);
            values.push(*value);
        }
        let Some(rare) = &self.rare else { return Ok(()) };
        let mut late = rare.late.range(start..=end).peekable();
        if late.peek().is_some() {
            let (late_times, late_values): (Vec<_>, Vec<_>) = late.map(|(time, value)| (*time, *value)).unzip();
            super::merge::merge_samples(times, values, from, &late_times, &late_values);
        }
        let found = rare.histograms.range(start..=end);
        histograms.extend(found.map(|(time, histogram)| (*time, histogram.clone())));
        Ok(())
    }
}

fn verdict(is_same: bool) -> Appended {
    if is_same { Appended::Duplicate } else { Appended::Conflict }
}

/// Whether two histograms are the same, bit for bit where NaN is concerned.
pub(super) fn same_histogram(one: &NativeHistogram, other: &NativeHistogram) -> bool {
    one == other || {
        let sums = one.sum.to_bits() == other.sum.to_bits();
        sums && NativeHistogram { sum: 0.0, ..one.clone() } == NativeHistogram { sum: 0.0, ..other.clone() }
    }
}

/// About how many bytes a histogram takes in a buffer.
pub(super) fn histogram_bytes(histogram: &NativeHistogram) -> usize {
    let buckets = histogram.positive_buckets.len() + histogram.negative_buckets.len() + histogram.custom_bounds.len();
    let spans = histogram.positive_spans.len() + histogram.negative_spans.len();
    size_of::<NativeHistogram>() + (buckets + spans) * 8 + 48
}
