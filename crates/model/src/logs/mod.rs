//! Log records, the filter that selects them, and how queries read a log store: views, scans, batches.

mod answers;
mod batch;
mod fields;
mod filter;
mod record;
mod rows_view;
mod scan;
mod severity;
mod tokens;

pub use answers::{
    FieldSummary, LogArrivals, LogFieldValues, LogFields, LogHistogram, LogHistogramBucket, LogPage, LogQuery, LogRow,
    Order, SeverityCounts, ValueCount,
};
pub use batch::{Codes, Dictionary, FieldValue, FieldValues, LogBatch, LogField, counts_of_severities, severity_range};
pub use fields::{CONTAINER_FIELDS, WellKnown, well_known};
pub use filter::{Comparison, FieldTest, LogFilter, Pattern, TextTest};
pub use record::LogRecord;
pub use rows_view::{LISTED_WELL_KNOWN, RowsView};
pub use scan::{LogReader, LogScan, LogSink, LogView, ScanReport};
pub use severity::Severity;
pub use tokens::{contains_phrase, tokens};
