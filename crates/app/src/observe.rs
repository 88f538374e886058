//! What the use-cases tell Clew's own metrics.

use crate::ingest::{Source, Tally};
use crate::limit_named::limit_named;
use crate::limits::{MAX_TOLD_FILES, REFUSALS_TOLD};
use crate::memory::ShareUse;
use crate::server::Protocol;
use crate::signal::{Hot, OnDisk, Removed, Sealed};
use crate::tenants::Tenant;
use clew_model::{SetAside, Signal, UnixNanos};
use clew_telemetry::{Registry, table};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Counts what the write path, the keepers and the queries do.
pub struct Observer {
    registry: Arc<Registry>,
    tally: Tally,
    /// Of each signal how many files were set aside, and which of them were told.
    aside: Mutex<BTreeMap<&'static str, (usize, BTreeSet<PathBuf>)>>,
    /// Of each signal what is refused for want of room.
    refusals: Mutex<BTreeMap<&'static str, Refusals>>,
}

/// What is refused of a signal for want of room on the disk.
#[derive(Debug, Clone, Copy, Default)]
struct Refusals {
    /// Since the log last told of them.
    untold: u64,
    /// When it did, by monotonic time.
    told: Option<Duration>,
    /// Since there was room.
    all: u64,
}

impl Observer {
    /// An observer that counts in this registry.
    #[must_use]
    pub fn new(registry: Arc<Registry>) -> Self {
        Self { registry, tally: Tally::new(), aside: Mutex::default(), refusals: Mutex::default() }
    }

    /// The registry behind it.
    #[must_use]
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Records of a request that were taken at `now`.
    pub fn accepted(&self, signal: Signal, protocol: Protocol, count: u64, now: UnixNanos, took: Duration) {
        self.tally.accepted(signal, protocol, count, now);
        let signal = signal.as_str();
        self.registry.counter(&table::INGEST_ACCEPTED, [signal, protocol.as_str()]).add(count);
        self.registry.histogram(&table::INGEST_DURATION, [signal]).observe_duration(took);
    }

    /// Records, or whole requests (reason other than `record`), that were refused.
    pub fn rejected(&self, signal: Signal, protocol: Protocol, reason: &str, count: u64) {
        self.tally.rejected(signal, protocol, count);
        let labels = [signal.as_str(), protocol.as_str(), reason];
        self.registry.counter(&table::INGEST_REJECTED, labels).add(count);
    }

    /// Records that a stage dropped on purpose before they were written.
    pub fn dropped_by_stage(&self, signal: Signal, stage: &str, count: u64) {
        if count > 0 {
            self.registry.counter(&table::INGEST_STAGE_DROPPED, [signal.as_str(), stage]).add(count);
        }
    }

    /// What came since the start, by signal and protocol.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        self.tally.sources()
    }

    /// Bytes of a request's body as it came.
    pub fn request_bytes(&self, signal: Signal, protocol: &str, bytes: u64) {
        self.registry.counter(&table::INGEST_REQUEST_BYTES, [signal.as_str(), protocol]).add(bytes);
    }

    pub(crate) fn replayed(&self, signal: Signal, frames: u64, records: u64) {
        if frames > 0 {
            tracing::info!(signal = signal.as_str(), frames, records, "replayed the journal");
        }
    }

    pub(crate) fn sealed(&self, signal: Signal, sealed: &Sealed, took: Duration) {
        let labels = [signal.as_str()];
        self.registry.histogram(&table::STORE_SEAL_DURATION, labels).observe_duration(took);
        self.registry.counter(&table::STORE_SEALED_RECORDS, labels).add(sealed.records);
        self.registry.counter(&table::STORE_SEALED_BYTES, labels).add(sealed.bytes);
        tracing::debug!(signal = signal.as_str(), records = sealed.records, bytes = sealed.bytes, "sealed");
    }

    pub(crate) fn compacted(&self, signal: Signal, took: Duration) {
        self.registry.counter(&table::STORE_COMPACTIONS, [signal.as_str()]).inc();
        self.registry.histogram(&table::STORE_COMPACTION_DURATION, [signal.as_str()]).observe_duration(took);
    }

    pub(crate) fn retained(&self, signal: Signal, removed: &Removed) {
        if removed.parts > 0 {
            let labels = [signal.as_str(), "retention"];
            self.registry.counter(&table::RETENTION_DELETED_PARTS, labels).add(removed.parts);
            self.registry.counter(&table::RETENTION_DELETED_BYTES, labels).add(removed.bytes);
            tracing::info!(signal = signal.as_str(), parts = removed.parts, bytes = removed.bytes, "retention removed");
        }
    }

    pub(crate) fn seal_failed(&self, signal: Signal) {
        self.registry.counter(&table::STORE_SEAL_FAILURES, [signal.as_str()]).inc();
    }

    /// A query that was answered, or not.
    pub fn queried(&self, api: &str, outcome: &str, took: Duration) {
        self.registry.counter(&table::QUERIES, [api, outcome]).inc();
        self.registry.histogram(&table::QUERY_DURATION, [api]).observe_duration(took);
    }

    /// Counts the limits that messages name as the reason of a refusal, each once.
    pub fn refused<'m>(&self, messages: impl IntoIterator<Item = &'m str>) {
        let limits: BTreeSet<&str> = messages.into_iter().filter_map(limit_named).collect();
        limits.into_iter().for_each(|limit| self.limit_hit(limit));
    }

    /// A limit that refused or cut something short.
    pub fn limit_hit(&self, limit: &str) {
        self.registry.counter(&table::LIMIT_HITS, [limit]).inc();
    }

    /// Tells once in the log of each file of a signal that is set aside. `count` changes with what `list` answers.
    pub(crate) fn set_aside(&self, signal: Signal, count: usize, list: impl FnOnce() -> Vec<SetAside>) {
        let fresh: Vec<SetAside> = {
            let mut aside = self.aside.lock();
            let (known, told) = aside.entry(signal.as_str()).or_default();
            if *known == count {
                return;
            }
            *known = count;
            list().into_iter().filter(|file| told.insert(file.file.clone())).collect()
        };
        for SetAside { file, reason, records, requests } in fresh.iter().take(MAX_TOLD_FILES) {
            tracing::error!(
                signal = signal.as_str(),
                file = %file.display(),
                reason,
                records,
                requests,
                "set aside a file that is damaged or missing; everything else is served"
            );
        }
        let rest = fresh.get(MAX_TOLD_FILES..).unwrap_or_default();
        if !rest.is_empty() {
            let records: u64 = rest.iter().filter_map(|file| file.records).sum();
            let files = rest.len();
            tracing::error!(
                signal = signal.as_str(),
                files,
                records,
                "set aside more files; GET /api/v1/status lists them"
            );
        }
    }

    /// A request was refused for want of room: told in the log once a minute, with their count. `now` is monotonic time.
    pub(crate) fn refused_for_room(&self, signal: Signal, now: Duration, reason: &str) {
        let count = {
            let mut all = self.refusals.lock();
            let refusals = all.entry(signal.as_str()).or_default();
            refusals.all += 1;
            refusals.untold += 1;
            if refusals.told.is_some_and(|told| now < told + REFUSALS_TOLD) {
                return;
            }
            refusals.told = Some(now);
            std::mem::take(&mut refusals.untold)
        };
        tracing::error!(
            signal = signal.as_str(),
            count,
            reason,
            "requests are refused: the disk is full; what is stored is served, and they are taken again when there is room"
        );
    }

    /// A request was taken.
    pub(crate) fn has_room(&self, signal: Signal) {
        let refused = self.refusals.lock().remove(signal.as_str()).map_or(0, |refusals| refusals.all);
        if refused > 0 {
            tracing::warn!(signal = signal.as_str(), refused, "there is room on the disk again; requests are taken");
        }
    }

    /// Sets the gauges of what is set aside of a signal.
    pub(crate) fn aside_gauges(&self, signal: Signal, aside: &[SetAside]) {
        let labels = [signal.as_str()];
        self.registry.gauge(&table::STORE_SET_ASIDE_FILES, labels).set_count(aside.len() as u64);
        let records = aside.iter().filter_map(|file| file.records).sum();
        self.registry.gauge(&table::STORE_SET_ASIDE_RECORDS, labels).set_count(records);
        let requests = aside.iter().filter_map(|file| file.requests).sum();
        self.registry.gauge(&table::JOURNAL_LOST_REQUESTS, labels).set_count(requests);
    }

    /// What is held of each share of the memory.
    pub(crate) fn memory(&self, shares: &[ShareUse]) {
        for share in shares {
            self.registry.gauge(&table::MEMORY_BYTES, [share.name]).set_count(share.used);
            self.registry.gauge(&table::MEMORY_LIMIT_BYTES, [share.name]).set_count(share.limit);
        }
    }

    /// Queries that run now, and what they hold.
    pub(crate) fn running(&self, queries: usize, bytes: u64) {
        self.registry.gauge(&table::QUERIES_RUNNING, []).set_count(queries as u64);
        self.registry.gauge(&table::QUERY_MEMORY_BYTES, []).set_count(bytes);
    }

    pub(crate) fn active_series(&self, series: u64) {
        self.registry.gauge(&table::STORE_ACTIVE_SERIES, []).set_count(series);
    }

    /// Sets the gauges of a tenant.
    pub(crate) fn tenant_gauges(&self, tenant: &Tenant, series: u64) {
        let labels = [tenant.id().as_str()];
        self.registry.gauge(&table::TENANT_ACTIVE_SERIES, labels).set_count(series);
        if tenant.limits().streams.is_some() {
            self.registry.gauge(&table::TENANT_STREAMS, labels).set_count(tenant.streams() as u64);
        }
    }

    /// Sets the gauges of a store; called before metrics are shown.
    pub(crate) fn store_gauges(&self, signal: Signal, hot: Hot, disk: OnDisk) {
        let labels = [signal.as_str()];
        self.registry.gauge(&table::STORE_HOT_BYTES, labels).set_count(hot.bytes);
        self.registry.gauge(&table::STORE_PARTS, labels).set_count(disk.parts);
        self.registry.gauge(&table::STORE_BYTES, labels).set_count(disk.bytes);
        self.registry.gauge(&table::STORE_RECORDS, labels).set_count(disk.records);
    }
}
