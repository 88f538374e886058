//! The way in: admission by limits, the queue before the journal, group commit, the hot tail.

mod admission;
mod log_feed;
mod logs;
mod metrics;
mod pipeline;
mod tally;
mod traces;

pub use admission::{Admission, IngestOutcome, Rejection, SeriesVerdicts};
pub(crate) use log_feed::{FeedBatch, Watch};
pub use logs::LogSignal;
pub use metrics::MetricSignal;
pub use pipeline::{Pipeline, PipelineOptions, PipelineStatus};
pub use tally::Source;
pub(crate) use tally::Tally;
pub use traces::TraceSignal;

/// Nanoseconds in a day.
const DAY: i64 = 86_400_000_000_000;

/// Retention that partitions are cut for when everything is kept.
const UNLIMITED: i64 = 900 * DAY;

/// How much time one partition of the key-value engine covers, in nanoseconds.
fn partition_width(retention: Option<i64>) -> i64 {
    clew_kvstore::engine::partition_width(retention.unwrap_or(UNLIMITED), DAY)
}
