//! Bounds of the metric encodings.

/// Most samples in one block; longer series are cut. pco gains little beyond.
pub const MAX_BLOCK_SAMPLES: usize = 8_192;

/// Values that share one frame of reference.
pub const FRAME_VALUES: usize = 128;

/// Fewest samples for which pco is tried: below, its header costs more than it saves.
pub const PCO_LEAST_SAMPLES: usize = 384;

/// pco's compression level; higher ones cost much time for almost nothing on samples.
pub const PCO_LEVEL: usize = 4;

/// Most decimal places that are looked for: 10^15 is the largest power that leaves exact integers room.
pub const MAX_DECIMALS: u8 = 15;

/// Most cells (histograms × columns) of one run of native histograms, so that damaged counts allocate 32 MiB at most.
pub const MAX_HISTOGRAM_CELLS: usize = 1 << 22;

/// Most bytes of label sets in one list before compression.
pub const MAX_LABELS_BYTES: usize = 64 << 20;

/// Most bytes of exemplars in one list before compression.
pub const MAX_EXEMPLARS_BYTES: usize = 64 << 20;
