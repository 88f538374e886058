//! Spans and traces as JSON.

use super::log::{ResourceDto, ScopeDto, is_zero};
use super::time::rfc3339;
use super::value::AttributesDto;
use clew_model::traces::{
    Span, SpanEvent, SpanLink, SpanPage, TraceKey, TraceOrder, TracePage, TracePlace, TraceSummary,
};
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;

/// One span.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SpanDto {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    /// The service that did the work.
    service: String,
    /// The operation.
    name: String,
    /// `internal`, `server`, `client`, `producer`, `consumer` or `unspecified`.
    kind: &'static str,
    /// RFC 3339.
    start: String,
    /// Nanoseconds since 1970, as text.
    start_unix_nano: String,
    /// Nanoseconds since 1970, as text.
    end_unix_nano: String,
    /// Nanoseconds.
    duration_nanos: i64,
    status: SpanStatusDto,
    attributes: AttributesDto,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventDto>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<LinkDto>,
    #[serde(skip_serializing_if = "String::is_empty")]
    trace_state: String,
    #[serde(skip_serializing_if = "is_zero")]
    flags: u32,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_events_count: u32,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_links_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<ResourceDto>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<ScopeDto>,
}

/// The outcome of a span.
#[derive(Debug, Serialize, ToSchema)]
struct SpanStatusDto {
    /// `unset`, `ok` or `error`.
    code: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
}

/// Something that happened during a span.
#[derive(Debug, Serialize, ToSchema)]
struct EventDto {
    /// RFC 3339.
    time: String,
    /// Nanoseconds since 1970, as text.
    time_unix_nano: String,
    name: String,
    attributes: AttributesDto,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
}

/// A pointer to another span.
#[derive(Debug, Serialize, ToSchema)]
struct LinkDto {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    trace_state: String,
    attributes: AttributesDto,
    #[serde(skip_serializing_if = "is_zero")]
    flags: u32,
    #[serde(skip_serializing_if = "is_zero")]
    dropped_attributes_count: u32,
}

impl From<SpanEvent> for EventDto {
    fn from(event: SpanEvent) -> Self {
        Self {
            time: rfc3339(event.time),
            time_unix_nano: event.time.to_string(),
            name: event.name.to_string(),
            attributes: AttributesDto(event.attributes),
            dropped_attributes_count: event.dropped_attributes_count,
        }
    }
}

impl From<SpanLink> for LinkDto {
    fn from(link: SpanLink) -> Self {
        Self {
            trace_id: link.trace_id.to_string(),
            span_id: link.span_id.to_string(),
            trace_state: link.trace_state.to_string(),
            attributes: AttributesDto(link.attributes),
            flags: link.flags,
            dropped_attributes_count: link.dropped_attributes_count,
        }
    }
}

impl From<Span> for SpanDto {
    fn from(span: Span) -> Self {
        Self {
            trace_id: span.trace_id.to_string(),
            span_id: span.span_id.to_string(),
            parent_span_id: span.parent_span_id.map(|id| id.to_string()),
            service: span.service().to_owned(),
            name: span.name.to_string(),
            kind: span.kind.as_str(),
            start: rfc3339(span.start),
            start_unix_nano: span.start.to_string(),
            end_unix_nano: span.end.to_string(),
            duration_nanos: span.duration(),
            status: SpanStatusDto { code: span.status.code.as_str(), message: span.status.message.to_string() },
            resource: ResourceDto::of(&span.resource),
            scope: ScopeDto::of(&span.scope),
            attributes: AttributesDto(span.attributes),
            events: span.events.into_iter().map(EventDto::from).collect(),
            links: span.links.into_iter().map(LinkDto::from).collect(),
            trace_state: span.trace_state.to_string(),
            flags: span.flags,
            dropped_attributes_count: span.dropped_attributes_count,
            dropped_events_count: span.dropped_events_count,
            dropped_links_count: span.dropped_links_count,
        }
    }
}

/// A whole trace.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TraceDto {
    trace_id: String,
    /// Start of the first span, RFC 3339.
    start: String,
    /// From the first start to the last end, nanoseconds.
    duration_nanos: i64,
    /// The services in it, sorted.
    services: Vec<String>,
    /// Spans with status error.
    errors: u64,
    /// All spans by start, each once.
    spans: Vec<SpanDto>,
    /// Whether there are more spans than shown.
    truncated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

impl TraceDto {
    /// The trace with these spans; `None` when there are none.
    #[must_use]
    pub(crate) fn new(page: SpanPage) -> Option<Self> {
        let first = page.spans.first()?;
        let trace_id = first.trace_id.to_string();
        let start = page.spans.iter().map(|span| span.start).min().unwrap_or(first.start);
        let end = page.spans.iter().map(|span| span.end.max(span.start)).max().unwrap_or(start);
        let services: BTreeSet<String> = page.spans.iter().map(|span| span.service().to_owned()).collect();
        let is_error = |span: &&Span| span.status.code == clew_model::traces::StatusCode::Error;
        Some(Self {
            trace_id,
            start: rfc3339(start),
            duration_nanos: end.saturating_sub(start),
            services: services.into_iter().collect(),
            errors: page.spans.iter().filter(is_error).count() as u64,
            spans: page.spans.into_iter().map(SpanDto::from).collect(),
            truncated: page.truncated,
            warnings: page.warnings,
        })
    }
}

/// A page of traces.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TracePageDto {
    /// In the order asked for.
    traces: Vec<TraceSummaryDto>,
    /// How many match, on all pages together; absent where the answer did not take counting them (newest first).
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    /// Give it as `cursor` to get the next page; absent when these were all.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// What a list shows of a trace.
#[derive(Debug, Serialize, ToSchema)]
struct TraceSummaryDto {
    trace_id: String,
    root_service: String,
    root_operation: String,
    /// Whether the root span has arrived.
    has_root: bool,
    /// RFC 3339.
    start: String,
    start_unix_nano: String,
    duration_nanos: i64,
    spans: u64,
    errors: u64,
    services: Vec<ServiceSpansDto>,
    /// Spans that passed the filter.
    matched: u64,
}

/// A service's share of a trace.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceSpansDto {
    name: String,
    spans: u64,
}

impl From<TraceSummary> for TraceSummaryDto {
    fn from(trace: TraceSummary) -> Self {
        Self {
            trace_id: trace.trace_id.to_string(),
            root_service: trace.root_service,
            root_operation: trace.root_operation,
            has_root: trace.has_root,
            start: rfc3339(trace.start),
            start_unix_nano: trace.start.to_string(),
            duration_nanos: trace.duration,
            spans: trace.spans,
            errors: trace.errors,
            services: trace.services.into_iter().map(|(name, spans)| ServiceSpansDto { name, spans }).collect(),
            matched: trace.matched,
        }
    }
}

impl TracePageDto {
    pub(crate) fn new(page: TracePage, order: TraceOrder) -> Self {
        let cursor = |next: TracePlace| {
            let TracePlace { value, newest_match, trace_id } = next;
            format!("{}{value}_{newest_match}_{trace_id}", Self::cursor_start(order))
        };
        Self {
            traces: page.traces.into_iter().map(TraceSummaryDto::from).collect(),
            total: page.total,
            next_cursor: page.next.map(cursor),
            warnings: page.warnings,
        }
    }

    /// What a cursor of an order begins with: it means nothing in another.
    pub(crate) fn cursor_start(order: TraceOrder) -> String {
        let key = match order.key {
            TraceKey::Time => "time",
            TraceKey::Duration => "duration",
            TraceKey::Spans => "spans",
            TraceKey::Errors => "errors",
        };
        format!("{key}_{}_", if order.ascending { "asc" } else { "desc" })
    }
}
