//! What the traces within some bounds have in common against the rest: attributes that set them apart, ranked.

use super::sinks::{Contrast, Counted, Counts};
use super::whole::{TOGETHER, Wanted, extents};
use crate::limits::MAX_CONTRAST_TRACES;
use clew_model::traces::{
    Among, AttributeContrast, Grain, SpanScan, TraceBounds, TraceContrast, TraceFilter, TraceView,
};
use clew_model::{Context, ReadError, TimeRange, TraceId};
use hashbrown::HashMap;

/// Which traces are set against which.
#[derive(Debug, Clone, PartialEq)]
pub struct ContrastQuery {
    /// What a span must satisfy, for its trace to be in one of the groups.
    pub filter: TraceFilter,
    /// When it must have started.
    pub range: TimeRange,
    /// What the traces of the one group satisfy; the rest is the other.
    pub selected: TraceBounds,
    /// Attributes at most.
    pub limit: usize,
}

/// The attributes that are more frequent among the selected traces than among the rest, those that tell the two apart best
/// first. A trace has an attribute where one of its spans does. Where a group has more than [`MAX_CONTRAST_TRACES`] traces
/// a sample of it is looked at, and said.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn contrast(context: &Context, view: &dyn TraceView, query: &ContrastQuery) -> Result<TraceContrast, ReadError> {
    let wanted = Wanted { filter: &query.filter, range: query.range, bounds: TraceBounds::default() };
    let (all, memory) = extents(context, view, wanted)?;
    let is_selected =
        |extent: &super::sinks::Extent| query.selected.hold(extent.start, extent.duration, extent.errors.into());
    let (selected, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(is_selected);
    let mut found =
        TraceContrast { selected: selected.len() as u64, rest: rest.len() as u64, ..TraceContrast::default() };
    if selected.is_empty() || rest.is_empty() {
        return Ok(found);
    }
    let _memory = context.memory.reserve(((selected.len() + rest.len()).min(2 * MAX_CONTRAST_TRACES) * 32) as u64)?;
    let mut groups: HashMap<TraceId, bool> = HashMap::new();
    for (traces, is_selected) in [(selected, true), (rest, false)] {
        let ids: Vec<TraceId> = traces.iter().map(|extent| extent.trace_id).collect();
        groups.extend(sample(ids).into_iter().map(|id| (id, is_selected)));
    }
    drop(memory);
    found.looked_at_selected = groups.values().filter(|selected| **selected).count() as u64;
    found.looked_at_rest = groups.len() as u64 - found.looked_at_selected;
    let counted = attributes(context, view, query, groups)?;
    found.truncated = counted.truncated;
    let (of_selected, of_rest) = (found.looked_at_selected as f64, found.looked_at_rest as f64);
    let apart = |counts: &Counts| counts.selected as f64 / of_selected - counts.rest as f64 / of_rest;
    let mut ranked: Vec<_> = counted.items.into_iter().filter(|(_, counts)| apart(counts) > LEAST_DIFFERENCE).collect();
    // What one trace alone has sets nothing apart.
    ranked.retain(|(_, counts)| counts.selected > 1 || of_selected < 2.0);
    ranked.sort_by(|(one, left), (other, right)| apart(right).total_cmp(&apart(left)).then_with(|| one.cmp(other)));
    ranked.truncate(query.limit);
    let attribute = |(item, counts): (super::sinks::Item, Counts)| AttributeContrast {
        service: item.service.into_string(),
        key: item.key.into_string(),
        value: item.value.into_string(),
        selected: counts.selected,
        rest: counts.rest,
    };
    found.attributes = ranked.into_iter().map(attribute).collect();
    Ok(found)
}

/// The attributes of the traces of both groups, those included that reach beyond the range: slow ones often do.
fn attributes(
    context: &Context,
    view: &dyn TraceView,
    query: &ContrastQuery,
    mut groups: HashMap<TraceId, bool>,
) -> Result<Counted, ReadError> {
    let ids: Vec<TraceId> = groups.keys().copied().collect();
    let beyond = view.reaching_beyond(context, query.range, &ids)?;
    let beyond: HashMap<TraceId, bool> = beyond.into_iter().filter_map(|id| groups.remove_entry(&id)).collect();
    let scan = SpanScan::by_trace(query.range, &query.filter, Grain::Span);
    let sink = Contrast::new(context, &groups);
    view.scan(context, &scan, &sink)?;
    let mut counted = sink.found();
    let ids: Vec<TraceId> = beyond.keys().copied().collect();
    for ids in ids.chunks(TOGETHER) {
        let sink = Contrast::new(context, &beyond);
        view.scan(context, &SpanScan { among: Among::Traces(ids), ..scan }, &sink)?;
        counted.merge(sink.found());
    }
    Ok(counted)
}

/// The least by which the shares of two groups must differ.
const LEAST_DIFFERENCE: f64 = 0.02;

/// At most [`MAX_CONTRAST_TRACES`], the same ones each time: trace IDs are random.
fn sample(mut ids: Vec<TraceId>) -> Vec<TraceId> {
    if ids.len() > MAX_CONTRAST_TRACES {
        let key =
            |id: &TraceId| u128::from_be_bytes(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) >> 64;
        ids.select_nth_unstable_by_key(MAX_CONTRAST_TRACES, key);
        ids.truncate(MAX_CONTRAST_TRACES);
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::traces::sinks::testing::{Fake, context, span, span_id, trace_id};
    use clew_model::Attribute;
    use clew_model::traces::{Span, StatusCode};

    /// Of 100 traces those of one region and version are slow; each has a request of its own, and a span below.
    fn spans() -> Vec<Span> {
        let mut spans = Vec::new();
        for trace in 1..=100u8 {
            let (region, version) = (["eu", "us", "ap"][usize::from(trace % 3)], ["1", "2"][usize::from(trace % 2)]);
            let is_slow = region == "ap" && version == "2";
            let mut root = span(trace, 1, "front", 10, if is_slow { 900 } else { 100 });
            root.attributes = vec![
                Attribute::new("region", region),
                Attribute::new("version", version),
                Attribute::new("request", format!("req-{trace}")),
                Attribute::new(
                    "tags",
                    clew_model::Value::Array(vec!["a".into(), if is_slow { "cold" } else { "warm" }.into()]),
                ),
            ];
            let mut child = span(trace, 2, "store", 20, 30);
            child.parent_span_id = Some(span_id(1));
            child.name = if is_slow { "retry" } else { "get" }.into();
            child.status.code = if is_slow && trace % 4 == 1 { StatusCode::Error } else { StatusCode::Unset };
            spans.extend([root, child]);
        }
        spans
    }

    fn ask(selected: TraceBounds, filter: TraceFilter, limit: usize) -> TraceContrast {
        let query = ContrastQuery { filter, range: TimeRange::new(0, 1_000), selected, limit };
        let found = contrast(&context(), &Fake::new(spans(), 7), &query).unwrap();
        assert_eq!(found, contrast(&context(), &Fake::new(spans(), 1), &query).unwrap());
        found
    }

    #[test]
    fn what_slow_traces_have_and_others_have_not_comes_first() {
        let slow = TraceBounds { min_duration: Some(500), ..TraceBounds::default() };
        let found = ask(slow, TraceFilter::default(), 6);
        let selected = (1..=100).filter(|trace| trace % 6 == 5).count() as u64;
        assert_eq!((found.selected, found.rest), (selected, 100 - selected));
        let ranked: Vec<_> = found
            .attributes
            .iter()
            .map(|one| (one.service.as_str(), one.key.as_str(), one.value.as_str(), one.selected, one.rest))
            .collect();
        let with = |passes: fn(u64) -> bool| (1..=100).filter(|trace| trace % 6 != 5 && passes(*trace)).count() as u64;
        assert_eq!(
            ranked[..4],
            [
                ("front", "tags", "cold", selected, 0),
                ("store", "operation", "retry", selected, 0),
                ("front", "region", "ap", selected, with(|trace| trace % 3 == 2)),
                ("front", "version", "2", selected, with(|trace| trace % 2 == 1)),
            ]
        );
        assert_eq!((ranked[4].1, ranked[4].2), ("status", "error"));
        assert!(found.attributes.iter().all(|one| one.key != "request"), "what each has of its own says nothing");
    }

    #[test]
    fn a_filter_narrows_both_groups() {
        let region = clew_model::traces::AttributeTest {
            key: "region".into(),
            test: clew_model::logs::FieldTest::Equals("ap".into()),
        };
        let filter = TraceFilter { attributes: vec![region], ..TraceFilter::default() };
        let failed = TraceBounds { failed: Some(true), ..TraceBounds::default() };
        let found = ask(failed, filter, 3);
        assert_eq!(found.selected + found.rest, (1..=100).filter(|trace| trace % 3 == 2).count() as u64);
        assert_eq!(found.attributes[0].key, "status");
        assert!(found.attributes.iter().all(|one| one.key != "region"));
    }

    #[test]
    fn what_stands_in_spans_beyond_the_range_counts() {
        let mut all = spans();
        for trace in (1..=100u8).filter(|trace| trace % 6 == 5) {
            let mut late = span(trace, 3, "store", 2_000, 2_100);
            late.parent_span_id = Some(span_id(1));
            late.attributes = vec![Attribute::new("attempt", "last")];
            all.push(late);
        }
        let selected = TraceBounds { min_duration: Some(1_500), ..TraceBounds::default() };
        let range = TimeRange::new(0, 1_000);
        let query = ContrastQuery { filter: TraceFilter::default(), range, selected, limit: 20 };
        let found = contrast(&context(), &Fake::new(all, 7), &query).unwrap();
        let late = found.attributes.iter().find(|one| one.key == "attempt").map(|one| (one.selected, one.rest));
        assert_eq!(late, Some((found.selected, 0)));
        // What stands within the range is not counted twice.
        assert!(found.attributes.iter().all(|one| one.selected <= found.selected && one.rest <= found.rest));
    }

    #[test]
    fn one_group_alone_is_set_against_nothing() {
        let all = ask(TraceBounds::default(), TraceFilter::default(), 5);
        assert_eq!((all.selected, all.rest, all.attributes.len()), (100, 0, 0));
        let none = TraceBounds { min_duration: Some(5_000), ..TraceBounds::default() };
        let none = ask(none, TraceFilter::default(), 5);
        assert_eq!((none.selected, none.rest, none.attributes.len()), (0, 100, 0));
    }

    #[test]
    fn a_sample_is_the_same_each_time() {
        let ids = |order: bool| {
            let mut ids: Vec<TraceId> =
                (0..MAX_CONTRAST_TRACES as u128 + 500).map(|id| TraceId(id.to_be_bytes())).collect();
            if order {
                ids.reverse();
            }
            let mut sampled = sample(ids);
            sampled.sort_unstable();
            sampled
        };
        assert_eq!(ids(false), ids(true));
        assert_eq!(ids(false).len(), MAX_CONTRAST_TRACES);
        assert_eq!(sample(vec![trace_id(1)]), [trace_id(1)]);
    }
}
