//! The columns of attribute leaves: all values of one kind at one path.

use super::WHAT;
use super::opaque::{Opaque, OpaqueBuilder};
use crate::bits::{put_flags, put_numbers, read_flags, read_numbers};
use crate::bytes::{Problem, Reader, put_u64};
use crate::compress::{put_compressed, read_compressed};
use crate::dictionary::{TextColumn, read_text_column};
use crate::error::ColumnsError;
use crate::strings::Texts;
use clew_model::{Number, Value};

/// Kinds of leaves; part of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Null = 0,
    Bool = 1,
    Int = 2,
    Double = 3,
    Number = 4,
    Text = 5,
    Opaque = 6,
}

impl Kind {
    /// `None` for maps, which are no leaves.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Kind::Null,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Double(_) => Kind::Double,
            Value::Number(_) => Kind::Number,
            Value::String(_) => Kind::Text,
            Value::Bytes(_) | Value::Array(_) => Kind::Opaque,
            Value::Map(_) => return None,
        })
    }

    pub(super) fn from_code(code: u32) -> Option<Self> {
        Some(match code {
            0 => Kind::Null,
            1 => Kind::Bool,
            2 => Kind::Int,
            3 => Kind::Double,
            4 => Kind::Number,
            5 => Kind::Text,
            6 => Kind::Opaque,
            _ => return None,
        })
    }
}

/// Collects the values of one column.
#[derive(Debug)]
pub(super) enum LeafBuilder {
    Null,
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Number(Texts),
    Text(Texts),
    Opaque(OpaqueBuilder),
}

impl LeafBuilder {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Null => Self::Null,
            Kind::Bool => Self::Bool(Vec::new()),
            Kind::Int => Self::Int(Vec::new()),
            Kind::Double => Self::Double(Vec::new()),
            Kind::Number => Self::Number(Texts::new()),
            Kind::Text => Self::Text(Texts::new()),
            Kind::Opaque => Self::Opaque(OpaqueBuilder::default()),
        }
    }

    pub(super) fn push(&mut self, value: &Value) {
        match (self, value) {
            (Self::Bool(flags), Value::Bool(flag)) => flags.push(*flag),
            (Self::Int(numbers), Value::Int(number)) => numbers.push(*number),
            (Self::Double(numbers), Value::Double(number)) => numbers.push(*number),
            (Self::Number(texts), Value::Number(number)) => texts.push(&number.0),
            (Self::Text(texts), Value::String(text)) => texts.push(text),
            (Self::Opaque(values), value) => values.push(value),
            // The kind was chosen by the value; nulls have no bytes.
            _ => {}
        }
    }

    /// Appends the column; answers it as if it had been read.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Leaf {
        let text_column = |texts: Texts, out: &mut Vec<u8>| {
            let column = TextColumn::of(texts);
            column.put(out);
            column
        };
        match self {
            Self::Null => Leaf::Null,
            Self::Bool(flags) => {
                put_flags(out, flags.iter().copied());
                Leaf::Bool(flags)
            }
            Self::Int(numbers) => {
                put_numbers(out, &numbers);
                Leaf::Int(numbers)
            }
            Self::Double(numbers) => {
                put_doubles(out, &numbers);
                Leaf::Double(numbers)
            }
            Self::Number(texts) => Leaf::Number(text_column(texts, out)),
            Self::Text(texts) => Leaf::Text(text_column(texts, out)),
            Self::Opaque(values) => Leaf::Opaque(values.finish(out)),
        }
    }
}

/// A decoded column.
#[derive(Debug)]
pub(super) enum Leaf {
    Null,
    Bool(Vec<bool>),
    Int(Vec<i64>),
    Double(Vec<f64>),
    Number(TextColumn),
    Text(TextColumn),
    Opaque(Opaque),
}

impl Leaf {
    pub(super) fn read(kind: Kind, bytes: &[u8], count: usize) -> Result<Self, ColumnsError> {
        let mut reader = Reader::new(bytes);
        let leaf = match kind {
            Kind::Null => Leaf::Null,
            Kind::Bool => Leaf::Bool(read_flags(&mut reader, count)?),
            Kind::Int => Leaf::Int(read_numbers(&mut reader, count)?),
            Kind::Double => Leaf::Double(read_doubles(&mut reader, count)?),
            Kind::Number => Leaf::Number(read_text_column(&mut reader, count)?),
            Kind::Text => Leaf::Text(read_text_column(&mut reader, count)?),
            Kind::Opaque => Leaf::Opaque(Opaque::read(&mut reader, count)?),
        };
        reader.finish(WHAT)?;
        Ok(leaf)
    }

    /// The value at `index`; null when there is none.
    pub(super) fn value(&self, index: usize) -> Value {
        match self {
            Leaf::Null => Value::Null,
            Leaf::Bool(flags) => flags.get(index).map_or(Value::Null, |flag| Value::Bool(*flag)),
            Leaf::Int(numbers) => numbers.get(index).map_or(Value::Null, |number| Value::Int(*number)),
            Leaf::Double(numbers) => numbers.get(index).map_or(Value::Null, |number| Value::Double(*number)),
            Leaf::Number(texts) => Value::Number(Number(texts.get(index).into())),
            Leaf::Text(texts) => Value::String(texts.get(index).into()),
            Leaf::Opaque(values) => values.get(index).cloned().unwrap_or_default(),
        }
    }
}

const RAW: u8 = 255;
const MAX_DECIMALS: u8 = 9;

/// Doubles that are short decimals as integers, others as their bits.
fn put_doubles(out: &mut Vec<u8>, numbers: &[f64]) {
    if let Some((decimals, scaled)) = as_decimals(numbers) {
        out.push(decimals);
        put_numbers(out, &scaled);
        return;
    }
    out.push(RAW);
    let mut bytes = Vec::with_capacity(numbers.len() * 8);
    numbers.iter().for_each(|number| put_u64(&mut bytes, number.to_bits()));
    put_compressed(out, &bytes);
}

fn as_decimals(numbers: &[f64]) -> Option<(u8, Vec<i64>)> {
    let mut decimals = 0;
    for number in numbers {
        while scaled(*number, decimals).is_none() {
            decimals += 1;
            if decimals > MAX_DECIMALS {
                return None;
            }
        }
    }
    let all: Option<Vec<i64>> = numbers.iter().map(|number| scaled(*number, decimals)).collect();
    all.map(|all| (decimals, all))
}

/// The integer from which [`unscaled`] gives exactly these bits back.
fn scaled(number: f64, decimals: u8) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    let product = (number * 10f64.powi(i32::from(decimals))).round();
    let fits = product.abs() < EXACT && unscaled(product as i64, decimals).to_bits() == number.to_bits();
    fits.then_some(product as i64)
}

fn unscaled(number: i64, decimals: u8) -> f64 {
    number as f64 / 10f64.powi(i32::from(decimals))
}

fn read_doubles(reader: &mut Reader<'_>, count: usize) -> Result<Vec<f64>, ColumnsError> {
    match reader.u8(WHAT)? {
        RAW => {
            let bytes = read_compressed(reader)?;
            if bytes.len() != count.saturating_mul(8) {
                return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the number of doubles is wrong" });
            }
            let chunks = bytes.chunks_exact(8).filter_map(|chunk| chunk.try_into().ok());
            Ok(chunks.map(|chunk| f64::from_bits(u64::from_le_bytes(chunk))).collect())
        }
        decimals @ 0..=MAX_DECIMALS => {
            Ok(read_numbers(reader, count)?.into_iter().map(|number| unscaled(number, decimals)).collect())
        }
        other => Err(reader.error(WHAT, Problem::BadValue(u64::from(other))).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn doubles_keep_their_bits(numbers in proptest::collection::vec(prop_oneof![
            any::<f64>(),
            (-100_000i64..100_000, 0u8..6).prop_map(|(number, decimals)| unscaled(number, decimals)),
            Just(-0.0), Just(f64::INFINITY),
        ], 0..30)) {
            let mut out = Vec::new();
            put_doubles(&mut out, &numbers);
            let read = read_doubles(&mut Reader::new(&out), numbers.len()).unwrap();
            prop_assert!(read.iter().map(|n| n.to_bits()).eq(numbers.iter().map(|n| n.to_bits())));
        }
    }

    #[test]
    fn short_decimals_take_the_bits_of_integers() {
        let mut out = Vec::new();
        put_doubles(&mut out, &(0..256).map(|n| f64::from(n) / 100.0).collect::<Vec<_>>());
        assert!(out.len() < 300, "{}", out.len());
    }
}
