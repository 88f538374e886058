//! What a journal counts.

use clew_telemetry::{Counter, Gauge, Histogram, Registry, table};

/// The metrics of one journal.
#[derive(Debug, Clone)]
pub struct JournalMetrics {
    pub(crate) appended_bytes: Counter,
    pub(crate) appended_frames: Counter,
    pub(crate) sync_duration: Histogram,
    pub(crate) append_failures: Counter,
    pub(crate) sync_failures: Counter,
    pub(crate) segments: Gauge,
    pub(crate) bytes: Gauge,
    pub(crate) replayed_frames: Counter,
    pub(crate) torn_tails: Counter,
    pub(crate) skipped_bytes: Counter,
}

impl JournalMetrics {
    /// The series of the journal of one signal (`logs`, `metrics`, `traces`).
    pub fn new(registry: &Registry, signal: &str) -> Self {
        let failures = |operation| registry.counter(&table::JOURNAL_FAILURES, [signal, operation]);
        Self {
            appended_bytes: registry.counter(&table::JOURNAL_APPENDED_BYTES, [signal]),
            appended_frames: registry.counter(&table::JOURNAL_APPENDED_FRAMES, [signal]),
            sync_duration: registry.histogram(&table::JOURNAL_FSYNC_DURATION, [signal]),
            append_failures: failures("append"),
            sync_failures: failures("sync"),
            segments: registry.gauge(&table::JOURNAL_SEGMENTS, [signal]),
            bytes: registry.gauge(&table::JOURNAL_BYTES, [signal]),
            replayed_frames: registry.counter(&table::JOURNAL_REPLAYED_FRAMES, [signal]),
            torn_tails: registry.counter(&table::JOURNAL_TORN_TAILS, [signal]),
            skipped_bytes: registry.counter(&table::JOURNAL_SKIPPED_BYTES, [signal]),
        }
    }
}
