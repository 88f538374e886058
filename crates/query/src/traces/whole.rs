//! The traces that match, each judged by all its spans, wherever these stand.
//!
//! One scan by trace over the range brings nearly all of them whole. The few that reach beyond it are looked up by
//! their IDs, so that a trace is as long as it was, whatever the range is.

use super::sinks::{Extent, Extents};
use clew_model::traces::{Among, Grain, SpanScan, TraceBounds, TraceFilter, TraceView};
use clew_model::{Context, ReadError, Reservation, TimeRange, TraceId};
use hashbrown::HashSet;

/// Traces that are looked up at once.
pub(super) const TOGETHER: usize = 4_096;

/// Which traces.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'q> {
    /// What a span must satisfy.
    pub filter: &'q TraceFilter,
    /// When it must have started.
    pub range: TimeRange,
    /// What its trace must satisfy.
    pub bounds: TraceBounds,
}

/// The traces that match, in no order, and the memory they take.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub(super) fn extents(
    context: &Context,
    view: &dyn TraceView,
    wanted: Wanted<'_>,
) -> Result<(Vec<Extent>, Vec<Reservation>), ReadError> {
    let scan = SpanScan::by_trace(wanted.range, wanted.filter, Grain::Span);
    let sink = Extents::new(context);
    view.scan(context, &scan, &sink)?;
    let (mut found, mut memory) = sink.found();
    let ids: Vec<TraceId> = found.iter().map(|extent| extent.trace_id).collect();
    let beyond = view.reaching_beyond(context, wanted.range, &ids)?;
    if !beyond.is_empty() {
        let set: HashSet<TraceId> = beyond.iter().copied().collect();
        found.retain(|extent| !set.contains(&extent.trace_id));
        for ids in beyond.chunks(TOGETHER) {
            let sink = Extents::new(context);
            view.scan(context, &SpanScan { among: Among::Traces(ids), ..scan }, &sink)?;
            let (whole, held) = sink.found();
            found.extend(whole);
            memory.extend(held);
        }
    }
    found.retain(|extent| wanted.bounds.hold(extent.start, extent.duration, extent.errors.into()));
    Ok((found, memory))
}
