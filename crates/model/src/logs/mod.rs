//! Log records, the filter that selects them, and how queries read a log store: views, scans, batches.

mod answers;
mod batch;
mod fields;
mod filter;
mod names;
mod record;
mod rows_view;
mod scan;
mod severity;
mod terminal;
mod tokens;

pub use answers::{
    FieldSummary, LogArrivals, LogFieldValues, LogFields, LogHistogram, LogHistogramBucket, LogPage, LogQuery, LogRow,
    Order, SeverityCounts, ValueCount,
};
pub use batch::{Codes, Dictionary, FieldValue, FieldValues, LogBatch, LogField, counts_of_severities, severity_range};
pub use fields::{
    CONTAINER_FIELDS, LISTED_WELL_KNOWN, any_in_body, counted, counted_level, inside_message, says_levels, visit_body,
};
pub use filter::{Comparison, FieldTest, IsTest, LogFilter, Pattern, TextTest};
pub use names::{WellKnown, ranked, well_known};
pub use record::LogRecord;
pub use rows_view::RowsView;
pub use scan::{LogReader, LogScan, LogSink, LogView, ScanReport};
pub use severity::{Said, Severity};
pub use terminal::{has_escapes, plain_text, visit_pieces};
pub use tokens::{contains_phrase, is_unspaced, tokens};
