//! Spans, the query that selects traces, and the trait by which queries read a trace store.

mod query;
mod reader;
mod span;

pub use query::{AttributeTest, TraceFilter, TraceQuery};
pub use reader::{
    OperationSummary, ServiceBucket, ServiceDetails, ServiceEdge, ServiceSummary, SpanPage, TracePage, TraceReader,
    TraceSummary,
};
pub use span::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, StatusCode};
