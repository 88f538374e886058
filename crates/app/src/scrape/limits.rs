//! Bounds of scraping.

use std::time::Duration;

/// Largest answer, decompressed, where `body_size_limit` is not set.
pub(super) const MAX_BODY_BYTES: u64 = 256 * 1024 * 1024;

/// What a page takes while it is read and decoded, in the place of its own size: the buffer, its growth, samples and labels.
pub(super) const DECODED_PAGE_FACTOR: u64 = 4;

/// What a page takes at first: most exporters say no more.
pub(super) const SMALL_PAGE_BYTES: u64 = 64 * 1024;

/// What a larger page takes; what takes more is read by itself.
pub(super) const LARGE_PAGE_BYTES: u64 = 4 * 1024 * 1024;

/// Scrapes that run at the same time; others wait, which counts as part of their timeout.
pub(super) const MAX_CONCURRENT_SCRAPES: usize = 256;

/// Redirects that are followed.
pub(super) const MAX_REDIRECTS: usize = 10;

/// Targets of one job.
pub(super) const MAX_TARGETS: usize = 100_000;

/// Dropped targets of one job that are kept for the status, where `keep_dropped_targets` is not set.
pub(super) const MAX_DROPPED_TARGETS: usize = 10_000;

/// Files of targets that one pattern may name.
pub(super) const MAX_TARGET_FILES: usize = 10_000;

/// Largest file of targets, and largest file that holds a secret or a certificate.
pub(super) const MAX_TARGET_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Largest file that holds a secret or certificates.
pub(super) const MAX_SECRET_FILE_BYTES: u64 = 1024 * 1024;

/// Time between looks at files of targets.
pub(super) const FILE_POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Longest text of an error that the status shows.
pub(super) const MAX_ERROR_BYTES: usize = 2048;

/// Largest body that is read on a thread of the runtime; larger ones go to a thread that may block.
pub(super) const INLINE_BODY_BYTES: usize = 128 * 1024;

/// Answers of lists of targets that wait to be taken.
pub(super) const MAX_WAITING_LISTS: usize = 16;

/// Longest wait for lists of targets before a job that goes on with targets of an earlier form ends those that are not
/// found any more.
pub(super) const FIRST_LISTS_WAIT: Duration = Duration::from_secs(5);

/// Longest wait for an answer of a server of the DNS.
pub(super) const DNS_TIMEOUT: Duration = Duration::from_secs(5);

/// Names of one discovery that are asked for at once.
pub(super) const DNS_NAMES_AT_ONCE: usize = 16;

/// Largest answer of a server that gives tokens.
pub(super) const MAX_TOKEN_ANSWER_BYTES: u64 = 1024 * 1024;

/// Longest time for which a token is kept, in seconds.
pub(super) const MAX_TOKEN_SECONDS: f64 = 1.0e9;

/// Longest wait for a token.
pub(super) const TOKEN_TIMEOUT: Duration = Duration::from_secs(10);

/// Time before its end from which on a token is not used any more.
pub(super) const TOKEN_MARGIN: Duration = Duration::from_secs(10);

/// Time in which a token that could not be had is not asked for again.
pub(super) const TOKEN_RETRY_PAUSE: Duration = Duration::from_secs(1);
