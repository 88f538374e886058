//! Bounds of this crate. What users may set is an option of the store; these are the fixed ones.

/// Default bytes of blocks and indexes of tables that a store keeps in memory. Behind it stands the system's own cache
/// of files, from which a block is read and checked in some microseconds.
pub const CACHE_BYTES: u64 = 32 << 20;

/// Tables of a store that are open at once; the least recently read are closed, and opened again when needed. With
/// those of the other stores a part of the 1,024 files that a process may open on most systems.
pub const OPEN_TABLE_FILES: usize = 192;

/// Bytes after which a block of a table ends; a larger value stands alone. Values are compressed columns already, so
/// blocks exist to be looked up, not to be compressed.
pub const BLOCK_BYTES: usize = 4 << 10;

/// Bytes of a table that are written at once.
pub const WRITE_BYTES: usize = 256 << 10;

/// Bytes that going through a table reads at once, if they are wanted.
pub const READ_AHEAD_BYTES: u64 = 256 << 10;

/// Blocks up to which going through part of a table keeps them in memory.
pub const CACHED_SCAN_BLOCKS: usize = 4;

/// Largest manifest that is believed, in bytes.
pub const MAX_MANIFEST_BYTES: usize = 256 << 20;

/// Longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 1024;

/// Largest value, in bytes; larger things are cut into chunks by their owner. Far above the largest body that is taken
/// in by default, since a single span cannot be cut.
pub const MAX_VALUE_BYTES: usize = 512 << 20;

/// Samples that a series keeps uncompressed before they become a block.
pub const RAW_SAMPLES: usize = 16;

/// Exemplars kept per series between two seals; the oldest give way.
pub const MAX_EXEMPLARS_PER_SERIES: usize = 32;

/// Metric families with metadata per tenant.
pub const MAX_METADATA_FAMILIES: usize = 100_000;

/// Bytes of metadata per tenant: less than what is believed when it is read.
pub const MAX_METADATA_BYTES: usize = 32 << 20;
/// Label sets in one stored list.
pub const LABELS_PER_CHUNK: usize = 4_096;
/// Bytes of label sets after which a stored list ends; one set may have as many again.
pub const LABELS_CHUNK_BYTES: usize = 16 << 20;

/// Exemplars in one stored list.
pub const EXEMPLARS_PER_CHUNK: usize = 4_096;

/// Fewest samples, read back from a journal, that two threads apply together.
pub const PARALLEL_SAMPLES: usize = 4_096;

/// Series whose hot samples a view shares as one piece, and a write to one of them copies while it is shared.
pub const HEAD_CHUNK_SERIES: usize = 128;

/// Series that a worker of a scan takes at once.
pub const SCAN_RUN_SERIES: usize = 128;

/// Fewest series of a scan for each thread that works on it.
pub const SCAN_THREAD_SERIES: usize = 1_024;

/// Default for the most active series (`limits.series`), when the caller knows no memory budget to derive it from.
pub const ACTIVE_SERIES: usize = 1_000_000;

/// Bytes of labels and postings that an active series may take on average; beyond that the limit of series is reached
/// earlier. Ordinary ones take about 300.
pub const SERIES_INDEX_BYTES: usize = 1_024;

/// Default bytes of series indexes of sealed partitions kept in memory.
pub const INDEX_CACHE_BYTES: u64 = 256 << 20;

/// Default for the most series a query may read (`limits.query_series`).
pub const QUERY_SERIES: usize = 1_000_000;

/// Default for the most samples a query may read (`limits.query_samples`; Prometheus' `--query.max-samples` is
/// 50 million too).
pub const QUERY_SAMPLES: u64 = 50_000_000;

/// Trailing runs of about equal size after which a partition that still grows is compacted.
pub const COMPACT_RUNS: usize = 8;

/// A run is merged with the ones after it when it has at most this many times their bytes.
pub const COMPACT_RATIO: u64 = 2;

/// Bytes of decoded dictionaries of span blocks kept in memory.
pub const DICTIONARY_CACHE_BYTES: usize = 32 << 20;

/// Bytes of other decoded parts of span runs kept in memory, a seventh of them heads, by which every lookup of a trace
/// passes, two each for bounds of blocks, lists of traces, and counts.
pub const LOOKUP_CACHE_BYTES: usize = 56 << 20;

/// Runs of about the same size that are worth merging.
pub const MERGE_TIER_RUNS: usize = 4;

/// Most spans that a merge of span runs writes into one run: bounds its memory, and how long a seal may wait for it.
pub const MAX_MERGED_SPANS: u64 = 1 << 20;

/// Spans that a merge holds back so that the parts of a trace meet.
pub const MERGE_WINDOW_SPANS: usize = 32_768;
/// Bytes of spans that a merge holds back.
pub const MERGE_WINDOW_BYTES: usize = 32 << 20;

/// Units of a scan (blocks, mostly) that are worth a thread of their own.
pub const SCAN_UNITS_PER_THREAD: usize = 32;

/// Spans of traces brought together after which a batch ends at the next trace.
pub const ASSEMBLED_ROWS: usize = 4_096;
