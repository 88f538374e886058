//! Blocks of log records: encoded once, decoded a column at a time, tested column by column.
//!
//! - [`BlockBuilder`] turns records into bytes and into the terms that an index keeps, [`LogBlock`] reads the bytes;
//! - [`Evaluator`] (or [`LogBlock::evaluate`] for one block) answers which rows pass a filter, exactly as `LogFilter::matches` does;
//! - [`needs`] says what a filter asks of a block's [`BlockTerms`];
//! - [`LogBlock::rows_with_ids`] answers which rows carry an ID.

mod block;
mod block_terms;
mod bodies;
mod builder;
mod carried;
mod coded;
mod evaluate;
mod fields;
mod find;
mod id_column;
mod leaves;
mod literals;
mod match_any_text;
mod match_fields;
mod match_messages;
mod messages;
mod needs;
mod opaque;
mod passing;
mod sections;
mod shapes;
mod shared;
mod template;
mod terms;
mod value_counts;
mod verdicts;
mod words;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use block::{LogBlock, TimeSpan};
pub use block_terms::BlockTerms;
pub use builder::{BlockBuilder, EncodedBlock, encode_block};
pub use evaluate::{BlockEvaluator, Evaluator, Outside};
pub use needs::{Need, needs, needs_of_id};
pub use sections::StoredBytes;
pub use terms::{id_term, term_hash};

/// The first bytes of a log block.
pub const MAGIC: [u8; 4] = *b"CLGB";

const WHAT: &str = "log block";

/// Numbers of the sections of a block, which stand in this order: first what most questions need.
mod section {
    pub(super) const HEAD: u32 = 1;
    pub(super) const SEVERITY: u32 = 2;
    pub(super) const SEVERITY_TEXT: u32 = 3;
    pub(super) const SERVICE: u32 = 4;
    pub(super) const TEMPLATE_HASHES: u32 = 5;
    pub(super) const VALUE_COUNTS: u32 = 6;
    pub(super) const TIME: u32 = 7;
    pub(super) const BODY: u32 = 8;
    pub(super) const TEMPLATES: u32 = 9;
    pub(super) const NUMBER: u32 = 10;
    pub(super) const OBSERVED: u32 = 11;
    pub(super) const TRACE: u32 = 12;
    pub(super) const SPAN: u32 = 13;
    pub(super) const FLAGS: u32 = 14;
    pub(super) const EVENT_NAME: u32 = 15;
    pub(super) const DROPPED: u32 = 16;
    pub(super) const RESOURCE: u32 = 17;
    pub(super) const SCOPE: u32 = 18;
    pub(super) const SHAPES: u32 = 19;
    pub(super) const BASE: u32 = 20;
    /// Leaf columns follow from here, in the order of the shapes section.
    pub(super) const LEAVES: u32 = 32;
}
