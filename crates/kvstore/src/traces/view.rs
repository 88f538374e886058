//! What one question reads: runs and hot generations as they were at one moment, each span in one place only.

use super::hot::{Batch, HotGeneration};
use super::run::{OpenRun, RunCaches};
use super::scan::Gathered;
use crate::engine::{Run, Snapshot};
use crate::error::KvError;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::Span;
use clew_model::{ReadMeter, TenantId, TimeRange, UnixNanos};
use parking_lot::Mutex;
use std::sync::Arc;

/// A consistent view of the store.
pub(super) struct View {
    /// What is sealed.
    pub snapshot: Arc<Snapshot>,
    /// What is not, oldest first.
    pub hot: Vec<Arc<HotGeneration>>,
    /// Decoded parts of runs.
    pub caches: Arc<RunCaches>,
    /// Which values are IDs.
    pub rules: Arc<CorrelationRules>,
    /// Counts what the question reads.
    pub read: ReadMeter,
    /// What the last scan brought together, for the next one.
    pub gathered: Mutex<Option<Arc<Gathered>>>,
}

impl View {
    /// The tenant's runs with spans that start in the range.
    pub(super) fn runs(&self, tenant: &TenantId, range: TimeRange) -> Result<Vec<Arc<OpenRun>>, KvError> {
        let partitions = self.snapshot.manifest().overlapping(tenant, range.start, range.end);
        let runs = partitions.flat_map(|(_, partition)| &partition.runs);
        runs.filter(|run| run.min_time <= range.end && range.start <= run.max_time).map(|run| self.open(run)).collect()
    }

    /// All runs of the tenant.
    pub(super) fn all_runs(&self, tenant: &TenantId) -> Result<Vec<Arc<OpenRun>>, KvError> {
        let partitions = self.snapshot.manifest().partitions.iter().filter(|(key, _)| key.tenant == *tenant);
        let runs = partitions.flat_map(|(_, partition)| &partition.runs);
        runs.map(|run| self.open(run)).collect()
    }

    fn open(&self, run: &Run) -> Result<Arc<OpenRun>, KvError> {
        let mut open = OpenRun::open(&self.snapshot, run, &self.caches)?;
        open.read = self.read.clone();
        Ok(Arc::new(open))
    }

    /// The tenant's batches of the hot tail.
    pub(super) fn batches(&self, tenant: &TenantId) -> Vec<Arc<Batch>> {
        self.hot.iter().flat_map(|hot| hot.batches(tenant)).collect()
    }

    /// The part of the range that retention still keeps: partitions may reach further back.
    pub(super) fn kept(&self, range: TimeRange) -> TimeRange {
        TimeRange::new(range.start.max(self.kept_from()), range.end)
    }

    /// Spans that started before this are not kept.
    pub(super) fn kept_from(&self) -> UnixNanos {
        self.snapshot.manifest().retention_bound
    }

    /// Whether retention still keeps a span.
    pub(super) fn is_kept(&self, span: &Span) -> bool {
        span.start >= self.kept_from()
    }
}
