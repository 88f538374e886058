//! Journal frames: decided records in versioned encodings of our own, so that replay decides nothing.

pub mod logs;
pub mod metrics;
pub mod traces;
