//! What came in one stretch of arrivals, whatever the times of the records.
//!
//! Blocks are sorted by time, so a late record may lie anywhere. Parts that were written before the stretch began are
//! left aside without a look; in the others the numbers are read before anything else.

use crate::error::LogStoreError;
use crate::limits::MAX_ARRIVAL_ROWS;
use crate::store::LogStore;
use crate::walk::{Visitor, Warnings, rows_in, walk};
use clew_columns::RowSet;
use clew_columns::logs::{Evaluator, LogBlock, needs};
use clew_model::logs::{LogArrivals, LogFilter, LogRow, Order};
use clew_model::{Context, Reservation, TimeRange, UnixNanos};
use std::collections::BTreeMap;
use std::ops::Range;

pub(crate) fn find(
    store: &LogStore,
    context: &Context,
    filter: &LogFilter,
    numbers: Range<u64>,
    limit: usize,
) -> Result<LogArrivals, LogStoreError> {
    find_among(store, context, filter, numbers, limit, MAX_ARRIVAL_ROWS)
}

/// Looks through no more than about `most` rows.
fn find_among(
    store: &LogStore,
    context: &Context,
    filter: &LogFilter,
    numbers: Range<u64>,
    limit: usize,
    most: u64,
) -> Result<LogArrivals, LogStoreError> {
    if numbers.is_empty() {
        return Ok(LogArrivals::default());
    }
    let mut snapshot = store.snapshot(&context.tenant, TimeRange::ALL);
    snapshot.parts.retain(|part| part.below > numbers.start);
    let rows = snapshot.parts.iter().map(|part| part.meta.rows).chain(snapshot.hot.iter().map(|hot| hot.rows as u64));
    let in_all = rows.fold(0, u64::saturating_add);
    let mut last = LastRows {
        context,
        evaluator: Evaluator::new(filter),
        range: snapshot.range,
        numbers: numbers.clone(),
        limit,
        most,
        rows: BTreeMap::new(),
        matching: 0,
        in_stretch: 0,
        looked_at: 0,
    };
    let mut warnings = Warnings::default();
    walk(&snapshot, context, Order::Descending, &needs(filter), &mut warnings, &mut last)?;
    // Below the cap every row was looked at, or the index or a warning says why not.
    let is_cut = last.looked_at >= most && last.looked_at < in_all;
    let stretch = numbers.end.saturating_sub(numbers.start);
    Ok(LogArrivals {
        left_out: last.matching.saturating_sub(last.rows.len() as u64),
        unread: if is_cut { stretch.saturating_sub(last.in_stretch) } else { 0 },
        rows: last.rows.into_values().map(|held| held.row).collect(),
        warnings: warnings.list,
    })
}

struct Held {
    row: LogRow,
    _memory: Reservation,
}

/// The last rows to arrive, by number.
struct LastRows<'a> {
    context: &'a Context,
    evaluator: Evaluator<'a>,
    range: TimeRange,
    numbers: Range<u64>,
    limit: usize,
    most: u64,
    rows: BTreeMap<u64, Held>,
    /// Rows of the stretch that pass.
    matching: u64,
    /// Rows of the stretch that were looked at.
    in_stretch: u64,
    looked_at: u64,
}

impl LastRows<'_> {
    /// The rows of the block that came in the stretch.
    fn of_stretch(&self, block: &LogBlock) -> Result<RowSet, LogStoreError> {
        let mut came = RowSet::none(block.rows());
        for row in rows_in(block, &self.range)?.iter() {
            if self.numbers.contains(&block.record_id(row)?.number) {
                came.insert(row);
            }
        }
        Ok(came)
    }

    /// Of the passing rows, those that would be among the last.
    fn last_of(&self, block: &LogBlock, passing: &RowSet) -> Result<RowSet, LogStoreError> {
        let first = self.rows.keys().next().filter(|_| self.rows.len() >= self.limit);
        let mut wanted = RowSet::none(block.rows());
        for row in passing.iter() {
            let number = block.record_id(row)?.number;
            if first.is_none_or(|first| number > *first) {
                wanted.insert(row);
            }
        }
        Ok(wanted)
    }
}

impl Visitor for LastRows<'_> {
    fn wants(&self, _: UnixNanos) -> bool {
        self.looked_at < self.most
    }

    fn visit(&mut self, block: &LogBlock) -> Result<(), LogStoreError> {
        self.looked_at = self.looked_at.saturating_add(block.rows() as u64);
        let came = self.of_stretch(block)?;
        if came.is_empty() {
            return Ok(());
        }
        let mut passing = self.evaluator.evaluate(block)?;
        passing.intersect(&came);
        let wanted = self.last_of(block, &passing)?;
        let decoded = if wanted.is_empty() { Vec::new() } else { block.decode(&wanted)? };
        self.in_stretch = self.in_stretch.saturating_add(came.len() as u64);
        self.matching = self.matching.saturating_add(passing.len() as u64);
        for row in decoded {
            let bytes = (row.record.memory_bytes() + size_of::<Held>()) as u64;
            let memory = self.context.memory.reserve(bytes)?;
            self.rows.insert(row.id.number, Held { row, _memory: memory });
            if self.rows.len() > self.limit {
                self.rows.pop_first();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LogStoreOptions;
    use clew_host::SimFiles;
    use clew_model::TenantId;
    use clew_model::correlation::CorrelationRules;
    use clew_model::logs::LogRecord;
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    /// A store of sealed parts with 512 records each, later ones with earlier times.
    fn store(parts: u64) -> LogStore {
        let rules = Arc::new(CorrelationRules::default());
        let files = Arc::new(SimFiles::new());
        let store = LogStore::open(files, Path::new("logs"), LogStoreOptions::default(), rules).unwrap();
        for part in 0..parts {
            let time = 1_000_000 - part as i64 * 1_000;
            let records = (0..512).map(|n| LogRecord { time: time + n, ..LogRecord::default() });
            store.apply(part + 1, &TenantId::default(), part * 512, records.collect());
            store.seal().unwrap();
        }
        store
    }

    fn ask(store: &LogStore, numbers: Range<u64>, most: u64) -> LogArrivals {
        let context = Context::new(Duration::from_secs(60), 1 << 30);
        find_among(store, &context, &LogFilter::All, numbers, 10_000, most).unwrap()
    }

    #[test]
    fn what_the_cap_leaves_unread_is_said() {
        let store = store(3);
        let all = ask(&store, 0..1_536, 1_536);
        assert_eq!((all.rows.len(), all.left_out, all.unread), (1_536, 0, 0));
        let cut = ask(&store, 100..1_536, 600);
        assert_eq!((cut.rows.len(), cut.left_out, cut.unread), (924, 0, 512));
    }

    #[test]
    fn parts_from_before_the_stretch_are_not_read() {
        let store = store(3);
        // The newest by time come first: without a look at the numbers of parts the cap would be met before the third.
        let found = ask(&store, 1_024..1_536, 512);
        assert_eq!((found.rows.len(), found.unread), (512, 0));
    }
}
