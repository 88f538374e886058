//! Wire bytes to model and back: OTLP, JSON logs, the Prometheus exposition formats.

pub mod error;
pub mod limits;
pub mod otlp;

pub use error::{DecodeError, Decoded, Reject};
