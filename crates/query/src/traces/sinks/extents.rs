//! What is needed of each trace to sort and to count it: when it started, how long it took, how many spans it has.

use super::locked;
use clew_model::traces::{SpanBatch, SpanKind, StatusCode, TraceKey, TracePlace, TraceRows};
use clew_model::{Context, Flow, ReadError, Reservation, Sink, SinkWorker, TraceId, UnixNanos};
use std::sync::Mutex;

/// A trace with a selected span, as far as its spans came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// The trace.
    pub trace_id: TraceId,
    /// Start of its first span.
    pub start: UnixNanos,
    /// From there to the end of its last, nanoseconds.
    pub duration: i64,
    /// Its spans.
    pub spans: u32,
    /// Those with status error.
    pub errors: u32,
    /// Start of its newest selected span.
    pub newest_match: UnixNanos,
}

impl Extent {
    /// Where the trace stands in an answer sorted by `key`.
    pub(crate) fn place(&self, key: TraceKey) -> TracePlace {
        let value = match key {
            TraceKey::Time => self.newest_match,
            TraceKey::Duration => self.duration,
            TraceKey::Spans => i64::from(self.spans),
            TraceKey::Errors => i64::from(self.errors),
        };
        TracePlace { value, newest_match: self.newest_match, trace_id: self.trace_id }
    }
}

/// Extents, with the memory they take.
pub(crate) type Held = (Vec<Extent>, Vec<Reservation>);

/// The extents of the traces with a selected span.
pub(crate) struct Extents<'c> {
    context: &'c Context,
    found: Mutex<Held>,
}

impl<'c> Extents<'c> {
    /// None yet.
    pub(crate) fn new(context: &'c Context) -> Self {
        Self { context, found: Mutex::default() }
    }

    /// The extents, in no order.
    pub(crate) fn found(self) -> Held {
        self.found.into_inner().unwrap_or_default()
    }
}

impl Sink<dyn SpanBatch> for Extents<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SpanBatch> + '_> {
        Box::new(Worker { sink: self, held: Held::default() })
    }
}

struct Worker<'s> {
    sink: &'s Extents<'s>,
    held: Held,
}

/// The columns of a batch that extents look at.
pub(super) struct Columns {
    starts: Vec<UnixNanos>,
    lasting: Vec<i64>,
    outcomes: Vec<(SpanKind, StatusCode)>,
}

impl Columns {
    pub(super) fn of(batch: &dyn SpanBatch) -> Result<Self, ReadError> {
        Ok(Self { starts: batch.starts()?, lasting: batch.lasting()?, outcomes: batch.outcomes()? })
    }

    fn start(&self, row: usize) -> UnixNanos {
        self.starts.get(row).copied().unwrap_or(0)
    }

    /// The extent of a trace; `matching` are its selected rows.
    fn extent(&self, trace: &TraceRows, matching: impl Iterator<Item = usize>) -> Option<Extent> {
        let newest_match = matching.map(|row| self.start(row)).max()?;
        let own = |rows: std::ops::Range<usize>| self.starts.get(rows.clone()).zip(self.lasting.get(rows));
        let (starts, lasting) = own(trace.rows.clone())?;
        let start = starts.iter().min().copied()?;
        let end = starts.iter().zip(lasting).map(|(start, lasting)| start.wrapping_add(*lasting)).max()?;
        let outcomes = self.outcomes.get(trace.rows.clone())?;
        Some(Extent {
            trace_id: trace.trace_id,
            start,
            duration: end.saturating_sub(start).max(0),
            spans: starts.len() as u32,
            errors: outcomes.iter().filter(|(_, status)| *status == StatusCode::Error).count() as u32,
            newest_match,
        })
    }
}

/// Calls `visit` with each trace that has selected rows, and with these.
pub(super) fn selected_traces(batch: &dyn SpanBatch, mut visit: impl FnMut(&TraceRows, &[usize])) {
    let mut rows = batch.selected().iter().peekable();
    let mut own = Vec::new();
    // Traces of a batch stand one after the other.
    for trace in batch.traces() {
        own.clear();
        while rows.next_if(|row| *row < trace.rows.start).is_some() {}
        while let Some(row) = rows.next_if(|row| *row < trace.rows.end) {
            own.push(row);
        }
        if !own.is_empty() {
            visit(trace, &own);
        }
    }
}

impl SinkWorker<dyn SpanBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn SpanBatch) -> Result<Flow, ReadError> {
        let columns = Columns::of(batch)?;
        let mut new = Vec::new();
        selected_traces(batch, |trace, rows| new.extend(columns.extent(trace, rows.iter().copied())));
        let bytes = new.len() * size_of::<Extent>();
        self.held.1.push(self.sink.context.memory.reserve(bytes as u64)?);
        self.held.0.extend(new);
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut found = locked(&self.sink.found);
        found.0.extend(self.held.0);
        found.1.extend(self.held.1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::sinks::testing::{context, span, trace_id};
    use clew_model::traces::SpanList;

    #[test]
    fn an_extent_is_that_of_all_spans_where_one_is_selected() {
        let mut spans = vec![
            span(1, 1, "back", 5, 40),
            span(1, 2, "late", 12, 13),
            span(2, 3, "front", 3, 1),
            span(3, 4, "front", 7, 9),
        ];
        spans[1].status.code = StatusCode::Error;
        let context = context();
        let sink = Extents::new(&context);
        let mut worker = sink.worker();
        worker.take(&SpanList::new(spans, vec![1, 2])).unwrap();
        worker.merge().unwrap();
        let extent = |trace, start, duration, spans, errors, newest_match| Extent {
            trace_id: trace_id(trace),
            start,
            duration,
            spans,
            errors,
            newest_match,
        };
        assert_eq!(sink.found().0, [extent(1, 5, 35, 2, 1, 12), extent(2, 3, 0, 1, 0, 3)]);
    }
}
