//! Bounds of the encodings.

/// Most rows a block may hold; a stored count above it is damage.
pub const MAX_BLOCK_ROWS: usize = 1 << 20;

/// Most bytes one compressed section may expand to; more is damage (or an attack on memory).
pub const MAX_EXPANDED_BYTES: usize = 1 << 30;

/// The level of zstd for columns: the fastest that still finds repetitions.
pub const ZSTD_LEVEL: i32 = 1;

/// Shorter sections are not worth compressing.
pub const MIN_COMPRESSED_BYTES: usize = 64;

/// Fewest distinct values a dictionary column may have, however few rows there are.
pub const MIN_DICTIONARY_ENTRIES: usize = 32;

/// A dictionary column has at most one distinct value for this many rows.
pub const ROWS_PER_DICTIONARY_ENTRY: usize = 4;

/// Mean number of entries in a bucket of a hash list.
pub const HASH_LIST_BUCKET_ENTRIES: usize = 16;

/// Bits of the hash kept with an entry of a hash list.
pub const HASH_LIST_FINGERPRINT_BITS: u32 = 12;

/// Bytes from the beginning of a stored block that are read at once: its directory and its shortest columns.
pub const STORED_PREFIX_BYTES: usize = 8192;

/// Shorter literals of a regular expression rule out too little to be looked for.
pub const MIN_LITERAL_BYTES: usize = 3;

/// Most literals that are looked for in place of a regular expression.
pub const MAX_LITERALS: usize = 16;

/// Templates of which a question remembers what they say to a test.
pub const MAX_KEPT_VERDICTS: usize = 16_384;

/// Rows from which on a block counts the values of its fields: of fewer, the columns are read as fast.
pub const MIN_COUNTED_ROWS: usize = 256;

/// Most values of a field that a block counts.
pub const MAX_BLOCK_COUNTED_VALUES: usize = 256;

/// Integers that lie further apart are not worth counting.
pub const MAX_COUNTED_SPREAD: u64 = 1024;
