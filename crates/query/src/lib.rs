//! The query languages: parse, plan, evaluate over the traits of the model. Pure: no I/O, no clock, no async.
//!
//! - [`promql`]: PromQL, parsed in full and evaluated over a `MetricReader`;

mod error;
pub mod limits;
pub mod promql;

pub use error::QueryError;
