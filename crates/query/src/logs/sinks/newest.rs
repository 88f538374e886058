//! The first so many records in an order: pages of a search, and the records that carry an ID.

use super::held::Held;
use super::{locked, unlocked};
use clew_model::logs::{LogBatch, LogFilter, LogPage, LogQuery, LogRow, LogScan, LogSink, LogView, Order};
use clew_model::{CanonicalId, Context, Flow, ReadError, RecordId, RowSet, Sink, SinkWorker, TimeRange, UnixNanos};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

/// The records that pass, in order, up to the limit.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn search(context: &Context, view: &dyn LogView, query: &LogQuery) -> Result<LogPage, ReadError> {
    let scan = LogScan::new(&query.filter, query.range);
    first(context, view, scan, query.order, query.limit, query.after)
}

/// Records that carry one of the IDs as trace ID, span ID, or the value of an attribute or resource attribute whose last
/// name is a correlation field or that looks like an ID; oldest first, at most `limit`, with `next` set when there are
/// more.
///
/// # Errors
/// As [`search`].
pub fn find_ids(
    context: &Context,
    view: &dyn LogView,
    ids: &[CanonicalId],
    range: TimeRange,
    limit: usize,
) -> Result<LogPage, ReadError> {
    let scan = LogScan { ids: Some(ids), ..LogScan::new(&LogFilter::All, range) };
    first(context, view, scan, Order::Ascending, limit, None)
}

fn first(
    context: &Context,
    view: &dyn LogView,
    scan: LogScan<'_>,
    order: Order,
    limit: usize,
    after: Option<RecordId>,
) -> Result<LogPage, ReadError> {
    if limit == 0 {
        return Ok(LogPage::default());
    }
    // What lies before the page is not looked at.
    let range = match (after, order) {
        (Some(after), Order::Descending) => TimeRange::new(scan.range.start, scan.range.end.min(after.time)),
        (Some(after), Order::Ascending) => TimeRange::new(scan.range.start.max(after.time), scan.range.end),
        (None, _) => scan.range,
    };
    let ask = Ask { context, order, limit, after };
    let first = FirstRows { ask, bound: AtomicI64::new(i64::MIN), rows: Mutex::default() };
    let report = view.scan(context, &LogScan { range, order: Some(order), ..scan }, &first)?;
    let mut rows: Vec<LogRow> = unlocked(first.rows).into_values().map(|held| held.row).collect();
    if order == Order::Descending {
        rows.reverse();
    }
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().map(|row| row.id).filter(|_| more);
    Ok(LogPage { rows, next, warnings: report.warnings, hints: Vec::new() })
}

#[derive(Debug, Clone, Copy)]
struct Ask<'a> {
    context: &'a Context,
    order: Order,
    limit: usize,
    after: Option<RecordId>,
}

impl Ask<'_> {
    /// One more than the limit, so that a next page is known.
    fn most(&self) -> usize {
        self.limit.saturating_add(1)
    }

    fn comes_before(&self, a: RecordId, b: RecordId) -> bool {
        match self.order {
            Order::Descending => a > b,
            Order::Ascending => a < b,
        }
    }

    /// Grows towards what comes first.
    fn rank(&self, time: UnixNanos) -> i64 {
        match self.order {
            Order::Descending => time,
            Order::Ascending => !time,
        }
    }

    /// The row that goes first when a better one comes, if there are as many as are wanted.
    fn worst(&self, rows: &BTreeMap<RecordId, Held>) -> Option<RecordId> {
        let worst = match self.order {
            Order::Descending => rows.keys().next(),
            Order::Ascending => rows.keys().next_back(),
        };
        worst.copied().filter(|_| rows.len() >= self.most())
    }

    fn insert(&self, rows: &mut BTreeMap<RecordId, Held>, held: Held) {
        rows.insert(held.row.id, held);
        if rows.len() > self.most()
            && let Some(worst) = self.worst(rows)
        {
            rows.remove(&worst);
        }
    }
}

/// The first rows in the order.
struct FirstRows<'a> {
    ask: Ask<'a>,
    /// Some worker has as many rows as are wanted, of this rank and higher ones: lower ones matter no more.
    bound: AtomicI64,
    rows: Mutex<BTreeMap<RecordId, Held>>,
}

impl Sink<dyn LogBatch> for FirstRows<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn LogBatch> + '_> {
        Box::new(Worker { sink: self, rows: BTreeMap::new() })
    }
}

impl LogSink for FirstRows<'_> {
    fn wants(&self, bound: UnixNanos) -> bool {
        self.ask.rank(bound) >= self.bound.load(Ordering::Relaxed)
    }
}

struct Worker<'a> {
    sink: &'a FirstRows<'a>,
    rows: BTreeMap<RecordId, Held>,
}

impl Worker<'_> {
    /// Of the selected rows, those that would be among the first.
    fn first_of(&self, batch: &dyn LogBatch) -> Result<RowSet, ReadError> {
        let ask = &self.sink.ask;
        let (times, numbers) = (batch.times()?, batch.numbers()?);
        let bound = self.sink.bound.load(Ordering::Relaxed);
        let worst = ask.worst(&self.rows);
        let mut ids: Vec<(RecordId, usize)> = Vec::new();
        for row in batch.selected().iter() {
            let (Some(time), Some(number)) = (times.get(row), numbers.get(row)) else { continue };
            let id = RecordId { time: *time, number: *number };
            let on_page = ask.after.is_none_or(|after| ask.comes_before(after, id));
            if on_page && ask.rank(*time) >= bound && worst.is_none_or(|worst| ask.comes_before(id, worst)) {
                ids.push((id, row));
            }
        }
        ids.sort_unstable();
        if ask.order == Order::Descending {
            ids.reverse();
        }
        let mut wanted = RowSet::none(batch.selected().block_rows());
        ids.iter().take(ask.most()).for_each(|(_, row)| wanted.insert(*row));
        Ok(wanted)
    }
}

impl SinkWorker<dyn LogBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn LogBatch) -> Result<Flow, ReadError> {
        let wanted = self.first_of(batch)?;
        if wanted.is_empty() {
            return Ok(Flow::Continue);
        }
        let ask = self.sink.ask;
        for row in batch.records(&wanted)? {
            ask.insert(&mut self.rows, Held::new(ask.context, row)?);
        }
        if let Some(worst) = ask.worst(&self.rows) {
            self.sink.bound.fetch_max(ask.rank(worst.time), Ordering::Relaxed);
        }
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut rows = locked(&self.sink.rows);
        self.rows.into_values().for_each(|held| self.sink.ask.insert(&mut rows, held));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{context, rows, view, views};
    use super::*;

    fn expected(all: &[LogRow], query: &LogQuery) -> Vec<RecordId> {
        let passes = |row: &&LogRow| query.range.contains(row.id.time) && query.filter.matches(&row.record);
        let mut ids: Vec<RecordId> = all.iter().filter(passes).map(|row| row.id).collect();
        ids.sort_unstable();
        if query.order == Order::Descending {
            ids.reverse();
        }
        ids
    }

    #[test]
    fn pages_give_every_record_once_in_order() {
        for (all, view) in views() {
            for order in [Order::Ascending, Order::Descending] {
                let filter = LogFilter::SeverityBetween(5, 20);
                let range = TimeRange::new(20, 4_000);
                let mut query = LogQuery { filter, range, order, limit: 7, after: None };
                let wanted = expected(&all, &query);
                let mut found = Vec::new();
                loop {
                    let page = search(&context(), &view, &query).unwrap();
                    assert!(page.rows.len() == query.limit || page.next.is_none());
                    found.extend(page.rows.iter().map(|row| row.id));
                    query.after = page.next;
                    if page.next.is_none() {
                        break;
                    }
                }
                assert_eq!(found, wanted);
            }
        }
    }

    #[test]
    fn a_batch_that_cannot_be_among_the_first_is_not_asked_for() {
        let view = view(vec![rows(0..50, 0), rows(50..100, 1_000)]);
        let query =
            LogQuery { filter: LogFilter::All, range: TimeRange::ALL, order: Order::Descending, limit: 5, after: None };
        let ask = Ask { context: &context(), order: query.order, limit: 5, after: None };
        let sink = FirstRows { ask, bound: AtomicI64::new(i64::MIN), rows: Mutex::default() };
        let scan = LogScan { order: Some(query.order), ..LogScan::new(&query.filter, query.range) };
        assert_eq!(view.scan(&context(), &scan, &sink).unwrap().rows, 50);
    }

    #[test]
    fn rows_that_do_not_fit_the_memory_of_a_question_end_it() {
        let small = Context::new(std::time::Duration::from_secs(1), 2_000);
        let query =
            LogQuery { filter: LogFilter::All, range: TimeRange::ALL, order: Order::Ascending, limit: 90, after: None };
        let error = search(&small, &view(vec![rows(0..100, 0)]), &query).unwrap_err();
        assert_eq!(error.kind, clew_model::ErrorKind::LimitExceeded);
        assert_eq!(small.memory.used(), 0);
    }

    #[test]
    fn records_are_found_by_what_they_carry() {
        for (all, view) in views() {
            let ids = [CanonicalId::new("task:3").unwrap(), CanonicalId::new(&"07".repeat(16)).unwrap()];
            let found = find_ids(&context(), &view, &ids, TimeRange::ALL, 1_000).unwrap();
            let carries = |row: &&LogRow| {
                let task = row.record.attributes.iter().any(|own| own.value.display_text() == "task:3");
                task || row.record.trace_id == Some(clew_model::TraceId([7; 16]))
            };
            let mut wanted: Vec<RecordId> = all.iter().filter(carries).map(|row| row.id).collect();
            wanted.sort_unstable();
            assert!(!wanted.is_empty());
            assert_eq!(found.rows.iter().map(|row| row.id).collect::<Vec<_>>(), wanted);
        }
    }
}
