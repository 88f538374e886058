//! From the hash of a value to the blocks that may hold it, in about 24 bits an entry.
//!
//! High bits of a hash choose a bucket, other bits are kept as a fingerprint. A lookup answers every block that holds
//! the value, and now and then one that does not (about once in 256 lookups); an exact check follows anyway.
//!
//! ```text
//! "CHL0" (4) | bucket bits (1) | block bits (1) | entries (4) | crc32 of these (4)
//! ends of the buckets, counted in entries (4 each) | entries, bit-packed: fingerprint (12), block above it
//! ```
//! The header and the two places of a lookup can be read by range; whoever stores the bytes guards the rest by a
//! checksum of its own.

use crate::bits::{get, pack, packed_bytes, width_of};
use crate::bytes::{BytesError, Problem, Reader, put_u32};
use crate::error::ColumnsError;
use crate::limits::{HASH_LIST_BUCKET_ENTRIES, HASH_LIST_FINGERPRINT_BITS};

/// Bytes of the header.
pub const HEADER_BYTES: usize = 14;

const MAGIC: [u8; 4] = *b"CHL0";
const WHAT: &str = "hash list";

/// The hash of a value's bytes, as lists keep it. `space` keeps different kinds of values apart.
#[must_use]
pub fn hash_of(space: u64, bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(bytes, space)
}

/// Collects (hash, block) pairs.
#[derive(Debug, Clone, Default)]
pub struct HashListBuilder {
    pairs: Vec<(u64, u32)>,
    highest: u32,
}

impl HashListBuilder {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that `block` holds a value with this hash. A pair given twice costs its bits twice.
    pub fn push(&mut self, hash: u64, block: u32) {
        self.pairs.push((hash, block));
        self.highest = self.highest.max(block);
    }

    /// Pairs so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.pairs.capacity() * size_of::<(u64, u32)>()
    }

    /// The list's bytes, by one counting pass.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let header = Header {
            bucket_bits: width_of((self.pairs.len() / HASH_LIST_BUCKET_ENTRIES) as u64).min(31),
            block_bits: width_of(u64::from(self.highest)),
            entries: self.pairs.len() as u32,
        };
        let mut ends = vec![0u32; header.buckets()];
        for (hash, _) in &self.pairs {
            if let Some(end) = ends.get_mut(header.bucket(*hash)) {
                *end += 1;
            }
        }
        let mut before = 0u32;
        for end in &mut ends {
            // Turned from counts to starts; filling moves each start to its end.
            before += std::mem::replace(end, before);
        }
        let mut entries = vec![0u64; self.pairs.len()];
        for (hash, block) in &self.pairs {
            if let Some(next) = ends.get_mut(header.bucket(*hash)) {
                if let Some(entry) = entries.get_mut(*next as usize) {
                    *entry = header.fingerprint(*hash) | u64::from(*block) << HASH_LIST_FINGERPRINT_BITS;
                }
                *next += 1;
            }
        }
        let mut out = Vec::with_capacity(HEADER_BYTES + ends.len() * 4 + entries.len() * 4);
        header.put(&mut out);
        ends.iter().for_each(|end| put_u32(&mut out, *end));
        pack(&mut out, entries, header.entry_width());
        out
    }
}

/// What is needed to look up hashes in a list whose bytes lie elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    bucket_bits: u8,
    block_bits: u8,
    entries: u32,
}

impl Header {
    /// Reads the first [`HEADER_BYTES`] bytes of a list.
    ///
    /// # Errors
    /// Another magic, damage, or impossible numbers.
    pub fn read(bytes: &[u8]) -> Result<Self, ColumnsError> {
        let mut reader = Reader::new(bytes);
        if reader.array::<4>(WHAT)? != MAGIC {
            return Err(ColumnsError::Magic { what: WHAT });
        }
        let header = Self { bucket_bits: reader.u8(WHAT)?, block_bits: reader.u8(WHAT)?, entries: reader.u32(WHAT)? };
        let checksum = reader.u32(WHAT)?;
        if bytes.get(..HEADER_BYTES - 4).map(crc32fast::hash) != Some(checksum) {
            return Err(ColumnsError::Checksum { what: WHAT, part: 0 });
        }
        if header.bucket_bits > 31 || header.block_bits > 32 {
            return Err(reader.error(WHAT, Problem::BadValue(u64::from(header.block_bits))).into());
        }
        Ok(header)
    }

    /// Bytes of the whole list.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        HEADER_BYTES + self.buckets() * 4 + packed_bytes(self.entries as usize, self.entry_width())
    }

    /// Pairs in the list.
    #[must_use]
    pub fn entries(&self) -> u32 {
        self.entries
    }

    /// The blocks that may hold a value with this hash, ascending, each once. `read` gives the bytes of the list at
    /// (offset, length); it is called twice.
    ///
    /// # Errors
    /// What `read` answers, or places outside the list.
    pub fn lookup<E: From<ColumnsError>, B: AsRef<[u8]>>(
        &self,
        hash: u64,
        mut read: impl FnMut(usize, usize) -> Result<B, E>,
    ) -> Result<Vec<u32>, E> {
        let bucket = self.bucket(hash);
        let first = bucket.saturating_sub(1);
        let ends = read(HEADER_BYTES + first * 4, (bucket + 1 - first) * 4)?;
        let (start, end) = self.entries_of(bucket, ends.as_ref())?;
        let width = usize::from(self.entry_width());
        let (from, to) = (start as usize * width / 8, (end as usize * width).div_ceil(8));
        if from == to {
            return Ok(Vec::new());
        }
        let bytes = read(HEADER_BYTES + self.buckets() * 4 + from, to - from)?;
        // Entries are addressed from the byte where the first one begins.
        let skipped = start as usize * width - from * 8;
        let mut blocks = self.matching(hash, bytes.as_ref(), skipped, (end - start) as usize);
        blocks.sort_unstable();
        blocks.dedup();
        Ok(blocks)
    }

    fn entries_of(&self, bucket: usize, ends: &[u8]) -> Result<(u32, u32), ColumnsError> {
        let mut reader = Reader::new(ends);
        let start = if bucket == 0 { 0 } else { reader.u32(WHAT)? };
        let end = reader.u32(WHAT)?;
        if start <= end && end <= self.entries {
            Ok((start, end))
        } else {
            Err(BytesError { what: WHAT, offset: bucket, problem: Problem::BadValue(u64::from(end)) }.into())
        }
    }

    fn matching(&self, hash: u64, bytes: &[u8], skipped: usize, count: usize) -> Vec<u32> {
        let wanted = self.fingerprint(hash);
        let width = usize::from(self.entry_width());
        let entry = |index: usize| {
            let bit = skipped + index * width;
            let part = bytes.get(bit / 8..)?;
            let word = part.iter().take(8).rev().fold(0u64, |word, byte| word << 8 | u64::from(*byte));
            // An entry has at most 44 bits, so with 7 bits before it a word holds it.
            get(&(word >> (bit % 8)).to_le_bytes(), self.entry_width(), 0)
        };
        (0..count)
            .filter_map(entry)
            .filter(|entry| entry & ((1 << HASH_LIST_FINGERPRINT_BITS) - 1) == wanted)
            .map(|entry| (entry >> HASH_LIST_FINGERPRINT_BITS) as u32)
            .collect()
    }

    fn buckets(&self) -> usize {
        1 << self.bucket_bits
    }

    fn bucket(&self, hash: u64) -> usize {
        hash.checked_shr(u64::BITS - u32::from(self.bucket_bits)).unwrap_or(0) as usize
    }

    fn fingerprint(&self, hash: u64) -> u64 {
        hash & ((1 << HASH_LIST_FINGERPRINT_BITS) - 1)
    }

    fn entry_width(&self) -> u8 {
        HASH_LIST_FINGERPRINT_BITS as u8 + self.block_bits
    }

    fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.push(self.bucket_bits);
        out.push(self.block_bits);
        put_u32(out, self.entries);
        let checksum = crc32fast::hash(out.get(start..).unwrap_or_default());
        put_u32(out, checksum);
    }
}

/// The blocks that may hold a value with this hash, from a list that is wholly in memory.
///
/// # Errors
/// The bytes are not a list, or damaged.
pub fn lookup(list: &[u8], hash: u64) -> Result<Vec<u32>, ColumnsError> {
    let header = Header::read(list)?;
    header.lookup(hash, |offset, length| {
        list.get(offset..offset.saturating_add(length)).ok_or(ColumnsError::Bytes(BytesError {
            what: WHAT,
            offset,
            problem: Problem::Truncated { needed: length, left: list.len().saturating_sub(offset) },
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn entries_take_about_24_bits_and_false_candidates_are_rare() {
        let mut builder = HashListBuilder::new();
        for number in 0u32..50_000 {
            builder.push(hash_of(0, &number.to_le_bytes()), number / 500);
        }
        let list = builder.finish();
        assert_eq!(Header::read(&list).unwrap().total_bytes(), list.len());
        assert!(list.len() * 8 / 50_000 <= 24, "{} bits", list.len() * 8 / 50_000);
        let absent = (1_000_000u32..1_010_000).map(|number| hash_of(0, &number.to_le_bytes()));
        let false_candidates: usize = absent.map(|hash| lookup(&list, hash).unwrap().len()).sum();
        assert!(false_candidates < 10_000 / 100, "{false_candidates}");
    }

    proptest! {
        #[test]
        fn no_block_is_ever_missed(pairs in proptest::collection::vec((0u64..60, 0u32..300), 0..400)) {
            let mut builder = HashListBuilder::new();
            let mut model: BTreeMap<u64, BTreeSet<u32>> = BTreeMap::new();
            for (value, block) in pairs {
                let hash = hash_of(1, &value.to_le_bytes());
                builder.push(hash, block);
                model.entry(hash).or_default().insert(block);
            }
            let list = builder.finish();
            for (hash, blocks) in model {
                let found: BTreeSet<u32> = lookup(&list, hash).unwrap().into_iter().collect();
                prop_assert!(found.is_superset(&blocks));
            }
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>, hash: u64, bucket_bits in 0u8..8, block_bits in 0u8..33, entries in 0u32..100) {
            let mut list = Vec::new();
            Header { bucket_bits, block_bits, entries }.put(&mut list);
            list.extend(bytes);
            let _ = lookup(&list, hash);
        }
    }
}
