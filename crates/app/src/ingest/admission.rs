//! Which decided records may enter: limits that do not depend on the wire format.

use crate::limits::{MAX_ATTRIBUTES, MAX_FUTURE, MAX_LABEL_NAME, MAX_LABEL_VALUE, MAX_LABELS, MAX_REASONS};
use crate::signal::Dropped;
use crate::tenants::Tenant;
use clew_codec::error::{Decoded, Reject};
use clew_kvstore::metrics::Beyond;
use clew_model::logs::LogRecord;
use clew_model::metrics::{LabelSets, Labels, MetricBatch};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::traces::Span;
use clew_model::value::Attribute;
use clew_model::{TenantId, UnixNanos, Value};
use std::collections::BTreeMap;

/// Why records were refused, and how many were taken.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IngestOutcome {
    /// Records that are durable and readable.
    pub accepted: u64,
    /// Records that were refused.
    pub rejected: u64,
    /// The first reasons, at most [`MAX_REASONS`].
    pub rejections: Vec<Rejection>,
    /// What the sender should know of records that were taken: the first, at most [`MAX_REASONS`].
    pub warnings: Vec<Rejection>,
    /// How many records that is said of.
    pub warned: u64,
    /// How many of the refused are beyond a limit of their tenant.
    pub beyond_tenant: u64,
    /// How many of those accepted are native histograms.
    pub histograms: u64,
    /// Exemplars that were taken beside them.
    pub exemplars: u64,
}

/// A record that was refused by itself, or taken with a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Which record of the request, from 0.
    pub index: u64,
    /// What is wrong with it, and what would be right.
    pub reason: String,
}

impl IngestOutcome {
    /// The refusals in one line, for answers that carry a single message; empty when there are none.
    #[must_use]
    pub fn message(&self) -> String {
        let mut text = self
            .rejections
            .iter()
            .map(|rejection| format!("record {}: {}", rejection.index, rejection.reason))
            .collect::<Vec<_>>()
            .join("; ");
        let untold = self.rejected.saturating_sub(self.rejections.len() as u64);
        if untold > 0 {
            text.push_str(&format!("; and {untold} more"));
        }
        text
    }

    /// Moves records that the store could not keep from the taken to the refused.
    pub(crate) fn dropped(&mut self, dropped: Dropped) {
        if dropped.count > 0 {
            self.accepted = self.accepted.saturating_sub(dropped.count);
            self.rejected = self.rejected.saturating_add(dropped.count);
            if self.rejections.len() < MAX_REASONS {
                self.rejections.push(Rejection { index: 0, reason: dropped.reason });
            }
        }
    }

    fn reject(&mut self, index: u64, reason: String) {
        self.rejected = self.rejected.saturating_add(1);
        if self.rejections.len() < MAX_REASONS {
            self.rejections.push(Rejection { index, reason });
        }
    }
}

/// The places in the request of the records that the decoder let through.
struct Places {
    next: u64,
    /// Places of those it refused, ascending; it lists the first of them, as many as an answer tells.
    refused: std::iter::Peekable<std::vec::IntoIter<u64>>,
}

impl Places {
    fn beside(outcome: &IngestOutcome) -> Self {
        let mut refused: Vec<u64> = outcome.rejections.iter().map(|rejection| rejection.index).collect();
        refused.sort_unstable();
        refused.dedup();
        Self { next: 0, refused: refused.into_iter().peekable() }
    }

    fn take(&mut self) -> u64 {
        while self.refused.next_if_eq(&self.next).is_some() {
            self.next = self.next.saturating_add(1);
        }
        let place = self.next;
        self.next = self.next.saturating_add(1);
        place
    }
}

/// Which series of a batch may enter, by their place, and why the others may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesVerdicts {
    count: usize,
    refused: BTreeMap<usize, Refused>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Refused {
    reason: String,
    /// Whether it is beyond a limit of its tenant.
    by_tenant: bool,
}

impl SeriesVerdicts {
    /// What the limits of labels say. The labels are looked at only where the most of them are beyond a limit.
    #[must_use]
    pub fn of_labels(series: &LabelSets) -> Self {
        let widest = series.widest();
        let fits = widest.labels <= MAX_LABELS && widest.name <= MAX_LABEL_NAME && widest.value <= MAX_LABEL_VALUE;
        let refused = series.iter().take(if fits { 0 } else { usize::MAX }).enumerate();
        let refused = refused
            .filter_map(|(place, set)| labels(&set).err().map(|reason| (place, Refused { reason, by_tenant: false })));
        Self { count: series.len(), refused: refused.collect() }
    }

    /// Whether the series at this place may enter.
    #[must_use]
    pub fn may_enter(&self, place: usize) -> bool {
        self.verdict(place).is_ok()
    }

    fn verdict(&self, place: usize) -> Result<(), &str> {
        if place >= self.count {
            return Err("unknown series");
        }
        self.refused.get(&place).map_or(Ok(()), |refused| Err(&refused.reason))
    }

    /// Whether a series is refused since it is beyond a limit of its tenant.
    fn is_beyond_tenant(&self, place: usize) -> bool {
        self.refused.get(&place).is_some_and(|refused| refused.by_tenant)
    }

    /// Refuses those that are new and `beyond` the `limit` of active series (`limits.series`) or that of their tenant
    /// (`tenants.limits.series`), by their place.
    pub fn refuse_beyond(
        &mut self,
        series: &LabelSets,
        beyond: &[Option<Beyond>],
        limit: usize,
        (tenant, own_limit): (&TenantId, usize),
    ) {
        for (place, which) in beyond.iter().enumerate().filter_map(|(place, which)| Some((place, (*which)?))) {
            let labels = series.labels(place).unwrap_or_default();
            let name = labels.metric_name();
            let by_tenant = which == Beyond::Tenant;
            let reason = if by_tenant {
                format!(
                    "a new series of {name:?} is beyond the limit of {own_limit} active series of tenant \"{tenant}\" \
                     (tenants.limits.series); series that are known go on. Take labels away whose values never come back, \
                     or raise the limit"
                )
            } else {
                format!(
                    "a new series of {name:?} is beyond the limit of {limit} active series (limits.series); series that are \
                     known go on. Take labels away whose values never come back, or raise the limit"
                )
            };
            self.refused.insert(place, Refused { reason, by_tenant });
        }
    }
}

/// The limits in force at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    /// The clock.
    pub now: UnixNanos,
    /// Nothing before this is kept, so nothing before it is taken.
    pub oldest: UnixNanos,
}

impl Admission {
    /// Moves what the decoder refused, and what it says of others, into an outcome.
    fn outcome<T>(decoded: &mut Decoded<T>) -> IngestOutcome {
        let told = |list: &mut Vec<Reject>| {
            let list = std::mem::take(list).into_iter();
            list.map(|own| Rejection { index: own.index, reason: own.reason }).collect()
        };
        IngestOutcome {
            accepted: 0,
            rejected: decoded.rejected,
            rejections: told(&mut decoded.rejects),
            warnings: told(&mut decoded.warnings),
            warned: decoded.warned,
            beyond_tenant: 0,
            histograms: 0,
            exemplars: 0,
        }
    }

    /// The log records that may enter. Refusals name the place of a record in the request.
    #[must_use]
    pub fn logs(&self, decoded: Decoded<Vec<LogRecord>>) -> (Vec<LogRecord>, IngestOutcome) {
        self.logs_within(decoded, None)
    }

    /// The same within the limit of log streams of their tenant.
    #[must_use]
    pub fn logs_within(
        &self,
        mut decoded: Decoded<Vec<LogRecord>>,
        tenant: Option<&Tenant>,
    ) -> (Vec<LogRecord>, IngestOutcome) {
        let mut outcome = Self::outcome(&mut decoded);
        let mut places = Places::beside(&outcome);
        let beyond = tenant.map(|tenant| tenant.beyond_streams(&decoded.records)).unwrap_or_default();
        let (mut row, mut beyond_tenant) = (0, 0);
        decoded.records.retain(|record| {
            let in_body = count_values(&record.body);
            let verdict = self.time(record.time).and_then(|()| attributes([&record.attributes], in_body));
            let is_beyond = beyond.get(row).is_some_and(|beyond| *beyond);
            row = row.saturating_add(1);
            let verdict = match tenant.filter(|_| is_beyond && verdict.is_ok()) {
                Some(tenant) => {
                    beyond_tenant += 1;
                    // Only the first are told.
                    let is_told = outcome.rejections.len() < MAX_REASONS;
                    Err(if is_told { tenant.too_many_streams(record) } else { String::new() })
                }
                None => verdict,
            };
            keep(verdict, &mut places, &mut outcome)
        });
        outcome.beyond_tenant = beyond_tenant;
        outcome.rejections.sort_by_key(|rejection| rejection.index);
        outcome.accepted = decoded.records.len() as u64;
        (decoded.records, outcome)
    }

    /// The spans that may enter.
    #[must_use]
    pub fn traces(&self, mut decoded: Decoded<Vec<Span>>) -> (Vec<Span>, IngestOutcome) {
        let mut outcome = Self::outcome(&mut decoded);
        let mut places = Places::beside(&outcome);
        decoded.records.retain(|span| {
            let verdict = self.time(span.start).and_then(|()| {
                let events = span.events.iter().map(|event| &event.attributes);
                let links = span.links.iter().map(|link| &link.attributes);
                attributes(std::iter::once(&span.attributes).chain(events).chain(links), 0)
            });
            keep(verdict, &mut places, &mut outcome)
        });
        outcome.rejections.sort_by_key(|rejection| rejection.index);
        outcome.accepted = decoded.records.len() as u64;
        (decoded.records, outcome)
    }

    /// The samples that may enter: those of series that may, at a time that is kept.
    #[must_use]
    pub fn metrics(
        &self,
        mut decoded: Decoded<MetricBatch>,
        verdicts: &SeriesVerdicts,
    ) -> (MetricBatch, IngestOutcome) {
        let mut outcome = Self::outcome(&mut decoded);
        let mut batch = decoded.records;
        let verdict = |index: u32, millis: i64| {
            verdicts.verdict(index as usize).map_err(str::to_owned)?;
            self.time(millis.saturating_mul(NANOS_PER_MILLI))
        };
        let mut places = Places::beside(&outcome);
        let mut beyond_tenant: u64 = 0;
        let mut enters = |series: u32, time: i64| {
            let verdict = verdict(series, time);
            beyond_tenant += u64::from(verdict.is_err() && verdicts.is_beyond_tenant(series as usize));
            keep(verdict, &mut places, &mut outcome)
        };
        batch.samples.retain(|sample| enters(sample.series, sample.time));
        batch.histograms.retain(|sample| enters(sample.series, sample.time));
        outcome.beyond_tenant = beyond_tenant;
        // An exemplar without a usable time or series is dropped with its sample's own verdict already told.
        batch.exemplars.retain(|exemplar| verdict(exemplar.series, exemplar.time).is_ok());
        batch.starts.retain(|start| verdict(start.series, start.time).is_ok());
        if !verdicts.refused.is_empty() {
            drop_series(&mut batch, |series| verdicts.may_enter(series as usize));
        }
        outcome.accepted = batch.sample_count() as u64;
        (outcome.histograms, outcome.exemplars) = (batch.histograms.len() as u64, batch.exemplars.len() as u64);
        (batch, outcome)
    }

    fn time(&self, time: UnixNanos) -> Result<(), String> {
        let future = i64::try_from(MAX_FUTURE.as_nanos()).unwrap_or(i64::MAX);
        if time > self.now.saturating_add(future) {
            return Err(format!(
                "the time {time} ns lies more than {} minutes ahead of the server's clock; check the sender's clock and \
                 the unit of its timestamps",
                MAX_FUTURE.as_secs() / 60
            ));
        }
        if time < self.oldest {
            return Err(format!(
                "the time {time} ns is older than the retention of this signal keeps; raise storage.retention to keep it"
            ));
        }
        Ok(())
    }
}

/// Takes label sets out that no sample refers to any more, so that neither the journal nor the index meets them.
fn drop_series(batch: &mut MetricBatch, is_kept: impl Fn(u32) -> bool) {
    let mut numbers = Vec::with_capacity(batch.series.len());
    let mut kept = LabelSets::default();
    for (number, key) in (0u32..).zip(batch.series.keys()) {
        numbers.push(u32::try_from(kept.len()).unwrap_or(u32::MAX));
        if is_kept(number) {
            kept.push_key(key, batch.series.widest());
        }
    }
    batch.series = kept;
    let renumber = |series: &mut u32| *series = numbers.get(*series as usize).copied().unwrap_or(u32::MAX);
    batch.samples.iter_mut().for_each(|sample| renumber(&mut sample.series));
    batch.histograms.iter_mut().for_each(|sample| renumber(&mut sample.series));
    batch.exemplars.iter_mut().for_each(|exemplar| renumber(&mut exemplar.series));
    batch.starts.iter_mut().for_each(|start| renumber(&mut start.series));
}

fn keep(verdict: Result<(), String>, places: &mut Places, outcome: &mut IngestOutcome) -> bool {
    let at = places.take();
    match verdict {
        Ok(()) => true,
        Err(reason) => {
            outcome.reject(at, reason);
            false
        }
    }
}

/// Whether the attributes, with those `elsewhere` in the record, are few enough.
fn attributes<'a>(lists: impl IntoIterator<Item = &'a Vec<Attribute>>, elsewhere: usize) -> Result<(), String> {
    let count = lists.into_iter().map(|list| count_attributes(list)).sum::<usize>().saturating_add(elsewhere);
    if count > MAX_ATTRIBUTES {
        return Err(format!(
            "{count} attributes are more than the limit of {MAX_ATTRIBUTES} per record (max_attributes); send data that \
             has many keys as an array or as text"
        ));
    }
    Ok(())
}

fn count_attributes(list: &[Attribute]) -> usize {
    list.iter().map(|attribute| 1 + count_values(&attribute.value)).sum()
}

fn count_values(value: &Value) -> usize {
    match value {
        Value::Map(inner) => count_attributes(inner),
        Value::Array(items) => items.iter().map(count_values).sum(),
        _ => 0,
    }
}

fn labels(labels: &Labels) -> Result<(), String> {
    let mut count = 0;
    for (name, value) in labels.iter() {
        count += 1;
        if name.len() > MAX_LABEL_NAME {
            let start: String = name.chars().take(40).collect();
            return Err(format!("the label name {start:?}… has {} bytes, the limit is {MAX_LABEL_NAME}", name.len()));
        }
        if value.len() > MAX_LABEL_VALUE {
            return Err(format!(
                "the value of label {name:?} has {} bytes, the limit is {MAX_LABEL_VALUE}",
                value.len()
            ));
        }
    }
    if count > MAX_LABELS {
        return Err(format!("the series {:?} has {count} labels, the limit is {MAX_LABELS}", labels.metric_name()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::metrics::Sample;

    const NOW: i64 = 1_800_000_000_000_000_000;
    const DAY: i64 = 86_400_000_000_000;

    fn admission() -> Admission {
        Admission { now: NOW, oldest: NOW - 30 * DAY }
    }

    fn decoded<T>(records: T) -> Decoded<T> {
        Decoded::of(records)
    }

    #[test]
    fn records_out_of_time_are_refused_by_themselves() {
        let at = |time| LogRecord { time, ..LogRecord::default() };
        let records = vec![at(NOW), at(NOW + 601_000_000_000), at(NOW + 599_000_000_000), at(NOW - 31 * DAY)];
        let (kept, outcome) = admission().logs(decoded(records));
        assert_eq!(kept.len(), 2);
        assert_eq!((outcome.accepted, outcome.rejected), (2, 2));
        assert_eq!(outcome.rejections.iter().map(|one| one.index).collect::<Vec<_>>(), [1, 3]);
        assert!(outcome.rejections[0].reason.contains("10 minutes ahead"), "{outcome:?}");
        assert!(outcome.rejections[1].reason.contains("retention"), "{outcome:?}");
    }

    #[test]
    fn a_record_with_too_many_attributes_is_refused_with_the_limit_named() {
        let record = |count: usize| LogRecord {
            time: NOW,
            attributes: (0..count).map(|n| Attribute::new(format!("key{n}"), Value::Int(1))).collect(),
            ..LogRecord::default()
        };
        let (kept, outcome) = admission().logs(decoded(vec![record(10_001), record(10_000)]));
        assert_eq!(kept.len(), 1);
        assert!(outcome.message().contains("limit of 10000"), "{}", outcome.message());
    }

    #[test]
    fn samples_of_a_series_beyond_the_label_limits_are_refused() {
        let good = Labels::new([("__name__", "up")]).unwrap();
        let wide = Labels::new([("__name__", "up"), ("x", &"v".repeat(MAX_LABEL_VALUE + 1))]).unwrap();
        let millis = NOW / 1_000_000;
        let batch = MetricBatch {
            series: [good, wide].into(),
            samples: vec![
                Sample { series: 0, time: millis, value: 1.0 },
                Sample { series: 1, time: millis, value: 1.0 },
                Sample { series: 0, time: millis + 700_000, value: 1.0 },
            ],
            ..MetricBatch::default()
        };
        let verdicts = SeriesVerdicts::of_labels(&batch.series);
        let (kept, outcome) = admission().metrics(decoded(batch), &verdicts);
        assert_eq!(kept.samples.len(), 1);
        assert_eq!((outcome.accepted, outcome.rejected), (1, 2));
        assert!(outcome.message().contains("the limit is 65536"), "{}", outcome.message());
    }

    #[test]
    fn samples_of_new_series_beyond_the_limit_are_refused_by_themselves_with_the_limit_named() {
        let millis = NOW / 1_000_000;
        let batch = MetricBatch {
            series: ["a", "b", "c"].map(|name| Labels::new([("__name__", name)]).unwrap()).into(),
            samples: (0..3).map(|series| Sample { series, time: millis, value: f64::from(series) }).collect(),
            ..MetricBatch::default()
        };
        let mut verdicts = SeriesVerdicts::of_labels(&batch.series);
        let default = TenantId::default();
        verdicts.refuse_beyond(&batch.series, &[None, Some(Beyond::Store), None], 2, (&default, 0));
        let (kept, outcome) = admission().metrics(decoded(batch), &verdicts);
        assert_eq!(kept.samples.iter().map(|sample| sample.value).collect::<Vec<_>>(), [0.0, 2.0]);
        assert_eq!((kept.series.len(), outcome.accepted, outcome.rejected), (2, 2, 1));
        assert_eq!(outcome.rejections[0].index, 1);
        for part in ["\"b\"", "limit of 2 active series", "limits.series"] {
            assert!(outcome.message().contains(part), "{part} is not in {}", outcome.message());
        }
    }

    #[test]
    fn label_sets_of_refused_series_do_not_enter_and_the_others_keep_their_samples() {
        let wide = Labels::new([("__name__", "wide"), ("x", &"v".repeat(MAX_LABEL_VALUE + 1))]).unwrap();
        let good = |name| Labels::new([("__name__", name)]).unwrap();
        let millis = NOW / 1_000_000;
        let batch = MetricBatch {
            series: [wide.clone(), good("a"), wide, good("b")].into(),
            samples: (0..4).map(|series| Sample { series, time: millis, value: f64::from(series) }).collect(),
            ..MetricBatch::default()
        };
        let verdicts = SeriesVerdicts::of_labels(&batch.series);
        let (kept, outcome) = admission().metrics(decoded(batch), &verdicts);
        assert_eq!(kept.series, [good("a"), good("b")].into());
        let samples: Vec<(u32, f64)> = kept.samples.iter().map(|sample| (sample.series, sample.value)).collect();
        assert_eq!(samples, [(0, 1.0), (1, 3.0)]);
        assert_eq!(outcome.rejections.iter().map(|one| one.index).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn refusals_name_the_place_in_the_request_beside_those_of_the_decoder() {
        let at = |time| LogRecord { time, ..LogRecord::default() };
        // The request: bad, good, bad, bad, too late, good, too late.
        let late = NOW + 601_000_000_000;
        let mut body = decoded(vec![at(NOW), at(late), at(NOW), at(late)]);
        for index in [0, 2, 3] {
            body.reject(index, || "unreadable".to_owned());
        }
        let (kept, outcome) = admission().logs(body);
        assert_eq!(kept.len(), 2);
        assert_eq!(outcome.rejections.iter().map(|one| one.index).collect::<Vec<_>>(), [0, 2, 3, 4, 6]);
        assert_eq!((outcome.accepted, outcome.rejected), (2, 5));
    }
}
