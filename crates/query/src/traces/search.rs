//! Trace search.

use super::{newest, ranked};
use clew_model::traces::{TraceBounds, TraceOrder, TracePage, TraceQuery, TraceView};
use clew_model::{Context, ReadError};

/// The traces that match, in the order that is asked for, up to the limit. Newest first stops when the page is full; any
/// other order, and bounds of whole traces, take a look at each trace that matches.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn search(context: &Context, view: &dyn TraceView, query: &TraceQuery) -> Result<TracePage, ReadError> {
    if query.limit == 0 || query.range.is_empty() {
        return Ok(TracePage::default());
    }
    if query.order == TraceOrder::default() && query.bounds == TraceBounds::default() {
        return newest::search(context, view, query);
    }
    ranked::search(context, view, query)
}
