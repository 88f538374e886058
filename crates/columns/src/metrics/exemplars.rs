//! Lists of exemplars.

use super::labels::{put_zstd, read_zstd};
use super::limits::MAX_EXEMPLARS_BYTES;
use crate::bytes::{BytesError, Problem, Reader, put_bytes, put_signed, put_u64, put_varint};
use clew_model::UnixMillis;
use clew_model::metrics::Labels;

const ZSTD_LEVEL: i32 = 3;

/// An exemplar of a series known by number.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredExemplar {
    /// The series' number in its partition.
    pub series: u32,
    /// When, in milliseconds.
    pub time: UnixMillis,
    /// The measured value.
    pub value: f64,
    /// Its own labels.
    pub labels: Labels,
}

/// A list of exemplars, compressed.
#[must_use]
pub fn encode_exemplars(list: &[StoredExemplar]) -> Vec<u8> {
    let mut raw = Vec::new();
    let mut time = 0i64;
    for exemplar in list {
        put_varint(&mut raw, exemplar.series.into());
        put_signed(&mut raw, exemplar.time.wrapping_sub(time));
        time = exemplar.time;
        put_u64(&mut raw, exemplar.value.to_bits());
        put_bytes(&mut raw, exemplar.labels.as_bytes());
    }
    let mut out = Vec::new();
    put_zstd(&mut out, &raw, ZSTD_LEVEL);
    out
}

/// Reads what [`encode_exemplars`] wrote.
///
/// # Errors
/// Damaged bytes.
pub fn decode_exemplars(bytes: &[u8]) -> Result<Vec<StoredExemplar>, BytesError> {
    let raw = read_zstd(&mut Reader::new(bytes), MAX_EXEMPLARS_BYTES, "the exemplars")?;
    let mut reader = Reader::new(&raw);
    let mut list = Vec::new();
    let mut time = 0i64;
    while !reader.is_empty() {
        let series = reader.varint("an exemplar's series")?;
        let series =
            u32::try_from(series).map_err(|_| reader.error("an exemplar's series", Problem::BadValue(series)))?;
        time = time.wrapping_add(reader.signed("an exemplar's time")?);
        let value = f64::from_bits(reader.u64("an exemplar's value")?);
        let bytes = reader.bytes("an exemplar's labels")?;
        let labels = Labels::from_bytes(bytes);
        let labels = labels.map_err(|_| reader.error("an exemplar's labels", Problem::BadValue(bytes.len() as u64)))?;
        list.push(StoredExemplar { series, time, value, labels });
    }
    Ok(list)
}
