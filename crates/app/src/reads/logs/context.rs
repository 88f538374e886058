//! What stands around a log record: the records before and after it.

use crate::error::AppError;
use crate::limits::{DEFAULT_CONTEXT_ROWS, MAX_CONTEXT_ROWS};
use crate::reads::period::count;
use crate::reads::{About, Plan, Question};
use clew_model::logs::{FieldTest, LogFilter, LogQuery, LogReader, LogRow, LogView, Order};
use clew_model::{Context, ErrorKind, ReadError, RecordId, TimeRange, UnixNanos};
use clew_query::logs::sinks::search;

/// Among which records the neighbours are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContextScope {
    /// Those of the record's service.
    #[default]
    Service,
    /// All.
    All,
}

/// What stands around a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogContextQuery {
    /// The record.
    pub id: RecordId,
    /// Records before it, at most.
    pub before: Option<usize>,
    /// Records after it, at most.
    pub after: Option<usize>,
    /// Among which.
    pub scope: ContextScope,
}

/// A record with its neighbours, all oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct LogContext {
    /// The record.
    pub row: LogRow,
    /// Those before it, the nearest last.
    pub before: Vec<LogRow>,
    /// Those after it, the nearest first.
    pub after: Vec<LogRow>,
    /// Whether there are more before.
    pub more_before: bool,
    /// Whether there are more after.
    pub more_after: bool,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

impl Question for LogContextQuery {
    /// `None` when there is no such record. Damage that may hide it is an error.
    type Answer = Option<LogContext>;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Option<LogContext>>, AppError> {
        let before = count("before", self.before, DEFAULT_CONTEXT_ROWS, 0..=MAX_CONTEXT_ROWS)?;
        let after = count("after", self.after, DEFAULT_CONTEXT_ROWS, 0..=MAX_CONTEXT_ROWS)?;
        let about = About::new("logs_context").text("id", self.id.to_string());
        let plan = Plan::new(about, move |context, stores| around(context, stores.logs, &self, before, after));
        Ok(plan.counting(|found| found.as_ref().map_or(0, |found| found.before.len() + found.after.len() + 1)))
    }
}

/// The record with its neighbours.
fn around(
    context: &Context,
    logs: &dyn LogReader,
    query: &LogContextQuery,
    before: usize,
    after: usize,
) -> Result<Option<LogContext>, AppError> {
    let view = logs.view(context);
    let logs = &*view;
    let (row, mut warnings) = find(context, logs, query.id)?;
    let Some(row) = row else {
        return if warnings.is_empty() { Ok(None) } else { Err(hidden(query.id, &warnings).into()) };
    };
    let filter = match query.scope {
        ContextScope::Service => same_service(&row.record.service),
        ContextScope::All => LogFilter::All,
    };
    let mut side = |order, most| neighbours(context, logs, &filter, query.id, order, most, &mut warnings);
    let (mut before, more_before) = side(Order::Descending, before)?;
    let (after, more_after) = side(Order::Ascending, after)?;
    before.reverse();
    warnings.sort_unstable();
    warnings.dedup();
    Ok(Some(LogContext { row, before, after, more_before, more_after, warnings }))
}

/// The row, and what may hide it.
fn find(context: &Context, logs: &dyn LogView, id: RecordId) -> Result<(Option<LogRow>, Vec<String>), AppError> {
    let query = LogQuery {
        filter: LogFilter::All,
        range: TimeRange::new(id.time, id.time),
        order: Order::Ascending,
        limit: 1,
        after: id.number.checked_sub(1).map(|number| RecordId { number, ..id }),
    };
    let page = search(context, logs, &query)?;
    Ok((page.rows.into_iter().find(|row| row.id == id), page.warnings))
}

fn hidden(id: RecordId, warnings: &[String]) -> ReadError {
    ReadError::new(ErrorKind::Corrupt, format!("the log record {id} cannot be found: {}", warnings.join("; ")))
}

fn same_service(service: &str) -> LogFilter {
    let name = || "service".to_owned();
    if service.is_empty() {
        return LogFilter::Not(Box::new(LogFilter::Field { name: name(), test: FieldTest::Exists }));
    }
    LogFilter::Field { name: name(), test: FieldTest::Equals(service.to_owned()) }
}

/// The nearest rows on one side, the nearest first, and whether there are more.
fn neighbours(
    context: &Context,
    logs: &dyn LogView,
    filter: &LogFilter,
    id: RecordId,
    order: Order,
    most: usize,
    warnings: &mut Vec<String>,
) -> Result<(Vec<LogRow>, bool), AppError> {
    // One row is asked for where none is wanted, to know whether there are more.
    let limit = most.max(1);
    let query = LogQuery { filter: filter.clone(), range: TimeRange::ALL, order, limit, after: Some(id) };
    let mut page = search(context, logs, &query)?;
    let more = page.next.is_some() || page.rows.len() > most;
    page.rows.truncate(most);
    warnings.append(&mut page.warnings);
    Ok((page.rows, more))
}
