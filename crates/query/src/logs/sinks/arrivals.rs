//! What came in one stretch of arrivals, whatever the times of the records.

use super::held::Held;
use super::{locked, unlocked};
use crate::limits::MAX_ARRIVAL_ROWS;
use clew_model::logs::{LogArrivals, LogBatch, LogFilter, LogScan, LogSink, LogView, Order};
use clew_model::{Context, Flow, ReadError, RowSet, Sink, SinkWorker, TimeRange};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Mutex;

/// The last `limit` to arrive of the records that pass and whose numbers lie in `numbers`, whatever their times.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn arrivals(
    context: &Context,
    view: &dyn LogView,
    filter: &LogFilter,
    numbers: Range<u64>,
    limit: usize,
) -> Result<LogArrivals, ReadError> {
    among(context, view, filter, numbers, limit, MAX_ARRIVAL_ROWS)
}

/// Looks through no more than about `most` rows.
fn among(
    context: &Context,
    view: &dyn LogView,
    filter: &LogFilter,
    numbers: Range<u64>,
    limit: usize,
    most: u64,
) -> Result<LogArrivals, ReadError> {
    if numbers.is_empty() {
        return Ok(LogArrivals::default());
    }
    let last = LastRows { context, limit, total: Mutex::default() };
    let stretch = numbers.end.saturating_sub(numbers.start);
    let scan = LogScan {
        numbers,
        // Late records are rare: what came last is found soonest among the newest.
        order: Some(Order::Descending),
        most_rows: most,
        ..LogScan::new(filter, TimeRange::ALL)
    };
    let report = view.scan(context, &scan, &last)?;
    let total = unlocked(last.total);
    Ok(LogArrivals {
        left_out: total.matching.saturating_sub(total.rows.len() as u64),
        unread: if report.is_cut { stretch.saturating_sub(report.within) } else { 0 },
        rows: total.rows.into_values().map(|held| held.row).collect(),
        warnings: report.warnings,
    })
}

/// The last rows to arrive, by number.
struct LastRows<'a> {
    context: &'a Context,
    limit: usize,
    total: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    rows: BTreeMap<u64, Held>,
    /// Rows that pass.
    matching: u64,
}

impl Last {
    fn insert(&mut self, held: Held, limit: usize) {
        self.rows.insert(held.row.id.number, held);
        if self.rows.len() > limit {
            self.rows.pop_first();
        }
    }
}

impl Sink<dyn LogBatch> for LastRows<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn LogBatch> + '_> {
        Box::new(Worker { sink: self, last: Last::default() })
    }
}

impl LogSink for LastRows<'_> {}

struct Worker<'a> {
    sink: &'a LastRows<'a>,
    last: Last,
}

impl SinkWorker<dyn LogBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn LogBatch) -> Result<Flow, ReadError> {
        let (selected, numbers) = (batch.selected(), batch.numbers()?);
        let first = self.last.rows.keys().next().filter(|_| self.last.rows.len() >= self.sink.limit);
        let mut wanted = RowSet::none(selected.block_rows());
        let later = |row: &usize| numbers.get(*row).is_some_and(|number| first.is_none_or(|first| number > first));
        selected.iter().filter(later).for_each(|row| wanted.insert(row));
        let rows = if wanted.is_empty() { Vec::new() } else { batch.records(&wanted)? };
        for row in rows {
            self.last.insert(Held::new(self.sink.context, row)?, self.sink.limit);
        }
        self.last.matching += selected.len() as u64;
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut total = locked(&self.sink.total);
        total.matching += self.last.matching;
        self.last.rows.into_values().for_each(|held| total.insert(held, self.sink.limit));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{context, rows, view, views};
    use super::*;

    #[test]
    fn the_last_to_arrive_are_found_whatever_their_times() {
        for (all, view) in views() {
            let filter = LogFilter::SeverityBetween(5, 24);
            for (numbers, limit) in [(0..1_000, 1_000), (30..200, 20), (7..8, 5), (9..9, 5)] {
                let passes = |number: &u64| {
                    let mut own = all.iter().filter(|row| row.id.number == *number);
                    numbers.contains(number) && own.any(|row| filter.matches(&row.record))
                };
                let wanted: Vec<u64> = (0..all.len() as u64).filter(passes).collect();
                let left_out = wanted.len().saturating_sub(limit);
                let found = arrivals(&context(), &view, &filter, numbers.clone(), limit).unwrap();
                let rows: Vec<u64> = found.rows.iter().map(|row| row.id.number).collect();
                assert_eq!(rows, wanted[left_out..]);
                assert_eq!((found.left_out, found.unread), (left_out as u64, 0));
            }
        }
    }

    #[test]
    fn what_the_cap_leaves_unread_is_said() {
        let batch = |first: u64, time| rows(first..first + 512, time);
        // Later ones with earlier times.
        let view = view(vec![batch(0, 30_000), batch(512, 20_000), batch(1_024, 10_000)]);
        let ask = |numbers: Range<u64>, most| among(&context(), &view, &LogFilter::All, numbers, 10_000, most).unwrap();
        let all = ask(0..1_536, 1_536);
        assert_eq!((all.rows.len(), all.left_out, all.unread), (1_536, 0, 0));
        let cut = ask(100..1_536, 600);
        assert_eq!((cut.rows.len(), cut.left_out, cut.unread), (924, 0, 512));
    }
}
