//! Why stored columns could not be read.

use crate::bytes::BytesError;
use clew_model::{ErrorKind, ReadError};

/// A fault in encoded bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnsError {
    /// The bytes do not follow the format.
    #[error(transparent)]
    Bytes(#[from] BytesError),
    /// The bytes begin with something else.
    #[error("{what} does not begin with its magic")]
    Magic {
        /// What was being opened.
        what: &'static str,
    },
    /// Written by a newer version of the program.
    #[error("{what} has format version {found}; this program reads up to {newest}")]
    Version {
        /// What was being opened.
        what: &'static str,
        /// The version found.
        found: u8,
        /// The newest version this program knows.
        newest: u8,
    },
    /// The bytes changed since they were written.
    #[error("{what} {part} does not match its checksum")]
    Checksum {
        /// What was being opened.
        what: &'static str,
        /// Which part (a section's number; 0 is the directory).
        part: u32,
    },
    /// Compressed bytes could not be expanded.
    #[error("{what} cannot be decompressed: {reason}")]
    Decompress {
        /// What was being read.
        what: &'static str,
        /// What the decompressor said.
        reason: String,
    },
    /// Parts that must agree do not.
    #[error("{what}: {reason}")]
    Inconsistent {
        /// What was being read.
        what: &'static str,
        /// What does not agree.
        reason: &'static str,
    },
    /// Bytes that are stored elsewhere could not be read now: nothing is said about whether they are good.
    #[error("{what} cannot be read: {reason}")]
    Read {
        /// What was being read.
        what: &'static str,
        /// What kind of failure it was.
        kind: std::io::ErrorKind,
        /// What the reader said.
        reason: String,
    },
}

impl ColumnsError {
    /// What a caller may do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            ColumnsError::Version { .. } => ErrorKind::Unsupported,
            ColumnsError::Read { kind, .. } => match kind {
                std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::InvalidData => ErrorKind::Corrupt,
                _ => ErrorKind::Internal,
            },
            _ => ErrorKind::Corrupt,
        }
    }
}

impl From<ColumnsError> for ReadError {
    fn from(error: ColumnsError) -> Self {
        ReadError::caused_by(error.kind(), error.to_string(), error)
    }
}
