//! What one call reads: runs and hot generations as they were at one moment, each span in one place only.

use super::hot::{Batch, HotGeneration};
use super::identity::unique;
use super::run::{OpenRun, RunCaches};
use crate::engine::Snapshot;
use crate::error::KvError;
use clew_columns::spans::trace_term;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::Span;
use clew_model::{Context, ReadError, Reservation, TenantId, TimeRange, TraceId};
use std::sync::Arc;

/// A consistent view of the store.
pub struct View {
    /// What is sealed.
    pub snapshot: Arc<Snapshot>,
    /// What is not, oldest first.
    pub hot: Vec<Arc<HotGeneration>>,
    /// Decoded parts of runs.
    pub caches: Arc<RunCaches>,
    /// Which values are IDs.
    pub rules: Arc<CorrelationRules>,
}

impl View {
    /// The tenant's runs with spans that start in the range.
    pub fn runs(&self, tenant: &TenantId, range: TimeRange) -> Result<Vec<OpenRun<'_>>, KvError> {
        let partitions = self.snapshot.manifest().overlapping(tenant, range.start, range.end);
        let runs = partitions.flat_map(|(_, partition)| &partition.runs);
        runs.filter(|run| run.min_time <= range.end && range.start <= run.max_time)
            .map(|run| OpenRun::open(&self.snapshot, run, &self.caches))
            .collect()
    }

    /// All runs of the tenant.
    pub fn all_runs(&self, tenant: &TenantId) -> Result<Vec<OpenRun<'_>>, KvError> {
        let partitions = self.snapshot.manifest().partitions.iter().filter(|(key, _)| key.tenant == *tenant);
        let runs = partitions.flat_map(|(_, partition)| &partition.runs);
        runs.map(|run| OpenRun::open(&self.snapshot, run, &self.caches)).collect()
    }

    /// The tenant's batches of the hot tail.
    pub fn batches(&self, tenant: &TenantId) -> Vec<Arc<Batch>> {
        self.hot.iter().flat_map(|hot| hot.batches(tenant)).collect()
    }

    /// The part of the range that retention still keeps: partitions may reach further back.
    pub fn kept(&self, range: TimeRange) -> TimeRange {
        TimeRange::new(range.start.max(self.snapshot.manifest().retention_bound), range.end)
    }

    /// Whether retention still keeps a span.
    pub fn is_kept(&self, span: &Span) -> bool {
        span.start >= self.snapshot.manifest().retention_bound
    }

    /// All spans of a trace, each once, by start; the memory they take is reserved as long as the answer lives.
    pub fn trace(&self, context: &Context, runs: &[OpenRun<'_>], id: TraceId) -> Result<TraceSpans, ReadError> {
        let mut memory = Vec::new();
        let mut spans = Vec::new();
        let term = trace_term(id);
        for run in runs {
            for number in run.find(term)? {
                context.check()?;
                let mut found = trace_in_block(run, number, id)?;
                found.retain(|span| self.is_kept(span));
                memory.push(context.memory.reserve(found.iter().map(|span| span.memory_bytes() as u64).sum())?);
                spans.extend(found);
            }
        }
        for hot in &self.hot {
            let places = hot.trace(&context.tenant, id);
            let found = places.iter().filter_map(|(batch, row)| batch.spans.get(*row));
            let found: Vec<&Span> = found.filter(|span| self.is_kept(span)).collect();
            memory.push(context.memory.reserve(found.iter().map(|span| span.memory_bytes() as u64).sum())?);
            spans.extend(found.into_iter().cloned());
        }
        Ok(TraceSpans { spans: unique(spans), _memory: memory })
    }
}

/// The spans of a trace with the memory they take.
pub struct TraceSpans {
    /// The spans, each once, by start.
    pub spans: Vec<Span>,
    _memory: Vec<Reservation>,
}

fn trace_in_block(run: &OpenRun<'_>, number: u32, id: TraceId) -> Result<Vec<Span>, KvError> {
    let block = run.block(number)?;
    let mut spans = Vec::new();
    for trace in block.traces().iter().filter(|trace| trace.trace_id == id) {
        let dictionary = run.dictionary(number)?;
        let found = block.spans(&dictionary, trace.rows.clone()).map_err(|error| run.damaged(&error))?;
        spans.extend(found);
    }
    Ok(spans)
}
