//! What the program holds and took of one tenant.

use crate::ingest::{Pipeline, Source};
use crate::server::App;
use crate::signal::{Hot, OnDisk, Retention, SignalStore};
use crate::status::{SignalStatus, Status};
use crate::tenants::{Tenant, TenantLimits};
use clew_model::{TenantId, Usage, UsageByTenant};
use std::sync::Arc;

/// One tenant: what came since the start, what is kept, what it uses now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantStatus {
    /// Its name.
    pub tenant: TenantId,
    /// Logs, metrics, traces.
    pub signals: Vec<SignalStatus>,
    /// Series that took samples lately.
    pub active_series: u64,
    /// Log streams that sent lately, where they are limited.
    pub streams: usize,
    /// Queries under way.
    pub queries: usize,
    /// What it may use.
    pub limits: TenantLimits,
}

/// Why a signal takes nothing, as tenants are told: where the disk is and what is wrong with it is the operator's.
const CLOSED: &str = "it is closed; the server's operator knows why";

impl App {
    /// What is held and came of one tenant, and nothing of others and of the machine. Asks the stores: blocks for a moment.
    #[must_use]
    pub fn status_of(&self, tenant: &TenantId) -> Status {
        let sources = self.tenants().map(|tenants| tenants.of_question(tenant).sources()).unwrap_or_default();
        Status {
            signals: self.signals_of(tenant, &sources, &self.usage()),
            sources,
            set_aside: Vec::new(),
            disk_full: self.is_disk_full(),
            clock_doubt: None,
        }
    }

    /// The same of all tenants that are known, by name.
    #[must_use]
    pub fn status_by_tenant(&self) -> Vec<TenantStatus> {
        let usage = self.usage();
        let status = |own: Arc<Tenant>| TenantStatus {
            signals: self.signals_of(own.id(), &own.sources(), &usage),
            active_series: self.metrics().store().active_series_of(own.id()),
            streams: own.streams(),
            queries: own.queries(),
            limits: own.limits(),
            tenant: own.id().clone(),
        };
        self.tenants().map(|tenants| tenants.all().into_iter().map(status).collect()).unwrap_or_default()
    }

    /// What the stores hold of each tenant: logs, metrics, traces.
    pub(crate) fn usage(&self) -> [UsageByTenant; 3] {
        [self.logs().store().usage(), self.metrics().store().usage(), self.traces().store().usage()]
    }

    fn signals_of(
        &self,
        tenant: &TenantId,
        sources: &[Source],
        [logs, metrics, traces]: &[UsageByTenant; 3],
    ) -> Vec<SignalStatus> {
        let options = self.options();
        let own = |usage: &UsageByTenant| usage.get(tenant).copied().unwrap_or_default();
        vec![
            signal(self.logs(), options.logs.retention, sources, own(logs)),
            signal(self.metrics(), options.metrics.retention, sources, own(metrics)),
            signal(self.traces(), options.traces.retention, sources, own(traces)),
        ]
    }
}

fn signal<S: SignalStore>(
    pipeline: &Pipeline<S>,
    retention: Retention,
    sources: &[Source],
    usage: Usage,
) -> SignalStatus {
    let Usage { hot_records, hot_bytes, parts, records, bytes } = usage;
    let own = || sources.iter().filter(|source| source.signal == S::SIGNAL);
    SignalStatus {
        signal: S::SIGNAL,
        accepted: own().map(|source| source.accepted).sum(),
        rejected: own().map(|source| source.rejected).sum(),
        hot: Hot { records: hot_records, bytes: hot_bytes, needs_seal: false },
        on_disk: OnDisk { parts, records, bytes },
        retention: Retention { bytes: None, ..retention },
        failed: pipeline.status().failed,
        closed: pipeline.closed().map(|_| CLOSED.to_owned()),
        set_aside: Vec::new(),
    }
}
