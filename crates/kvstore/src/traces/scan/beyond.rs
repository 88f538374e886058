//! Which traces have spans that a scan over a range does not bring.

use crate::traces::view::View;
use clew_columns::spans::trace_term;
use clew_model::{Context, ReadError, TimeRange, TraceId};
use hashbrown::HashSet;

/// The traces that may stand in a block, or in a batch of the hot tail, of which no span starts in the range.
pub(super) fn find(
    view: &View,
    context: &Context,
    range: TimeRange,
    traces: &[TraceId],
) -> Result<Vec<TraceId>, ReadError> {
    if traces.is_empty() {
        return Ok(Vec::new());
    }
    let terms: Vec<u64> = traces.iter().map(|id| trace_term(*id)).collect();
    let mut beyond: HashSet<u64> = HashSet::new();
    for run in view.all_runs(&context.tenant)? {
        context.check()?;
        if range.start <= run.run.min_time && run.run.max_time <= range.end {
            continue;
        }
        let zones = run.zones()?;
        let is_out = |block: &u32| zones.get(*block as usize).is_some_and(|zone| !zone.overlaps(&range));
        run.visit(&terms, |term, blocks| {
            if blocks.iter().any(is_out) {
                beyond.insert(term);
            }
        })?;
    }
    let out = view.batches(&context.tenant).into_iter().filter(|batch| !batch.range.overlaps(&range));
    for batch in out {
        context.check()?;
        beyond.extend(batch.spans.iter().filter(|span| view.is_kept(span)).map(|span| trace_term(span.trace_id)));
    }
    Ok(traces.iter().filter(|id| beyond.contains(&trace_term(**id))).copied().collect())
}
