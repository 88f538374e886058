//! Bounds of the decoders. Limits on body sizes and times are the application's.

/// Reasons for rejected records that are kept for the answer; all are counted.
pub const MAX_REJECT_REASONS: usize = 16;
