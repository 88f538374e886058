//! Whole series with their samples.

use super::held::Held;
use crate::locks::{locked, unlocked};
use clew_model::metrics::{Matcher, MetricView, SeriesBatch, SeriesData, SeriesScan};
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker, TimeRange};
use std::sync::Mutex;

/// Bytes that a histogram is taken to hold.
const HISTOGRAM_BYTES: u64 = 512;

/// The series that pass all matchers and have a sample in the range, with those samples, sorted by labels. All of them
/// are in memory at once: what can fold them one by one should scan.
///
/// # Errors
/// Cancelled, out of time or memory, more series or samples than a query may read, or a store that cannot be read.
pub fn samples(
    context: &Context,
    view: &dyn MetricView,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<Vec<SeriesData>, ReadError> {
    let sink = Samples { context, found: Mutex::new((Vec::new(), Held::new(context))) };
    view.scan_samples(context, &SeriesScan { matchers, range }, &sink)?;
    let (mut series, _memory) = unlocked(sink.found);
    series.sort_by(|left, right| left.labels.cmp(&right.labels));
    Ok(series)
}

struct Samples<'c> {
    context: &'c Context,
    found: Mutex<(Vec<SeriesData>, Held<'c>)>,
}

impl Sink<SeriesBatch> for Samples<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<SeriesBatch> + '_> {
        Box::new(Worker { sink: self, series: Vec::new(), memory: Held::new(self.context) })
    }
}

struct Worker<'s, 'c> {
    sink: &'s Samples<'c>,
    series: Vec<SeriesData>,
    memory: Held<'c>,
}

impl SinkWorker<SeriesBatch> for Worker<'_, '_> {
    fn take(&mut self, batch: &SeriesBatch) -> Result<Flow, ReadError> {
        let series = &batch.series;
        if !series.is_empty() {
            let histograms = series.histograms.len() as u64 * HISTOGRAM_BYTES;
            self.memory.add(size_of::<SeriesData>() as u64 + series.times.len() as u64 * 16 + histograms)?;
            self.series.push(series.clone());
        }
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        let mut found = locked(&self.sink.found);
        found.0.extend(self.series);
        found.1.append(self.memory);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Fake, context, labels};
    use super::*;
    use clew_model::ErrorKind;

    #[test]
    fn series_come_whole_and_sorted_without_those_that_have_no_sample() {
        let all = [labels("b", "1"), labels("a", "2"), labels("a", "1")];
        let view = Fake::new(all.iter().map(|labels| (labels.clone(), vec![(10, 1.0), (20, 2.0)])).collect());
        let found = samples(&context(), &view, &[], TimeRange::from_millis(15, 20)).unwrap();
        let shown: Vec<_> = found.iter().map(|one| (one.labels.clone(), one.times.to_vec(), &one.values)).collect();
        let expected = |at: usize| (all[at].clone(), vec![20], vec![2.0]);
        let wanted = [expected(2), expected(1), expected(0)];
        assert!(
            shown.iter().zip(&wanted).all(|(one, other)| (&one.0, &one.1, one.2) == (&other.0, &other.1, &other.2))
        );
        assert_eq!(shown.len(), 3);
        assert!(samples(&context(), &view, &[], TimeRange::from_millis(30, 40)).unwrap().is_empty());
        let small = Context::new(std::time::Duration::from_secs(1), 100);
        assert_eq!(samples(&small, &view, &[], TimeRange::ALL).unwrap_err().kind, ErrorKind::LimitExceeded);
        assert_eq!(small.memory.used(), 0);
    }
}
