//! What questions about traces answer.

use super::span::{Span, SpanKind};
use crate::id::TraceId;
use crate::time::UnixNanos;

/// What a list of traces shows of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSummary {
    /// The trace.
    pub trace_id: TraceId,
    /// Service of the root span, or of the first span while no root has arrived.
    pub root_service: String,
    /// Name of that span.
    pub root_operation: String,
    /// Whether a span without a parent has arrived.
    pub has_root: bool,
    /// Start of the first span.
    pub start: UnixNanos,
    /// From the start of the first span to the end of the last, nanoseconds.
    pub duration: i64,
    /// Spans of the trace, duplicates counted once.
    pub spans: u64,
    /// Spans with status error.
    pub errors: u64,
    /// Spans by service, sorted by service.
    pub services: Vec<(String, u64)>,
    /// Spans that passed the filter.
    pub matched: u64,
    /// Start of the newest span that passed the filter: the trace's place in the order.
    pub newest_match: UnixNanos,
}

/// An answer to a [`super::TraceQuery`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TracePage {
    /// The traces, newest matching span first.
    pub traces: Vec<TraceSummary>,
    /// Where the next page starts; `None` when these were all.
    pub next: Option<(UnixNanos, TraceId)>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// Spans, and whether there were more than the limit.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SpanPage {
    /// The spans by start, each once.
    pub spans: Vec<Span>,
    /// Whether more exist.
    pub truncated: bool,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// What is known of a service in a time range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceSummary {
    /// Its name.
    pub name: String,
    /// Its spans.
    pub spans: u64,
    /// Its spans with status error.
    pub errors: u64,
    /// Start of its newest span.
    pub last_seen: UnixNanos,
    /// Quantiles of the duration of its spans in nanoseconds: 50 %, 95 %, 99 %.
    pub duration_quantiles: [i64; 3],
}

/// Spans of a service that start within one step: `start <= span.start < start + step`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceBucket {
    /// First instant of the bucket.
    pub start: UnixNanos,
    /// Its spans.
    pub spans: u64,
    /// Its spans with status error.
    pub errors: u64,
    /// Quantiles of their duration in nanoseconds: 50 %, 95 %, 99 %; zeros where there are none.
    pub duration_quantiles: [i64; 3],
}

/// A service in a time range, by operation and over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDetails {
    /// All its spans together; `last_seen` is the least instant where there are none.
    pub summary: ServiceSummary,
    /// Its operations, sorted by name and kind.
    pub operations: Vec<OperationSummary>,
    /// Buckets in order of time, all of them, empty ones too.
    pub series: Vec<ServiceBucket>,
}

/// What is known of an operation of a service in a time range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationSummary {
    /// The span's name.
    pub name: String,
    /// The span's role.
    pub kind: SpanKind,
    /// Its spans.
    pub spans: u64,
    /// Its spans with status error.
    pub errors: u64,
    /// Quantiles of their duration in nanoseconds: 50 %, 95 %, 99 %.
    pub duration_quantiles: [i64; 3],
}

/// Calls from one service to another: a span whose parent belongs to another service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceEdge {
    /// The calling service.
    pub client: String,
    /// The called service.
    pub server: String,
    /// Calls.
    pub calls: u64,
    /// Calls whose span has status error.
    pub errors: u64,
}
