//! Which traces a search asks for.

use super::span::{Span, SpanKind, StatusCode};
use crate::id::TraceId;
use crate::logs::FieldTest;
use crate::time::{TimeRange, UnixNanos};
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

/// What a trace as a whole must satisfy, whatever its spans are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceBounds {
    /// The least time from the start of its first span to the end of its last, in nanoseconds.
    pub min_duration: Option<i64>,
    /// The greatest.
    pub max_duration: Option<i64>,
    /// When its first span started.
    pub started: Option<TimeRange>,
    /// Whether a span of it has status error.
    pub failed: Option<bool>,
}

impl TraceBounds {
    /// Whether a trace that started then, took so long, and has so many spans with status error is within the bounds.
    #[must_use]
    pub fn hold(&self, start: UnixNanos, duration: i64, errors: u64) -> bool {
        self.min_duration.is_none_or(|least| duration >= least)
            && self.max_duration.is_none_or(|most| duration <= most)
            && self.started.is_none_or(|range| range.contains(start))
            && self.failed.is_none_or(|failed| failed == (errors > 0))
    }
}

/// By what traces are sorted: the greatest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TraceKey {
    /// Start of the newest span that passed the filter.
    #[default]
    Time,
    /// How long the whole trace took.
    Duration,
    /// Its spans.
    Spans,
    /// Its spans with status error.
    Errors,
}

/// The order of an answer. Traces that are equal stand newest match first, then by trace ID; all of it turned round where
/// the order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TraceOrder {
    /// By what.
    pub key: TraceKey,
    /// Whether the least comes first.
    pub ascending: bool,
}

/// Where a trace stands in the order of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TracePlace {
    /// The value that is sorted by.
    pub value: i64,
    /// Start of the newest span that passed the filter.
    pub newest_match: UnixNanos,
    /// The trace.
    pub trace_id: TraceId,
}

/// Which traces: those within the bounds with a span that starts in the range and passes the filter.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceQuery {
    /// What a span must satisfy.
    pub filter: TraceFilter,
    /// When it must have started.
    pub range: TimeRange,
    /// What its trace must satisfy.
    pub bounds: TraceBounds,
    /// In which order.
    pub order: TraceOrder,
    /// At most so many traces.
    pub limit: usize,
    /// Only traces that come after this place in the order: the `next` of the page before.
    pub after: Option<TracePlace>,
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
