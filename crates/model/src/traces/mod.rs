//! Spans, the query that selects traces, and the traits by which questions read a trace store.

mod answers;
mod batch;
mod calls;
mod durations;
mod query;
mod scan;
mod span;

pub use answers::{
    AttributeContrast, DensityCell, OperationSummary, ServiceBucket, ServiceDetails, ServiceEdge, ServiceSummary,
    SpanPage, TraceContrast, TraceDensity, TracePage, TraceSummary,
};
pub use batch::{Parent, Parents, Selected, SpanBatch, SpanList, TextColumn, TraceRows, ValueColumn, Weights};
pub use calls::{Call, CallColumns};
pub use durations::{DURATION_BUCKETS, duration_bucket, duration_of_bucket};
pub use query::{AttributeTest, TraceBounds, TraceFilter, TraceKey, TraceOrder, TracePlace, TraceQuery};
pub use scan::{Among, Grain, SpanOrder, SpanScan, TraceReader, TraceView};
pub use span::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, StatusCode};
