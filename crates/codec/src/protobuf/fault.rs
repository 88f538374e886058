//! What interrupts reading, on its way from the place where it was found to the record or the body that it spoils.

use crate::error::{DecodeError, Position};
use std::fmt::Write as _;

/// The result of reading something.
pub(crate) type Outcome<T> = Result<T, Fault>;

/// Why reading stopped, with the offset and, collected on the way up, the path of fields. Boxed so that results on the
/// hot path stay small.
#[derive(Debug)]
pub(crate) struct Fault(Box<Parts>);

#[derive(Debug)]
struct Parts {
    offset: usize,
    /// Innermost first.
    path: Vec<(&'static str, Option<usize>)>,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    /// The bytes do not follow the format: nothing after them can be trusted.
    Malformed(String),
    /// Well-formed, but not acceptable: spoils the record it is in.
    Unacceptable(String),
    /// A bound of the decoder.
    Exceeded { what: &'static str, limit: usize },
    /// The records take more memory than there is.
    Memory { limit: usize },
}

impl Fault {
    #[cold]
    fn new(offset: usize, problem: Problem) -> Self {
        Self(Box::new(Parts { offset, path: Vec::new(), problem }))
    }

    /// The bytes at `offset` do not follow the format.
    #[cold]
    pub(crate) fn malformed(offset: usize, reason: String) -> Self {
        Self::new(offset, Problem::Malformed(reason))
    }

    /// What stands at `offset` cannot be accepted.
    #[cold]
    pub(crate) fn unacceptable(offset: usize, reason: String) -> Self {
        Self::new(offset, Problem::Unacceptable(reason))
    }

    /// A bound was exceeded at `offset`.
    #[cold]
    pub(crate) fn exceeded(offset: usize, what: &'static str, limit: usize) -> Self {
        Self::new(offset, Problem::Exceeded { what, limit })
    }

    /// What was read up to `offset` takes more memory than there is.
    #[cold]
    pub(crate) fn memory(offset: usize, limit: usize) -> Self {
        Self::new(offset, Problem::Memory { limit })
    }

    /// The fault lies inside this field.
    #[cold]
    pub(crate) fn within(mut self, name: &'static str, index: Option<usize>) -> Self {
        self.0.path.push((name, index));
        self
    }

    /// The reason for refusing the record being read, or the fault again if it spoils the whole body.
    pub(crate) fn into_refusal(self) -> Result<String, Fault> {
        match &self.0.problem {
            Problem::Unacceptable(reason) => {
                let path = self.path();
                Ok(if path.is_empty() { reason.clone() } else { format!("{path}: {reason}") })
            }
            Problem::Malformed(_) | Problem::Exceeded { .. } | Problem::Memory { .. } => Err(self),
        }
    }

    /// The error for a whole body.
    pub(crate) fn into_error(self, format: &'static str) -> DecodeError {
        let path = self.path();
        let position = Position::Byte(self.0.offset);
        match self.0.problem {
            Problem::Malformed(reason) | Problem::Unacceptable(reason) => {
                DecodeError::Malformed { format, position, path, reason }
            }
            Problem::Exceeded { what, limit } => DecodeError::LimitExceeded { what, position, path, limit },
            Problem::Memory { limit } => DecodeError::Memory { limit },
        }
    }

    fn path(&self) -> String {
        let mut out = String::new();
        for (name, index) in self.0.path.iter().rev() {
            if !out.is_empty() {
                out.push('.');
            }
            out.push_str(name);
            if let Some(index) = index {
                let _ = write!(out, "[{index}]");
            }
        }
        out
    }
}
