//! Spans for tests: random in every field, and a small believable system.

use clew_model::traces::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, StatusCode};
use clew_model::{Attribute, Attributes, Number, Resource, Scope, SpanId, TraceId, Value};
use proptest::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Debug text also tells apart -0.0 and 0.0, and shows NaN as equal.
pub(crate) fn shown(spans: &[Span]) -> Vec<String> {
    spans.iter().map(|span| format!("{span:?}")).collect()
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (0i64..5).prop_map(Value::Int),
        any::<f64>().prop_map(Value::Double),
        Just(Value::Double(-0.0)),
        Just(Value::Number(Number("1.0".into()))),
        "[a-c]{0,2}".prop_map(Value::from),
        "[0-9a-f]{16}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            proptest::collection::vec(("[a-c]", inner), 0..3).prop_map(|items| Value::Map(
                items.into_iter().map(|(key, value)| Attribute::new(key, value)).collect()
            )),
        ]
    })
}

fn any_attributes() -> impl Strategy<Value = Attributes> {
    proptest::collection::vec(("[a-e]", any_value()), 0..5)
        .prop_map(|items| items.into_iter().map(|(key, value)| Attribute::new(key, value)).collect())
}

fn any_resource() -> impl Strategy<Value = Arc<Resource>> {
    ("(svc-[a-c])?", any_attributes(), 0u32..2).prop_map(|(service, mut attributes, dropped)| {
        if !service.is_empty() {
            attributes.push(Attribute::new("service.name", service));
        }
        Arc::new(Resource { attributes, schema_url: "".into(), dropped_attributes_count: dropped })
    })
}

fn any_scope() -> impl Strategy<Value = Arc<Scope>> {
    ("[ab]?", "[12]?", any_attributes(), 0u32..2).prop_map(|(name, version, attributes, dropped)| {
        Arc::new(Scope {
            name: name.into(),
            version: version.into(),
            attributes,
            schema_url: "s".into(),
            dropped_attributes_count: dropped,
        })
    })
}

fn any_event() -> impl Strategy<Value = SpanEvent> {
    (any::<i64>(), "[ab]?|.{20}", any_attributes(), 0u32..3).prop_map(|(time, name, attributes, dropped)| SpanEvent {
        time,
        name: name.into(),
        attributes,
        dropped_attributes_count: dropped,
    })
}

fn any_link() -> impl Strategy<Value = SpanLink> {
    (any::<[u8; 16]>(), any::<[u8; 8]>(), "(k=v)?", any_attributes(), any::<u32>(), 0u32..3).prop_map(
        |(trace, span, state, attributes, flags, dropped)| SpanLink {
            trace_id: TraceId(trace),
            span_id: SpanId(span),
            trace_state: state.into(),
            attributes,
            dropped_attributes_count: dropped,
            flags,
        },
    )
}

fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![8 => (0i64..5000).prop_map(|milli| 1_700_000_000_000_000_000 + milli * 1_000_000), 1 => any::<i64>()]
}

pub(crate) fn any_span() -> impl Strategy<Value = Span> {
    let ids = (0u8..4, 0u8..16, proptest::option::of(0u8..20), 0i64..6, 0i64..3);
    let texts = ("[a-c]?|.{12}", "(a=1)?", "(boom .{5})?");
    let lists =
        (any_attributes(), proptest::collection::vec(any_event(), 0..3), proptest::collection::vec(any_link(), 0..2));
    let rest = (any_time(), any_time(), prop_oneof![Just(0u32), any::<u32>()], 0u32..2, any_resource(), any_scope());
    (ids, texts, lists, rest).prop_map(|(ids, texts, lists, rest)| Span {
        trace_id: TraceId([ids.0 + 1; 16]),
        span_id: SpanId([ids.1 + 1; 8]),
        parent_span_id: ids.2.map(|parent| SpanId([parent + 1; 8])),
        name: texts.0.into(),
        trace_state: texts.1.into(),
        kind: SpanKind::from_number(ids.3),
        status: SpanStatus { code: StatusCode::from_number(ids.4), message: texts.2.into() },
        attributes: lists.0,
        events: lists.1,
        links: lists.2,
        start: rest.0,
        end: rest.1,
        flags: rest.2,
        dropped_attributes_count: rest.3,
        dropped_events_count: rest.3 * 2,
        dropped_links_count: rest.3 * 3,
        resource: rest.4,
        scope: rest.5,
    })
}

pub(crate) fn any_spans(count: Range<usize>) -> impl Strategy<Value = Vec<Span>> {
    // A pool of resources and scopes makes spans share them, as in life.
    (proptest::collection::vec(any_span(), count), any::<bool>()).prop_map(|(mut spans, share)| {
        if share && let Some(first) = spans.first().cloned() {
            for span in &mut spans {
                span.resource = first.resource.clone();
                span.scope = first.scope.clone();
            }
        }
        spans
    })
}

/// Sorted as blocks want them.
pub(crate) fn in_order(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.trace_id, span.start));
    spans
}
