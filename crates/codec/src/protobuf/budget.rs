//! How much memory one body may become, since two bytes on the wire can stand for hundreds in memory.

use super::fault::{Fault, Outcome};

/// What is left of the memory for the records of one body.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    left: usize,
}

impl Budget {
    /// A budget of so many bytes.
    pub(crate) fn of(limit: usize) -> Self {
        Self { limit, left: limit }
    }

    /// Takes the size of something that was read at `offset`.
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize, offset: usize) -> Outcome<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Fault::memory(offset, self.limit)),
        }
    }
}
