//! A table: one file of entries in ascending order of keys, written once, never changed.
//!
//! Blocks of entries one after the other, an index of the blocks, a footer. Every block, the index and the footer has a
//! checksum, which also covers the table's number and the block's place, so that bytes of another file or another place
//! are never taken for its own. The bytes are described in `docs/storage-format.md`, "Tables".

mod block;
mod cache;
mod format;
mod reader;
mod scan;
mod slice;
mod writer;

#[cfg(test)]
mod tests;

pub(super) use cache::BlockCache;
pub use format::TABLE_VERSION;
pub(super) use reader::{Table, Tables};
pub use scan::{Entries, Entry};
pub use slice::Slice;
pub(super) use writer::TableWriter;
