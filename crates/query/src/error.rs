//! The error of every query language: what is wrong, where in the text, and what would be right.

use clew_model::{ErrorKind, ReadError};

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// What the caller may do about it.
    pub kind: ErrorKind,
    /// What went wrong, with values; lowercase, no final dot.
    pub message: String,
    /// Byte offset in the query text where the fault begins.
    pub position: Option<usize>,
    /// Byte offset just after the fault.
    pub end: Option<usize>,
    /// What to write instead, where that can be told.
    pub hint: Option<String>,
    /// The cause, where there is one.
    #[source]
    pub source: Option<Box<ReadError>>,
}

impl QueryError {
    /// An error without a place.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), position: None, end: None, hint: None, source: None }
    }

    /// A query that is malformed.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// A query that is well-formed, but cannot be computed on the data that are there (duplicate label sets, say).
    pub(crate) fn execution(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// A query that is well-formed and asks for something that is not built.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// The same error at bytes `start` to `end` of the query text; a place that is already known stays.
    #[must_use]
    pub fn at(mut self, start: usize, end: usize) -> Self {
        if self.position.is_none() {
            (self.position, self.end) = (Some(start), Some(end));
        }
        self
    }

    /// The same error with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the caller may do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<ReadError> for QueryError {
    fn from(error: ReadError) -> Self {
        let mut own = Self::new(error.kind, error.message.clone());
        own.source = Some(Box::new(error));
        own
    }
}
