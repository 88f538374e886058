//! How much the sealed runs hold.

use super::manifest::Manifest;
use clew_model::UsageByTenant;

/// What sealed runs hold together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealedStats {
    /// Time partitions of all tenants.
    pub partitions: u64,
    /// Runs in them.
    pub runs: u64,
    /// Rows (samples, spans) in them.
    pub rows: u64,
    /// Bytes that they take on disk.
    pub bytes: u64,
}

impl Manifest {
    /// What the published runs hold.
    #[must_use]
    pub fn sealed_stats(&self) -> SealedStats {
        let mut stats = SealedStats { partitions: self.partitions.len() as u64, ..SealedStats::default() };
        for run in self.partitions.values().flat_map(|partition| &partition.runs) {
            stats.runs += 1;
            stats.rows += run.rows;
            stats.bytes += run.bytes;
        }
        stats
    }

    /// What is sealed, by tenant.
    #[must_use]
    pub fn usage(&self) -> UsageByTenant {
        let mut usage = UsageByTenant::new();
        for (key, partition) in &self.partitions {
            let own = usage.entry(key.tenant.clone()).or_default();
            for run in &partition.runs {
                own.parts = own.parts.saturating_add(1);
                own.records = own.records.saturating_add(run.rows);
                own.bytes = own.bytes.saturating_add(run.bytes);
            }
        }
        usage
    }
}
