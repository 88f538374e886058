//! Which series, label names and values there are; metadata.

use super::meter::Meter;
use super::select::touches;
use crate::metrics::index::SeriesIndex;
use crate::metrics::store::MetricStore;
use clew_model::metrics::{ExemplarRow, Labels, Matcher, Metadata, MetricReader, SeriesData};
use clew_model::{CanonicalId, Context, ReadError, TimeRange, UnixMillis};
use roaring::RoaringBitmap;
use std::collections::BTreeSet;

impl MetricReader for MetricStore {
    fn select(&self, context: &Context, matchers: &[Matcher], range: TimeRange) -> Result<Vec<SeriesData>, ReadError> {
        self.select_series(context, matchers, range)
    }

    fn series(&self, context: &Context, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        let mut found = BTreeSet::new();
        let mut meter = Meter::new(context, &self.options);
        self.visit_indexes(context, matchers, range, &mut |index, selected| {
            for number in selected {
                let Some(labels) = index.labels(number) else { continue };
                if found.insert(labels.clone()) {
                    meter.add_bytes(64)?;
                    meter.check_series(found.len() as u64)?;
                }
            }
            Ok(())
        })?;
        Ok(found.into_iter().collect())
    }

    fn label_names(&self, context: &Context, matchers: &[Matcher], range: TimeRange) -> Result<Vec<String>, ReadError> {
        let mut found = BTreeSet::new();
        self.visit_indexes(context, matchers, range, &mut |index, selected| {
            index.label_names(selected, &mut found);
            Ok(())
        })?;
        Ok(found.into_iter().collect())
    }

    fn label_values(
        &self,
        context: &Context,
        name: &str,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<String>, ReadError> {
        let mut found = BTreeSet::new();
        self.visit_indexes(context, matchers, range, &mut |index, selected| {
            index.label_values(name, selected, &mut found);
            Ok(())
        })?;
        Ok(found.into_iter().collect())
    }

    fn metadata(&self, context: &Context, metric: Option<&str>) -> Result<Vec<Metadata>, ReadError> {
        context.check()?;
        let state = self.state.read();
        let Some(families) = state.metadata.get(&context.tenant) else { return Ok(Vec::new()) };
        Ok(match metric {
            Some(metric) => families.by_name.get(metric).cloned().into_iter().collect(),
            None => families.by_name.values().cloned().collect(),
        })
    }

    fn exemplars(
        &self,
        context: &Context,
        matchers: &[Matcher],
        range: TimeRange,
    ) -> Result<Vec<ExemplarRow>, ReadError> {
        self.find_exemplars(context, matchers, range)
    }

    fn find_ids(
        &self,
        context: &Context,
        ids: &[CanonicalId],
        range: TimeRange,
        limit: usize,
    ) -> Result<(Vec<ExemplarRow>, bool), ReadError> {
        self.find_exemplars_by_id(context, ids, range, limit)
    }
}

type Visit<'v> = dyn FnMut(&SeriesIndex, &RoaringBitmap) -> Result<(), ReadError> + 'v;

impl MetricStore {
    /// Visits the head's index and those of the partitions that the range touches, with the series that match and have
    /// samples there.
    fn visit_indexes(
        &self,
        context: &Context,
        matchers: &[Matcher],
        range: TimeRange,
        visit: &mut Visit<'_>,
    ) -> Result<(), ReadError> {
        let check = || context.check();
        let (start, end) = (range.start_millis(), range.end_millis());
        let snapshot = {
            let state = self.state.read();
            if let Some(head) = state.tenants.get(&context.tenant) {
                let (start, end) = self.partition_range(&state.snapshot, context, start, end);
                let mut selected = head.index.select(matchers, &check)?;
                let idle: Vec<u32> = selected.iter().filter(|number| !touches(head, *number, start, end)).collect();
                idle.into_iter().for_each(|number| {
                    selected.remove(number);
                });
                visit(&head.index, &selected)?;
            }
            state.snapshot.clone()
        };
        let start = start.max(snapshot.manifest().retention_bound);
        for (key, partition) in snapshot.manifest().overlapping(&context.tenant, start, end) {
            check()?;
            let loaded = self.indexes.get(&snapshot, key, &partition.runs)?;
            let present = loaded.headers.iter().fold(RoaringBitmap::new(), |all, header| all | &header.present);
            let index = loaded.index.read();
            let selected = index.series.select(matchers, &check)? & present;
            visit(&index.series, &selected)?;
        }
        Ok(())
    }

    /// The range widened to the bounds of the partitions it touches.
    fn partition_range(
        &self,
        snapshot: &crate::engine::Snapshot,
        context: &Context,
        start: UnixMillis,
        end: UnixMillis,
    ) -> (UnixMillis, UnixMillis) {
        let manifest = snapshot.manifest();
        let width = self.engine.partition_width();
        let (first, _) = manifest.place(&context.tenant, start, width);
        let (_, after) = manifest.place(&context.tenant, end, width);
        (first.start.max(manifest.retention_bound), after.saturating_sub(1).max(end))
    }
}
