//! What logs and spans must become, walked from prost's structs.

use clew_model::logs::{LogRecord, Severity};
use clew_model::traces::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, StatusCode};
use clew_model::{Attribute, Attributes, Resource, Scope, SpanId, TraceId, Value};
use opentelemetry_proto::tonic as proto;
use proto::collector::logs::v1::ExportLogsServiceRequest;
use proto::collector::trace::v1::ExportTraceServiceRequest;
use proto::common::v1::{AnyValue, KeyValue, any_value};
use std::sync::Arc;

pub(crate) fn value(any: Option<&AnyValue>) -> Value {
    match any.and_then(|any| any.value.as_ref()) {
        None | Some(any_value::Value::StringValueStrindex(_)) => Value::Null,
        Some(any_value::Value::StringValue(text)) => Value::String(text.into()),
        Some(any_value::Value::BoolValue(flag)) => Value::Bool(*flag),
        Some(any_value::Value::IntValue(number)) => Value::Int(*number),
        Some(any_value::Value::DoubleValue(number)) => Value::Double(*number),
        Some(any_value::Value::BytesValue(bytes)) => Value::Bytes(bytes.clone()),
        Some(any_value::Value::ArrayValue(array)) => {
            Value::Array(array.values.iter().map(|item| value(Some(item))).collect())
        }
        Some(any_value::Value::KvlistValue(map)) => Value::Map(attributes(&map.values)),
    }
}

pub(crate) fn attributes(list: &[KeyValue]) -> Attributes {
    list.iter().map(|own| Attribute { key: own.key.as_str().into(), value: value(own.value.as_ref()) }).collect()
}

fn resource(resource: Option<&proto::resource::v1::Resource>, schema_url: &str) -> Arc<Resource> {
    let own = resource.cloned().unwrap_or_default();
    Arc::new(Resource {
        attributes: attributes(&own.attributes),
        schema_url: schema_url.into(),
        dropped_attributes_count: own.dropped_attributes_count,
    })
}

fn scope(scope: Option<&proto::common::v1::InstrumentationScope>, schema_url: &str) -> Arc<Scope> {
    let own = scope.cloned().unwrap_or_default();
    Arc::new(Scope {
        name: own.name.into(),
        version: own.version.into(),
        attributes: attributes(&own.attributes),
        schema_url: schema_url.into(),
        dropped_attributes_count: own.dropped_attributes_count,
    })
}

/// A time of 0 and an ID of zeros are absent.
fn given(time: u64) -> Option<i64> {
    (time != 0).then(|| i64::try_from(time).unwrap())
}

fn service(resource: &Resource) -> &str {
    let own = resource.attributes.iter().filter(|own| own.key == "service.name");
    let names = own.filter_map(|own| if let Value::String(name) = &own.value { Some(name.as_str()) } else { None });
    names.into_iter().find(|name| !name.trim().is_empty()).unwrap_or("unknown_service")
}

pub(crate) fn logs(request: &ExportLogsServiceRequest, arrival: i64) -> Vec<LogRecord> {
    let mut out = Vec::new();
    for by_resource in &request.resource_logs {
        let resource = resource(by_resource.resource.as_ref(), &by_resource.schema_url);
        for by_scope in &by_resource.scope_logs {
            let scope = scope(by_scope.scope.as_ref(), &by_scope.schema_url);
            for own in &by_scope.log_records {
                let (time, observed) = (given(own.time_unix_nano), given(own.observed_time_unix_nano));
                out.push(LogRecord {
                    time: time.or(observed).unwrap_or(arrival),
                    observed_time: observed.unwrap_or(arrival),
                    severity: match own.severity_number {
                        number @ 1..=24 => Severity::from_number(number.into()),
                        // Which text means what is told by the tests of words.
                        number => Severity::of_number_and_text(number.into(), &own.severity_text),
                    },
                    severity_text: own.severity_text.as_str().into(),
                    body: value(own.body.as_ref()),
                    service: service(&resource).into(),
                    trace_id: TraceId::from_bytes(&own.trace_id),
                    span_id: SpanId::from_bytes(&own.span_id),
                    flags: own.flags,
                    event_name: own.event_name.as_str().into(),
                    attributes: attributes(&own.attributes),
                    dropped_attributes_count: own.dropped_attributes_count,
                    resource: Arc::clone(&resource),
                    scope: Arc::clone(&scope),
                });
            }
        }
    }
    out
}

/// The spans that have IDs, and how many have none.
pub(crate) fn traces(request: &ExportTraceServiceRequest) -> (Vec<Span>, u64) {
    let (mut out, mut refused) = (Vec::new(), 0);
    for by_resource in &request.resource_spans {
        let resource = resource(by_resource.resource.as_ref(), &by_resource.schema_url);
        for by_scope in &by_resource.scope_spans {
            let scope = scope(by_scope.scope.as_ref(), &by_scope.schema_url);
            for own in &by_scope.spans {
                match span(own, &resource, &scope) {
                    Some(span) => out.push(span),
                    None => refused += 1,
                }
            }
        }
    }
    (out, refused)
}

fn span(own: &proto::trace::v1::Span, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Option<Span> {
    let status = own.status.clone().unwrap_or_default();
    Some(Span {
        trace_id: TraceId::from_bytes(&own.trace_id)?,
        span_id: SpanId::from_bytes(&own.span_id)?,
        parent_span_id: SpanId::from_bytes(&own.parent_span_id),
        trace_state: own.trace_state.as_str().into(),
        flags: own.flags,
        name: own.name.as_str().into(),
        kind: SpanKind::from_number(own.kind.into()),
        start: own.start_time_unix_nano as i64,
        end: own.end_time_unix_nano as i64,
        attributes: attributes(&own.attributes),
        dropped_attributes_count: own.dropped_attributes_count,
        events: own
            .events
            .iter()
            .map(|event| SpanEvent {
                time: event.time_unix_nano as i64,
                name: event.name.as_str().into(),
                attributes: attributes(&event.attributes),
                dropped_attributes_count: event.dropped_attributes_count,
            })
            .collect(),
        dropped_events_count: own.dropped_events_count,
        links: own
            .links
            .iter()
            .map(|link| SpanLink {
                trace_id: TraceId::from_bytes(&link.trace_id).unwrap_or(TraceId([0; 16])),
                span_id: SpanId::from_bytes(&link.span_id).unwrap_or(SpanId([0; 8])),
                trace_state: link.trace_state.as_str().into(),
                attributes: attributes(&link.attributes),
                dropped_attributes_count: link.dropped_attributes_count,
                flags: link.flags,
            })
            .collect(),
        dropped_links_count: own.dropped_links_count,
        status: SpanStatus {
            code: StatusCode::from_number(status.code.into()),
            message: status.message.as_str().into(),
        },
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    })
}
