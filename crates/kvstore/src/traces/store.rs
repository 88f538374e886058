//! The trace store: applying frames, sealing, compacting, retaining.

use super::compact;
use super::hot::HotGeneration;
use super::options::{CompactReport, HotStats, RetainReport, SealReport, TraceStoreOptions};
use super::run::{RunCaches, run_id};
use super::seal;
use super::view::View;
use crate::engine::{Engine, EngineOptions, PartitionKey, SealedStats, Snapshot};
use crate::error::KvError;
use clew_host::Files;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::{Span, TraceReader, TraceView};
use clew_model::{Context, ReadMeter, SetAside, TenantId, UnixNanos, UsageByTenant, Warnings};
use hashbrown::HashSet;
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// The store of spans: a hot tail in memory, before sealed runs in the key-value engine.
///
/// One thread applies frames in the order of the journal; sealing, compacting and retaining may run on another, one at
/// a time; reads go on beside both and see each span once at each moment. Reading is by
/// [`clew_model::traces::TraceReader`].
pub struct TraceStore {
    engine: Engine,
    rules: Arc<CorrelationRules>,
    caches: Arc<RunCaches>,
    max_run_bytes: u64,
    state: RwLock<State>,
    /// Held by whoever changes what is sealed.
    maintenance: Mutex<()>,
}

struct State {
    active: Arc<HotGeneration>,
    /// Frozen by a seal that is going on, or that failed and will be repeated.
    frozen: Vec<Arc<HotGeneration>>,
    snapshot: Arc<Snapshot>,
}

impl TraceStore {
    /// Opens the store in `dir`, creating it when there is none. `rules` say which values are IDs that
    /// `find_ids` finds.
    ///
    /// # Errors
    /// A directory that cannot be read or written, is in use, damaged, of a newer format or of another store.
    pub fn open(
        files: Arc<dyn Files>,
        dir: &Path,
        options: TraceStoreOptions,
        rules: Arc<CorrelationRules>,
    ) -> Result<Self, KvError> {
        let mut engine_options = EngineOptions::new("traces", options.partition_width);
        engine_options.cache_bytes = options.cache_bytes;
        let engine = Engine::open(files, dir, engine_options)?;
        let state = State { active: Arc::default(), frozen: Vec::new(), snapshot: engine.snapshot() };
        Ok(Self {
            engine,
            rules,
            caches: Arc::new(RunCaches::new(options.dictionary_bytes, options.lookup_bytes)),
            max_run_bytes: options.max_run_bytes,
            state: RwLock::new(state),
            maintenance: Mutex::new(()),
        })
    }

    /// Everything up to this journal position is sealed and synced: the journal may be trimmed to here, and replay
    /// begins behind it. 0 before the first seal.
    #[must_use]
    pub fn sealed_position(&self) -> u64 {
        self.state.read().snapshot.manifest().sealed_position
    }

    /// Spans that started before this instant are deleted, and those that come are not kept.
    #[must_use]
    pub fn kept_from(&self) -> UnixNanos {
        self.state.read().snapshot.manifest().retention_bound
    }

    /// Takes the spans of the frame at a journal position in, and shares them with the caller; they are readable when the
    /// call returns. Positions grow.
    pub fn apply(&self, position: u64, tenant: &TenantId, spans: impl Into<Arc<Vec<Span>>>) {
        // Held so that a seal does not freeze the generation between the choice and the push.
        let state = self.state.read();
        state.active.push(position, tenant, spans.into());
    }

    /// What the hot tail holds: when to seal, and when to slow down.
    #[must_use]
    pub fn hot_stats(&self) -> HotStats {
        let state = self.state.read();
        let mut total = HotStats::default();
        for hot in state.frozen.iter().chain([&state.active]) {
            let own = hot.stats();
            total.spans += own.spans;
            total.bytes += own.bytes;
            total.position = total.position.max(own.position);
        }
        total.position = total.position.max(state.snapshot.manifest().sealed_position);
        total
    }

    /// What is sealed: rows are spans.
    #[must_use]
    pub fn sealed_stats(&self) -> SealedStats {
        let snapshot = self.state.read().snapshot.clone();
        snapshot.manifest().sealed_stats()
    }

    /// What it holds of each tenant.
    #[must_use]
    pub fn usage(&self) -> UsageByTenant {
        let state = self.state.read();
        let mut usage = state.snapshot.manifest().usage();
        for hot in state.frozen.iter().chain([&state.active]) {
            hot.add_usage(&mut usage);
        }
        usage
    }

    /// The latest time in a sealed run.
    #[must_use]
    pub fn newest(&self) -> Option<UnixNanos> {
        self.engine.snapshot().manifest().newest()
    }

    /// What is damaged or missing, as far as is known.
    #[must_use]
    pub fn set_aside(&self) -> Vec<SetAside> {
        self.engine.set_aside()
    }

    /// How many files that is; asked often.
    #[must_use]
    pub fn damage_count(&self) -> usize {
        self.engine.damage_count()
    }

    /// Bytes on disk.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.engine.disk_bytes()
    }

    /// Bytes of what is kept of what was read.
    #[must_use]
    pub fn cached_bytes(&self) -> u64 {
        self.engine.cached_bytes().saturating_add(self.caches.bytes() as u64)
    }

    /// Writes what the hot tail holds to the engine and publishes it together with its journal position.
    ///
    /// # Errors
    /// The engine cannot write; everything stays readable, and the next call tries again.
    pub fn seal(&self) -> Result<SealReport, KvError> {
        let _guard = self.maintenance.lock();
        let frozen = self.freeze();
        let position = frozen.iter().map(|hot| hot.stats().position).max().unwrap_or(0);
        if position <= self.sealed_position() && frozen.iter().all(|hot| hot.stats().spans == 0) {
            self.state.write().frozen.clear();
            return Ok(SealReport { position: self.sealed_position(), ..SealReport::default() });
        }
        let mut edit = self.engine.edit();
        let mut report = seal::write_generations(&mut edit, &frozen, &self.rules)?;
        edit.set_sealed_position(position);
        let snapshot = edit.commit()?;
        report.position = snapshot.manifest().sealed_position;
        let mut state = self.state.write();
        // Publishing the runs and dropping the generations they were made of is one step for readers.
        state.snapshot = snapshot;
        state.frozen.clear();
        Ok(report)
    }

    fn freeze(&self) -> Vec<Arc<HotGeneration>> {
        let mut state = self.state.write();
        let active = std::mem::take(&mut state.active);
        state.frozen.push(active);
        state.frozen.clone()
    }

    /// Merges small runs of one partition, if that is worth it; call it again until the report is empty.
    ///
    /// # Errors
    /// The engine cannot read or write; what exists is as it was.
    pub fn compact(&self) -> Result<CompactReport, KvError> {
        let _guard = self.maintenance.lock();
        let snapshot = self.engine.snapshot();
        let Some(plan) = compact::plan(&snapshot, self.max_run_bytes) else { return Ok(CompactReport::default()) };
        let mut edit = self.engine.edit();
        let report = compact::merge(&mut edit, &snapshot, &plan, &self.caches, &self.rules)?;
        self.publish(edit.commit()?);
        Ok(report)
    }

    /// Drops the partitions that end at or before `cutoff` (nanoseconds), then the oldest runs while the sealed data take
    /// more than `max_bytes` on disk; the newest run stays. Spans of the hot tail that started before the
    /// partition of `cutoff` are hidden at once and never sealed.
    ///
    /// # Errors
    /// The engine cannot write; what exists is as it was.
    pub fn retain(&self, cutoff: i64, max_bytes: Option<u64>) -> Result<RetainReport, KvError> {
        let _guard = self.maintenance.lock();
        let snapshot = self.engine.snapshot();
        let width = self.engine.partition_width().max(1);
        let mut bound = cutoff.div_euclid(width).saturating_mul(width).max(snapshot.manifest().retention_bound);
        if let Some(by_size) = max_bytes.and_then(|most| snapshot.manifest().bound_for_size(most)) {
            bound = bound.max(by_size);
        }
        let ends = |bound: i64| snapshot.manifest().partitions.values().any(|partition| partition.end <= bound);
        if bound == snapshot.manifest().retention_bound && !ends(bound) {
            return Ok(RetainReport::default());
        }
        let mut report = RetainReport::default();
        let mut edit = self.engine.edit();
        // Runs name all that they need themselves.
        let dropped = edit.drop_before(bound, |_, _| true);
        for (_, run) in &dropped {
            report.runs += 1;
            report.spans += run.rows;
            report.bytes += run.bytes;
        }
        let changed: BTreeSet<&PartitionKey> = dropped.iter().map(|(key, _)| key).collect();
        let partitions = &snapshot.manifest().partitions;
        let is_gone = |key: &&&PartitionKey| partitions.get(**key).is_some_and(|partition| partition.end <= bound);
        report.partitions = changed.iter().filter(is_gone).count() as u64;
        edit.raise_retention_bound(bound);
        self.publish(edit.commit()?);
        Ok(report)
    }

    fn publish(&self, snapshot: Arc<Snapshot>) {
        let runs: HashSet<_> =
            snapshot.manifest().partitions.values().flat_map(|partition| &partition.runs).map(run_id).collect();
        self.state.write().snapshot = snapshot;
        self.caches.keep_only(|run| runs.contains(run));
    }

    /// What a question reads.
    pub(super) fn snapshot(&self) -> View {
        let state = self.state.read();
        View {
            snapshot: state.snapshot.clone(),
            hot: state.frozen.iter().chain([&state.active]).cloned().collect(),
            caches: self.caches.clone(),
            rules: self.rules.clone(),
            read: ReadMeter::default(),
            warnings: Warnings::default(),
            gathered: Mutex::default(),
        }
    }
}

impl TraceReader for TraceStore {
    fn view(&self, context: &Context) -> Box<dyn TraceView> {
        Box::new(View { read: context.read.clone(), warnings: context.warnings.clone(), ..self.snapshot() })
    }
}
