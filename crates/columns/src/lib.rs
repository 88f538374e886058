//! Blocks of records as compressed columns, templates, token sets, hash lists: bytes in, bytes out.

pub mod bytes;
pub mod frames;
pub mod metrics;
