//! The fields that occur, each with its most frequent values.

use super::tally::Tally;
use super::{locked, unlocked};
use crate::limits::{MAX_COUNTED_VALUES_IN_LIST, MAX_LISTED_FIELDS};
use clew_model::logs::{FieldSummary, LogBatch, LogFields, LogFilter, LogScan, LogSink, LogView};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker, TimeRange};
use hashbrown::HashMap;
use std::sync::Mutex;

/// The fields that occur among the records that pass, most frequent first, each with at most `top` values.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn fields(
    context: &Context,
    view: &dyn LogView,
    filter: &LogFilter,
    range: TimeRange,
    top: usize,
) -> Result<LogFields, ReadError> {
    let all = AllFields { context, total: Mutex::default() };
    let report = view.scan(context, &LogScan::new(filter, range), &all)?;
    let total = unlocked(all.total);
    let mut summaries: Vec<FieldSummary> =
        total.into_iter().map(|(name, tally)| tally.summary(name.into(), top)).collect();
    summaries.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.name.cmp(&b.name)));
    summaries.truncate(MAX_LISTED_FIELDS);
    Ok(LogFields { fields: summaries, warnings: report.warnings })
}

type Tallies = HashMap<Box<str>, Tally>;

struct AllFields<'a> {
    context: &'a Context,
    total: Mutex<Tallies>,
}

impl Sink<dyn LogBatch> for AllFields<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn LogBatch> + '_> {
        Box::new(Worker { sink: self, tallies: HashMap::new() })
    }
}

impl LogSink for AllFields<'_> {}

struct Worker<'a> {
    sink: &'a AllFields<'a>,
    tallies: Tallies,
}

impl SinkWorker<dyn LogBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn LogBatch) -> Result<Flow, ReadError> {
        let varied: Vec<Box<str>> =
            self.tallies.iter().filter(|(_, tally)| tally.is_varied()).map(|(name, _)| name.clone()).collect();
        batch.fields(&|name| !varied.iter().any(|own| **own == *name), &mut |field| {
            if !self.tallies.contains_key(field.name()) {
                self.tallies.insert(field.name().into(), Tally::of(MAX_COUNTED_VALUES_IN_LIST));
            }
            let Some(tally) = self.tallies.get_mut(field.name()) else { return Ok(()) };
            if tally.is_varied() {
                tally.records += field.records()?;
                return Ok(());
            }
            tally.add(self.sink.context, |each| field.counts(each).and_then(|()| field.records()))
        })?;
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut total = locked(&self.sink.total);
        for (name, tally) in self.tallies {
            let own = total.entry(name).or_insert_with(|| Tally::of(MAX_COUNTED_VALUES_IN_LIST));
            own.merge(self.sink.context, tally)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{context, views};
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn ids_without_end_are_counted_by_record() {
        let rows = |from: u64| super::super::samples::ids(from..from + 1_000, 0);
        let view = super::super::samples::view((0..40).map(|batch| rows(batch * 1_000)).collect());
        let found = fields(&context(), &view, &LogFilter::All, TimeRange::ALL, 3).unwrap().fields;
        let field = |name: &str| found.iter().find(|field| field.name == name).unwrap();
        assert_eq!((field("request_id").records, field("request_id").distinct), (40_000, None));
        assert_eq!((field("half").records, field("half").distinct), (40_000, Some(2)));
        assert_eq!(field("half").top.iter().map(|own| own.records).collect::<Vec<_>>(), [20_000, 20_000]);
    }

    #[test]
    fn every_field_of_every_record_is_listed_with_its_values() {
        for (all, view) in views() {
            let filter = LogFilter::SeverityBetween(5, 24);
            let mut wanted: BTreeMap<String, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
            for row in all.iter().filter(|row| filter.matches(&row.record)) {
                let mut pairs = BTreeSet::new();
                row.record.visit_listed(&mut |name, text| {
                    pairs.insert((name.to_owned(), text.to_owned()));
                });
                let names: BTreeSet<&String> = pairs.iter().map(|(name, _)| name).collect();
                names.into_iter().for_each(|name| wanted.entry(name.clone()).or_default().0 += 1);
                for (name, value) in pairs {
                    *wanted.entry(name).or_default().1.entry(value).or_default() += 1;
                }
            }
            let found = fields(&context(), &view, &filter, TimeRange::ALL, usize::MAX).unwrap().fields;
            assert!(found.is_sorted_by(|a, b| (b.records, &a.name) <= (a.records, &b.name)));
            let values = |field: &FieldSummary| field.top.iter().map(|own| (own.value.clone(), own.records)).collect();
            let found = found.iter().map(|field| (field.name.clone(), (field.records, values(field))));
            assert_eq!(found.collect::<BTreeMap<_, (u64, BTreeMap<_, _>)>>(), wanted);
        }
    }
}
