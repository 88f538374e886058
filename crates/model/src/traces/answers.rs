//! What questions about traces answer.

use super::query::{TraceKey, TracePlace};
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

impl TraceSummary {
    /// Where the trace stands in an answer sorted by `key`.
    #[must_use]
    pub fn place(&self, key: TraceKey) -> TracePlace {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let value = match key {
            TraceKey::Time => self.newest_match,
            TraceKey::Duration => self.duration,
            TraceKey::Spans => count(self.spans),
            TraceKey::Errors => count(self.errors),
        };
        TracePlace { value, newest_match: self.newest_match, trace_id: self.trace_id }
    }
}

/// An answer to a [`super::TraceQuery`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TracePage {
    /// The traces, in the order that was asked for.
    pub traces: Vec<TraceSummary>,
    /// Where the next page starts; `None` when these were all.
    pub next: Option<TracePlace>,
    /// How many traces match, those of all pages; `None` where answering did not take counting them.
    pub total: Option<u64>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// Traces by start and duration, counted in cells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceDensity {
    /// All that match.
    pub traces: u64,
    /// Those with a span of status error.
    pub failed: u64,
    /// Those that started before the first column; they are counted in it.
    pub started_before: u64,
    /// Start of the first column.
    pub start: UnixNanos,
    /// Nanoseconds of a column.
    pub step: i64,
    /// Columns there are.
    pub columns: usize,
    /// The least durations of the rows in nanoseconds, growing, and above the last one the greatest duration of all. Empty
    /// where no trace matches.
    pub durations: Vec<i64>,
    /// The cells with a trace, by column and row.
    pub cells: Vec<DensityCell>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// The traces that started in one column and took as long as one row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DensityCell {
    /// Number of the column.
    pub column: u32,
    /// Number of the row, the shortest first.
    pub row: u32,
    /// The traces.
    pub traces: u64,
    /// Those with a span of status error.
    pub failed: u64,
}

/// Two groups of traces set against each other.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceContrast {
    /// Traces of the one group.
    pub selected: u64,
    /// Traces of the other.
    pub rest: u64,
    /// How many of the one were looked at: a sample where there are very many.
    pub looked_at_selected: u64,
    /// How many of the other.
    pub looked_at_rest: u64,
    /// What is more frequent in the one group, what tells the two apart best first.
    pub attributes: Vec<AttributeContrast>,
    /// Whether there were more attributes than are told apart.
    pub truncated: bool,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// An attribute with its value, and how many traces of two groups have a span with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeContrast {
    /// The service of the span.
    pub service: String,
    /// The key; `resource.` before it where it is one of the resource, `operation` and `status` for the span's own.
    pub key: String,
    /// The text of the value.
    pub value: String,
    /// Traces of the one group, of those looked at.
    pub selected: u64,
    /// Traces of the other.
    pub rest: u64,
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
