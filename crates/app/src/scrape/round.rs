//! One scrape's samples: from written series to a batch, with staleness markers for what has vanished.

use super::cache::{SeriesCache, Slot, Written};
use super::error::ScrapeError;
use super::fetch::Answer;
use super::series_labels::series_labels;
use clew_codec::exposition::{Entry, ExemplarText, Families, Format, Parser, SampleText, SeriesText};
use clew_config::prometheus::ScrapeConfig;
use clew_model::UnixMillis;
use clew_model::metrics::{Exemplar, LabelSets, Metadata, MetricBatch, STALE_NAN, Sample};

/// How many samples a scrape brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// In the answer.
    pub(super) scraped: u64,
    /// After relabelling.
    pub(super) kept: u64,
    /// Of series that the cache did not know.
    pub(super) added: u64,
    /// Left out because the series had a sample at that time already.
    pub(super) duplicates: u64,
}

/// A scrape that is being read.
pub(super) struct Round<'a> {
    job: &'a ScrapeConfig,
    target: &'a [(String, String)],
    cache: &'a mut SeriesCache,
    time: UnixMillis,
    batch: MetricBatch,
    counts: Counts,
}

impl<'a> Round<'a> {
    /// Begins the round of a scrape at `time`; `target` are the labels of the target.
    pub(super) fn begin(
        job: &'a ScrapeConfig,
        target: &'a [(String, String)],
        cache: &'a mut SeriesCache,
        time: UnixMillis,
    ) -> Self {
        cache.round += 1;
        Self { job, target, cache, time, batch: MetricBatch::default(), counts: Counts::default() }
    }

    /// Reads an answer to its end.
    pub(super) fn read(&mut self, answer: &Answer) -> Result<(), ScrapeError> {
        if self.cache.protocol.replace(answer.protocol) != Some(answer.protocol) {
            self.cache.forget_texts();
        }
        let format = if answer.protocol.is_open_metrics() { Format::OpenMetricsText } else { Format::PrometheusText };
        let mut parser = Parser::new(&answer.page.bytes, format)?;
        let mut families = Families::default();
        while let Some(entry) = parser.next_entry()? {
            let Entry::Sample(sample) = &entry else {
                families.note(&entry);
                continue;
            };
            let place = self.sample(sample)?;
            if let (Some(place), Some(exemplar)) = (place, &sample.exemplar) {
                self.exemplar(place, exemplar)?;
            }
        }
        families.into_metadata().into_iter().for_each(|metadata| self.metadata(metadata));
        Ok(())
    }

    /// Takes a sample as it stands; its labels are read only when its text is new. Answers the place of the series in
    /// the batch, if it is kept.
    fn sample(&mut self, sample: &SampleText<'_>) -> Result<Option<u32>, ScrapeError> {
        self.counts.scraped += 1;
        let round = self.cache.round;
        let series = &sample.series;
        let slot = match self.cache.texts.get_mut(series.as_str().as_bytes()) {
            Some(written) if written.family_type == series.family_type() => {
                written.round = round;
                written.slot
            }
            _ => self.discover(series)?,
        };
        let Some(slot) = slot else { return Ok(None) };
        let limit = self.job.limits.samples;
        let timestamp = sample.timestamp.filter(|_| self.job.honor_timestamps);
        let tracked = timestamp.is_none() || self.job.track_timestamps_staleness;
        let time = timestamp.unwrap_or(self.time);
        let Some(slot) = self.cache.slots.get_mut(slot as usize) else { return Ok(None) };
        if slot.round == round && slot.time == time {
            self.counts.duplicates += 1;
            return Ok(Some(slot.place));
        }
        self.counts.kept += 1;
        if limit > 0 && self.counts.kept > limit {
            return Ok(None);
        }
        let place = enter(slot, round, &mut self.batch.series);
        slot.time = time;
        if tracked {
            slot.tracked = round;
        }
        self.batch.samples.push(Sample { series: place, time, value: sample.value });
        Ok(Some(place))
    }

    /// Takes the exemplar of a sample in the batch; one without a time has the scrape's.
    fn exemplar(&mut self, series: u32, exemplar: &ExemplarText<'_>) -> Result<(), ScrapeError> {
        let labels = exemplar.to_labels()?;
        if !ExemplarText::is_too_long(&labels) {
            let (time, value) = (exemplar.timestamp.unwrap_or(self.time), exemplar.value);
            self.batch.exemplars.push(Exemplar { series, time, value, labels });
        }
        Ok(())
    }

    /// Takes what the answer says about a family; it is written when it differs from the last time.
    fn metadata(&mut self, metadata: Metadata) {
        let mut known = self.cache.metadata.lock();
        if known.get(&metadata.metric) != Some(&metadata) {
            known.insert(metadata.metric.clone(), metadata.clone());
            self.batch.metadata.push(metadata);
        }
    }

    /// Ends a scrape that was read to its end.
    pub(super) fn finish(mut self) -> (MetricBatch, Counts, Result<(), ScrapeError>) {
        let (limit, found) = (self.job.limits.samples, self.counts.kept);
        if limit > 0 && found > limit {
            let (batch, counts) = self.fail();
            return (batch, counts, Err(ScrapeError::SampleLimit { found, limit }));
        }
        self.mark_vanished();
        self.cache.evict();
        (self.batch, self.counts, Ok(()))
    }

    /// Ends a scrape that failed: none of its samples count, and every series is stale.
    pub(super) fn fail(mut self) -> (MetricBatch, Counts) {
        self.batch = MetricBatch::default();
        self.cache.metadata.lock().clear();
        let round = self.cache.round;
        for slot in &mut self.cache.slots {
            if slot.round == round {
                slot.tracked = slot.tracked_before;
                slot.round = 0;
            }
        }
        self.mark_vanished();
        (self.batch, self.counts)
    }

    /// A text that was not seen before.
    fn discover(&mut self, series: &SeriesText<'_>) -> Result<Option<u32>, ScrapeError> {
        let exposed = series.to_labels()?;
        let mut empty = Vec::new();
        if self.job.honor_labels {
            for pair in series.pairs() {
                let (name, value) = pair?;
                if value.is_empty() {
                    empty.push(name.into_owned());
                }
            }
        }
        let slot = series_labels(self.job, self.target, &exposed, &empty)?.map(|labels| self.cache.slot_of(labels));
        let written = Written { slot, family_type: series.family_type(), round: self.cache.round };
        self.cache.texts.insert(series.as_str().as_bytes().into(), written);
        self.counts.added += u64::from(slot.is_some());
        Ok(slot)
    }

    /// Staleness markers for the series that the last round had and this one has not.
    fn mark_vanished(&mut self) {
        let (round, time) = (self.cache.round, self.time);
        for slot in &mut self.cache.slots {
            if slot.tracked + 1 == round && round > 1 {
                let place = enter(slot, round, &mut self.batch.series);
                self.batch.samples.push(Sample { series: place, time, value: f64::from_bits(STALE_NAN) });
            }
        }
    }
}

/// The place of a series in the batch of a round, where it is entered at the first call.
fn enter(slot: &mut Slot, round: u64, series: &mut LabelSets) -> u32 {
    if slot.round != round {
        slot.round = round;
        slot.tracked_before = slot.tracked;
        slot.place = u32::try_from(series.len()).unwrap_or(u32::MAX);
        series.push(&slot.labels);
    }
    slot.place
}
