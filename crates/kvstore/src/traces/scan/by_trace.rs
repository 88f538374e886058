//! A scan in which each span comes once and each trace in one batch.
//!
//! A trace that stands in one block alone is told straight from there, block by block on all threads. The parts of
//! others (and what is in the hot tail, which is not ordered by trace) are brought together first.

use super::assembly::{Assembly, Parts, Source};
use super::block_batch::BlockBatch;
use super::parallel;
use super::places::Split;
use super::selection::Selection;
use crate::traces::run::OpenRun;
use crate::traces::view::View;
use clew_columns::spans::trace_term;
use clew_model::traces::{SpanBatch, TraceRows};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker, TraceId};
use hashbrown::HashSet;
use parking_lot::Mutex;
use std::sync::Arc;

struct Block {
    run: Arc<OpenRun>,
    number: u32,
}

struct Walk<'w> {
    view: &'w View,
    context: &'w Context,
    selection: &'w Selection<'w>,
    parts: Mutex<Vec<Parts>>,
}

/// Hands out what is selected among all spans.
pub(super) fn scan(
    view: &View,
    context: &Context,
    selection: &Selection<'_>,
    sink: &dyn Sink<dyn SpanBatch>,
) -> Result<(), ReadError> {
    let runs = view.runs(&context.tenant, selection.range)?;
    let hot = view.hot.iter().flat_map(|hot| hot.trace_ids(&context.tenant)).map(trace_term).collect();
    let split = Split::of(&runs, hot)?;
    let mut blocks = Vec::new();
    for run in runs {
        blocks.extend(blocks_of(&run, selection, &split)?);
    }
    let walk = Walk { view, context, selection, parts: Mutex::default() };
    let flow = parallel::run(context, &blocks, sink, &|block, worker| walk.take_block(block, &split, worker))?;
    if flow == Flow::Continue {
        let mut parts = walk.parts.into_inner();
        for batch in view.batches(&context.tenant).into_iter().filter(|batch| batch.range.overlaps(&selection.range)) {
            context.check()?;
            parts.push(Parts::of_batch(context, batch, |span| view.is_kept(span), selection)?);
        }
        finish(context, parts, sink)?;
    }
    Ok(())
}

/// Hands out traces whole, with what is selected of them.
pub(super) fn scan_traces(
    view: &View,
    context: &Context,
    ids: &[TraceId],
    selection: &Selection<'_>,
    sink: &dyn Sink<dyn SpanBatch>,
) -> Result<(), ReadError> {
    let wanted: HashSet<TraceId> = ids.iter().copied().collect();
    let terms: Vec<u64> = wanted.iter().map(|id| trace_term(*id)).collect();
    let mut parts = Vec::new();
    for run in view.all_runs(&context.tenant)? {
        for number in run.find_all(&terms)? {
            context.check()?;
            let (block, dictionary) = (run.block(number)?, run.dictionary(number)?);
            let is_wanted = |trace: &&TraceRows| wanted.contains(&trace.trace_id);
            let traces: Vec<TraceRows> = block.traces().iter().filter(is_wanted).cloned().collect();
            let zones = run.zones()?;
            if let (Some(zone), false) = (zones.get(number as usize), traces.is_empty()) {
                let selected = selection.rows_of_block(&run, &block, &dictionary, zone)?;
                let batch = BlockBatch::new(run.clone(), block, dictionary, selected, zone.max_start);
                let source = Source::Block(run.clone(), number);
                parts.push(Parts::of_block(context, &batch, source, &traces, view.kept_from())?);
            }
        }
    }
    for hot in &view.hot {
        for id in &wanted {
            context.check()?;
            let spans = hot.trace(&context.tenant, *id);
            parts.extend(Parts::of_places(context, spans, |span| view.is_kept(span), selection)?);
        }
    }
    finish(context, parts, sink)
}

/// The blocks of a run to walk: those that may hold a selected span, and those that hold a part of a trace that stands
/// elsewhere too, since another version of a span may be the one that is kept.
fn blocks_of(run: &Arc<OpenRun>, selection: &Selection<'_>, split: &Split) -> Result<Vec<Block>, ReadError> {
    let mut numbers = selection.blocks(run)?;
    if selection.is_narrow() && !split.is_empty() {
        let zones = run.zones()?;
        let parts = run.traces()?.blocks_of(split);
        let overlaps = |number: &u32| zones.get(*number as usize).is_some_and(|zone| zone.overlaps(&selection.range));
        numbers.extend(parts.into_iter().filter(overlaps));
        numbers.sort_unstable();
        numbers.dedup();
    }
    Ok(numbers.into_iter().map(|number| Block { run: run.clone(), number }).collect())
}

impl Walk<'_> {
    fn take_block(
        &self,
        unit: &Block,
        split: &Split,
        worker: &mut dyn SinkWorker<dyn SpanBatch>,
    ) -> Result<Flow, ReadError> {
        let (run, number) = (&unit.run, unit.number);
        let zones = run.zones()?;
        let Some(zone) = zones.get(number as usize) else { return Ok(Flow::Continue) };
        let (block, dictionary) = (run.block(number)?, run.dictionary(number)?);
        let selected = self.selection.rows_of_block(run, &block, &dictionary, zone)?;
        let mut batch = BlockBatch::new(run.clone(), block, dictionary, selected, zone.max_start);
        let _memory = self.context.memory.reserve(batch.memory_bytes())?;
        // Where retention cuts through a block, its rows are judged one by one.
        let is_cut = zone.min_start < self.view.kept_from();
        if is_cut || !split.is_empty() {
            let is_split = |trace: &TraceRows| is_cut || split.contains(trace_term(trace.trace_id));
            let (parts, alone): (Vec<TraceRows>, Vec<TraceRows>) =
                batch.traces().iter().cloned().partition(|trace| is_split(trace));
            if !parts.is_empty() {
                let source = Source::Block(run.clone(), number);
                let parts = Parts::of_block(self.context, &batch, source, &parts, self.view.kept_from())?;
                self.parts.lock().push(parts);
                batch.keep_traces(alone);
            }
        }
        if batch.is_empty() { Ok(Flow::Continue) } else { worker.take(&batch) }
    }
}

/// Brings parts together and hands them out.
fn finish(context: &Context, parts: Vec<Parts>, sink: &dyn Sink<dyn SpanBatch>) -> Result<(), ReadError> {
    if parts.is_empty() {
        return Ok(());
    }
    let batches = Arc::new(Assembly::of(parts)).batches(None);
    parallel::run(context, &batches, sink, &|batch, worker| worker.take(batch)).map(drop)
}
