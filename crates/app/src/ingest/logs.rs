//! Logs on the write path.

use super::log_feed::{FeedBatch, LogFeed, Watch};
use crate::error::AppError;
use crate::server::AppOptions;
use crate::signal::{Dropped, Hot, OnDisk, Removed, Sealed, SignalStore, StoreError};
use clew_columns::frames::logs as frames;
use clew_host::Files;
use clew_journal::AppendSlot;
use clew_logstore::{LogStore, LogStoreError, LogStoreOptions};
use clew_model::logs::{LogReader, LogRecord};
use clew_model::{ErrorKind, Signal, TenantId, UnixNanos};
use std::path::Path;
use std::sync::Arc;

/// The log store behind its write path.
pub struct LogSignal {
    store: LogStore,
    feed: Arc<LogFeed>,
}

/// Gives every record its number as its frame is written.
pub struct LogEncoder {
    next_number: u64,
}

impl LogSignal {
    /// Opens the store below `dir`.
    ///
    /// # Errors
    /// Parts that cannot be read, or were written by a newer version.
    pub fn open(files: Arc<dyn Files>, dir: &Path, options: &AppOptions) -> Result<Self, AppError> {
        let rules = Arc::clone(&options.rules);
        let store = LogStore::open(files, &dir.join("store"), LogStoreOptions::default(), rules)
            .map_err(|error| AppError::start("open the log store", error))?;
        Ok(Self { store, feed: LogFeed::new() })
    }

    /// Watches what is made readable from now on; `None` when too many do already. Blocks while a batch is.
    pub(crate) fn watch(&self) -> Option<Watch> {
        self.feed.watch(|| self.store.next_record_number())
    }

    /// What queries read.
    #[must_use]
    pub fn reader(&self) -> &dyn LogReader {
        &self.store
    }
}

impl From<LogStoreError> for StoreError {
    fn from(error: LogStoreError) -> Self {
        StoreError::new(error.kind(), error)
    }
}

impl SignalStore for LogSignal {
    const SIGNAL: Signal = Signal::Logs;
    type Records = Vec<LogRecord>;
    type Encoder = LogEncoder;
    type Decoder = ();

    fn encoder(&self) -> LogEncoder {
        LogEncoder { next_number: self.store.next_record_number() }
    }

    fn decoder(&self) {}

    fn count(records: &Vec<LogRecord>) -> u64 {
        records.len() as u64
    }

    fn memory(records: &Vec<LogRecord>) -> usize {
        records.iter().map(LogRecord::memory_bytes).sum()
    }

    fn encode(
        encoder: &mut LogEncoder,
        _slot: AppendSlot,
        tenant: &TenantId,
        records: &Vec<LogRecord>,
        out: &mut Vec<u8>,
    ) -> Result<u64, StoreError> {
        let first = encoder.next_number;
        frames::encode(out, tenant, first, records);
        encoder.next_number = first.saturating_add(records.len() as u64);
        Ok(first)
    }

    fn apply(
        &self,
        position: u64,
        ticket: u64,
        tenant: &TenantId,
        records: Vec<LogRecord>,
    ) -> Result<Dropped, StoreError> {
        let _turn = self.feed.turn();
        let copy = self.feed.is_watched().then(|| FeedBatch::of(tenant, ticket, &records));
        self.store.apply(position, tenant, ticket, records);
        if let Some(copy) = copy {
            self.feed.publish(copy);
        }
        Ok(Dropped::default())
    }

    fn replay(
        &self,
        _decoder: &mut (),
        position: u64,
        _segment: u64,
        frame: &[u8],
        apply: bool,
    ) -> Result<u64, StoreError> {
        if !apply {
            return Ok(0);
        }
        let frame = frames::decode(frame).map_err(|error| StoreError::new(ErrorKind::Corrupt, error))?;
        let count = frame.records.len() as u64;
        self.apply(position, frame.first_number, &frame.tenant, frame.records)?;
        Ok(count)
    }

    fn sealed_position(&self) -> u64 {
        self.store.sealed_position()
    }

    fn kept_from(&self) -> UnixNanos {
        self.store.kept_from()
    }

    fn hot(&self) -> Hot {
        let hot = self.store.hot_stats();
        Hot { records: hot.records, bytes: hot.bytes, needs_seal: hot.records > 0 }
    }

    fn on_disk(&self) -> OnDisk {
        let stats = self.store.part_stats();
        OnDisk { parts: stats.parts as u64, records: stats.records, bytes: stats.bytes }
    }

    fn seal(&self) -> Result<Sealed, StoreError> {
        let report = self.store.seal()?;
        Ok(Sealed {
            position: report.position,
            records: report.records,
            bytes: report.bytes,
            parts: report.parts as u64,
        })
    }

    fn compact(&self) -> Result<bool, StoreError> {
        Ok(self.store.compact()?.merged > 0)
    }

    fn retain(&self, cutoff: UnixNanos, bytes: Option<u64>) -> Result<Removed, StoreError> {
        let report = self.store.retain(cutoff, bytes)?;
        Ok(Removed { parts: report.parts as u64, bytes: report.bytes })
    }
}
