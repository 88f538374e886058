//! How a trace store is opened, and what its calls report.

use crate::limits::{CACHE_BYTES, DICTIONARY_CACHE_BYTES, LOOKUP_CACHE_BYTES};
use clew_model::time::NANOS_PER_SECOND;

/// How to open a [`super::TraceStore`].
#[derive(Debug, Clone)]
pub struct TraceStoreOptions {
    /// Width of a time partition in nanoseconds; about a thirtieth of the retention, at least a day.
    pub partition_width: i64,
    /// Bytes of blocks and indexes of tables kept in memory.
    pub cache_bytes: u64,
    /// Bytes of decoded dictionaries kept in memory.
    pub dictionary_bytes: usize,
    /// Compaction makes no run of more bytes: what retention by size removes at once.
    pub max_run_bytes: u64,
    /// Bytes of other decoded parts of runs kept in memory: heads, bounds of blocks, lists of traces, counts.
    pub lookup_bytes: usize,
}

impl Default for TraceStoreOptions {
    fn default() -> Self {
        Self {
            partition_width: 86_400 * NANOS_PER_SECOND,
            cache_bytes: CACHE_BYTES,
            dictionary_bytes: DICTIONARY_CACHE_BYTES,
            max_run_bytes: u64::MAX,
            lookup_bytes: LOOKUP_CACHE_BYTES,
        }
    }
}

/// What the hot tail holds: spans that are readable but not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HotStats {
    /// Spans, duplicates counted as often as they came.
    pub spans: u64,
    /// Bytes of memory; an estimate.
    pub bytes: u64,
    /// Journal position of the newest frame applied; 0 before the first.
    pub position: u64,
}

/// What a seal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SealReport {
    /// Everything up to this journal position is sealed now.
    pub position: u64,
    /// Spans written.
    pub spans: u64,
    /// Spans dropped because the same span was sealed with them.
    pub duplicates: u64,
    /// Spans dropped because they started before what retention keeps.
    pub expired: u64,
    /// Runs written, one a tenant and partition.
    pub runs: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// What a step of compaction did; all zero when there was nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompactReport {
    /// Runs merged.
    pub merged: u64,
    /// Spans written.
    pub spans: u64,
    /// Spans dropped because the same span came from another run.
    pub duplicates: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// What retention dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RetainReport {
    /// Partitions dropped whole.
    pub partitions: u64,
    /// Runs dropped, those of whole partitions among them.
    pub runs: u64,
    /// Spans in them, duplicates included.
    pub spans: u64,
    /// Bytes of the runs in them.
    pub bytes: u64,
}
