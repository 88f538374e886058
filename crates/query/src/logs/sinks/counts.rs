//! Counts over time by severity.

use super::{locked, unlocked};
use crate::limits::MAX_HISTOGRAM_BUCKETS;
use clew_model::logs::{
    LogBatch, LogFilter, LogHistogram, LogHistogramBucket, LogScan, LogSink, LogView, SeverityCounts, severity_range,
};
use clew_model::{Context, ErrorKind, Flow, ReadError, Reservation, Sink, SinkWorker, TimeRange, UnixNanos};
use std::sync::Mutex;

/// Counts of the records that pass, by time and severity: buckets of `step` nanoseconds, aligned to multiples of the
/// step, from the one that holds `range.start` to the one that holds `range.end`.
///
/// # Errors
/// A step that is not positive, a range of more than [`MAX_HISTOGRAM_BUCKETS`] buckets; cancelled, out of time or memory,
/// or a store that cannot be read.
pub fn histogram(
    context: &Context,
    view: &dyn LogView,
    filter: &LogFilter,
    range: TimeRange,
    step: i64,
) -> Result<LogHistogram, ReadError> {
    if step <= 0 {
        return Err(ReadError::new(ErrorKind::InvalidInput, "the step of a histogram must be positive"));
    }
    if range.is_empty() {
        return Ok(LogHistogram::default());
    }
    let first = range.start.div_euclid(step);
    // In 128 bits, since the whole of time in steps of a nanosecond overflows.
    let buckets = i128::from(range.end.div_euclid(step)) - i128::from(first) + 1;
    let buckets = usize::try_from(buckets).ok().filter(|_| buckets <= i128::from(MAX_HISTOGRAM_BUCKETS));
    let buckets = buckets.ok_or_else(|| {
        let message = format!("the range has more than {MAX_HISTOGRAM_BUCKETS} buckets; use a longer step");
        ReadError::new(ErrorKind::LimitExceeded, message)
    })?;
    let _memory = context.memory.reserve((buckets * size_of::<LogHistogramBucket>()) as u64)?;
    let counts = Counts { context, step, first, buckets, total: Mutex::new(Vec::new()) };
    let report = view.scan(context, &LogScan::new(filter, range), &counts)?;
    let mut total = unlocked(counts.total);
    total.resize(buckets, SeverityCounts::default());
    let start = |index: usize| first.saturating_add(index as i64).saturating_mul(step);
    let bucket = |(index, counts)| LogHistogramBucket { start: start(index), counts };
    Ok(LogHistogram { buckets: total.into_iter().enumerate().map(bucket).collect(), warnings: report.warnings })
}

struct Counts<'a> {
    context: &'a Context,
    step: i64,
    /// The number of the first bucket.
    first: i64,
    buckets: usize,
    /// Empty until the first worker is done.
    total: Mutex<Vec<SeverityCounts>>,
}

impl Counts<'_> {
    fn bucket(&self, time: UnixNanos) -> usize {
        usize::try_from(time.div_euclid(self.step).saturating_sub(self.first)).unwrap_or(usize::MAX)
    }
}

impl Sink<dyn LogBatch> for Counts<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn LogBatch> + '_> {
        Box::new(Worker { sink: self, counts: Vec::new(), memory: None })
    }
}

impl LogSink for Counts<'_> {}

struct Worker<'a> {
    sink: &'a Counts<'a>,
    counts: Vec<SeverityCounts>,
    memory: Option<Reservation>,
}

impl SinkWorker<dyn LogBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn LogBatch) -> Result<Flow, ReadError> {
        let sink = self.sink;
        if self.counts.is_empty() {
            let bytes = (sink.buckets * size_of::<SeverityCounts>()) as u64;
            self.memory = Some(sink.context.memory.reserve(bytes)?);
            self.counts = vec![SeverityCounts::default(); sink.buckets];
        }
        let span = batch.span();
        let only = sink.bucket(span.start);
        if only == sink.bucket(span.end) {
            let counts = batch.severity_counts()?;
            if let Some(bucket) = self.counts.get_mut(only) {
                add(bucket, &counts);
            }
            return Ok(Flow::Continue);
        }
        let (times, severities) = (batch.times()?, batch.severities()?);
        let mut add = |row: usize, time: UnixNanos, severity: u8| {
            debug_assert!(row < times.len(), "rows are of the batch");
            let bucket = self.counts.get_mut(sink.bucket(time));
            if let Some(count) = bucket.and_then(|bucket| bucket.get_mut(severity_range(severity))) {
                *count += 1;
            }
        };
        for row in batch.selected().iter() {
            if let (Some(time), Some(severity)) = (times.get(row), severities.get(row)) {
                add(row, *time, *severity);
            }
        }
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut total = locked(&self.sink.total);
        if total.is_empty() {
            *total = self.counts;
        } else {
            total.iter_mut().zip(&self.counts).for_each(|(total, own)| add(total, own));
        }
        Ok(())
    }
}

fn add(total: &mut SeverityCounts, counts: &SeverityCounts) {
    total.iter_mut().zip(counts).for_each(|(total, own)| *total += own);
}

#[cfg(test)]
mod tests {
    use super::super::samples::{context, views};
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_passing_record_counts_in_its_bucket() {
        for (all, view) in views() {
            let filter = LogFilter::Not(Box::new(LogFilter::SeverityBetween(0, 4)));
            for (range, step) in [(TimeRange::new(-50, 5_000), 100), (TimeRange::new(90, 2_111), 7)] {
                let mut wanted: BTreeMap<(i64, &str), u64> = BTreeMap::new();
                for row in all.iter().filter(|row| range.contains(row.id.time) && filter.matches(&row.record)) {
                    let start = row.id.time.div_euclid(step) * step;
                    *wanted.entry((start, row.record.severity.range_name())).or_default() += 1;
                }
                let found = histogram(&context(), &view, &filter, range, step).unwrap();
                let names = ["", "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
                let counted = found.buckets.iter().flat_map(|bucket| {
                    let named = names.into_iter().zip(bucket.counts);
                    named.filter(|(_, count)| *count > 0).map(|(name, count)| ((bucket.start, name), count))
                });
                assert_eq!(counted.collect::<BTreeMap<_, _>>(), wanted);
                let starts = found.buckets.iter().map(|bucket| bucket.start);
                let last = range.end.div_euclid(step) * step;
                assert!(starts.eq((range.start.div_euclid(step) * step..=last).step_by(step as usize)));
            }
        }
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        let view = &views()[0].1;
        let ask = |range, step| histogram(&context(), view, &LogFilter::All, range, step);
        assert_eq!(ask(TimeRange::new(0, 10), 0).unwrap_err().kind, ErrorKind::InvalidInput);
        assert_eq!(ask(TimeRange::ALL, 1).unwrap_err().kind, ErrorKind::LimitExceeded);
        assert_eq!(ask(TimeRange::new(0, MAX_HISTOGRAM_BUCKETS), 1).unwrap_err().kind, ErrorKind::LimitExceeded);
        assert_eq!(ask(TimeRange::new(1, 0), 1).unwrap(), LogHistogram::default());
    }
}
