//! Retention: partitions are dropped whole.

use super::report::RetentionReport;
use super::store::MetricStore;
use crate::engine::{Manifest, Partition, PartitionKey};
use crate::error::KvError;
use clew_model::UnixMillis;

impl MetricStore {
    /// Drops partitions that end at or before `cutoff` (rounded down to a partition's bound), then the oldest ones
    /// until at most `max_bytes` are on disk, keeping the newest of them. From then on nothing older than the bound is
    /// answered or accepted.
    ///
    /// # Errors
    /// The engine cannot write.
    pub fn retain(&self, cutoff: UnixMillis, max_bytes: Option<u64>) -> Result<RetentionReport, KvError> {
        let _maintenance = self.maintenance.lock();
        let width = self.engine.partition_width().max(1);
        let snapshot = self.state.read().snapshot.clone();
        let manifest = snapshot.manifest();
        let mut bound = manifest.retention_bound.max(cutoff.div_euclid(width).saturating_mul(width));
        if let Some(max_bytes) = max_bytes {
            bound = bound.max(bound_for_size(manifest, max_bytes));
        }
        let mut report = RetentionReport { bound, ..RetentionReport::default() };
        if bound == manifest.retention_bound {
            return Ok(report);
        }
        let mut edit = self.engine.edit();
        let ended = manifest.partitions.iter().filter(|(_, partition)| partition.end <= bound);
        let ended: Vec<PartitionKey> = ended.map(|(key, _)| key.clone()).collect();
        for key in &ended {
            report.bytes += manifest.partitions.get(key).map_or(0, Partition::bytes);
            report.partitions += 1;
            edit.drop_partition(key);
        }
        edit.raise_retention_bound(bound);
        let published = edit.commit()?;
        self.state.write().snapshot = published;
        ended.iter().for_each(|key| self.indexes.forget(key));
        Ok(report)
    }
}

/// The bound that leaves at most `max_bytes` on disk, or the newest partitions when they alone have more.
fn bound_for_size(manifest: &Manifest, max_bytes: u64) -> UnixMillis {
    let mut by_end: Vec<(UnixMillis, u64)> =
        manifest.partitions.values().map(|partition| (partition.end, partition.bytes())).collect();
    by_end.sort_unstable();
    let newest = by_end.last().map_or(UnixMillis::MIN, |(end, _)| *end);
    let mut held: u64 = by_end.iter().map(|(_, bytes)| bytes).sum();
    let mut bound = UnixMillis::MIN;
    for (end, bytes) in by_end {
        if held <= max_bytes || end == newest {
            break;
        }
        held -= bytes;
        bound = end;
    }
    bound
}
