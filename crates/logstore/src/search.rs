//! Searching for rows: the first so many in an order.

use crate::error::LogStoreError;
use crate::store::{LogStore, Snapshot};
use crate::walk::{Visitor, Warnings, rows_in, walk};
use clew_columns::logs::{LogBlock, Need};
use clew_columns::{ColumnsError, RowSet};
use clew_model::logs::{LogPage, LogRow, Order};
use clew_model::{Context, RecordId, Reservation, TimeRange, UnixNanos};
use std::collections::BTreeMap;

/// Which rows of a block pass.
pub(crate) type Passes<'a> = dyn Fn(&LogBlock) -> Result<RowSet, ColumnsError> + 'a;

/// What rows are looked for.
pub(crate) struct Search<'a> {
    pub order: Order,
    pub limit: usize,
    pub after: Option<RecordId>,
    pub need: Need,
    pub passes: &'a Passes<'a>,
}

impl LogStore {
    pub(crate) fn find(
        &self,
        context: &Context,
        range: TimeRange,
        search: &Search<'_>,
    ) -> Result<LogPage, LogStoreError> {
        let snapshot = self.snapshot(&context.tenant, narrowed(range, search));
        if search.limit == 0 {
            return Ok(LogPage::default());
        }
        find_in(&snapshot, context, search)
    }
}

/// The range without what lies before the page.
fn narrowed(range: TimeRange, search: &Search<'_>) -> TimeRange {
    match (search.after, search.order) {
        (Some(after), Order::Descending) => TimeRange::new(range.start, range.end.min(after.time)),
        (Some(after), Order::Ascending) => TimeRange::new(range.start.max(after.time), range.end),
        (None, _) => range,
    }
}

fn find_in(snapshot: &Snapshot, context: &Context, search: &Search<'_>) -> Result<LogPage, LogStoreError> {
    let mut first = FirstRows { search, context, range: snapshot.range, rows: BTreeMap::new() };
    let mut warnings = Warnings::default();
    walk(snapshot, context, search.order, &search.need, &mut warnings, &mut first)?;
    let mut rows: Vec<LogRow> = first.rows.into_values().map(|held| held.row).collect();
    if search.order == Order::Descending {
        rows.reverse();
    }
    let more = rows.len() > search.limit;
    rows.truncate(search.limit);
    let next = rows.last().map(|row| row.id).filter(|_| more);
    Ok(LogPage { rows, next, warnings: warnings.list })
}

struct Held {
    row: LogRow,
    _memory: Reservation,
}

/// The first rows in the order, one more than the limit so that a next page is known.
struct FirstRows<'a> {
    search: &'a Search<'a>,
    context: &'a Context,
    range: TimeRange,
    rows: BTreeMap<RecordId, Held>,
}

impl FirstRows<'_> {
    fn is_full(&self) -> bool {
        self.rows.len() > self.search.limit
    }

    /// The row that goes first when a better one comes.
    fn worst(&self) -> Option<RecordId> {
        match self.search.order {
            Order::Descending => self.rows.keys().next().copied(),
            Order::Ascending => self.rows.keys().next_back().copied(),
        }
    }

    fn comes_before(&self, a: RecordId, b: RecordId) -> bool {
        match self.search.order {
            Order::Descending => a > b,
            Order::Ascending => a < b,
        }
    }

    fn on_page(&self, id: RecordId) -> bool {
        self.search.after.is_none_or(|after| self.comes_before(after, id))
    }

    /// Of the passing rows, those that would be among the first.
    fn first_of(&self, block: &LogBlock, passing: &RowSet) -> Result<RowSet, LogStoreError> {
        let mut ids = Vec::with_capacity(passing.len());
        for row in passing.iter() {
            ids.push((block.record_id(row)?, row));
        }
        let worst = self.worst().filter(|_| self.is_full());
        ids.retain(|(id, _)| self.on_page(*id) && worst.is_none_or(|worst| self.comes_before(*id, worst)));
        ids.sort_unstable();
        if self.search.order == Order::Descending {
            ids.reverse();
        }
        let mut wanted = RowSet::none(passing.block_rows());
        ids.iter().take(self.search.limit.saturating_add(1)).for_each(|(_, row)| wanted.insert(*row));
        Ok(wanted)
    }
}

impl Visitor for FirstRows<'_> {
    fn wants(&self, bound: UnixNanos) -> bool {
        let worst = self.worst().filter(|_| self.is_full());
        worst.is_none_or(|worst| match self.search.order {
            Order::Descending => bound >= worst.time,
            Order::Ascending => bound <= worst.time,
        })
    }

    fn visit(&mut self, block: &LogBlock) -> Result<(), LogStoreError> {
        let mut passing = rows_in(block, &self.range)?;
        if passing.is_empty() {
            return Ok(());
        }
        passing.intersect(&(self.search.passes)(block)?);
        let wanted = self.first_of(block, &passing)?;
        if wanted.is_empty() {
            return Ok(());
        }
        for row in block.decode(&wanted)? {
            let bytes = (row.record.memory_bytes() + size_of::<Held>()) as u64;
            let memory = self.context.memory.reserve(bytes)?;
            self.rows.insert(row.id, Held { row, _memory: memory });
            if self.rows.len() > self.search.limit.saturating_add(1)
                && let Some(worst) = self.worst()
            {
                self.rows.remove(&worst);
            }
        }
        Ok(())
    }
}
