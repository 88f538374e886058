//! Frames of the journals: decided records in a versioned encoding of our own, so that replay decides nothing.

pub mod logs;
