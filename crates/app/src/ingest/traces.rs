//! Spans on the write path.

use crate::error::AppError;
use crate::server::AppOptions;
use crate::signal::{Account, Dropped, Hot, Needed, OnDisk, ReadFrame, Removed, Sealed, SignalStore, StoreError};
use clew_columns::frames::traces as frames;
use clew_host::{Clock, Files};
use clew_journal::AppendSlot;
use clew_kvstore::traces::{TraceStore, TraceStoreOptions};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::traces::{Span, TraceReader};
use clew_model::{ErrorKind, SetAside, Signal, TenantId, UnixMillis, UnixNanos, UsageByTenant};
use std::path::Path;
use std::sync::Arc;

/// The trace store behind its write path.
pub struct TraceSignal {
    store: TraceStore,
    clock: Arc<dyn Clock>,
}

/// The spans of a request, and their frame.
pub struct TraceBatch {
    /// Whose they are.
    pub(crate) tenant: TenantId,
    /// When they arrived.
    pub(crate) arrived: UnixMillis,
    /// The spans; the hot tail shares them.
    pub(crate) spans: Arc<Vec<Span>>,
    /// Empty when it was read back from the journal.
    frame: Vec<u8>,
}

impl TraceBatch {
    /// Spans without a frame, for accumulators under test.
    #[cfg(test)]
    pub(crate) fn of(tenant: TenantId, arrived: UnixMillis, spans: Vec<Span>) -> Self {
        Self { tenant, arrived, spans: Arc::new(spans), frame: Vec::new() }
    }
}

impl TraceSignal {
    /// Opens the store below `dir`.
    ///
    /// # Errors
    /// A store that cannot be read, or was written by a newer version.
    pub fn open(
        files: Arc<dyn Files>,
        dir: &Path,
        options: &AppOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AppError> {
        let defaults = TraceStoreOptions::default();
        let eighth = options.memory.caches / 8;
        let within = |bytes: usize| bytes.min(usize::try_from(eighth).unwrap_or(usize::MAX));
        let store_options = TraceStoreOptions {
            partition_width: super::partition_width(options.traces.retention.age),
            cache_bytes: defaults.cache_bytes.min(eighth),
            dictionary_bytes: within(defaults.dictionary_bytes),
            lookup_bytes: within(defaults.lookup_bytes),
            max_run_bytes: options.step_bytes(&options.traces),
        };
        let store = TraceStore::open(files, &dir.join("store"), store_options, Arc::clone(&options.rules))
            .map_err(|error| AppError::start("open the trace store", error))?;
        Ok(Self { store, clock })
    }

    /// What queries read.
    #[must_use]
    pub fn reader(&self) -> &dyn TraceReader {
        &self.store
    }
}

impl SignalStore for TraceSignal {
    const SIGNAL: Signal = Signal::Traces;
    type Records = Vec<Span>;
    type Batch = TraceBatch;
    type Writer = ();
    type Decoder = ();
    type Frame = TraceBatch;
    type Replay = ();

    fn writer(&self) {}

    fn count(spans: &Vec<Span>) -> u64 {
        spans.len() as u64
    }

    fn memory(spans: &Vec<Span>) -> usize {
        spans.iter().map(Span::memory_bytes).sum()
    }

    fn encode(&self, tenant: TenantId, spans: Vec<Span>) -> Result<TraceBatch, StoreError> {
        let mut frame = Vec::new();
        let arrived = self.clock.now().div_euclid(NANOS_PER_MILLI);
        frames::encode(&mut frame, &tenant, arrived, &spans);
        Ok(TraceBatch { tenant, arrived, spans: Arc::new(spans), frame })
    }

    fn append(
        _writer: &mut (),
        _slot: AppendSlot,
        batch: &mut TraceBatch,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        out.extend_from_slice(&batch.frame);
        Ok(())
    }

    fn publish(&self, position: u64, batch: &mut TraceBatch) -> Result<Dropped, StoreError> {
        self.store.apply(position, &batch.tenant, Arc::clone(&batch.spans));
        Ok(Dropped::default())
    }

    fn decode(
        _decoder: &mut (),
        _segment: u64,
        frame: &[u8],
        needed: Needed,
    ) -> Result<Option<TraceBatch>, StoreError> {
        let decoded = needed.any().then(|| frames::decode(frame)).transpose();
        let decoded = decoded.map_err(|error| StoreError::new(ErrorKind::Corrupt, error))?;
        Ok(decoded.map(|frames::TraceFrame { tenant, arrived, spans }| TraceBatch {
            tenant,
            arrived,
            spans: Arc::new(spans),
            frame: Vec::new(),
        }))
    }

    fn replay(
        &self,
        _state: &mut (),
        ReadFrame { position, frame: mut batch, needed }: ReadFrame<TraceBatch>,
        account: Account<'_, TraceBatch>,
    ) -> Result<u64, StoreError> {
        if needed.account {
            account(position, &batch);
        }
        if !needed.apply {
            return Ok(0);
        }
        self.publish(position, &mut batch)?;
        Ok(batch.spans.len() as u64)
    }

    fn sealed_position(&self) -> u64 {
        self.store.sealed_position()
    }

    fn kept_from(&self) -> UnixNanos {
        self.store.kept_from()
    }

    fn hot(&self) -> Hot {
        let hot = self.store.hot_stats();
        Hot { records: hot.spans, bytes: hot.bytes, needs_seal: hot.spans > 0 }
    }

    fn cached_bytes(&self) -> u64 {
        self.store.cached_bytes()
    }

    fn on_disk(&self) -> OnDisk {
        let sealed = self.store.sealed_stats();
        OnDisk { parts: sealed.runs, records: sealed.rows, bytes: self.store.disk_bytes() }
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
        Ok(Sealed { position: report.position, records: report.spans, bytes: report.bytes, parts: report.runs })
    }

    fn compact(&self) -> Result<bool, StoreError> {
        let known = self.store.damage_count();
        match self.store.compact() {
            // What is damaged is set aside; the others are merged by the next call.
            Err(error) if error.is_damage() && self.store.damage_count() > known => Ok(true),
            report => Ok(report?.merged > 0),
        }
    }

    fn retain(&self, cutoff: UnixNanos, bytes: Option<u64>) -> Result<Removed, StoreError> {
        let report = self.store.retain(cutoff, bytes)?;
        Ok(Removed { parts: report.runs, bytes: report.bytes })
    }
}
