//! What a query has read so far, against what it may.

use crate::metrics::MetricStoreOptions;
use clew_model::{Context, ErrorKind, ReadError, Reservation};

/// Bytes taken from the query's budget at once.
const RESERVE_BYTES: u64 = 1 << 20;
/// What a sample takes in memory.
const SAMPLE_BYTES: u64 = 16;

pub(super) struct Meter<'a> {
    context: &'a Context,
    options: &'a MetricStoreOptions,
    samples: u64,
    used: u64,
    reserved: u64,
    held: Vec<Reservation>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(context: &'a Context, options: &'a MetricStoreOptions) -> Self {
        Self { context, options, samples: 0, used: 0, reserved: 0, held: Vec::new() }
    }

    /// Asks whether the query may go on.
    pub(super) fn check(&self) -> Result<(), ReadError> {
        self.context.check()
    }

    /// Counts bytes that the query holds.
    pub(super) fn add_bytes(&mut self, bytes: u64) -> Result<(), ReadError> {
        self.used = self.used.saturating_add(bytes);
        while self.reserved < self.used {
            let more = (self.used - self.reserved).max(RESERVE_BYTES);
            self.held.push(self.context.memory.reserve(more)?);
            self.reserved += more;
        }
        Ok(())
    }

    /// Counts samples that the query holds.
    pub(super) fn add_samples(&mut self, count: u64) -> Result<(), ReadError> {
        self.samples = self.samples.saturating_add(count);
        if self.samples > self.options.query_samples {
            return Err(ReadError::new(
                ErrorKind::LimitExceeded,
                format!(
                    "the query reads more than {} samples (limits.query_samples); narrow the time range or the selection",
                    self.options.query_samples
                ),
            ));
        }
        self.add_bytes(count.saturating_mul(SAMPLE_BYTES))
    }

    /// Refuses more series than a query may read.
    pub(super) fn check_series(&self, count: u64) -> Result<(), ReadError> {
        if count > self.options.query_series as u64 {
            return Err(ReadError::new(
                ErrorKind::LimitExceeded,
                format!(
                    "the query selects {count} series, more than {} (limits.query_series); narrow the selection",
                    self.options.query_series
                ),
            ));
        }
        Ok(())
    }
}
