//! Bounds of the use-cases. What a user may set stands in the configuration; these are its defaults and the bounds
//! nobody sets.

use std::time::Duration;

/// Least and most bytes of decided records that may wait for the journal, per signal; beyond it senders are told to
/// come back. Between them it is twice what is worth a seal. One request may take the whole queue, however large it is.
pub const QUEUE_BYTES: std::ops::RangeInclusive<u64> = 16 << 20..=256 << 20;

/// Bytes in a hot tail from which an orderly stop seals it: more takes long to read back at the next start.
pub const STOP_SEAL_BYTES: u64 = 4 << 20;

/// Requests that may wait for the journal, per signal.
pub const QUEUE_REQUESTS: usize = 4096;

/// How long a request waits for room in the queue before its sender is told to come back.
pub const QUEUE_WAIT: Duration = Duration::from_secs(2);

/// Seconds after which a refused sender should come back (`Retry-After`).
pub const RETRY_AFTER_SECONDS: u64 = 2;

/// Bytes of the journal that a start reads and decodes ahead of what it applies.
pub const REPLAY_BYTES: usize = 128 << 10;

/// Samples from the journal that a start applies together, series by series.
pub const REPLAY_SAMPLES: usize = 1 << 18;

/// Most encoded bytes that one fsync covers; more waits for the next.
pub const COMMIT_BYTES: usize = 16 << 20;

/// How far ahead of the clock a record may be.
pub const MAX_FUTURE: Duration = Duration::from_secs(600);

/// Most reasons of rejection that an answer lists; the count is always whole.
pub const MAX_REASONS: usize = 100;

/// Most labels of a series (Mimir's and Loki's order of magnitude; Prometheus has no default).
pub const MAX_LABELS: usize = 128;

/// Longest label name in bytes.
pub const MAX_LABEL_NAME: usize = 1024;

/// Longest label value in bytes.
pub const MAX_LABEL_VALUE: usize = 64 << 10;

/// Most attributes of a log record or a span, nested ones counted.
pub const MAX_ATTRIBUTES: usize = 10_000;

/// The hot tail may grow to this multiple of the size at which it is sealed before writers must wait.
pub const HOT_HARD_FACTOR: u64 = 3;

/// A clock that goes further ahead than this beside monotonic time has jumped: nothing is removed by its age.
pub const CLOCK_JUMP: Duration = Duration::from_secs(3600);

/// A clock that is further ahead than this at a start, compared with the last time it was believed, may have jumped.
pub const CLOCK_WAS_OFF: Duration = Duration::from_secs(24 * 3600);

/// How long, while the server runs, a clock that jumped is not believed, so that somebody can set it right or say that it
/// is right.
pub const CLOCK_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Steps in which retention by size could remove everything: a sealed file is at most one of so many parts of the limit,
pub const RETENTION_STEPS: u64 = 32;

/// and may have so many bytes in any case.
pub const LEAST_STEP_BYTES: u64 = 1 << 20;

/// With fewer free bytes than this a disk is full.
pub const LEAST_ROOM: u64 = 1 << 20;

/// The reserve is at most one of so many parts of the room that is free when it is made.
pub const RESERVE_SHARE: u64 = 16;

/// Most bytes of the reserve, which is given up where the disk is full, so that what is in memory can be written.
pub const MOST_RESERVE: u64 = 16 << 20;

/// How often is told in the log that requests are refused for want of room; between, they are counted.
pub const REFUSALS_TOLD: Duration = Duration::from_secs(60);

/// How often retention is applied; the first time so long after the start, when a clock that was wrong at boot has been
/// set.
pub const RETENTION_INTERVAL: Duration = Duration::from_secs(300);

/// Most tails of logs at once.
pub const TAILS: usize = 32;

/// Most of them of one tenant, where tenants are told apart.
pub const TAILS_OF_A_TENANT: usize = 16;

/// How long a log stream counts after its last record (`tenants.limits.streams`).
pub const STREAM_AGE: Duration = Duration::from_secs(3600);

/// In how long what a tenant owes of a rate is paid at most, since one request brought more than its burst.
pub const TENANT_DEBT: Duration = Duration::from_secs(300);

/// `Retry-After` where all of a request is beyond a tenant's limit of series or streams.
pub const STREAM_RETRY: u64 = 60;

/// `Retry-After` where as many queries of a tenant are under way as there may be, or hold its memory.
pub const TENANT_QUERY_RETRY: u64 = 2;

/// Bytes of records just made readable that are kept for those who tail, all tails together.
pub const TAIL_FEED_BYTES: usize = 16 << 20;

/// Longest checkpoint of an accumulator that is believed.
pub const MAX_CHECKPOINT_BYTES: usize = 1 << 30;

/// Most names of services and operations that metrics of spans know, per tenant; others are `other`.
pub const SPAN_METRIC_NAMES: usize = 20_000;

/// Most combinations of service, operation, kind and status with metrics of their own, per tenant; a quarter more where the
/// operation is `other`, beyond it the service is too.
pub const SPAN_METRIC_SERIES: usize = 5_000;

/// Most pairs of services with metrics of their own, per tenant; others are one pair `other`.
pub const SPAN_METRIC_EDGES: usize = 2_000;

/// Most sides of calls that wait for the other side, per tenant; the oldest go first, uncounted.
pub const SPAN_METRIC_HALVES: usize = 20_000;

/// Batches of spans that are known when they are sent again, per tenant.
pub const SPAN_METRIC_BATCHES: usize = 4_096;

/// How long a series of metrics of spans keeps its place without a span, in milliseconds: when it returns, its counters
/// begin at zero.
pub const SPAN_METRIC_IDLE_MILLIS: i64 = 2 * SPAN_METRIC_QUIET_MILLIS;

/// How often is looked for such series, in milliseconds.
pub const SPAN_METRIC_SWEEP_MILLIS: i64 = 600_000;

/// Series whose end waits to be written, per tenant; the oldest go first.
pub const SPAN_METRIC_FAREWELLS: usize = 2 * SPAN_METRIC_SERIES;

/// How often metrics of spans are written.
pub const SPAN_METRIC_INTERVAL: Duration = Duration::from_secs(15);

/// How often a series of them is repeated while it stands still, in milliseconds: queries look back for five minutes.
pub const SPAN_METRIC_REPEAT_MILLIS: i64 = 60_000;

/// How long after its last span a series of them is repeated, in milliseconds.
pub const SPAN_METRIC_QUIET_MILLIS: i64 = 3_600_000;

/// Most rows of one batch of a tail.
pub const TAIL_BATCH_ROWS: usize = 500;

/// The least time between two batches of a tail.
pub const TAIL_INTERVAL: Duration = Duration::from_millis(250);

/// Rows that wait in one tail to be handed on, and rows that a tail resumes with.
pub const TAIL_PENDING_ROWS: usize = 5_000;

/// Bytes of the rows that wait in one tail; one row may be larger.
pub const TAIL_PENDING_BYTES: usize = 4 << 20;

/// Longest text of a question that the log of slow queries shows, in bytes.
pub const SLOW_QUERY_TEXT: usize = 4 << 10;

/// Most records of one signal that a correlation answers.
pub const CORRELATE_RECORDS: usize = 5_000;

/// Most IDs that a correlation follows.
pub const CORRELATE_IDS: usize = 256;

/// Files that are set aside at once of which each has a line in the log; the rest is counted.
pub(crate) const MAX_TOLD_FILES: usize = 20;

/// Files that are set aside that the status lists of each signal; the rest is counted.
pub const MAX_LISTED_FILES: usize = 100;

/// How often a question begins anew because it met a file that was not known to be damaged; each time sets one aside.
pub(crate) const MAX_NEW_BEGINNINGS: usize = 256;

/// Deepest a correlation may walk.
pub const CORRELATE_DEPTH: usize = 5;

/// Most IDs that a correlation lists as seen in the same records.
pub const CORRELATE_ALSO_SEEN: usize = 50;

/// How far a correlation walks when the asker does not say.
pub const DEFAULT_CORRELATE_DEPTH: usize = 2;

/// Records of a correlation, per signal, when the asker does not say.
pub const DEFAULT_CORRELATE_RECORDS: usize = 1_000;

/// Records that `resolve` counts, per signal, before it says "or more".
pub const RESOLVE_RECORDS: usize = 1_000;

/// Rows that a page of logs may have at most.
pub const MAX_LOG_ROWS: usize = 10_000;

/// Rows of a page of logs when the asker does not say.
pub const DEFAULT_LOG_ROWS: usize = 100;

/// Records on each side of a record's context at most.
pub const MAX_CONTEXT_ROWS: usize = 1_000;

/// Records on each side of a record's context when the asker does not say.
pub const DEFAULT_CONTEXT_ROWS: usize = 50;

/// Traces that a page may have at most.
pub const MAX_TRACES: usize = 1_000;

/// Traces of a page when the asker does not say.
pub const DEFAULT_TRACES: usize = 20;

/// Groups of like messages that are listed at most.
pub const MAX_LISTED_PATTERNS: usize = 1_000;

/// Groups of like messages that are listed when the asker does not say.
pub const DEFAULT_PATTERNS: usize = 100;

/// Attributes that set traces apart, listed at most.
pub const MAX_CONTRASTS: usize = 200;

/// Attributes that set traces apart, listed when the asker does not say.
pub const DEFAULT_CONTRASTS: usize = 20;

/// Columns of a density of traces at most.
pub const MAX_DENSITY_COLUMNS: usize = 500;

/// Columns of a density of traces when the asker does not say.
pub const DEFAULT_DENSITY_COLUMNS: usize = 120;

/// Rows of a density of traces at most.
pub const MAX_DENSITY_ROWS: usize = 100;

/// Rows of a density of traces when the asker does not say.
pub const DEFAULT_DENSITY_ROWS: usize = 24;

/// Buckets of what is answered over time at most.
pub const MAX_BUCKETS: i64 = 2_000;

/// Buckets that are aimed at when the asker gives no step.
pub const DEFAULT_BUCKETS: i64 = 60;

/// Top values listed for each field when the asker does not say.
pub const DEFAULT_TOP_VALUES: usize = 5;

/// Values of a field listed when the asker does not say.
pub const DEFAULT_FIELD_VALUES: usize = 100;

/// Values of a field listed at most.
pub const MAX_FIELD_VALUES: usize = 1_000;

/// Most characters of a pasted text that the log of slow queries tells.
pub const MAX_SHOWN_CHARS: usize = 64;

/// Selectors of an expression that found nothing of which it is told why.
pub(crate) const MAX_EXPLAINED_SELECTORS: usize = 8;

/// Fields of a query that found nothing of which it is told why.
pub(crate) const MAX_EXPLAINED_FIELDS: usize = 4;

/// Names or values that are offered in the place of one that is not there.
pub(crate) const MAX_OFFERED_NAMES: usize = 3;

/// How far back from the newest record fields and values are looked for, to say which one is not there, in nanoseconds.
pub(crate) const RECENT_NANOS: i64 = 900 * 1_000_000_000;

/// How long Clew is not ready for a request that its disk refused, unless it takes one before.
pub(crate) const REFUSAL_REMEMBERED: Duration = Duration::from_secs(30);

/// How long a question waits for memory that other questions hold.
pub(crate) const MEMORY_WAIT: Duration = Duration::from_secs(10);

/// How often it looks.
pub(crate) const MEMORY_LOOK: Duration = Duration::from_millis(100);

/// How far back series are counted for the cardinality of what is written now, in nanoseconds.
pub const CARDINALITY_SPAN: i64 = 2 * 3_600 * 1_000_000_000;
