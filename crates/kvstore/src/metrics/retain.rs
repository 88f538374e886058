//! Retention: what is older than a bound goes, run by run, and its space comes back.

use super::report::RetentionReport;
use super::run::{read_header, read_known};
use super::store::MetricStore;
use crate::engine::{PartitionKey, Run, Snapshot};
use crate::error::KvError;
use clew_model::UnixMillis;
use std::collections::BTreeSet;

impl MetricStore {
    /// Drops what ends at or before `cutoff` (rounded down to a partition's bound), then the oldest runs until at most
    /// `max_bytes` are on disk, keeping the newest of them. From then on nothing older than the bound is answered or
    /// accepted.
    ///
    /// # Errors
    /// The engine cannot write.
    pub fn retain(&self, cutoff: UnixMillis, max_bytes: Option<u64>) -> Result<RetentionReport, KvError> {
        let _maintenance = self.maintenance.lock();
        let width = self.engine.partition_width().max(1);
        let snapshot = self.state.read().snapshot.clone();
        let manifest = snapshot.manifest();
        let mut bound = manifest.retention_bound.max(cutoff.div_euclid(width).saturating_mul(width));
        if let Some(by_size) = max_bytes.and_then(|most| manifest.bound_for_size(most)) {
            bound = bound.max(by_size);
        }
        let mut report = RetentionReport { bound, ..RetentionReport::default() };
        if bound == manifest.retention_bound {
            return Ok(report);
        }
        let mut edit = self.engine.edit();
        let dropped = edit.drop_before(bound, |_, kept| can_do_without(&snapshot, kept));
        for (_, run) in &dropped {
            report.bytes += run.bytes;
            report.runs += 1;
        }
        let changed: BTreeSet<&PartitionKey> = dropped.iter().map(|(key, _)| key).collect();
        let is_gone =
            |key: &&&PartitionKey| manifest.partitions.get(**key).is_some_and(|partition| partition.end <= bound);
        report.partitions = changed.iter().filter(is_gone).count() as u64;
        edit.raise_retention_bound(bound);
        let published = edit.commit()?;
        self.state.write().snapshot = published;
        changed.into_iter().for_each(|key| self.indexes.forget(key));
        Ok(report)
    }
}

/// Whether these runs of a partition name all their series themselves, so that older ones can go.
fn can_do_without(snapshot: &Snapshot, kept: &[Run]) -> bool {
    kept.iter().all(|run| {
        // One that is set aside names nothing, and loses nothing.
        snapshot.set_aside(run).is_some()
            || read_header(snapshot, run).and_then(|header| read_known(snapshot, run, &header)).is_ok()
    })
}
