//! What a list shows of traces that come whole: the selected spans are those that match.

use super::locked;
use clew_model::traces::{Parent, SpanBatch, SpanKind, StatusCode, TextColumn, TraceRows, TraceSummary};
use clew_model::{Context, Flow, ReadError, Reservation, Sink, SinkWorker, SpanId, UnixNanos};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// Summaries of the traces with a selected span.
pub(crate) struct Summaries<'c> {
    context: &'c Context,
    found: Mutex<Held>,
}

/// Summaries, with the memory they take.
type Held = (Vec<TraceSummary>, Vec<Reservation>);

impl<'c> Summaries<'c> {
    /// None yet.
    pub(crate) fn new(context: &'c Context) -> Self {
        Self { context, found: Mutex::default() }
    }

    /// The summaries, in no order.
    pub(crate) fn found(self) -> Held {
        self.found.into_inner().unwrap_or_default()
    }
}

impl Sink<dyn SpanBatch> for Summaries<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SpanBatch> + '_> {
        Box::new(Worker { sink: self, held: Held::default() })
    }
}

struct Worker<'s> {
    sink: &'s Summaries<'s>,
    held: Held,
}

/// The columns that a summary looks at.
struct Columns<'b> {
    services: TextColumn<'b>,
    operations: TextColumn<'b>,
    outcomes: Vec<(SpanKind, StatusCode)>,
    starts: Vec<UnixNanos>,
    lasting: Vec<i64>,
    ids: Vec<SpanId>,
    parents: Vec<Parent>,
    selected: Vec<bool>,
}

impl<'b> Columns<'b> {
    fn of(batch: &'b dyn SpanBatch) -> Result<Self, ReadError> {
        Ok(Self {
            services: batch.services()?,
            operations: batch.operations()?,
            outcomes: batch.outcomes()?,
            starts: batch.starts()?,
            lasting: batch.lasting()?,
            ids: batch.span_ids()?,
            parents: batch.parents()?.of,
            selected: batch.selected().marks(batch.len()),
        })
    }

    fn start(&self, row: usize) -> UnixNanos {
        self.starts.get(row).copied().unwrap_or(0)
    }

    fn end(&self, row: usize) -> UnixNanos {
        self.start(row).wrapping_add(self.lasting.get(row).copied().unwrap_or(0))
    }

    fn is_error(&self, row: usize) -> bool {
        self.outcomes.get(row).is_some_and(|(_, status)| *status == StatusCode::Error)
    }

    /// The place of a span among those of its trace.
    fn order(&self, row: usize) -> (UnixNanos, Option<SpanId>, Option<SpanKind>) {
        (self.start(row), self.ids.get(row).copied(), self.outcomes.get(row).map(|(kind, _)| *kind))
    }

    fn summary(&self, trace: &TraceRows) -> Option<TraceSummary> {
        let rows = || trace.rows.clone();
        let matching = || rows().filter(|row| self.selected.get(*row).copied().unwrap_or(false));
        let newest_match = matching().map(|row| self.start(row)).max()?;
        let is_root = |row: &usize| matches!(self.parents.get(*row), Some(Parent::None));
        let root = rows().filter(is_root).min_by_key(|row| self.order(*row));
        let shown = root.or_else(|| rows().min_by_key(|row| self.order(*row)))?;
        let start = rows().map(|row| self.start(row)).min()?;
        let end = rows().map(|row| self.end(row)).max()?;
        let mut services: BTreeMap<&str, u64> = BTreeMap::new();
        rows().for_each(|row| *services.entry(self.services.get(row)).or_default() += 1);
        Some(TraceSummary {
            trace_id: trace.trace_id,
            root_service: self.services.get(shown).to_owned(),
            root_operation: self.operations.get(shown).to_owned(),
            has_root: root.is_some(),
            start,
            duration: end.saturating_sub(start).max(0),
            spans: trace.rows.len() as u64,
            errors: rows().filter(|row| self.is_error(*row)).count() as u64,
            services: services.into_iter().map(|(service, spans)| (service.to_owned(), spans)).collect(),
            matched: matching().count() as u64,
            newest_match,
        })
    }
}

impl SinkWorker<dyn SpanBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn SpanBatch) -> Result<Flow, ReadError> {
        let columns = Columns::of(batch)?;
        let new: Vec<TraceSummary> = batch.traces().iter().filter_map(|trace| columns.summary(trace)).collect();
        let services = |summary: &TraceSummary| {
            summary.services.iter().map(|(name, _)| name.capacity() + size_of::<(String, u64)>()).sum::<usize>()
        };
        let bytes: usize = new.iter().map(|summary| size_of::<TraceSummary>() + services(summary)).sum();
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
    use crate::traces::sinks::testing::{context, span, span_id, trace_id};
    use clew_model::traces::{Span, SpanList};

    #[test]
    fn a_trace_is_shown_by_its_root_and_counted_whole() {
        let child = |span: Span| Span { parent_span_id: Some(span_id(7)), ..span };
        let mut spans = vec![
            child(span(1, 1, "back", 5, 40)),
            span(1, 2, "late", 12, 13),
            span(1, 3, "front", 10, 30),
            child(span(1, 4, "back", 20, 90)),
            child(span(2, 5, "queue", 3, 1)),
            child(span(2, 6, "queue", 3, 2)),
        ];
        spans[3].status.code = StatusCode::Error;
        let context = context();
        let sink = Summaries::new(&context);
        let mut worker = sink.worker();
        worker.take(&SpanList::new(spans, vec![0, 1, 5])).unwrap();
        worker.merge().unwrap();
        let first = TraceSummary {
            trace_id: trace_id(1),
            root_service: "front".into(),
            root_operation: "work".into(),
            has_root: true,
            start: 5,
            duration: 85,
            spans: 4,
            errors: 1,
            services: vec![("back".into(), 2), ("front".into(), 1), ("late".into(), 1)],
            matched: 2,
            newest_match: 12,
        };
        let second = TraceSummary {
            trace_id: trace_id(2),
            root_service: "queue".into(),
            has_root: false,
            start: 3,
            duration: 0,
            spans: 2,
            errors: 0,
            services: vec![("queue".into(), 2)],
            matched: 1,
            newest_match: 3,
            ..first.clone()
        };
        assert_eq!(sink.found().0, [first, second]);
    }
}
