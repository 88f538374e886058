//! A view over plain lists, for the tests of sinks. Batches take turns between two workers, which merge in reverse, since
//! an answer must not depend on which takes which.

use clew_model::metrics::{
    ExemplarRow, ExemplarScan, Labels, Metadata, MetricView, SeriesBatch, SeriesData, SeriesScan, SeriesSet,
};
use clew_model::{Context, Flow, ReadError, Sink};
use std::sync::Arc;
use std::time::Duration;

/// What there is to find.
#[derive(Default)]
pub(in super::super) struct Fake {
    series: Vec<(Labels, Vec<(i64, f64)>)>,
    exemplars: Vec<ExemplarRow>,
    families: Vec<Metadata>,
}

impl Fake {
    pub(in super::super) fn new(series: Vec<(Labels, Vec<(i64, f64)>)>) -> Self {
        Self { series, ..Self::default() }
    }

    pub(in super::super) fn with_exemplars(exemplars: Vec<ExemplarRow>) -> Self {
        Self { exemplars, ..Self::default() }
    }

    pub(in super::super) fn with_metadata(families: Vec<Metadata>) -> Self {
        Self { families, ..Self::default() }
    }

    fn matching<'f>(&'f self, scan: &'f SeriesScan<'_>) -> impl Iterator<Item = &'f (Labels, Vec<(i64, f64)>)> {
        let passes = |labels: &Labels| scan.matchers.iter().all(|matcher| matcher.matches_labels(labels));
        self.series.iter().filter(move |(labels, _)| passes(labels))
    }
}

fn push<'b, B: ?Sized + 'b>(sink: &dyn Sink<B>, batches: impl IntoIterator<Item = &'b B>) -> Result<(), ReadError> {
    let mut workers = [sink.worker(), sink.worker()];
    for (turn, batch) in batches.into_iter().enumerate() {
        if workers[turn % 2].take(batch)? == Flow::Stop {
            break;
        }
    }
    workers.into_iter().rev().try_for_each(|worker| worker.merge())
}

impl MetricView for Fake {
    fn scan_samples(
        &self,
        context: &Context,
        scan: &SeriesScan<'_>,
        sink: &dyn Sink<SeriesBatch>,
    ) -> Result<(), ReadError> {
        context.check()?;
        let in_range = |time: i64| (scan.range.start_millis()..=scan.range.end_millis()).contains(&time);
        let batches = self.matching(scan).enumerate().map(|(run, (labels, samples))| {
            let samples = samples.iter().filter(|(time, _)| in_range(*time));
            let (times, values): (Vec<i64>, Vec<f64>) = samples.copied().unzip();
            let series =
                SeriesData { labels: labels.clone(), times: Arc::from(times), values, ..SeriesData::default() };
            SeriesBatch { run, ends_run: true, series }
        });
        push(sink, &batches.collect::<Vec<_>>())
    }

    fn scan_series(
        &self,
        context: &Context,
        scan: &SeriesScan<'_>,
        sink: &dyn Sink<dyn SeriesSet>,
    ) -> Result<(), ReadError> {
        context.check()?;
        let sets: Vec<Vec<Labels>> = self.matching(scan).map(|(labels, _)| vec![labels.clone()]).collect();
        push(sink, sets.iter().map(|set| set as &dyn SeriesSet))
    }

    fn scan_exemplars(
        &self,
        context: &Context,
        _: &ExemplarScan<'_>,
        sink: &dyn Sink<[ExemplarRow]>,
    ) -> Result<(), ReadError> {
        context.check()?;
        push(sink, self.exemplars.chunks(1))
    }

    fn scan_metadata(
        &self,
        context: &Context,
        metric: Option<&str>,
        sink: &dyn Sink<[Metadata]>,
    ) -> Result<(), ReadError> {
        context.check()?;
        push(sink, self.families.chunks(1).filter(|one| metric.is_none_or(|metric| one[0].metric == metric)))
    }
}

pub(in super::super) fn context() -> Context {
    Context::new(Duration::from_secs(60), 1 << 30)
}

/// `name{i="…"}`
pub(in super::super) fn labels(name: &str, i: &str) -> Labels {
    Labels::new([("__name__", name), ("i", i)]).unwrap()
}
