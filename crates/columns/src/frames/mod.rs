//! Journal frames: batches of decided records as bytes.

pub mod metrics;
