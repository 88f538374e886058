//! Compaction: the runs of a partition become one, with big blocks.

use super::report::CompactionReport;
use super::run::{
    RunHeader, SeriesSamples, exemplar_chunks, read_exemplars, scan_series, write_exemplars, write_head, write_known,
    write_series,
};
use super::store::{MetricStore, MetricStoreOptions};
use crate::engine::{Manifest, PartitionKey, Run, RunSpan, RunWriter, Snapshot};
use crate::error::KvError;
use crate::limits::COMPACT_RATIO;
use clew_columns::metrics::{Effort, SampleDecoder, SampleEncoder, StoredExemplar};
use clew_model::UnixMillis;
use clew_model::metrics::Labels;
use roaring::RoaringBitmap;
use std::sync::Arc;

impl MetricStore {
    /// Merges runs where there are enough of them: in a tenant's newest partition
    /// [`super::MetricStoreOptions::compact_runs`] of about equal size, in older ones any two. One partition at a time;
    /// reading and applying go on, sealing waits. A partition with a damaged run stays as it is, and the report says so.
    ///
    /// # Errors
    /// The engine cannot read or write; partitions that were merged before stay merged.
    pub fn compact(&self) -> Result<CompactionReport, KvError> {
        let mut report = CompactionReport::default();
        let snapshot = self.state.read().snapshot.clone();
        for key in snapshot.manifest().partitions.keys() {
            let _maintenance = self.maintenance.lock();
            let snapshot = self.state.read().snapshot.clone();
            let from = first_to_merge(snapshot.manifest(), key, &self.options);
            let runs = snapshot.manifest().partitions.get(key).map_or(&[][..], |partition| &partition.runs);
            let is_whole = runs.iter().all(|run| snapshot.set_aside(run).is_none());
            if let Some(from) = from.filter(|_| is_whole) {
                match self.merge_runs(&snapshot, key, from, &mut report) {
                    Err(error) if error.is_damage() => report.damage = Some(error.to_string()),
                    merged => merged?,
                }
            }
        }
        Ok(report)
    }

    fn merge_runs(
        &self,
        snapshot: &Snapshot,
        key: &PartitionKey,
        from: usize,
        report: &mut CompactionReport,
    ) -> Result<(), KvError> {
        let Some(partition) = snapshot.manifest().partitions.get(key) else { return Ok(()) };
        let runs = partition.runs.get(from..).unwrap_or_default();
        let loaded = self.indexes.get(snapshot, key, &partition.runs)?;
        if let Some(run) = loaded.damaged.first() {
            return Err(
                snapshot.blame(run, KvError::inconsistent(format!("run {}", run.generation), "it is set aside"))
            );
        }
        let headers: Vec<Arc<RunHeader>> =
            loaded.runs.get(from..).unwrap_or_default().iter().map(|(_, header)| Arc::clone(header)).collect();
        let first_new = headers.iter().map(|header| header.first_new).min().unwrap_or_default();
        let exemplars = gather_exemplars(snapshot, runs, &headers)?;
        let present = headers.iter().fold(RoaringBitmap::new(), |all, header| all | &header.present);
        let (new, known): (Vec<Labels>, Vec<Labels>) = {
            let index = loaded.index.read();
            let known = present.range(..first_new).filter_map(|number| index.series.labels(number).cloned());
            (index.series.all_labels().iter().skip(first_new as usize).cloned().collect(), known.collect())
        };
        let header =
            RunHeader { first_new, new: new.len() as u32, present, exemplar_chunks: exemplar_chunks(&exemplars) };
        let mut samples = 0;
        let mut edit = self.engine.edit();
        let merged = edit.write_run(key, |writer| {
            write_head(writer, &header, &new)?;
            samples = merge_series(writer, snapshot, runs, &headers, &header.present)?;
            write_exemplars(writer, &exemplars, &self.rules)?;
            write_known(writer, &known)?;
            let min_time = runs.iter().map(|run| run.min_time).min().unwrap_or(key.start);
            let max_time = runs.iter().map(|run| run.max_time).max().unwrap_or(key.start);
            Ok(RunSpan { min_time, max_time, rows: samples })
        })?;
        report.partitions += 1;
        report.runs += runs.len() as u64;
        report.bytes_before += runs.iter().map(|run| run.bytes).sum::<u64>();
        report.bytes_after += merged.bytes;
        report.samples += samples;
        let replaced: Vec<u64> = runs.iter().map(|run| run.generation).collect();
        edit.replace_runs(key, &replaced, merged);
        let published = edit.commit()?;
        self.state.write().snapshot = published;
        Ok(())
    }
}

/// The first of the trailing runs of a partition that should be merged, if enough of them should.
fn first_to_merge(manifest: &Manifest, key: &PartitionKey, options: &MetricStoreOptions) -> Option<usize> {
    let runs = &manifest.partitions.get(key)?.runs;
    let mut later = manifest.partitions.range(key..).skip(1);
    let is_newest = later.next().is_none_or(|(next, _)| next.tenant != key.tenant);
    let enough = if is_newest { options.compact_runs.max(2) } else { 2 };
    let mut after = 0u64;
    let mut from = runs.len();
    for (at, run) in runs.iter().enumerate().rev() {
        let together = after.saturating_add(run.bytes);
        if (after > 0 && run.bytes > after.saturating_mul(COMPACT_RATIO)) || together > options.max_run_bytes {
            break;
        }
        after = together;
        from = at;
    }
    (runs.len() - from >= enough).then_some(from)
}

/// Merges series by series, in order of numbers; only one series is in memory at a time.
fn merge_series(
    writer: &mut RunWriter<'_>,
    snapshot: &Snapshot,
    runs: &[Run],
    headers: &[Arc<RunHeader>],
    present: &RoaringBitmap,
) -> Result<u64, KvError> {
    let bound = snapshot.manifest().retention_bound;
    let mut sources = Vec::with_capacity(runs.len());
    for run in runs {
        sources.push(scan_series(snapshot, run, 0, u32::MAX)?);
    }
    let (mut encoder, mut decoder) = (SampleEncoder::default(), SampleDecoder::default());
    let (mut merged, mut value) = (SeriesSamples::default(), Vec::new());
    let mut count = 0;
    for number in present {
        merged.clear();
        for ((source, header), run) in sources.iter_mut().zip(headers).zip(runs) {
            if !header.present.contains(number) {
                continue;
            }
            let found = source.next().transpose()?.filter(|(found, _)| *found == number);
            let (_, bytes) = found.ok_or_else(|| {
                KvError::inconsistent(format!("run {}", run.generation), format!("series {number} is not there"))
            })?;
            let before = (merged.times.len(), merged.histograms.len());
            merged.decode(&bytes, bound, UnixMillis::MAX, &mut decoder)?;
            merged.settle(before);
        }
        count += merged.count();
        value.clear();
        merged.encode(&mut value, &mut encoder, Effort::Best);
        write_series(writer, number, &value)?;
    }
    Ok(count)
}

fn gather_exemplars(
    snapshot: &Snapshot,
    runs: &[Run],
    headers: &[Arc<RunHeader>],
) -> Result<Vec<StoredExemplar>, KvError> {
    let mut exemplars: Vec<StoredExemplar> = Vec::new();
    for (run, header) in runs.iter().zip(headers) {
        for chunk in 0..header.exemplar_chunks {
            exemplars.extend(read_exemplars(snapshot, run, chunk)?);
        }
    }
    exemplars.sort_by(|one, other| (one.time, one.series, &one.labels).cmp(&(other.time, other.series, &other.labels)));
    exemplars.dedup();
    Ok(exemplars)
}
