//! Logs on the write path.

use super::feed::{Fed, Feed, Watch};
use super::rooms::Tap;
use crate::error::AppError;
use crate::limits::{TAIL_FEED_BYTES, TAILS, TAILS_OF_A_TENANT};
use crate::server::AppOptions;
use crate::signal::{Account, Dropped, Hot, Needed, OnDisk, ReadFrame, Removed, Sealed, SignalStore, StoreError};
use clew_columns::frames::logs::{self as frames, LogFrame};
use clew_columns::logs::EncodedBlock;
use clew_host::Files;
use clew_journal::AppendSlot;
use clew_logstore::{LogStore, LogStoreError, LogStoreOptions};
use clew_model::logs::{LogReader, LogRecord};
use clew_model::{ErrorKind, SetAside, Signal, TenantId, UnixNanos, UsageByTenant};
use std::path::Path;
use std::sync::Arc;

/// The log store behind its write path.
pub struct LogSignal {
    store: LogStore,
    feed: Arc<LogFeed>,
}

/// What the live tail is fed with.
pub type LogFeed = Feed<FedLogs>;

/// Records of one request, as they were made readable.
#[derive(Debug, Clone)]
pub struct FedLogs {
    /// Whose they are.
    pub(crate) tenant: TenantId,
    /// The number of the first; the others follow.
    pub(crate) first_number: u64,
    /// The records, encoded: whoever tails reads them on a thread of its own.
    pub(crate) blocks: Vec<Arc<EncodedBlock>>,
}

impl Fed for FedLogs {
    fn owner(&self) -> &TenantId {
        &self.tenant
    }

    fn records(&self) -> u64 {
        self.blocks.iter().map(|block| block.rows as u64).sum()
    }

    fn bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.memory_bytes()).sum()
    }
}

impl Tap<LogBatch> for LogFeed {
    fn published(&self, batch: &LogBatch) {
        if self.is_watched() {
            let LogBatch { tenant, first_number, blocks, .. } = batch;
            self.publish(FedLogs { tenant: tenant.clone(), first_number: *first_number, blocks: blocks.clone() });
        }
    }
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
    blocks: Vec<Arc<EncodedBlock>>,
}

impl LogSignal {
    /// Opens the store below `dir`.
    ///
    /// # Errors
    /// Parts that cannot be read, or were written by a newer version.
    pub fn open(files: Arc<dyn Files>, dir: &Path, options: &AppOptions) -> Result<Self, AppError> {
        let rules = Arc::clone(&options.rules);
        let store_options =
            LogStoreOptions { max_part_bytes: options.step_bytes(&options.logs), ..LogStoreOptions::default() };
        let most_of_one = if options.tenants.is_some() { TAILS_OF_A_TENANT } else { TAILS };
        let store = LogStore::open(files, &dir.join("store"), store_options, rules)
            .map_err(|error| AppError::start("open the log store", error))?;
        Ok(Self { store, feed: Feed::new(TAIL_FEED_BYTES, TAILS, most_of_one) })
    }

    /// The tap that live tails watch.
    #[must_use]
    pub fn feed(&self) -> Arc<LogFeed> {
        Arc::clone(&self.feed)
    }

    /// Watches what is made readable from now on, and the number from which on the feed brings records: those before are in
    /// the store, and may come once more. `None` when too many watch already.
    pub(crate) fn watch(&self, tenant: &TenantId) -> Option<(Watch<FedLogs>, u64)> {
        // In this order: what the store takes in after it was asked is fed to a watcher that was there already.
        let watch = self.feed.watch(tenant)?;
        Some((watch, self.store.next_record_number()))
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
    type Frame = LogFrame;
    type Replay = ();

    fn writer(&self) -> LogWriter {
        LogWriter { next_number: self.store.next_record_number() }
    }

    fn count(records: &Vec<LogRecord>) -> u64 {
        records.len() as u64
    }

    fn memory(records: &Vec<LogRecord>) -> usize {
        records.iter().map(LogRecord::memory_bytes).sum()
    }

    fn encode(&self, tenant: TenantId, records: Vec<LogRecord>) -> Result<LogBatch, StoreError> {
        let blocks = self.store.encode(&records).into_iter().map(Arc::new).collect();
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
            // Nobody else has the block yet, so that it is changed in place.
            let numbered = Arc::make_mut(block).rebase(batch.first_number);
            numbered.map_err(|error| StoreError::new(ErrorKind::Internal, error))?;
        }
        frames::encode(out, &batch.tenant, batch.first_number, &batch.blocks);
        writer.next_number = writer.next_number.saturating_add(batch.records);
        Ok(())
    }

    fn publish(&self, position: u64, batch: &mut LogBatch) -> Result<Dropped, StoreError> {
        let next = batch.first_number.saturating_add(batch.records);
        self.store.publish(position, &batch.tenant, next, &batch.blocks);
        Ok(Dropped::default())
    }

    fn decode(_decoder: &mut (), _segment: u64, frame: &[u8], needed: Needed) -> Result<Option<LogFrame>, StoreError> {
        let decoded = needed.any().then(|| frames::decode(frame)).transpose();
        decoded.map_err(|error| StoreError::new(ErrorKind::Corrupt, error))
    }

    fn replay(
        &self,
        _state: &mut (),
        ReadFrame { position, frame, needed }: ReadFrame<LogFrame>,
        account: Account<'_, LogBatch>,
    ) -> Result<u64, StoreError> {
        let LogFrame { tenant, first_number, records, blocks } = frame;
        let blocks = blocks.into_iter().map(Arc::new).collect();
        let mut batch = LogBatch { tenant, first_number, records, blocks };
        if needed.account {
            account(position, &batch);
        }
        if !needed.apply {
            return Ok(0);
        }
        self.publish(position, &mut batch)?;
        Ok(batch.records)
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

    fn usage(&self) -> UsageByTenant {
        self.store.usage()
    }

    fn newest(&self) -> Option<UnixNanos> {
        self.store.newest()
    }

    fn set_aside(&self) -> Vec<SetAside> {
        self.store.set_aside()
    }

    fn damage_count(&self) -> usize {
        self.store.damage_count()
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
