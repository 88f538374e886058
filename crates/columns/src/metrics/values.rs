//! Values of a block, bit for bit.
//!
//! First the values that are no ordinary numbers (NaN of any payload, infinities, -0.0), by position; in their place
//! the value before stands in the column, where it costs nothing. Then the column: constant, decimal integers, integers
//! in the order of the floats' bits, pco of either, or raw, whichever is smallest of those that are tried.

use super::frames_of_reference::{put_frames, read_frames};
use super::limits::{MAX_DECIMALS, PCO_LEAST_SAMPLES};
use super::samples::Effort;
use super::times::{pco_config, read_pco};
use crate::bytes::{BytesError, Problem, Reader, put_bytes, put_signed, put_u64, put_varint};
use clew_model::metrics::STALE_NAN;
use pco::{ChunkConfig, DeltaSpec};

const CONSTANT_INTEGER: u8 = 0;
const CONSTANT_BITS: u8 = 1;
const DECIMAL: u8 = 2;
const ORDERED_BITS: u8 = 3;
const RAW: u8 = 4;
const PCO_DECIMAL: u8 = 5;
const PCO_FLOAT: u8 = 6;

/// NaN as Rust and C write it, and as Go writes it.
const NAN: u64 = 0x7ff8_0000_0000_0000;
const GO_NAN: u64 = 0x7ff8_0000_0000_0001;
const SPECIALS: [u64; 6] =
    [STALE_NAN, NAN, GO_NAN, (-0.0f64).to_bits(), f64::INFINITY.to_bits(), f64::NEG_INFINITY.to_bits()];
const OTHER_SPECIAL: u8 = SPECIALS.len() as u8;

/// Integers up to here are exact as floats.
const EXACT: f64 = 9_007_199_254_740_992.0;

const POWERS: [f64; MAX_DECIMALS as usize + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Buffers that are used again from block to block.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    plain: Vec<f64>,
    integers: Vec<i64>,
    pub(super) deltas: Vec<i64>,
}

/// Appends a column of values; their count is not written.
pub fn encode_values(out: &mut Vec<u8>, values: &[f64], effort: Effort) {
    put_values(out, values, &mut Scratch::default(), effort);
}

/// Reads the `count` values that [`encode_values`] wrote.
///
/// # Errors
/// Damaged bytes, or more values than a block may have.
pub fn decode_values(reader: &mut Reader<'_>, count: usize) -> Result<Vec<f64>, BytesError> {
    let mut values = Vec::new();
    read_values(reader, count, &mut values, &mut Vec::new())?;
    Ok(values)
}

fn is_special(value: f64) -> bool {
    !value.is_finite() || value.to_bits() == (-0.0f64).to_bits()
}

pub(super) fn put_values(out: &mut Vec<u8>, values: &[f64], scratch: &mut Scratch, effort: Effort) {
    let specials = values.iter().filter(|value| is_special(**value)).count();
    put_varint(out, specials as u64);
    if specials == 0 {
        let mut plain = std::mem::take(&mut scratch.plain);
        plain.clear();
        plain.extend_from_slice(values);
        put_plain(out, &plain, scratch, effort);
        scratch.plain = plain;
        return;
    }
    let mut plain = std::mem::take(&mut scratch.plain);
    plain.clear();
    let mut before = values.iter().copied().find(|value| !is_special(*value)).unwrap_or_default();
    let mut next = 0;
    for (index, value) in values.iter().enumerate() {
        if is_special(*value) {
            put_varint(out, (index - next) as u64);
            next = index + 1;
            match SPECIALS.iter().position(|bits| *bits == value.to_bits()) {
                Some(kind) => out.push(kind as u8),
                None => {
                    out.push(OTHER_SPECIAL);
                    put_u64(out, value.to_bits());
                }
            }
        } else {
            before = *value;
        }
        plain.push(before);
    }
    put_plain(out, &plain, scratch, effort);
    scratch.plain = plain;
}

fn put_plain(out: &mut Vec<u8>, values: &[f64], scratch: &mut Scratch, effort: Effort) {
    let first = values.first().copied().unwrap_or_default();
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        return put_constant(out, first);
    }
    let mark = out.len();
    let decimals = to_decimals(values, &mut scratch.integers);
    match decimals {
        Some(decimals) => put_decimals(out, decimals, scratch),
        None => {
            scratch.integers.clear();
            scratch.integers.extend(values.iter().map(|value| ordered(value.to_bits())));
            out.push(ORDERED_BITS);
            put_deltas(out, scratch);
        }
    }
    if effort == Effort::Best && values.len() >= PCO_LEAST_SAMPLES {
        try_pco(out, mark, values, decimals, scratch);
    }
    if out.len() - mark > values.len() * 8 {
        out.truncate(mark);
        out.push(RAW);
        values.iter().for_each(|value| put_u64(out, value.to_bits()));
    }
}

fn put_constant(out: &mut Vec<u8>, value: f64) {
    if value.trunc() == value && value.abs() < EXACT {
        out.push(CONSTANT_INTEGER);
        put_signed(out, value as i64);
    } else {
        out.push(CONSTANT_BITS);
        put_u64(out, value.to_bits());
    }
}

fn put_decimals(out: &mut Vec<u8>, decimals: u8, scratch: &mut Scratch) {
    out.push(DECIMAL);
    out.push(decimals);
    put_deltas(out, scratch);
}

/// The first integer, the greatest common divisor of the deltas, and the deltas divided by it.
fn put_deltas(out: &mut Vec<u8>, scratch: &mut Scratch) {
    let Scratch { integers, deltas, .. } = scratch;
    put_signed(out, integers.first().copied().unwrap_or_default());
    deltas.clear();
    deltas.extend(integers.iter().zip(integers.iter().skip(1)).map(|(left, right)| right.wrapping_sub(*left)));
    let divisor = common_divisor(deltas);
    put_varint(out, divisor.unsigned_abs());
    if divisor > 1 {
        deltas.iter_mut().for_each(|delta| *delta /= divisor);
    }
    put_frames(out, deltas);
}

/// The greatest common divisor, 1 where there is none to speak of.
fn common_divisor(numbers: &[i64]) -> i64 {
    let mut divisor = 0u64;
    for number in numbers {
        let (mut left, mut right) = (divisor, number.unsigned_abs());
        while right != 0 {
            (left, right) = (right, left % right);
        }
        divisor = left;
        if divisor == 1 {
            return 1;
        }
    }
    i64::try_from(divisor).unwrap_or(1).max(1)
}

fn try_pco(out: &mut Vec<u8>, mark: usize, values: &[f64], decimals: Option<u8>, scratch: &mut Scratch) {
    let packed = match decimals {
        Some(_) => {
            let integers = &mut scratch.integers;
            let first = integers.first().copied().unwrap_or_default();
            integers.iter_mut().for_each(|integer| *integer -= first);
            let divisor = common_divisor(integers);
            integers.iter_mut().for_each(|integer| *integer /= divisor);
            let config = pco_config().with_delta_spec(DeltaSpec::TryConsecutive(1));
            pco::standalone::simple_compress(integers, &config).map(|packed| (packed, first, divisor))
        }
        None => {
            let config = ChunkConfig::default().with_compression_level(super::limits::PCO_LEVEL);
            pco::standalone::simple_compress(values, &config).map(|packed| (packed, 0, 1))
        }
    };
    let Ok((packed, first, divisor)) = packed else { return };
    if packed.len() + 16 >= out.len() - mark {
        return;
    }
    out.truncate(mark);
    match decimals {
        Some(decimals) => {
            out.extend_from_slice(&[PCO_DECIMAL, decimals]);
            put_signed(out, first);
            put_varint(out, divisor.unsigned_abs());
        }
        None => out.push(PCO_FLOAT),
    }
    put_bytes(out, &packed);
}

/// The values times a power of ten as integers, if some power makes all of them integers from which division gives
/// every value back exactly.
fn to_decimals(values: &[f64], integers: &mut Vec<i64>) -> Option<u8> {
    let mut decimals = 0u8;
    'power: loop {
        let power = *POWERS.get(usize::from(decimals))?;
        integers.clear();
        for value in values {
            let scaled = (value * power).round_ties_even();
            if scaled.abs() >= EXACT {
                return None;
            }
            if (scaled / power).to_bits() != value.to_bits() {
                decimals += 1;
                continue 'power;
            }
            integers.push(scaled as i64);
        }
        return Some(decimals);
    }
}

/// Bits as an integer whose order is the order of the floats, so that near floats have near integers.
fn ordered(bits: u64) -> i64 {
    let bits = bits as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

pub(super) fn read_values(
    reader: &mut Reader<'_>,
    count: usize,
    values: &mut Vec<f64>,
    integers: &mut Vec<i64>,
) -> Result<(), BytesError> {
    if count > super::limits::MAX_BLOCK_SAMPLES {
        return Err(reader.error("a block's count", Problem::BadValue(count as u64)));
    }
    let specials = reader.count(2, "the special values")?;
    let mut kept = Vec::with_capacity(specials);
    let mut next = 0usize;
    for _ in 0..specials {
        let gap = reader.varint("a special value's place")?;
        let index = usize::try_from(gap).ok().and_then(|gap| next.checked_add(gap)).filter(|index| *index < count);
        let index = index.ok_or_else(|| reader.error("a special value's place", Problem::BadValue(gap)))?;
        next = index + 1;
        let kind = reader.u8("a special value")?;
        let bits = match SPECIALS.get(usize::from(kind)) {
            Some(bits) => *bits,
            None => reader.u64("a special value's bits")?,
        };
        kept.push((index, f64::from_bits(bits)));
    }
    let from = values.len();
    read_plain(reader, count, values, integers)?;
    for (index, value) in kept {
        if let Some(slot) = values.get_mut(from + index) {
            *slot = value;
        }
    }
    Ok(())
}

fn read_plain(
    reader: &mut Reader<'_>,
    count: usize,
    values: &mut Vec<f64>,
    integers: &mut Vec<i64>,
) -> Result<(), BytesError> {
    integers.clear();
    match reader.u8("a column's mode")? {
        CONSTANT_INTEGER => {
            let value = reader.signed("a constant")? as f64;
            values.extend(std::iter::repeat_n(value, count));
        }
        CONSTANT_BITS => {
            let value = f64::from_bits(reader.u64("a constant")?);
            values.extend(std::iter::repeat_n(value, count));
        }
        DECIMAL => {
            let power = read_power(reader)?;
            read_deltas(reader, count, integers)?;
            values.extend(integers.iter().map(|integer| *integer as f64 / power));
        }
        ORDERED_BITS => {
            read_deltas(reader, count, integers)?;
            values.extend(integers.iter().map(|integer| f64::from_bits(ordered(*integer as u64) as u64)));
        }
        RAW => {
            let bytes = reader.take(count * 8, "raw values")?;
            let words = bytes.chunks_exact(8).filter_map(|word| word.first_chunk::<8>());
            values.extend(words.map(|word| f64::from_bits(u64::from_le_bytes(*word))));
        }
        PCO_DECIMAL => {
            let power = read_power(reader)?;
            let first = reader.signed("a column's first value")?;
            let divisor = reader.varint("a column's divisor")? as i64;
            read_pco(reader, count, integers)?;
            let integer = |packed: &i64| packed.wrapping_mul(divisor).wrapping_add(first);
            values.extend(integers.iter().map(|packed| integer(packed) as f64 / power));
        }
        PCO_FLOAT => read_pco(reader, count, values)?,
        mode => return Err(reader.error("a column's mode", Problem::BadValue(mode.into()))),
    }
    Ok(())
}

fn read_power(reader: &mut Reader<'_>) -> Result<f64, BytesError> {
    let decimals = reader.u8("a column's decimals")?;
    let power = POWERS.get(usize::from(decimals));
    power.copied().ok_or_else(|| reader.error("a column's decimals", Problem::BadValue(decimals.into())))
}

fn read_deltas(reader: &mut Reader<'_>, count: usize, integers: &mut Vec<i64>) -> Result<(), BytesError> {
    let mut integer = reader.signed("a column's first value")?;
    let divisor = reader.varint("a column's divisor")? as i64;
    if count == 0 {
        return Ok(());
    }
    integers.push(integer);
    read_frames(reader, count - 1, integers)?;
    for slot in integers.iter_mut().skip(1) {
        integer = integer.wrapping_add(slot.wrapping_mul(divisor));
        *slot = integer;
    }
    Ok(())
}
