//! Whole spans: those of a trace, and those that carry an ID.

use super::locked;
use clew_model::traces::{Among, Grain, Span, SpanBatch, SpanPage, SpanScan, TraceFilter, TraceView};
use clew_model::{CanonicalId, Context, Flow, ReadError, Reservation, Sink, SinkWorker, TimeRange, TraceId};
use std::sync::Mutex;

/// All spans of a trace, each once (identity: trace ID, span ID, kind), by start. Empty when there is none.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn trace(context: &Context, view: &dyn TraceView, id: TraceId) -> Result<SpanPage, ReadError> {
    let spans = collect(context, view, Among::Traces(&[id]), TimeRange::ALL)?;
    Ok(SpanPage { spans, ..SpanPage::default() })
}

/// The spans in the range that carry one of the IDs ([`Among::Carrying`]), by start, at most `limit`.
///
/// # Errors
/// As [`trace`].
pub fn find_ids(
    context: &Context,
    view: &dyn TraceView,
    ids: &[CanonicalId],
    range: TimeRange,
    limit: usize,
) -> Result<SpanPage, ReadError> {
    // One more tells whether there are more.
    let mut spans = collect(context, view, Among::Carrying { ids, first: limit.saturating_add(1) }, range)?;
    let truncated = spans.len() > limit;
    spans.truncate(limit);
    Ok(SpanPage { spans, truncated, ..SpanPage::default() })
}

fn collect(
    context: &Context,
    view: &dyn TraceView,
    among: Among<'_>,
    range: TimeRange,
) -> Result<Vec<Span>, ReadError> {
    let sink = Spans { context, found: Mutex::default() };
    let filter = TraceFilter::default();
    let scan = SpanScan { among, whole: true, ..SpanScan::by_trace(range, &filter, Grain::Span) };
    view.scan(context, &scan, &sink)?;
    let (mut spans, _memory) = sink.found.into_inner().unwrap_or_default();
    spans.sort_by_key(|span| (span.start, span.trace_id, span.span_id, span.kind));
    Ok(spans)
}

/// Spans, with the memory they take.
type Held = (Vec<Span>, Vec<Reservation>);

struct Spans<'c> {
    context: &'c Context,
    found: Mutex<Held>,
}

impl Sink<dyn SpanBatch> for Spans<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SpanBatch> + '_> {
        Box::new(Worker { sink: self, held: Held::default() })
    }
}

struct Worker<'s> {
    sink: &'s Spans<'s>,
    held: Held,
}

impl SinkWorker<dyn SpanBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn SpanBatch) -> Result<Flow, ReadError> {
        let rows: Vec<usize> = batch.selected().iter().collect();
        let spans = batch.spans(&rows)?;
        let bytes = spans.iter().map(|span| span.memory_bytes() as u64).sum();
        self.held.1.push(self.sink.context.memory.reserve(bytes)?);
        self.held.0.extend(spans);
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
    use crate::traces::sinks::testing::{Fake, context, span, span_id, trace_id};
    use clew_model::ErrorKind;

    #[test]
    fn a_trace_comes_whole_and_by_start() {
        let spans = [span(1, 2, "front", 20, 25), span(2, 3, "front", 1, 2), span(1, 1, "back", 10, 30)];
        let view = Fake::new(spans.to_vec(), 1);
        assert_eq!(trace(&context(), &view, trace_id(1)).unwrap().spans, [spans[2].clone(), spans[0].clone()]);
        assert_eq!(trace(&context(), &view, trace_id(9)).unwrap(), SpanPage::default());
        let small = Context::new(std::time::Duration::from_secs(1), 300);
        assert_eq!(trace(&small, &view, trace_id(1)).unwrap_err().kind, ErrorKind::LimitExceeded);
    }

    #[test]
    fn spans_beyond_the_limit_are_said() {
        let view = Fake::new((1..5).map(|trace| span(trace, 7, "front", 10 - i64::from(trace), 20)).collect(), 2);
        let ids = [CanonicalId::from(span_id(7))];
        let ask = |limit| find_ids(&context(), &view, &ids, TimeRange::new(0, 8), limit).unwrap();
        let starts: Vec<i64> = ask(2).spans.iter().map(|span| span.start).collect();
        assert_eq!((starts, ask(2).truncated), (vec![6, 7], true));
        assert_eq!((ask(3).spans.len(), ask(3).truncated), (3, false));
    }
}
