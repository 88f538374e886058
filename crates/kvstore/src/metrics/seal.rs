//! Sealing: the head's samples become runs of the partitions their times belong to.

use super::head::{Generation, State, TenantHead};
use super::report::SealReport;
use super::run::{RunHeader, SeriesSamples, exemplar_chunks, write_exemplars, write_head, write_known, write_series};
use super::store::MetricStore;
use crate::engine::{Edit, PartitionKey, RunSpan};
use crate::error::KvError;
use crate::limits::HEAD_CHUNK_SERIES;
use clew_columns::metrics::{Effort, SampleDecoder, SampleEncoder, StoredExemplar};
use clew_model::metrics::{Labels, SeriesKey};
use clew_model::{TenantId, UnixMillis};
use hashbrown::HashMap;
use parking_lot::RwLockWriteGuard;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What goes into one partition.
#[derive(Default)]
struct Share {
    series: Vec<(Labels, Vec<u8>)>,
    exemplars: Vec<(Labels, StoredExemplar)>,
    span: Option<(UnixMillis, UnixMillis)>,
    samples: u64,
}

impl MetricStore {
    /// Seals everything that was applied when it begins, while applying and reading go on, and publishes it together
    /// with the journal position it reaches to. What a failed seal set aside is sealed by the next one.
    ///
    /// # Errors
    /// The engine cannot write; what was sealed before and what is in the head stay as they were.
    pub fn seal(&self) -> Result<SealReport, KvError> {
        let _maintenance = self.maintenance.lock();
        let mut report = SealReport::default();
        if self.state.read().frozen_position.is_some() {
            self.seal_frozen(&mut report)?;
        }
        self.freeze();
        self.seal_frozen(&mut report)?;
        Ok(report)
    }

    fn freeze(&self) {
        let mut state = self.state.write();
        state.frozen_position = Some(state.applied_position);
        state.tenants.values_mut().for_each(super::head::TenantHead::freeze);
    }

    fn seal_frozen(&self, report: &mut SealReport) -> Result<(), KvError> {
        let (position, tenants, metadata) = {
            let mut state = self.state.write();
            let frozen = |(tenant, head): (&TenantId, &super::head::TenantHead)| {
                head.frozen.clone().filter(|frozen| !frozen.is_empty()).map(|frozen| (tenant.clone(), frozen))
            };
            let tenants: Vec<_> = state.tenants.iter().filter_map(frozen).collect();
            let position = state.frozen_position.unwrap_or(state.applied_position);
            (position, tenants, Self::take_new_metadata(&mut state))
        };
        report.position = position;
        let is_known = self.sealed_position() == position;
        if !(tenants.is_empty() && metadata.is_none() && is_known) {
            let has_metadata = metadata.is_some();
            let sealed = self.write_frozen(position, tenants, metadata, report);
            if sealed.is_err() {
                self.state.write().metadata_is_new |= has_metadata;
            }
            return sealed;
        }
        let mut state = self.state.write();
        state.frozen_position = None;
        self.thaw(state);
        Ok(())
    }

    fn write_frozen(
        &self,
        position: u64,
        tenants: Vec<(TenantId, Arc<Generation>)>,
        metadata: Option<(&'static str, Vec<u8>)>,
        report: &mut SealReport,
    ) -> Result<(), KvError> {
        let mut edit = self.engine.edit();
        for (tenant, frozen) in tenants {
            let shares = self.share_out(&mut edit, &tenant, &frozen, report)?;
            drop(frozen);
            for (key, share) in shares {
                self.write_share(&mut edit, &key, share, report)?;
            }
        }
        if let Some((key, value)) = metadata {
            edit.set_meta_value(key, value);
        }
        edit.set_sealed_position(position);
        let published = edit.commit()?;
        // One step for readers: the runs appear where the frozen samples vanish.
        let mut state = self.state.write();
        state.snapshot = published;
        state.frozen_position = None;
        self.thaw(state);
        Ok(())
    }

    /// Forgets the frozen samples and the series that ended.
    fn thaw(&self, mut state: RwLockWriteGuard<'_, State>) {
        let many = self.options.max_series / 2;
        // While new series are refused, every place counts.
        let is_full = !self.has_room(1);
        let crowded = self.taken.take_crowded();
        let thaw = |(tenant, head): (&TenantId, &mut TenantHead)| head.thaw(many, is_full || crowded.contains(tenant));
        let sealed: Vec<_> = state.tenants.iter_mut().filter_map(thaw).collect();
        self.taken.update(&state);
        drop(state);
        // A million buffers take a while to free: not while others wait.
        drop(sealed);
    }

    /// Encodes the frozen samples of a tenant, by partition.
    fn share_out(
        &self,
        edit: &mut Edit<'_>,
        tenant: &TenantId,
        frozen: &Generation,
        report: &mut SealReport,
    ) -> Result<BTreeMap<PartitionKey, Share>, KvError> {
        let bound = edit.manifest().retention_bound;
        let mut shares = BTreeMap::new();
        let (mut encoder, mut decoder) = (SampleEncoder::default(), SampleDecoder::default());
        let mut samples = SeriesSamples::default();
        let mut cutter = Cutter { place: None, part: SeriesSamples::default() };
        for (at, buffers) in frozen.chunks().enumerate() {
            let labels = self.head_labels(tenant, at * HEAD_CHUNK_SERIES, buffers.len());
            for (buffer, labels) in buffers.iter().zip(labels).filter(|(buffer, _)| !buffer.is_empty()) {
                samples.clear();
                let SeriesSamples { times, values, histograms, .. } = &mut samples;
                buffer.read(bound, UnixMillis::MAX, &mut decoder, times, values, histograms)?;
                if let Some(starts) = buffer.starts() {
                    samples.note_starts((0, 0), starts);
                }
                report.too_old += buffer.samples().saturating_sub(samples.count());
                cutter.cut(edit, tenant, &samples, &mut |key, part| {
                    let mut value = Vec::new();
                    part.encode(&mut value, &mut encoder, Effort::Fast);
                    let share: &mut Share = shares.entry(key.clone()).or_default();
                    share.add(labels.clone(), value, part);
                });
                for exemplar in buffer.exemplars().iter().filter(|exemplar| exemplar.time >= bound) {
                    let (key, _) = edit.partition_of(tenant, exemplar.time);
                    let (time, value) = (exemplar.time, exemplar.value);
                    let stored = StoredExemplar { series: 0, time, value, labels: exemplar.labels.clone() };
                    shares.entry(key).or_default().add_exemplar(labels.clone(), stored);
                }
            }
        }
        Ok(shares)
    }

    /// Labels of the head's series from a number on. Numbers stay as they are while there are frozen samples.
    fn head_labels(&self, tenant: &TenantId, from: usize, count: usize) -> Vec<Labels> {
        let state = self.state.read();
        let Some(head) = state.tenants.get(tenant) else { return Vec::new() };
        head.index.read().all_labels().iter().skip(from).take(count).cloned().collect()
    }

    fn write_share(
        &self,
        edit: &mut Edit<'_>,
        key: &PartitionKey,
        share: Share,
        report: &mut SealReport,
    ) -> Result<(), KvError> {
        let snapshot = self.state.read().snapshot.clone();
        let runs = snapshot.manifest().partitions.get(key).map(|partition| partition.runs.clone()).unwrap_or_default();
        let shared = self.indexes.get_to_extend(&snapshot, key, &runs)?;
        let mut numbers = Numbers { known: shared.read().series.len() as u32, new: HashMap::new(), order: Vec::new() };
        let mut series: Vec<(u32, Vec<u8>)> = Vec::with_capacity(share.series.len());
        let mut exemplars = Vec::with_capacity(share.exemplars.len());
        let mut known = Vec::new();
        {
            let index = shared.read();
            let mut guess = 0;
            for (labels, value) in share.series {
                let number = match index.series.find_labels(&labels, guess) {
                    Some(number) => {
                        known.push((number, labels));
                        number
                    }
                    None => numbers.number_of(labels),
                };
                guess = number.wrapping_add(1);
                series.push((number, value));
            }
            for (labels, mut exemplar) in share.exemplars {
                exemplar.series =
                    index.series.find(SeriesKey::of(&labels)).unwrap_or_else(|| numbers.number_of(labels));
                exemplars.push(exemplar);
            }
        }
        series.sort_unstable_by_key(|(number, _)| *number);
        known.sort_unstable_by_key(|(number, _)| *number);
        let known: Vec<Labels> = known.into_iter().map(|(_, labels)| labels).collect();
        exemplars.sort_by_key(|exemplar: &StoredExemplar| exemplar.time);
        let header = RunHeader {
            first_new: numbers.known,
            new: numbers.order.len() as u32,
            present: series.iter().map(|(number, _)| *number).collect(),
            exemplar_chunks: exemplar_chunks(&exemplars),
        };
        let (min_time, max_time) = share.span.unwrap_or((key.start, key.start));
        let run = edit.write_run(key, |writer| {
            write_head(writer, &header, &numbers.order)?;
            for (number, value) in &series {
                write_series(writer, *number, value)?;
            }
            write_exemplars(writer, &exemplars, &self.rules)?;
            write_known(writer, &known)?;
            Ok(RunSpan { min_time, max_time, rows: share.samples })
        })?;
        report.series += series.len() as u64;
        report.samples += share.samples;
        report.partitions += 1;
        report.bytes += run.bytes;
        edit.add_run(key, run);
        Ok(())
    }
}

impl Share {
    fn add(&mut self, labels: Labels, value: Vec<u8>, part: &SeriesSamples) {
        self.samples += part.count();
        if let Some((first, last)) = part.span() {
            self.widen(first);
            self.widen(last);
        }
        self.series.push((labels, value));
    }

    fn add_exemplar(&mut self, labels: Labels, exemplar: StoredExemplar) {
        self.widen(exemplar.time);
        self.exemplars.push((labels, exemplar));
    }

    fn widen(&mut self, time: UnixMillis) {
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
    }
}

/// Numbers for series that a partition does not have yet.
struct Numbers {
    known: u32,
    new: HashMap<Labels, u32>,
    order: Vec<Labels>,
}

impl Numbers {
    fn number_of(&mut self, labels: Labels) -> u32 {
        let next = self.known + self.order.len() as u32;
        *self.new.entry(labels).or_insert_with_key(|labels| {
            self.order.push(labels.clone());
            next
        })
    }
}

/// Cuts a series at the bounds of partitions.
struct Cutter {
    /// The partition of the sample before: most series lie in the same one.
    place: Option<(PartitionKey, UnixMillis)>,
    part: SeriesSamples,
}

impl Cutter {
    fn cut(
        &mut self,
        edit: &mut Edit<'_>,
        tenant: &TenantId,
        samples: &SeriesSamples,
        each: &mut dyn FnMut(&PartitionKey, &SeriesSamples),
    ) {
        let (mut float, mut histogram) = (0, 0);
        loop {
            let next_float = samples.times.get(float).copied();
            let next_histogram = samples.histograms.get(histogram).map(|(time, _)| *time);
            let Some(time) = next_float.into_iter().chain(next_histogram).min() else { return };
            let is_here = |place: &&(PartitionKey, UnixMillis)| place.0.start <= time && time < place.1;
            let (key, end) = match self.place.as_ref().filter(is_here) {
                Some(place) => place.clone(),
                None => edit.partition_of(tenant, time),
            };
            let rest_times = samples.times.get(float..).unwrap_or_default();
            let floats = rest_times.partition_point(|time| *time < end);
            let rest_histograms = samples.histograms.get(histogram..).unwrap_or_default();
            let histograms = rest_histograms.partition_point(|(time, _)| *time < end);
            let values = samples.values.get(float..float + floats).unwrap_or_default();
            self.place = Some((key, end));
            let Some((key, _)) = &self.place else { return };
            if floats == samples.times.len() && histograms == samples.histograms.len() {
                each(key, samples);
                return;
            }
            self.part.clear();
            self.part.times.extend(rest_times.iter().take(floats));
            self.part.values.extend_from_slice(values);
            self.part.histograms.extend(rest_histograms.iter().take(histograms).cloned());
            let starts = samples.starts.get(float..).unwrap_or_default();
            self.part.starts.extend(starts.iter().take(floats));
            let starts = samples.histogram_starts.get(histogram..).unwrap_or_default();
            self.part.histogram_starts.extend(starts.iter().take(histograms));
            each(key, &self.part);
            if floats + histograms == 0 {
                // A time at the very end of what can be expressed belongs to no partition.
                return;
            }
            (float, histogram) = (float + floats, histogram + histograms);
        }
    }
}
