//! The memory that an answer takes while it grows.

use clew_model::{Context, ReadError, Reservation};

/// Most bytes taken from the budget before they are needed.
const AHEAD_BYTES: u64 = 64 << 10;

/// Bytes of an answer, taken from the question's budget by growing steps.
#[derive(Debug)]
pub(super) struct Held<'c> {
    context: &'c Context,
    used: u64,
    reserved: u64,
    reservations: Vec<Reservation>,
}

impl<'c> Held<'c> {
    pub(super) fn new(context: &'c Context) -> Self {
        Self { context, used: 0, reserved: 0, reservations: Vec::new() }
    }

    /// Takes so many bytes more.
    ///
    /// # Errors
    /// The question may not hold more.
    pub(super) fn add(&mut self, bytes: u64) -> Result<(), ReadError> {
        self.used = self.used.saturating_add(bytes);
        if self.used > self.reserved {
            let more = (self.used - self.reserved).max(self.reserved.min(AHEAD_BYTES));
            self.reservations.push(self.context.memory.reserve(more)?);
            self.reserved = self.reserved.saturating_add(more);
        }
        Ok(())
    }

    /// Takes over what another part of the answer holds.
    pub(super) fn append(&mut self, mut other: Self) {
        self.used = self.used.saturating_add(other.used);
        self.reserved = self.reserved.saturating_add(other.reserved);
        self.reservations.append(&mut other.reservations);
    }
}
