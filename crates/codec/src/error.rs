//! What goes wrong while decoding: the whole body ([`DecodeError`]) or a record by itself ([`Reject`]).

use crate::limits::MAX_REJECT_REASONS;
use clew_model::ErrorKind;
use std::fmt;

/// Where in the input an error lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// Byte offset from the start of the body.
    Byte(usize),
    /// Line and column, both from 1; the column counts bytes.
    Line {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
    },
    /// Not known: found after the body was turned into another form. The path of fields tells more.
    Unknown,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Byte(offset) => write!(formatter, "byte {offset}"),
            Position::Line { line, column } => write!(formatter, "line {line} column {column}"),
            Position::Unknown => formatter.write_str("an unknown position"),
        }
    }
}

/// Why a whole body could not be read. One bad record in a readable body is a [`Reject`] instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes do not follow the format.
    #[error("malformed {format} at {position}{}: {reason}", In(.path))]
    Malformed {
        /// The format, as a person calls it: `OTLP protobuf`, `OTLP JSON`.
        format: &'static str,
        /// Where.
        position: Position,
        /// The path of fields that was being read, such as `resource_spans[0].scope_spans[1].spans[7].name`;
        /// empty at the top.
        path: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// A bound of the decoder was exceeded.
    #[error("{what} at {position}{} exceeds the limit of {limit}", In(.path))]
    LimitExceeded {
        /// What is too big, too deep or too many.
        what: &'static str,
        /// Where.
        position: Position,
        /// The path of fields, as above.
        path: String,
        /// The limit.
        limit: usize,
    },
    /// The records of the body take more memory than there is for them.
    #[error("the records of the body take more than {limit} bytes of memory, which is what there is for them")]
    Memory {
        /// Bytes that they may take.
        limit: usize,
    },
}

struct In<'a>(&'a str);

impl fmt::Display for In<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(formatter, " in {}", self.0) }
    }
}

impl DecodeError {
    /// What the caller may do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            DecodeError::Malformed { .. } => ErrorKind::InvalidInput,
            DecodeError::LimitExceeded { .. } | DecodeError::Memory { .. } => ErrorKind::TooLarge,
        }
    }
}

/// A record that was refused by itself, or taken with a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Which record of the body, counted from 0 over everything in it.
    pub index: u64,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

/// What a body held: the good records and the refusals.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Decoded<T> {
    /// The good records.
    pub records: T,
    /// How many records (log records, spans, metric data points) were good.
    pub accepted: u64,
    /// How many were refused.
    pub rejected: u64,
    /// The reasons of the first refusals, at most [`MAX_REJECT_REASONS`].
    pub rejects: Vec<Reject>,
    /// What the sender should know of records that were taken: the first, at most [`MAX_REJECT_REASONS`].
    pub warnings: Vec<Reject>,
    /// How many records that is said of.
    pub warned: u64,
}

impl<T> Decoded<T> {
    /// Records of which nothing is counted yet, made without a decoder.
    pub fn of(records: T) -> Self {
        Self { records, accepted: 0, rejected: 0, rejects: Vec::new(), warnings: Vec::new(), warned: 0 }
    }

    /// Records the refusal of one record; its reason is built only when there is room for it.
    pub fn reject(&mut self, index: u64, reason: impl FnOnce() -> String) {
        self.rejected = self.rejected.saturating_add(1);
        if self.rejects.len() < MAX_REJECT_REASONS {
            self.rejects.push(Reject { index, reason: reason() });
        }
    }

    /// Says something of a record that was taken.
    pub fn warn(&mut self, index: u64, reason: String) {
        self.warned = self.warned.saturating_add(1);
        if self.warnings.len() < MAX_REJECT_REASONS {
            self.warnings.push(Reject { index, reason });
        }
    }

    /// The refusals in one line for answers that carry a single message; empty when there are none.
    #[must_use]
    pub fn message(&self) -> String {
        use fmt::Write as _;
        let mut out = String::new();
        for (number, reject) in self.rejects.iter().enumerate() {
            let separator = if number == 0 { "" } else { "; " };
            let _ = write!(out, "{separator}record {}: {}", reject.index, reject.reason);
        }
        let untold = self.rejected.saturating_sub(self.rejects.len() as u64);
        if untold > 0 {
            let _ = write!(out, "; and {untold} more");
        }
        out
    }
}
