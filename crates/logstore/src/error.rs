//! Why the log store could not do something.

use clew_columns::ColumnsError;
use clew_model::{ErrorKind, ReadError};
use std::io;
use std::sync::Arc;
use tantivy::TantivyError;
use tantivy::directory::error::OpenReadError;

/// A failure of the log store.
#[derive(Debug, thiserror::Error)]
pub enum LogStoreError {
    /// The disk refused.
    #[error("cannot {operation}: {source}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// What the disk said; its message names the path.
        #[source]
        source: io::Error,
    },
    /// Stored bytes do not follow the format.
    #[error("{file} is damaged: {source}")]
    Columns {
        /// The file.
        file: String,
        /// What is wrong.
        #[source]
        source: ColumnsError,
    },
    /// Stored bytes contradict themselves.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The term index could not be built or read.
    #[error("the term index of {file} failed: {reason}")]
    TermIndex {
        /// The part.
        file: String,
        /// What tantivy said.
        reason: String,
    },
    /// A caller's query was stopped.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl LogStoreError {
    /// What the caller may do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            LogStoreError::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::StorageFull,
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => ErrorKind::Corrupt,
                _ => ErrorKind::Internal,
            },
            LogStoreError::Columns { source, .. } => source.kind(),
            LogStoreError::Damaged { .. } | LogStoreError::TermIndex { .. } => ErrorKind::Corrupt,
            LogStoreError::Read(error) => error.kind(),
        }
    }

    pub(crate) fn io(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, source }
    }

    pub(crate) fn columns(file: &str) -> impl FnOnce(ColumnsError) -> Self + '_ {
        move |source| match source {
            ColumnsError::Read { kind, reason, .. } => {
                Self::Io { operation: "read a block", source: io::Error::new(kind, reason) }
            }
            source => Self::Columns { file: file.to_owned(), source },
        }
    }

    pub(crate) fn damaged(file: &str, reason: impl Into<String>) -> Self {
        Self::Damaged { file: file.to_owned(), reason: reason.into() }
    }

    pub(crate) fn term_index(file: &str) -> impl FnOnce(tantivy::TantivyError) -> Self + '_ {
        move |error| {
            let source = match &error {
                TantivyError::IoError(source)
                | TantivyError::OpenReadError(OpenReadError::IoError { io_error: source, .. }) => source,
                _ => return Self::TermIndex { file: file.to_owned(), reason: error.to_string() },
            };
            let source = io::Error::new(source.kind(), Arc::clone(source));
            Self::Io { operation: "read a part's term index", source }
        }
    }

    /// Whether it is the file that is bad, and stays so, rather than the machine at this moment.
    pub(crate) fn is_damage(&self) -> bool {
        let is_gone = matches!(self, LogStoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound);
        is_gone || self.kind() == ErrorKind::Corrupt
    }

    /// Whether a query must stop for it, rather than skip a part.
    pub(crate) fn stops_queries(&self) -> bool {
        matches!(self, LogStoreError::Read(_))
    }
}

impl From<LogStoreError> for ReadError {
    fn from(error: LogStoreError) -> Self {
        match error {
            LogStoreError::Read(error) => error,
            other => ReadError::caused_by(other.kind(), other.to_string(), other),
        }
    }
}
