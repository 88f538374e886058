//! A batch into the head.

use super::buffer::{Appended, Codec, HotExemplar, SeriesEnd, histogram_bytes};
use super::floats::{Added, Append, Common, Floats};
use super::head::{SharedSeries, State, TenantHead};
use super::index::SeriesIndex;
use super::report::ApplyReport;
use clew_columns::frames::metrics::{FrameSeries, MetricFrame};
use clew_model::metrics::{MetricBatch, SeriesKey};
use clew_model::{TenantId, UnixMillis};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The series of a batch in a tenant's head, found by their bytes once for the journal and the head.
#[derive(Debug, Clone, Default)]
pub struct Resolved {
    /// Which table of the tenant the numbers are of: it is made anew when series that ended are forgotten.
    pub table: u64,
    /// By place in the batch.
    pub numbers: Vec<u32>,
    /// Series that were not there yet.
    created: u64,
}

/// A frame that was read from the journal.
#[derive(Debug)]
pub struct JournalFrame {
    /// Where it stands.
    pub position: u64,
    /// What it holds.
    pub frame: MetricFrame,
    /// Whether the store lacks it.
    pub wanted: bool,
}

/// The head's numbers of the series in the frames of a journal, each found once.
#[derive(Debug, Default)]
pub struct FrameLinks {
    series: FrameSeries,
    tenants: BTreeMap<TenantId, (u64, Vec<u32>)>,
}

impl FrameLinks {
    /// Takes in the label sets that are new in a frame; every frame must be given, in the order of the journal.
    pub(super) fn take(&mut self, frame: &MetricFrame) {
        self.series.take(frame);
        if frame.begins {
            self.tenants.clear();
        }
    }

    /// The head's numbers of the series of a frame; those that the head does not have are added.
    pub(super) fn resolve(&mut self, head: &TenantHead, frame: &MetricFrame) -> Resolved {
        let Self { series, tenants } = self;
        let (table, known) = tenants.entry(frame.tenant.clone()).or_default();
        if *table != head.table {
            (*table, *known) = (head.table, Vec::new());
        }
        let most = frame.numbers.iter().max().map_or(0, |most| *most as usize + 1);
        if known.len() < most {
            known.resize(most, UNKNOWN);
        }
        let is_new = |number: &u32| known.get(*number as usize) == Some(&UNKNOWN);
        let new: Vec<u32> = frame.numbers.iter().copied().filter(is_new).collect();
        let keys = new.iter().filter_map(|number| series.key(*number));
        let found = Resolved::of(head.table, &head.index, keys);
        for (number, link) in new.iter().zip(&found.numbers) {
            if let Some(slot) = known.get_mut(*number as usize) {
                *slot = *link;
            }
        }
        let link = |number: &u32| known.get(*number as usize).copied().unwrap_or(UNKNOWN);
        Resolved { numbers: frame.numbers.iter().map(link).collect(), ..found }
    }
}

impl Resolved {
    /// Finds series in the head, or adds them.
    pub(super) fn of<'k>(table: u64, shared: &SharedSeries, keys: impl Iterator<Item = SeriesKey<'k>> + Clone) -> Self {
        let mut numbers = find_all(&shared.read(), keys.clone());
        let missing = numbers.contains(&UNKNOWN);
        let mut created = 0;
        if missing {
            let mut index = shared.write();
            for (number, key) in numbers.iter_mut().zip(keys).filter(|(number, _)| **number == UNKNOWN) {
                // Twice in one batch: the second is known by now.
                *number = index.find(key).unwrap_or_else(|| {
                    created += 1;
                    index.insert(key.to_labels())
                });
            }
        }
        Self { table, numbers, created }
    }

    /// The number of the series at a place of the batch.
    pub(super) fn number(&self, place: u32) -> Option<u32> {
        self.numbers.get(place as usize).copied().filter(|number| *number != UNKNOWN)
    }

    /// Lets the places of a batch be the head's own numbers, those of `other` among them.
    pub(super) fn widen(&mut self, other: &Self) {
        self.table = other.table;
        self.created += other.created;
        let most = other.numbers.iter().copied().filter(|number| *number != UNKNOWN).max();
        let end = most.map_or(0, |most| most.saturating_add(1));
        self.numbers.extend(self.numbers.len() as u32..end);
    }

    /// As [`Resolved::of`], where nothing has to be added and nobody has to be waited for.
    pub(super) fn known<'k>(
        table: u64,
        shared: &SharedSeries,
        keys: impl Iterator<Item = SeriesKey<'k>>,
    ) -> Option<Self> {
        let numbers = find_all(&*shared.try_read()?, keys);
        (!numbers.contains(&UNKNOWN)).then_some(Self { table, numbers, created: 0 })
    }
}

/// The numbers of series, [`UNKNOWN`] for those that are not there. Senders keep their order, so the series after the last
/// one is the guess.
fn find_all<'k>(index: &SeriesIndex, keys: impl Iterator<Item = SeriesKey<'k>>) -> Vec<u32> {
    let mut guess = 0;
    let find = |key| {
        let number = index.find_near(key, guess).unwrap_or(UNKNOWN);
        guess = number.wrapping_add(1);
        number
    };
    keys.map(find).collect()
}

/// Writes a batch whose series are resolved, its float samples by `append`.
pub(super) fn apply(
    state: &mut State,
    tenant: &TenantId,
    batch: &MetricBatch,
    series: &Resolved,
    append: Append,
) -> ApplyReport {
    let mut report = ApplyReport { series_created: series.created, ..ApplyReport::default() };
    let bound = state.snapshot.manifest().retention_bound;
    if !series.numbers.is_empty() {
        let head = state.tenants.entry(tenant.clone()).or_default();
        head.ends.resize(head.index.read().len(), SeriesEnd::NONE);
        let numbers = &series.numbers;
        let mut writer = Writer { head, codec: &mut state.codec, numbers, batch, bound, report: &mut report };
        writer.samples(append);
        writer.histograms();
        writer.starts();
        writer.exemplars();
    }
    if !batch.metadata.is_empty() {
        let known = Arc::make_mut(state.metadata.entry(tenant.clone()).or_default());
        for metadata in &batch.metadata {
            match known.keep(metadata) {
                Some(is_new) => state.metadata_is_new |= is_new,
                None => report.metadata_dropped += 1,
            }
        }
    }
    report
}

/// The number of a series that the head does not have yet.
const UNKNOWN: u32 = u32::MAX;

struct Writer<'a> {
    head: &'a mut TenantHead,
    codec: &'a mut Codec,
    numbers: &'a [u32],
    batch: &'a MetricBatch,
    bound: UnixMillis,
    report: &'a mut ApplyReport,
}

impl Writer<'_> {
    fn samples(&mut self, append: Append) {
        let frozen = self.head.frozen.clone();
        let TenantHead { active, ends, index, .. } = &mut *self.head;
        let known = self.numbers.iter().copied().filter(|number| *number != UNKNOWN);
        let Some(most) = known.max() else { return };
        let floats = Floats {
            chunks: active.chunks_mut(most),
            ends,
            first: 0,
            common: Common { numbers: self.numbers, bound: self.bound, frozen: frozen.as_deref(), index },
        };
        let Added { report, bytes, samples } = append(floats, &self.batch.samples, self.codec);
        active.bytes = active.bytes.saturating_add_signed(bytes);
        active.samples += samples;
        self.report.add_samples(report);
    }

    fn histograms(&mut self) {
        let frozen = self.head.frozen.clone();
        for sample in &self.batch.histograms {
            let Some(number) = self.number(sample.series, sample.time) else { continue };
            let Some(buffer) = self.head.active.buffer_mut(number) else { continue };
            let before = buffer.heap_bytes();
            let known = frozen.as_ref().and_then(|frozen| frozen.buffer(number)?.histogram_at(sample.time));
            let appended = match known {
                Some(known) if super::buffer::same_histogram(known, &sample.histogram) => Appended::Duplicate,
                Some(_) => Appended::Conflict,
                None => buffer.append_histogram(sample.time, &sample.histogram),
            };
            let is_new = matches!(appended, Appended::InOrder | Appended::Late);
            let own = if is_new { histogram_bytes(&sample.histogram) } else { 0 };
            let grown = own + buffer.heap_bytes().saturating_sub(before);
            self.head.active.bytes += grown as u64;
            self.head.active.samples += self.report.count(&self.head.index, appended, number, sample.time);
        }
    }

    /// Start timestamps, of one series after the other, when their samples are there.
    fn starts(&mut self) {
        for starts in self.batch.starts.chunk_by(|one, next| one.series == next.series) {
            let number = starts.first().and_then(|one| self.numbers.get(one.series as usize));
            let Some(buffer) = number.and_then(|number| self.head.active.buffer_mut(*number)) else { continue };
            let before = buffer.heap_bytes();
            buffer.note_starts(starts, self.codec);
            self.head.active.bytes += buffer.heap_bytes().saturating_sub(before) as u64;
        }
    }

    fn exemplars(&mut self) {
        for exemplar in &self.batch.exemplars {
            let Some(number) = self.number(exemplar.series, exemplar.time) else { continue };
            let one = HotExemplar { time: exemplar.time, value: exemplar.value, labels: exemplar.labels.clone() };
            let is_frozen = self.head.frozen.as_ref().and_then(|frozen| frozen.buffer(number));
            if is_frozen.is_some_and(|buffer| buffer.exemplars().contains(&one)) {
                continue;
            }
            let Some(buffer) = self.head.active.buffer_mut(number) else { continue };
            let bytes = one.labels.as_bytes().len() as u64 + 48;
            if buffer.append_exemplar(one) {
                self.report.exemplars += 1;
                self.head.active.bytes += bytes;
                self.head.active.with_exemplars.insert(number);
            }
        }
    }

    /// The head's number of a series of the batch, unless the time is older than retention reaches.
    fn number(&mut self, series: u32, time: UnixMillis) -> Option<u32> {
        if time < self.bound || time == UnixMillis::MIN {
            self.report.too_old += 1;
            return None;
        }
        self.numbers.get(series as usize).copied()
    }
}
