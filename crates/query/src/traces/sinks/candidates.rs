//! The traces that may be next in a list, newest first.

use super::locked;
use clew_model::traces::SpanBatch;
use clew_model::{Context, Flow, ReadError, Reservation, Sink, SinkWorker, TraceId, UnixNanos};
use hashbrown::{HashMap, HashSet};
use std::sync::Mutex;

/// Bytes that a trace takes here, an estimate.
const TRACE_BYTES: usize = 64;

/// Takes batches newest first, until so many new traces have a match that nothing still to come can precede.
pub(crate) struct Candidates<'c> {
    context: &'c Context,
    /// Traces that are known already.
    known: &'c HashSet<TraceId>,
    wanted: usize,
    found: Mutex<Found>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// New traces with the start of their newest match.
    pub newest: HashMap<TraceId, UnixNanos>,
    /// Where the scan stopped: matches that start at this instant or before may not have come. `None` when all have.
    pub left: Option<UnixNanos>,
    memory: Vec<Reservation>,
}

impl<'c> Candidates<'c> {
    /// Looks for `wanted` traces beside those known.
    pub(crate) fn new(context: &'c Context, known: &'c HashSet<TraceId>, wanted: usize) -> Self {
        Self { context, known, wanted, found: Mutex::default() }
    }

    /// What was found.
    pub(crate) fn found(self) -> Found {
        self.found.into_inner().unwrap_or_default()
    }
}

impl Sink<dyn SpanBatch> for Candidates<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SpanBatch> + '_> {
        Box::new(Worker { sink: self, found: Found::default() })
    }
}

struct Worker<'s> {
    sink: &'s Candidates<'s>,
    found: Found,
}

impl Worker<'_> {
    fn has_enough_after(&self, newest: UnixNanos) -> bool {
        let found = &self.found.newest;
        found.len() >= self.sink.wanted
            && found.values().filter(|start| **start > newest).take(self.sink.wanted).count() >= self.sink.wanted
    }
}

impl SinkWorker<dyn SpanBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn SpanBatch) -> Result<Flow, ReadError> {
        if self.has_enough_after(batch.newest()) {
            self.found.left = Some(batch.newest());
            return Ok(Flow::Stop);
        }
        let starts = batch.starts()?;
        let before = self.found.newest.len();
        let mut traces = batch.traces().iter().peekable();
        for row in batch.selected().iter() {
            while traces.next_if(|trace| trace.rows.end <= row).is_some() {}
            let (Some(trace), Some(start)) = (traces.peek(), starts.get(row)) else { continue };
            if !self.sink.known.contains(&trace.trace_id) {
                let newest = self.found.newest.entry(trace.trace_id).or_insert(*start);
                *newest = (*newest).max(*start);
            }
        }
        let new = (self.found.newest.len() - before) * TRACE_BYTES;
        self.found.memory.push(self.sink.context.memory.reserve(new as u64)?);
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut found = locked(&self.sink.found);
        for (id, start) in self.found.newest {
            let newest = found.newest.entry(id).or_insert(start);
            *newest = (*newest).max(start);
        }
        found.left = found.left.max(self.found.left);
        found.memory.extend(self.found.memory);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::sinks::testing::{Fake, context, span, trace_id};
    use clew_model::TimeRange;
    use clew_model::traces::{Grain, SpanOrder, SpanScan, TraceFilter, TraceView};

    #[test]
    fn the_scan_stops_when_nothing_newer_can_come() {
        let spans: Vec<_> = (1..20).map(|trace| span(trace, 1, "front", i64::from(trace) * 10, 500)).collect();
        let (context, known) = (context(), HashSet::from([trace_id(18)]));
        let sink = Candidates::new(&context, &known, 2);
        let filter = TraceFilter::default();
        let scan =
            SpanScan { order: SpanOrder::NewestFirst, ..SpanScan::by_trace(TimeRange::ALL, &filter, Grain::Span) };
        Fake::new(spans, 1).scan(&context, &scan, &sink).unwrap();
        let found = sink.found();
        assert_eq!(found.newest, HashMap::from([(trace_id(19), 190), (trace_id(17), 170)]));
        assert_eq!(found.left, Some(160));
    }
}
