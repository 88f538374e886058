//! Wire bytes to model and back: OTLP, JSON logs, the Prometheus exposition formats, Prometheus remote write and
//! read.

#![warn(clippy::indexing_slicing)]

pub mod error;
pub mod exposition;
pub mod json_logs;
mod levels;
pub mod limits;
mod metric_batch;
pub mod otlp;
mod protobuf;
pub mod remote_read;
pub mod remote_write;
pub mod time_text;

pub use error::{DecodeError, Decoded, Reject};
