//! Times of a block: the first relative to a base, then a constant step, frames of deltas, or pco.

use super::frames_of_reference::{put_frames, read_frames};
use super::limits::{PCO_LEAST_SAMPLES, PCO_LEVEL};
use super::samples::Effort;
use crate::bytes::{BytesError, Problem, Reader, put_bytes, put_signed};
use clew_model::UnixMillis;
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

const STEP: u8 = 0;
const FRAMES: u8 = 1;
const PCO: u8 = 2;

/// Appends at least one time, in ascending order.
pub(super) fn put_times(
    out: &mut Vec<u8>,
    base: UnixMillis,
    times: &[UnixMillis],
    deltas: &mut Vec<i64>,
    effort: Effort,
) {
    put_signed(out, times.first().map_or(0, |first| first.wrapping_sub(base)));
    deltas.clear();
    deltas.extend(times.iter().zip(times.iter().skip(1)).map(|(left, right)| right.wrapping_sub(*left)));
    let step = deltas.first().copied().unwrap_or_default();
    if deltas.iter().all(|delta| *delta == step) {
        out.push(STEP);
        if !deltas.is_empty() {
            put_signed(out, step);
        }
        return;
    }
    let mark = out.len();
    out.push(FRAMES);
    put_frames(out, deltas);
    if effort == Effort::Best && deltas.len() >= PCO_LEAST_SAMPLES {
        let config = pco_config().with_delta_spec(DeltaSpec::Auto);
        if let Ok(packed) = pco::standalone::simple_compress(deltas, &config)
            && packed.len() + 3 < out.len() - mark
        {
            out.truncate(mark);
            out.push(PCO);
            put_bytes(out, &packed);
        }
    }
}

/// The last time of a block with a constant step, found without making the others.
pub(super) fn last_of_step(reader: &Reader<'_>, base: UnixMillis, count: usize) -> Option<UnixMillis> {
    let mut reader = reader.clone();
    let first = base.checked_add(reader.signed("a block's first time").ok()?)?;
    if reader.u8("a block's time mode").ok()? != STEP {
        return None;
    }
    let steps = i64::try_from(count.checked_sub(1)?).ok()?;
    let step = if steps == 0 { 0 } else { reader.signed("a block's step").ok().filter(|step| *step > 0)? };
    first.checked_add(step.checked_mul(steps)?)
}

/// Appends `count` times; answers the last one.
pub(super) fn read_times(
    reader: &mut Reader<'_>,
    base: UnixMillis,
    count: usize,
    times: &mut Vec<UnixMillis>,
) -> Result<UnixMillis, BytesError> {
    let mut time = base.wrapping_add(reader.signed("a block's first time")?);
    let from = times.len();
    times.push(time);
    let deltas = count.saturating_sub(1);
    match reader.u8("a block's time mode")? {
        STEP if deltas == 0 => return Ok(time),
        STEP => {
            let step = reader.signed("a block's step")?;
            times.extend((0..deltas).map(|_| {
                time = time.wrapping_add(step);
                time
            }));
        }
        mode => {
            match mode {
                FRAMES => read_frames(reader, deltas, times)?,
                PCO => read_pco(reader, deltas, times)?,
                _ => return Err(reader.error("a block's time mode", Problem::BadValue(mode.into()))),
            }
            for slot in times.iter_mut().skip(from + 1) {
                time = time.wrapping_add(*slot);
                *slot = time;
            }
        }
    }
    let block = times.get(from..).unwrap_or_default();
    if block.iter().zip(block.iter().skip(1)).any(|(left, right)| left >= right) {
        return Err(reader.error("a block's times, which are not in order", Problem::BadValue(count as u64)));
    }
    Ok(time)
}

pub(super) fn pco_config() -> ChunkConfig {
    ChunkConfig::default().with_compression_level(PCO_LEVEL).with_mode_spec(ModeSpec::Classic)
}

/// Appends exactly `count` numbers that pco packed.
pub(super) fn read_pco<T: pco::data_types::Number + Default>(
    reader: &mut Reader<'_>,
    count: usize,
    numbers: &mut Vec<T>,
) -> Result<(), BytesError> {
    let bytes = reader.bytes("packed numbers")?;
    let from = numbers.len();
    numbers.resize(from + count, T::default());
    let slots = numbers.get_mut(from..).unwrap_or_default();
    match pco::standalone::simple_decompress_into(bytes, slots) {
        Ok(progress) if progress.n_processed == count && progress.finished => Ok(()),
        _ => Err(reader.error("packed numbers", Problem::BadValue(count as u64))),
    }
}
