//! Calls between services: spans whose parent belongs to another service.

use super::locked;
use super::names::Names;
use clew_model::traces::{
    Among, Call, CallColumns, Grain, Parents, ServiceEdge, SpanBatch, SpanKind, SpanScan, StatusCode, TraceFilter,
    TraceRows, TraceView, Weights,
};
use clew_model::{Context, Flow, ReadError, Reservation, Sink, SinkWorker, SpanId, TimeRange, TraceId};
use hashbrown::HashMap;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Bytes that an edge takes, an estimate.
const EDGE_BYTES: u64 = 128;

/// The calls whose span starts in the range, sorted by client and server; parents may lie outside it.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn service_edges(context: &Context, view: &dyn TraceView, range: TimeRange) -> Result<Vec<ServiceEdge>, ReadError> {
    let filter = TraceFilter::default();
    let sink = Edges { context, is_whole: false, found: Mutex::default() };
    let scan = SpanScan::by_trace(range, &filter, Grain::Calls);
    view.scan(context, &scan, &sink)?;
    let mut found = sink.found.into_inner().unwrap_or_default();
    // Parents of these stand where the range does not reach, or have never arrived.
    let split = std::mem::take(&mut found.split);
    let sink = Edges { context, is_whole: true, found: Mutex::new(found) };
    if !split.is_empty() {
        let scan = SpanScan { among: Among::Traces(&split), grain: Grain::Span, ..scan };
        view.scan(context, &scan, &sink)?;
    }
    let edge = |((client, server), counts): ((String, String), Counts)| ServiceEdge {
        client,
        server,
        calls: counts.calls.unsigned_abs(),
        errors: counts.errors.unsigned_abs(),
    };
    let found = sink.found.into_inner().unwrap_or_default();
    Ok(found.edges.into_iter().filter(|(_, counts)| counts.calls > 0).map(edge).collect())
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    calls: i64,
    errors: i64,
}

#[derive(Default)]
struct Found {
    edges: BTreeMap<(String, String), Counts>,
    /// Traces of which a parent is missing.
    split: Vec<TraceId>,
    memory: Vec<Reservation>,
}

struct Edges<'c> {
    context: &'c Context,
    /// Whether traces come whole, so that a missing parent has not arrived.
    is_whole: bool,
    found: Mutex<Found>,
}

impl Sink<dyn SpanBatch> for Edges<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SpanBatch> + '_> {
        Box::new(Worker {
            sink: self,
            names: Names::default(),
            edges: HashMap::new(),
            split: Vec::new(),
            memory: Vec::new(),
        })
    }
}

struct Worker<'s> {
    sink: &'s Edges<'s>,
    names: Names,
    /// By the numbers of the names of client and server.
    edges: HashMap<(u32, u32), Counts>,
    split: Vec<TraceId>,
    memory: Vec<Reservation>,
}

/// The columns of a batch that edges look at.
struct Columns {
    /// Numbers of the services' names.
    services: Vec<u32>,
    kinds: Vec<SpanKind>,
    failed: Vec<bool>,
    parents: Parents,
    selected: Vec<bool>,
    /// Where a trace may have several spans with one ID.
    ids: Vec<SpanId>,
}

impl Columns {
    fn of(batch: &dyn SpanBatch, names: &mut Names) -> Result<Self, ReadError> {
        let services = batch.services()?;
        let numbers = names.numbers_of(&services);
        let number = |code: &u32| numbers.get(*code as usize).copied().unwrap_or(u32::MAX);
        let (parents, outcomes) = (batch.parents()?, batch.outcomes()?);
        Ok(Self {
            services: services.codes.iter().map(number).collect(),
            kinds: outcomes.iter().map(|(kind, _)| *kind).collect(),
            failed: outcomes.iter().map(|(_, status)| *status == StatusCode::Error).collect(),
            ids: if parents.shared { batch.span_ids()? } else { Vec::new() },
            parents,
            selected: batch.selected().marks(batch.len()),
        })
    }

    fn calls(&self) -> CallColumns<'_> {
        CallColumns { services: &self.services, kinds: &self.kinds, parents: &self.parents, ids: &self.ids }
    }

    fn is_selected(&self, row: usize) -> bool {
        self.selected.get(row).copied().unwrap_or(false)
    }
}

impl Worker<'_> {
    fn add_trace(&mut self, trace: &TraceRows, columns: &Columns, weights: Weights<'_>) {
        let Self { names, edges, .. } = self;
        let add = |call: Call| {
            let counts = edges.entry((call.client, call.server)).or_default();
            let weight = weights.of(call.row);
            counts.calls += weight;
            counts.errors += if columns.failed.get(call.row) == Some(&true) { weight } else { 0 };
        };
        let (is_selected, text) = (|row| columns.is_selected(row), |number| names.text(number));
        columns.calls().visit(trace.rows.clone(), is_selected, text, add);
    }
}

impl SinkWorker<dyn SpanBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn SpanBatch) -> Result<Flow, ReadError> {
        let columns = Columns::of(batch, &mut self.names)?;
        let (edges, split) = (self.edges.len(), self.split.len());
        for trace in batch.traces() {
            let is_selected = |row| columns.is_selected(row);
            if !self.sink.is_whole && columns.calls().lacks_a_parent(trace.rows.clone(), is_selected) {
                self.split.push(trace.trace_id);
            } else {
                self.add_trace(trace, &columns, batch.weights());
            }
        }
        let new_edges = (self.edges.len() - edges) as u64 * EDGE_BYTES;
        let new_traces = ((self.split.len() - split) * size_of::<TraceId>()) as u64;
        if new_edges + new_traces > 0 {
            self.memory.push(self.sink.context.memory.reserve(new_edges + new_traces)?);
        }
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut found = locked(&self.sink.found);
        for ((client, server), counts) in &self.edges {
            let names = [client, server].map(|number| self.names.text(*number).to_owned());
            let sum = found.edges.entry(names.into()).or_default();
            sum.calls += counts.calls;
            sum.errors += counts.errors;
        }
        found.split.extend(self.split);
        found.memory.extend(self.memory);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::sinks::testing::{Fake, context, span, span_id};
    use clew_model::traces::Span;

    fn child(parent: u32, span: Span) -> Span {
        Span { parent_span_id: Some(span_id(parent)), ..span }
    }

    fn edges(spans: &[Span], range: TimeRange) -> Vec<(String, String, u64, u64)> {
        let found = service_edges(&context(), &Fake::new(spans.to_vec(), 1), range).unwrap();
        found.into_iter().map(|edge| (edge.client, edge.server, edge.calls, edge.errors)).collect()
    }

    fn edge(client: &str, server: &str, calls: u64, errors: u64) -> (String, String, u64, u64) {
        (client.into(), server.into(), calls, errors)
    }

    #[test]
    fn a_call_leads_from_the_service_of_the_parent() {
        let mut spans = vec![
            span(1, 1, "front", 0, 9),
            child(1, span(1, 2, "front", 1, 8)),
            child(2, span(1, 3, "back", 2, 7)),
            child(2, span(1, 4, "back", 3, 7)),
            child(9, span(1, 5, "queue", 4, 5)),
        ];
        spans[3].status.code = StatusCode::Error;
        assert_eq!(edges(&spans, TimeRange::ALL), [edge("front", "back", 2, 1)]);
    }

    #[test]
    fn a_parent_outside_the_range_still_calls() {
        let spans = [span(1, 1, "front", 0, 90), child(1, span(1, 2, "back", 50, 60))];
        assert_eq!(edges(&spans, TimeRange::new(40, 100)), [edge("front", "back", 1, 0)]);
        assert_eq!(edges(&spans, TimeRange::new(0, 40)), []);
    }

    #[test]
    fn where_client_and_server_share_an_id_calls_come_from_the_server() {
        let shared = |kind, service| Span { kind, ..child(1, span(1, 2, service, 10, 90)) };
        let spans = [
            span(1, 1, "edge", 0, 99),
            shared(SpanKind::Client, "front"),
            shared(SpanKind::Server, "back"),
            child(2, span(1, 3, "back", 20, 30)),
            child(2, span(1, 4, "store", 20, 30)),
        ];
        assert_eq!(
            edges(&spans, TimeRange::ALL),
            [edge("back", "store", 1, 0), edge("edge", "back", 1, 0), edge("edge", "front", 1, 0)]
        );
    }
}
