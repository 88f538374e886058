//! One state of the store for a whole question.

use crate::engine::{Partition, PartitionKey, Snapshot};
use crate::metrics::head::{Families, Generation, SharedSeries};
use crate::metrics::store::MetricStore;
use clew_model::metrics::{
    ExemplarRow, ExemplarScan, Metadata, MetricReader, MetricView, SeriesBatch, SeriesScan, SeriesSet,
};
use clew_model::{Context, ReadError, Sink, TenantId, TimeRange, UnixMillis};
use std::sync::Arc;

/// Families that a scan of metadata hands on at once.
const FAMILIES_PER_BATCH: usize = 1_024;

/// The sealed runs, and the hot samples that belong with them.
pub(super) struct View<'s> {
    pub(super) store: &'s MetricStore,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) head: Option<HeadView>,
    tenant: TenantId,
    families: Option<Arc<Families>>,
}

/// A tenant's hot samples as they were.
pub(super) struct HeadView {
    /// Series were added since; only the first `known` count.
    pub(super) index: SharedSeries,
    pub(super) known: u32,
    pub(super) active: Generation,
    pub(super) frozen: Option<Arc<Generation>>,
}

impl HeadView {
    /// What was written, in the order of writing.
    pub(super) fn generations(&self) -> impl Iterator<Item = &Generation> {
        self.frozen.as_deref().into_iter().chain([&self.active])
    }

    /// Whether a series may have a sample in `start..=end`.
    pub(super) fn touches(&self, number: u32, start: UnixMillis, end: UnixMillis) -> bool {
        let mut buffers = self.generations().filter_map(|generation| generation.buffer(number));
        buffers.any(|buffer| buffer.touches(start, end))
    }
}

impl View<'_> {
    /// The range in milliseconds, both ends included, without what retention has passed.
    pub(super) fn range(&self, range: TimeRange) -> (UnixMillis, UnixMillis) {
        (range.start_millis().max(self.snapshot.manifest().retention_bound), range.end_millis())
    }

    /// The sealed partitions that may have samples in `start..=end`.
    pub(super) fn partitions(
        &self,
        (start, end): (UnixMillis, UnixMillis),
    ) -> impl Iterator<Item = (&PartitionKey, &Partition)> {
        let overlapping = self.snapshot.manifest().overlapping(&self.tenant, start, end);
        overlapping.filter(move |_| start <= end)
    }

    /// The range widened to the bounds of the partitions it touches.
    pub(super) fn partition_range(&self, (start, end): (UnixMillis, UnixMillis)) -> (UnixMillis, UnixMillis) {
        let manifest = self.snapshot.manifest();
        let width = self.store.engine.partition_width();
        let (first, _) = manifest.place(&self.tenant, start, width);
        let (_, after) = manifest.place(&self.tenant, end, width);
        (first.start.max(manifest.retention_bound), after.saturating_sub(1).max(end))
    }
}

impl MetricReader for MetricStore {
    fn view(&self, context: &Context) -> Box<dyn MetricView + '_> {
        Box::new(self.view_of(&context.tenant))
    }
}

impl MetricStore {
    /// Takes the sealed runs and the hot samples under one lock.
    pub(super) fn view_of(&self, tenant: &TenantId) -> View<'_> {
        let state = self.state.read();
        let head = state.tenants.get(tenant).map(|head| HeadView {
            index: Arc::clone(&head.index),
            known: head.index.read().len() as u32,
            active: head.active.clone(),
            frozen: head.frozen.clone(),
        });
        View {
            store: self,
            snapshot: Arc::clone(&state.snapshot),
            head,
            tenant: tenant.clone(),
            families: state.metadata.get(tenant).map(Arc::clone),
        }
    }
}

impl MetricView for View<'_> {
    fn scan_samples(
        &self,
        context: &Context,
        scan: &SeriesScan<'_>,
        sink: &dyn Sink<SeriesBatch>,
    ) -> Result<(), ReadError> {
        self.scan_runs(context, scan, sink)
    }

    fn scan_series(
        &self,
        context: &Context,
        scan: &SeriesScan<'_>,
        sink: &dyn Sink<dyn SeriesSet>,
    ) -> Result<(), ReadError> {
        self.scan_indexes(context, scan, sink)
    }

    fn scan_exemplars(
        &self,
        context: &Context,
        scan: &ExemplarScan<'_>,
        sink: &dyn Sink<[ExemplarRow]>,
    ) -> Result<(), ReadError> {
        self.scan_exemplars_of(context, scan, sink)
    }

    fn scan_metadata(
        &self,
        context: &Context,
        metric: Option<&str>,
        sink: &dyn Sink<[Metadata]>,
    ) -> Result<(), ReadError> {
        context.check()?;
        let Some(families) = &self.families else { return Ok(()) };
        let found: Vec<Metadata> = match metric {
            Some(metric) => families.by_name.get(metric).cloned().into_iter().collect(),
            None => families.by_name.values().cloned().collect(),
        };
        let mut worker = sink.worker();
        for batch in found.chunks(FAMILIES_PER_BATCH) {
            if worker.take(batch)? == clew_model::Flow::Stop {
                break;
            }
        }
        worker.merge()
    }
}
