//! What a tenant may use.

use clew_model::TenantId;
use std::collections::BTreeMap;

/// So much a second, and so much at once after a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// A second, on average. Not zero.
    pub per_second: u64,
    /// At once.
    pub burst: u64,
}

/// What one tenant may use; `None` is without a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TenantLimits {
    /// Records (log records, spans, samples) that are sent (`tenants.limits.ingest_records`).
    pub records: Option<Rate>,
    /// Bytes of bodies that are sent, decompressed (`tenants.limits.ingest_bytes`).
    pub bytes: Option<Rate>,
    /// Active series (`tenants.limits.series`).
    pub series: Option<usize>,
    /// Log streams (`tenants.limits.streams`).
    pub streams: Option<usize>,
    /// Queries under way, those that wait included (`tenants.limits.queries`).
    pub queries: Option<usize>,
    /// Bytes that its queries hold together (`tenants.limits.query_memory`).
    pub query_memory: Option<u64>,
}

/// What each may use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LimitsByTenant {
    /// Whoever is not named below.
    pub usual: TenantLimits,
    /// Those with limits of their own.
    pub overrides: BTreeMap<TenantId, TenantLimits>,
}

impl LimitsByTenant {
    /// What this one may use.
    #[must_use]
    pub fn of(&self, tenant: &TenantId) -> TenantLimits {
        self.overrides.get(tenant).copied().unwrap_or(self.usual)
    }
}
