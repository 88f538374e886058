//! Which series there are, and which labels and values they have.

use super::held::Held;
use crate::locks::{locked, unlocked};
use clew_model::metrics::{Labels, Matcher, MetricView, SeriesScan, SeriesSet};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker, TimeRange};
use std::collections::BTreeSet;
use std::sync::Mutex;

/// What an entry of an answer takes beside its text.
const ENTRY_BYTES: u64 = 64;

/// Label sets of the series that pass all matchers and have data in a partition that the range touches.
///
/// # Errors
/// Cancelled, out of time or memory, more series than a query may read, or a store that cannot be read.
pub fn series(
    context: &Context,
    view: &dyn MetricView,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<BTreeSet<Labels>, ReadError> {
    // Label sets are shared with the store: a set takes its place in the answer.
    distinct(context, view, matchers, range, &|set, found| set.label_sets(&mut |labels| found.add(labels, |_| 0)))
}

/// Names of the labels of those series.
///
/// # Errors
/// As [`series`].
pub fn label_names(
    context: &Context,
    view: &dyn MetricView,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<BTreeSet<String>, ReadError> {
    distinct(context, view, matchers, range, &|set, found| set.label_names(&mut |name| found.add_text(name)))
}

/// Values of one label among those series.
///
/// # Errors
/// As [`series`].
pub fn label_values(
    context: &Context,
    view: &dyn MetricView,
    name: &str,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<BTreeSet<String>, ReadError> {
    distinct(context, view, matchers, range, &|set, found| set.label_values(name, &mut |value| found.add_text(value)))
}

/// Looks at some of the series.
type Look<'l, T> = dyn for<'c> Fn(&dyn SeriesSet, &mut Found<'c, T>) -> Result<(), ReadError> + Sync + 'l;

fn distinct<T: Ord + Send>(
    context: &Context,
    view: &dyn MetricView,
    matchers: &[Matcher],
    range: TimeRange,
    look: &Look<'_, T>,
) -> Result<BTreeSet<T>, ReadError> {
    let sink = Distinct { context, look, found: Mutex::new(Found::new(context)) };
    view.scan_series(context, &SeriesScan { matchers, range }, &sink)?;
    Ok(unlocked(sink.found).entries)
}

struct Found<'c, T> {
    entries: BTreeSet<T>,
    memory: Held<'c>,
}

impl<'c, T: Ord> Found<'c, T> {
    fn new(context: &'c Context) -> Self {
        Self { entries: BTreeSet::new(), memory: Held::new(context) }
    }

    fn add(&mut self, entry: &T, bytes: impl Fn(&T) -> u64) -> Result<(), ReadError>
    where
        T: Clone,
    {
        if !self.entries.contains(entry) {
            self.memory.add(ENTRY_BYTES + bytes(entry))?;
            self.entries.insert(entry.clone());
        }
        Ok(())
    }
}

impl Found<'_, String> {
    fn add_text(&mut self, text: &str) -> Result<(), ReadError> {
        if !self.entries.contains(text) {
            self.memory.add(ENTRY_BYTES + text.len() as u64)?;
            self.entries.insert(text.to_owned());
        }
        Ok(())
    }
}

struct Distinct<'s, 'c, T> {
    context: &'c Context,
    look: &'s Look<'s, T>,
    found: Mutex<Found<'c, T>>,
}

impl<T: Ord + Send> Sink<dyn SeriesSet> for Distinct<'_, '_, T> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SeriesSet> + '_> {
        Box::new(Worker { sink: self, found: Found::new(self.context) })
    }
}

struct Worker<'s, 'c, T> {
    sink: &'s Distinct<'s, 'c, T>,
    found: Found<'c, T>,
}

impl<T: Ord + Send> SinkWorker<dyn SeriesSet> for Worker<'_, '_, T> {
    fn take(&mut self, batch: &dyn SeriesSet) -> Result<Flow, ReadError> {
        (self.sink.look)(batch, &mut self.found)?;
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut found = locked(&self.sink.found);
        found.entries.extend(self.found.entries);
        found.memory.append(self.found.memory);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fake, context, labels};
    use super::*;
    use clew_model::ErrorKind;
    use clew_model::metrics::MatchOp;

    #[test]
    fn each_series_name_and_value_is_listed_once_and_only_of_what_matches() {
        let all = [labels("a", "1"), labels("b", "2"), labels("a", "1"), labels("a", "3")];
        let view = Fake::new(all.iter().map(|labels| (labels.clone(), Vec::new())).collect());
        let (context, range) = (context(), TimeRange::ALL);
        assert!(
            series(&context, &view, &[], range).unwrap().into_iter().eq([&all[0], &all[3], &all[1]].map(Clone::clone))
        );
        assert!(label_names(&context, &view, &[], range).unwrap().into_iter().eq(["__name__", "i"]));
        let of_a = [Matcher::new("__name__", MatchOp::Equal, "a").unwrap()];
        assert!(label_values(&context, &view, "i", &of_a, range).unwrap().into_iter().eq(["1", "3"]));
        assert!(label_values(&context, &view, "none", &of_a, range).unwrap().is_empty());
        let small = Context::new(std::time::Duration::from_secs(1), 100);
        assert_eq!(series(&small, &view, &[], range).unwrap_err().kind, ErrorKind::LimitExceeded);
    }
}
