//! Bounds of the HTTP layer that nobody configures.

use std::time::Duration;

/// Rows that a page of logs may have at most.
pub const MAX_LOG_ROWS: usize = 10_000;

/// Rows of a page of logs when the caller does not say.
pub const DEFAULT_LOG_ROWS: usize = 100;

/// Traces that a page may have at most.
pub const MAX_TRACES: usize = 1_000;

/// Traces of a page when the caller does not say.
pub const DEFAULT_TRACES: usize = 20;

/// Buckets of a histogram at most.
pub const MAX_BUCKETS: i64 = 2_000;

/// Buckets that a histogram aims at when the caller gives no step.
pub const DEFAULT_BUCKETS: i64 = 60;

/// Top values listed for each field when the caller does not say.
pub const DEFAULT_TOP_VALUES: usize = 5;

/// Values of a field listed at most.
pub const MAX_FIELD_VALUES: usize = 1_000;

/// Records of a correlation, per signal, when the caller does not say.
pub const DEFAULT_CORRELATE_RECORDS: usize = 1_000;

/// Records that `resolve` counts, per signal, before it says "or more".
pub const RESOLVE_RECORDS: usize = 1_000;

/// Largest form body of a query API.
pub const MAX_QUERY_BODY: usize = 1 << 20;

/// A body larger than this is decompressed and decoded on the blocking pool.
pub const INLINE_DECODE_BYTES: usize = 64 << 10;

/// How long a stopping server waits for open requests.
pub const DRAIN: Duration = Duration::from_secs(6);

/// How long a client may take to send its request's head.
pub const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a client may take to send a request's body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(120);

/// Request bodies of ingest that are held at once, as a multiple of the largest allowed; more wait.
pub const BODIES_IN_FLIGHT: usize = 8;
