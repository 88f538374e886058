//! Counters, gauges and histograms, and their text.

mod format;
mod process;
mod registry;
pub mod table;
mod values;
mod writer;

pub use format::Format;
pub use process::resident_bytes;
pub use registry::{BuildInfo, Registry};
pub use table::{CounterMetric, Descriptor, GaugeMetric, HistogramMetric, Kind};
pub use values::{Counter, Gauge, Histogram};
