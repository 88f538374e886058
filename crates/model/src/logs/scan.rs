//! How a question reads a log store: a view, and scans over it that push batches into a sink.

use super::answers::Order;
use super::batch::LogBatch;
use super::filter::LogFilter;
use crate::context::Context;
use crate::correlation::CanonicalId;
use crate::error::ReadError;
use crate::scan::Sink;
use crate::time::{TimeRange, UnixNanos};
use std::ops::Range;

/// A store that log questions can read.
pub trait LogReader: Send + Sync {
    /// What the store holds of the context's tenant now: one snapshot for a whole question, however many scans it makes.
    fn view(&self, context: &Context) -> Box<dyn LogView>;
}

/// The records of a store at one moment.
pub trait LogView: Send + Sync {
    /// Pushes the records that the scan asks for into the sink, in batches, on several threads where the context's
    /// executor has them. Looks at the context at each block of records.
    ///
    /// # Errors
    /// Cancelled, out of time or memory, a store that cannot be read, or what the sink answers. Damage of a part is no
    /// error: it is skipped, and said in the report.
    fn scan(&self, context: &Context, scan: &LogScan<'_>, sink: &dyn LogSink) -> Result<ScanReport, ReadError>;
}

/// What an asker does with batches of log records.
pub trait LogSink: Sink<dyn LogBatch> {
    /// In a scan with an order, asked before each batch: whether one matters whose records lie at `bound` or later in
    /// the order. After a no nothing more comes.
    fn wants(&self, _bound: UnixNanos) -> bool {
        true
    }
}

/// What a scan asks of a store. Which columns are wanted is not said: a batch decodes those that are asked of it.
#[derive(Debug, Clone)]
pub struct LogScan<'q> {
    /// What a record satisfies; [`LogFilter::matches`] is the definition.
    pub filter: &'q LogFilter,
    /// When it happened.
    pub range: TimeRange,
    /// Only records that carry one of these IDs, as `CorrelationRules::visit_log` says.
    pub ids: Option<&'q [CanonicalId]>,
    /// Records without this field do not matter, whether they come or not: a store may leave out what has none.
    pub field: Option<&'q str>,
    /// Only records with these numbers.
    pub numbers: Range<u64>,
    /// In which order batches come: by the end of their span that the order meets first. In no order where several
    /// threads may take them as they like.
    pub order: Option<Order>,
    /// The scan ends when it has looked at so many rows.
    pub most_rows: u64,
}

impl<'q> LogScan<'q> {
    /// A scan for the records in the range that pass, in no order.
    #[must_use]
    pub fn new(filter: &'q LogFilter, range: TimeRange) -> Self {
        Self { filter, range, ids: None, field: None, numbers: 0..u64::MAX, order: None, most_rows: u64::MAX }
    }
}

/// What a scan did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScanReport {
    /// What the asker must know: damaged parts that were skipped, and so on. Never empty when something is missing.
    pub warnings: Vec<String>,
    /// Rows of the blocks that were looked at. Blocks that an index rules out do not count.
    pub rows: u64,
    /// Of these, rows in the range and with the numbers asked for, whether they pass or not.
    pub within: u64,
    /// Whether the scan ended because it had looked at [`LogScan::most_rows`], and rows were left.
    pub is_cut: bool,
}
