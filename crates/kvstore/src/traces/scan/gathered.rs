//! The traces of a range that stand in several places, brought together once for all scans of a question.

use super::assembly::{Assembly, Parts, Source};
use super::block_batch::BlockBatch;
use super::places::Split;
use super::selection::Selection;
use crate::traces::run::OpenRun;
use crate::traces::view::View;
use clew_columns::spans::trace_term;
use clew_model::traces::{SpanBatch, TraceFilter, TraceRows};
use clew_model::{Context, ReadError, TenantId, TimeRange};
use std::sync::Arc;

/// What of a range stands in several places.
pub(crate) struct Gathered {
    tenant: TenantId,
    range: TimeRange,
    /// The runs with spans that start in the range.
    pub(super) runs: Vec<Arc<OpenRun>>,
    /// The traces that stand in several places, or in the hot tail.
    pub(super) split: Split,
    /// Of each run the blocks that hold parts of them and may hold a span that starts in the range.
    pub(super) blocks: Vec<Vec<u32>>,
    /// Their spans; those that start in the range are selected.
    pub(super) assembly: Arc<Assembly>,
}

impl Gathered {
    /// What stands in several places, as the last scan of the view found it, if it had the same range.
    pub(crate) fn of(view: &View, context: &Context, range: TimeRange) -> Result<Arc<Self>, ReadError> {
        let mut last = view.gathered.lock();
        if let Some(own) = last.as_ref().filter(|own| own.range == range && own.tenant == context.tenant) {
            return Ok(own.clone());
        }
        // What it held goes before more is asked for.
        *last = None;
        let gathered = Arc::new(Self::gather(view, context, range)?);
        *last = Some(gathered.clone());
        Ok(gathered)
    }

    fn gather(view: &View, context: &Context, range: TimeRange) -> Result<Self, ReadError> {
        let runs = view.runs(&context.tenant, range)?;
        let hot = view.hot.iter().flat_map(|hot| hot.trace_ids(&context.tenant)).map(trace_term).collect();
        let split = Split::of(&runs, hot)?;
        let filter = TraceFilter::default();
        let selection = Selection::new(&filter, range);
        let blocks = runs.iter().map(|run| split_blocks(run, &split, range)).collect::<Result<Vec<_>, _>>()?;
        let mut parts = Vec::new();
        for (run, blocks) in runs.iter().zip(&blocks) {
            for number in blocks {
                context.check()?;
                let Some(batch) = BlockBatch::open(run, *number, &selection)? else { continue };
                let is_split = |trace: &&TraceRows| split.contains(trace_term(trace.trace_id));
                let traces: Vec<TraceRows> = batch.traces().iter().filter(is_split).cloned().collect();
                let source = Source::Block(run.clone(), *number);
                parts.push(Parts::of_block(context, &batch, source, &traces, view.kept_from())?);
            }
        }
        for batch in view.batches(&context.tenant).into_iter().filter(|batch| batch.range.overlaps(&range)) {
            context.check()?;
            parts.push(Parts::of_batch(context, batch, |span| view.is_kept(span), &selection)?);
        }
        let assembly = Arc::new(Assembly::of(parts));
        Ok(Self { tenant: context.tenant.clone(), range, runs, split, blocks, assembly })
    }
}

/// The blocks of a run that hold parts of split traces and may hold a span that starts in the range.
fn split_blocks(run: &OpenRun, split: &Split, range: TimeRange) -> Result<Vec<u32>, ReadError> {
    if split.is_empty() {
        return Ok(Vec::new());
    }
    let zones = run.zones()?;
    let mut blocks = run.traces()?.blocks_of(split);
    blocks.retain(|number| zones.get(*number as usize).is_some_and(|zone| zone.overlaps(&range)));
    Ok(blocks)
}
