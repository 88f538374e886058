//! The way in, a line of rooms: admission by limits, stages, encoding, the queue before the journal, group commit,
//! accumulators, the hot tail, taps.

mod admission;
mod arrivals;
mod feed;
mod ledger;
mod logs;
mod metrics;
mod pipeline;
mod refusals;
mod replay;
mod rooms;
mod span_metrics;
mod tally;
mod traces;

pub use admission::{Admission, IngestOutcome, Rejection, SeriesVerdicts};
pub(crate) use feed::Watch;
pub use feed::{Fed, Feed};
pub(crate) use ledger::Ledger;
pub use logs::{FedLogs, LogBatch, LogFeed, LogSignal};
pub use metrics::MetricSignal;
pub use pipeline::{Pipeline, PipelineOptions, PipelineParts, PipelineStatus};
pub use refusals::Refusal;
pub use rooms::{Accumulator, Rooms, Stage, Tap};
pub use span_metrics::SpanMetrics;
pub use tally::Source;
pub(crate) use tally::Tally;
pub use traces::{TraceBatch, TraceSignal};

/// Nanoseconds in a day.
const DAY: i64 = 86_400_000_000_000;

/// Retention that partitions are cut for when everything is kept.
const UNLIMITED: i64 = 900 * DAY;

/// How much time one partition of the key-value engine covers, in nanoseconds.
fn partition_width(retention: Option<i64>) -> i64 {
    clew_kvstore::engine::partition_width(retention.unwrap_or(UNLIMITED), DAY)
}
