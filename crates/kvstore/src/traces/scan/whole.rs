//! Scans for whole spans of traces.

use super::selection::Selection;
use crate::traces::identity::unique;
use crate::traces::run::OpenRun;
use crate::traces::view::View;
use clew_columns::spans::trace_term;
use clew_model::traces::{Span, SpanBatch, SpanList};
use clew_model::{Context, Flow, ReadError, Reservation, Sink, TraceId};
use std::sync::Arc;

/// Hands out each of the traces as one batch of whole spans.
pub(super) fn scan(
    view: &View,
    context: &Context,
    ids: &[TraceId],
    selection: &Selection<'_>,
    sink: &dyn Sink<dyn SpanBatch>,
) -> Result<(), ReadError> {
    let runs = view.all_runs(&context.tenant)?;
    let mut worker = sink.worker();
    for id in ids {
        let (spans, _memory) = trace(view, context, &runs, *id)?;
        let selected = (0u32..).zip(&spans).filter(|(_, span)| selection.holds(span)).map(|(row, _)| row).collect();
        if !spans.is_empty() && worker.take(&SpanList::new(spans, selected))? == Flow::Stop {
            break;
        }
    }
    worker.merge()
}

/// All spans of a trace, each once, by start, and the memory they take.
fn trace(
    view: &View,
    context: &Context,
    runs: &[Arc<OpenRun>],
    id: TraceId,
) -> Result<(Vec<Span>, Vec<Reservation>), ReadError> {
    let (mut spans, mut memory) = (Vec::new(), Vec::new());
    let bytes = |spans: &[&Span]| spans.iter().map(|span| span.memory_bytes() as u64).sum();
    let term = trace_term(id);
    for run in runs {
        for number in run.find(term)? {
            context.check()?;
            let mut found = in_block(run, number, id)?;
            found.retain(|span| view.is_kept(span));
            memory.push(context.memory.reserve(bytes(&found.iter().collect::<Vec<_>>()))?);
            spans.extend(found);
        }
    }
    for hot in &view.hot {
        let places = hot.trace(&context.tenant, id);
        let found = places.iter().filter_map(|(batch, row)| batch.spans.get(*row));
        let found: Vec<&Span> = found.filter(|span| view.is_kept(span)).collect();
        memory.push(context.memory.reserve(bytes(&found))?);
        spans.extend(found.into_iter().cloned());
    }
    Ok((unique(spans), memory))
}

fn in_block(run: &OpenRun, number: u32, id: TraceId) -> Result<Vec<Span>, ReadError> {
    let block = run.block(number)?;
    let mut spans = Vec::new();
    for trace in block.traces().iter().filter(|trace| trace.trace_id == id) {
        let dictionary = run.dictionary(number)?;
        spans.extend(block.spans(&dictionary, trace.rows.clone()).map_err(|error| run.damaged(&error))?);
    }
    Ok(spans)
}
