//! Float samples into the buffers of a head's series, on one thread or on two.

use super::buffer::{Appended, Codec, SeriesEnd};
use super::head::{Chunk, Generation, SharedSeries};
use super::report::ApplyReport;
use crate::limits::{HEAD_CHUNK_SERIES, PARALLEL_SAMPLES};
use clew_model::UnixMillis;
use clew_model::metrics::Sample;
use std::sync::Arc;

/// Chunks of series whose numbers follow each other: what one thread appends to.
pub(super) struct Floats<'a> {
    pub(super) chunks: &'a mut [Arc<Chunk>],
    /// The newest samples of these series.
    pub(super) ends: &'a mut [SeriesEnd],
    /// The number of the first series, which begins a chunk.
    pub(super) first: usize,
    pub(super) common: Common<'a>,
}

/// What threads look at together.
#[derive(Clone, Copy)]
pub(super) struct Common<'a> {
    /// The head's number of each series of the batch.
    pub(super) numbers: &'a [u32],
    /// Nothing before it is kept.
    pub(super) bound: UnixMillis,
    pub(super) frozen: Option<&'a Generation>,
    pub(super) index: &'a SharedSeries,
}

/// What appending did.
#[derive(Default)]
pub(super) struct Added {
    pub(super) report: ApplyReport,
    /// Bytes by which the buffers grew.
    pub(super) bytes: i64,
    pub(super) samples: u64,
}

/// How the float samples of a batch are appended.
pub(super) type Append = fn(Floats<'_>, &[Sample], &mut Codec) -> Added;

/// Appends samples in any order.
pub(super) fn append(mut floats: Floats<'_>, samples: &[Sample], codec: &mut Codec) -> Added {
    let mut added = Added::default();
    let mut rest = samples;
    while let Some(first) = rest.first() {
        let number = floats.common.numbers.get(first.series as usize);
        let chunk =
            number.and_then(|number| (*number as usize).checked_sub(floats.first)).map(|at| at / HEAD_CHUNK_SERIES);
        let taken = chunk.map_or(0, |chunk| floats.append_to_chunk(chunk, rest, codec, &mut added));
        // At least the first, so that a series that is not there ends nothing.
        rest = rest.get(taken.max(1)..).unwrap_or_default();
    }
    added
}

/// Appends samples that stand series by series, in the order of the head's numbers: two halves at the same time, where there
/// are many.
pub(super) fn append_sorted(floats: Floats<'_>, samples: &[Sample], codec: &mut Codec) -> Added {
    let numbers = floats.common.numbers;
    let number = |sample: &Sample| numbers.get(sample.series as usize).map_or(0, |number| *number as usize);
    let middle = samples.get(samples.len() / 2).map_or(0, number);
    let border = middle / HEAD_CHUNK_SERIES * HEAD_CHUNK_SERIES;
    let at = samples.partition_point(|sample| number(sample) < border);
    let (before, after) = samples.split_at_checked(at).unwrap_or((samples, &[]));
    if samples.len() < PARALLEL_SAMPLES || before.is_empty() {
        return append(floats, samples, codec);
    }
    let (low, high) = floats.split(border);
    std::thread::scope(|scope| {
        let helper = scope.spawn(|| append(high, after, &mut Codec::default()));
        let mut added = append(low, before, codec);
        match helper.join() {
            Ok(other) => {
                added.report.add_samples(other.report);
                added.bytes += other.bytes;
                added.samples += other.samples;
            }
            Err(panic) => std::panic::resume_unwind(panic),
        }
        added
    })
}

impl<'a> Floats<'a> {
    /// The series below the number `border`, which begins a chunk, and the others.
    fn split(self, border: usize) -> (Self, Self) {
        let Self { chunks, ends, first, common } = self;
        let series = border.saturating_sub(first);
        let (low, high) = chunks.split_at_mut(chunks.len().min(series / HEAD_CHUNK_SERIES));
        let (low_ends, high_ends) = ends.split_at_mut(ends.len().min(series));
        (
            Self { chunks: low, ends: low_ends, first, common },
            Self { chunks: high, ends: high_ends, first: border, common },
        )
    }

    /// Appends samples as long as their series lie in one chunk, so that it is found and made writable once for all of them;
    /// answers how many they were.
    fn append_to_chunk(&mut self, here: usize, samples: &[Sample], codec: &mut Codec, added: &mut Added) -> usize {
        let Self { chunks, ends, first, common } = self;
        let Common { numbers, bound, frozen, index } = *common;
        let Some(chunk) = chunks.get_mut(here).map(Arc::make_mut) else { return 0 };
        let mut taken = 0;
        while let Some(sample) = samples.get(taken) {
            if sample.time < bound || sample.time == UnixMillis::MIN {
                added.report.too_old += 1;
                taken += 1;
                continue;
            }
            let number = numbers.get(sample.series as usize).copied();
            let local = number.and_then(|number| (number as usize).checked_sub(*first));
            let Some((number, local)) = number.zip(local).filter(|(_, local)| local / HEAD_CHUNK_SERIES == here) else {
                break;
            };
            let buffer = chunk.get_mut(local % HEAD_CHUNK_SERIES);
            let Some((buffer, end)) = buffer.zip(ends.get_mut(local)) else { break };
            let before = buffer.heap_bytes();
            let run = samples.get(taken..).unwrap_or_default();
            let run = run.iter().take_while(|next| next.series == sample.series).map(|next| (next.time, next.value));
            let in_order = buffer.append_in_order(end, run, codec);
            if in_order > 0 {
                taken += in_order;
                added.report.appended += in_order as u64;
                added.samples += in_order as u64;
            } else {
                // Not after the newest sample: late, or there already.
                taken += 1;
                let in_frozen = frozen.filter(|_| sample.time < end.time).and_then(|frozen| frozen.buffer(number));
                let appended = match in_frozen.and_then(|buffer| buffer.value_at(sample.time, codec)) {
                    Some(known) if known.to_bits() == sample.value.to_bits() => Appended::Duplicate,
                    Some(_) => Appended::Conflict,
                    None => buffer.append_late(end, sample.time, sample.value, codec),
                };
                added.samples += added.report.count(index, appended, number, sample.time);
            }
            added.bytes += buffer.heap_bytes() as i64 - before as i64;
        }
        taken
    }
}
