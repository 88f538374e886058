//! What the store's operations answer.

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
    /// Partitions dropped.
    pub partitions: u64,
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
