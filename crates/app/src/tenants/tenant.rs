//! One tenant: its limits, what it has used of them, what came of it.

use super::limits::{Rate, TenantLimits};
use super::rate::Bucket;
use super::streams::{StreamOf, Streams};
use crate::error::AppError;
use crate::ingest::{Source, Tally};
use crate::limits::{STREAM_RETRY, TENANT_QUERY_RETRY};
use crate::server::Protocol;
use arc_swap::ArcSwap;
use clew_model::logs::LogRecord;
use clew_model::{MemoryShare, Signal, TenantId, UnixNanos};
use clew_telemetry::{Counter, Registry, table};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a request brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// Of which signal.
    pub signal: Signal,
    /// Records in it.
    pub records: u64,
    /// Bytes of its body, decompressed.
    pub bytes: u64,
}

/// One tenant.
pub struct Tenant {
    id: TenantId,
    /// What it is called in Clew's own metrics.
    label: String,
    force: ArcSwap<InForce>,
    buckets: Mutex<Buckets>,
    streams: Mutex<Streams>,
    queries: Arc<AtomicUsize>,
    tally: Tally,
    counts: Counts,
    registry: Arc<Registry>,
}

/// What is in force until the configuration is read anew.
struct InForce {
    limits: TenantLimits,
    /// What its queries may hold together, where that is limited.
    query_memory: Option<MemoryShare>,
}

impl InForce {
    fn new(limits: TenantLimits, label: &str, queries: &MemoryShare) -> Self {
        let query_memory = limits.query_memory.map(|limit| {
            let named = format!("tenant {label:?} (tenants.limits.query_memory)");
            MemoryShare::part_of(queries, limit, named)
        });
        Self { limits, query_memory }
    }
}

struct Buckets {
    records: Bucket,
    bytes: Bucket,
}

/// The rate that a request is beyond.
struct Beyond {
    rate: Rate,
    /// What the request brings.
    cost: u64,
    key: &'static str,
    unit: &'static str,
    /// How long until it is let in.
    wait: Duration,
}

impl Buckets {
    /// Takes what a request brings from both, or from neither where it is beyond one.
    fn take(&mut self, limits: TenantLimits, arrival: Arrival, now: Instant) -> Option<Beyond> {
        let mut rates = [
            (limits.records, &mut self.records, arrival.records, ("ingest_records", "records")),
            (limits.bytes, &mut self.bytes, arrival.bytes, ("ingest_bytes", "bytes")),
        ];
        for (rate, bucket, cost, (key, unit)) in &mut rates {
            if let Some(rate) = *rate
                && let Some(wait) = bucket.wait(rate, *cost, now)
            {
                return Some(Beyond { rate, cost: *cost, key, unit, wait });
            }
        }
        for (_, bucket, cost, _) in rates.into_iter().filter(|(rate, ..)| rate.is_some()) {
            bucket.take(cost);
        }
        None
    }
}

/// Its own metrics; by signal in the order of [`Signal::ALL`].
struct Counts {
    accepted: Vec<(Signal, Counter)>,
    bytes: Vec<(Signal, Counter)>,
    queries: Counter,
}

/// The place of a query among those of its tenant; given back on drop.
#[derive(Debug)]
pub(crate) struct QueryPlace {
    under_way: Arc<AtomicUsize>,
}

impl Drop for QueryPlace {
    fn drop(&mut self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What refused queries are counted as, in the place of a signal.
const QUERY: &str = "query";

impl Tenant {
    pub(super) fn new(
        id: TenantId,
        label: &str,
        limits: TenantLimits,
        registry: &Arc<Registry>,
        queries: &MemoryShare,
    ) -> Self {
        let by_signal = |metric| {
            let counter = |signal: Signal| (signal, registry.counter(metric, [label, signal.as_str()]));
            Signal::ALL.into_iter().map(counter).collect()
        };
        Self {
            force: ArcSwap::from_pointee(InForce::new(limits, label, queries)),
            buckets: Mutex::new(Buckets { records: Bucket::full(), bytes: Bucket::full() }),
            streams: Mutex::default(),
            queries: Arc::default(),
            tally: Tally::new(),
            counts: Counts {
                accepted: by_signal(&table::TENANT_ACCEPTED),
                bytes: by_signal(&table::TENANT_BYTES),
                queries: registry.counter(&table::TENANT_QUERIES, [label]),
            },
            label: label.to_owned(),
            registry: Arc::clone(registry),
            id,
        }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// What it may use.
    #[must_use]
    pub fn limits(&self) -> TenantLimits {
        self.force.load().limits
    }

    pub(super) fn configure(&self, limits: TenantLimits, queries: &MemoryShare) {
        if self.limits() != limits {
            self.force.store(Arc::new(InForce::new(limits, &self.label, queries)));
        }
    }

    /// Lets a request in that is within the rates, and takes what it brings from them.
    ///
    /// # Errors
    /// It is beyond one of them.
    pub(crate) fn admit(&self, arrival: Arrival) -> Result<(), AppError> {
        self.count(&self.counts.bytes, arrival.signal, arrival.bytes);
        let limits = self.limits();
        if limits.records.is_none() && limits.bytes.is_none() {
            return Ok(());
        }
        match self.buckets.lock().take(limits, arrival, Instant::now()) {
            None => Ok(()),
            Some(Beyond { rate, cost, key, unit, wait }) => {
                self.refused(arrival.signal.as_str(), key, arrival.records);
                Err(self.beyond_rate(rate, cost, (key, unit), wait))
            }
        }
    }

    /// Gives back what was taken from the rates for something that was not written after all.
    pub(crate) fn give_back(&self, arrival: Arrival) {
        let mut buckets = self.buckets.lock();
        buckets.records.give_back(arrival.records);
        buckets.bytes.give_back(arrival.bytes);
    }

    fn beyond_rate(&self, rate: Rate, cost: u64, (key, unit): (&str, &str), wait: Duration) -> AppError {
        let Rate { per_second, burst } = rate;
        // Seconds are whole: rounded up, so that whoever comes back is let in.
        let retry_after = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
        let message = format!(
            "ingestion rate limit exceeded for tenant {:?}: {per_second} {unit} a second with a burst of {burst} \
             (tenants.limits.{key}), while {cost} were to be written; send again in {retry_after} s",
            self.label
        );
        AppError::TenantLimit { message, retry_after }
    }

    /// Which log records may not enter since their streams are new and beyond the limit, by their place; none where all may.
    pub(crate) fn beyond_streams(&self, records: &[LogRecord]) -> Vec<bool> {
        let Some(limit) = self.limits().streams else { return Vec::new() };
        let (now, mut of, mut last) = (Instant::now(), StreamOf::default(), None);
        let mut streams = self.streams.lock();
        let mut is_beyond = |record: &LogRecord| {
            let stream = of.record(record);
            match last {
                Some((known, beyond)) if known == stream => beyond,
                _ => {
                    let beyond = !streams.admit(stream, limit, now);
                    last = Some((stream, beyond));
                    beyond
                }
            }
        };
        let beyond: Vec<bool> = records.iter().map(&mut is_beyond).collect();
        if beyond.contains(&true) { beyond } else { Vec::new() }
    }

    /// Why a log record may not enter whose stream is beyond the limit.
    pub(crate) fn too_many_streams(&self, record: &LogRecord) -> String {
        format!(
            "a new log stream of {:?} is beyond the limit of {} streams of tenant {:?} (tenants.limits.streams); streams \
             that are known go on. A stream is a service with its resource: take resource attributes away that never come \
             back, or raise the limit",
            record.service,
            self.limits().streams.unwrap_or_default(),
            self.label
        )
    }

    /// A request of which nothing was taken, since all of it is beyond a limit that known records are within.
    pub(crate) fn nothing_taken(message: String) -> AppError {
        AppError::TenantLimit { message, retry_after: STREAM_RETRY }
    }

    /// A place for a query.
    ///
    /// # Errors
    /// As many are under way as there may be.
    pub(crate) fn begin_query(&self) -> Result<QueryPlace, AppError> {
        self.counts.queries.inc();
        let before = self.queries.fetch_add(1, Ordering::Relaxed);
        // Given back where it is refused.
        let place = QueryPlace { under_way: Arc::clone(&self.queries) };
        match self.limits().queries {
            Some(limit) if before >= limit => {
                self.refused(QUERY, "queries", 1);
                let message = format!(
                    "too many queries of tenant {:?} are under way: {limit} (tenants.limits.queries); ask again in a moment",
                    self.label
                );
                Err(AppError::TenantLimit { message, retry_after: TENANT_QUERY_RETRY })
            }
            _ => Ok(place),
        }
    }

    /// What its queries may hold together, where that is limited.
    pub(crate) fn query_memory(&self) -> Option<MemoryShare> {
        self.force.load().query_memory.clone()
    }

    /// A query was refused for want of its tenant's memory.
    pub(crate) fn query_was_short(&self) {
        self.refused(QUERY, "query_memory", 1);
    }

    /// Counts what was refused.
    pub(crate) fn refused(&self, signal: &str, reason: &str, count: u64) {
        self.registry.counter(&table::TENANT_REFUSED, [&self.label, signal, reason]).add(count);
    }

    /// Records of a request that were taken and refused at `now`.
    pub(crate) fn took(&self, signal: Signal, protocol: Protocol, (taken, refused): (u64, u64), now: UnixNanos) {
        self.count(&self.counts.accepted, signal, taken);
        self.tally.accepted(signal, protocol, taken, now);
        if refused > 0 {
            self.tally.rejected(signal, protocol, refused);
        }
    }

    fn count(&self, counters: &[(Signal, Counter)], signal: Signal, count: u64) {
        let own = counters.iter().find(|(own, _)| *own == signal);
        own.into_iter().for_each(|(_, counter)| counter.add(count));
    }

    /// Who brought something since the start.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        self.tally.sources()
    }

    /// Log streams that sent lately; none where they are not limited.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.streams.lock().active(Instant::now())
    }

    /// Queries under way.
    #[must_use]
    pub fn queries(&self) -> usize {
        self.queries.load(Ordering::Relaxed)
    }
}
