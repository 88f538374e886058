use super::*;
use crate::spans::samples::any_spans;
use clew_model::traces::{Span, SpanKind, StatusCode, duration_bucket};
use clew_model::{Resource, SpanId, TimeRange, TraceId};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Each span by service, operation, kind, slot, outcome and bucket, how often; and the calls by slot.
type Counts = BTreeMap<(String, String, SpanKind, i64, bool, usize), u64>;

fn counted(spans: &[Span], width: i64) -> Counts {
    let mut counts = Counts::new();
    for span in spans {
        let is_error = span.status.code == StatusCode::Error;
        let (service, name) = (span.service().to_owned(), span.name.to_string());
        let key = (service, name, span.kind, span.start.div_euclid(width), is_error, duration_bucket(span.duration()));
        *counts.entry(key).or_default() += 1;
    }
    counts
}

fn spans_of(tally: &Tally) -> u64 {
    tally.buckets.iter().map(|(_, count)| u64::from(*count)).sum()
}

fn build(blocks: &[Vec<Span>], width: i64) -> (SpanSums, Vec<ServiceCells>, Cells, Vec<CallCell>) {
    let mut builder = SumsBuilder::new(width);
    blocks.iter().for_each(|block| builder.add_block(&block.iter().collect::<Vec<_>>()));
    let encoded = builder.finish().unwrap();
    let head = SpanSums::decode(&encoded.head).unwrap();
    let cells = encoded.services.iter().map(|bytes| ServiceCells::decode(bytes, &head).unwrap()).collect();
    let calls = decode_call_cells(&encoded.calls, &head).unwrap();
    let all = decode_all_cells(&encoded.all, &head).unwrap();
    (head, cells, all, calls)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_span_is_counted_once_with_its_bounds(spans in any_spans(0..60)) {
        let range = TimeRange::new(
            spans.iter().map(|span| span.start).min().unwrap_or(0),
            spans.iter().map(|span| span.start).max().unwrap_or(0),
        );
        let width = slot_width(range);
        let blocks: Vec<Vec<Span>> = spans.chunks(17).map(<[Span]>::to_vec).collect();
        let (head, cells, all, _) = build(&blocks, width);
        prop_assert!(head.slots.len() <= crate::spans::limits::SUMMED_SLOTS);
        let mut found = Counts::new();
        for (service, own) in head.services.iter().zip(&cells) {
            prop_assert!(service.has_operations);
            for cell in own.cells.iter() {
                let (name, kind) = &own.operations[cell.series as usize];
                let slot = head.slots[cell.slot as usize];
                for (is_error, tally) in [false, true].into_iter().zip(cell.tallies) {
                    let mine: Vec<&Span> = spans.iter().filter(|span| {
                        (span.service(), span.name.as_str(), span.kind) == (&service.name, name, *kind)
                            && span.start.div_euclid(width) == slot.number
                            && (span.status.code == StatusCode::Error) == is_error
                    }).collect();
                    if !mine.is_empty() {
                        let durations = || mine.iter().map(|span| span.duration());
                        prop_assert_eq!(tally.least, durations().min().unwrap());
                        prop_assert_eq!(tally.most, durations().max().unwrap());
                    }
                    for (bucket, count) in tally.buckets {
                        let key = (service.name.to_string(), name.to_string(), *kind, slot.number, is_error, usize::from(*bucket));
                        prop_assert!(found.insert(key, u64::from(*count)).is_none());
                    }
                }
            }
            for (slot, last) in &own.lasts {
                let number = head.slots[*slot as usize].number;
                let starts = spans.iter().filter(|span| span.service() == service.name).map(|span| span.start);
                prop_assert_eq!(Some(*last), starts.filter(|start| start.div_euclid(width) == number).max());
            }
            let total: u64 = service.tallies.iter().map(spans_of).sum();
            prop_assert_eq!(total, spans.iter().filter(|span| span.service() == service.name).count() as u64);
            let last = service.tallies.iter().filter(|tally| !tally.buckets.is_empty()).map(|tally| tally.last).max();
            prop_assert_eq!(last, spans.iter().filter(|span| span.service() == service.name).map(|span| span.start).max());
        }
        prop_assert_eq!(found, counted(&spans, width));
        for cell in all.iter() {
            let (name, number) = (&head.services[cell.series as usize].name, head.slots[cell.slot as usize].number);
            for (is_error, tally) in [false, true].into_iter().zip(cell.tallies) {
                let own: Vec<&Span> = spans.iter().filter(|span| {
                    span.service() == name
                        && span.start.div_euclid(width) == number
                        && (span.status.code == StatusCode::Error) == is_error
                }).collect();
                prop_assert_eq!(tally.buckets.iter().map(|(_, count)| u64::from(*count)).sum::<u64>(), own.len() as u64);
                if !own.is_empty() {
                    prop_assert_eq!(Some(tally.last), own.iter().map(|span| span.start).max());
                    prop_assert_eq!(Some(tally.most), own.iter().map(|span| span.duration()).max());
                }
            }
        }
        for slot in &head.slots {
            let starts = || spans.iter().map(|span| span.start).filter(|start| start.div_euclid(width) == slot.number);
            prop_assert_eq!((Some(slot.first), Some(slot.last)), (starts().min(), starts().max()));
        }
    }

    #[test]
    fn damage_never_panics(spans in any_spans(1..20), at: prop::sample::Index, byte: u8) {
        let mut builder = SumsBuilder::new(1_000);
        builder.add_block(&spans.iter().collect::<Vec<_>>());
        let encoded = builder.finish().unwrap();
        let head = SpanSums::decode(&encoded.head).unwrap();
        for length in 0..encoded.head.len() {
            prop_assert!(SpanSums::decode(&encoded.head[..length]).is_err());
        }
        let mut damaged = encoded.head.clone();
        let place = at.index(damaged.len());
        damaged[place] = byte;
        let _ = SpanSums::decode(&damaged);
        for cells in &encoded.services {
            let mut damaged = cells.clone();
            let place = at.index(damaged.len());
            damaged[place] = byte;
            let _ = ServiceCells::decode(&damaged, &head);
            let _ = decode_call_cells(&damaged, &head);
            let _ = decode_all_cells(&damaged, &head);
        }
    }
}

fn span(trace: u8, number: u8, parent: Option<u8>, service: &str, start: i64) -> Span {
    let attributes = vec![clew_model::Attribute::new("service.name", service)];
    Span {
        parent_span_id: parent.map(|parent| SpanId([parent; 8])),
        name: "work".into(),
        start,
        end: start + 5,
        resource: Arc::new(Resource { attributes, ..Resource::default() }),
        ..Span::new(TraceId([trace; 16]), SpanId([number; 8]))
    }
}

#[test]
fn calls_are_counted_by_slot_and_open_traces_not_at_all() {
    let mut failed = span(2, 2, Some(1), "back", 2_500);
    failed.status.code = StatusCode::Error;
    let blocks = [
        vec![span(1, 1, None, "front", 100), span(1, 2, Some(1), "back", 900), span(1, 3, Some(2), "back", 950)],
        vec![span(2, 1, None, "front", 100), failed],
        vec![span(3, 1, None, "front", 100), span(3, 2, Some(1), "back", 900), span(3, 3, Some(9), "back", 950)],
    ];
    let (head, _, _, calls) = build(&blocks, 1_000);
    let names: Vec<&str> = head.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["back", "front"]);
    let call = |calls, errors| CallSum { client: 1, server: 0, calls, errors };
    assert_eq!(head.calls, Some(vec![call(2, 1)]));
    assert_eq!(calls, [CallCell { slot: 0, sum: call(1, 0) }, CallCell { slot: 1, sum: call(1, 1) }]);
    assert_eq!(head.open_blocks, [2]);
}

#[test]
fn too_many_operations_are_counted_together_and_too_many_services_not_at_all() {
    let named = |n: usize| Span { name: format!("op {n}").as_str().into(), ..span(1, 1, None, "front", 100) };
    let (head, cells, _, _) = build(&[(0..5_000).map(named).collect()], 1_000);
    assert!(!head.services[0].has_operations);
    assert_eq!(spans_of(&head.services[0].tallies[0]), 5_000);
    assert_eq!(cells[0].operations.len(), crate::spans::limits::SUMMED_OPERATIONS + 1);
    let mut builder = SumsBuilder::new(1_000);
    let spans: Vec<Span> = (0..5_000).map(|n| span(1, 1, None, &format!("s{n}"), 100)).collect();
    builder.add_block(&spans.iter().collect::<Vec<_>>());
    assert!(builder.finish().is_none());
}
