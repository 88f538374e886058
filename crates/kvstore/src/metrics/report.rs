//! What the store's operations answer.

use super::buffer::Appended;
use super::head::SharedSeries;
use clew_model::UnixMillis;
use clew_model::metrics::Labels;

/// What became of a batch.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ApplyReport {
    /// The batch's position was sealed or applied before; nothing was done.
    pub replayed: bool,
    /// Samples and histograms that were written.
    pub appended: u64,
    /// Of those, how many were older than the newest sample of their series.
    pub late: u64,
    /// Not written: the series has the same value at that time.
    pub duplicates: u64,
    /// Not written: the series has another value at that time, which stays.
    pub conflicting: u64,
    /// One of the conflicting ones.
    pub first_conflict: Option<(Labels, UnixMillis)>,
    /// Not written: older than retention reaches.
    pub too_old: u64,
    /// Series that were not in the head before.
    pub series_created: u64,
    /// Exemplars that were written.
    pub exemplars: u64,
    /// Families whose metadata was not kept, since the tenant has [`crate::limits::MAX_METADATA_FAMILIES`].
    pub metadata_dropped: u64,
}

impl ApplyReport {
    /// Counts what became of a sample; answers how many there are more of.
    pub(super) fn count(&mut self, index: &SharedSeries, appended: Appended, number: u32, time: UnixMillis) -> u64 {
        match appended {
            Appended::InOrder | Appended::Late => {
                self.appended += 1;
                self.late += u64::from(appended == Appended::Late);
                return 1;
            }
            Appended::Duplicate => self.duplicates += 1,
            Appended::Conflict => {
                self.conflicting += 1;
                if self.first_conflict.is_none() {
                    let labels = index.read().labels(number).cloned().unwrap_or_default();
                    self.first_conflict = Some((labels, time));
                }
            }
        }
        0
    }

    /// Adds what became of other samples of the batch.
    pub(super) fn add_samples(&mut self, other: Self) {
        self.appended += other.appended;
        self.late += other.late;
        self.duplicates += other.duplicates;
        self.conflicting += other.conflicting;
        self.first_conflict = self.first_conflict.take().or(other.first_conflict);
        self.too_old += other.too_old;
    }
}

/// What a seal wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealReport {
    /// Everything up to here is sealed; the journal may be trimmed.
    pub position: u64,
    /// Series with samples, counted once per partition.
    pub series: u64,
    /// Samples and histograms.
    pub samples: u64,
    /// Partitions written to.
    pub partitions: u64,
    /// Bytes of keys and values.
    pub bytes: u64,
    /// Samples not written, since retention passed them meanwhile.
    pub too_old: u64,
}

/// What a compaction did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompactionReport {
    /// Partitions in which runs were merged.
    pub partitions: u64,
    /// Runs that were merged.
    pub runs: u64,
    /// Bytes of the runs before.
    pub bytes_before: u64,
    /// Bytes of the runs that replaced them.
    pub bytes_after: u64,
    /// Samples in the merged runs.
    pub samples: u64,
    /// Why a partition could not be merged that is damaged; the others were.
    pub damage: Option<String>,
}

/// What retention dropped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionReport {
    /// Partitions dropped whole.
    pub partitions: u64,
    /// Runs dropped, those of whole partitions among them.
    pub runs: u64,
    /// Bytes on disk they had.
    pub bytes: u64,
    /// Samples older than this do not exist any more and are not accepted, in milliseconds.
    pub bound: UnixMillis,
}

/// What is not sealed yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HotStats {
    /// Series in the head.
    pub series: u64,
    /// Samples and histograms in the head, those being sealed included.
    pub samples: u64,
    /// About how many bytes the head's samples take, those being sealed included.
    pub sample_bytes: u64,
    /// About how many bytes the head's labels and postings take.
    pub index_bytes: u64,
    /// The last position applied.
    pub applied_position: u64,
    /// The last position sealed.
    pub sealed_position: u64,
}
