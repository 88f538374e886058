//! Writing a part.

use super::{BlockPlace, FOOTER_BYTES, MAGIC, PartMeta, SEVERITY_RANGES, VERSION};
use crate::error::LogStoreError;
use crate::pages::page_checksums;
use crate::term_index::{Piece, TermIndexBuilder};
use clew_columns::ColumnsError;
use clew_columns::bytes::{put_signed, put_text, put_u32, put_u64, put_varint};
use clew_columns::hash_list::HashListBuilder;
use clew_columns::logs::{EncodedBlock, LogBlock};
use clew_host::{Files, WriteFile};
use clew_model::TenantId;
use clew_model::logs::severity_range;
use std::path::Path;
use std::sync::Arc;

/// Writes blocks to a file as they come, then their index. A part that is not finished is garbage.
pub(crate) struct PartWriter {
    file: Box<dyn WriteFile>,
    name: String,
    places: Vec<BlockPlace>,
    hashes: HashListBuilder,
    terms: TermIndexBuilder,
    length: u64,
    sequence: u64,
    tenant: TenantId,
    day: i64,
}

impl PartWriter {
    /// `blocks` is how many are expected.
    pub(crate) fn create(
        files: &dyn Files,
        dir: &Path,
        sequence: u64,
        tenant: &TenantId,
        day: i64,
        blocks: usize,
    ) -> Result<Self, LogStoreError> {
        let (rows, bytes, first, last) = (0, 0, 0, 0);
        let meta = PartMeta { sequence, tenant: tenant.clone(), day, rows, bytes, first, last };
        let name = meta.file_name();
        let file = files.create(&dir.join(&name)).map_err(LogStoreError::io("create a part"))?;
        let terms = TermIndexBuilder::new(blocks).map_err(LogStoreError::term_index(&name))?;
        let (places, hashes, tenant) = (Vec::new(), HashListBuilder::new(), tenant.clone());
        Ok(Self { file, name, places, hashes, terms, length: 0, sequence, tenant, day })
    }

    pub(crate) fn add(&mut self, block: &EncodedBlock) -> Result<(), LogStoreError> {
        let number = self.places.len() as u32;
        block.terms.hashes().for_each(|hash| self.hashes.push(hash, number));
        self.terms.add_block(block.terms.plain()).map_err(LogStoreError::term_index(&self.name))?;
        self.file.write_all(&block.bytes).map_err(LogStoreError::io("write a part"))?;
        let length = block.bytes.len();
        let severities = severities_of(block)?;
        self.places.push(BlockPlace {
            first: block.first,
            last: block.last,
            rows: block.rows as u32,
            offset: self.length,
            length: length as u32,
            severities,
        });
        self.length += length as u64;
        Ok(())
    }

    /// Writes the index and syncs the file; its name is durable only after a sync of the directory.
    pub(crate) fn finish(mut self) -> Result<PartMeta, LogStoreError> {
        let mut region = std::mem::take(&mut self.hashes).finish();
        let hash_list = region.len();
        let pieces = self.terms.finish(&mut region).map_err(LogStoreError::term_index(&self.name))?;
        let mut tail = Vec::new();
        page_checksums(&region).into_iter().for_each(|checksum| put_u32(&mut tail, checksum));
        put_places(&mut tail, &self.places);
        put_pieces(&mut tail, &pieces);
        let mut footer = Vec::with_capacity(FOOTER_BYTES);
        footer.extend_from_slice(&MAGIC);
        footer.extend_from_slice(&[VERSION, 0, 0, 0]);
        for number in [self.length, region.len() as u64, tail.len() as u64, hash_list as u64] {
            put_u64(&mut footer, number);
        }
        put_u32(&mut footer, crc32fast::hash(&tail));
        let checksum = crc32fast::hash(&footer);
        put_u32(&mut footer, checksum);
        for bytes in [&region, &tail, &footer] {
            self.file.write_all(bytes).map_err(LogStoreError::io("write a part"))?;
        }
        self.file.sync().map_err(LogStoreError::io("sync a part"))?;
        Ok(PartMeta {
            sequence: self.sequence,
            tenant: self.tenant,
            day: self.day,
            rows: self.places.iter().map(|place| u64::from(place.rows)).sum(),
            bytes: self.length + (region.len() + tail.len() + footer.len()) as u64,
            first: self.places.iter().map(|place| place.first).min().unwrap_or(0),
            last: self.places.iter().map(|place| place.last).max().unwrap_or(0),
        })
    }
}

fn severities_of(block: &EncodedBlock) -> Result<[u32; SEVERITY_RANGES], ColumnsError> {
    let block = LogBlock::open(Arc::clone(&block.bytes))?;
    let mut severities = [0; SEVERITY_RANGES];
    for severity in block.severity_numbers()? {
        if let Some(count) = severities.get_mut(severity_range(*severity)) {
            *count += 1;
        }
    }
    Ok(severities)
}

fn put_places(out: &mut Vec<u8>, places: &[BlockPlace]) {
    put_varint(out, places.len() as u64);
    let mut before = 0i64;
    for place in places {
        put_signed(out, place.first.wrapping_sub(before));
        put_signed(out, place.last.wrapping_sub(place.first));
        put_varint(out, u64::from(place.rows));
        put_varint(out, u64::from(place.length));
        place.severities.iter().for_each(|count| put_varint(out, u64::from(*count)));
        before = place.first;
    }
}

fn put_pieces(out: &mut Vec<u8>, pieces: &[Piece]) {
    put_varint(out, pieces.len() as u64);
    for piece in pieces {
        put_text(out, &piece.name);
        put_varint(out, piece.offset as u64);
        put_varint(out, piece.length as u64);
    }
}
