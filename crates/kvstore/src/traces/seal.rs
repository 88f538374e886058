//! Sealing: from hot generations to one run a tenant and partition.

use super::hot::{Batch, HotGeneration};
use super::identity::unique;
use super::options::SealReport;
use super::writer::SpanRunWriter;
use crate::engine::{Edit, PartitionKey};
use crate::error::KvError;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::Span;
use clew_model::{TenantId, TimeRange};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Writes the spans of frozen generations as runs of the edit's generation.
pub(super) fn write_generations(
    edit: &mut Edit<'_>,
    frozen: &[Arc<HotGeneration>],
    rules: &CorrelationRules,
) -> Result<SealReport, KvError> {
    let mut report = SealReport::default();
    let tenants: BTreeSet<TenantId> = frozen.iter().flat_map(|hot| hot.tenants()).collect();
    let bound = edit.manifest().retention_bound;
    for tenant in tenants {
        let batches: Vec<Arc<Batch>> = frozen.iter().flat_map(|hot| hot.batches(&tenant)).collect();
        let spans: Vec<&Span> = batches.iter().flat_map(|batch| batch.spans.iter()).collect();
        let arrived = spans.len();
        let spans: Vec<&Span> = spans.into_iter().filter(|span| span.start >= bound).collect();
        report.expired += (arrived - spans.len()) as u64;
        for (partition, spans) in by_partition(edit, &tenant, spans) {
            let arrived = spans.len();
            let spans = in_order(spans);
            report.duplicates += (arrived - spans.len()) as u64;
            let run = edit.write_run(&partition, |writer| {
                let starts = || spans.iter().map(|span| span.start);
                let range = TimeRange::new(starts().min().unwrap_or(0), starts().max().unwrap_or(0));
                let mut writer = SpanRunWriter::new(writer, rules, range);
                writer.push(&spans)?;
                writer.finish()
            })?;
            report.spans += run.rows;
            report.bytes += run.bytes;
            report.runs += 1;
            edit.add_run(&partition, run);
        }
    }
    Ok(report)
}

/// Spans by the partition of their start.
fn by_partition<'a>(
    edit: &mut Edit<'_>,
    tenant: &TenantId,
    spans: Vec<&'a Span>,
) -> BTreeMap<PartitionKey, Vec<&'a Span>> {
    let mut partitions: BTreeMap<PartitionKey, Vec<&'a Span>> = BTreeMap::new();
    // Most spans start in the partition of the one before.
    let mut last: Option<(PartitionKey, i64)> = None;
    for span in spans {
        let (key, end) = match last.take() {
            Some((key, end)) if key.start <= span.start && span.start < end => (key, end),
            _ => edit.partition_of(tenant, span.start),
        };
        match partitions.get_mut(&key) {
            Some(own) => own.push(span),
            None => {
                partitions.insert(key.clone(), vec![span]);
            }
        }
        last = Some((key, end));
    }
    partitions
}

/// Each span once, traces by first start, spans by start.
pub(super) fn in_order(mut spans: Vec<&Span>) -> Vec<&Span> {
    // Keys are taken out first: to follow each pointer at each comparison costs more than the sort.
    spans.sort_by_cached_key(|span| u128::from_be_bytes(span.trace_id.0));
    let mut traces: Vec<Vec<&Span>> =
        spans.chunk_by(|before, after| before.trace_id == after.trace_id).map(|trace| unique(trace.to_vec())).collect();
    traces.sort_by_cached_key(|trace| trace.first().map(|span| (span.start, span.trace_id)));
    traces.into_iter().flatten().collect()
}
