//! The trace store: a hot tail of spans by trace, before runs of span blocks in the key-value engine.
//!
//! Blocks, their dictionaries and the term index of a run are values that one seal (or one merge) writes in a single
//! pass; the manifest publishes them together with the journal position they reach.

mod cache;
mod compact;
mod hot;
mod identity;
mod index;
mod options;
mod run;
mod scan;
mod seal;
mod store;
mod view;
mod writer;

#[cfg(test)]
mod tests;

pub use options::{CompactReport, HotStats, RetainReport, SealReport, TraceStoreOptions};
pub use store::TraceStore;
