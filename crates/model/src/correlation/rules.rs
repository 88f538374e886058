//! Which IDs a record carries. Stores index exactly these, so that the reverse index and this definition agree.

use super::id::CanonicalId;
use super::names::{FieldName, context_field, folded};
use super::propagation::PropagatedContext;
use crate::limits::MAX_ID_BYTES;
use crate::logs::LogRecord;
use crate::metrics::Labels;
use crate::traces::Span;
use crate::value::{Attribute, Value};
use regex::Regex;

/// In which part of a record an ID was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdSource {
    /// The record's own trace ID.
    TraceId,
    /// The record's own span ID.
    SpanId,
    /// The trace a span link points to.
    Link,
    /// The value of a correlation field.
    Field,
    /// The value of another field that looks like an ID.
    Value,
    /// A match of a configured pattern inside the message.
    Pattern,
}

impl IdSource {
    /// Whether the walk of a correlation follows such an ID to other records: parents and siblings by span ID and
    /// arbitrary values would lead everywhere.
    #[must_use]
    pub fn is_followed(self) -> bool {
        matches!(self, IdSource::TraceId | IdSource::Link | IdSource::Field | IdSource::Pattern)
    }
}

/// An ID that a record carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedId<'a> {
    /// In canonical form.
    pub id: CanonicalId,
    /// The dotted path of the field, `trace_id`, `span_id`, or `message`.
    pub field: &'a str,
    /// In which part of the record.
    pub source: IdSource,
}

/// What a field's name says of the IDs in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdField {
    /// Trace or span IDs, or a header that carries them.
    Context,
    /// IDs of a configured name.
    Configured,
}

impl IdField {
    /// The ID that a value in such a field is.
    #[must_use]
    pub fn id(self, value: &Value) -> Option<CanonicalId> {
        match self {
            IdField::Context => CanonicalId::of_context_field(value),
            IdField::Configured => CanonicalId::of_value(value),
        }
    }
}

/// Which fields and patterns hold IDs (`correlation.fields` and `correlation.patterns` of the configuration).
#[derive(Debug, Clone)]
pub struct CorrelationRules {
    fields: Vec<String>,
    patterns: Vec<Regex>,
}

impl Default for CorrelationRules {
    fn default() -> Self {
        Self::new(["correlation_id", "request_id", "task_id", "session_id"], [])
    }
}

impl CorrelationRules {
    /// Rules from field names and patterns. Names are compared without case and without the separators `.`, `-`, `_`
    /// between their words; the fields that hold trace and span IDs (`trace_id`, `traceId`, `traceparent` …) always count.
    pub fn new<'a>(fields: impl IntoIterator<Item = &'a str>, patterns: impl IntoIterator<Item = Regex>) -> Self {
        // A name of separators alone would be in every path.
        let fields = fields.into_iter().map(folded).filter(|name| !name.is_empty()).collect();
        Self { fields, patterns: patterns.into_iter().collect() }
    }

    /// Whether the field at this dotted path holds IDs, and which: its name, or the end of its path after a dot, is one
    /// of the configured names in any spelling (`context.taskId`, `resource.session.id`, `X-Request-ID`), or says trace
    /// or span (see [`context_field`]).
    #[must_use]
    pub fn field(&self, path: &str) -> Option<IdField> {
        if context_field(path).is_some() {
            return Some(IdField::Context);
        }
        self.fields.iter().any(|name| FieldName::ends(path, name)).then_some(IdField::Configured)
    }

    /// Whether the scalar at this path is an ID the record carries: a correlation field's value whatever it looks like,
    /// another field's value when it looks like an ID. A header that carries a trace is one by its form, whatever the
    /// name of its field.
    #[must_use]
    pub fn carried<'a>(&self, path: &'a str, value: &Value) -> Option<CarriedId<'a>> {
        Self::carried_in(self.field(path), path, value)
    }

    /// The same for a path of which [`CorrelationRules::field`] is known.
    #[must_use]
    pub fn carried_in<'a>(field: Option<IdField>, path: &'a str, value: &Value) -> Option<CarriedId<'a>> {
        let carried = |id, source| CarriedId { id, field: path, source };
        match (field, value) {
            (Some(field), value) => field.id(value).map(|id| carried(id, IdSource::Field)),
            (None, Value::String(text)) if looks_like_id(text) => {
                let of_header = PropagatedContext::parse(text).is_some();
                let source = if of_header { IdSource::Field } else { IdSource::Value };
                CanonicalId::new(text).map(|id| carried(id, source))
            }
            _ => None,
        }
    }

    /// Visits every ID a log record carries.
    pub fn visit_log(&self, record: &LogRecord, visit: &mut dyn FnMut(CarriedId<'_>)) {
        if let Some(id) = record.trace_id {
            visit(CarriedId { id: id.into(), field: "trace_id", source: IdSource::TraceId });
        }
        if let Some(id) = record.span_id {
            visit(CarriedId { id: id.into(), field: "span_id", source: IdSource::SpanId });
        }
        record.visit_attributes(&mut |path, value| self.carried(path, value).into_iter().for_each(&mut *visit));
        if !self.patterns.is_empty() {
            self.visit_patterns(&record.body.display_text(), visit);
        }
    }

    /// Visits every ID a span carries.
    pub fn visit_span(&self, span: &Span, visit: &mut dyn FnMut(CarriedId<'_>)) {
        visit(CarriedId { id: span.trace_id.into(), field: "trace_id", source: IdSource::TraceId });
        visit(CarriedId { id: span.span_id.into(), field: "span_id", source: IdSource::SpanId });
        // OTLP allows links without IDs; they lead nowhere.
        for link in span.links.iter().filter(|link| link.trace_id.0 != [0; 16]) {
            visit(CarriedId { id: link.trace_id.into(), field: "link.trace_id", source: IdSource::Link });
        }
        let events = span.events.iter().map(|event| &event.attributes);
        for attributes in [&span.attributes, &span.resource.attributes].into_iter().chain(events) {
            self.visit_attributes(attributes, visit);
        }
    }

    /// Visits every ID the labels of an exemplar carry.
    pub fn visit_exemplar(&self, labels: &Labels, visit: &mut dyn FnMut(CarriedId<'_>)) {
        for (name, value) in labels.iter() {
            self.carried(name, &Value::from(value)).into_iter().for_each(&mut *visit);
        }
    }

    fn visit_attributes(&self, attributes: &[Attribute], visit: &mut dyn FnMut(CarriedId<'_>)) {
        for attribute in attributes {
            match &attribute.value {
                Value::Array(items) => {
                    for item in items {
                        self.carried(&attribute.key, item).into_iter().for_each(&mut *visit);
                    }
                }
                value => self.carried(&attribute.key, value).into_iter().for_each(&mut *visit),
            }
        }
    }

    /// Whether any pattern is configured, so that messages must be looked at.
    #[must_use]
    pub fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    /// Visits every ID that a pattern finds in a message's text.
    pub fn visit_patterns(&self, text: &str, visit: &mut dyn FnMut(CarriedId<'_>)) {
        for found in self.patterns.iter().flat_map(|pattern| pattern.find_iter(text)) {
            if let Some(id) = CanonicalId::new(found.as_str()) {
                visit(CarriedId { id, field: "message", source: IdSource::Pattern });
            }
        }
    }
}

/// Whether a value that stands in no correlation field is taken for an ID: 8 to 512 bytes, a digit, no white space.
#[must_use]
pub fn looks_like_id(text: &str) -> bool {
    (8..=MAX_ID_BYTES).contains(&text.len())
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && !text.bytes().any(|byte| byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TraceId;

    #[test]
    fn a_log_carries_its_fields_ids_whatever_their_entropy_and_other_values_that_look_like_ids() {
        let rules = CorrelationRules::new(["task_id"], [Regex::new("req-[0-9a-f]+").unwrap()]);
        let record = LogRecord {
            trace_id: TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736"),
            body: "handling req-77aa now".into(),
            attributes: vec![
                Attribute::new("context", Value::Map(vec![Attribute::new("task_id", "task:001")])),
                Attribute::new("peer", "node-00017"),
                Attribute::new("note", "two words 12"),
                Attribute::new("duration", Value::Int(123_456_789)),
            ],
            ..LogRecord::default()
        };
        let mut seen = Vec::new();
        rules.visit_log(&record, &mut |carried| {
            seen.push(format!("{} {} {:?}", carried.field, carried.id, carried.source));
        });
        assert_eq!(
            seen,
            [
                "trace_id 4bf92f3577b34da6a3ce929d0e0e4736 TraceId",
                "context.task_id task:001 Field",
                "peer node-00017 Value",
                "message req-77aa Pattern",
            ]
        );
    }
}
