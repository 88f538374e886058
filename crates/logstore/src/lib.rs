//! The log store: a tantivy index over blocks of records, parts, reader, retention.
//!
//! [`LogStore`] is the whole of it: `apply` takes decided records after their journal frame is durable, `seal` turns
//! them into immutable parts, `compact` merges parts, `retain` deletes them, and the store is a
//! `clew_model::logs::LogReader`. All file access goes through `clew_host::Files`.

#![warn(clippy::indexing_slicing)]

mod batch;
mod error;
mod hot;
pub mod limits;
mod manifest;
mod pages;
mod part;
mod scan;
mod store;
mod term_index;
mod warnings;

pub use error::LogStoreError;
pub use store::{CompactReport, HotStats, LogStore, LogStoreOptions, PartStats, RetentionReport, SealReport};
