//! The hot tail: spans that are in the journal but not sealed, found by trace.
//!
//! A generation grows until a seal freezes it. Batches never change once they are in, so readers take them out and
//! look at them without holding the lock.

use super::options::HotStats;
use clew_columns::spans::id_term;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::Span;
use clew_model::value::attributes_heap_bytes;
use clew_model::{TenantId, TimeRange, TraceId, UsageByTenant};
use hashbrown::HashMap;
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The spans of one applied frame.
#[derive(Debug)]
pub(super) struct Batch {
    /// The spans as they came.
    pub spans: Arc<Vec<Span>>,
    /// First and last start.
    pub range: TimeRange,
    terms: OnceLock<Vec<u64>>,
}

impl Batch {
    fn new(spans: Arc<Vec<Span>>) -> Self {
        let starts = || spans.iter().map(|span| span.start);
        let range = TimeRange::new(starts().min().unwrap_or(i64::MAX), starts().max().unwrap_or(i64::MIN));
        Self { spans, range, terms: OnceLock::new() }
    }

    /// Whether a span may carry an ID with one of these terms. The first call walks the batch.
    pub(super) fn may_carry(&self, terms: &[u64], rules: &CorrelationRules) -> bool {
        let own = self.terms.get_or_init(|| {
            let mut own = Vec::with_capacity(self.spans.len() * 2);
            for span in self.spans.iter() {
                rules.visit_span(span, &mut |carried| own.push(id_term(&carried.id)));
            }
            own.sort_unstable();
            own.dedup();
            own
        });
        terms.iter().any(|term| own.binary_search(term).is_ok())
    }

    fn memory_bytes(&self) -> usize {
        let mut resource = std::ptr::null();
        let mut bytes = 0;
        for span in self.spans.iter() {
            bytes += span.memory_bytes() + INDEX_BYTES;
            // A frame's spans come by resource; each stretch counts once.
            if !std::ptr::eq(resource, Arc::as_ptr(&span.resource)) {
                resource = Arc::as_ptr(&span.resource);
                bytes += attributes_heap_bytes(&span.resource.attributes);
            }
        }
        bytes
    }
}

/// What the tables of a generation add for each span: its place, and its share of the trace's entry.
const INDEX_BYTES: usize = 48;

/// Where a span stands, and the span of the same trace that came before it.
#[derive(Debug, Clone, Copy)]
struct Place {
    batch: u32,
    row: u32,
    before: u32,
}

const NONE: u32 = u32::MAX;

/// The spans of one tenant in a generation.
#[derive(Debug, Default)]
pub(super) struct TenantTail {
    batches: Vec<Arc<Batch>>,
    places: Vec<Place>,
    last_of_trace: HashMap<TraceId, u32>,
}

impl TenantTail {
    fn push(&mut self, batch: Arc<Batch>) {
        let number = self.batches.len() as u32;
        for (row, span) in batch.spans.iter().enumerate() {
            let place = self.places.len() as u32;
            let before = self.last_of_trace.insert(span.trace_id, place).unwrap_or(NONE);
            self.places.push(Place { batch: number, row: row as u32, before });
        }
        self.batches.push(batch);
    }

    fn trace(&self, id: TraceId) -> Vec<(Arc<Batch>, usize)> {
        let mut found = Vec::new();
        let mut next = self.last_of_trace.get(&id).copied().unwrap_or(NONE);
        while let Some(place) = self.places.get(next as usize) {
            if let Some(batch) = self.batches.get(place.batch as usize) {
                found.push((batch.clone(), place.row as usize));
            }
            next = place.before;
        }
        found
    }
}

/// One generation of the hot tail.
#[derive(Debug, Default)]
pub(super) struct HotGeneration {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tenants: BTreeMap<TenantId, TenantTail>,
    stats: HotStats,
}

impl HotGeneration {
    /// Takes the spans of a frame in.
    pub(super) fn push(&self, position: u64, tenant: &TenantId, spans: Arc<Vec<Span>>) {
        let batch = Batch::new(spans);
        let bytes = batch.memory_bytes() as u64;
        let mut inner = self.inner.write();
        inner.stats.position = inner.stats.position.max(position);
        if batch.spans.is_empty() {
            return;
        }
        inner.stats.spans += batch.spans.len() as u64;
        inner.stats.bytes += bytes;
        inner.tenants.entry(tenant.clone()).or_default().push(Arc::new(batch));
    }

    /// What it holds.
    pub(super) fn stats(&self) -> HotStats {
        self.inner.read().stats
    }

    /// Adds what it holds of each tenant.
    pub(super) fn add_usage(&self, usage: &mut UsageByTenant) {
        for (tenant, tail) in &self.inner.read().tenants {
            let own = usage.entry(tenant.clone()).or_default();
            own.hot_records = own.hot_records.saturating_add(tail.places.len() as u64);
            let bytes = tail.batches.iter().map(|batch| batch.memory_bytes() as u64).sum();
            own.hot_bytes = own.hot_bytes.saturating_add(bytes);
        }
    }

    /// The tenants with spans.
    pub(super) fn tenants(&self) -> Vec<TenantId> {
        self.inner.read().tenants.keys().cloned().collect()
    }

    /// The batches of a tenant.
    pub(super) fn batches(&self, tenant: &TenantId) -> Vec<Arc<Batch>> {
        self.inner.read().tenants.get(tenant).map(|tail| tail.batches.clone()).unwrap_or_default()
    }

    /// The traces of a tenant.
    pub(super) fn trace_ids(&self, tenant: &TenantId) -> Vec<TraceId> {
        let inner = self.inner.read();
        inner.tenants.get(tenant).map(|tail| tail.last_of_trace.keys().copied().collect()).unwrap_or_default()
    }

    /// Where the spans of a trace stand, newest arrival first.
    pub(super) fn trace(&self, tenant: &TenantId, id: TraceId) -> Vec<(Arc<Batch>, usize)> {
        self.inner.read().tenants.get(tenant).map(|tail| tail.trace(id)).unwrap_or_default()
    }
}
