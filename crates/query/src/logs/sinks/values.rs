//! The values of one field.

use super::tally::Tally;
use super::{locked, unlocked};
use crate::limits::MAX_COUNTED_VALUES;
use clew_model::logs::{LogBatch, LogFieldValues, LogFilter, LogScan, LogSink, LogView};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker, TimeRange};
use std::sync::Mutex;

/// The most frequent values of one field (by the rules of names) among the records that pass.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn field_values(
    context: &Context,
    view: &dyn LogView,
    name: &str,
    filter: &LogFilter,
    range: TimeRange,
    limit: usize,
) -> Result<LogFieldValues, ReadError> {
    let values = Values { context, name, total: Mutex::new(Tally::of(MAX_COUNTED_VALUES)) };
    let report = view.scan(context, &LogScan { field: Some(name), ..LogScan::new(filter, range) }, &values)?;
    let field = unlocked(values.total).summary(name.to_owned(), limit);
    Ok(LogFieldValues { field, warnings: report.warnings })
}

struct Values<'a> {
    context: &'a Context,
    name: &'a str,
    total: Mutex<Tally>,
}

impl Sink<dyn LogBatch> for Values<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn LogBatch> + '_> {
        Box::new(Worker { sink: self, tally: Tally::of(MAX_COUNTED_VALUES) })
    }
}

impl LogSink for Values<'_> {}

struct Worker<'a> {
    sink: &'a Values<'a>,
    tally: Tally,
}

impl SinkWorker<dyn LogBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn LogBatch) -> Result<Flow, ReadError> {
        self.tally.add(self.sink.context, |each| batch.field_counts(self.sink.name, each))?;
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        locked(&self.sink.total).merge(self.sink.context, self.tally)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{context, views};
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn each_record_counts_once_for_each_of_its_values() {
        for (all, view) in views() {
            for name in ["task_id", "tags", "level", "service", "n", "absent"] {
                let filter = LogFilter::SeverityBetween(1, 24);
                let (mut records, mut counts) = (0, BTreeMap::<String, u64>::new());
                for row in all.iter().filter(|row| filter.matches(&row.record)) {
                    let mut values = BTreeSet::new();
                    row.record.visit_counted(name, &mut |text| {
                        values.insert(text.to_owned());
                    });
                    records += u64::from(!values.is_empty());
                    values.into_iter().for_each(|value| *counts.entry(value).or_default() += 1);
                }
                let found = field_values(&context(), &view, name, &filter, TimeRange::ALL, usize::MAX).unwrap().field;
                assert_eq!((found.records, found.distinct), (records, Some(counts.len() as u64)), "{name}");
                assert!(found.top.is_sorted_by(|a, b| a.records >= b.records));
                let few = field_values(&context(), &view, name, &filter, TimeRange::ALL, 2).unwrap().field;
                assert_eq!(few.top, found.top.iter().take(2).cloned().collect::<Vec<_>>());
                let found = found.top.into_iter().map(|count| (count.value, count.records));
                assert_eq!(found.collect::<BTreeMap<_, _>>(), counts, "{name}");
            }
        }
    }
}
