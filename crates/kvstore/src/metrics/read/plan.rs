//! What a scan of samples reads: the series that match, each once, with its number in every place where it may have
//! samples.

use super::meter::{Holder, Meter};
use super::view::View;
use crate::engine::Run;
use crate::metrics::head::SharedSeries;
use crate::metrics::partition::SharedIndex;
use crate::metrics::run::RunHeader;
use clew_model::ReadError;
use clew_model::metrics::{Labels, Matcher};
use hashbrown::HashMap;
use std::sync::Arc;

/// A series is not there.
pub(super) const NOWHERE: u32 = u32::MAX;

/// The series of a scan by their *place*: first those of the head, then those that only partitions have.
pub(super) struct Plan<'a> {
    /// Places.
    pub(super) series: usize,
    /// The head's numbers, by place; those after its end are not in the head.
    pub(super) head: Vec<u32>,
    /// Oldest first.
    pub(super) partitions: Vec<PartitionPlan<'a>>,
    _memory: Holder<'a>,
}

/// What is read of one partition.
pub(super) struct PartitionPlan<'a> {
    pub(super) index: SharedIndex,
    /// Runs that the range touches, oldest first.
    pub(super) runs: Vec<(&'a Run, Arc<RunHeader>)>,
    /// The partition's numbers, by place; [`NOWHERE`], or after the end, for a series that it does not have.
    pub(super) numbers: Vec<u32>,
}

impl<'a> Plan<'a> {
    pub(super) fn make(
        view: &'a View<'_>,
        matchers: &[Matcher],
        (start, end): (i64, i64),
        meter: &Meter<'a>,
    ) -> Result<Self, ReadError> {
        let mut memory = meter.holder();
        let check = || meter.check();
        let nobody = SharedSeries::default();
        let mut head = Vec::new();
        if let Some(view) = &view.head {
            let selected = view.index.read().select(matchers, &check)?;
            head.extend(selected.iter().take_while(|number| *number < view.known));
        }
        meter.check_series(head.len() as u64)?;
        let mut places = Places { series: head.len(), head: &head, others: HashMap::new(), guess: 0 };
        let mut partitions = Vec::new();
        for (key, partition) in view.partitions((start, end)) {
            meter.check()?;
            let loaded = view.store.indexes.get(&view.snapshot, key, &partition.runs)?;
            let runs = loaded.touching(&view.snapshot, (start, end), meter.warnings());
            if runs.is_empty() {
                continue;
            }
            let mut numbers = vec![NOWHERE; places.series];
            {
                let index = loaded.index.read();
                let selected = index.series.select(matchers, &check)?;
                meter.check_series(selected.len())?;
                let head_index = view.head.as_ref().map_or(&nobody, |head| &head.index);
                index.link(head_index, &selected, |number, link| {
                    let Some(place) = places.place_of(link, || index.series.labels(number)) else { return Ok(()) };
                    if numbers.len() <= place {
                        numbers.resize(place + 1, NOWHERE);
                    }
                    if let Some(slot) = numbers.get_mut(place) {
                        *slot = number;
                    }
                    Ok(())
                })?;
            }
            meter.check_series(places.series as u64)?;
            partitions.push(PartitionPlan { index: loaded.index, runs, numbers });
            memory.hold((places.series * (partitions.len() + 1) * 4 + places.others.len() * 48) as u64)?;
        }
        let series = places.series;
        Ok(Self { series, head, partitions, _memory: memory })
    }
}

/// Finds the place of a series.
struct Places<'p> {
    series: usize,
    head: &'p [u32],
    /// Of series that the head does not have.
    others: HashMap<Labels, usize>,
    guess: usize,
}

impl Places<'_> {
    fn place_of<'l>(&mut self, link: Option<u32>, labels: impl FnOnce() -> Option<&'l Labels>) -> Option<usize> {
        if let Some(link) = link {
            let is_next = self.head.get(self.guess) == Some(&link);
            let found = if is_next { Ok(self.guess) } else { self.head.binary_search(&link) };
            if let Ok(place) = found {
                self.guess = place + 1;
                return Some(place);
            }
        }
        // Not in the head, or only since the view was taken.
        let labels = labels()?;
        if let Some(place) = self.others.get(labels) {
            return Some(*place);
        }
        let place = self.series;
        self.series += 1;
        self.others.insert(labels.clone(), place);
        Some(place)
    }
}
