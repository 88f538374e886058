//! A scan whose rows may stand for several spans: runs tell what was counted of them when they were written, slot by slot
//! of time, and only what that leaves is looked at.
//!
//! Counts know each run alone. A trace that stands in several places (runs, blocks, the hot tail) is brought together from
//! its spans as in any scan by trace; what counts told of them is taken back. Where such a span came in versions that
//! differ, bounds of what was counted may be those of a version that is not kept: the runs that hold one are read.

use super::assembly::{AssembledBatch, Assembly, Parts, Source};
use super::block_batch::BlockBatch;
use super::by_trace;
use super::parallel;
use super::places::Split;
use super::selection::Selection;
use super::told::Told;
use crate::traces::run::{OpenRun, RunId, run_id};
use crate::traces::view::View;
use clew_columns::spans::trace_term;
use clew_model::traces::{Grain, Parent, SpanBatch, TraceRows};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker};
use hashbrown::HashSet;
use std::sync::Arc;

/// What a thread does at once.
enum Unit {
    Told(Arc<Told>),
    Block { run: Arc<OpenRun>, number: u32, told: Option<Arc<Told>> },
    Assembled(AssembledBatch),
}

struct Walk<'w> {
    context: &'w Context,
    selection: &'w Selection<'w>,
    grain: Grain,
    split: Split,
}

/// Hands out what is selected among all spans, for a selection that allows the grain.
pub(super) fn scan(
    view: &View,
    context: &Context,
    selection: &Selection<'_>,
    grain: Grain,
    sink: &dyn Sink<dyn SpanBatch>,
) -> Result<(), ReadError> {
    let runs = view.runs(&context.tenant, selection.range)?;
    let told = runs.iter().map(|run| Told::of(run, selection, grain));
    let mut told: Vec<Option<Arc<Told>>> =
        told.map(|told| Ok(told?.map(Arc::new))).collect::<Result<_, ReadError>>()?;
    // Where retention cuts through a run, its spans are judged one by one.
    let is_cut = runs.iter().any(|run| run.run.min_time < view.kept_from());
    if is_cut || told.iter().all(Option::is_none) {
        return by_trace::scan(view, context, selection, sink);
    }
    let hot = view.hot.iter().flat_map(|hot| hot.trace_ids(&context.tenant)).map(trace_term).collect();
    let walk = Walk { context, selection, grain, split: Split::of(&runs, hot)? };
    let split_blocks = runs.iter().map(|run| walk.split_blocks(run)).collect::<Result<Vec<_>, ReadError>>()?;
    let assembly = Arc::new(Assembly::of(walk.parts(view, &runs, &split_blocks)?));
    let differing = runs_of(&assembly);
    told.iter_mut().for_each(|told| *told = told.take().filter(|told| !differing.contains(&run_id(&told.run.run))));

    let mut units: Vec<Unit> = assembly.batches().into_iter().map(Unit::Assembled).collect();
    for ((run, told), split_blocks) in runs.iter().zip(told).zip(split_blocks) {
        units.extend(told.iter().cloned().map(Unit::Told));
        let blocks = walk.blocks(run, told.as_deref(), split_blocks)?;
        units.extend(blocks.into_iter().map(|number| Unit::Block { run: run.clone(), number, told: told.clone() }));
    }
    parallel::run(context, &units, sink, &|unit, worker| walk.take(unit, worker)).map(drop)
}

/// The runs that hold a span of which versions differ.
fn runs_of(assembly: &Assembly) -> HashSet<RunId> {
    let differing = assembly.differing();
    let sources = differing.iter().filter_map(|source| assembly.sources.get(*source as usize));
    let run = |source: &Source| match source {
        Source::Block(run, _) => Some(run_id(&run.run)),
        Source::Batch(_) => None,
    };
    sources.filter_map(run).collect()
}

impl Walk<'_> {
    /// The blocks of a run that hold parts of split traces and may hold a selected span.
    fn split_blocks(&self, run: &OpenRun) -> Result<Vec<u32>, ReadError> {
        if self.split.is_empty() {
            return Ok(Vec::new());
        }
        let zones = run.zones()?;
        let mut blocks = run.traces()?.blocks_of(&self.split);
        blocks.retain(|number| zones.get(*number as usize).is_some_and(|zone| zone.overlaps(&self.selection.range)));
        Ok(blocks)
    }

    /// The parts of split traces.
    fn parts(&self, view: &View, runs: &[Arc<OpenRun>], blocks: &[Vec<u32>]) -> Result<Vec<Parts>, ReadError> {
        let mut parts = Vec::new();
        for (run, blocks) in runs.iter().zip(blocks) {
            for number in blocks {
                self.context.check()?;
                let Some(batch) = self.open(run, *number)? else { continue };
                let traces: Vec<TraceRows> =
                    batch.traces().iter().filter(|trace| self.is_split(trace)).cloned().collect();
                let source = Source::Block(run.clone(), *number);
                parts.push(Parts::of_block(self.context, &batch, source, &traces, view.kept_from())?);
            }
        }
        let hot = view.batches(&self.context.tenant).into_iter();
        for batch in hot.filter(|batch| batch.range.overlaps(&self.selection.range)) {
            self.context.check()?;
            parts.push(Parts::of_batch(self.context, batch, |span| view.is_kept(span), self.selection)?);
        }
        Ok(parts)
    }

    /// The blocks of a run to look at: those that counts do not tell all of, and those with spans to take back.
    fn blocks(&self, run: &OpenRun, told: Option<&Told>, split: Vec<u32>) -> Result<Vec<u32>, ReadError> {
        let Some(told) = told else { return self.selection.blocks(run) };
        let zones = run.zones()?;
        let mut blocks = split;
        if !told.is_whole() {
            let is_left = |number: &u32| zones.get(*number as usize).is_some_and(|zone| !told.tells_all_of(zone));
            blocks.extend(self.selection.blocks(run)?.into_iter().filter(is_left));
        }
        let overlaps =
            |number: &&u32| zones.get(**number as usize).is_some_and(|zone| zone.overlaps(&self.selection.range));
        blocks.extend(told.open_blocks().iter().filter(overlaps));
        blocks.sort_unstable();
        blocks.dedup();
        Ok(blocks)
    }

    fn is_split(&self, trace: &TraceRows) -> bool {
        !self.split.is_empty() && self.split.contains(trace_term(trace.trace_id))
    }

    /// A block with its selected rows.
    fn open(&self, run: &Arc<OpenRun>, number: u32) -> Result<Option<BlockBatch>, ReadError> {
        let zones = run.zones()?;
        let Some(zone) = zones.get(number as usize) else { return Ok(None) };
        let (block, dictionary) = (run.block(number)?, run.dictionary(number)?);
        let selected = self.selection.rows_of_block(run, &block, &dictionary, zone)?;
        Ok(Some(BlockBatch::new(run.clone(), block, dictionary, selected, zone.max_start)))
    }

    fn take(&self, unit: &Unit, worker: &mut dyn SinkWorker<dyn SpanBatch>) -> Result<Flow, ReadError> {
        match unit {
            Unit::Assembled(batch) => worker.take(batch),
            Unit::Told(told) => {
                let batch = told.batch()?;
                let _memory = self.context.memory.reserve(batch.memory_bytes())?;
                worker.take(&batch)
            }
            Unit::Block { run, number, told } => self.take_block(run, *number, told.as_deref(), worker),
        }
    }

    /// Hands out the rows of traces that stand here alone and are not told, and takes back those of split traces that are.
    fn take_block(
        &self,
        run: &Arc<OpenRun>,
        number: u32,
        told: Option<&Told>,
        worker: &mut dyn SinkWorker<dyn SpanBatch>,
    ) -> Result<Flow, ReadError> {
        let Some(batch) = self.open(run, number)? else { return Ok(Flow::Continue) };
        let _memory = self.context.memory.reserve(batch.memory_bytes())?;
        let starts = if told.is_some_and(|told| !told.is_whole()) { batch.starts()? } else { Vec::new() };
        let parents = if told.is_some() && self.grain == Grain::Calls { batch.parents()?.of } else { Vec::new() };
        let tells = |row: usize| {
            told.is_some_and(|told| told.is_whole() || starts.get(row).is_some_and(|start| told.tells(*start)))
        };
        let is_open = |trace: &TraceRows| {
            parents.get(trace.rows.clone()).unwrap_or_default().iter().any(|own| matches!(own, Parent::Elsewhere(_)))
        };
        let selected = batch.selected().marks(batch.len());
        let (mut alone, mut alone_rows) = (Vec::new(), Vec::new());
        let (mut split, mut split_rows) = (Vec::new(), Vec::new());
        for trace in batch.traces() {
            let rows = trace.rows.clone().filter(|row| selected.get(*row) == Some(&true));
            let (is_split, is_open) = (self.is_split(trace), is_open(trace));
            match (is_split, is_open) {
                (true, true) => {}
                (true, false) => {
                    split_rows.extend(rows.filter(|row| tells(*row)).map(|row| row as u32));
                    split.push(trace.clone());
                }
                (false, _) => {
                    alone_rows.extend(rows.filter(|row| is_open || !tells(*row)).map(|row| row as u32));
                    alone.push(trace.clone());
                }
            }
        }
        if !alone_rows.is_empty() {
            worker.take(&batch.part(alone_rows, alone, false))?;
        }
        if !split_rows.is_empty() {
            worker.take(&batch.part(split_rows, split, true))?;
        }
        Ok(Flow::Continue)
    }
}
