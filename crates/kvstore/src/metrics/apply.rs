//! A batch into the head.

use super::buffer::{Appended, Codec, HotExemplar, histogram_bytes};
use super::head::{State, TenantHead};
use super::report::ApplyReport;
use clew_model::metrics::{Labels, MetricBatch};
use clew_model::{TenantId, UnixMillis};

pub(super) fn apply(state: &mut State, tenant: &TenantId, batch: &MetricBatch) -> ApplyReport {
    let mut report = ApplyReport::default();
    let bound = state.snapshot.manifest().retention_bound;
    if !batch.series.is_empty() {
        let head = state.tenants.entry(tenant.clone()).or_default();
        let numbers = resolve(head, &batch.series, &mut report);
        let mut writer = Writer { head, codec: &mut state.codec, numbers: &numbers, batch, bound, report: &mut report };
        writer.samples();
        writer.histograms();
        writer.exemplars();
    }
    if !batch.metadata.is_empty() {
        let known = state.metadata.entry(tenant.clone()).or_default();
        for metadata in &batch.metadata {
            match known.keep(metadata) {
                Some(is_new) => state.metadata_is_new |= is_new,
                None => report.metadata_dropped += 1,
            }
        }
    }
    report
}

/// The head's numbers of the batch's series. Senders keep their order, so the series after the last one is the guess.
fn resolve(head: &mut TenantHead, series: &[Labels], report: &mut ApplyReport) -> Vec<u32> {
    let mut guess = 0;
    let mut number_of = |labels: &Labels| {
        let (number, is_new) = head.number_of(labels, guess);
        report.series_created += u64::from(is_new);
        guess = number.wrapping_add(1);
        number
    };
    series.iter().map(&mut number_of).collect()
}

struct Writer<'a> {
    head: &'a mut TenantHead,
    codec: &'a mut Codec,
    numbers: &'a [u32],
    batch: &'a MetricBatch,
    bound: UnixMillis,
    report: &'a mut ApplyReport,
}

impl Writer<'_> {
    fn samples(&mut self) {
        let frozen = self.head.frozen.clone();
        for sample in &self.batch.samples {
            let Some(number) = self.number(sample.series, sample.time) else { continue };
            let Some((buffer, end)) = self.head.slot(number) else { continue };
            let before = buffer.heap_bytes();
            let is_late = sample.time < end.time;
            let in_frozen = frozen.as_ref().filter(|_| is_late).and_then(|frozen| frozen.buffer(number));
            let appended = match in_frozen.and_then(|buffer| buffer.value_at(sample.time, self.codec)) {
                Some(known) if known.to_bits() == sample.value.to_bits() => Appended::Duplicate,
                Some(_) => Appended::Conflict,
                None => buffer.append(end, sample.time, sample.value, self.codec),
            };
            let grown = buffer.heap_bytes() as i64 - before as i64;
            self.head.active.bytes = self.head.active.bytes.saturating_add_signed(grown);
            self.count(appended, sample.series, sample.time);
        }
    }

    fn histograms(&mut self) {
        let frozen = self.head.frozen.clone();
        for sample in &self.batch.histograms {
            let Some(number) = self.number(sample.series, sample.time) else { continue };
            let Some((buffer, _)) = self.head.slot(number) else { continue };
            let before = buffer.heap_bytes();
            let known = frozen.as_ref().and_then(|frozen| frozen.buffer(number)?.histogram_at(sample.time));
            let appended = match known {
                Some(known) if super::buffer::same_histogram(known, &sample.histogram) => Appended::Duplicate,
                Some(_) => Appended::Conflict,
                None => buffer.append_histogram(sample.time, &sample.histogram),
            };
            let is_new = matches!(appended, Appended::InOrder | Appended::Late);
            let own = if is_new { histogram_bytes(&sample.histogram) } else { 0 };
            self.head.active.bytes += (own + buffer.heap_bytes().saturating_sub(before)) as u64;
            self.count(appended, sample.series, sample.time);
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
            let Some((buffer, _)) = self.head.slot(number) else { continue };
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

    fn count(&mut self, appended: Appended, series: u32, time: UnixMillis) {
        match appended {
            Appended::InOrder | Appended::Late => {
                self.report.appended += 1;
                self.report.late += u64::from(appended == Appended::Late);
                self.head.active.samples += 1;
            }
            Appended::Duplicate => self.report.duplicates += 1,
            Appended::Conflict => {
                self.report.conflicting += 1;
                if self.report.first_conflict.is_none() {
                    let labels = self.batch.series.get(series as usize).cloned().unwrap_or_default();
                    self.report.first_conflict = Some((labels, time));
                }
            }
        }
    }
}
