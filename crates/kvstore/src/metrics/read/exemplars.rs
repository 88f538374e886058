//! Exemplars, by series or by the IDs they carry.

use super::view::{HeadView, View};
use crate::metrics::buffer::HotExemplar;
use crate::metrics::run::{exemplars_may_carry, id_hash, read_exemplars};
use clew_model::metrics::{ExemplarRow, ExemplarScan, ExemplarsOf, Labels};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker, TimeRange, UnixMillis};
use roaring::RoaringBitmap;

/// What is asked, with what the lists are looked through for.
struct Wanted<'a> {
    of: ExemplarsOf<'a>,
    /// Of the IDs.
    hashes: Vec<u64>,
}

impl View<'_> {
    pub(super) fn scan_exemplars_of(
        &self,
        context: &Context,
        scan: &ExemplarScan<'_>,
        sink: &dyn Sink<[ExemplarRow]>,
    ) -> Result<(), ReadError> {
        let hashes = match scan.of {
            ExemplarsOf::Series(_) => Vec::new(),
            ExemplarsOf::Carrying(ids) => ids.iter().map(id_hash).collect(),
        };
        let mut worker = sink.worker();
        self.visit_exemplars(context, &Wanted { of: scan.of, hashes }, scan.range, &mut *worker)?;
        worker.merge()
    }

    fn visit_exemplars(
        &self,
        context: &Context,
        wanted: &Wanted<'_>,
        range: TimeRange,
        worker: &mut dyn SinkWorker<[ExemplarRow]>,
    ) -> Result<(), ReadError> {
        context.check()?;
        let (start, end) = self.range(range);
        let mut rows = Vec::new();
        if let Some(head) = &self.head {
            self.hot_exemplars(context, head, wanted, (start, end), &mut rows)?;
            if !rows.is_empty() && worker.take(&rows)? == Flow::Stop {
                return Ok(());
            }
        }
        for (key, partition) in self.partitions((start, end)) {
            let loaded = self.store.indexes.get(&self.snapshot, key, &partition.runs)?;
            let selected = match wanted.of {
                ExemplarsOf::Series(matchers) => {
                    Some(loaded.index.read().series.select(matchers, &|| context.check())?)
                }
                ExemplarsOf::Carrying(_) => None,
            };
            for (run, header) in loaded.touching(&self.snapshot, (start, end), &context.warnings) {
                for chunk in 0..header.exemplar_chunks {
                    context.check()?;
                    if matches!(wanted.of, ExemplarsOf::Carrying(_))
                        && !exemplars_may_carry(&self.snapshot, run, chunk, &wanted.hashes)
                            .map_err(|error| self.snapshot.blame(run, error))?
                    {
                        continue;
                    }
                    let list = read_exemplars(&self.snapshot, run, chunk);
                    let list = list.map_err(|error| self.snapshot.blame(run, error))?;
                    rows.clear();
                    let index = loaded.index.read();
                    for stored in list {
                        let Some(series) = index.series.labels(stored.series) else { continue };
                        let is_selected = selected.as_ref().is_none_or(|selected| selected.contains(stored.series));
                        if is_selected && (start..=end).contains(&stored.time) && self.carries(wanted, &stored.labels) {
                            let (series, labels) = (series.clone(), stored.labels);
                            rows.push(ExemplarRow { series, labels, value: stored.value, time: stored.time });
                        }
                    }
                    drop(index);
                    if !rows.is_empty() && worker.take(&rows)? == Flow::Stop {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }

    fn hot_exemplars(
        &self,
        context: &Context,
        head: &HeadView,
        wanted: &Wanted<'_>,
        (start, end): (UnixMillis, UnixMillis),
        rows: &mut Vec<ExemplarRow>,
    ) -> Result<(), ReadError> {
        let selected = match wanted.of {
            ExemplarsOf::Series(matchers) => Some(head.index.read().select(matchers, &|| context.check())?),
            ExemplarsOf::Carrying(_) => None,
        };
        for generation in head.generations() {
            let with: RoaringBitmap = match &selected {
                Some(selected) => selected & &generation.with_exemplars,
                None => generation.with_exemplars.clone(),
            };
            for number in with {
                let Some(buffer) = generation.buffer(number) else { continue };
                // Writers wait for the index: it is looked at for as short as may be.
                let Some(series) = head.index.read().labels(number).cloned() else { continue };
                for HotExemplar { time, value, labels } in buffer.exemplars() {
                    if (start..=end).contains(time) && self.carries(wanted, labels) {
                        let (series, labels) = (series.clone(), labels.clone());
                        rows.push(ExemplarRow { series, labels, value: *value, time: *time });
                    }
                }
            }
        }
        Ok(())
    }

    fn carries(&self, wanted: &Wanted<'_>, labels: &Labels) -> bool {
        let ExemplarsOf::Carrying(ids) = wanted.of else { return true };
        let mut carries = false;
        self.store.rules.visit_exemplar(labels, &mut |carried| carries |= ids.contains(&carried.id));
        carries
    }
}
