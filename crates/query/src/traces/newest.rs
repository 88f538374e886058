//! Trace search, newest first, without looking at more than the page needs.
//!
//! A scan newest first names candidates until there are enough; a trace counts by its newest matching span. What is
//! exact comes from the traces themselves, looked up whole, so that each span counts once and the summary is that of
//! all spans. Hardly more traces are brought together than the page shows.

use super::sinks::{Candidates, Summaries};
use clew_model::traces::{
    Among, Grain, SpanOrder, SpanScan, TraceKey, TracePage, TracePlace, TraceQuery, TraceSummary, TraceView,
};
use clew_model::{Context, ReadError, TimeRange, TraceId, UnixNanos};
use hashbrown::HashSet;
use std::cmp::Reverse;
use std::collections::BTreeMap;

type Found = BTreeMap<Reverse<TracePlace>, TraceSummary>;

/// The traces that pass, newest first, up to the limit.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub(super) fn search(context: &Context, view: &dyn TraceView, query: &TraceQuery) -> Result<TracePage, ReadError> {
    let mut page = TracePage::default();
    // What starts after the cursor cannot be the newest match of a trace behind it.
    let newest = query.after.map_or(UnixNanos::MAX, |after| after.newest_match);
    let mut range = TimeRange::new(query.range.start, query.range.end.min(newest));
    let (mut found, mut known, mut memory) = (Found::new(), HashSet::new(), Vec::new());
    loop {
        let sink = Candidates::new(context, &known, wanted(&found, query.limit));
        let scan = SpanScan { order: SpanOrder::NewestFirst, ..SpanScan::by_trace(range, &query.filter, Grain::Span) };
        view.scan(context, &scan, &sink)?;
        let candidates = sink.found();
        let is_new =
            |(id, start): (&TraceId, &UnixNanos)| candidates.left.is_none_or(|left| *start > left).then_some(*id);
        let new: Vec<TraceId> = candidates.newest.iter().filter_map(is_new).collect();
        memory.push(judge(context, view, query, &new, &mut found)?);
        known.extend(new);
        match candidates.left {
            Some(left) if !is_full(&found, query.limit, left) => range = TimeRange::new(range.start, left),
            _ => break,
        }
    }
    let more = found.len() > query.limit;
    page.traces = found.into_values().take(query.limit).collect();
    page.next = page.traces.last().filter(|_| more).map(|last| last.place(TraceKey::Time));
    Ok(page)
}

/// How many traces more the page, and the look whether there is another one, could use.
fn wanted(found: &Found, limit: usize) -> usize {
    limit.saturating_add(1).saturating_sub(found.len()).max(1)
}

/// Whether one more than the limit is found that nothing with a match at or before `left` can precede.
fn is_full(found: &Found, limit: usize, left: UnixNanos) -> bool {
    found.len() > limit && found.keys().nth(limit).is_some_and(|Reverse(place)| place.newest_match > left)
}

/// Brings traces together, and keeps those that belong to the answer so far.
fn judge(
    context: &Context,
    view: &dyn TraceView,
    query: &TraceQuery,
    traces: &[TraceId],
    found: &mut Found,
) -> Result<Vec<clew_model::Reservation>, ReadError> {
    if traces.is_empty() {
        return Ok(Vec::new());
    }
    let sink = Summaries::new(context);
    let among = Among::Traces(traces);
    let scan = SpanScan { among, ..SpanScan::by_trace(query.range, &query.filter, Grain::Span) };
    view.scan(context, &scan, &sink)?;
    let (summaries, memory) = sink.found();
    for summary in summaries {
        let place = summary.place(TraceKey::Time);
        if query.after.is_none_or(|after| place < after) {
            found.insert(Reverse(place), summary);
        }
    }
    while found.len() > query.limit.saturating_add(1) {
        found.pop_last();
    }
    Ok(memory)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::search;
    use crate::traces::sinks::testing::{Fake, context, span, trace_id};
    use clew_model::traces::{TraceBounds, TraceFilter, TraceOrder};

    fn query(limit: usize) -> TraceQuery {
        TraceQuery {
            filter: TraceFilter::default(),
            range: TimeRange::new(0, 1_000),
            bounds: TraceBounds::default(),
            order: TraceOrder::default(),
            limit,
            after: None,
        }
    }

    #[test]
    fn pages_lead_through_all_traces_that_match() {
        let mut spans: Vec<_> = (1..30).map(|trace| span(trace, 1, "front", i64::from(trace) * 10, 500)).collect();
        // The newest match of this one is its old span.
        spans.push(span(2, 2, "back", 999, 999));
        spans.push(span(40, 1, "back", 998, 999));
        for in_one in [1, 3, 100] {
            let view = Fake::new(spans.clone(), in_one);
            let filter = TraceFilter { service: Some("front".into()), ..TraceFilter::default() };
            let mut query = TraceQuery { filter, ..query(4) };
            let mut seen = Vec::new();
            loop {
                let page = search(&context(), &view, &query).unwrap();
                seen.extend(page.traces.iter().map(|trace| (trace.trace_id, trace.newest_match, trace.spans)));
                query.after = page.next;
                if page.next.is_none() {
                    break;
                }
            }
            let expected =
                (1..30u8).rev().map(|trace| (trace_id(trace), i64::from(trace) * 10, if trace == 2 { 2 } else { 1 }));
            assert_eq!(seen, expected.collect::<Vec<_>>(), "{in_one} traces in a batch");
        }
    }

    #[test]
    fn nothing_is_asked_for_nothing() {
        let view = Fake::new(vec![span(1, 1, "front", 10, 20)], 1);
        assert_eq!(search(&context(), &view, &query(0)).unwrap(), TracePage::default());
        let empty = TraceQuery { range: TimeRange::new(30, 20), ..query(5) };
        assert_eq!(search(&context(), &view, &empty).unwrap(), TracePage::default());
        assert_eq!(search(&context(), &view, &query(1)).unwrap().next, None);
    }
}
