//! The way out: queries on a bounded pool, with deadline, cancellation and memory, over the stores' readers.

mod correlate;
mod log_context;
mod resolve;
mod runner;
mod tail;
mod walk;
mod workers;

pub use correlate::correlate;
pub use correlate::{
    AlsoSeen, Correlation, Event, EventBody, FirstSeen, FoundIn, Lane, Reached, SignalCounts, Truncation,
};
pub use log_context::{ContextScope, LogContext, LogContextQuery, log_context};
pub use resolve::resolve;
pub use resolve::{IdKind, Resolution};
pub use runner::{QueryLimits, QueryRunner};
pub use tail::{LogTail, Missed, TailEvent};
pub use walk::{CorrelateQuery, Stores};
pub use workers::QueryThreads;
