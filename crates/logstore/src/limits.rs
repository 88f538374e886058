//! Bounds of the log store.

/// Rows of a full block.
pub const BLOCK_ROWS: usize = 1024;

/// Bytes of records in memory after which a block is full however few rows it has: bounds what reading one block takes,
/// and how many columns it can have. Longer records have a block each.
pub const BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// A block of fewer rows is put together with others like it, in the hot tail and at a seal.
pub const SMALL_BLOCK_ROWS: usize = 256;

/// Small blocks of fewer rows than this are put together by themselves first, so that no row is encoded often.
pub const TINY_BLOCK_ROWS: usize = 16;

/// So many small blocks of a size are put together.
pub const SMALL_BLOCKS: usize = 32;

/// Bytes of the pages in which the index of a part is read and checked.
pub const PAGE_BYTES: usize = 16 * 1024;

/// Parts of similar size that are merged at once.
pub const MERGE_FAN_IN: usize = 4;

/// Most parts merged at once.
pub const MAX_MERGED_PARTS: usize = 16;

/// Rows gathered while merging before some must be written, however their times overlap.
pub const MAX_MERGE_BUFFER_ROWS: usize = 64 * 1024;

/// Bytes of records gathered while merging before some must be written.
pub const MAX_MERGE_BUFFER_BYTES: usize = 64 * 1024 * 1024;

/// Parts and blocks that a question looks at on its own thread before it asks for others: light ones never do.
pub const BLOCKS_ALONE: usize = 64;

/// Blocks left for each further thread that a question asks for.
pub const BLOCKS_A_WORKER: usize = 64;

/// Most warnings in one answer.
pub const MAX_WARNINGS: usize = 16;

/// Memory for building a part's term index, by which tantivy chooses the size of its first hash table: for the part,
/// and for each of its blocks.
pub const TERM_INDEX_MEMORY: usize = 1024 * 1024;

/// See [`TERM_INDEX_MEMORY`].
pub const TERM_INDEX_MEMORY_A_BLOCK: usize = 64 * 1024;

/// Most memory that tantivy is promised.
pub const MAX_TERM_INDEX_MEMORY: usize = 64 * 1024 * 1024;

/// Longest tail (checksums, places, names) of a part that is believed.
pub const MAX_TAIL_BYTES: u64 = 256 * 1024 * 1024;

/// Largest block that is believed.
pub const MAX_BLOCK_BYTES: u64 = 1 << 30;

/// Largest manifest that is believed.
pub const MAX_MANIFEST_BYTES: u64 = 256 * 1024 * 1024;

/// Files of parts that are open at once by default; the least recently read are closed, and opened again when needed.
/// A fraction of the 1,024 files that a process may open on most systems unless more is asked for.
pub const OPEN_PART_FILES: usize = 256;

/// Nanoseconds in a partition: one day.
pub const PARTITION_NANOS: i64 = 86_400 * 1_000_000_000;
