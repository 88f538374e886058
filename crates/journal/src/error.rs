//! What can go wrong with a journal.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::limits::MAX_PAYLOAD_BYTES;

/// Why a journal could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk is full. Nothing was appended; the same append may succeed when there is room.
    #[error("the journal's disk is full")]
    StorageFull(#[source] io::Error),

    /// The disk failed; the source names the operation and the file.
    #[error("the journal cannot use its disk")]
    Io(#[source] io::Error),

    /// A sync failed before, so nobody knows what the disk holds. Nothing is taken until the journal is opened anew.
    #[error("the journal stopped when it could not make its frames durable ({cause}); restart once the disk is well")]
    Poisoned {
        /// The first failure.
        cause: Arc<str>,
    },

    /// Bytes that were durable have changed, or a file is gone.
    #[error(
        "the journal is damaged: {reason} in {} at byte {offset}; restore the file from a backup, or open the journal \
         with salvage, which skips the rest of that file and says what was lost",
        file.display()
    )]
    Corrupt {
        /// The segment file.
        file: PathBuf,
        /// Where in the file the damage begins.
        offset: u64,
        /// What is wrong there.
        reason: &'static str,
    },

    /// The segment was written by a newer version of the program.
    #[error(
        "{} has journal format {version}, and this version reads up to {supported}; use a newer version",
        file.display()
    )]
    NewerFormat {
        /// The segment file.
        file: PathBuf,
        /// The format found in it.
        version: u32,
        /// The newest format known here.
        supported: u32,
    },

    /// The payload is over the limit.
    #[error("a journal frame of {bytes} bytes is over the limit of {MAX_PAYLOAD_BYTES}; send smaller batches")]
    FrameTooLarge {
        /// The payload's size.
        bytes: usize,
    },

    /// The caller's encoder failed; nothing was appended.
    #[error("the record cannot be encoded for the journal")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// Positions have run out, or were advanced to the end.
    #[error("the journal has no positions left")]
    OutOfPositions,
}

impl JournalError {
    /// Whether room on the disk would help.
    pub fn is_storage_full(&self) -> bool {
        matches!(self, Self::StorageFull(_))
    }

    pub(crate) fn is_storage_full_kind(kind: io::ErrorKind) -> bool {
        matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> Self {
        if Self::is_storage_full_kind(error.kind()) { Self::StorageFull(error) } else { Self::Io(error) }
    }
}
