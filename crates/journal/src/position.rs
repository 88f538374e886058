//! Where a frame stands.

use std::fmt;

/// The sequence number of a frame: 1 for the first a journal ever took, and growing over its whole life, whatever was
/// trimmed. Zero stands before all frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct JournalPosition(pub u64);

impl JournalPosition {
    /// Before all frames.
    pub const START: Self = Self(0);
}

impl fmt::Display for JournalPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
