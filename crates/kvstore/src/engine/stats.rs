//! How much the sealed runs hold.

use super::manifest::Manifest;

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
}
