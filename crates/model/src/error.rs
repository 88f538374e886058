//! The kinds of failure that callers tell apart, whatever crate an error comes from.
//!
//! Every crate has its own error enum; each answers [`ErrorKind`] by a `kind()` method. One table in `clew-api` turns a
//! kind into an HTTP status, a gRPC code and the public error code; nothing else chooses a status.

use std::error::Error as StdError;

/// What a caller may do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is malformed; the same request will fail again.
    InvalidInput,
    /// The thing named does not exist.
    NotFound,
    /// The request exceeds a size limit (body, line, label, frame).
    TooLarge,
    /// A query or a tenant hit a limit other than the request's size; the message names the limit.
    LimitExceeded,
    /// The server cannot keep up or is stopping; the same request may succeed later.
    Unavailable,
    /// The caller's tenant uses as much as it may at once; the same request may succeed later. The message names the limit.
    RateLimited,
    /// The caller went away or asked to stop.
    Cancelled,
    /// The query ran longer than it may.
    DeadlineExceeded,
    /// The caller did not say who it is.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// The request contradicts the present state.
    Conflict,
    /// The disk (or the size limit of the store) is full.
    StorageFull,
    /// Stored bytes do not match their checksum or format.
    Corrupt,
    /// The capability is not there (yet).
    Unsupported,
    /// A fault of ours or of the machine.
    Internal,
}

impl ErrorKind {
    /// Whether the same request may succeed later without being changed.
    #[must_use]
    pub fn is_retryable(self) -> bool {
        matches!(self, ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::StorageFull)
    }
}

/// Why a store could not answer a read; the error of the reader traits.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What the caller may do about it.
    pub kind: ErrorKind,
    /// What went wrong, with values; lowercase, no final dot.
    pub message: String,
    /// The cause, where there is one.
    #[source]
    pub source: Option<Box<dyn StdError + Send + Sync>>,
}

impl ReadError {
    /// An error without a cause.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// An error caused by another.
    pub fn caused_by(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// What the caller may do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}
