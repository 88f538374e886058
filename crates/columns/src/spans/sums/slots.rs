//! Slots of time.

use super::WHAT;
use crate::bytes::{BytesError, Reader, put_signed, put_varint};
use crate::spans::limits::SUMMED_SLOTS;
use clew_model::TimeRange;

const MICRO: i64 = 1_000;
const SECOND: i64 = 1_000_000 * MICRO;
const DAY: i64 = 86_400 * SECOND;

/// Each divides the next, and most steps of what is shown over time.
const WIDTHS: [i64; 15] = [
    MICRO,
    10 * MICRO,
    100 * MICRO,
    1_000 * MICRO,
    10_000 * MICRO,
    100_000 * MICRO,
    SECOND,
    10 * SECOND,
    60 * SECOND,
    600 * SECOND,
    3_600 * SECOND,
    DAY,
    10 * DAY,
    100 * DAY,
    1_000 * DAY,
];

/// How wide slots are in nanoseconds, so that a range has at most [`SUMMED_SLOTS`].
#[must_use]
pub fn slot_width(range: TimeRange) -> i64 {
    let fits = |width: &i64| {
        let number = |time: i64| i128::from(time.div_euclid(*width));
        number(range.end) - number(range.start) < SUMMED_SLOTS as i128
    };
    WIDTHS.into_iter().find(fits).unwrap_or(i64::MAX)
}

/// A slot that holds spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Which multiple of the width it begins at.
    pub number: i64,
    /// First start.
    pub first: i64,
    /// Last start.
    pub last: i64,
}

pub(super) fn put(out: &mut Vec<u8>, slots: &[Slot], width: i64) {
    put_varint(out, slots.len() as u64);
    let mut before = 0i64;
    for slot in slots {
        put_signed(out, slot.number.wrapping_sub(before));
        put_varint(out, slot.first.wrapping_sub(slot.number.wrapping_mul(width)) as u64);
        put_varint(out, slot.last.wrapping_sub(slot.first) as u64);
        before = slot.number;
    }
}

pub(super) fn read(reader: &mut Reader<'_>, width: i64) -> Result<Vec<Slot>, BytesError> {
    let mut before = 0i64;
    let slots = (0..reader.count(3, WHAT)?).map(|_| {
        let number = before.wrapping_add(reader.signed(WHAT)?);
        let first = number.wrapping_mul(width).wrapping_add(reader.varint(WHAT)? as i64);
        let last = first.wrapping_add(reader.varint(WHAT)? as i64);
        before = number;
        Ok(Slot { number, first, last })
    });
    slots.collect()
}
