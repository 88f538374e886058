//! Metrics made of spans: how many requests, how many failed, how long they took; by service, operation, kind and outcome,
//! and between services. Ordinary series, named as Tempo's metrics generator names them (decision 0009).
//!
//! The counts are an exact fold over the trace journal ([`super::Accumulator`]): after a crash they continue where what is
//! durable ends, so that no span is counted twice or not at all, and no counter falls. A batch that a sender sends again,
//! since it got no answer, is known by the identities of its spans and counts once, as its spans stand once in the store.

mod aging;
mod checkpoint;
mod duration;
mod edges;
mod names;
mod recent;
mod series;
mod state;

use super::TraceBatch;
use super::rooms::Accumulator;
use crate::signal::StoreError;
use clew_model::metrics::MetricBatch;
use clew_model::{ErrorKind, TenantId, UnixMillis};
use parking_lot::Mutex;
use state::Tenant;
use std::collections::BTreeMap;

/// The accumulator.
#[derive(Debug, Default)]
pub struct SpanMetrics {
    tenants: Mutex<BTreeMap<TenantId, Tenant>>,
}

impl SpanMetrics {
    /// The present values as samples at `now`, of each tenant that has any worth telling: those that changed since they
    /// were told last, and now and then those that did not.
    #[must_use]
    pub fn samples(&self, now: UnixMillis) -> Vec<(TenantId, MetricBatch)> {
        let mut tenants = self.tenants.lock();
        let samples = tenants.iter_mut().map(|(tenant, state)| (tenant.clone(), series::samples(state, now)));
        samples.filter(|(_, batch)| !batch.is_empty()).collect()
    }

    /// Notes whether what [`Self::samples`] gave last of this tenant is durable: the ends of series in it are not told again
    /// then, otherwise all of it is.
    pub fn were_written(&self, tenant: &TenantId, are_durable: bool) {
        let mut tenants = self.tenants.lock();
        let Some(tenant) = tenants.get_mut(tenant) else { return };
        if are_durable {
            let told = std::mem::take(&mut tenant.told_farewells).min(tenant.farewells.len());
            tenant.farewells.drain(..told);
        } else {
            tenant.take_back();
        }
    }

    /// Spans counted so far, of all tenants; those of series that are forgotten too.
    #[must_use]
    pub fn spans(&self) -> u64 {
        self.tenants.lock().values().map(|tenant| tenant.counted).sum()
    }
}

impl Accumulator<TraceBatch> for SpanMetrics {
    fn name(&self) -> &'static str {
        "span-metrics"
    }

    fn add(&self, batch: &TraceBatch) {
        let mut tenants = self.tenants.lock();
        match tenants.get_mut(&batch.tenant) {
            Some(tenant) => tenant.add(&batch.spans, batch.arrived),
            None => tenants.entry(batch.tenant.clone()).or_default().add(&batch.spans, batch.arrived),
        }
    }

    fn checkpoint(&self) -> Vec<u8> {
        checkpoint::checkpoint(&self.tenants.lock())
    }

    fn restore(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let restored = checkpoint::restore(bytes).map_err(|error| {
            let is_newer = matches!(error, clew_columns::ColumnsError::Version { .. });
            StoreError::new(if is_newer { ErrorKind::Unsupported } else { ErrorKind::Corrupt }, error)
        })?;
        *self.tenants.lock() = restored;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
