//! From terms to the blocks of a run that may hold them.
//!
//! A run's terms are dealt to shards by the middle bits of their hash, so that a lookup reads one small value. A term
//! in few blocks is an entry of the shard's hash list; a term in many has a posting: its exact hash and its blocks as
//! a bitmap or as differences, whichever is smaller.
//!
//! ```text
//! shard: crc32 (4) | length of the postings | postings | hash list
//! posting: hash (8) | blocks | form: 0 differences, 1 bitmap | length and bytes
//! ```

use crate::error::KvError;
use clew_columns::ColumnsError;
use clew_columns::bytes::{BytesError, Problem, Reader, put_bytes, put_u32, put_u64, put_varint};
use clew_columns::hash_list::{HashListBuilder, lookup};

/// A term in at least so many blocks has a posting.
const POSTING_BLOCKS: usize = 4;

/// Entries that a shard should have: its bytes are read whole at each lookup.
const SHARD_ENTRIES: usize = 2048;

/// Most bits that choose a shard.
const MAX_SHARD_BITS: u8 = 20;

/// The lowest of the bits that choose a shard: hash lists use the bits below and above.
const SHARD_SHIFT: u32 = 20;

const WHAT: &str = "shard of a term index";

/// Collects which terms each block has.
#[derive(Debug, Default)]
pub(super) struct IndexBuilder {
    /// Terms that may be in many blocks.
    common: Vec<(u64, u32)>,
    /// Terms that are in few.
    rare: Vec<(u64, u32)>,
}

impl IndexBuilder {
    /// Adds the terms of a block.
    pub(super) fn add(&mut self, block: u32, terms: &[u64], id_terms: &[u64]) {
        self.common.extend(terms.iter().map(|term| (*term, block)));
        self.rare.extend(id_terms.iter().map(|term| (*term, block)));
    }

    /// The shards, and the number of bits that choose one.
    #[must_use]
    pub(super) fn finish(mut self) -> (Vec<Vec<u8>>, u8) {
        self.common.sort_unstable();
        let mut postings: Vec<(u64, Vec<u32>)> = Vec::new();
        for group in self.common.chunk_by(|left, right| left.0 == right.0) {
            if group.len() < POSTING_BLOCKS {
                self.rare.extend_from_slice(group);
            } else if let Some((term, _)) = group.first() {
                postings.push((*term, group.iter().map(|(_, block)| *block).collect()));
            }
        }
        let entries = self.rare.len() + postings.len();
        let bits = (entries / SHARD_ENTRIES).next_power_of_two().trailing_zeros().min(u32::from(MAX_SHARD_BITS)) as u8;
        let mut shards: Vec<(Vec<u8>, HashListBuilder)> =
            (0..1usize << bits).map(|_| (Vec::new(), HashListBuilder::new())).collect();
        for (term, blocks) in postings {
            if let Some((out, _)) = shards.get_mut(shard_of(term, bits) as usize) {
                put_posting(out, term, &blocks);
            }
        }
        for (term, block) in self.rare {
            if let Some((_, list)) = shards.get_mut(shard_of(term, bits) as usize) {
                list.push(term, block);
            }
        }
        (shards.into_iter().map(|(postings, list)| shard_bytes(&postings, list)).collect(), bits)
    }
}

/// The shard of a term.
#[must_use]
pub(super) fn shard_of(term: u64, bits: u8) -> u32 {
    ((term >> SHARD_SHIFT) & ((1 << bits.min(MAX_SHARD_BITS)) - 1)) as u32
}

fn put_posting(out: &mut Vec<u8>, term: u64, blocks: &[u32]) {
    put_u64(out, term);
    put_varint(out, blocks.len() as u64);
    let mut differences = Vec::new();
    let mut before = 0;
    for block in blocks {
        put_varint(&mut differences, u64::from(block - before));
        before = *block;
    }
    let bitmap_bytes = before as usize / 8 + 1;
    if bitmap_bytes < differences.len() {
        let mut bitmap = vec![0u8; bitmap_bytes];
        for block in blocks {
            if let Some(byte) = bitmap.get_mut(*block as usize / 8) {
                *byte |= 1 << (block % 8);
            }
        }
        out.push(1);
        put_bytes(out, &bitmap);
    } else {
        out.push(0);
        put_bytes(out, &differences);
    }
}

fn shard_bytes(postings: &[u8], list: HashListBuilder) -> Vec<u8> {
    let mut body = Vec::new();
    put_bytes(&mut body, postings);
    if !list.is_empty() {
        body.extend_from_slice(&list.finish());
    }
    let mut out = Vec::with_capacity(body.len() + 4);
    put_u32(&mut out, crc32fast::hash(&body));
    out.extend_from_slice(&body);
    out
}

/// A shard whose checksum was checked.
pub(super) struct Shard<'b> {
    postings: &'b [u8],
    list: &'b [u8],
}

impl<'b> Shard<'b> {
    /// Opens a shard.
    ///
    /// # Errors
    /// It is damaged.
    pub(super) fn open(bytes: &'b [u8]) -> Result<Self, KvError> {
        let mut reader = Reader::new(bytes);
        let checksum = reader.u32(WHAT).map_err(KvError::damaged(WHAT))?;
        if bytes.get(4..).map(crc32fast::hash) != Some(checksum) {
            return Err(KvError::inconsistent(WHAT, "it does not match its checksum"));
        }
        let postings = reader.bytes(WHAT).map_err(KvError::damaged(WHAT))?;
        let list = reader.take(reader.left(), WHAT).map_err(KvError::damaged(WHAT))?;
        Ok(Self { postings, list })
    }

    /// The blocks that may hold a term, ascending.
    ///
    /// # Errors
    /// The shard is damaged.
    pub(super) fn find(&self, term: u64) -> Result<Vec<u32>, KvError> {
        let mut blocks = find_posting(self.postings, term).map_err(KvError::damaged(WHAT))?;
        if !self.list.is_empty() {
            blocks.extend(lookup(self.list, term).map_err(|error| damaged_list(&error))?);
            blocks.sort_unstable();
            blocks.dedup();
        }
        Ok(blocks)
    }
}

fn damaged_list(error: &ColumnsError) -> KvError {
    KvError::inconsistent(WHAT, error.to_string())
}

fn find_posting(postings: &[u8], term: u64) -> Result<Vec<u32>, BytesError> {
    let mut reader = Reader::new(postings);
    while !reader.is_empty() {
        let own = reader.u64(WHAT)?;
        let count = reader.varint(WHAT)?;
        let form = reader.u8(WHAT)?;
        let bytes = reader.bytes(WHAT)?;
        if own == term {
            return match form {
                0 => read_differences(bytes, count),
                1 => Ok(read_bitmap(bytes)),
                other => Err(reader.error(WHAT, Problem::BadValue(u64::from(other)))),
            };
        }
    }
    Ok(Vec::new())
}

fn read_differences(bytes: &[u8], count: u64) -> Result<Vec<u32>, BytesError> {
    let mut reader = Reader::new(bytes);
    let mut block = 0u64;
    let mut blocks = Vec::new();
    for _ in 0..count {
        block = block.saturating_add(reader.varint(WHAT)?);
        blocks.push(u32::try_from(block).map_err(|_| reader.error(WHAT, Problem::BadValue(block)))?);
    }
    reader.finish(WHAT)?;
    Ok(blocks)
}

fn read_bitmap(bytes: &[u8]) -> Vec<u32> {
    let bits = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    (0u32..).zip(bits).filter(|(_, set)| *set).map(|(block, _)| block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_lookup_misses_no_block(blocks in proptest::collection::vec(proptest::collection::btree_set(0u64..40, 0..10), 1..40), rare: Vec<u64>) {
            let spread = |term: u64| term.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut builder = IndexBuilder::default();
            let mut expected: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
            for (block, terms) in (0u32..).zip(&blocks) {
                let terms: Vec<u64> = terms.iter().map(|term| spread(*term)).collect();
                builder.add(block, &terms, &rare);
                terms.iter().chain(&rare).for_each(|term| expected.entry(*term).or_default().push(block));
            }
            let (shards, bits) = builder.finish();
            for (term, wanted) in expected {
                let found = Shard::open(&shards[shard_of(term, bits) as usize]).unwrap().find(term).unwrap();
                prop_assert!(wanted.iter().all(|block| found.contains(block)), "{term}: {found:?} lacks some of {wanted:?}");
            }
        }

        #[test]
        fn damage_is_found(byte: prop::sample::Index, flip in 1u8..) {
            let mut builder = IndexBuilder::default();
            (0..9).for_each(|block| builder.add(block, &[7], &[u64::from(block)]));
            let (mut shards, _) = builder.finish();
            let place = byte.index(shards[0].len());
            shards[0][place] ^= flip;
            prop_assert!(Shard::open(&shards[0]).and_then(|shard| shard.find(7)).is_err());
        }
    }
}
