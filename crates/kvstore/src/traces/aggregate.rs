//! Walking the spans of a time range trace by trace, each span once, without their attributes.

use super::durations::Durations;
use super::run::OpenRun;
use super::view::View;
use crate::error::KvError;
use clew_columns::spans::SpanDictionary;
use clew_model::traces::{ServiceSummary, Span, SpanKind, StatusCode};
use clew_model::{Context, ReadError, SpanId, TimeRange, TraceId};
use compact_str::CompactString;
use hashbrown::HashMap;

/// What aggregates look at in a span.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head<T> {
    /// Its ID.
    pub span_id: SpanId,
    /// Its role.
    pub kind: SpanKind,
    /// When it began.
    pub start: i64,
    /// When it ended.
    pub end: i64,
    /// Its outcome.
    pub status: StatusCode,
    /// Its parent, where the walk asked for parents.
    pub parent: Option<SpanId>,
    /// Its operation.
    pub name: T,
    /// Its service.
    pub service: T,
}

impl<T> Head<T> {
    /// As [`Span::duration`].
    pub fn duration(&self) -> i64 {
        self.end.saturating_sub(self.start).max(0)
    }
}

impl<'a> Head<&'a str> {
    /// The head of a whole span.
    pub fn of(span: &'a Span) -> Self {
        Self {
            span_id: span.span_id,
            kind: span.kind,
            start: span.start,
            end: span.end,
            status: span.status.code,
            parent: span.parent_span_id,
            name: span.name.as_str(),
            service: span.service(),
        }
    }

    fn to_owned(&self) -> Head<CompactString> {
        Head {
            span_id: self.span_id,
            kind: self.kind,
            start: self.start,
            end: self.end,
            status: self.status,
            parent: self.parent,
            name: self.name.into(),
            service: self.service.into(),
        }
    }
}

impl Head<CompactString> {
    fn borrowed(&self) -> Head<&str> {
        Head {
            span_id: self.span_id,
            kind: self.kind,
            start: self.start,
            end: self.end,
            status: self.status,
            parent: self.parent,
            name: self.name.as_str(),
            service: self.service.as_str(),
        }
    }
}

/// Is told the heads of one trace: all those in blocks and batches that touch the range, each span once.
pub type VisitTrace<'v> = dyn FnMut(TraceId, &[Head<&str>]) -> Result<(), ReadError> + 'v;

/// Walks the traces with spans in the range.
///
/// A trace in one place is told straight from its block; the parts of others are brought together first.
pub fn visit_traces(
    view: &View,
    context: &Context,
    range: TimeRange,
    visit: &mut VisitTrace<'_>,
) -> Result<(), ReadError> {
    let runs = view.runs(&context.tenant, range)?;
    let places = places_of_traces(view, context, &runs, range)?;
    let _memory = context.memory.reserve(places.len() as u64 * PLACE_BYTES)?;
    let mut split: HashMap<TraceId, Vec<Head<CompactString>>> = HashMap::new();
    let mut memory = Vec::new();
    for run in &runs {
        for number in blocks_in(run, range)? {
            context.check()?;
            let before = split.len();
            visit_block(run, number, &places, &mut split, visit)?;
            // Traces have a few spans a block; the estimate need not be exact.
            memory.push(context.memory.reserve((split.len() - before) as u64 * 10 * HEAD_BYTES)?);
        }
    }
    for batch in view.batches(&context.tenant).iter().filter(|batch| batch.range.overlaps(&range)) {
        context.check()?;
        memory.push(context.memory.reserve(batch.spans.len() as u64 * HEAD_BYTES)?);
        for span in batch.spans.iter().filter(|span| view.is_kept(span)) {
            split.entry(span.trace_id).or_default().push(Head::of(span).to_owned());
        }
    }
    for (id, mut heads) in split {
        // The order of heads begins with the identity and goes on as versions are chosen.
        heads.sort_unstable();
        heads.dedup_by_key(|head| (head.span_id, head.kind));
        let borrowed: Vec<Head<&str>> = heads.iter().map(Head::borrowed).collect();
        visit(id, &borrowed)?;
    }
    Ok(())
}

const PLACE_BYTES: u64 = 40;
const HEAD_BYTES: u64 = size_of::<Head<CompactString>>() as u64;

/// The blocks of a run with spans in the range.
pub fn blocks_in(run: &OpenRun<'_>, range: TimeRange) -> Result<Vec<u32>, KvError> {
    let zones = run.zones()?;
    Ok((0u32..).zip(zones.iter()).filter(|(_, zone)| zone.overlaps(&range)).map(|(number, _)| number).collect())
}

/// Each trace, and whether it is in more than one place (or in the hot tail, which is not sorted by trace).
fn places_of_traces(
    view: &View,
    context: &Context,
    runs: &[OpenRun<'_>],
    range: TimeRange,
) -> Result<HashMap<TraceId, bool>, ReadError> {
    let mut places: HashMap<TraceId, bool> = HashMap::new();
    for run in runs {
        for number in blocks_in(run, range)? {
            context.check()?;
            for trace in run.block(number)?.traces() {
                places.entry(trace.trace_id).and_modify(|several| *several = true).or_insert(false);
            }
        }
    }
    for batch in view.batches(&context.tenant).iter().filter(|batch| batch.range.overlaps(&range)) {
        places.extend(batch.spans.iter().map(|span| (span.trace_id, true)));
    }
    Ok(places)
}

fn visit_block(
    run: &OpenRun<'_>,
    number: u32,
    places: &HashMap<TraceId, bool>,
    split: &mut HashMap<TraceId, Vec<Head<CompactString>>>,
    visit: &mut VisitTrace<'_>,
) -> Result<(), ReadError> {
    let block = run.block(number)?;
    let dictionary = run.dictionary(number)?;
    let damaged = |error| run.damaged(&error);
    let heads = block.heads(&dictionary).map_err(damaged)?;
    let ids = block.span_ids().map_err(damaged)?;
    let parents = block.parents(&ids).map_err(damaged)?;
    let services = services_of(&dictionary);
    let mut trace_heads = Vec::new();
    for trace in block.traces() {
        trace_heads.clear();
        for row in trace.rows.clone() {
            let start = heads.starts.get(row).copied().unwrap_or(0);
            let resource = heads.resources.get(row).copied().unwrap_or(0);
            trace_heads.push(Head {
                span_id: ids.get(row).copied().unwrap_or(SpanId([0; 8])),
                kind: heads.kind(row),
                start,
                end: start.wrapping_add(heads.lasting.get(row).copied().unwrap_or(0)),
                status: heads.status(row),
                parent: parents.get(row).copied().flatten(),
                name: heads.name(row, &dictionary),
                service: services.get(resource as usize).copied().unwrap_or_default(),
            });
        }
        if places.get(&trace.trace_id).copied().unwrap_or(true) {
            split.entry(trace.trace_id).or_default().extend(trace_heads.iter().map(Head::to_owned));
        } else {
            visit(trace.trace_id, &trace_heads)?;
        }
    }
    Ok(())
}

fn services_of(dictionary: &SpanDictionary) -> Vec<&str> {
    dictionary.resources().iter().map(|resource| resource.service_name().unwrap_or_default()).collect()
}

/// What is known of the services of a range.
pub fn services(view: &View, context: &Context, range: TimeRange) -> Result<Vec<ServiceSummary>, ReadError> {
    let mut found: HashMap<String, (ServiceSummary, Durations)> = HashMap::new();
    visit_traces(view, context, range, &mut |_, heads| {
        for head in heads.iter().filter(|head| range.contains(head.start)) {
            let (summary, durations) = entry(&mut found, head.service, || ServiceSummary {
                name: head.service.to_owned(),
                last_seen: i64::MIN,
                ..ServiceSummary::default()
            });
            summary.spans += 1;
            summary.errors += u64::from(head.status == StatusCode::Error);
            summary.last_seen = summary.last_seen.max(head.start);
            durations.add(head.duration());
        }
        Ok(())
    })?;
    let mut services: Vec<ServiceSummary> = found
        .into_values()
        .map(|(summary, durations)| ServiceSummary { duration_quantiles: durations.quantiles(), ..summary })
        .collect();
    services.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(services)
}

/// The entry of a name; the name is copied only when it is new.
fn entry<'m, S>(
    found: &'m mut HashMap<String, (S, Durations)>,
    name: &str,
    make: impl FnOnce() -> S,
) -> &'m mut (S, Durations) {
    found.entry_ref(name).or_insert_with(|| (make(), Durations::default()))
}
