//! What the store holds of each tenant.

use super::store::MetricStore;
use clew_model::UsageByTenant;

impl MetricStore {
    /// What it holds of each tenant.
    #[must_use]
    pub fn usage(&self) -> UsageByTenant {
        let state = self.state.read();
        let mut usage = state.snapshot.manifest().usage();
        for (tenant, head) in &state.tenants {
            let own = usage.entry(tenant.clone()).or_default();
            for generation in [Some(&head.active), head.frozen.as_deref()].into_iter().flatten() {
                own.hot_records = own.hot_records.saturating_add(generation.samples);
                own.hot_bytes = own.hot_bytes.saturating_add(generation.bytes);
            }
        }
        usage
    }
}
