//! Log records, the filter that selects them, and the trait by which queries read a log store.

mod fields;
mod filter;
mod reader;
mod record;
mod severity;
mod tokens;

pub use fields::{CONTAINER_FIELDS, WellKnown, well_known};
pub use filter::{Comparison, FieldTest, LogFilter, Pattern, TextTest};
pub use reader::{
    FieldSummary, LogArrivals, LogFieldValues, LogFields, LogHistogram, LogHistogramBucket, LogPage, LogQuery,
    LogReader, LogRow, Order, SeverityCounts, ValueCount,
};
pub use record::LogRecord;
pub use severity::Severity;
pub use tokens::{contains_phrase, tokens};
