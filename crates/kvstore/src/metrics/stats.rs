//! What is sealed.

use super::store::MetricStore;
use crate::engine::SealedStats;

impl MetricStore {
    /// What is sealed: rows are samples.
    #[must_use]
    pub fn sealed_stats(&self) -> SealedStats {
        let snapshot = self.state.read().snapshot.clone();
        snapshot.manifest().sealed_stats()
    }
}
