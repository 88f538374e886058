//! The searchable fields of a log record: its well-known fields by any of their names, and every attribute by path.
//!
//! A field name resolves, first to last, to
//! 1. an attribute whose dotted path is the name (`context.task_id`, `http.method`);
//! 2. the same path inside `metadata`, `context`, `extra`, `attributes` or `fields` (`task_id`);
//! 3. a field of a body that is a map, or of the maps in a list: `body.user.id`, `message.user.id` (any name of the message
//!    stands for it), or without the body's name `user.id`;
//! 4. a resource attribute (`host.name`, also as `resource.host.name`), or the scope (`scope.name`, `scope.version`,
//!    a scope attribute as `scope.<key>`);
//! 5. a well-known field by any of its names (`level`, `msg`, `service`, `trace_id`); the severity is the name of its range
//!    and the text as sent.
//!
//! A test on a field holds when any value it resolves to passes; arrays are tested by each element.
//!
//! Values are counted as they are found, but for levels, of which each is one value however it is spelt: see
//! [`counted_level`].

use super::names::{WellKnown, well_known};
use super::record::LogRecord;
use super::severity::Severity;
use super::terminal::plain_text;
use crate::value::{Attribute, Value};
use std::borrow::Cow;

/// Objects inside a JSON log that hold fields of the record; names inside them count as the record's own.
pub const CONTAINER_FIELDS: [&str; 5] = ["metadata", "context", "extra", "attributes", "fields"];

impl LogRecord {
    /// Calls `visit` with the dotted path and the value of every scalar in the record's attributes, in a body that is a map
    /// or list (`body.` before their path), in resource attributes (`resource.`) and scope attributes (`scope.`), in order.
    /// Array elements are visited one by one under the path of the array; empty maps and arrays are not visited.
    pub fn visit_attributes(&self, visit: &mut dyn FnMut(&str, &Value)) {
        let mut path = String::new();
        walk(&self.attributes, &mut path, visit);
        visit_body(&self.body, visit);
        path.push_str("resource.");
        walk(&self.resource.attributes, &mut path, visit);
        path.clear();
        path.push_str("scope.");
        walk(&self.scope.attributes, &mut path, visit);
    }

    /// Calls `visit` with every value that `name` resolves to (see the module's rules) until it answers true; returns
    /// whether it did.
    pub fn any_field(&self, name: &str, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
        self.any_attribute(name, visit)
            || well_known(name).is_some_and(|field| {
                let as_sent = Some(&self.severity_text).filter(|text| field == WellKnown::Severity && !text.is_empty());
                self.well_known_value(field).is_some_and(|value| visit(&value))
                    || as_sent.is_some_and(|text| visit(&Value::String(text.clone())))
            })
    }

    /// Calls `visit` with the text of every value that `name` resolves to, as it is counted.
    pub fn visit_counted(&self, name: &str, visit: &mut dyn FnMut(&str)) {
        self.any_attribute(name, &mut |value| {
            counted(name, &value.display_text()).iter().for_each(|text| visit(text));
            false
        });
        if let Some(value) = well_known(name).and_then(|field| self.well_known_value(field)) {
            counted(name, &value.display_text()).iter().for_each(|text| visit(text));
        }
    }

    /// Calls `visit` with the name of every field that is listed of the record (attributes by their paths and
    /// [`LISTED_WELL_KNOWN`]) and the text of each of its values, as it is counted.
    pub fn visit_listed(&self, visit: &mut dyn FnMut(&str, &str)) {
        let mut visit_value = |name: &str, value: &Value| {
            counted(name, &value.display_text()).iter().for_each(|text| visit(name, text));
        };
        self.visit_attributes(&mut visit_value);
        for (name, field) in LISTED_WELL_KNOWN {
            self.well_known_value(field).iter().for_each(|value| visit_value(name, value));
        }
    }

    fn any_attribute(&self, name: &str, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
        any_at(&self.attributes, name, visit)
            || CONTAINER_FIELDS.iter().any(|container| {
                self.attributes
                    .iter()
                    .filter(|attribute| attribute.key == *container)
                    .any(|attribute| matches!(&attribute.value, Value::Map(inner) if any_at(inner, name, visit)))
            })
            || any_in_body(&self.body, name, visit)
            || any_at(&self.resource.attributes, name.strip_prefix("resource.").unwrap_or(name), visit)
            || name.strip_prefix("scope.").is_some_and(|rest| self.any_scope_field(rest, visit))
    }

    fn any_scope_field(&self, name: &str, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
        let own = match name {
            "name" => &self.scope.name,
            "version" => &self.scope.version,
            _ => return any_at(&self.scope.attributes, name, visit),
        };
        !own.is_empty() && visit(&Value::String(own.clone()))
    }

    /// The value of a well-known field; `None` where the record has none. The severity is the name of its range, or the
    /// text as sent where that is no level.
    #[must_use]
    pub fn well_known_value(&self, field: WellKnown) -> Option<Cow<'_, Value>> {
        let text = |text: &str| (!text.is_empty()).then(|| Cow::Owned(Value::from(text)));
        match field {
            WellKnown::Time => Some(Cow::Owned(Value::Int(self.time))),
            WellKnown::Severity if self.severity == Severity::UNSPECIFIED => text(&self.severity_text),
            WellKnown::Severity => text(self.severity.range_name()),
            WellKnown::Message => (self.body != Value::Null).then_some(Cow::Borrowed(&self.body)),
            WellKnown::Service => text(&self.service),
            WellKnown::TraceId => self.trace_id.and_then(|id| text(&id.to_string())),
            WellKnown::SpanId => self.span_id.and_then(|id| text(&id.to_string())),
        }
    }
}

/// The well-known fields that are listed, and the names under which they are.
pub const LISTED_WELL_KNOWN: [(&str, WellKnown); 4] = [
    ("level", WellKnown::Severity),
    ("service", WellKnown::Service),
    ("trace_id", WellKnown::TraceId),
    ("span_id", WellKnown::SpanId),
];

/// Calls `visit` with the dotted path (`body.` before it) and the value of every scalar in a body that is a map or list.
pub fn visit_body(body: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    if let Value::Map(_) | Value::Array(_) = body {
        walk_value(body, &mut "body".to_owned(), visit);
    }
}

/// Calls `visit` with every value inside a body that `name` resolves to, until it answers true; returns whether it did.
pub fn any_in_body(body: &Value, name: &str, visit: &mut dyn FnMut(&Value) -> bool) -> bool {
    match body {
        Value::Map(_) | Value::Array(_) => {
            (name == "body" && any_scalar(body, visit))
                || any_inside(body, name, visit)
                || inside_message(name).is_some_and(|rest| any_inside(body, rest, visit))
        }
        _ => false,
    }
}

/// What stands behind a name of the message: `user.id` of `message.user.id`. Fields of a body are listed as `body.user.id`.
#[must_use]
pub fn inside_message(name: &str) -> Option<&str> {
    let (message, rest) = name.split_once('.')?;
    (well_known(message) == Some(WellKnown::Message)).then_some(rest)
}

/// Whether the values of the field with this name are levels: a name of the severity, also inside a container or a body.
#[must_use]
pub fn says_levels(name: &str) -> bool {
    let inside = |container: &&str| name.strip_prefix(*container)?.strip_prefix('.');
    let own = CONTAINER_FIELDS.iter().find_map(inside).or_else(|| inside_message(name));
    let is_level = |name: &str| well_known(name) == Some(WellKnown::Severity);
    is_level(name) || own.is_some_and(is_level)
}

/// The text under which a value of the field `name` is counted; `None` where it is not.
#[must_use]
pub fn counted<'t>(name: &str, text: &'t str) -> Option<Cow<'t, str>> {
    if says_levels(name) { counted_level(text) } else { Some(Cow::Borrowed(text)) }
}

/// The text under which a level is counted: the name of its range for a word that loggers use, itself for another. `None`
/// for a number of a scale, which the record's severity says already.
#[must_use]
pub fn counted_level(text: &str) -> Option<Cow<'_, str>> {
    match Severity::from_text(text) {
        Some(severity) => Some(Cow::Borrowed(severity.range_name())),
        None if Severity::is_number_of_a_scale(text) => None,
        None => Some(plain_text(text)),
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
    fn a_level_is_one_value_however_it_is_spelt() {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let record = |severity: i64, severity_text: &str, level: Option<Value>| LogRecord {
            severity: Severity::from_number(severity),
            severity_text: severity_text.into(),
            attributes: level.map(|value| Attribute::new("level", value)).into_iter().collect(),
            ..LogRecord::default()
        };
        for (record, asked, counted) in [
            (record(9, "info", None), vec!["INFO", "info"], vec!["INFO"]),
            (record(9, "INFO", None), vec!["INFO", "INFO"], vec!["INFO"]),
            (record(10, "Notice", None), vec!["INFO", "Notice"], vec!["INFO"]),
            (record(9, "", Some(Value::Int(30))), vec!["30", "INFO"], vec!["INFO"]),
            (record(17, "", Some("error".into())), vec!["error", "ERROR"], vec!["ERROR", "ERROR"]),
            (record(0, "high", None), vec!["high", "high"], vec!["high"]),
            (record(0, "", Some(Value::Int(99))), vec!["99"], vec!["99"]),
            (record(0, "", None), vec![], vec![]),
        ] {
            let (mut all, mut found) = (Vec::new(), Vec::new());
            record.any_field("level", &mut |value| {
                all.push(value.display_text().into_owned());
                false
            });
            record.visit_counted("level", &mut |text| found.push(text.to_owned()));
            assert_eq!((all, found), (owned(&asked), owned(&counted)));
        }
        for (name, levels) in [("level", true), ("LogLevel", true), ("fields.level", true), ("water.level", false)] {
            assert_eq!(says_levels(name), levels, "{name}");
        }
    }

    #[test]
    fn fields_of_a_body_are_listed_and_found() {
        let map = |members: &[(&str, Value)]| {
            Value::Map(members.iter().map(|(key, value)| Attribute::new(*key, value.clone())).collect())
        };
        let user = map(&[("id", Value::Int(7)), ("roles", Value::Array(vec!["admin".into(), "ops".into()]))]);
        let body = map(&[("user", user), ("msg", "line one\nline two".into()), ("level", "error".into())]);
        let record = LogRecord { body, ..LogRecord::default() };
        let mut listed = Vec::new();
        record.visit_listed(&mut |name, text| listed.push(format!("{name}={text}")));
        assert_eq!(
            listed,
            [
                "body.user.id=7",
                "body.user.roles=admin",
                "body.user.roles=ops",
                "body.msg=line one\nline two",
                "body.level=ERROR"
            ]
        );
        for (name, expected) in [
            ("body.user.id", vec!["7"]),
            ("message.user.id", vec!["7"]),
            ("msg.user.id", vec!["7"]),
            ("user.id", vec!["7"]),
            ("user.roles", vec!["admin", "ops"]),
            ("body.level", vec!["error"]),
            ("body.absent", vec![]),
            ("other.user.id", vec![]),
        ] {
            let mut found = Vec::new();
            record.any_field(name, &mut |value| {
                found.push(value.display_text().into_owned());
                false
            });
            assert_eq!(found, expected, "{name}");
        }
        let text = LogRecord { body: "user.id".into(), ..LogRecord::default() };
        text.visit_listed(&mut |name, _| panic!("a text has no fields, found {name}"));
        let list =
            LogRecord { body: Value::Array(vec![map(&[("a", "x".into())]), "y".into()]), ..LogRecord::default() };
        let mut listed = Vec::new();
        list.visit_listed(&mut |name, text| listed.push(format!("{name}={text}")));
        assert_eq!(listed, ["body.a=x", "body=y"]);
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
