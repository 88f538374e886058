//! Every bound of this crate.

/// Series that one metric may have. Later label values are counted together under [`OVERFLOW_LABEL`].
pub const MAX_SERIES_PER_METRIC: usize = 4_000;

/// The value of every label in the series that takes what is over [`MAX_SERIES_PER_METRIC`].
pub const OVERFLOW_LABEL: &str = "other";

/// Bytes of a label value; the rest is cut off.
pub const MAX_LABEL_VALUE_BYTES: usize = 256;

/// Warnings and errors kept in memory for the status page; the oldest go first.
pub const RECENT_LINES: usize = 200;

/// Bytes of one line kept in memory; the rest is cut off.
pub const MAX_RECENT_LINE_BYTES: usize = 4_096;
