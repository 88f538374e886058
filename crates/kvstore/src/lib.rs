//! Metric chunks with their series index, and span blocks, in sealed tables behind one manifest.

#![warn(clippy::indexing_slicing)]

pub mod engine;
pub mod limits;
pub mod metrics;
pub mod traces;

mod error;

pub use error::KvError;
