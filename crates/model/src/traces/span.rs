//! One span, in the shape of OpenTelemetry's trace data model.

use crate::id::{SpanId, TraceId};
use crate::resource::{Resource, Scope};
use crate::time::UnixNanos;
use crate::value::{Attributes, attributes_heap_bytes, text_heap_bytes};
use compact_str::CompactString;
use std::sync::Arc;

/// The role of a span (OTLP numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum SpanKind {
    /// 0
    #[default]
    Unspecified,
    /// 1
    Internal,
    /// 2
    Server,
    /// 3
    Client,
    /// 4
    Producer,
    /// 5
    Consumer,
}

impl SpanKind {
    /// The kind with this OTLP number; unspecified when it is unknown.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        match number {
            1 => SpanKind::Internal,
            2 => SpanKind::Server,
            3 => SpanKind::Client,
            4 => SpanKind::Producer,
            5 => SpanKind::Consumer,
            _ => SpanKind::Unspecified,
        }
    }

    /// The OTLP number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The lowercase name: `internal`, `server` …
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            SpanKind::Unspecified => "unspecified",
            SpanKind::Internal => "internal",
            SpanKind::Server => "server",
            SpanKind::Client => "client",
            SpanKind::Producer => "producer",
            SpanKind::Consumer => "consumer",
        }
    }
}

/// Whether the operation went well (OTLP numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum StatusCode {
    /// 0
    #[default]
    Unset,
    /// 1
    Ok,
    /// 2
    Error,
}

impl StatusCode {
    /// The code with this OTLP number; unset when it is unknown.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        match number {
            1 => StatusCode::Ok,
            2 => StatusCode::Error,
            _ => StatusCode::Unset,
        }
    }

    /// The OTLP number.
    #[must_use]
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The lowercase name: `unset`, `ok`, `error`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StatusCode::Unset => "unset",
            StatusCode::Ok => "ok",
            StatusCode::Error => "error",
        }
    }
}

/// The outcome of a span.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpanStatus {
    /// Unset, ok or error.
    pub code: StatusCode,
    /// What the instrumentation said about an error.
    pub message: CompactString,
}

/// Something that happened at an instant during a span.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanEvent {
    /// When.
    pub time: UnixNanos,
    /// What.
    pub name: CompactString,
    /// Attributes in the order they were sent.
    pub attributes: Attributes,
    /// Attributes the sender says it dropped.
    pub dropped_attributes_count: u32,
}

/// A pointer to a span of another (or the same) trace.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanLink {
    /// The trace pointed to.
    pub trace_id: TraceId,
    /// The span pointed to.
    pub span_id: SpanId,
    /// W3C tracestate as sent.
    pub trace_state: CompactString,
    /// Attributes in the order they were sent.
    pub attributes: Attributes,
    /// Attributes the sender says it dropped.
    pub dropped_attributes_count: u32,
    /// W3C trace flags and context-is-remote bits as sent.
    pub flags: u32,
}

/// A decided span. Its identity is (trace ID, span ID, kind): the same identity sent again is the same span (Zipkin
/// style instrumentation shares a span ID between client and server, hence the kind).
#[derive(Debug, Clone, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own ID.
    pub span_id: SpanId,
    /// Its parent's ID; `None` for a root.
    pub parent_span_id: Option<SpanId>,
    /// W3C tracestate as sent.
    pub trace_state: CompactString,
    /// W3C trace flags and context-is-remote bits as sent.
    pub flags: u32,
    /// The operation.
    pub name: CompactString,
    /// Its role.
    pub kind: SpanKind,
    /// When it began.
    pub start: UnixNanos,
    /// When it ended; before `start` only where clocks are wrong, and kept so.
    pub end: UnixNanos,
    /// Attributes in the order they were sent.
    pub attributes: Attributes,
    /// Attributes the sender says it dropped.
    pub dropped_attributes_count: u32,
    /// Events in the order they were sent.
    pub events: Vec<SpanEvent>,
    /// Events the sender says it dropped.
    pub dropped_events_count: u32,
    /// Links in the order they were sent.
    pub links: Vec<SpanLink>,
    /// Links the sender says it dropped.
    pub dropped_links_count: u32,
    /// The outcome.
    pub status: SpanStatus,
    /// What produced it.
    pub resource: Arc<Resource>,
    /// The library that produced it.
    pub scope: Arc<Scope>,
}

impl Span {
    /// A span with these IDs and everything else empty.
    #[must_use]
    pub fn new(trace_id: TraceId, span_id: SpanId) -> Self {
        Self {
            trace_id,
            span_id,
            parent_span_id: None,
            trace_state: CompactString::default(),
            flags: 0,
            name: CompactString::default(),
            kind: SpanKind::Unspecified,
            start: 0,
            end: 0,
            attributes: Attributes::new(),
            dropped_attributes_count: 0,
            events: Vec::new(),
            dropped_events_count: 0,
            links: Vec::new(),
            dropped_links_count: 0,
            status: SpanStatus::default(),
            resource: Arc::default(),
            scope: Arc::default(),
        }
    }

    /// `end - start` in nanoseconds; zero where the end lies before the start.
    #[must_use]
    pub fn duration(&self) -> i64 {
        self.end.saturating_sub(self.start).max(0)
    }

    /// The service that did the work; never empty (see [`Resource::service_name`]).
    #[must_use]
    pub fn service(&self) -> &str {
        self.resource.service_name()
    }

    /// Bytes of memory the span holds, without its shared resource and scope; an estimate for budgets.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let event = |event: &SpanEvent| text_heap_bytes(&event.name) + attributes_heap_bytes(&event.attributes);
        let events: usize = self.events.iter().map(|one| size_of::<SpanEvent>() + event(one)).sum();
        let link = |link: &SpanLink| text_heap_bytes(&link.trace_state) + attributes_heap_bytes(&link.attributes);
        let links: usize = self.links.iter().map(|one| size_of::<SpanLink>() + link(one)).sum();
        let texts = [&self.name, &self.trace_state, &self.status.message];
        let texts: usize = texts.into_iter().map(text_heap_bytes).sum();
        size_of::<Self>() + texts + attributes_heap_bytes(&self.attributes) + events + links
    }
}
