//! Searching traces, newest first.
//!
//! Runs, blocks and batches are looked at in order of their last start, and the traces found in them in order of their
//! newest match: when a trace's turn comes, nothing left can hold a newer one of its matches. Then the whole trace is
//! brought together, so that the filter judges each span once and the summary is that of all spans. The search stops
//! when the page is full, having brought together hardly more traces than it shows.

use super::hot::Batch;
use super::run::OpenRun;
use super::view::View;
use clew_columns::spans::{FilterPlan, id_term, key_seed, operation_term, outcome_term, service_term, value_term};
use clew_model::logs::FieldTest;
use clew_model::traces::{AttributeTest, Span, StatusCode, TraceFilter, TracePage, TraceQuery, TraceSummary};
use clew_model::{CanonicalId, Context, ReadError, TimeRange, TraceId};
use hashbrown::{HashMap, HashSet};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::Arc;

/// Something with spans in it.
enum Unit {
    /// A run whose blocks are not looked at yet.
    Run(usize),
    /// A block of a run.
    Block { run: usize, number: u32 },
    /// A batch of the hot tail.
    Batch(Arc<Batch>),
    /// A trace with a match.
    Trace(TraceId),
}

/// Units by the newest match they may hold; where several are equal, traces come last.
#[derive(Default)]
struct Queue {
    order: BinaryHeap<(i64, bool, usize)>,
    units: Vec<Unit>,
    /// The newest match known of each trace.
    newest: HashMap<TraceId, i64>,
}

impl Queue {
    fn push(&mut self, newest: i64, unit: Unit) {
        let is_source = !matches!(unit, Unit::Trace(_));
        self.order.push((newest, is_source, self.units.len()));
        self.units.push(unit);
    }

    fn push_match(&mut self, id: TraceId, start: i64) {
        let known = self.newest.get(&id).copied();
        if known.is_none_or(|known| start > known) {
            self.newest.insert(id, start);
            self.push(start, Unit::Trace(id));
        }
    }
}

type Found = BTreeMap<Reverse<(i64, TraceId)>, TraceSummary>;

/// Answers a query.
pub fn search(view: &View, context: &Context, query: &TraceQuery) -> Result<TracePage, ReadError> {
    let mut page = TracePage::default();
    if query.limit == 0 || query.range.is_empty() {
        return Ok(page);
    }
    // What starts after the cursor cannot be the newest match of a trace behind it.
    let newest = query.after.map_or(i64::MAX, |(start, _)| start);
    let range = TimeRange::new(query.range.start, query.range.end.min(newest));
    let runs = view.runs(&context.tenant, range)?;
    let all_runs = view.all_runs(&context.tenant)?;
    let mut seen: HashSet<TraceId> = HashSet::new();
    let mut found = Found::new();
    let mut queue = Queue::default();
    runs.iter().enumerate().for_each(|(place, run)| queue.push(run.run.max_time, Unit::Run(place)));
    for batch in view.batches(&context.tenant).into_iter().filter(|batch| batch.range.overlaps(&range)) {
        queue.push(batch.range.end, Unit::Batch(batch));
    }
    while let Some((newest, _, place)) = queue.order.pop() {
        context.check()?;
        if is_full(&found, query.limit, newest) {
            break;
        }
        let Some(unit) = queue.units.get_mut(place) else { continue };
        match std::mem::replace(unit, Unit::Run(usize::MAX)) {
            Unit::Run(run) => push_blocks(&mut queue, &runs, run, query, range)?,
            Unit::Block { run, number } => {
                if let Some(run) = runs.get(run) {
                    push_matches_in_block(&mut queue, run, number, &query.filter, range)?;
                }
            }
            Unit::Batch(batch) => push_matches_in_batch(&mut queue, view, &batch, &query.filter, range),
            Unit::Trace(id) => {
                if seen.insert(id) {
                    let trace = view.trace(context, &all_runs, id)?;
                    keep(&mut found, query, id, &trace.spans);
                }
            }
        }
    }
    let more = found.len() > query.limit;
    page.traces = found.into_values().take(query.limit).collect();
    page.next = page.traces.last().filter(|_| more).map(|last| (last.newest_match, last.trace_id));
    Ok(page)
}

/// Whether one more than the limit is found that nothing with a match at or before `left` can precede.
fn is_full(found: &Found, limit: usize, left: i64) -> bool {
    found.len() > limit && found.keys().nth(limit).is_some_and(|Reverse((newest, _))| *newest > left)
}

/// Judges a trace and keeps it if it belongs to the answer so far.
fn keep(found: &mut Found, query: &TraceQuery, id: TraceId, spans: &[Span]) {
    let matching = || spans.iter().filter(|span| query.range.contains(span.start) && query.filter.matches(span));
    let Some(newest) = matching().map(|span| span.start).max() else { return };
    if query.after.is_some_and(|after| (newest, id) >= after) {
        return;
    }
    found.insert(Reverse((newest, id)), summary(id, spans, matching().count() as u64, newest));
    while found.len() > query.limit.saturating_add(1) {
        found.pop_last();
    }
}

fn summary(id: TraceId, spans: &[Span], matched: u64, newest_match: i64) -> TraceSummary {
    let root = spans.iter().find(|span| span.parent_span_id.is_none());
    let shown = root.or_else(|| spans.first());
    let start = spans.iter().map(|span| span.start).min().unwrap_or(0);
    let end = spans.iter().map(|span| span.end).max().unwrap_or(start);
    let mut services: BTreeMap<&str, u64> = BTreeMap::new();
    spans.iter().for_each(|span| *services.entry(span.service()).or_default() += 1);
    TraceSummary {
        trace_id: id,
        root_service: shown.map(|span| span.service().to_owned()).unwrap_or_default(),
        root_operation: shown.map(|span| span.name.to_string()).unwrap_or_default(),
        has_root: root.is_some(),
        start,
        duration: end.saturating_sub(start).max(0),
        spans: spans.len() as u64,
        errors: spans.iter().filter(|span| span.status.code == StatusCode::Error).count() as u64,
        services: services.into_iter().map(|(service, spans)| (service.to_owned(), spans)).collect(),
        matched,
        newest_match,
    }
}

/// Queues the blocks of a run that may hold matches.
fn push_blocks(
    queue: &mut Queue,
    runs: &[OpenRun<'_>],
    place: usize,
    query: &TraceQuery,
    range: TimeRange,
) -> Result<(), ReadError> {
    let filter = &query.filter;
    let (service, least) = (filter.service.as_deref(), filter.min_duration.unwrap_or(0));
    let Some(run) = runs.get(place) else { return Ok(()) };
    let candidates = candidate_blocks(run, filter)?.unwrap_or_else(|| (0..run.blocks()).collect());
    if candidates.is_empty() {
        return Ok(());
    }
    let zones = run.zones()?;
    for number in candidates {
        let Some(zone) = zones.get(number as usize) else { continue };
        if zone.overlaps(&range) && zone.may_last(service, least) {
            queue.push(zone.max_start, Unit::Block { run: place, number });
        }
    }
    Ok(())
}

/// The blocks that the index leaves; `None` when the filter asks nothing the index knows.
fn candidate_blocks(run: &OpenRun<'_>, filter: &TraceFilter) -> Result<Option<Vec<u32>>, ReadError> {
    let mut left: Option<Vec<u32>> = None;
    for terms in terms_of(filter) {
        let mut blocks = Vec::new();
        for term in terms {
            blocks.extend(run.find(term)?);
        }
        blocks.sort_unstable();
        blocks.dedup();
        if let Some(before) = left {
            blocks.retain(|block| before.binary_search(block).is_ok());
        }
        let done = blocks.is_empty();
        left = Some(blocks);
        if done {
            break;
        }
    }
    Ok(left)
}

/// Sets of terms: a block with a match holds one of each set.
fn terms_of(filter: &TraceFilter) -> Vec<Vec<u64>> {
    let service = filter.service.as_deref().map(service_term);
    let operation = filter.operation.as_deref().map(operation_term);
    let mut sets: Vec<Vec<u64>> = match (service, operation, filter.status) {
        (Some(service), Some(operation), Some(status)) => vec![vec![outcome_term(service, operation, status)]],
        (Some(service), Some(operation), None) => {
            let outcomes = [StatusCode::Unset, StatusCode::Ok, StatusCode::Error];
            vec![outcomes.map(|status| outcome_term(service, operation, status)).to_vec()]
        }
        (service, operation, _) => service.into_iter().chain(operation).map(|term| vec![term]).collect(),
    };
    sets.extend(filter.attributes.iter().filter_map(attribute_terms));
    sets
}

/// A value is indexed as an ID where the rules of that time called it one, else under its key: all are looked up.
fn attribute_terms(test: &AttributeTest) -> Option<Vec<u64>> {
    let FieldTest::Equals(text) = &test.test else { return None };
    let in_resource = test.key.strip_prefix("resource.").unwrap_or(&test.key);
    let mut terms = vec![value_term(key_seed(&test.key, false), text), value_term(key_seed(in_resource, true), text)];
    terms.extend(CanonicalId::new(text).map(|id| id_term(&id)));
    Some(terms)
}

fn push_matches_in_block(
    queue: &mut Queue,
    run: &OpenRun<'_>,
    number: u32,
    filter: &TraceFilter,
    range: TimeRange,
) -> Result<(), ReadError> {
    let dictionary = run.dictionary(number)?;
    let mut plan = FilterPlan::new(filter, &dictionary);
    if plan.is_impossible() {
        return Ok(());
    }
    let block = run.block(number)?;
    let rows = plan.rows(&block, &range).map_err(|error| run.damaged(&error))?;
    if rows.is_empty() {
        return Ok(());
    }
    let starts = block.starts().map_err(|error| run.damaged(&error))?;
    let mut traces = block.traces().iter();
    let mut trace = traces.next();
    for row in rows {
        while trace.is_some_and(|trace| trace.rows.end <= row) {
            trace = traces.next();
        }
        if let (Some(trace), Some(start)) = (trace, starts.get(row)) {
            queue.push_match(trace.trace_id, *start);
        }
    }
    Ok(())
}

fn push_matches_in_batch(queue: &mut Queue, view: &View, batch: &Batch, filter: &TraceFilter, range: TimeRange) {
    let passing =
        batch.spans.iter().filter(|span| view.is_kept(span) && range.contains(span.start) && filter.matches(span));
    passing.for_each(|span| queue.push_match(span.trace_id, span.start));
}
