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
