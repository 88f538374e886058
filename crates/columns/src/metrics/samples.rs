//! Blocks of float samples. A series is a sequence of blocks; each says its length, so that one can be stepped over.

use super::limits::MAX_BLOCK_SAMPLES;
use super::times::{last_of_step, put_times, read_times};
use super::values::{Scratch, put_values, read_values};
use crate::bytes::{BytesError, Problem, Reader, put_varint};
use clew_model::UnixMillis;

/// How hard an encoder tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// Frames of reference only: 5 to 20 ns a sample.
    Fast,
    /// pco as a contender where there are enough samples: 20 to 60 ns a sample.
    Best,
}

/// Encodes blocks of samples; keeps its buffers.
#[derive(Debug, Default)]
pub struct SampleEncoder {
    scratch: Scratch,
    body: Vec<u8>,
}

impl SampleEncoder {
    /// Appends samples in ascending order of time as one or more blocks. `base` is the last time of the block before
    /// them in the same series, 0 for the first; reading must pass the same.
    pub fn encode(
        &mut self,
        out: &mut Vec<u8>,
        base: UnixMillis,
        times: &[UnixMillis],
        values: &[f64],
        effort: Effort,
    ) {
        let mut base = base;
        for (times, values) in times.chunks(MAX_BLOCK_SAMPLES).zip(values.chunks(MAX_BLOCK_SAMPLES)) {
            self.body.clear();
            put_varint(&mut self.body, times.len() as u64);
            put_times(&mut self.body, base, times, &mut self.scratch.deltas, effort);
            put_values(&mut self.body, values, &mut self.scratch, effort);
            put_varint(out, self.body.len() as u64);
            out.extend_from_slice(&self.body);
            base = times.last().copied().unwrap_or(base);
        }
    }
}

/// Decodes blocks of samples; keeps its buffers.
#[derive(Debug, Default)]
pub struct SampleDecoder {
    times: Vec<UnixMillis>,
    values: Vec<f64>,
    integers: Vec<i64>,
}

impl SampleDecoder {
    /// Appends the samples with `start <= time <= end` to both vectors. The values of blocks outside are not decoded.
    ///
    /// # Errors
    /// Damaged bytes; what was appended before stays.
    pub fn decode(
        &mut self,
        bytes: &[u8],
        start: UnixMillis,
        end: UnixMillis,
        times: &mut Vec<UnixMillis>,
        values: &mut Vec<f64>,
    ) -> Result<(), BytesError> {
        self.decode_after(bytes, 0, (start, end), times, values)
    }

    /// As [`SampleDecoder::decode`] of the last blocks of a series: those after the block whose last time is `base`.
    ///
    /// # Errors
    /// Damaged bytes; what was appended before stays.
    pub fn decode_after(
        &mut self,
        bytes: &[u8],
        base: UnixMillis,
        (start, end): (UnixMillis, UnixMillis),
        times: &mut Vec<UnixMillis>,
        values: &mut Vec<f64>,
    ) -> Result<(), BytesError> {
        let mut reader = Reader::new(bytes);
        let mut base = base;
        let mut is_first = true;
        while !reader.is_empty() {
            let mut body = Reader::new(reader.bytes("a block")?);
            let count = body.varint("a block's count")?;
            let length = usize::try_from(count).ok().filter(|count| (1..=MAX_BLOCK_SAMPLES).contains(count));
            let length = length.ok_or_else(|| body.error("a block's count", Problem::BadValue(count)))?;
            if let Some(last) = last_of_step(&body, base, length).filter(|last| base <= *last && *last < start) {
                (base, is_first) = (last, false);
                continue;
            }
            self.times.clear();
            let last = read_times(&mut body, base, length, &mut self.times)?;
            let first = self.times.first().copied().unwrap_or(last);
            if !is_first && first <= base {
                return Err(body.error("a block that begins before the one before ends", Problem::BadValue(count)));
            }
            (base, is_first) = (last, false);
            if first > end {
                return Ok(());
            }
            if last < start {
                continue;
            }
            if start <= first && last <= end {
                read_values(&mut body, length, values, &mut self.integers)?;
                times.extend_from_slice(&self.times);
            } else {
                self.values.clear();
                read_values(&mut body, length, &mut self.values, &mut self.integers)?;
                let from = self.times.partition_point(|time| *time < start);
                let to = self.times.partition_point(|time| *time <= end);
                times.extend_from_slice(self.times.get(from..to).unwrap_or_default());
                values.extend_from_slice(self.values.get(from..to).unwrap_or_default());
            }
            body.finish("a block")?;
        }
        Ok(())
    }
}
