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

/// Series whose labels a seal copies under one lock.
pub const SEAL_LOCK_SERIES: usize = 4_096;

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

/// Bytes of decoded heads of span runs kept in memory: every lookup of a trace passes by all of them.
pub const RUN_HEAD_CACHE_BYTES: usize = 8 << 20;

/// Bytes of decoded bounds of span blocks kept in memory.
pub const ZONE_CACHE_BYTES: usize = 16 << 20;

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
/// Bytes of spans that a merge holds back.
pub const MERGE_WINDOW_BYTES: usize = 32 << 20;

/// Bytes of lists kept in memory that say in which blocks the traces of a run stand.
pub const TRACE_LIST_CACHE_BYTES: usize = 16 << 20;

/// Units of a scan (blocks, mostly) that are worth a thread of their own.
pub const SCAN_UNITS_PER_THREAD: usize = 32;

/// Spans of traces brought together after which a batch ends at the next trace.
pub const ASSEMBLED_ROWS: usize = 4_096;
