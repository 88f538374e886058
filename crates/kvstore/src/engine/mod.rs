//! What metrics and traces share: sealed partitions in files of our own, and a manifest that says which of them exist
//! and up to which journal position everything is sealed.
//!
//! - A **generation** is what one seal (or one compaction) wrote, over all partitions. Its share of one partition is a
//!   [`Run`], in a table of its own: a file of entries in order of their keys, written once, synced, never changed.
//! - Readers go by the manifest: what it does not list does not exist. It is replaced as a whole once the tables are
//!   durable, so that runs in many partitions appear and vanish in one step, together with the journal position.
//! - The journal is the write-ahead log, and a seal writes in bulk: there is no memtable, no log of the engine's own,
//!   and no work in the background, so idle partitions cost nothing and a kill leaves nothing that could get stuck.
//! - A partition is dropped by dropping its tables; a file goes when the last [`Snapshot`] that knows it goes.
//! - A damaged table is an error of the first who reads it, and names the file ([`crate::KvError::is_damage`]); from
//!   then on it is set aside ([`Engine::set_aside`]): nobody reads it, and everybody can know before that something is
//!   missing. The start reads the manifest, which is kept twice, and compares it with the lengths of the files.
//! - Times are in whatever unit the signal counts in; partition bounds are `start <= time < end`.

mod damage;
mod edit;
mod manifest;
mod open;
mod snapshot;
mod stats;
mod table;

#[cfg(test)]
mod tests;

pub use edit::{Edit, RunSpan, RunWriter};
pub use manifest::{FORMAT_VERSION, Manifest, Partition, PartitionKey, Run, ValueTable};
pub use open::{Engine, EngineOptions};
pub use snapshot::Snapshot;
pub use stats::SealedStats;
pub use table::{Entries, Entry, Slice, TABLE_VERSION};

/// A partition's width in the unit of `retention`: a thirtieth of it, at least a day.
#[must_use]
pub fn partition_width(retention: i64, day: i64) -> i64 {
    (retention / 30).max(day).max(1)
}
