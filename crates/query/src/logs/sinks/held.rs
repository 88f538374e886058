//! Rows that a question holds, and the memory they take from its budget.

use clew_model::logs::LogRow;
use clew_model::{Context, ReadError, Reservation};

/// A row with its reservation.
#[derive(Debug)]
pub(super) struct Held {
    pub row: LogRow,
    _memory: Reservation,
}

impl Held {
    /// # Errors
    /// The question may not hold more.
    pub(super) fn new(context: &Context, row: LogRow) -> Result<Self, ReadError> {
        let bytes = (row.record.memory_bytes() + size_of::<Self>()) as u64;
        Ok(Self { _memory: context.memory.reserve(bytes)?, row })
    }
}
