//! What one question reads: runs and hot generations as they were at one moment, each span in one place only.

use super::hot::{Batch, HotGeneration};
use super::run::{OpenRun, RunCaches};
use super::scan::Gathered;
use crate::engine::{Run, Snapshot};
use crate::error::KvError;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::Span;
use clew_model::{ReadMeter, TenantId, TimeRange, UnixNanos, Warnings};
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
    /// Where a question is told what it cannot be answered of.
    pub warnings: Warnings,
    /// What the last scan brought together, for the next one.
    pub gathered: Mutex<Option<Arc<Gathered>>>,
}

impl View {
    /// The tenant's runs with spans that start in the range.
    pub(super) fn runs(&self, tenant: &TenantId, range: TimeRange) -> Result<Vec<Arc<OpenRun>>, KvError> {
        let partitions = self.snapshot.manifest().overlapping(tenant, range.start, range.end);
        let runs = partitions.flat_map(|(_, partition)| &partition.runs);
        let touching = runs.filter(|run| run.min_time <= range.end && range.start <= run.max_time);
        touching.filter_map(|run| self.open(run).transpose()).collect()
    }

    /// All runs of the tenant.
    pub(super) fn all_runs(&self, tenant: &TenantId) -> Result<Vec<Arc<OpenRun>>, KvError> {
        let partitions = self.snapshot.manifest().partitions.iter().filter(|(key, _)| key.tenant == *tenant);
        let runs = partitions.flat_map(|(_, partition)| &partition.runs);
        runs.filter_map(|run| self.open(run).transpose()).collect()
    }

    /// `None` for a run that cannot be read, which is told.
    fn open(&self, run: &Run) -> Result<Option<Arc<OpenRun>>, KvError> {
        if !self.snapshot.can_be_read(run, &self.warnings) {
            return Ok(None);
        }
        let mut open = match OpenRun::open(&self.snapshot, run, &self.caches) {
            Ok(open) => open,
            Err(error) if error.is_damage() => {
                self.snapshot.can_be_read(run, &self.warnings);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        open.read = self.read.clone();
        Ok(Some(Arc::new(open)))
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
