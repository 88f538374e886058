//! What senders said about metric families.

use super::labels::{put_zstd, read_zstd};
use crate::bytes::{BytesError, Problem, Reader, put_text};
use clew_model::metrics::{Metadata, MetricType};

const ZSTD_LEVEL: i32 = 3;
const MAX_METADATA_BYTES: usize = 64 << 20;

/// A list of metadata, compressed.
#[must_use]
pub fn encode_metadata<'a>(list: impl IntoIterator<Item = &'a Metadata>) -> Vec<u8> {
    let mut raw = Vec::new();
    for metadata in list {
        put_text(&mut raw, &metadata.metric);
        raw.push(type_code(metadata.metric_type));
        put_text(&mut raw, &metadata.help);
        put_text(&mut raw, &metadata.unit);
    }
    let mut out = Vec::new();
    put_zstd(&mut out, &raw, ZSTD_LEVEL);
    out
}

/// Reads what [`encode_metadata`] wrote.
///
/// # Errors
/// Damaged bytes.
pub fn decode_metadata(bytes: &[u8]) -> Result<Vec<Metadata>, BytesError> {
    let raw = read_zstd(&mut Reader::new(bytes), MAX_METADATA_BYTES, "the metadata")?;
    let mut reader = Reader::new(&raw);
    let mut list = Vec::new();
    while !reader.is_empty() {
        let metric = reader.text("a metric's name")?.to_owned();
        let code = reader.u8("a metric's type")?;
        let known = type_of(code);
        let metric_type = known.ok_or_else(|| reader.error("a metric's type", Problem::BadValue(code.into())))?;
        let help = reader.text("a metric's help")?.to_owned();
        let unit = reader.text("a metric's unit")?.to_owned();
        list.push(Metadata { metric, metric_type, help, unit });
    }
    Ok(list)
}

const TYPES: [MetricType; 8] = [
    MetricType::Unknown,
    MetricType::Counter,
    MetricType::Gauge,
    MetricType::Histogram,
    MetricType::GaugeHistogram,
    MetricType::Summary,
    MetricType::Info,
    MetricType::StateSet,
];

pub(crate) fn type_code(metric_type: MetricType) -> u8 {
    TYPES.iter().position(|known| *known == metric_type).unwrap_or_default() as u8
}

pub(crate) fn type_of(code: u8) -> Option<MetricType> {
    TYPES.get(usize::from(code)).copied()
}
