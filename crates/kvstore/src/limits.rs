//! Bounds of this crate. What users may set is an option of the store; these are the fixed ones.

/// Bytes of fjall's own journal; small partitions would otherwise pin hundreds of megabytes of it.
/// 64 MiB is the least that fjall accepts.
pub const ENGINE_JOURNAL_BYTES: u64 = 64 << 20;

/// Threads with which the engine flushes and compacts in the background.
pub const ENGINE_WORKERS: usize = 2;

/// Default size of the engine's block cache in bytes.
pub const ENGINE_CACHE_BYTES: u64 = 64 << 20;

/// Least bytes of a data block in the engine: values are compressed columns already, so blocks exist to be looked up,
/// not to be compressed.
pub const ENGINE_BLOCK_BYTES: u32 = 16 << 10;

/// Longest key after the generation number, in bytes (fjall allows 65,536 in all).
pub const MAX_KEY_BYTES: usize = 1024;

/// Largest value, in bytes; larger things are cut into chunks by their owner.
pub const MAX_VALUE_BYTES: usize = 64 << 20;

/// Bytes of decoded dictionaries of span blocks kept in memory.
pub const DICTIONARY_CACHE_BYTES: usize = 32 << 20;

/// Bytes of decoded heads of span runs (bounds of blocks) kept in memory.
pub const RUN_HEAD_CACHE_BYTES: usize = 16 << 20;

/// Seals that share a keyspace before the next one begins a new one.
pub const SHARED_KEYSPACE_RUNS: usize = 16;

/// Spans in a keyspace from which on the next seal begins a new one.
pub const SHARED_KEYSPACE_SPANS: u64 = 131_072;

/// Runs in one keyspace that are worth merging.
pub const MERGE_SHARED_RUNS: usize = 8;

/// Runs of about the same size that are worth merging.
pub const MERGE_TIER_RUNS: usize = 4;

/// Most spans that a merge of span runs writes into one run: bounds its memory, and how long a seal may wait for it.
pub const MAX_MERGED_SPANS: u64 = 1 << 20;

/// Spans that a merge holds back so that the parts of a trace meet.
pub const MERGE_WINDOW_SPANS: usize = 32_768;
