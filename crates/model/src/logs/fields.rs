//! The searchable fields of a log record: its well-known fields by any of their names, and every attribute by path.
//!
//! A field name resolves, first to last, to
//! 1. an attribute whose dotted path is the name (`context.task_id`, `http.method`);
//! 2. the same path inside `metadata`, `context`, `extra`, `attributes` or `fields` (`task_id`);
//! 3. a resource attribute (`host.name`, also as `resource.host.name`), or the scope (`scope.name`, `scope.version`,
//!    a scope attribute as `scope.<key>`);
//! 4. a well-known field by any of its names (`level`, `msg`, `service`, `trace_id`).
//!
//! A test on a field holds when any value it resolves to passes; arrays are tested by each element.

use super::record::LogRecord;
use crate::value::{Attribute, Value};
use std::borrow::Cow;

/// Objects inside a JSON log that hold fields of the record; names inside them count as the record's own.
pub const CONTAINER_FIELDS: [&str; 5] = ["metadata", "context", "extra", "attributes", "fields"];

/// The fields every record has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WellKnown {
    /// The record's time.
    Time,
    /// The severity.
    Severity,
    /// The message.
    Message,
    /// The service or agent.
    Service,
    /// The trace ID.
    TraceId,
    /// The span ID.
    SpanId,
}

/// The well-known field with this name. The lists are those of the contract's "JSON logs over HTTP".
#[must_use]
pub fn well_known(name: &str) -> Option<WellKnown> {
    Some(match name {
        "timestamp" | "@timestamp" | "time" | "ts" | "t" => WellKnown::Time,
        "level" | "severity" | "log.level" | "severity_text" | "lvl" => WellKnown::Severity,
        "message" | "msg" | "event" | "body" | "log" => WellKnown::Message,
        "service" | "service.name" | "service_name" | "agent_name" | "agent_id" | "component" | "app" | "logger" => {
            WellKnown::Service
        }
        "trace_id" | "traceId" | "trace.id" | "traceid" | "traceID" => WellKnown::TraceId,
        "span_id" | "spanId" | "span.id" | "spanid" | "spanID" => WellKnown::SpanId,
        _ => return None,
    })
}

impl LogRecord {
    /// Calls `visit` with the dotted path and the value of every scalar in the record's attributes, resource
    /// attributes (`resource.` before their path) and scope attributes (`scope.` before their path), in order.
    /// Array elements are visited one by one under the path of the array; empty maps and arrays are not visited.
    pub fn visit_attributes(&self, visit: &mut dyn FnMut(&str, &Value)) {
        let mut path = String::new();
        walk(&self.attributes, &mut path, visit);
        path.push_str("resource.");
        walk(&self.resource.attributes, &mut path, visit);
        path.clear();
        path.push_str("scope.");
        walk(&self.scope.attributes, &mut path, visit);
    }

    /// Calls `visit` with every value that `name` resolves to (see the module's rules) until it answers true; returns
    /// whether it did.
    pub fn any_field(&self, name: &str, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
        any_at(&self.attributes, name, visit)
            || CONTAINER_FIELDS.iter().any(|container| {
                self.attributes
                    .iter()
                    .filter(|attribute| attribute.key == *container)
                    .any(|attribute| matches!(&attribute.value, Value::Map(inner) if any_at(inner, name, visit)))
            })
            || any_at(&self.resource.attributes, name.strip_prefix("resource.").unwrap_or(name), visit)
            || name.strip_prefix("scope.").is_some_and(|rest| self.any_scope_field(rest, visit))
            || well_known(name).is_some_and(|field| self.well_known_value(field).is_some_and(|value| visit(&value)))
    }

    fn any_scope_field(&self, name: &str, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
        let own = match name {
            "name" => &self.scope.name,
            "version" => &self.scope.version,
            _ => return any_at(&self.scope.attributes, name, visit),
        };
        !own.is_empty() && visit(&Value::String(own.clone()))
    }

    /// The value of a well-known field; `None` where the record has none. The severity is the text as sent, or the name
    /// of its range.
    #[must_use]
    pub fn well_known_value(&self, field: WellKnown) -> Option<Cow<'_, Value>> {
        let text = |text: &str| (!text.is_empty()).then(|| Cow::Owned(Value::from(text)));
        match field {
            WellKnown::Time => Some(Cow::Owned(Value::Int(self.time))),
            WellKnown::Severity if self.severity_text.is_empty() => text(self.severity.range_name()),
            WellKnown::Severity => text(&self.severity_text),
            WellKnown::Message => (self.body != Value::Null).then_some(Cow::Borrowed(&self.body)),
            WellKnown::Service => text(&self.service),
            WellKnown::TraceId => self.trace_id.and_then(|id| text(&id.to_string())),
            WellKnown::SpanId => self.span_id.and_then(|id| text(&id.to_string())),
        }
    }
}

fn walk(attributes: &[Attribute], path: &mut String, visit: &mut dyn FnMut(&str, &Value)) {
    for attribute in attributes {
        let parent = path.len();
        path.push_str(&attribute.key);
        walk_value(&attribute.value, path, visit);
        path.truncate(parent);
    }
}

fn walk_value(value: &Value, path: &mut String, visit: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Map(inner) => {
            let parent = path.len();
            path.push('.');
            walk(inner, path, visit);
            path.truncate(parent);
        }
        Value::Array(items) => items.iter().for_each(|item| walk_value(item, path, visit)),
        scalar => visit(path, scalar),
    }
}

/// Visits the scalars at dotted path `name`: a key may itself contain dots (`http.method`), so every split is tried.
fn any_at(attributes: &[Attribute], name: &str, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
    attributes.iter().any(|attribute| {
        if attribute.key == name {
            return any_scalar(&attribute.value, visit);
        }
        let rest = name.strip_prefix(attribute.key.as_str()).and_then(|rest| rest.strip_prefix('.'));
        rest.is_some_and(|rest| any_inside(&attribute.value, rest, visit))
    })
}

fn any_inside(value: &Value, name: &str, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
    match value {
        Value::Map(inner) => any_at(inner, name, visit),
        Value::Array(items) => items.iter().any(|item| any_inside(item, name, visit)),
        _ => false,
    }
}

fn any_scalar(value: &Value, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_scalar(item, visit)),
        Value::Map(_) => false,
        scalar => visit(scalar),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::Resource;
    use std::sync::Arc;

    fn record() -> LogRecord {
        LogRecord {
            severity: super::super::Severity::ERROR,
            body: "boom".into(),
            attributes: vec![
                Attribute::new("http.method", "GET"),
                Attribute::new(
                    "context",
                    Value::Map(vec![Attribute::new("task_id", "task:001"), Attribute::new("n", Value::Int(3))]),
                ),
                Attribute::new("tags", Value::Array(vec!["redis".into(), "bus".into()])),
            ],
            resource: Arc::new(Resource {
                attributes: vec![Attribute::new("host.name", "node-1")],
                ..Resource::default()
            }),
            ..LogRecord::default()
        }
    }

    #[test]
    fn a_field_is_found_by_each_of_its_names() {
        let record = record();
        for (name, expected) in [
            ("http.method", vec!["GET"]),
            ("context.task_id", vec!["task:001"]),
            ("task_id", vec!["task:001"]),
            ("tags", vec!["redis", "bus"]),
            ("host.name", vec!["node-1"]),
            ("resource.host.name", vec!["node-1"]),
            ("level", vec!["ERROR"]),
            ("msg", vec!["boom"]),
            ("context", vec![]),
            ("missing", vec![]),
        ] {
            let mut seen = Vec::new();
            record.any_field(name, &mut |value| {
                seen.push(value.display_text().into_owned());
                false
            });
            assert_eq!(seen, expected, "{name}");
        }
    }

    #[test]
    fn every_scalar_is_visited_under_its_dotted_path() {
        let mut seen = Vec::new();
        record().visit_attributes(&mut |path, value| seen.push(format!("{path}={}", value.display_text())));
        assert_eq!(
            seen,
            [
                "http.method=GET",
                "context.task_id=task:001",
                "context.n=3",
                "tags=redis",
                "tags=bus",
                "resource.host.name=node-1"
            ]
        );
    }
}
