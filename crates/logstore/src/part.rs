//! A part: an immutable file with the blocks of one tenant and one day, and their index.
//!
//! ```text
//! blocks, one after the other
//! index region: hash list of varied terms, then the pieces of the term index; checked by pages of 16 KiB
//! tail: checksums of the pages, places of the blocks, pieces
//! footer (44): "CLP0" | version (1) | 3 zero bytes | index start (8) | index length (8) | tail length (8)
//!              | hash list length (8) | crc32 of the tail (4)
//!              and then crc32 of the footer (4)
//! ```

mod reader;
mod writer;

use clew_model::{TenantId, UnixNanos};

pub(crate) use reader::{OpenPart, Part};
pub(crate) use writer::PartWriter;

/// The newest version of a part's file.
const VERSION: u8 = 0;
const MAGIC: [u8; 4] = *b"CLP0";
const FOOTER_BYTES: usize = 48;

/// What the manifest says of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartMeta {
    /// Unique; grows with each part written.
    pub sequence: u64,
    /// Whose records.
    pub tenant: TenantId,
    /// Days since the epoch of its records' times.
    pub day: i64,
    /// Records.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Earliest time.
    pub first: UnixNanos,
    /// Latest time.
    pub last: UnixNanos,
}

impl PartMeta {
    /// The name of the file.
    pub(crate) fn file_name(&self) -> String {
        format!("{:012x}.{}.{}.part", self.sequence, self.tenant, self.day)
    }
}

/// Where a block stands in a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BlockPlace {
    pub first: UnixNanos,
    pub last: UnixNanos,
    pub rows: u32,
    pub offset: u64,
    pub length: u32,
    /// Rows by severity range, as [`clew_model::logs::severity_range`] numbers them.
    pub severities: [u32; SEVERITY_RANGES],
}

/// How many severity ranges there are, those without severity among them.
const SEVERITY_RANGES: usize = 7;
