use super::samples::{any_spans, in_order, shown};
use super::*;
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{Comparison, FieldTest};
use clew_model::traces::{
    AttributeTest, Parent, Span, SpanBatch, SpanKind, SpanList, StatusCode, TextColumn, TraceFilter, ValueColumn,
};
use clew_model::{Attribute, SpanId, TimeRange, TraceId};
use hashbrown::HashSet;
use proptest::prelude::*;

fn encode(spans: &[Span]) -> EncodedGroup {
    let spans: Vec<&Span> = spans.iter().collect();
    encode_group(&spans, &weights_of(&spans), &CorrelationRules::default())
}

fn decode(group: &EncodedGroup) -> Vec<Span> {
    let dictionary = SpanDictionary::open(&group.dictionary).unwrap();
    let blocks = group.blocks.iter().map(|block| SpanBlock::open(&block.bytes).unwrap());
    blocks.flat_map(|block| block.spans(&dictionary, 0..block.len()).unwrap()).collect()
}

fn any_filter() -> impl Strategy<Value = TraceFilter> {
    let test = prop_oneof![
        Just(FieldTest::Exists),
        "[a-c]{0,2}".prop_map(FieldTest::Equals),
        "[a-c]".prop_map(FieldTest::Is),
        (-3.0f64..5.0).prop_map(|number| FieldTest::Compare(Comparison::GreaterOrEqual, number)),
        Just(FieldTest::Between("1".into(), "*".into())),
    ];
    let attribute = ("(resource\\.)?[a-e]|service.name", test).prop_map(|(key, test)| AttributeTest { key, test });
    (
        proptest::option::of("svc-[a-c]|"),
        proptest::option::of("[a-c]?"),
        proptest::option::of((0i64..6).prop_map(SpanKind::from_number)),
        proptest::option::of((0i64..3).prop_map(StatusCode::from_number)),
        proptest::option::of(0i64..3_000_000_000),
        proptest::option::of(0i64..3_000_000_000),
        proptest::collection::vec(attribute, 0..2),
    )
        .prop_map(|(service, operation, kind, status, min_duration, max_duration, attributes)| TraceFilter {
            service,
            operation,
            kind,
            status,
            min_duration,
            max_duration,
            attributes,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_field_of_every_span_survives(spans in any_spans(0..24)) {
        let spans = in_order(spans);
        prop_assert_eq!(shown(&decode(&encode(&spans))), shown(&spans));
    }

    #[test]
    fn a_range_of_rows_is_what_the_whole_block_holds_there(spans in any_spans(1..16), from: prop::sample::Index, to: prop::sample::Index) {
        let spans = in_order(spans);
        let group = encode(&spans);
        let dictionary = SpanDictionary::open(&group.dictionary).unwrap();
        let block = SpanBlock::open(&group.blocks[0].bytes).unwrap();
        let (from, to) = (from.index(spans.len()), to.index(spans.len() + 1));
        let rows = from.min(to)..to;
        prop_assert_eq!(shown(&block.spans(&dictionary, rows.clone()).unwrap()), shown(&spans[rows]));
    }

    #[test]
    fn the_plan_finds_the_rows_the_filter_matches(spans in any_spans(1..24), filter in any_filter()) {
        let spans = in_order(spans);
        let group = encode(&spans);
        let dictionary = SpanDictionary::open(&group.dictionary).unwrap();
        let block = SpanBlock::open(&group.blocks[0].bytes).unwrap();
        let range = TimeRange::new(1_700_000_001_000_000_000, i64::MAX);
        let mut plan = FilterPlan::new(&filter, &dictionary);
        let passing = |range: TimeRange| -> Vec<u32> {
            let passes = |span: &Span| range.contains(span.start) && filter.matches(span);
            (0u32..).zip(&spans).filter(|(_, span)| passes(span)).map(|(row, _)| row).collect()
        };
        prop_assert_eq!(plan.rows(&block, None).unwrap(), passing(TimeRange::ALL));
        let expected = passing(range);
        prop_assert_eq!(plan.rows(&block, Some(&range)).unwrap(), expected.clone());
        prop_assert!(expected.is_empty() || !plan.is_impossible());
        let zone = &group.blocks[0].zone;
        let service = filter.service.as_deref();
        prop_assert!(expected.is_empty() || zone.may_last(service, filter.min_duration.unwrap_or(0)));
    }

    #[test]
    fn columns_say_what_the_spans_say(spans in any_spans(1..24), key in "[a-e]") {
        let spans = in_order(spans);
        let group = encode(&spans);
        let dictionary = SpanDictionary::open(&group.dictionary).unwrap();
        let block = SpanBlock::open(&group.blocks[0].bytes).unwrap();
        let list = SpanList::all(spans.clone());
        let texts = |column: &TextColumn<'_>| (0..spans.len()).map(|row| column.get(row).to_owned()).collect::<Vec<_>>();
        prop_assert_eq!(texts(&block.service_column(&dictionary).unwrap()), texts(&list.services().unwrap()));
        prop_assert_eq!(texts(&block.operation_column(&dictionary).unwrap()), texts(&list.operations().unwrap()));
        prop_assert_eq!(block.outcomes().unwrap(), list.outcomes().unwrap());
        prop_assert_eq!(block.starts().unwrap(), list.starts().unwrap());
        prop_assert_eq!(block.lasting().unwrap(), list.lasting().unwrap());
        prop_assert_eq!(block.traces(), list.traces());
        let values = |column: &ValueColumn| (0..spans.len()).map(|row| format!("{:?}", column.get(row))).collect::<Vec<_>>();
        let attribute = block.attribute_column(&dictionary, &key).unwrap();
        prop_assert_eq!(values(&attribute), values(&list.attribute(&key).unwrap()));
        let parents = block.parent_rows().unwrap();
        prop_assert_eq!(parents.shared, list.parents().unwrap().shared);
        for (span, parent) in spans.iter().zip(parents.of) {
            match parent {
                Parent::None => prop_assert_eq!(span.parent_span_id, None),
                Parent::Row(row) => {
                    prop_assert_eq!(spans[row as usize].trace_id, span.trace_id);
                    prop_assert_eq!(span.parent_span_id, Some(spans[row as usize].span_id));
                }
                Parent::Elsewhere(id) => {
                    prop_assert_eq!(span.parent_span_id, Some(id));
                    prop_assert!(!spans.iter().any(|other| other.trace_id == span.trace_id && other.span_id == id));
                }
            }
        }
    }

    #[test]
    fn every_id_a_span_carries_leads_to_its_block(spans in any_spans(1..12)) {
        let spans = in_order(spans);
        let rules = CorrelationRules::new(["a", "b"], []);
        let refs: Vec<&Span> = spans.iter().collect();
        let group = encode_group(&refs, &weights_of(&refs), &rules);
        let terms: HashSet<u64> = group.blocks.iter().flat_map(|block| block.terms.iter().chain(&block.id_terms)).copied().collect();
        for span in &spans {
            rules.visit_span(span, &mut |carried| assert!(terms.contains(&id_term(&carried.id)), "{carried:?}"));
        }
    }

    #[test]
    fn damaged_bytes_never_panic(spans in any_spans(1..8), at: prop::sample::Index, byte: u8, in_dictionary: bool) {
        let mut group = encode(&in_order(spans));
        let target = if in_dictionary { &mut group.dictionary } else { &mut group.blocks[0].bytes };
        let place = at.index(target.len());
        target[place] = byte;
        if let (Ok(dictionary), Ok(block)) = (SpanDictionary::open(&group.dictionary), SpanBlock::open(&group.blocks[0].bytes)) {
            let _ = block.spans(&dictionary, 0..block.len());
        }
    }

    #[test]
    fn a_foreign_dictionary_never_panics(spans in any_spans(1..8), others in any_spans(1..4)) {
        let (group, other) = (encode(&in_order(spans)), encode(&in_order(others)));
        let dictionary = SpanDictionary::open(&other.dictionary).unwrap();
        let _ = SpanBlock::open(&group.blocks[0].bytes).unwrap().spans(&dictionary, 0..100);
    }
}

fn numbered(trace: u32, number: u32) -> Span {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&trace.to_be_bytes());
    id[15] = 1;
    let mut span_id = [7; 8];
    span_id[..4].copy_from_slice(&number.to_be_bytes());
    let start = 1_700_000_000_000_000_000 + i64::from(trace) * 1_000_000 + i64::from(number);
    Span {
        start,
        end: start + 5_000,
        name: "work".into(),
        attributes: vec![Attribute::new("n", i64::from(number)), Attribute::new("url", "/checkout")],
        ..Span::new(TraceId(id), SpanId(span_id))
    }
}

#[test]
fn blocks_end_where_a_trace_ends_and_a_long_trace_spans_blocks() {
    let mut spans: Vec<Span> = (0..40).flat_map(|trace| (0..30).map(move |number| numbered(trace, number))).collect();
    spans.extend((0..70_000).map(|number| numbered(100, number)));
    let group = encode(&spans);
    let lengths: Vec<usize> = group.blocks.iter().map(|block| block.zone.spans as usize).collect();
    assert_eq!(lengths[..2], [540, 540], "the first trace boundary after 512 spans");
    assert_eq!(lengths[2], limits::MAX_BLOCK_SPANS);
    assert_eq!(lengths.iter().sum::<usize>(), spans.len());
    assert_eq!(decode(&group), spans);
}

#[test]
fn ordinary_spans_take_few_bytes() {
    let spans: Vec<Span> = (0..100).flat_map(|trace| (0..20).map(move |number| numbered(trace, number))).collect();
    let group = encode(&spans);
    let bytes: usize = group.dictionary.len() + group.blocks.iter().map(|block| block.bytes.len()).sum::<usize>();
    // 8 of the span ID, about 1 of the trace ID, the rest of nearly regular columns.
    assert!(bytes < spans.len() * 15, "{} bytes a span", bytes as f64 / spans.len() as f64);
}
