//! What stands around a log record: the records before and after it.

use crate::error::AppError;
use clew_model::logs::{FieldTest, LogFilter, LogQuery, LogReader, LogRow, Order};
use clew_model::{Context, ErrorKind, ReadError, RecordId, TimeRange};

/// Among which records the neighbours are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ContextScope {
    /// Those of the record's service.
    #[default]
    Service,
    /// All.
    All,
}

/// Which record, and how many around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogContextQuery {
    /// The record.
    pub id: RecordId,
    /// Records before it, at most.
    pub before: usize,
    /// Records after it, at most.
    pub after: usize,
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

/// A record with its neighbours; `None` when there is no such record.
///
/// # Errors
/// What the store answers; also when the record is not found while not everything could be read.
pub fn log_context(
    context: &Context,
    logs: &dyn LogReader,
    query: &LogContextQuery,
) -> Result<Option<LogContext>, AppError> {
    let (row, mut warnings) = find(context, logs, query.id)?;
    let Some(row) = row else { return missing(query.id, &warnings) };
    let filter = match query.scope {
        ContextScope::Service => same_service(&row.record.service),
        ContextScope::All => LogFilter::All,
    };
    let mut side = |order, most| neighbours(context, logs, &filter, query.id, order, most, &mut warnings);
    let (mut before, more_before) = side(Order::Descending, query.before)?;
    let (after, more_after) = side(Order::Ascending, query.after)?;
    before.reverse();
    warnings.sort_unstable();
    warnings.dedup();
    Ok(Some(LogContext { row, before, after, more_before, more_after, warnings }))
}

/// The record, and what the asker must know.
fn find(context: &Context, logs: &dyn LogReader, id: RecordId) -> Result<(Option<LogRow>, Vec<String>), AppError> {
    let query = LogQuery {
        filter: LogFilter::All,
        range: TimeRange::new(id.time, id.time),
        order: Order::Ascending,
        limit: 1,
        after: id.number.checked_sub(1).map(|number| RecordId { number, ..id }),
    };
    let page = logs.search(context, &query)?;
    Ok((page.rows.into_iter().find(|row| row.id == id), page.warnings))
}

/// That there is no such record is known only where everything could be read.
fn missing(id: RecordId, warnings: &[String]) -> Result<Option<LogContext>, AppError> {
    if warnings.is_empty() {
        return Ok(None);
    }
    let message = format!("log record {id} may be kept, but cannot be read: {}", warnings.join("; "));
    Err(ReadError::new(ErrorKind::Corrupt, message).into())
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
    logs: &dyn LogReader,
    filter: &LogFilter,
    id: RecordId,
    order: Order,
    most: usize,
    warnings: &mut Vec<String>,
) -> Result<(Vec<LogRow>, bool), AppError> {
    // One row is asked for where none is wanted, to know whether there are more.
    let limit = most.max(1);
    let query = LogQuery { filter: filter.clone(), range: TimeRange::ALL, order, limit, after: Some(id) };
    let mut page = logs.search(context, &query)?;
    let more = page.next.is_some() || page.rows.len() > most;
    page.rows.truncate(most);
    warnings.append(&mut page.warnings);
    Ok((page.rows, more))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::CanonicalId;
    use clew_model::logs::{LogFieldValues, LogFields, LogHistogram, LogPage};
    use std::time::Duration;

    /// A store without records, with these warnings.
    struct Empty(Vec<String>);

    impl LogReader for Empty {
        fn find_ids(&self, _: &Context, _: &[CanonicalId], _: TimeRange, _: usize) -> Result<LogPage, ReadError> {
            unreachable!("no IDs are looked for")
        }

        fn search(&self, _: &Context, _: &LogQuery) -> Result<LogPage, ReadError> {
            Ok(LogPage { warnings: self.0.clone(), ..LogPage::default() })
        }

        fn histogram(&self, _: &Context, _: &LogFilter, _: TimeRange, _: i64) -> Result<LogHistogram, ReadError> {
            unreachable!("no counts are asked for")
        }

        fn fields(&self, _: &Context, _: &LogFilter, _: TimeRange, _: usize) -> Result<LogFields, ReadError> {
            unreachable!("no fields are asked for")
        }

        fn field_values(
            &self,
            _: &Context,
            _: &str,
            _: &LogFilter,
            _: TimeRange,
            _: usize,
        ) -> Result<LogFieldValues, ReadError> {
            unreachable!("no values are asked for")
        }
    }

    #[test]
    fn a_record_that_may_lie_in_a_damaged_part_is_not_called_missing() {
        let context = Context::new(Duration::from_secs(10), 1 << 20);
        let id = RecordId { time: 5, number: 7 };
        let query = LogContextQuery { id, before: 1, after: 1, scope: ContextScope::All };
        assert_eq!(log_context(&context, &Empty(Vec::new()), &query).unwrap(), None);
        let error = log_context(&context, &Empty(vec!["part 3 is damaged".to_owned()]), &query).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("part 3 is damaged"), "{error}");
    }
}
