//! A scan whose rows may stand for several spans: runs tell what was counted of them when they were written, slot by slot
//! of time, and only what that leaves is looked at.
//!
//! Counts know each run alone. A trace that stands in several places (runs, blocks, the hot tail) is brought together from
//! its spans as in any scan by trace; what counts told of them is taken back. Where such a span came in versions that
//! differ, bounds of what was counted may be those of a version that is not kept: the runs that hold one are read.

use super::assembly::{AssembledBatch, Assembly, Source};
use super::block_batch::BlockBatch;
use super::by_trace;
use super::gathered::Gathered;
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
    split: &'w Split,
}

/// Hands out what is selected among all spans, for a selection that allows the grain.
pub(super) fn scan(
    view: &View,
    context: &Context,
    selection: &Selection<'_>,
    grain: Grain,
    sink: &dyn Sink<dyn SpanBatch>,
) -> Result<(), ReadError> {
    let gathered = Gathered::of(view, context, selection.range)?;
    let runs = &gathered.runs;
    // Where retention cuts through a run, its spans are judged one by one.
    if runs.iter().any(|run| run.run.min_time < view.kept_from()) {
        return by_trace::scan(view, context, selection, sink);
    }
    let assembly = &gathered.assembly;
    let differing = runs_of(assembly);
    let told = runs.iter().map(|run| match differing.contains(&run_id(&run.run)) {
        true => Ok(None),
        false => Ok(Told::of(run, selection, grain)?.map(Arc::new)),
    });
    let told: Vec<Option<Arc<Told>>> = told.collect::<Result<_, ReadError>>()?;

    let walk = Walk { context, selection, grain, split: &gathered.split };
    let service = selection.filter.service.as_deref();
    let mut units: Vec<Unit> = assembly.clone().batches(service).into_iter().map(Unit::Assembled).collect();
    for ((run, told), split_blocks) in runs.iter().zip(told).zip(&gathered.blocks) {
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
    /// The blocks of a run to look at: those that counts do not tell all of, and those with spans to take back.
    fn blocks(&self, run: &OpenRun, told: Option<&Told>, split: &[u32]) -> Result<Vec<u32>, ReadError> {
        let Some(told) = told else { return self.selection.blocks(run) };
        let zones = run.zones()?;
        let mut blocks = split.to_vec();
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
        let Some(batch) = BlockBatch::open(run, number, self.selection)? else { return Ok(Flow::Continue) };
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
