//! Exemplars, by series or by the IDs they carry.

use super::meter::Meter;
use crate::metrics::buffer::HotExemplar;
use crate::metrics::head::TenantHead;
use crate::metrics::run::{exemplars_may_carry, id_hash, read_exemplars};
use crate::metrics::store::MetricStore;
use clew_model::metrics::{ExemplarRow, Labels, Matcher};
use clew_model::{CanonicalId, Context, ReadError, TimeRange, UnixMillis};
use roaring::RoaringBitmap;

/// What an exemplar takes in memory beside its label bytes.
const ROW_BYTES: u64 = 96;

/// Which exemplars are wanted.
enum Wanted<'a> {
    OfSeries(&'a [Matcher]),
    Carrying(&'a [CanonicalId], Vec<u64>),
}

impl MetricStore {
    pub(super) fn find_exemplars(
        &self,
        context: &Context,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<ExemplarRow>, ReadError> {
        self.gather_exemplars(context, &Wanted::OfSeries(matchers), range)
    }

    pub(super) fn find_exemplars_by_id(
        &self,
        context: &Context,
        ids: &[CanonicalId],
        range: TimeRange,
        limit: usize,
    ) -> Result<(Vec<ExemplarRow>, bool), ReadError> {
        let hashes = ids.iter().map(id_hash).collect();
        let mut rows = self.gather_exemplars(context, &Wanted::Carrying(ids, hashes), range)?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Ok((rows, has_more))
    }

    fn gather_exemplars(
        &self,
        context: &Context,
        wanted: &Wanted<'_>,
        range: TimeRange,
    ) -> Result<Vec<ExemplarRow>, ReadError> {
        let mut rows = Rows { rows: Vec::new(), meter: Meter::new(context, &self.options) };
        let snapshot = {
            let state = self.state.read();
            if let Some(head) = state.tenants.get(&context.tenant) {
                let start = range.start_millis().max(state.snapshot.manifest().retention_bound);
                self.hot_exemplars(head, wanted, (start, range.end_millis()), &mut rows)?;
            }
            state.snapshot.clone()
        };
        let manifest = snapshot.manifest();
        let (start, end) = (range.start_millis().max(manifest.retention_bound), range.end_millis());
        for (key, partition) in manifest.overlapping(&context.tenant, start, end) {
            let loaded = self.indexes.get(&snapshot, key, &partition.runs)?;
            let selected = match wanted {
                Wanted::OfSeries(matchers) => Some(loaded.index.read().series.select(matchers, &|| context.check())?),
                Wanted::Carrying(..) => None,
            };
            let runs = partition.runs.iter().zip(&loaded.headers);
            for (run, header) in runs.filter(|(run, _)| run.min_time <= end && start <= run.max_time) {
                for chunk in 0..header.exemplar_chunks {
                    context.check()?;
                    if let Wanted::Carrying(_, hashes) = wanted
                        && !exemplars_may_carry(&snapshot, run, chunk, hashes)?
                    {
                        continue;
                    }
                    let list = read_exemplars(&snapshot, run, chunk)?;
                    let index = loaded.index.read();
                    for stored in list {
                        let Some(series) = index.series.labels(stored.series) else { continue };
                        let is_selected = selected.as_ref().is_none_or(|selected| selected.contains(stored.series));
                        if is_selected && (start..=end).contains(&stored.time) && self.carries(wanted, &stored.labels) {
                            rows.add(series, stored.time, stored.value, &stored.labels)?;
                        }
                    }
                }
            }
        }
        Ok(rows.finish())
    }

    fn hot_exemplars(
        &self,
        head: &TenantHead,
        wanted: &Wanted<'_>,
        (start, end): (UnixMillis, UnixMillis),
        rows: &mut Rows<'_>,
    ) -> Result<(), ReadError> {
        let selected = match wanted {
            Wanted::OfSeries(matchers) => Some(head.index.select(matchers, &|| rows.meter.check())?),
            Wanted::Carrying(..) => None,
        };
        for generation in head.frozen.as_deref().into_iter().chain([&head.active]) {
            let with: RoaringBitmap = match &selected {
                Some(selected) => selected & &generation.with_exemplars,
                None => generation.with_exemplars.clone(),
            };
            for number in with {
                let (Some(series), Some(buffer)) = (head.index.labels(number), generation.buffer(number)) else {
                    continue;
                };
                for HotExemplar { time, value, labels } in buffer.exemplars() {
                    if (start..=end).contains(time) && self.carries(wanted, labels) {
                        rows.add(series, *time, *value, labels)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn carries(&self, wanted: &Wanted<'_>, labels: &Labels) -> bool {
        let Wanted::Carrying(ids, _) = wanted else { return true };
        let mut carries = false;
        self.rules.visit_exemplar(labels, &mut |carried| carries |= ids.contains(&carried.id));
        carries
    }
}

struct Rows<'a> {
    rows: Vec<ExemplarRow>,
    meter: Meter<'a>,
}

impl Rows<'_> {
    fn add(&mut self, series: &Labels, time: UnixMillis, value: f64, labels: &Labels) -> Result<(), ReadError> {
        self.meter.add_bytes(ROW_BYTES + labels.as_bytes().len() as u64)?;
        self.rows.push(ExemplarRow { series: series.clone(), labels: labels.clone(), value, time });
        Ok(())
    }

    /// In order of time; an exemplar that was sent again after it had been sealed counts once.
    fn finish(mut self) -> Vec<ExemplarRow> {
        self.rows.sort_by(|one, other| {
            let order = one.time.cmp(&other.time).then_with(|| one.series.cmp(&other.series));
            order.then_with(|| one.labels.cmp(&other.labels))
        });
        self.rows.dedup_by(|one, other| {
            let values = one.value.to_bits() == other.value.to_bits();
            values && (one.time, &one.series, &one.labels) == (other.time, &other.series, &other.labels)
        });
        self.rows
    }
}
