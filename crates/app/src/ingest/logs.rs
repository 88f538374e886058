//! Logs on the write path.

use super::log_feed::{FeedBatch, LogFeed, Watch};
use crate::error::AppError;
use crate::server::AppOptions;
use crate::signal::{Dropped, Hot, OnDisk, Removed, Sealed, SignalStore, StoreError};
use clew_columns::frames::logs::{self as frames, LogFrame};
use clew_columns::logs::EncodedBlock;
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
pub struct LogWriter {
    next_number: u64,
}

/// The records of a request as the blocks that the journal and the store keep.
pub struct LogBatch {
    tenant: TenantId,
    /// Known once the frame is written.
    first_number: u64,
    records: u64,
    blocks: Vec<EncodedBlock>,
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
    type Batch = LogBatch;
    type Writer = LogWriter;
    type Decoder = ();

    fn writer(&self) -> LogWriter {
        LogWriter { next_number: self.store.next_record_number() }
    }

    fn decoder(&self) {}

    fn count(records: &Vec<LogRecord>) -> u64 {
        records.len() as u64
    }

    fn memory(records: &Vec<LogRecord>) -> usize {
        records.iter().map(LogRecord::memory_bytes).sum()
    }

    fn encode(&self, tenant: TenantId, records: Vec<LogRecord>) -> Result<LogBatch, StoreError> {
        let blocks = self.store.encode(&records);
        Ok(LogBatch { tenant, first_number: 0, records: records.len() as u64, blocks })
    }

    fn append(
        writer: &mut LogWriter,
        _slot: AppendSlot,
        batch: &mut LogBatch,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        batch.first_number = writer.next_number;
        for block in &mut batch.blocks {
            block.rebase(batch.first_number).map_err(|error| StoreError::new(ErrorKind::Internal, error))?;
        }
        frames::encode(out, &batch.tenant, batch.first_number, &batch.blocks);
        writer.next_number = writer.next_number.saturating_add(batch.records);
        Ok(())
    }

    fn publish(&self, position: u64, batch: LogBatch) -> Result<Dropped, StoreError> {
        let LogBatch { tenant, first_number, records, blocks } = batch;
        let blocks: Vec<Arc<EncodedBlock>> = blocks.into_iter().map(Arc::new).collect();
        let _turn = self.feed.turn();
        self.store.publish(position, &tenant, first_number.saturating_add(records), &blocks);
        if self.feed.is_watched() {
            self.feed.publish(FeedBatch::of(tenant, records, blocks));
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
        let LogFrame { tenant, first_number, records, blocks } = frame;
        self.publish(position, LogBatch { tenant, first_number, records, blocks })?;
        Ok(records)
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
