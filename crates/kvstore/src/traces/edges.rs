//! Calls between services: spans whose parent belongs to another service.

use super::aggregate::{Head, visit_traces};
use super::run::{OpenRun, run_id};
use super::view::View;
use clew_columns::spans::trace_term;
use clew_model::traces::{ServiceEdge, SpanKind, StatusCode};
use clew_model::{Context, ReadError, SpanId, TimeRange, TraceId};
use hashbrown::{HashMap, HashSet};
use std::collections::BTreeMap;

type Edges = BTreeMap<(String, String), (u64, u64)>;

/// The calls whose span starts in the range; parents may lie outside it.
pub fn service_edges(view: &View, context: &Context, range: TimeRange) -> Result<Vec<ServiceEdge>, ReadError> {
    let mut edges = Edges::new();
    let all_runs = view.all_runs(&context.tenant)?;
    visit_traces(view, context, range, &mut |id, heads| {
        if !add_edges(heads, range, &mut edges) {
            return Ok(());
        }
        // A parent is missing: it may stand in a block that the range does not touch.
        let more = is_elsewhere(view, context, &all_runs, range, id)?;
        let whole = if more { Some(view.trace(context, &all_runs, id)?) } else { None };
        match &whole {
            Some(trace) => {
                let heads: Vec<Head<&str>> = trace.spans.iter().map(Head::of).collect();
                count_edges(&heads, range, &mut edges);
            }
            None => count_edges(heads, range, &mut edges),
        }
        Ok(())
    })?;
    let edge = |((client, server), (calls, errors))| ServiceEdge { client, server, calls, errors };
    Ok(edges.into_iter().map(edge).collect())
}

/// Counts the edges of a trace unless a parent is missing, which is the answer.
fn add_edges(heads: &[Head<&str>], range: TimeRange, edges: &mut Edges) -> bool {
    let ids: HashSet<SpanId> = heads.iter().map(|head| head.span_id).collect();
    let missing = |head: &Head<&str>| head.parent.is_some_and(|parent| !ids.contains(&parent));
    if heads.iter().any(|head| range.contains(head.start) && missing(head)) {
        return true;
    }
    count_edges(heads, range, edges);
    false
}

fn count_edges(heads: &[Head<&str>], range: TimeRange, edges: &mut Edges) {
    let mut by_id: HashMap<SpanId, Vec<&Head<&str>>> = HashMap::with_capacity(heads.len());
    heads.iter().for_each(|head| by_id.entry(head.span_id).or_default().push(head));
    for head in heads.iter().filter(|head| range.contains(head.start)) {
        let parents = head.parent.and_then(|parent| by_id.get(&parent));
        let Some(client) = parents.and_then(|parents| calling_service(parents, head.service)) else { continue };
        let (calls, errors) = edges.entry((client.to_owned(), head.service.to_owned())).or_default();
        *calls += 1;
        *errors += u64::from(head.status == StatusCode::Error);
    }
}

/// The service that called, if it is another one. Where client and server share a span ID (Zipkin), work inside the
/// server's service is no call, and other calls come from the server's side.
fn calling_service<'a>(parents: &[&Head<&'a str>], own: &str) -> Option<&'a str> {
    if parents.iter().any(|parent| parent.service == own) {
        return None;
    }
    let serving = |head: &Head<&str>| !matches!(head.kind, SpanKind::Server | SpanKind::Consumer);
    parents.iter().min_by_key(|parent| (serving(parent), parent.service)).map(|parent| parent.service)
}

/// Whether spans of the trace may stand where the walk over the range does not come.
fn is_elsewhere(
    view: &View,
    context: &Context,
    runs: &[OpenRun<'_>],
    range: TimeRange,
    id: TraceId,
) -> Result<bool, ReadError> {
    let walked: HashSet<_> = view.runs(&context.tenant, range)?.iter().map(|run| run_id(run.run)).collect();
    for run in runs {
        let is_walked = walked.contains(&run_id(run.run));
        if is_walked && range.start <= run.run.min_time && run.run.max_time <= range.end {
            continue;
        }
        let zones = run.zones()?;
        let passed_by =
            |block: &u32| !is_walked || zones.get(*block as usize).is_some_and(|zone| !zone.overlaps(&range));
        if run.find(trace_term(id))?.iter().any(passed_by) {
            return Ok(true);
        }
    }
    let places = view.hot.iter().flat_map(|hot| hot.trace(&context.tenant, id));
    Ok(places.into_iter().any(|(batch, _)| !batch.range.overlaps(&range)))
}
