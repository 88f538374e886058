//! Frames of metric batches in the journal.
//!
//! A scrape sends the same series every time, so the encoding is stateful: a label set is written once per journal
//! segment and known by its number from then on, and a value is written as its difference to the series' value before.
//! The first frame of a segment begins from nothing; frames say so, and carry a sequence number, so that a frame that
//! is missing in between is noticed rather than misread.

mod decoder;
mod encoder;
mod state;

pub use decoder::{FrameSeries, MetricFrame, MetricFrameDecoder};
pub use encoder::{MetricFrameEncoder, SeriesNumbers};

/// Version of the encoding, the first byte of every frame.
pub const METRIC_FRAME_VERSION: u8 = 0;

/// Label sets after which an encoder begins from nothing again.
pub const MAX_STATE_SERIES: usize = 1 << 20;

/// Bytes of label sets after which an encoder begins from nothing again.
pub const MAX_STATE_LABEL_BYTES: usize = 128 << 20;

/// Most bytes of a frame before compression.
pub const MAX_FRAME_BYTES: usize = 256 << 20;

const RESET: u8 = 1;
/// Start timestamps stand behind everything else.
const WITH_STARTS: u8 = 2;
const ZSTD_LEVEL: i32 = 1;

/// Samples stand in the order of the batch's series, one each.
const IN_ORDER: u8 = 0;
/// Each sample names its series.
const BY_INDEX: u8 = 1;

#[cfg(test)]
mod tests;
