//! What can go wrong in a key-value store.

use clew_columns::bytes::BytesError;
use clew_model::{ErrorKind, ReadError};
use std::io;
use std::path::PathBuf;

/// Why a store could not be opened, written or read.
#[derive(Debug, thiserror::Error)]
pub enum KvError {
    /// The engine refused an operation.
    #[error("the key-value engine could not {operation}")]
    Engine {
        /// What was being done.
        operation: &'static str,
        /// Why.
        #[source]
        source: fjall::Error,
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
    /// An engine error with what was being done.
    pub(crate) fn engine(operation: &'static str) -> impl FnOnce(fjall::Error) -> Self {
        move |source| Self::Engine { operation, source }
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
            Self::Engine { source, .. } => engine_kind(source),
            Self::Locked { .. } => ErrorKind::Conflict,
            Self::NewerFormat { .. } | Self::OtherSignal { .. } => ErrorKind::Unsupported,
            Self::Damaged { .. } | Self::Inconsistent { .. } => ErrorKind::Corrupt,
            Self::BadEntry(_) => ErrorKind::Internal,
            Self::Read(error) => error.kind(),
        }
    }
}

impl From<KvError> for ReadError {
    fn from(error: KvError) -> Self {
        match error {
            KvError::Read(read) => read,
            other => ReadError::caused_by(other.kind(), "the store could not be read", other),
        }
    }
}

fn engine_kind(error: &fjall::Error) -> ErrorKind {
    let io_kind = match error {
        fjall::Error::Io(error) => Some(error.kind()),
        fjall::Error::Storage(fjall::LsmError::Io(error)) => Some(error.kind()),
        _ => None,
    };
    match (io_kind, error) {
        (Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded), _) => ErrorKind::StorageFull,
        (Some(_), _) => ErrorKind::Internal,
        (None, fjall::Error::Poisoned) => ErrorKind::Unavailable,
        (None, fjall::Error::Locked) => ErrorKind::Conflict,
        (None, fjall::Error::InvalidVersion(_)) => ErrorKind::Unsupported,
        (None, fjall::Error::KeyspaceDeleted) => ErrorKind::Internal,
        (None, _) => ErrorKind::Corrupt,
    }
}
