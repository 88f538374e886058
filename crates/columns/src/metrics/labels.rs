//! Lists of label sets.

use super::limits::MAX_LABELS_BYTES;
use crate::bytes::{BytesError, Problem, Reader, put_bytes, put_varint};
use crate::compress::{compress, decompress};
use clew_model::metrics::Labels;

const ZSTD_LEVEL: i32 = 3;

/// A list of label sets, compressed. The list's own bytes must stay below [`MAX_LABELS_BYTES`].
#[must_use]
pub fn encode_labels<'a>(list: impl IntoIterator<Item = &'a Labels>) -> Vec<u8> {
    let mut raw = Vec::new();
    let mut count = 0u64;
    for labels in list {
        put_bytes(&mut raw, labels.as_bytes());
        count += 1;
    }
    let mut out = Vec::new();
    put_varint(&mut out, count);
    put_zstd(&mut out, &raw, ZSTD_LEVEL);
    out
}

/// Reads what [`encode_labels`] wrote.
///
/// # Errors
/// Damaged bytes.
pub fn decode_labels(bytes: &[u8]) -> Result<Vec<Labels>, BytesError> {
    let mut reader = Reader::new(bytes);
    let count = reader.varint("the label sets' count")?;
    let raw = read_zstd(&mut reader, MAX_LABELS_BYTES, "the label sets")?;
    let mut inner = Reader::new(&raw);
    let mut list = Vec::new();
    while !inner.is_empty() {
        let bytes = inner.bytes("a label set")?;
        let labels = Labels::from_bytes(bytes);
        list.push(labels.map_err(|_| inner.error("a label set", Problem::BadValue(bytes.len() as u64)))?);
    }
    if list.len() as u64 != count {
        return Err(reader.error("the label sets' count", Problem::BadValue(count)));
    }
    Ok(list)
}

/// Appends the raw length and the compressed bytes; a raw length of 0 and the raw bytes where zstd fails to shrink.
pub(crate) fn put_zstd(out: &mut Vec<u8>, raw: &[u8], level: i32) {
    match compress(raw, level) {
        Some(packed) if packed.len() < raw.len() => {
            put_varint(out, raw.len() as u64);
            put_bytes(out, &packed);
        }
        _ => {
            put_varint(out, 0);
            put_bytes(out, raw);
        }
    }
}

pub(crate) fn read_zstd(reader: &mut Reader<'_>, most: usize, what: &'static str) -> Result<Vec<u8>, BytesError> {
    let length = reader.varint(what)?;
    let bytes = reader.bytes(what)?;
    if length == 0 {
        return Ok(bytes.to_vec());
    }
    let damaged = || reader.error(what, Problem::BadValue(length));
    let length = usize::try_from(length).ok().filter(|length| *length <= most).ok_or_else(damaged)?;
    let raw = decompress(bytes, length).map_err(|_| damaged())?;
    if raw.len() == length { Ok(raw) } else { Err(damaged()) }
}
