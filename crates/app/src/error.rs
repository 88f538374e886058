//! Why a use-case failed.

use clew_model::{ErrorKind, ReadError, Signal, TenantId};
use std::error::Error as StdError;
use std::sync::Arc;

/// An error of the use-cases.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The queue before a journal is full.
    #[error(
        "the server cannot keep up with {signal}: {waiting} requests wait for the journal; send again in {retry_after} s"
    )]
    Overloaded {
        /// Which signal's queue.
        signal: Signal,
        /// Requests that wait.
        waiting: usize,
        /// Seconds to wait before sending again.
        retry_after: u64,
    },
    /// The server is stopping.
    #[error("the server is stopping; send again when it is back")]
    Stopping,
    /// The memory is full of records that cannot be sealed (a full disk, say).
    #[error("no more {signal} are taken until those in memory can be written to the store: {cause}")]
    Unsealable {
        /// Which signal.
        signal: Signal,
        /// What a caller may do.
        kind: ErrorKind,
        /// Why the last seal failed.
        cause: Arc<str>,
    },
    /// A thread of the write path panicked: a bug of ours.
    #[error("the write path of {signal} failed; the server's log says more, and a restart mends it")]
    WritePathFailed {
        /// Which signal.
        signal: Signal,
    },
    /// The disk of a signal could not be used at the start.
    #[error("{signal} are neither taken nor answered until Clew is restarted: {reason}")]
    Closed {
        /// Which signal.
        signal: Signal,
        /// What is wrong with its disk.
        reason: Arc<str>,
    },
    /// Records could not be written to the journal.
    #[error("cannot write {signal} to the journal")]
    Journal {
        /// Which signal.
        signal: Signal,
        /// What a caller may do.
        kind: ErrorKind,
        /// The cause.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A store failed.
    #[error("the {signal} store failed to {operation}")]
    Store {
        /// Which signal.
        signal: Signal,
        /// What it was doing.
        operation: &'static str,
        /// What a caller may do.
        kind: ErrorKind,
        /// The cause.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A query could not be read or answered.
    #[error("{message}")]
    Query {
        /// What a caller may do.
        kind: ErrorKind,
        /// What is wrong.
        message: String,
        /// Where in the query, in bytes.
        position: Option<usize>,
        /// What to write instead.
        hint: Option<String>,
    },
    /// A read failed.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Too many queries wait already.
    #[error(
        "{0} queries are running and waiting, more than the server can answer (limits.query_concurrency); ask again in a moment"
    )]
    TooManyQueries(usize),
    /// Too many tails are open already.
    #[error("{0} tails are open, as many as the server allows; close one, or ask again later")]
    TooManyTails(usize),
    /// A tenant is beyond a limit of its own.
    #[error("{message}")]
    TenantLimit {
        /// Which, and what it is.
        message: String,
        /// Seconds after which to try again.
        retry_after: u64,
    },
    /// A tenant that is new, and there are as many as there may be.
    #[error(
        "the tenant \"{tenant}\" has sent nothing yet, and there are as many tenants as there may be: {max} (tenants.max); \
         name one that is known, or raise the limit"
    )]
    TooManyTenants {
        /// Its name.
        tenant: TenantId,
        /// How many there may be.
        max: usize,
    },
    /// A background thread panicked: a bug of ours.
    #[error("a query failed unexpectedly; the server's log says more")]
    Panicked,
    /// Something the server needs at start is not usable.
    #[error("cannot {operation}")]
    Start {
        /// What was tried.
        operation: String,
        /// The cause.
        #[source]
        source: Box<dyn StdError + Send + Sync>,
    },
}

impl AppError {
    /// What a caller may do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            AppError::Overloaded { .. }
            | AppError::Stopping
            | AppError::WritePathFailed { .. }
            | AppError::Closed { .. }
            | AppError::TooManyQueries(_)
            | AppError::TooManyTails(_) => ErrorKind::Unavailable,
            AppError::TenantLimit { .. } => ErrorKind::RateLimited,
            AppError::TooManyTenants { .. } => ErrorKind::LimitExceeded,
            AppError::Unsealable { kind, .. } => *kind,
            AppError::Journal { kind, .. } | AppError::Store { kind, .. } | AppError::Query { kind, .. } => *kind,
            AppError::Read(error) => error.kind,
            AppError::Panicked | AppError::Start { .. } => ErrorKind::Internal,
        }
    }

    /// A question that is malformed.
    pub fn refused(message: impl Into<String>) -> Self {
        AppError::Query { kind: ErrorKind::InvalidInput, message: message.into(), position: None, hint: None }
    }

    /// A start-up failure with its cause.
    pub fn start(operation: impl Into<String>, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        AppError::Start { operation: operation.into(), source: source.into() }
    }

    /// The message with those of its causes, for people.
    #[must_use]
    pub fn full_message(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

/// The outcome label of a query that failed so.
pub(crate) fn outcome(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidInput | ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::TooLarge => "refused",
        ErrorKind::LimitExceeded | ErrorKind::RateLimited => "limit",
        ErrorKind::Cancelled => "cancelled",
        ErrorKind::DeadlineExceeded => "timeout",
        ErrorKind::Unavailable => "busy",
        _ => "failed",
    }
}

impl From<clew_query::QueryError> for AppError {
    fn from(error: clew_query::QueryError) -> Self {
        AppError::Query { kind: error.kind, message: error.message, position: error.position, hint: error.hint }
    }
}
