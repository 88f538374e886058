//! One attribute value as bytes that describe themselves; nothing of a [`Value`] is lost.
//!
//! A tag byte, then: Int zigzag varint; Double eight bytes; Number, String, Bytes length and bytes; Array count and
//! values; Map count and (key, value) pairs.

use crate::bytes::{BytesError, Problem, Reader, put_bytes, put_signed, put_text, put_u64, put_varint};
use clew_model::limits::MAX_VALUE_DEPTH;
use clew_model::{Attribute, Attributes, Number, Value};
use compact_str::CompactString;

const WHAT: &str = "value";

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const DOUBLE: u8 = 4;
const NUMBER: u8 = 5;
const STRING: u8 = 6;
const BYTES: u8 = 7;
const ARRAY: u8 = 8;
const MAP: u8 = 9;

/// Appends a value.
pub fn put_value(out: &mut Vec<u8>, value: &Value) {
    put_value_with(out, value, &mut put_key);
}

fn put_key(out: &mut Vec<u8>, key: &str) {
    put_text(out, key);
}

fn read_key(reader: &mut Reader<'_>) -> Result<CompactString, BytesError> {
    reader.text(WHAT).map(CompactString::from)
}

/// Appends a value; `key` writes the keys of maps, so that a frame may write each key once.
pub fn put_value_with(out: &mut Vec<u8>, value: &Value, key: &mut dyn FnMut(&mut Vec<u8>, &str)) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(false) => out.push(FALSE),
        Value::Bool(true) => out.push(TRUE),
        Value::Int(number) => {
            out.push(INT);
            put_signed(out, *number);
        }
        Value::Double(number) => {
            out.push(DOUBLE);
            put_u64(out, number.to_bits());
        }
        Value::Number(number) => {
            out.push(NUMBER);
            put_text(out, &number.0);
        }
        Value::String(text) => {
            out.push(STRING);
            put_text(out, text);
        }
        Value::Bytes(bytes) => {
            out.push(BYTES);
            put_bytes(out, bytes);
        }
        Value::Array(items) => {
            out.push(ARRAY);
            put_varint(out, items.len() as u64);
            items.iter().for_each(|item| put_value_with(out, item, key));
        }
        Value::Map(items) => {
            out.push(MAP);
            put_attributes_with(out, items, key);
        }
    }
}

/// Appends a count and attributes in their order.
pub fn put_attributes(out: &mut Vec<u8>, attributes: &[Attribute]) {
    put_attributes_with(out, attributes, &mut put_key);
}

/// Appends attributes; `key` writes the keys.
pub fn put_attributes_with(out: &mut Vec<u8>, attributes: &[Attribute], key: &mut dyn FnMut(&mut Vec<u8>, &str)) {
    put_varint(out, attributes.len() as u64);
    for attribute in attributes {
        key(out, &attribute.key);
        put_value_with(out, &attribute.value, key);
    }
}

/// Reads what [`put_value`] wrote.
///
/// # Errors
/// Cut off, an unknown tag, or nested deeper than a value may be.
pub fn read_value(reader: &mut Reader<'_>) -> Result<Value, BytesError> {
    value_at(reader, 0, &mut read_key)
}

/// Reads what [`put_attributes`] wrote.
///
/// # Errors
/// As [`read_value`].
pub fn read_attributes(reader: &mut Reader<'_>) -> Result<Attributes, BytesError> {
    attributes_at(reader, 0, &mut read_key)
}

/// How keys of maps are read.
pub type KeyReader<'a> = dyn FnMut(&mut Reader<'_>) -> Result<CompactString, BytesError> + 'a;

/// Reads what [`put_value_with`] wrote.
///
/// # Errors
/// As [`read_value`], and what `key` answers.
pub fn read_value_with(reader: &mut Reader<'_>, key: &mut KeyReader<'_>) -> Result<Value, BytesError> {
    value_at(reader, 0, key)
}

/// Reads what [`put_attributes_with`] wrote.
///
/// # Errors
/// As [`read_value`], and what `key` answers.
pub fn read_attributes_with(reader: &mut Reader<'_>, key: &mut KeyReader<'_>) -> Result<Attributes, BytesError> {
    attributes_at(reader, 0, key)
}

/// Decoders of requests refuse what is nested deeper than the model's limit; a body may hold attributes at that depth,
/// hence the reserve.
const MAX_DEPTH: usize = MAX_VALUE_DEPTH + 8;

fn value_at(reader: &mut Reader<'_>, depth: usize, key: &mut KeyReader<'_>) -> Result<Value, BytesError> {
    if depth > MAX_DEPTH {
        return Err(reader.error(WHAT, Problem::BadValue(depth as u64)));
    }
    Ok(match reader.u8(WHAT)? {
        NULL => Value::Null,
        FALSE => Value::Bool(false),
        TRUE => Value::Bool(true),
        INT => Value::Int(reader.signed(WHAT)?),
        DOUBLE => Value::Double(f64::from_bits(reader.u64(WHAT)?)),
        NUMBER => Value::Number(Number(reader.text(WHAT)?.into())),
        STRING => Value::String(reader.text(WHAT)?.into()),
        BYTES => Value::Bytes(reader.bytes(WHAT)?.to_vec()),
        ARRAY => {
            let count = reader.count(1, WHAT)?;
            let mut items = Vec::with_capacity(count.min(64));
            for _ in 0..count {
                items.push(value_at(reader, depth + 1, key)?);
            }
            Value::Array(items)
        }
        MAP => Value::Map(attributes_at(reader, depth + 1, key)?),
        other => return Err(reader.error(WHAT, Problem::BadValue(u64::from(other)))),
    })
}

fn attributes_at(
    reader: &mut Reader<'_>,
    depth: usize,
    read_key: &mut KeyReader<'_>,
) -> Result<Attributes, BytesError> {
    let count = reader.count(2, WHAT)?;
    let mut attributes = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let key = read_key(reader)?;
        attributes.push(Attribute { key, value: value_at(reader, depth, read_key)? });
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<f64>().prop_map(Value::Double),
            "-?[0-9]{1,30}\\.0".prop_map(|text| Value::Number(Number(text.into()))),
            any::<String>().prop_map(Value::from),
            any::<Vec<u8>>().prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                proptest::collection::vec((any::<String>(), inner), 0..5).prop_map(|items| Value::Map(
                    items.into_iter().map(|(key, value)| Attribute::new(key, value)).collect()
                )),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(value in any_value()) {
            let mut out = Vec::new();
            put_value(&mut out, &value);
            let mut reader = Reader::new(&out);
            let read = read_value(&mut reader).unwrap();
            // Debug text also tells apart -0.0 and 0.0, and shows NaN as equal.
            prop_assert_eq!(format!("{read:?}"), format!("{value:?}"));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>) {
            let _ = read_value(&mut Reader::new(&bytes));
        }
    }

    #[test]
    fn a_bomb_of_nested_arrays_is_refused() {
        let bytes: Vec<u8> = [ARRAY, 1].repeat(100_000);
        assert!(read_value(&mut Reader::new(&bytes)).is_err());
    }
}
