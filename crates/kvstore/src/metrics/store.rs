//! The store: opening, applying, and what is asked about it.

use super::admit::Taken;
use super::apply::{self, FrameLinks, JournalFrame, Resolved};
use super::buffer::Codec;
use super::floats;
use super::gather::gathered;
use super::head::{Families, State, TenantHead};
use super::partition::IndexCache;
use super::report::{ApplyReport, HotStats};
use crate::engine::{Engine, EngineOptions};
use crate::error::KvError;
use crate::limits::{ACTIVE_SERIES, CACHE_BYTES, COMPACT_RUNS, INDEX_CACHE_BYTES, QUERY_SAMPLES, QUERY_SERIES};
use clew_columns::bytes::{BytesError, Problem, Reader, put_bytes, put_text};
use clew_columns::frames::metrics::MetricFrame;
use clew_columns::metrics::{decode_metadata, encode_metadata};
use clew_host::Files;
use clew_model::correlation::CorrelationRules;
use clew_model::metrics::{LabelSets, MetricBatch};
use clew_model::{SetAside, TenantId, UnixMillis};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

const METADATA: &str = "metadata";
const DAY: i64 = 86_400_000;

/// How to open a [`MetricStore`].
#[derive(Debug, Clone)]
pub struct MetricStoreOptions {
    /// Width of new partitions in milliseconds: a thirtieth of the retention, at least a day
    /// ([`crate::engine::partition_width`]).
    pub partition_width: i64,
    /// Bytes of blocks and indexes of tables kept in memory.
    pub cache_bytes: u64,
    /// Bytes of series indexes of sealed partitions kept in memory.
    pub index_cache_bytes: u64,
    /// Most series in the head (`limits.series`), see [`MetricStore::beyond_limit`].
    pub max_series: usize,
    /// Most series a query may read.
    pub query_series: usize,
    /// Most samples a query may read.
    pub query_samples: u64,
    /// Compaction makes no run of more bytes: what retention by size removes at once.
    pub max_run_bytes: u64,
    /// Trailing runs of about equal size after which a growing partition is compacted; at least 2.
    pub compact_runs: usize,
}

impl Default for MetricStoreOptions {
    fn default() -> Self {
        Self {
            partition_width: DAY,
            cache_bytes: CACHE_BYTES,
            index_cache_bytes: INDEX_CACHE_BYTES,
            max_series: ACTIVE_SERIES,
            query_series: QUERY_SERIES,
            query_samples: QUERY_SAMPLES,
            max_run_bytes: u64::MAX,
            compact_runs: COMPACT_RUNS,
        }
    }
}

/// The metric store. Reads go through [`clew_model::metrics::MetricReader`]. One thread applies, one seals, compacts and
/// retains (they wait for each other), any number read.
pub struct MetricStore {
    pub(super) engine: Engine,
    pub(super) state: RwLock<State>,
    pub(super) indexes: IndexCache,
    pub(super) taken: Taken,
    pub(super) options: MetricStoreOptions,
    pub(super) rules: Arc<CorrelationRules>,
    /// Held by whoever changes what is sealed.
    pub(super) maintenance: Mutex<()>,
}

impl MetricStore {
    /// Opens the store in `dir`, creating it when there is none. Batches after [`MetricStore::sealed_position`] must
    /// then be applied again from the journal.
    ///
    /// # Errors
    /// A directory that cannot be read or written, is in use, damaged, of a newer format or of another store.
    pub fn open(
        files: Arc<dyn Files>,
        dir: &Path,
        options: MetricStoreOptions,
        rules: Arc<CorrelationRules>,
    ) -> Result<Self, KvError> {
        let mut engine_options = EngineOptions::new("metrics", options.partition_width);
        engine_options.cache_bytes = options.cache_bytes;
        let engine = Engine::open(files, dir, engine_options)?;
        let metadata = match engine.meta_value(METADATA) {
            Ok(Some(bytes)) => read_metadata(&bytes).map_err(KvError::damaged("the metadata of metrics")),
            Ok(None) => Ok(BTreeMap::new()),
            Err(error) => Err(error),
        };
        // What is lost of it comes again with the next scrapes.
        let metadata = match metadata {
            Err(error) if error.is_damage() => BTreeMap::new(),
            other => other?,
        };
        let snapshot = engine.snapshot();
        let state = State {
            tenants: BTreeMap::new(),
            applied_position: snapshot.manifest().sealed_position,
            frozen_position: None,
            snapshot,
            metadata,
            metadata_is_new: false,
            codec: Codec::default(),
        };
        let indexes = IndexCache::new(options.index_cache_bytes);
        let (state, taken, maintenance) = (RwLock::new(state), Taken::default(), Mutex::new(()));
        Ok(Self { engine, state, indexes, taken, options, rules, maintenance })
    }

    /// Everything up to this journal position is sealed and need not be applied again.
    #[must_use]
    pub fn sealed_position(&self) -> u64 {
        self.state.read().snapshot.manifest().sealed_position
    }

    /// Samples before this instant, in milliseconds, are deleted, and those that come are not kept.
    #[must_use]
    pub fn kept_from(&self) -> UnixMillis {
        self.state.read().snapshot.manifest().retention_bound
    }

    /// Writes the batch that stands at `position` of the journal into the head; readable when it returns. Positions
    /// ascend; a batch at or before the last one applied (or sealed) does nothing, so replaying is harmless.
    ///
    /// Of two samples of a series with the same time, the first stays. Samples older than retention reaches are
    /// dropped.
    ///
    /// # Errors
    /// None at present; the signature keeps room for back-pressure.
    pub fn apply(&self, position: u64, tenant: &TenantId, batch: &MetricBatch) -> Result<ApplyReport, KvError> {
        let series = self.resolve(tenant, &batch.series);
        self.apply_resolved(position, tenant, batch, series)
    }

    /// Finds the series of a batch in the head, and adds those that it does not have: the journal writes them by the
    /// numbers that the head has for them.
    #[must_use]
    pub fn resolve(&self, tenant: &TenantId, series: &LabelSets) -> Resolved {
        if series.is_empty() {
            return Resolved::default();
        }
        let known = self.state.read().tenants.get(tenant).map(|head| (head.table, Arc::clone(&head.index)));
        let (table, index) = known.unwrap_or_else(|| {
            let mut state = self.state.write();
            let head = state.tenants.entry(tenant.clone()).or_default();
            (head.table, Arc::clone(&head.index))
        });
        Resolved::of(table, &index, series.keys())
    }

    /// As [`MetricStore::resolve`], where all of them are known and nobody has to be waited for: for threads that serve
    /// connections.
    #[must_use]
    pub fn try_resolve(&self, tenant: &TenantId, series: &LabelSets) -> Option<Resolved> {
        let (table, index) = {
            let state = self.state.try_read()?;
            let head = state.tenants.get(tenant)?;
            (head.table, Arc::clone(&head.index))
        };
        Resolved::known(table, &index, series.keys())
    }

    /// As [`MetricStore::apply`], of a batch whose series are resolved; once more if the table was made anew since.
    ///
    /// # Errors
    /// As [`MetricStore::apply`].
    pub fn apply_resolved(
        &self,
        position: u64,
        tenant: &TenantId,
        batch: &MetricBatch,
        mut series: Resolved,
    ) -> Result<ApplyReport, KvError> {
        self.apply_with(position, tenant, batch, |head| {
            if head.table != series.table && !batch.series.is_empty() {
                series = Resolved::of(head.table, &head.index, batch.series.keys());
            }
            series
        })
    }

    /// As [`MetricStore::apply`], of frames that follow each other in the journal: they are written series by series, and
    /// each series is looked up once a segment. Of those that are not `wanted` only the label sets are remembered, since
    /// later frames name them by number.
    ///
    /// # Errors
    /// As [`MetricStore::apply`].
    pub fn apply_frames(&self, frames: Vec<JournalFrame>, links: &mut FrameLinks) -> Result<(), KvError> {
        let mut state = self.state.write();
        let mut gathered = Vec::new();
        for JournalFrame { position, frame, wanted } in frames {
            links.take(&frame);
            if !wanted || position <= state.applied_position {
                continue;
            }
            let is_other = |first: &(MetricFrame, Resolved)| first.0.tenant != frame.tenant;
            if gathered.first().is_some_and(is_other) {
                Self::apply_gathered(&mut state, std::mem::take(&mut gathered));
            }
            let series = links.resolve(state.tenants.entry(frame.tenant.clone()).or_default(), &frame);
            gathered.push((frame, series));
            state.applied_position = position;
        }
        Self::apply_gathered(&mut state, gathered);
        self.taken.update(&state);
        Ok(())
    }

    /// Writes frames of one tenant.
    fn apply_gathered(state: &mut State, frames: Vec<(MetricFrame, Resolved)>) {
        let Some(tenant) = frames.first().map(|(frame, _)| frame.tenant.clone()) else { return };
        let (batch, series) = gathered(frames);
        apply::apply(state, &tenant, &batch, &series, floats::append_sorted);
    }

    fn apply_with(
        &self,
        position: u64,
        tenant: &TenantId,
        batch: &MetricBatch,
        resolve: impl FnOnce(&TenantHead) -> Resolved,
    ) -> Result<ApplyReport, KvError> {
        let mut state = self.state.write();
        if position <= state.applied_position {
            return Ok(ApplyReport { replayed: true, ..ApplyReport::default() });
        }
        let series = resolve(state.tenants.entry(tenant.clone()).or_default());
        let report = apply::apply(&mut state, tenant, batch, &series, floats::append);
        state.applied_position = position;
        self.taken.update_one(&state, tenant);
        Ok(report)
    }

    /// What is not sealed yet; the measure by which to seal.
    #[must_use]
    pub fn hot_stats(&self) -> HotStats {
        let state = self.state.read();
        let mut stats = HotStats {
            applied_position: state.applied_position,
            sealed_position: state.snapshot.manifest().sealed_position,
            ..HotStats::default()
        };
        for head in state.tenants.values() {
            let index = head.index.read();
            stats.series += index.len() as u64;
            stats.index_bytes += index.memory_bytes() as u64;
            for generation in [Some(&head.active), head.frozen.as_deref()].into_iter().flatten() {
                stats.samples += generation.samples;
                stats.sample_bytes += generation.bytes + generation.slot_bytes() as u64;
            }
        }
        stats
    }

    /// The latest time in a sealed run.
    #[must_use]
    pub fn newest(&self) -> Option<UnixMillis> {
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
        self.engine.cached_bytes().saturating_add(self.indexes.bytes())
    }

    /// The metadata as bytes to be published, if it is new since the last call.
    pub(super) fn take_new_metadata(state: &mut State) -> Option<(&'static str, Vec<u8>)> {
        std::mem::take(&mut state.metadata_is_new).then(|| (METADATA, write_metadata(&state.metadata)))
    }
}

fn write_metadata(metadata: &BTreeMap<TenantId, Arc<Families>>) -> Vec<u8> {
    let mut out = Vec::new();
    for (tenant, families) in metadata {
        put_text(&mut out, tenant.as_str());
        put_bytes(&mut out, &encode_metadata(families.by_name.values()));
    }
    out
}

fn read_metadata(bytes: &[u8]) -> Result<BTreeMap<TenantId, Arc<Families>>, BytesError> {
    let mut reader = Reader::new(bytes);
    let mut tenants = BTreeMap::new();
    while !reader.is_empty() {
        let name = reader.text("a tenant")?;
        let tenant = TenantId::new(name);
        let tenant = tenant.ok_or_else(|| reader.error("a tenant", Problem::BadValue(name.len() as u64)))?;
        let families = decode_metadata(reader.bytes("the metadata")?)?;
        tenants.insert(tenant, Arc::new(families.into_iter().collect()));
    }
    Ok(tenants)
}
