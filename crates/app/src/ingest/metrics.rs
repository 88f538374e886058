//! Samples on the write path.

use super::admission::SeriesVerdicts;
use crate::error::AppError;
use crate::limits::REPLAY_SAMPLES;
use crate::server::AppOptions;
use crate::signal::{Account, Dropped, Hot, Needed, OnDisk, ReadFrame, Removed, Sealed, SignalStore, StoreError};
use clew_columns::frames::metrics::{MetricFrame, MetricFrameDecoder, MetricFrameEncoder, SeriesNumbers};
use clew_host::Files;
use clew_journal::AppendSlot;
use clew_kvstore::KvError;
use clew_kvstore::metrics::{ApplyReport, FrameLinks, JournalFrame, MetricStore, MetricStoreOptions, Resolved};
use clew_model::metrics::{Exemplar, LabelSets, Metadata, MetricBatch, MetricReader};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::{ErrorKind, SetAside, Signal, TenantId, UnixNanos, UsageByTenant};
use std::path::Path;
use std::sync::Arc;

/// The metric store behind its write path.
pub struct MetricSignal {
    store: Arc<MetricStore>,
}

/// A batch on its way into the journal and the head.
#[derive(Debug)]
pub struct MetricWrite {
    tenant: TenantId,
    batch: MetricBatch,
    /// Its series in the table that journal and head share, once they are found.
    series: Option<Resolved>,
}

/// What the journal of metrics keeps from frame to frame.
pub struct MetricWriter {
    store: Arc<MetricStore>,
    frames: MetricFrameEncoder,
}

/// What replay of the journal of metrics keeps from frame to frame.
#[derive(Default)]
pub struct MetricReplay {
    links: FrameLinks,
    /// Frames that wait, so that many are applied together, series by series.
    frames: Vec<JournalFrame>,
    /// What they hold: samples, and what else takes room.
    weight: usize,
}

impl MetricSignal {
    /// Opens the store below `dir`.
    ///
    /// # Errors
    /// A store that cannot be read, or was written by a newer version.
    pub fn open(files: Arc<dyn Files>, dir: &Path, options: &AppOptions) -> Result<Self, AppError> {
        let defaults = MetricStoreOptions::default();
        let store_options = MetricStoreOptions {
            partition_width: super::partition_width(options.metrics.retention.age) / NANOS_PER_MILLI,
            max_run_bytes: options.step_bytes(&options.metrics),
            max_series: options.max_series,
            query_series: options.query_series.unwrap_or(defaults.query_series),
            query_samples: options.query_samples.unwrap_or(defaults.query_samples),
            cache_bytes: defaults.cache_bytes.min(options.memory.caches / 8),
            index_cache_bytes: defaults.index_cache_bytes.min(options.memory.caches / 2),
            ..defaults
        };
        let store = MetricStore::open(files, &dir.join("store"), store_options, Arc::clone(&options.rules))
            .map_err(|error| AppError::start("open the metric store", error))?;
        Ok(Self { store: Arc::new(store) })
    }

    /// What queries read.
    #[must_use]
    pub fn reader(&self) -> &dyn MetricReader {
        &*self.store
    }

    /// Series that took samples lately.
    #[must_use]
    pub fn active_series(&self) -> u64 {
        self.store.active_series() as u64
    }

    /// Series of a tenant that took samples lately.
    #[must_use]
    pub fn active_series_of(&self, tenant: &TenantId) -> u64 {
        self.store.active_series_of(tenant) as u64
    }

    /// Whether so many series are within the limits of active series, that of their tenant where it has one, even if all of
    /// them are new. Does not block.
    #[must_use]
    pub fn has_room(&self, tenant: &TenantId, limit: Option<usize>, series: usize) -> bool {
        self.store.has_room_of(tenant, limit, series)
    }

    /// Refuses the series of a batch that are new and beyond a limit of active series, that of their tenant where it has one.
    /// Blocks while the store's head is being rebuilt.
    pub fn refuse_beyond_limit(
        &self,
        tenant: &TenantId,
        limit: Option<usize>,
        series: &LabelSets,
        verdicts: &mut SeriesVerdicts,
    ) {
        let beyond = self.store.beyond_limit(tenant, limit, series, |place| verdicts.may_enter(place));
        verdicts.refuse_beyond(series, &beyond, self.store.max_series(), (tenant, limit.unwrap_or_default()));
    }
}

impl From<KvError> for StoreError {
    fn from(error: KvError) -> Self {
        StoreError::new(error.kind(), error)
    }
}

impl SignalStore for MetricSignal {
    const SIGNAL: Signal = Signal::Metrics;
    type Records = MetricBatch;
    type Batch = MetricWrite;
    type Writer = MetricWriter;
    type Decoder = MetricFrameDecoder;
    type Frame = MetricFrame;
    type Replay = MetricReplay;

    fn writer(&self) -> MetricWriter {
        MetricWriter { store: Arc::clone(&self.store), frames: MetricFrameEncoder::default() }
    }

    /// Metadata and exemplars alone are worth a frame too.
    fn count(batch: &MetricBatch) -> u64 {
        (batch.sample_count() + batch.metadata.len() + batch.exemplars.len()) as u64
    }

    fn memory(batch: &MetricBatch) -> usize {
        let histograms: usize = batch
            .histograms
            .iter()
            .map(|sample| 200 + 8 * (sample.histogram.positive_buckets.len() + sample.histogram.negative_buckets.len()))
            .sum();
        batch.series.memory_bytes()
            + histograms
            + std::mem::size_of_val(batch.samples.as_slice())
            + std::mem::size_of_val(batch.starts.as_slice())
            + batch.exemplars.iter().map(|one| size_of::<Exemplar>() + one.labels.as_bytes().len()).sum::<usize>()
            + batch.metadata.iter().map(|one| size_of::<Metadata>() + one.metric.len() + one.help.len()).sum::<usize>()
    }

    /// Frames are differences to those before them, so that only the journal's writer can encode them. Series that the head
    /// has are found here.
    fn encode(&self, tenant: TenantId, batch: MetricBatch) -> Result<MetricWrite, StoreError> {
        let series = self.store.try_resolve(&tenant, &batch.series);
        Ok(MetricWrite { tenant, batch, series })
    }

    fn append(
        MetricWriter { store, frames }: &mut MetricWriter,
        slot: AppendSlot,
        write: &mut MetricWrite,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        if slot.first_in_segment {
            // The segment may be known and empty still: a first frame that failed left its state behind.
            frames.reset();
        }
        let MetricWrite { tenant, batch, series } = write;
        let series = series.get_or_insert_with(|| store.resolve(tenant, &batch.series));
        let numbers = SeriesNumbers { table: series.table, numbers: &series.numbers };
        let encoded = frames.encode(slot.segment.0, tenant, batch, numbers, out);
        encoded.map_err(|error| StoreError::new(ErrorKind::Internal, error))
    }

    fn publish(&self, position: u64, write: &mut MetricWrite) -> Result<Dropped, StoreError> {
        let MetricWrite { tenant, batch, series } = write;
        let series = series.take().unwrap_or_else(|| self.store.resolve(tenant, &batch.series));
        Ok(dropped(self.store.apply_resolved(position, tenant, batch, series)?))
    }

    /// Frames refer to label sets of earlier frames in their segment, so those that are sealed already are read too.
    fn decode(
        decoder: &mut MetricFrameDecoder,
        segment: u64,
        frame: &[u8],
        _needed: Needed,
    ) -> Result<Option<MetricFrame>, StoreError> {
        decoder.decode(segment, frame).map(Some).map_err(|error| StoreError::new(ErrorKind::Corrupt, error))
    }

    fn replay(
        &self,
        replay: &mut MetricReplay,
        ReadFrame { position, frame, needed }: ReadFrame<MetricFrame>,
        account: Account<'_, MetricWrite>,
    ) -> Result<u64, StoreError> {
        if needed.account {
            let MetricFrame { tenant, batch, .. } = &frame;
            account(position, &MetricWrite { tenant: tenant.clone(), batch: batch.clone(), series: None });
        }
        let samples = frame.batch.sample_count();
        // Frames without samples wait too.
        let MetricBatch { series, exemplars, metadata, .. } = &frame.batch;
        let weight = 1 + samples + series.len() + exemplars.len() + metadata.len();
        replay.frames.push(JournalFrame { position, frame, wanted: needed.apply });
        replay.weight = replay.weight.saturating_add(weight);
        if replay.weight >= REPLAY_SAMPLES {
            replay.weight = 0;
            self.store.apply_frames(std::mem::take(&mut replay.frames), &mut replay.links)?;
        }
        Ok(if needed.apply { samples as u64 } else { 0 })
    }

    fn finish_replay(&self, mut replay: MetricReplay) -> Result<(), StoreError> {
        Ok(self.store.apply_frames(replay.frames, &mut replay.links)?)
    }

    fn sealed_position(&self) -> u64 {
        self.store.sealed_position()
    }

    fn kept_from(&self) -> UnixNanos {
        self.store.kept_from().saturating_mul(NANOS_PER_MILLI)
    }

    fn hot(&self) -> Hot {
        let hot = self.store.hot_stats();
        // Frames of exemplars, metadata or repeated samples alone hold the journal too, until a seal covers them.
        let has_frames = hot.applied_position > hot.sealed_position;
        // The index of series stays in memory after a seal: it is no reason for one.
        // But a head that is full of series that ended is: only seals forget them.
        let needs_seal = hot.samples > 0 || has_frames || self.store.is_crowded();
        Hot { records: hot.samples, bytes: hot.sample_bytes, needs_seal }
    }

    fn cached_bytes(&self) -> u64 {
        self.store.cached_bytes()
    }

    fn on_disk(&self) -> OnDisk {
        let sealed = self.store.sealed_stats();
        OnDisk { parts: sealed.runs, records: sealed.rows, bytes: self.store.disk_bytes() }
    }

    fn usage(&self) -> UsageByTenant {
        self.store.usage()
    }

    fn newest(&self) -> Option<UnixNanos> {
        self.store.newest().map(|newest| newest.saturating_mul(NANOS_PER_MILLI))
    }

    fn set_aside(&self) -> Vec<SetAside> {
        self.store.set_aside()
    }

    fn damage_count(&self) -> usize {
        self.store.damage_count()
    }

    fn seal(&self) -> Result<Sealed, StoreError> {
        let report = self.store.seal()?;
        Ok(Sealed { position: report.position, records: report.samples, bytes: report.bytes, parts: report.partitions })
    }

    fn compact(&self) -> Result<bool, StoreError> {
        Ok(self.store.compact()?.runs > 0)
    }

    fn retain(&self, cutoff: UnixNanos, bytes: Option<u64>) -> Result<Removed, StoreError> {
        // The metric store counts milliseconds.
        let report = self.store.retain(cutoff.div_euclid(NANOS_PER_MILLI), bytes)?;
        Ok(Removed { parts: report.runs, bytes: report.bytes })
    }
}

/// What of a batch was not kept.
fn dropped(report: ApplyReport) -> Dropped {
    let conflict = report.first_conflict.map(|(labels, time)| {
        format!(
            "another sample of the same series and time with another value was there first, for example {labels} at \
             {time} ms; the first one stays"
        )
    });
    let reason = match conflict {
        Some(reason) => reason,
        None if report.too_old > 0 => "older than the retention of this signal keeps".to_owned(),
        None => String::new(),
    };
    Dropped { count: report.conflicting.saturating_add(report.too_old), reason }
}
