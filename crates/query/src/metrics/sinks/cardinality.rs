//! How many series there are of each metric, label and value: what costs how much.

use super::held::Held;
use crate::locks::{locked, unlocked};
use clew_model::metrics::{Labels, METRIC_NAME, Matcher, MetricView, SeriesScan, SeriesSet};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker, TimeRange};
use hashbrown::{HashMap, HashSet};
use std::sync::Mutex;

/// What an entry takes beside its text.
const ENTRY_BYTES: u64 = 64;

/// The counts, each list from the highest count to the lowest, as long as was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// Series.
    pub series: u64,
    /// Different pairs of a label's name and value.
    pub label_pairs: u64,
    /// Series by metric.
    pub by_metric: Vec<(String, u64)>,
    /// Different values by label.
    pub values_by_label: Vec<(String, u64)>,
    /// Bytes of those values by label.
    pub bytes_by_label: Vec<(String, u64)>,
    /// Series by `label=value`.
    pub by_pair: Vec<(String, u64)>,
}

/// Counts the series that pass all matchers and have data in a partition that the range touches.
///
/// # Errors
/// Cancelled, out of time or memory, or a store that cannot be read.
pub fn cardinality(
    context: &Context,
    view: &dyn MetricView,
    matchers: &[Matcher],
    range: TimeRange,
    most: usize,
) -> Result<Cardinality, ReadError> {
    let sink = Counting(Mutex::new(Counts::new(context)));
    view.scan_series(context, &SeriesScan { matchers, range }, &sink)?;
    Ok(unlocked(sink.0).finish(most))
}

struct Counts<'c> {
    /// The same series may come more than once.
    seen: HashSet<Labels>,
    /// Series by label and value.
    pairs: HashMap<String, HashMap<String, u64>>,
    memory: Held<'c>,
}

impl<'c> Counts<'c> {
    fn new(context: &'c Context) -> Self {
        Self { seen: HashSet::new(), pairs: HashMap::new(), memory: Held::new(context) }
    }

    fn add(&mut self, labels: &Labels) -> Result<(), ReadError> {
        if self.seen.contains(labels) {
            return Ok(());
        }
        self.memory.add(ENTRY_BYTES)?;
        self.seen.insert(labels.clone());
        for (name, value) in labels.iter() {
            if !self.pairs.contains_key(name) {
                self.memory.add(ENTRY_BYTES + name.len() as u64)?;
            }
            let values = self.pairs.entry_ref(name).or_default();
            match values.get_mut(value) {
                Some(count) => *count += 1,
                None => {
                    self.memory.add(ENTRY_BYTES + value.len() as u64)?;
                    values.insert(value.to_owned(), 1);
                }
            }
        }
        Ok(())
    }

    fn finish(self, most: usize) -> Cardinality {
        let metrics = self.pairs.get(METRIC_NAME).cloned().unwrap_or_default();
        let labels = || self.pairs.iter();
        let bytes = |values: &HashMap<String, u64>| values.keys().map(|value| value.len() as u64).sum();
        let pairs = labels().flat_map(|(name, values)| values.iter().map(move |(value, count)| (name, value, *count)));
        Cardinality {
            series: self.seen.len() as u64,
            label_pairs: labels().map(|(_, values)| values.len() as u64).sum(),
            by_metric: highest(metrics, most),
            values_by_label: highest(labels().map(|(name, values)| (name.clone(), values.len() as u64)), most),
            bytes_by_label: highest(labels().map(|(name, values)| (name.clone(), bytes(values))), most),
            by_pair: highest(pairs.map(|(name, value, count)| (format!("{name}={value}"), count)), most),
        }
    }
}

fn highest(all: impl IntoIterator<Item = (String, u64)>, most: usize) -> Vec<(String, u64)> {
    let mut all: Vec<(String, u64)> = all.into_iter().collect();
    all.sort_unstable_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    all.truncate(most);
    all
}

struct Counting<'c>(Mutex<Counts<'c>>);

impl Sink<dyn SeriesSet> for Counting<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SeriesSet> + '_> {
        Box::new(CountingWorker(self))
    }
}

struct CountingWorker<'s, 'c>(&'s Counting<'c>);

impl SinkWorker<dyn SeriesSet> for CountingWorker<'_, '_> {
    fn take(&mut self, batch: &dyn SeriesSet) -> Result<Flow, ReadError> {
        let mut counts = locked(&self.0.0);
        batch.label_sets(&mut |labels| counts.add(labels))?;
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        Ok(())
    }
}
