//! How queries read a trace store.

use super::query::TraceQuery;
use super::span::Span;
use crate::context::Context;
use crate::correlation::CanonicalId;
use crate::error::ReadError;
use crate::id::TraceId;
use crate::time::{TimeRange, UnixNanos};

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

/// An answer to a [`TraceQuery`].
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
    pub kind: super::SpanKind,
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

/// A store that trace queries can read. Calls block; they check the context at each block of spans.
pub trait TraceReader: Send + Sync {
    /// The traces that pass, newest first, up to the limit.
    ///
    /// # Errors
    /// Cancelled, out of time or memory, or a store that cannot be read.
    fn search(&self, context: &Context, query: &TraceQuery) -> Result<TracePage, ReadError>;

    /// All spans of a trace, each once (identity: trace ID, span ID, kind), by start. Empty when there is none.
    ///
    /// # Errors
    /// As [`TraceReader::search`].
    fn trace(&self, context: &Context, id: TraceId) -> Result<SpanPage, ReadError>;

    /// The services with spans that start in the range, sorted by name.
    ///
    /// # Errors
    /// As [`TraceReader::search`].
    fn services(&self, context: &Context, range: TimeRange) -> Result<Vec<ServiceSummary>, ReadError>;

    /// One service in the range: its operations, and buckets of `step` nanoseconds, aligned to multiples of the step,
    /// from the one that holds `range.start` to the one that holds `range.end`.
    ///
    /// # Errors
    /// As [`TraceReader::search`]; also when the range has more buckets than the store's cap.
    fn service(&self, context: &Context, name: &str, range: TimeRange, step: i64) -> Result<ServiceDetails, ReadError>;

    /// The calls between services in the range, sorted by client and server.
    ///
    /// # Errors
    /// As [`TraceReader::search`].
    fn service_edges(&self, context: &Context, range: TimeRange) -> Result<Vec<ServiceEdge>, ReadError>;

    /// Spans that carry one of the IDs as trace ID, span ID, the trace ID of a link, or the value of an attribute,
    /// event attribute or resource attribute that is a correlation field or looks like an ID; by start, at most
    /// `limit`.
    ///
    /// # Errors
    /// As [`TraceReader::search`].
    fn find_ids(
        &self,
        context: &Context,
        ids: &[CanonicalId],
        range: TimeRange,
        limit: usize,
    ) -> Result<SpanPage, ReadError>;
}
