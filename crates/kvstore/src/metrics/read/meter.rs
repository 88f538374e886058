//! What a query has read so far, against what it may.

use crate::metrics::MetricStoreOptions;
use clew_model::{Context, ErrorKind, ReadError, Reservation, Warnings};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes taken from the query's budget at once.
const RESERVE_BYTES: u64 = 64 << 10;

/// The limits of one scan, shared by its workers.
pub(super) struct Meter<'a> {
    context: &'a Context,
    options: &'a MetricStoreOptions,
    samples: AtomicU64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(context: &'a Context, options: &'a MetricStoreOptions) -> Self {
        Self { context, options, samples: AtomicU64::new(0) }
    }

    /// Asks whether the query may go on.
    pub(super) fn check(&self) -> Result<(), ReadError> {
        self.context.check()
    }

    /// Where the query is told what it cannot be answered of.
    pub(super) fn warnings(&self) -> &'a Warnings {
        &self.context.warnings
    }

    /// Memory that its owner holds.
    pub(super) fn holder(&self) -> Holder<'a> {
        Holder { context: self.context, reserved: 0, held: Vec::new() }
    }

    /// Tells who asks what it costs that so many stored bytes were read.
    pub(super) fn read(&self, bytes: u64) {
        self.context.read.add(bytes);
    }

    /// Counts samples that the query reads.
    pub(super) fn add_samples(&self, count: u64) -> Result<(), ReadError> {
        let samples = self.samples.fetch_add(count, Ordering::Relaxed).saturating_add(count);
        if samples > self.options.query_samples {
            return Err(ReadError::new(
                ErrorKind::LimitExceeded,
                format!(
                    "the query reads more than {} samples (limits.query_samples); narrow the time range or the selection",
                    self.options.query_samples
                ),
            ));
        }
        Ok(())
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

/// Bytes that one owner holds, taken from the query's budget as they grow.
pub(super) struct Holder<'a> {
    context: &'a Context,
    reserved: u64,
    held: Vec<Reservation>,
}

impl Holder<'_> {
    /// Says how many bytes the owner holds now; what was taken for more is kept for later.
    pub(super) fn hold(&mut self, bytes: u64) -> Result<(), ReadError> {
        if bytes > self.reserved {
            let more = (bytes - self.reserved).max(RESERVE_BYTES);
            self.held.push(self.context.memory.reserve(more)?);
            self.reserved += more;
        }
        Ok(())
    }
}
