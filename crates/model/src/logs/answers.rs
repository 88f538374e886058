//! What is asked about log records, and the answers.

use super::filter::LogFilter;
use super::record::LogRecord;
use crate::id::RecordId;
use crate::time::{TimeRange, UnixNanos};

/// The order of rows: by time, records of the same instant by arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// Newest first.
    #[default]
    Descending,
    /// Oldest first.
    Ascending,
}

/// Which records, in which order, how many.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQuery {
    /// The test each record must pass.
    pub filter: LogFilter,
    /// The time it must lie in.
    pub range: TimeRange,
    /// Newest or oldest first.
    pub order: Order,
    /// At most so many rows.
    pub limit: usize,
    /// Only rows that come after this one in the order: the `next` of the page before.
    pub after: Option<RecordId>,
}

/// A record with its ID.
#[derive(Debug, Clone, PartialEq)]
pub struct LogRow {
    /// Where it stands among all records.
    pub id: RecordId,
    /// The record.
    pub record: LogRecord,
}

/// An answer to a [`LogQuery`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogPage {
    /// The rows in the order asked for.
    pub rows: Vec<LogRow>,
    /// Where the next page starts; `None` when these were all.
    pub next: Option<RecordId>,
    /// What the asker must know: damaged parts that were skipped, and so on. Never empty when something is missing.
    pub warnings: Vec<String>,
    /// Why nothing was found, as far as that can be told; empty where something was.
    pub hints: Vec<String>,
}

/// What came in one stretch of arrivals: records with consecutive numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogArrivals {
    /// Those that pass, in the order of arrival; the last of them when there are more than the limit.
    pub rows: Vec<LogRow>,
    /// Records that pass and that the limit left out: all of them came before the rows.
    pub left_out: u64,
    /// Records of the stretch that may not have been looked at, at most; 0 unless the store's cap on rows was met.
    pub unread: u64,
    /// What the asker must know. Never empty when damage hides something.
    pub warnings: Vec<String>,
}

/// How many records of each severity range: unspecified, TRACE, DEBUG, INFO, WARN, ERROR, FATAL.
pub type SeverityCounts = [u64; 7];

/// Counts over time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogHistogram {
    /// Buckets in order of time, all of them, empty ones too.
    pub buckets: Vec<LogHistogramBucket>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// One bucket: records with `start <= time < start + step`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHistogramBucket {
    /// First instant of the bucket.
    pub start: UnixNanos,
    /// Records by severity range.
    pub counts: SeverityCounts,
}

/// A field that occurs among the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldSummary {
    /// Its dotted path; resource attributes start with `resource.`.
    pub name: String,
    /// Records that have it.
    pub records: u64,
    /// Distinct values seen; exact up to the store's cap, `None` beyond it.
    pub distinct: Option<u64>,
    /// Its most frequent values, most frequent first.
    pub top: Vec<ValueCount>,
}

/// The fields that occur among the records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFields {
    /// Most frequent first.
    pub fields: Vec<FieldSummary>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// The values of one field among the records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFieldValues {
    /// The field.
    pub field: FieldSummary,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// A value and how many records have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueCount {
    /// The value's text.
    pub value: String,
    /// Records that have it.
    pub records: u64,
}
