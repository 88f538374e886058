//! Bytes of a table in memory that several readers share.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// A stretch of bytes that was read and checked; a clone shares it.
#[derive(Debug, Clone)]
pub struct Slice {
    bytes: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl Slice {
    /// All of the bytes.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let range = 0..bytes.len();
        Self { bytes: Arc::new(bytes), range }
    }

    /// Part of it; empty when the range lies outside.
    pub(super) fn part(&self, part: Range<usize>) -> Self {
        let start = self.range.start.saturating_add(part.start).min(self.range.end);
        let end = self.range.start.saturating_add(part.end).min(self.range.end);
        Self { bytes: Arc::clone(&self.bytes), range: start..end.max(start) }
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(self.range.clone()).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
