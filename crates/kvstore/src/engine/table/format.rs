//! The bytes of a table beside its blocks: checksums, the index, the footer.

use crate::limits::MAX_KEY_BYTES;
use clew_columns::bytes::{BytesError, Problem, Reader, put_bytes, put_u32, put_u64, put_varint};
use std::ops::Range;

/// The newest version of a table that this build reads, and the one it writes.
pub const TABLE_VERSION: u32 = 0;

const MAGIC: [u8; 8] = *b"CLEWTABL";

/// Bytes of the footer, the last of the file.
pub(super) const FOOTER_BYTES: usize = 52;

/// Bytes of the checksum behind each block.
pub(super) const CHECKSUM_BYTES: usize = 4;

/// The checksum of bytes at their place in a table.
pub(super) fn checksum(table: u64, place: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&table.to_le_bytes());
    hasher.update(&place.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// The end of a table: where its index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    /// The table's number.
    pub table: u64,
    /// Where the index begins, which is where the blocks end.
    pub index_start: u64,
    /// Bytes of the index.
    pub index_bytes: u64,
    /// Entries of the table.
    pub entries: u64,
    /// Checksum of the index.
    pub index_checksum: u32,
}

/// A footer that cannot be used.
#[derive(Debug)]
pub(super) enum BadFooter {
    /// A newer build wrote it.
    Newer(u32),
    /// Damage.
    Damaged(BytesError),
}

impl From<BytesError> for BadFooter {
    fn from(error: BytesError) -> Self {
        Self::Damaged(error)
    }
}

impl Footer {
    /// The footer's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(FOOTER_BYTES);
        out.extend_from_slice(&MAGIC);
        put_u32(&mut out, TABLE_VERSION);
        for number in [self.table, self.index_start, self.index_bytes, self.entries] {
            put_u64(&mut out, number);
        }
        put_u32(&mut out, self.index_checksum);
        let checksum = crc32fast::hash(&out);
        put_u32(&mut out, checksum);
        out
    }

    /// Reads what [`Footer::encode`] wrote. Magic, version and checksum stand at these places in every version.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadFooter> {
        let (body, checksum) = bytes.split_at(bytes.len().saturating_sub(CHECKSUM_BYTES));
        let mut reader = Reader::new(body);
        let magic = reader.array::<8>("the magic bytes")?;
        if magic != MAGIC {
            return Err(reader.error("the magic bytes", Problem::BadValue(u64::from_le_bytes(magic))).into());
        }
        let stored = Reader::new(checksum).u32("the footer's checksum")?;
        if stored != crc32fast::hash(body) {
            return Err(reader.error("the footer's checksum", Problem::BadValue(stored.into())).into());
        }
        let version = reader.u32("the version")?;
        if version > TABLE_VERSION {
            return Err(BadFooter::Newer(version));
        }
        let footer = Self {
            table: reader.u64("the table's number")?,
            index_start: reader.u64("the index's place")?,
            index_bytes: reader.u64("the index's length")?,
            entries: reader.u64("the entries")?,
            index_checksum: reader.u32("the index's checksum")?,
        };
        reader.finish("the footer")?;
        Ok(footer)
    }
}

/// The bytes of an index as it grows: of each block its length and its first key, less what it shares with the one
/// before.
#[derive(Debug, Default)]
pub(super) struct IndexBuilder {
    bytes: Vec<u8>,
    last: Vec<u8>,
    blocks: u64,
}

impl IndexBuilder {
    /// Adds a block of so many bytes, its checksum included.
    pub(super) fn add(&mut self, length: usize, first_key: &[u8]) {
        let shared = shared_bytes(&self.last, first_key);
        put_varint(&mut self.bytes, length as u64);
        put_varint(&mut self.bytes, shared as u64);
        put_bytes(&mut self.bytes, first_key.get(shared..).unwrap_or_default());
        self.last.clear();
        self.last.extend_from_slice(first_key);
        self.blocks += 1;
    }

    /// The index.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + 10);
        put_varint(&mut out, self.blocks);
        out.extend_from_slice(&self.bytes);
        out
    }
}

/// How many bytes two keys have in common at their beginning.
pub(super) fn shared_bytes(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// Restores a key from the one before it.
pub(super) fn next_key(key: &mut Vec<u8>, shared: u64, reader: &mut Reader<'_>) -> Result<(), BytesError> {
    let rest = reader.bytes("a key")?;
    let shared = usize::try_from(shared).ok().filter(|shared| *shared <= key.len());
    let shared = shared.ok_or_else(|| reader.error("a key", Problem::BadValue(rest.len() as u64)))?;
    if shared + rest.len() > MAX_KEY_BYTES {
        return Err(reader.error("a key", Problem::BadValue((shared + rest.len()) as u64)));
    }
    key.truncate(shared);
    key.extend_from_slice(rest);
    Ok(())
}

/// Where the blocks of a table are, and with which keys they begin.
#[derive(Debug, Default)]
pub(crate) struct TableIndex {
    /// The first keys, one behind the other, and where each ends.
    keys: Vec<u8>,
    key_ends: Vec<u32>,
    /// Where each block ends in the file.
    block_ends: Vec<u64>,
}

impl TableIndex {
    /// Reads what [`IndexBuilder`] wrote for blocks that take `blocks_bytes` together.
    pub(crate) fn decode(bytes: &[u8], blocks_bytes: u64) -> Result<Self, BytesError> {
        let mut reader = Reader::new(bytes);
        let count = reader.count(3, "the blocks")?;
        let mut index = Self {
            keys: Vec::with_capacity(bytes.len()),
            key_ends: Vec::with_capacity(count),
            block_ends: Vec::with_capacity(count),
        };
        let (mut key, mut end) = (Vec::new(), 0u64);
        for _ in 0..count {
            let length = reader.varint("a block's length")?;
            end = end.saturating_add(length);
            if length <= CHECKSUM_BYTES as u64 || end > blocks_bytes {
                return Err(reader.error("a block's length", Problem::BadValue(length)));
            }
            let shared = reader.varint("a key")?;
            next_key(&mut key, shared, &mut reader)?;
            index.keys.extend_from_slice(&key);
            let keys = u32::try_from(index.keys.len());
            index.key_ends.push(keys.map_err(|_| reader.error("a key", Problem::BadValue(count as u64)))?);
            index.block_ends.push(end);
        }
        reader.finish("the index")?;
        if end != blocks_bytes {
            return Err(reader.error("the blocks", Problem::BadValue(end)));
        }
        Ok(index)
    }

    /// The number of blocks.
    pub(crate) fn len(&self) -> usize {
        self.block_ends.len()
    }

    /// About how many bytes it takes in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.keys.capacity() + self.key_ends.capacity() * 4 + self.block_ends.capacity() * 8 + 96
    }

    /// Where a block lies in the file, its checksum included.
    pub(crate) fn place(&self, block: usize) -> Option<Range<u64>> {
        let end = *self.block_ends.get(block)?;
        Some(self.end_before(block)..end)
    }

    fn end_before(&self, block: usize) -> u64 {
        block.checked_sub(1).and_then(|before| self.block_ends.get(before)).copied().unwrap_or(0)
    }

    fn first_key(&self, block: usize) -> &[u8] {
        let start = block.checked_sub(1).and_then(|before| self.key_ends.get(before)).copied().unwrap_or(0);
        let end = self.key_ends.get(block).copied().unwrap_or(0);
        self.keys.get(start as usize..end as usize).unwrap_or_default()
    }

    /// How many blocks begin with a key for which `is_before` holds; it must hold for the first ones only.
    fn count_while(&self, is_before: impl Fn(&[u8]) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(self.first_key(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    /// The block that has the key if the table has it.
    pub(crate) fn find(&self, key: &[u8]) -> Option<usize> {
        self.count_while(|first| first <= key).checked_sub(1)
    }

    /// The blocks that may have keys in `from..to`.
    pub(crate) fn range(&self, from: &[u8], to: Option<&[u8]>) -> Range<usize> {
        let start = self.find(from).unwrap_or(0);
        let end = to.map_or(self.len(), |to| self.count_while(|first| first < to));
        start..end.max(start)
    }
}
