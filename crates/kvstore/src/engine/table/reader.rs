//! Reading a table: its index when it is first asked for, blocks one by one.

use super::block;
use super::cache::BlockCache;
use super::format::{BadFooter, CHECKSUM_BYTES, FOOTER_BYTES, Footer, TABLE_VERSION, TableIndex, checksum};
use super::slice::Slice;
use crate::engine::damage::Damage;
use crate::error::KvError;
use clew_columns::bytes::BytesError;
use clew_host::{Files, OpenFiles, PooledFile, ReadFile};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the tables of a store share.
#[derive(Debug)]
pub(crate) struct Tables {
    /// The disk.
    pub files: Arc<dyn Files>,
    /// The files that are open.
    pub open_files: Arc<OpenFiles>,
    /// What was read.
    pub cache: BlockCache,
    /// What is not read any more.
    pub damage: Damage,
}

/// A table that the manifest lists, or listed when a reader came.
#[derive(Debug)]
pub(crate) struct Table {
    number: u64,
    path: PathBuf,
    file: PooledFile,
    shared: Arc<Tables>,
    is_given_up: AtomicBool,
}

impl Table {
    /// The table of a number. Nothing is read yet.
    pub(crate) fn new(shared: &Arc<Tables>, path: &Path, number: u64) -> Self {
        let (shared, path) = (Arc::clone(shared), path.to_owned());
        let file = shared.open_files.file(number, &path);
        Self { number, path, file, shared, is_given_up: AtomicBool::new(false) }
    }

    /// The file goes when the last reader is done.
    pub(crate) fn give_up(&self) {
        self.is_given_up.store(true, Ordering::Relaxed);
    }

    /// The value of a key.
    ///
    /// # Errors
    /// The disk refuses, or what is stored here is damaged.
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Slice>, KvError> {
        let index = self.index()?;
        let Some(number) = index.find(key) else { return Ok(None) };
        block::find(&self.block(&index, number)?, key).map_err(|error| self.damaged_by(error))
    }

    /// A block, kept in memory for the next who asks.
    pub(crate) fn block(&self, index: &TableIndex, number: usize) -> Result<Slice, KvError> {
        if let Some(block) = self.shared.cache.block(self.number, number) {
            return Ok(block);
        }
        let block = self.read_blocks(index, number, number + 1)?;
        let block =
            block.into_iter().next().unwrap_or_else(|| Err(self.damaged(format!("it has no block {number}"))))?;
        self.shared.cache.put_block(self.number, number, &block);
        Ok(block)
    }

    /// Where the blocks are.
    pub(crate) fn index(&self) -> Result<Arc<TableIndex>, KvError> {
        if let Some(index) = self.shared.cache.index(self.number) {
            return Ok(index);
        }
        let index = Arc::new(self.read_index()?);
        self.shared.cache.put_index(self.number, &index);
        Ok(index)
    }

    fn read_index(&self) -> Result<TableIndex, KvError> {
        let length = self.file.len().map_err(|error| self.unreadable(error))?;
        let footer_start = length.checked_sub(FOOTER_BYTES as u64);
        let footer_start = footer_start.ok_or_else(|| self.damaged(format!("it ends after {length} bytes")))?;
        let bytes = self.read(footer_start, FOOTER_BYTES)?;
        let footer = Footer::decode(&bytes).map_err(|error| match error {
            BadFooter::Newer(found) => {
                let error = KvError::NewerTable { file: self.path.clone(), found, supported: TABLE_VERSION };
                self.shared.damage.table(self.number, &format!("it has the newer format version {found}"));
                error
            }
            BadFooter::Damaged(error) => self.damaged_by(error),
        })?;
        if footer.table != self.number {
            return Err(self.damaged(format!("it is table {}", footer.table)));
        }
        let end = footer.index_start.checked_add(footer.index_bytes);
        let index_bytes = usize::try_from(footer.index_bytes).ok().filter(|_| end == Some(footer_start));
        let index_bytes = index_bytes.ok_or_else(|| self.damaged(format!("its length is {length} bytes")))?;
        let bytes = self.read(footer.index_start, index_bytes)?;
        if checksum(self.number, footer.index_start, &bytes) != footer.index_checksum {
            return Err(self.damaged("its index has a wrong checksum"));
        }
        TableIndex::decode(&bytes, footer.index_start).map_err(|error| self.damaged_by(error))
    }

    /// Reads blocks that lie one after the other at once; each is checked by itself.
    pub(crate) fn read_blocks(
        &self,
        index: &TableIndex,
        from: usize,
        to: usize,
    ) -> Result<Vec<Result<Slice, KvError>>, KvError> {
        let places: Vec<_> = (from..to).filter_map(|block| index.place(block)).collect();
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return Ok(Vec::new()) };
        let start = first.start;
        let length = usize::try_from(last.end - start).map_err(|_| self.damaged("a block is too long"))?;
        let bytes = Slice::new(self.read(start, length)?);
        let block = |(number, place): (usize, &std::ops::Range<u64>)| {
            let end = (place.end - start) as usize;
            let body = bytes.part((place.start - start) as usize..end - CHECKSUM_BYTES);
            let stored = bytes.part(end - CHECKSUM_BYTES..end);
            if *stored == checksum(self.number, place.start, &body).to_le_bytes() {
                Ok(body)
            } else {
                Err(self.damaged(format!("block {number}, at byte {}, has a wrong checksum", place.start)))
            }
        };
        Ok((from..).zip(&places).map(block).collect())
    }

    /// A block that another reader left in memory.
    pub(crate) fn cached_block(&self, block: usize) -> Option<Slice> {
        self.shared.cache.block(self.number, block)
    }

    fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, KvError> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, offset).map_err(|error| self.unreadable(error))?;
        Ok(bytes)
    }

    /// A missing or short file is damage: it stays so.
    fn unreadable(&self, error: io::Error) -> KvError {
        match error.kind() {
            io::ErrorKind::NotFound => self.damaged("it is not there"),
            io::ErrorKind::UnexpectedEof => self.damaged("it ends too early"),
            _ => KvError::Io { operation: "read a table", source: error },
        }
    }

    /// Damage of this table, which is set aside from now on.
    pub(crate) fn damaged(&self, reason: impl Into<String>) -> KvError {
        let reason = reason.into();
        self.shared.damage.table(self.number, &reason);
        KvError::DamagedTable { file: self.path.clone(), reason }
    }

    /// Why it is set aside, if it is.
    pub(crate) fn set_aside(&self) -> Option<String> {
        self.shared.damage.reason(self.number)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Damage found by decoding.
    pub(crate) fn damaged_by(&self, error: BytesError) -> KvError {
        self.damaged(error.to_string())
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        if *self.is_given_up.get_mut() {
            self.shared.open_files.close(self.number);
            self.shared.cache.forget(self.number);
            self.shared.damage.forget(self.number);
            // A file that stays behind is removed when the store is opened next.
            let _ = self.shared.files.remove_file(&self.path);
        }
    }
}
