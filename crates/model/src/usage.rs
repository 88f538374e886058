//! What a store holds of a tenant.

use crate::id::TenantId;
use std::collections::BTreeMap;

/// What a store holds of one tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Records in memory, in no sealed part yet.
    pub hot_records: u64,
    /// Bytes of memory that they take; an estimate.
    pub hot_bytes: u64,
    /// Sealed parts on disk.
    pub parts: u64,
    /// Records in them.
    pub records: u64,
    /// Bytes that they take.
    pub bytes: u64,
}

/// What a store holds, by tenant: of each that has something.
pub type UsageByTenant = BTreeMap<TenantId, Usage>;
