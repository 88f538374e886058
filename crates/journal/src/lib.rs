//! A write-ahead log of opaque frames: segments, checksums, group fsync, replay.
//!
//! Append many frames, [`Journal::sync`] once, then acknowledge them all. After a crash [`Journal::open`] cuts off what
//! was torn and [`Journal::replay`] gives back the rest; [`Journal::trim`] drops what a store has made durable itself.
//! The bytes on disk are described in `docs/storage-format.md`.

#![warn(clippy::indexing_slicing)]

mod error;
mod format;
mod journal;
pub mod limits;
mod mark;
mod metrics;
mod position;
mod reader;
mod recovery;
mod replay;
mod segment;

pub use error::JournalError;
pub use journal::{AppendSlot, Beside, Journal, Options, Stats};
pub use metrics::JournalMetrics;
pub use position::JournalPosition;
pub use recovery::{Recovery, Skipped, TornTail};
pub use replay::{Frame, Replayed};
