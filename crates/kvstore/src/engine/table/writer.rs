//! Writing a table.

use super::block::put_entry;
use super::format::{CHECKSUM_BYTES, Footer, IndexBuilder, checksum};
use crate::error::KvError;
use crate::limits::{BLOCK_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES, WRITE_BYTES};
use clew_columns::bytes::put_u32;
use clew_host::{Files, WriteFile};
use std::path::Path;

/// Writes one table, entry by entry.
pub(crate) struct TableWriter {
    file: Box<dyn WriteFile>,
    table: u64,
    /// What is not yet written: whole blocks, and the entries of the present one from `block_start` on.
    buffer: Vec<u8>,
    block_start: usize,
    first_key: Vec<u8>,
    last_key: Vec<u8>,
    index: IndexBuilder,
    /// Bytes written to the file.
    written: u64,
    entries: u64,
}

impl TableWriter {
    /// Begins the table of a number.
    pub(crate) fn create(files: &dyn Files, path: &Path, table: u64) -> Result<Self, KvError> {
        let file = files.create(path).map_err(KvError::io("begin a table"))?;
        Ok(Self {
            file,
            table,
            buffer: Vec::new(),
            block_start: 0,
            first_key: Vec::new(),
            last_key: Vec::new(),
            index: IndexBuilder::default(),
            written: 0,
            entries: 0,
        })
    }

    /// Adds an entry, whose key is greater than the one before.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        if key.len() > MAX_KEY_BYTES || value.len() > MAX_VALUE_BYTES {
            return Err(KvError::BadEntry(format!("key of {} bytes, value of {} bytes", key.len(), value.len())));
        }
        if self.entries > 0 && self.last_key.as_slice() >= key {
            return Err(KvError::BadEntry(format!("the key {key:?} is not greater than the one before")));
        }
        // A large value stands alone, so that its neighbours can be read without it.
        if self.block_bytes() > 0 && self.block_bytes() + value.len() > BLOCK_BYTES {
            self.end_block()?;
        }
        if self.block_bytes() == 0 {
            self.first_key.clear();
            self.first_key.extend_from_slice(key);
            self.last_key.clear();
        }
        put_entry(&mut self.buffer, &self.last_key, key, value);
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        self.entries += 1;
        Ok(())
    }

    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Writes what is left and syncs the file; answers its length. Its name is not durable yet.
    pub(crate) fn finish(mut self) -> Result<u64, KvError> {
        if self.block_bytes() > 0 {
            self.end_block()?;
        }
        let index_start = self.bytes();
        let index = std::mem::take(&mut self.index).finish();
        let index_checksum = checksum(self.table, index_start, &index);
        let (table, entries) = (self.table, self.entries);
        let index_bytes = index.len() as u64;
        self.buffer.extend_from_slice(&index);
        self.buffer.extend(Footer { table, index_start, index_bytes, entries, index_checksum }.encode());
        self.flush()?;
        self.file.sync().map_err(KvError::io("sync a table"))?;
        Ok(self.written)
    }

    fn block_bytes(&self) -> usize {
        self.buffer.len() - self.block_start
    }

    fn end_block(&mut self) -> Result<(), KvError> {
        let place = self.written + self.block_start as u64;
        let sum = checksum(self.table, place, self.buffer.get(self.block_start..).unwrap_or_default());
        self.index.add(self.block_bytes() + CHECKSUM_BYTES, &self.first_key);
        put_u32(&mut self.buffer, sum);
        self.block_start = self.buffer.len();
        if self.buffer.len() >= WRITE_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), KvError> {
        self.file.write_all(&self.buffer).map_err(KvError::io("write a table"))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        // One large value must not keep its room until the end.
        self.buffer.shrink_to(2 * WRITE_BYTES);
        self.block_start = 0;
        Ok(())
    }
}
