//! A view over a plain list of spans, for the tests of sinks.

use clew_model::traces::{Among, Span, SpanBatch, SpanList, SpanOrder, SpanScan, TraceView};
use clew_model::{Attribute, Context, Flow, ReadError, Resource, Sink, SpanId, TimeRange, TraceId};
use std::sync::Arc;
use std::time::Duration;

/// Spans that were sent once each.
pub(crate) struct Fake {
    spans: Vec<Span>,
    /// Traces in a batch.
    in_one: usize,
}

impl Fake {
    pub(crate) fn new(spans: Vec<Span>, in_one: usize) -> Self {
        Self { spans, in_one }
    }
}

impl TraceView for Fake {
    fn scan(&self, context: &Context, scan: &SpanScan<'_>, sink: &dyn Sink<dyn SpanBatch>) -> Result<(), ReadError> {
        context.check()?;
        let mut spans = self.spans.clone();
        match scan.among {
            // Nothing of what is far from the range.
            Among::All => spans.retain(|span| scan.range.contains(span.start)),
            Among::Traces(ids) => spans.retain(|span| ids.contains(&span.trace_id)),
            Among::Carrying { ids, .. } => {
                spans.retain(|span| ids.iter().any(|id| id.as_span_id() == Some(span.span_id)))
            }
        }
        spans.sort_by_key(|span| (span.trace_id, span.start));
        let mut traces: Vec<Vec<Span>> =
            spans.chunk_by(|left, right| left.trace_id == right.trace_id).map(<[Span]>::to_vec).collect();
        let passes = |span: &Span| scan.range.contains(span.start) && scan.filter.matches(span);
        let newest = |spans: &[Span]| spans.iter().filter(|span| passes(span)).map(|span| span.start).max();
        if scan.order == SpanOrder::NewestFirst {
            traces.sort_by_key(|spans| std::cmp::Reverse(newest(spans)));
        }
        // Batches take turns between two workers, since an answer must not depend on which takes which.
        let mut workers = [sink.worker(), sink.worker()];
        for (turn, traces) in traces.chunks(self.in_one).enumerate() {
            let spans = traces.concat();
            let selected: Vec<u32> =
                (0u32..).zip(&spans).filter(|(_, span)| passes(span)).map(|(row, _)| row).collect();
            if selected.is_empty() && !matches!(scan.among, Among::Traces(_)) {
                continue;
            }
            let worker = if scan.order == SpanOrder::NewestFirst { 0 } else { turn % 2 };
            if workers[worker].take(&SpanList::new(spans, selected))? == Flow::Stop {
                break;
            }
        }
        workers.into_iter().try_for_each(|worker| worker.merge())
    }

    fn reaching_beyond(&self, _: &Context, range: TimeRange, traces: &[TraceId]) -> Result<Vec<TraceId>, ReadError> {
        let reaches =
            |id: &&TraceId| self.spans.iter().any(|span| span.trace_id == **id && !range.contains(span.start));
        Ok(traces.iter().filter(reaches).copied().collect())
    }
}

pub(crate) fn context() -> Context {
    Context::new(Duration::from_secs(60), 1 << 30)
}

pub(crate) fn trace_id(number: u8) -> TraceId {
    TraceId([number; 16])
}

pub(crate) fn span_id(number: u32) -> SpanId {
    let mut id = [9; 8];
    id[4..].copy_from_slice(&number.to_be_bytes());
    SpanId(id)
}

/// A span of a trace in a service.
pub(crate) fn span(trace: u8, number: u32, service: &str, start: i64, end: i64) -> Span {
    let attributes = vec![Attribute::new("service.name", service)];
    Span {
        name: "work".into(),
        start,
        end,
        resource: Arc::new(Resource { attributes, ..Resource::default() }),
        ..Span::new(trace_id(trace), span_id(number))
    }
}
