//! Which traces a search asks for.

use super::span::{Span, SpanKind, StatusCode};
use crate::logs::FieldTest;
use crate::time::TimeRange;
use crate::value::{Attribute, Value};

/// A test on an attribute of a span or of its resource.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeTest {
    /// The key as sent (`http.method`); `resource.` before it asks the resource alone.
    pub key: String,
    /// What its value must satisfy.
    pub test: FieldTest,
}

/// Tests that one and the same span must pass, all of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TraceFilter {
    /// The span's service.
    pub service: Option<String>,
    /// The span's name.
    pub operation: Option<String>,
    /// The span's role.
    pub kind: Option<SpanKind>,
    /// The span's outcome.
    pub status: Option<StatusCode>,
    /// The least duration in nanoseconds.
    pub min_duration: Option<i64>,
    /// The greatest duration in nanoseconds.
    pub max_duration: Option<i64>,
    /// Tests on attributes.
    pub attributes: Vec<AttributeTest>,
}

/// Which traces: those with a span that starts in the range and passes the filter; newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceQuery {
    /// What a span must satisfy.
    pub filter: TraceFilter,
    /// When it must have started.
    pub range: TimeRange,
    /// At most so many traces.
    pub limit: usize,
    /// Only traces whose newest matching span comes after this one in the order (start, trace ID): the `next` of the
    /// page before.
    pub after: Option<(crate::time::UnixNanos, crate::id::TraceId)>,
}

impl TraceFilter {
    /// Whether the span passes: the definition that every store must agree with.
    #[must_use]
    pub fn matches(&self, span: &Span) -> bool {
        let duration = span.duration();
        self.service.as_deref().is_none_or(|service| span.service() == service)
            && self.operation.as_deref().is_none_or(|operation| span.name == operation)
            && self.kind.is_none_or(|kind| span.kind == kind)
            && self.status.is_none_or(|status| span.status.code == status)
            && self.min_duration.is_none_or(|least| duration >= least)
            && self.max_duration.is_none_or(|most| duration <= most)
            && self.attributes.iter().all(|test| test.matches(span))
    }
}

impl AttributeTest {
    /// Whether an attribute of the span, or of its resource, passes.
    #[must_use]
    pub fn matches(&self, span: &Span) -> bool {
        let resource_key = self.key.strip_prefix("resource.");
        any(&span.attributes, &self.key, &self.test)
            || any(&span.resource.attributes, resource_key.unwrap_or(&self.key), &self.test)
    }
}

fn any(attributes: &[Attribute], key: &str, test: &FieldTest) -> bool {
    attributes.iter().filter(|attribute| attribute.key == key).any(|attribute| match &attribute.value {
        Value::Array(items) => items.iter().any(|item| test.matches(item)),
        value => test.matches(value),
    })
}
