//! Bounds of the query languages. Those that an operator may set are fields of `PromqlOptions`, with defaults here.

/// Longest query text in bytes.
pub const MAX_QUERY_BYTES: usize = 128 * 1024;

/// Deepest nesting of an expression, counting chains of operators; keeps recursion within a thread's stack.
pub const MAX_EXPR_DEPTH: usize = 128;

/// Most steps of one range query, as Prometheus' `query_range` allows for a resolution.
pub const MAX_STEPS: usize = 11_000;

/// Most steps of one subquery. Its samples count against the limit of samples as well.
pub const MAX_SUBQUERY_STEPS: usize = 1_000_000;

/// Most samples that one query may load or compute, Prometheus' `--query.max-samples`.
pub const DEFAULT_MAX_SAMPLES: u64 = 50_000_000;

/// How far back an instant selector looks for a sample, in milliseconds: Prometheus' `--query.lookback-delta`.
pub const DEFAULT_LOOKBACK_MILLIS: i64 = 5 * 60 * 1000;

/// Step of a subquery that names none, in milliseconds: Prometheus' default `evaluation_interval`.
pub const DEFAULT_SUBQUERY_STEP_MILLIS: i64 = 60 * 1000;

/// Most values of an identifying label that `info` selects by; beyond it reads all info series and sorts them out.
pub const MAX_INFO_VALUES: usize = 200;

/// Most distinct annotations that one answer carries of each kind.
pub const MAX_ANNOTATIONS: usize = 10;

/// Longest time range or offset, in milliseconds: 300 years, about Go's `time.Duration`.
pub const MAX_DURATION_MILLIS: i64 = 9_223_372_036_854;

/// Most tests that one log query may consist of.
pub const MAX_LOG_TERMS: usize = 1_000;

/// Longest label value that `label_replace`, `label_join` and `count_values` may make, in bytes.
pub const MAX_MADE_LABEL_BYTES: usize = 64 * 1024;

/// Most buckets of a service over time.
pub const MAX_SERVICE_BUCKETS: i64 = 11_000;

/// Most buckets of a histogram.
pub const MAX_HISTOGRAM_BUCKETS: i64 = 50_000;

/// Distinct values counted exactly for one field.
pub const MAX_COUNTED_VALUES: usize = 100_000;

/// Distinct values counted exactly for each field where all are listed: a field with more is an ID, and there are often
/// several of these in a record.
pub const MAX_COUNTED_VALUES_IN_LIST: usize = 16_384;

/// Rows looked through, newest first, for those that came after a record: some seconds of reading. Parts that were
/// written before the record came do not count.
pub const MAX_ARRIVAL_ROWS: u64 = 4_000_000;

/// Most patterns of messages that are told apart.
pub const MAX_PATTERNS: usize = 5_000;

/// Most services that are told apart under one pattern.
pub const MAX_PATTERN_SERVICES: usize = 50;

/// Traces of a group that are looked at when two groups are set against each other; of more a sample is.
pub const MAX_CONTRAST_TRACES: usize = 10_000;

/// Attributes with their values that are told apart when groups of traces are set against each other.
pub const MAX_CONTRAST_ITEMS: usize = 200_000;

/// Longest value of such an attribute in bytes; longer ones are texts, of which no two are alike.
pub const MAX_CONTRAST_VALUE_BYTES: usize = 200;

/// Most fields that are listed.
pub const MAX_LISTED_FIELDS: usize = 2_000;

/// Most of a pasted text that is looked through for IDs, in bytes.
pub const MAX_PASTED_BYTES: usize = 16 * 1024;

/// Most things that a pasted text may name; each is looked up in every store.
pub const MAX_PASTED_CANDIDATES: usize = 24;

/// Most names of services that are looked up of a pasted text.
pub const MAX_PASTED_NAMES: usize = 8;
