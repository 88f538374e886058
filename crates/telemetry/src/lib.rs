//! Clew's own metrics and logs.
//!
//! A [`Registry`] is made at start and handed to whoever counts; [`table`] names everything that is counted. Nothing
//! here is global except the log subscriber of the process, which `tracing` wants so.

pub mod limits;
pub mod logs;
mod metrics;

pub use metrics::{
    BuildInfo, Counter, CounterMetric, Descriptor, Format, Gauge, GaugeMetric, Histogram, HistogramMetric, Kind,
    Registry, resident_bytes, table,
};
