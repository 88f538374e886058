//! Numbers in as many bits as they need: bit packing, frame of reference, deltas.
//!
//! Packed values stand least significant bit first, without gaps; the last byte is padded with zeros. A frame of
//! reference stores the least value, a common divisor of the offsets, and the offsets in equal width.
//!
//! Counts are not stored: the caller knows them, and bounds them (a width of 0 takes no bytes, so a wild count is not
//! caught here).

use crate::bytes::{BytesError, Problem, Reader, put_signed, put_varint};

const WHAT: &str = "packed numbers";

/// Bits needed for values up to `max`.
#[must_use]
pub fn width_of(max: u64) -> u8 {
    (u64::BITS - max.leading_zeros()) as u8
}

/// Bytes that `count` values of `width` bits take.
#[must_use]
pub fn packed_bytes(count: usize, width: u8) -> usize {
    // Widths end at 64, so eight bytes a value bound it.
    count.saturating_mul(usize::from(width)).div_ceil(8)
}

/// Appends values of `width` bits each; higher bits of a value are dropped.
pub fn pack(out: &mut Vec<u8>, values: impl IntoIterator<Item = u64>, width: u8) {
    if width == 0 {
        return;
    }
    let mask = mask_of(width);
    let mut pending: u128 = 0;
    let mut bits = 0u32;
    for value in values {
        pending |= u128::from(value & mask) << bits;
        bits += u32::from(width);
        if bits >= 64 {
            out.extend_from_slice(&(pending as u64).to_le_bytes());
            pending >>= 64;
            bits -= 64;
        }
    }
    let rest = (pending as u64).to_le_bytes();
    out.extend(rest.iter().take((bits as usize).div_ceil(8)));
}

/// Reads `count` values of `width` bits.
///
/// # Errors
/// The bytes end too early, or the width is above 64.
pub fn unpack(reader: &mut Reader<'_>, count: usize, width: u8) -> Result<Vec<u64>, BytesError> {
    let mut values = Vec::with_capacity(count.min(MAX_RESERVED));
    unpack_into(reader, count, width, &mut values)?;
    Ok(values)
}

/// Room set aside on the word of a caller's count; more grows as it is read.
const MAX_RESERVED: usize = 1 << 16;

/// As [`unpack`], appended to `out`.
///
/// # Errors
/// As [`unpack`]; nothing is appended then.
pub fn unpack_into(reader: &mut Reader<'_>, count: usize, width: u8, out: &mut Vec<u64>) -> Result<(), BytesError> {
    if width > 64 {
        return Err(reader.error(WHAT, Problem::BadValue(u64::from(width))));
    }
    let bytes = reader.take(packed_bytes(count, width), WHAT)?;
    if width == 0 {
        out.resize(out.len() + count, 0);
        return Ok(());
    }
    let mask = mask_of(width);
    let step = usize::from(width);
    // Eight bytes from where a value begins hold it whole, shifted by up to seven bits; the last few have fewer.
    let whole = if width <= 57 { (bytes.len().saturating_sub(8) * 8 / step).min(count) } else { 0 };
    out.extend((0..whole).map(|index| {
        let bit = index * step;
        let word =
            bytes.get(bit / 8..).and_then(|rest| rest.first_chunk::<8>()).map_or(0, |word| u64::from_le_bytes(*word));
        (word >> (bit % 8)) & mask
    }));
    out.extend((whole..count).map(|index| get(bytes, width, index).unwrap_or(0)));
    Ok(())
}

/// The value at `index` of packed bytes; `None` when it is not wholly there.
#[must_use]
#[inline]
pub fn get(bytes: &[u8], width: u8, index: usize) -> Option<u64> {
    if width == 0 {
        return Some(0);
    }
    let bit = index.checked_mul(usize::from(width))?;
    let (first, shift) = (bit / 8, bit % 8);
    let mask = mask_of(width);
    if usize::from(width) + shift <= 64
        && let Some(word) = bytes.get(first..).and_then(|rest| rest.first_chunk::<8>())
    {
        return Some((u64::from_le_bytes(*word) >> shift) & mask);
    }
    let last = (bit + usize::from(width)).div_ceil(8);
    let part = bytes.get(first..last)?;
    let word = part.iter().rev().fold(0u128, |word, byte| (word << 8) | u128::from(*byte));
    Some((word >> shift) as u64 & mask)
}

fn mask_of(width: u8) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// Appends numbers by frame of reference: least value, divisor, width, packed offsets.
pub fn put_unsigned(out: &mut Vec<u8>, values: &[u64]) {
    let frame = Frame::of(values.iter().copied());
    put_varint(out, frame.least);
    frame.put_offsets(out, values.iter().copied());
}

/// Reads what [`put_unsigned`] wrote.
///
/// # Errors
/// The bytes end too early or are not of this form.
pub fn read_unsigned(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, BytesError> {
    let least = reader.varint(WHAT)?;
    let mut values = read_offsets(reader, count)?;
    values.iter_mut().for_each(|value| *value = value.wrapping_add(least));
    Ok(values)
}

/// Appends signed numbers by frame of reference.
pub fn put_integers(out: &mut Vec<u8>, values: &[i64]) {
    // Shifting the sign bit keeps the order, so that one frame serves signed and unsigned numbers.
    let frame = Frame::of(values.iter().map(|value| order_preserving(*value)));
    put_signed(out, if values.is_empty() { 0 } else { order_restoring(frame.least) });
    frame.put_offsets(out, values.iter().map(|value| order_preserving(*value)));
}

/// Reads what [`put_integers`] wrote.
///
/// # Errors
/// The bytes end too early or are not of this form.
pub fn read_integers(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, BytesError> {
    let least = reader.signed(WHAT)?;
    let offsets = read_offsets(reader, count)?;
    Ok(offsets.into_iter().map(|offset| least.wrapping_add(offset as i64)).collect())
}

/// Appends the first number and the differences between neighbours by frame of reference: for numbers that grow.
pub fn put_deltas(out: &mut Vec<u8>, values: &[i64]) {
    let Some((first, _)) = values.split_first() else { return };
    put_signed(out, *first);
    put_integers(out, &deltas(values));
}

/// Reads what [`put_deltas`] wrote.
///
/// # Errors
/// The bytes end too early or are not of this form.
pub fn read_deltas(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, BytesError> {
    let Some(rest) = count.checked_sub(1) else { return Ok(Vec::new()) };
    let mut value = reader.signed(WHAT)?;
    let differences = read_integers(reader, rest)?;
    let mut values = Vec::with_capacity(count);
    values.push(value);
    values.extend(differences.into_iter().map(|difference| {
        value = value.wrapping_add(difference);
        value
    }));
    Ok(values)
}

/// Appends numbers by plain frame of reference or by deltas, whichever is smaller; one byte says which.
pub fn put_numbers(out: &mut Vec<u8>, values: &[i64]) {
    let plain = Frame::of(values.iter().map(|value| order_preserving(*value)));
    let by_delta = Frame::of(deltas(values).into_iter().map(order_preserving));
    if by_delta.width < plain.width {
        out.push(1);
        put_deltas(out, values);
    } else {
        out.push(0);
        put_integers(out, values);
    }
}

/// Reads what [`put_numbers`] wrote.
///
/// # Errors
/// The bytes end too early or are not of this form.
pub fn read_numbers(reader: &mut Reader<'_>, count: usize) -> Result<Vec<i64>, BytesError> {
    match reader.u8(WHAT)? {
        0 => read_integers(reader, count),
        1 => read_deltas(reader, count),
        other => Err(reader.error(WHAT, Problem::BadValue(u64::from(other)))),
    }
}

/// Appends truth values, eight a byte.
pub fn put_flags(out: &mut Vec<u8>, flags: impl IntoIterator<Item = bool>) {
    pack(out, flags.into_iter().map(u64::from), 1);
}

/// Reads what [`put_flags`] wrote.
///
/// # Errors
/// The bytes end too early.
pub fn read_flags(reader: &mut Reader<'_>, count: usize) -> Result<Vec<bool>, BytesError> {
    let bytes = reader.take(packed_bytes(count, 1), WHAT)?;
    let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    Ok(bits.take(count).collect())
}

fn deltas(values: &[i64]) -> Vec<i64> {
    values.iter().zip(values.iter().skip(1)).map(|(before, after)| after.wrapping_sub(*before)).collect()
}

fn order_preserving(value: i64) -> u64 {
    value as u64 ^ (1 << 63)
}

fn order_restoring(value: u64) -> i64 {
    (value ^ (1 << 63)) as i64
}

struct Frame {
    least: u64,
    divisor: u64,
    width: u8,
}

impl Frame {
    fn of(values: impl Iterator<Item = u64> + Clone) -> Self {
        let (least, most) = values.clone().fold((u64::MAX, 0), |(low, high), value| (low.min(value), high.max(value)));
        if least >= most {
            return Self { least: if least > most { 0 } else { least }, divisor: 1, width: 0 };
        }
        let divisor = common_divisor(values, least).max(1);
        Self { least, divisor, width: width_of((most - least) / divisor) }
    }

    fn put_offsets(&self, out: &mut Vec<u8>, values: impl Iterator<Item = u64>) {
        put_varint(out, self.divisor);
        out.push(self.width);
        if self.divisor == 1 {
            pack(out, values.map(|value| value.wrapping_sub(self.least)), self.width);
        } else {
            pack(out, values.map(|value| value.wrapping_sub(self.least) / self.divisor), self.width);
        }
    }
}

fn read_offsets(reader: &mut Reader<'_>, count: usize) -> Result<Vec<u64>, BytesError> {
    let divisor = reader.varint(WHAT)?;
    let width = reader.u8(WHAT)?;
    let mut values = unpack(reader, count, width)?;
    if divisor != 1 {
        values.iter_mut().for_each(|value| *value = value.wrapping_mul(divisor));
    }
    Ok(values)
}

/// The greatest common divisor of all offsets; stops as soon as it is 1.
fn common_divisor(values: impl Iterator<Item = u64>, least: u64) -> u64 {
    let mut divisor = 0u64;
    for value in values {
        let (mut a, mut b) = (divisor, value - least);
        if divisor != 0 && b % divisor == 0 {
            continue;
        }
        while b != 0 {
            (a, b) = (b, a % b);
        }
        divisor = a;
        if divisor == 1 {
            break;
        }
    }
    divisor
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bits_stand_least_significant_first() {
        let mut out = Vec::new();
        pack(&mut out, [1, 2, 3, 4, 5], 3);
        // 001 | 010<<3 | 011<<6 | 100<<9 | 101<<12 = 0x58d1
        assert_eq!(out, [0xd1, 0x58]);
    }

    #[test]
    fn a_frame_takes_no_more_bits_than_the_offsets_need() {
        let check = |values: &[i64], bytes: usize| {
            let mut out = Vec::new();
            put_integers(&mut out, values);
            assert_eq!(out.len(), bytes, "{values:?}");
        };
        check(&[7; 100], 3);
        check(&[-1, 0, 1, 2, -1, 0, 1, 2], 1 + 1 + 1 + 2);
        let millis: Vec<i64> = (0..8).map(|index| index * 1_000_000).collect();
        check(&millis, 1 + 3 + 1 + 3);
    }

    proptest! {
        #[test]
        fn numbers_are_read_back(
            unsigned in proptest::collection::vec(any::<u64>(), 0..50),
            signed in proptest::collection::vec(prop_oneof![any::<i64>(), -5i64..5, Just(i64::MIN), Just(i64::MAX)], 0..50),
            flags in proptest::collection::vec(any::<bool>(), 0..50),
            step in 1i64..1_000_000,
        ) {
            let steady: Vec<i64> = signed.iter().map(|n| (n % 1000) * step).collect();
            let mut out = Vec::new();
            put_unsigned(&mut out, &unsigned);
            put_integers(&mut out, &signed);
            put_deltas(&mut out, &signed);
            put_numbers(&mut out, &signed);
            put_numbers(&mut out, &steady);
            put_flags(&mut out, flags.iter().copied());
            let mut reader = Reader::new(&out);
            prop_assert_eq!(read_unsigned(&mut reader, unsigned.len()).unwrap(), unsigned);
            prop_assert_eq!(&read_integers(&mut reader, signed.len()).unwrap(), &signed);
            prop_assert_eq!(&read_deltas(&mut reader, signed.len()).unwrap(), &signed);
            prop_assert_eq!(&read_numbers(&mut reader, signed.len()).unwrap(), &signed);
            prop_assert_eq!(&read_numbers(&mut reader, steady.len()).unwrap(), &steady);
            prop_assert_eq!(read_flags(&mut reader, flags.len()).unwrap(), flags);
            prop_assert!(reader.finish("end").is_ok());
        }

        #[test]
        fn packed_values_are_read_back_in_any_width(values in proptest::collection::vec(any::<u64>(), 0..40), width in 0u8..=64) {
            let mask = if width == 64 { u64::MAX } else { (1 << width) - 1 };
            let expected: Vec<u64> = values.iter().map(|value| value & mask).collect();
            let mut out = Vec::new();
            pack(&mut out, values.iter().copied(), width);
            prop_assert_eq!(out.len(), packed_bytes(values.len(), width));
            prop_assert_eq!(unpack(&mut Reader::new(&out), values.len(), width).unwrap(), expected);
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>, count in 0usize..100) {
            let _ = read_unsigned(&mut Reader::new(&bytes), count);
            let _ = read_numbers(&mut Reader::new(&bytes), count);
            let _ = unpack(&mut Reader::new(&bytes), count, bytes.first().copied().unwrap_or(0));
        }
    }
}
