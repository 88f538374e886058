//! Which series there are: what the indexes know of them, without a sample.

use super::meter::Meter;
use super::view::View;
use crate::metrics::head::SharedSeries;
use crate::metrics::index::SeriesIndex;
use crate::metrics::partition::SharedIndex;
use clew_model::metrics::{Labels, SeriesScan, SeriesSet};
use clew_model::{Context, Flow, ReadError, Sink};
use roaring::RoaringBitmap;

/// Series of one index.
struct Selected {
    index: Index,
    numbers: RoaringBitmap,
}

enum Index {
    Head(SharedSeries),
    Partition(SharedIndex),
}

impl Selected {
    fn with<T>(&self, look: impl FnOnce(&SeriesIndex) -> T) -> T {
        match &self.index {
            Index::Head(index) => look(&index.read()),
            Index::Partition(index) => look(&index.read().series),
        }
    }
}

impl SeriesSet for Selected {
    fn label_sets(&self, visit: &mut dyn FnMut(&Labels) -> Result<(), ReadError>) -> Result<(), ReadError> {
        self.with(|index| self.numbers.iter().filter_map(|number| index.labels(number)).try_for_each(visit))
    }

    fn label_names(&self, visit: &mut dyn FnMut(&str) -> Result<(), ReadError>) -> Result<(), ReadError> {
        self.with(|index| index.label_names(&self.numbers).try_for_each(visit))
    }

    fn label_values(&self, name: &str, visit: &mut dyn FnMut(&str) -> Result<(), ReadError>) -> Result<(), ReadError> {
        self.with(|index| index.label_values(name, &self.numbers).try_for_each(visit))
    }
}

impl View<'_> {
    /// The head's index and those of the partitions that the range touches, with the series that match and have samples
    /// there.
    pub(super) fn scan_indexes(
        &self,
        context: &Context,
        scan: &SeriesScan<'_>,
        sink: &dyn Sink<dyn SeriesSet>,
    ) -> Result<(), ReadError> {
        let meter = Meter::new(context, &self.store.options);
        let check = || context.check();
        check()?;
        let range = self.range(scan.range);
        let mut worker = sink.worker();
        let mut take = |index, numbers: RoaringBitmap| -> Result<bool, ReadError> {
            meter.check_series(numbers.len())?;
            let is_over = !numbers.is_empty() && worker.take(&Selected { index, numbers })? == Flow::Stop;
            Ok(is_over)
        };
        if let Some(head) = &self.head {
            let (start, end) = self.partition_range(range);
            let mut selected = head.index.read().select(scan.matchers, &check)?;
            selected.remove_range(head.known..);
            let idle: Vec<u32> = selected.iter().filter(|number| !head.touches(*number, start, end)).collect();
            idle.into_iter().for_each(|number| {
                selected.remove(number);
            });
            if take(Index::Head(SharedSeries::clone(&head.index)), selected)? {
                return worker.merge();
            }
        }
        for (key, partition) in self.partitions(range) {
            check()?;
            let loaded = self.store.indexes.get(&self.snapshot, key, &partition.runs)?;
            loaded.touching(&self.snapshot, range, &context.warnings);
            let present = loaded.runs.iter().fold(RoaringBitmap::new(), |all, (_, header)| all | &header.present);
            let selected = loaded.index.read().series.select(scan.matchers, &check)? & present;
            if take(Index::Partition(loaded.index), selected)? {
                break;
            }
        }
        worker.merge()
    }
}
