//! Trace search in any order: every trace that matches is judged, and the page is what comes first of all of them.

use super::sinks::{Extent, Summaries};
use super::whole::{Wanted, extents};
use clew_model::traces::{Among, Grain, SpanScan, TracePage, TracePlace, TraceQuery, TraceView};
use clew_model::{Context, ReadError, TraceId};

/// The page that a query asks for, and how many traces match.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub(super) fn search(context: &Context, view: &dyn TraceView, query: &TraceQuery) -> Result<TracePage, ReadError> {
    let wanted = Wanted { filter: &query.filter, range: query.range, bounds: query.bounds };
    let (found, _memory) = extents(context, view, wanted)?;
    let total = Some(found.len() as u64);
    let order = query.order;
    let place = |extent: &Extent| extent.place(order.key);
    let comes_before = |one: &TracePlace, other: &TracePlace| {
        let order = if order.ascending { one.cmp(other) } else { other.cmp(one) };
        order.is_lt()
    };
    let mut places: Vec<TracePlace> = found.iter().map(place).collect();
    if let Some(after) = query.after {
        places.retain(|place| comes_before(&after, place));
    }
    let compare = |one: &TracePlace, other: &TracePlace| if order.ascending { one.cmp(other) } else { other.cmp(one) };
    let more = places.len() > query.limit;
    if more {
        places.select_nth_unstable_by(query.limit, compare);
        places.truncate(query.limit);
    }
    places.sort_unstable_by(compare);
    let next = places.last().copied().filter(|_| more);
    let ids: Vec<TraceId> = places.iter().map(|place| place.trace_id).collect();
    let sink = Summaries::new(context);
    if !ids.is_empty() {
        let scan = SpanScan::by_trace(query.range, &query.filter, Grain::Span);
        view.scan(context, &SpanScan { among: Among::Traces(&ids), ..scan }, &sink)?;
    }
    let (mut traces, _memory) = sink.found();
    traces.sort_unstable_by(|one, other| compare(&one.place(order.key), &other.place(order.key)));
    Ok(TracePage { traces, next, total, ..TracePage::default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::search;
    use crate::traces::sinks::testing::{Fake, context, span, trace_id};
    use clew_model::TimeRange;
    use clew_model::traces::{Span, StatusCode, TraceBounds, TraceFilter, TraceKey, TraceOrder};

    /// Traces whose newest is the shortest; the longest began before the range, and goes on after it.
    fn spans() -> Vec<Span> {
        let mut spans: Vec<Span> = (1..30u8)
            .map(|trace| span(trace, 1, "front", i64::from(trace) * 10, i64::from(trace) * 10 + 40 - i64::from(trace)))
            .collect();
        spans.extend([span(40, 1, "front", 0, 20), span(40, 2, "front", 150, 160), span(40, 3, "back", 900, 999)]);
        spans[7].status.code = StatusCode::Error;
        spans
    }

    fn query(key: TraceKey, ascending: bool, limit: usize) -> TraceQuery {
        TraceQuery {
            filter: TraceFilter::default(),
            range: TimeRange::new(100, 200),
            bounds: TraceBounds::default(),
            order: TraceOrder { key, ascending },
            limit,
            after: None,
        }
    }

    fn pages(mut query: TraceQuery) -> (Vec<TraceId>, Vec<i64>, u64) {
        let view = Fake::new(spans(), 3);
        let (mut ids, mut durations) = (Vec::new(), Vec::new());
        loop {
            let page = search(&context(), &view, &query).unwrap();
            ids.extend(page.traces.iter().map(|trace| trace.trace_id));
            durations.extend(page.traces.iter().map(|trace| trace.duration));
            query.after = page.next;
            if page.next.is_none() {
                return (ids, durations, page.total.unwrap());
            }
        }
    }

    #[test]
    fn the_longest_of_the_range_comes_first_however_short_a_page_is() {
        for limit in [1, 2, 5, 100] {
            let (ids, durations, total) = pages(query(TraceKey::Duration, false, limit));
            assert_eq!(ids.first(), Some(&trace_id(40)), "pages of {limit}");
            assert_eq!(durations.first(), Some(&999));
            assert_eq!(durations[1..], (20..=30).rev().collect::<Vec<_>>(), "pages of {limit}");
            assert_eq!(total, 12);
            let (turned, ..) = pages(query(TraceKey::Duration, true, limit));
            assert_eq!(turned, ids.iter().rev().copied().collect::<Vec<_>>(), "pages of {limit}");
        }
    }

    #[test]
    fn errors_and_spans_are_keys_too_and_equals_stand_newest_first() {
        let failing = TraceQuery { range: TimeRange::ALL, ..query(TraceKey::Errors, false, 2) };
        let page = search(&context(), &Fake::new(spans(), 1), &failing).unwrap();
        let ids: Vec<TraceId> = page.traces.iter().map(|trace| trace.trace_id).collect();
        assert_eq!(ids, [trace_id(8), trace_id(40)], "the one that failed, then the newest");
        let (ids, ..) = pages(query(TraceKey::Spans, false, 4));
        assert_eq!(ids[..3], [trace_id(40), trace_id(20), trace_id(19)]);
    }

    #[test]
    fn bounds_are_those_of_whole_traces() {
        let bounds = TraceBounds { min_duration: Some(25), max_duration: Some(998), ..TraceBounds::default() };
        let (_, durations, total) = pages(TraceQuery { bounds, ..query(TraceKey::Time, false, 3) });
        assert_eq!((durations, total), ((25..=30).collect::<Vec<_>>(), 6));
        let bounds = TraceBounds { started: Some(TimeRange::new(100, 119)), ..TraceBounds::default() };
        let (ids, _, total) = pages(TraceQuery { bounds, ..query(TraceKey::Time, true, 3) });
        assert_eq!((ids, total), (vec![trace_id(10), trace_id(11)], 2));
    }
}
