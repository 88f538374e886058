//! The manifest: which parts there are, up to which journal position they reach, and what was deleted.
//!
//! One file, replaced as a whole, so that everything in it changes at one moment:
//! `"CLM0" | version (1) | next sequence | position | next record number | cutoff | parts | crc32 (4)`.

use crate::error::LogStoreError;
use crate::limits::MAX_MANIFEST_BYTES;
use crate::part::PartMeta;
use clew_columns::bytes::{BytesError, Problem, Reader, put_signed, put_text, put_u32, put_varint};
use clew_host::{Files, write_twin};
use clew_model::TenantId;
use std::path::Path;

/// The newest version of the manifest.
const VERSION: u8 = 0;
const MAGIC: [u8; 4] = *b"CLM0";
const WHAT: &str = "manifest";

/// The name of the manifest's file.
pub(crate) const FILE_NAME: &str = "manifest";

/// The state of a store as the disk knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Manifest {
    /// The sequence of the next part; every part named here is below it.
    pub next_sequence: u64,
    /// Journal position up to which records are in parts.
    pub position: u64,
    /// The number of the next record after that position.
    pub next_number: u64,
    /// Records before it were deleted.
    pub cutoff: i64,
    /// The parts.
    pub parts: Vec<PartMeta>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { next_sequence: 0, position: 0, next_number: 0, cutoff: i64::MIN, parts: Vec::new() }
    }
}

impl Manifest {
    /// As the file itself says, whatever the copy says; `None` when there is no manifest.
    pub(crate) fn load(files: &dyn Files, dir: &Path) -> Result<Option<Self>, LogStoreError> {
        let path = dir.join(FILE_NAME);
        let failed = || LogStoreError::io("read the manifest");
        if !files.exists(&path).map_err(failed())? {
            return Ok(None);
        }
        let file = files.open(&path).map_err(failed())?;
        let length = file.len().map_err(failed())?;
        let size = usize::try_from(length).ok().filter(|_| length <= MAX_MANIFEST_BYTES);
        let size = size.ok_or_else(|| LogStoreError::damaged(FILE_NAME, "it is too long"))?;
        Self::decode(&file.read_at(0, size).map_err(failed())?).map(Some)
    }

    /// Grows with each change that names a new part or reaches further.
    pub(crate) fn age(&self) -> u64 {
        self.next_sequence.saturating_add(self.position)
    }

    /// Replaces the manifest on the disk, and its copy.
    pub(crate) fn store(&self, files: &dyn Files, dir: &Path) -> Result<(), LogStoreError> {
        write_twin(files, &dir.join(FILE_NAME), &self.encode()).map_err(LogStoreError::io("write the manifest"))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.push(VERSION);
        for number in [self.next_sequence, self.position, self.next_number] {
            put_varint(&mut out, number);
        }
        put_signed(&mut out, self.cutoff);
        put_varint(&mut out, self.parts.len() as u64);
        for part in &self.parts {
            put_varint(&mut out, part.sequence);
            put_text(&mut out, part.tenant.as_str());
            put_signed(&mut out, part.day);
            put_varint(&mut out, part.rows);
            put_varint(&mut out, part.bytes);
            put_signed(&mut out, part.first);
            put_signed(&mut out, part.last);
        }
        let checksum = crc32fast::hash(&out);
        put_u32(&mut out, checksum);
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, LogStoreError> {
        let checked = bytes.split_last_chunk::<4>().filter(|(body, sum)| crc32fast::hash(body).to_le_bytes() == **sum);
        let (body, _) = checked.ok_or_else(|| LogStoreError::damaged(FILE_NAME, "it has a wrong checksum"))?;
        let mut reader = Reader::new(body);
        let is_ours = reader.array::<4>(WHAT) == Ok(MAGIC);
        let version = reader.u8(WHAT).ok().filter(|_| is_ours);
        match version {
            None => return Err(LogStoreError::damaged(FILE_NAME, "it does not begin with its magic")),
            Some(0..=VERSION) => {}
            Some(found) => {
                let source = clew_columns::ColumnsError::Version { what: WHAT, found, newest: VERSION };
                return Err(LogStoreError::Columns { file: FILE_NAME.to_owned(), source });
            }
        }
        read_body(&mut reader).map_err(|error| LogStoreError::damaged(FILE_NAME, error.to_string()))
    }
}

fn read_body(reader: &mut Reader<'_>) -> Result<Manifest, BytesError> {
    let mut manifest = Manifest {
        next_sequence: reader.varint(WHAT)?,
        position: reader.varint(WHAT)?,
        next_number: reader.varint(WHAT)?,
        cutoff: reader.signed(WHAT)?,
        parts: Vec::new(),
    };
    for _ in 0..reader.count(7, WHAT)? {
        manifest.parts.push(PartMeta {
            sequence: reader.varint(WHAT)?,
            tenant: TenantId::new(reader.text(WHAT)?).ok_or_else(|| reader.error(WHAT, Problem::BadValue(0)))?,
            day: reader.signed(WHAT)?,
            rows: reader.varint(WHAT)?,
            bytes: reader.varint(WHAT)?,
            first: reader.signed(WHAT)?,
            last: reader.signed(WHAT)?,
        });
    }
    reader.finish(WHAT)?;
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Manifest {
        let part = PartMeta {
            sequence: 7,
            tenant: TenantId::default(),
            day: -1,
            rows: 3,
            bytes: 99,
            first: i64::MIN,
            last: -1,
        };
        Manifest { next_sequence: 8, position: 1 << 40, next_number: 5, cutoff: -2, parts: vec![part] }
    }

    #[test]
    fn it_is_read_back_and_any_changed_bit_is_noticed() {
        let bytes = sample().encode();
        assert_eq!(Manifest::decode(&bytes).unwrap(), sample());
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(Manifest::decode(&changed).is_err(), "byte {at} bit {bit}");
            }
        }
    }
}
