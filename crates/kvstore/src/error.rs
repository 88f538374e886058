//! What can go wrong in a key-value store.

use clew_columns::bytes::BytesError;
use clew_model::{ErrorKind, ReadError};
use std::io;
use std::path::PathBuf;

/// Why a store could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum KvError {
    /// The disk refused.
    #[error("cannot {operation}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// What the disk said; its message names the path.
        #[source]
        source: io::Error,
    },
    /// Another process has the directory open.
    #[error("{} is in use by another process; stop it or choose another data directory", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The directory was written by a newer version.
    #[error(
        "the {signal} store in {} has format version {found}, this version reads up to {supported}; use the newer version",
        path.display()
    )]
    NewerFormat {
        /// The directory.
        path: PathBuf,
        /// Which store.
        signal: String,
        /// The version on disk.
        found: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// The directory belongs to another store.
    #[error("{} holds {found:?} data, {wanted:?} was expected", path.display())]
    OtherSignal {
        /// The directory.
        path: PathBuf,
        /// What it holds.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// A table of this store was written by a newer version.
    #[error(
        "{} has table format version {found}, this version reads up to {supported}; use the newer version",
        file.display()
    )]
    NewerTable {
        /// The file.
        file: PathBuf,
        /// The version on disk.
        found: u32,
        /// The newest version that can be read.
        supported: u32,
    },
    /// A table is missing or its bytes are not those that were written. What other tables hold is not touched by it.
    #[error("{} is damaged: {reason}", file.display())]
    DamagedTable {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// Stored bytes do not have the form they should have.
    #[error("{what} is damaged")]
    Damaged {
        /// What was being read, with its place.
        what: String,
        /// How it is damaged.
        #[source]
        source: BytesError,
    },
    /// Stored bytes contradict each other.
    #[error("{what} is damaged: {reason}")]
    Inconsistent {
        /// What was being read, with its place.
        what: String,
        /// How it is damaged.
        reason: String,
    },
    /// Keys that are not in ascending order, or too large entries: a fault of ours.
    #[error("an entry cannot be written: {0}")]
    BadEntry(String),
    /// A read that was stopped or hit a limit.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl KvError {
    /// An error of the disk with what was being done.
    pub(crate) fn io(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, source }
    }

    /// Damage found by decoding.
    pub(crate) fn damaged(what: impl Into<String>) -> impl FnOnce(BytesError) -> Self {
        move |source| Self::Damaged { what: what.into(), source }
    }

    /// Damage found by comparing.
    pub(crate) fn inconsistent(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Inconsistent { what: what.into(), reason: reason.into() }
    }

    /// What the caller may do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::StorageFull,
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => ErrorKind::Corrupt,
                _ => ErrorKind::Internal,
            },
            Self::Locked { .. } => ErrorKind::Conflict,
            Self::NewerFormat { .. } | Self::NewerTable { .. } | Self::OtherSignal { .. } => ErrorKind::Unsupported,
            Self::DamagedTable { .. } | Self::Damaged { .. } | Self::Inconsistent { .. } => ErrorKind::Corrupt,
            Self::BadEntry(_) => ErrorKind::Internal,
            Self::Read(error) => error.kind(),
        }
    }

    /// Whether it is stored bytes that are bad, and stay so, rather than the machine at this moment: a reader may do
    /// without what they held, if it says so.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::NewerTable { .. }) || self.kind() == ErrorKind::Corrupt
    }
}

impl From<KvError> for ReadError {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Read(read) => read,
            other => ReadError::caused_by(other.kind(), other.to_string(), other),
        }
    }
}
