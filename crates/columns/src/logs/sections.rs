//! The sections of a log block, whether its bytes are in memory or are read one by one.

use super::{MAGIC, WHAT};
use crate::container::{Container, Directory, HEADER_BYTES};
use crate::error::ColumnsError;
use crate::limits::STORED_PREFIX_BYTES;
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::fmt::Debug;
use std::sync::Arc;

/// The bytes of a block that are not in memory.
pub trait StoredBytes: Debug + Send {
    /// How many there are.
    fn length(&self) -> usize;

    /// Reads `length` bytes from `offset` on; the two are within [`StoredBytes::length`].
    ///
    /// # Errors
    /// They cannot be read now ([`ColumnsError::Read`]), or are not there.
    fn read(&self, offset: usize, length: usize) -> Result<Vec<u8>, ColumnsError>;
}

/// The sections of a block.
#[derive(Debug)]
pub(super) enum Sections {
    Memory(Container<Arc<[u8]>>),
    Stored(Stored),
}

#[derive(Debug)]
pub(super) struct Stored {
    bytes: Box<dyn StoredBytes>,
    directory: Directory,
    /// The first bytes: the directory, and the short columns that most questions need.
    prefix: Vec<u8>,
    /// All bytes, once most of them are needed.
    whole: OnceCell<Vec<u8>>,
    /// How many bytes were read so far.
    read: Cell<u64>,
}

impl Stored {
    fn read(&self, offset: usize, length: usize) -> Result<Vec<u8>, ColumnsError> {
        self.read.set(self.read.get().saturating_add(length as u64));
        self.bytes.read(offset, length)
    }
}

impl Sections {
    pub(super) fn of_memory(bytes: Arc<[u8]>) -> Result<Self, ColumnsError> {
        Container::open(bytes, MAGIC).map(Self::Memory)
    }

    pub(super) fn of_stored(bytes: Box<dyn StoredBytes>) -> Result<Self, ColumnsError> {
        let length = bytes.length();
        let mut prefix = bytes.read(0, length.min(STORED_PREFIX_BYTES))?;
        let end = Directory::end(prefix.get(..HEADER_BYTES).unwrap_or(&prefix), MAGIC)?.min(length);
        if end > prefix.len() {
            prefix = bytes.read(0, end)?;
        }
        let directory = Directory::read(&prefix, length, MAGIC)?;
        let read = Cell::new(prefix.len() as u64);
        Ok(Self::Stored(Stored { bytes, directory, prefix, whole: OnceCell::new(), read }))
    }

    /// Reads all bytes at once, for who needs nearly all sections.
    pub(super) fn load(&self) -> Result<(), ColumnsError> {
        if let Self::Stored(stored) = self
            && stored.whole.get().is_none()
        {
            let whole = stored.read(0, stored.bytes.length())?;
            // One thread owns the block, so nobody set it meanwhile.
            let _ = stored.whole.set(whole);
        }
        Ok(())
    }

    /// Bytes that were read so far; of a block in memory all.
    pub(super) fn bytes_read(&self) -> u64 {
        match self {
            Self::Memory(container) => container.bytes().len() as u64,
            Self::Stored(stored) => stored.read.get(),
        }
    }

    /// The bytes of a section after checking them; `None` when there is none.
    pub(super) fn section(&self, id: u32) -> Result<Option<Cow<'_, [u8]>>, ColumnsError> {
        let stored = match self {
            Self::Memory(container) => return Ok(container.section(id)?.map(Cow::Borrowed)),
            Self::Stored(stored) => stored,
        };
        let Some(section) = stored.directory.find(id) else { return Ok(None) };
        let held = stored.whole.get().unwrap_or(&stored.prefix);
        let bytes = match held.get(section.start..section.end) {
            Some(bytes) => Cow::Borrowed(bytes),
            None => Cow::Owned(stored.read(section.start, section.end.saturating_sub(section.start))?),
        };
        section.check(bytes).map(Some)
    }

    /// Checks every section.
    pub(super) fn check(&self) -> Result<(), ColumnsError> {
        let directory = match self {
            Self::Memory(container) => container.directory(),
            Self::Stored(stored) => &stored.directory,
        };
        directory.ids().try_for_each(|id| self.section(id).map(drop))
    }

    /// The bytes of a section that must be there.
    pub(super) fn required(&self, id: u32) -> Result<Cow<'_, [u8]>, ColumnsError> {
        self.section(id)?.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "a section is missing" })
    }
}
