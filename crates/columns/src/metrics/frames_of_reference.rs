//! Frames of reference: numbers in groups of 128, each group as its least value, a bit width, and what exceeds the
//! least value in that many bits each.

use super::limits::FRAME_VALUES;
use crate::bytes::{BytesError, Problem, Reader, put_signed};

/// Appends numbers; their count is not written.
pub(super) fn put_frames(out: &mut Vec<u8>, numbers: &[i64]) {
    for frame in numbers.chunks(FRAME_VALUES) {
        let least = frame.iter().copied().min().unwrap_or_default();
        let most = frame.iter().copied().max().unwrap_or_default();
        let width = 64 - (most.wrapping_sub(least) as u64).leading_zeros();
        put_signed(out, least);
        out.push(width as u8);
        pack(out, frame, least, width);
    }
}

fn pack(out: &mut Vec<u8>, frame: &[i64], least: i64, width: u32) {
    if width == 0 {
        return;
    }
    let mut bits = 0u128;
    let mut held = 0u32;
    for number in frame {
        bits |= u128::from(number.wrapping_sub(least) as u64) << held;
        held += width;
        if held >= 64 {
            out.extend_from_slice(&(bits as u64).to_le_bytes());
            bits >>= 64;
            held -= 64;
        }
    }
    let rest = (bits as u64).to_le_bytes();
    out.extend(rest.iter().take(held.div_ceil(8) as usize));
}

/// Appends `count` numbers to `numbers`.
pub(super) fn read_frames(reader: &mut Reader<'_>, count: usize, numbers: &mut Vec<i64>) -> Result<(), BytesError> {
    let mut left = count;
    while left > 0 {
        let here = left.min(FRAME_VALUES);
        let least = reader.signed("a frame's least value")?;
        let width = u32::from(reader.u8("a frame's width")?);
        if width > 64 {
            return Err(reader.error("a frame's width", Problem::BadValue(width.into())));
        }
        let bytes = reader.take((here * width as usize).div_ceil(8), "a frame")?;
        unpack(bytes, least, width, here, numbers);
        left -= here;
    }
    Ok(())
}

fn unpack(bytes: &[u8], least: i64, width: u32, count: usize, numbers: &mut Vec<i64>) {
    if width == 0 {
        numbers.extend(std::iter::repeat_n(least, count));
        return;
    }
    let mask = u64::MAX >> (64 - width);
    let word = |at: usize| {
        let mut padded = [0u8; 16];
        let from = bytes.get(at..).unwrap_or_default();
        let length = from.len().min(16);
        if let (Some(to), Some(from)) = (padded.get_mut(..length), from.get(..length)) {
            to.copy_from_slice(from);
        }
        u128::from_le_bytes(padded)
    };
    numbers.extend((0..count).map(|index| {
        let bit = index * width as usize;
        let (at, shift) = (bit / 8, bit % 8);
        // Eight bytes hold the value whole when it has at most 57 bits, whatever the shift.
        let value = match bytes.get(at..at + 8).and_then(|word| word.first_chunk::<8>()) {
            Some(word) if width <= 57 => u64::from_le_bytes(*word) >> shift,
            _ => (word(at) >> shift) as u64,
        };
        least.wrapping_add((value & mask) as i64)
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_of_every_width_come_back(numbers in prop::collection::vec(any::<i64>(), 0..300), shift in 0u32..64) {
            let numbers: Vec<i64> = numbers.into_iter().map(|number| number >> shift).collect();
            let mut out = Vec::new();
            put_frames(&mut out, &numbers);
            let mut reader = Reader::new(&out);
            let mut read = Vec::new();
            read_frames(&mut reader, numbers.len(), &mut read).unwrap();
            prop_assert!(reader.finish("end").is_ok());
            prop_assert_eq!(read, numbers);
        }
    }
}
