//! A frame of the log journal: the blocks of one or more requests, as the store keeps them, each with its terms.
//!
//! ```text
//! version (1) | tenant | first number | count of records | count of blocks | blocks
//! block: rows | first time | last time (signed varints) | length | bytes | length | terms
//! ```
//! Numbers are varints unless a width is given. The bytes of a block are those of `CLGB` containers, its terms stand as
//! [`BlockTerms`] keeps them in memory: replay copies both and encodes nothing again.

use crate::bytes::{BytesError, Problem, Reader, put_bytes, put_signed, put_text, put_varint};
use crate::error::ColumnsError;
use crate::limits::MAX_BLOCK_ROWS;
use crate::logs::{BlockTerms, EncodedBlock, LogBlock};
use crate::values::{put_attributes, read_attributes};
use clew_model::{Resource, Scope, TenantId};
use std::sync::Arc;

/// The newest version of the frame.
pub const VERSION: u8 = 0;

const WHAT: &str = "log frame";

/// Every block takes at least so many bytes: rows, times, two lengths.
const MIN_BLOCK_BYTES: usize = 5;

/// A decoded frame.
#[derive(Debug, Clone, PartialEq)]
pub struct LogFrame {
    /// Whose records.
    pub tenant: TenantId,
    /// The number of the first record; the others follow without gaps, in the order in which they came.
    pub first_number: u64,
    /// Records in all blocks.
    pub records: u64,
    /// The blocks, their rows numbered.
    pub blocks: Vec<EncodedBlock>,
}

/// Appends a frame of blocks whose rows are numbered from `first_number` already ([`EncodedBlock::rebase`]).
pub fn encode(out: &mut Vec<u8>, tenant: &TenantId, first_number: u64, blocks: &[impl AsRef<EncodedBlock>]) {
    let records: u64 = blocks.iter().map(|block| block.as_ref().rows as u64).sum();
    out.push(VERSION);
    put_text(out, tenant.as_str());
    put_varint(out, first_number);
    put_varint(out, records);
    put_varint(out, blocks.len() as u64);
    for block in blocks {
        put_block(out, block.as_ref());
    }
}

fn put_block(out: &mut Vec<u8>, block: &EncodedBlock) {
    put_varint(out, block.rows as u64);
    put_signed(out, block.first);
    put_signed(out, block.last);
    put_bytes(out, &block.bytes);
    put_bytes(out, block.terms.bytes());
}

/// Reads a frame. Blocks are opened, their columns are not read.
///
/// # Errors
/// Cut off, damaged, or of a newer version.
pub fn decode(bytes: &[u8]) -> Result<LogFrame, ColumnsError> {
    let mut reader = Reader::new(bytes);
    let version = reader.u8(WHAT)?;
    if version > VERSION {
        return Err(ColumnsError::Version { what: WHAT, found: version, newest: VERSION });
    }
    let tenant = TenantId::new(reader.text(WHAT)?)
        .ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "the tenant's name is not allowed" })?;
    let first_number = reader.varint(WHAT)?;
    let records = reader.varint(WHAT)?;
    let count = reader.count(MIN_BLOCK_BYTES, WHAT)?;
    let mut blocks = Vec::with_capacity(count);
    for _ in 0..count {
        blocks.push(read_block(&mut reader)?);
    }
    reader.finish(WHAT)?;
    if blocks.iter().map(|block| block.rows as u64).sum::<u64>() != records {
        return Err(ColumnsError::Inconsistent { what: WHAT, reason: "its blocks do not hold the records it counts" });
    }
    Ok(LogFrame { tenant, first_number, records, blocks })
}

fn read_block(reader: &mut Reader<'_>) -> Result<EncodedBlock, ColumnsError> {
    let rows = reader.varint(WHAT)?;
    let rows = usize::try_from(rows).ok().filter(|rows| *rows <= MAX_BLOCK_ROWS);
    let rows = rows.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "a block has too many rows" })?;
    let (first, last) = (reader.signed(WHAT)?, reader.signed(WHAT)?);
    let bytes: Arc<[u8]> = reader.bytes(WHAT)?.into();
    let terms = BlockTerms::open(reader.bytes(WHAT)?)?;
    let span = LogBlock::open(Arc::clone(&bytes))?.time_span();
    if (span.first, span.last) != (first, last) {
        return Err(ColumnsError::Inconsistent { what: WHAT, reason: "a block has other times than its frame says" });
    }
    Ok(EncodedBlock { bytes, first, last, rows, terms })
}

/// Appends a resource.
pub(crate) fn put_resource(out: &mut Vec<u8>, resource: &Resource) {
    put_attributes(out, &resource.attributes);
    put_text(out, &resource.schema_url);
    put_varint(out, u64::from(resource.dropped_attributes_count));
}

/// Reads what [`put_resource`] wrote.
pub(crate) fn read_resource(reader: &mut Reader<'_>) -> Result<Resource, BytesError> {
    Ok(Resource {
        attributes: read_attributes(reader)?,
        schema_url: reader.text(WHAT)?.into(),
        dropped_attributes_count: read_u32(reader)?,
    })
}

/// Appends a scope.
pub(crate) fn put_scope(out: &mut Vec<u8>, scope: &Scope) {
    put_text(out, &scope.name);
    put_text(out, &scope.version);
    put_attributes(out, &scope.attributes);
    put_text(out, &scope.schema_url);
    put_varint(out, u64::from(scope.dropped_attributes_count));
}

/// Reads what [`put_scope`] wrote.
pub(crate) fn read_scope(reader: &mut Reader<'_>) -> Result<Scope, BytesError> {
    Ok(Scope {
        name: reader.text(WHAT)?.into(),
        version: reader.text(WHAT)?.into(),
        attributes: read_attributes(reader)?,
        schema_url: reader.text(WHAT)?.into(),
        dropped_attributes_count: read_u32(reader)?,
    })
}

fn read_u32(reader: &mut Reader<'_>) -> Result<u32, BytesError> {
    let value = reader.varint(WHAT)?;
    u32::try_from(value).map_err(|_| reader.error(WHAT, Problem::BadValue(value)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::samples::any_rows;
    use crate::logs::{BlockBuilder, encode_block};
    use clew_model::correlation::CorrelationRules;
    use clew_model::logs::LogRow;
    use proptest::prelude::*;

    fn rules() -> CorrelationRules {
        CorrelationRules::new(["task_id"], [])
    }

    fn decoded(block: &EncodedBlock) -> Vec<LogRow> {
        LogBlock::open(Arc::clone(&block.bytes)).unwrap().decode_all().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn blocks_and_terms_survive_and_rows_are_numbered(rows in any_rows(1..20), cut: prop::sample::Index, base: u64) {
            let cut = cut.index(rows.len());
            let mut blocks = Vec::new();
            for (start, part) in [(0, &rows[..cut]), (cut, &rows[cut..])] {
                let mut builder = BlockBuilder::default();
                (start..).zip(part).for_each(|(number, row)| builder.push(number as u64, &row.record));
                let mut block = builder.finish(&rules());
                block.rebase(base).unwrap();
                blocks.push(block);
            }
            let mut out = Vec::new();
            encode(&mut out, &TenantId::default(), base, &blocks);
            let frame = decode(&out).unwrap();
            prop_assert_eq!((frame.tenant, frame.first_number, frame.records), (TenantId::default(), base, rows.len() as u64));
            prop_assert_eq!(&frame.blocks, &blocks);
            let read: Vec<LogRow> = frame.blocks.iter().flat_map(decoded).collect();
            for (number, (read, row)) in (0u64..).zip(read.iter().zip(&rows)) {
                prop_assert_eq!(read.id.number, base.wrapping_add(number));
                prop_assert_eq!(format!("{:?}", read.record), format!("{:?}", row.record));
            }
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>, rows in any_rows(1..3), at: prop::sample::Index) {
            let _ = decode(&bytes);
            let mut all = Vec::new();
            encode(&mut all, &TenantId::default(), 7, &[encode_block(&rows, &rules())]);
            let at = at.index(all.len());
            all[at] = all[at].wrapping_add(1);
            let _ = decode(&all);
            all.truncate(at);
            prop_assert!(decode(&all).is_err());
        }
    }

    #[test]
    fn a_newer_version_is_refused() {
        let error = decode(&[VERSION + 1]).unwrap_err();
        assert!(matches!(error, ColumnsError::Version { found: 1, .. }), "{error}");
    }
}
