//! Wire bytes to model and back: OTLP, JSON logs, the Prometheus exposition formats.

#![warn(clippy::indexing_slicing)]

pub mod error;
pub mod exposition;
pub mod json_logs;
mod levels;
pub mod limits;
pub mod otlp;
pub mod time_text;

pub use error::{DecodeError, Decoded, Reject};
