//! The value a series had last, on both sides of the journal.

use crate::bytes::{BytesError, Problem, Reader, put_signed, put_varint, unzigzag, zigzag};
use clew_model::metrics::{STALE_NAN, is_stale};

const DELTA: u64 = 0;
const DECIMAL: u64 = 1;
const BITS: u64 = 2;
const STALE: u64 = 3;

/// Decimal places that are tried; more are rare enough to be written as bits.
const MAX_DECIMALS: u8 = 6;
const POWERS: [f64; MAX_DECIMALS as usize + 1] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];
const NO_DECIMALS: u8 = u8::MAX;
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What the next value of a series is written against.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ValueState {
    integer: i64,
    bits: u64,
    decimals: u8,
}

impl ValueState {
    pub(super) fn put(&mut self, out: &mut Vec<u8>, value: f64) {
        if is_stale(value) {
            return put_varint(out, STALE);
        }
        if let Some(integer) = scaled(value, self.decimals) {
            put_varint(out, (zigzag(integer.wrapping_sub(self.integer)) << 2) | DELTA);
            self.integer = integer;
        } else if let Some((decimals, integer)) = self.other_decimals(value) {
            put_varint(out, (u64::from(decimals) << 2) | DECIMAL);
            put_signed(out, integer);
            (self.decimals, self.integer) = (decimals, integer);
        } else {
            let difference = value.to_bits() ^ self.bits;
            let length = 8 - difference.leading_zeros() / 8;
            put_varint(out, (u64::from(length) << 2) | BITS);
            out.extend(difference.to_le_bytes().iter().take(length as usize));
            (self.bits, self.decimals) = (value.to_bits(), NO_DECIMALS);
        }
    }

    /// A series that was no decimal is asked again only when a value is an integer: the search costs.
    fn other_decimals(&self, value: f64) -> Option<(u8, i64)> {
        let places = if self.decimals == NO_DECIMALS { 0..=0 } else { 0..=MAX_DECIMALS };
        places.into_iter().find_map(|decimals| scaled(value, decimals).map(|integer| (decimals, integer)))
    }

    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<f64, BytesError> {
        let code = reader.varint("a value")?;
        let rest = code >> 2;
        match code & 3 {
            DELTA => {
                self.integer = self.integer.wrapping_add(unzigzag(rest));
                self.unscaled(reader)
            }
            DECIMAL => {
                self.decimals = u8::try_from(rest).unwrap_or(NO_DECIMALS);
                self.integer = reader.signed("a value")?;
                self.unscaled(reader)
            }
            BITS => {
                let length = usize::try_from(rest).unwrap_or(usize::MAX);
                let mut difference = [0u8; 8];
                let slots = difference.get_mut(..length);
                let slots = slots.ok_or_else(|| reader.error("a value's length", Problem::BadValue(rest)))?;
                slots.copy_from_slice(reader.take(length, "a value")?);
                self.bits ^= u64::from_le_bytes(difference);
                self.decimals = NO_DECIMALS;
                Ok(f64::from_bits(self.bits))
            }
            _ => Ok(f64::from_bits(STALE_NAN)),
        }
    }

    fn unscaled(&self, reader: &Reader<'_>) -> Result<f64, BytesError> {
        let power = POWERS.get(usize::from(self.decimals));
        let power = power.ok_or_else(|| reader.error("decimal places", Problem::BadValue(self.decimals.into())))?;
        Ok(self.integer as f64 / power)
    }
}

/// The value as an integer of this many decimal places, if division gives it back bit for bit.
fn scaled(value: f64, decimals: u8) -> Option<i64> {
    let power = *POWERS.get(usize::from(decimals))?;
    let scaled = (value * power).round_ties_even();
    let integer = scaled as i64;
    // Back from the integer, not from `scaled`: -0.0 must not pass for 0.
    (scaled.abs() < EXACT && (integer as f64 / power).to_bits() == value.to_bits()).then_some(integer)
}
