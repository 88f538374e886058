//! What metrics and traces share: one fjall database per signal, one keyspace per tenant and time partition, and a
//! manifest that says which generations exist and up to which journal position everything is sealed.
//!
//! - A **generation** is what one seal (or one compaction) wrote, over all partitions. Its share of one partition is a
//!   [`Run`]. Keys carry the generation number, and readers go by the manifest: what it does not list does not exist,
//!   so that runs in many keyspaces appear and vanish in one step.
//! - Everything is written by bulk ingestion: tables are fsynced before they are registered, nothing goes through
//!   fjall's journal or memtables, so no idle keyspace can pin the one or wait for the other.
//! - A partition is dropped by dropping its keyspaces; its folder goes when the last [`Snapshot`] that knows it goes.
//! - Times are in whatever unit the signal counts in; partition bounds are `start <= time < end`.

mod edit;
mod manifest;
mod open;
mod snapshot;
mod stats;

#[cfg(test)]
mod tests;

pub use edit::{Edit, RunSpan, RunWriter, Target};
pub use manifest::{FORMAT_VERSION, Manifest, Partition, PartitionKey, Run};
pub use open::{Engine, EngineOptions};
pub use snapshot::{Entries, Entry, Snapshot};
pub use stats::SealedStats;

/// A partition's width in the unit of `retention`: a thirtieth of it, at least a day.
#[must_use]
pub fn partition_width(retention: i64, day: i64) -> i64 {
    (retention / 30).max(day).max(1)
}
