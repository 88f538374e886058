//! The query languages: parse, plan, evaluate over the traits of the model. Pure: no I/O, no clock, no async.
//!
//! - [`promql`]: PromQL, parsed in full and evaluated over a `MetricReader`;
//! - [`metrics`]: series, their labels and samples, exemplars and metadata, as sinks over a `MetricView`;
//! - [`logs`]: the search-bar language and LogQL's log selection, planned into a `LogFilter`;
//! - [`pasted`]: what a pasted text may name;
//! - [`traces`]: trace search, services, the service map, traces and spans by their IDs, as sinks over a `TraceView`.

mod error;
pub mod limits;
mod locks;
pub mod logs;
pub mod metrics;
pub mod pasted;
pub mod promql;
pub mod traces;

pub use error::QueryError;
