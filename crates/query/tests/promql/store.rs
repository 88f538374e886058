//! A metric store in memory: what `MetricReader` promises, in the simplest way.

use clew_model::metrics::{
    ExemplarRow, ExemplarScan, Labels, Metadata, MetricReader, MetricView, NativeHistogram, SeriesBatch, SeriesData,
    SeriesScan, SeriesSet,
};
use clew_model::{Context, Flow, ReadError, Sink};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(crate) enum Stored {
    Float(f64),
    Histogram(Arc<NativeHistogram>),
}

/// Series in a run of a scan.
const RUN: usize = 3;

#[derive(Default, Clone)]
pub(crate) struct MemoryStore {
    /// Samples with the time since when they have been counted, 0 where that is not known.
    series: BTreeMap<Labels, BTreeMap<i64, (Stored, i64)>>,
    /// Runs are handed to more workers than one, and the last ones first.
    is_scattered: bool,
}

impl MemoryStore {
    pub(crate) fn put(&mut self, labels: &Labels, time: i64, value: Stored) {
        self.put_started(labels, time, value, 0);
    }

    /// A sample that has been counted since `start`.
    pub(crate) fn put_started(&mut self, labels: &Labels, time: i64, value: Stored, start: i64) {
        self.series.entry(labels.clone()).or_default().insert(time, (value, start));
    }

    /// The same, scanned by several workers out of order.
    pub(crate) fn scattered(&self) -> Self {
        Self { is_scattered: true, ..self.clone() }
    }

    fn data(&self, labels: &Labels, scan: &SeriesScan<'_>) -> SeriesData {
        let mut data = SeriesData { labels: labels.clone(), ..SeriesData::default() };
        let mut times = Vec::new();
        let samples = self.series.get(labels).filter(|_| !scan.range.is_empty());
        let samples = samples.map(|samples| samples.range(scan.range.start_millis()..=scan.range.end_millis()));
        for (time, (value, start)) in samples.into_iter().flatten() {
            match value {
                Stored::Float(value) => {
                    times.push(*time);
                    data.values.push(*value);
                    data.starts.push(*start);
                }
                Stored::Histogram(histogram) => {
                    data.histograms.push((*time, Arc::clone(histogram)));
                    data.histogram_starts.push(*start);
                }
            }
        }
        // Where none is known there are none, as in stores.
        for starts in [&mut data.starts, &mut data.histogram_starts] {
            if starts.iter().all(|start| *start == 0) {
                starts.clear();
            }
        }
        data.times = Arc::from(times);
        data
    }

    /// The runs of a scan.
    fn runs(&self, scan: &SeriesScan<'_>) -> Vec<Vec<SeriesBatch>> {
        let passes = |labels: &&Labels| scan.matchers.iter().all(|matcher| matcher.matches_labels(labels));
        let all: Vec<&Labels> = self.series.keys().filter(passes).collect();
        let mut before: Arc<[i64]> = Arc::from([]);
        let mut run = |(run, labels): (usize, &[&Labels])| {
            let mut batches = Vec::new();
            for (at, labels) in labels.iter().enumerate() {
                let mut series = self.data(labels, scan);
                // Series with the same times share one array, as stores do.
                if series.times == before {
                    series.times = Arc::clone(&before);
                }
                before = Arc::clone(&series.times);
                let ends_run = at + 1 == RUN || run * RUN + at + 1 == all.len();
                if ends_run || !series.is_empty() {
                    batches.push(SeriesBatch { run, ends_run, series });
                }
            }
            batches
        };
        all.chunks(RUN).enumerate().map(&mut run).collect()
    }
}

impl MetricReader for MemoryStore {
    fn view(&self, _: &Context) -> Box<dyn MetricView + '_> {
        Box::new(self.clone())
    }
}

impl MetricView for MemoryStore {
    fn scan_samples(
        &self,
        context: &Context,
        scan: &SeriesScan<'_>,
        sink: &dyn Sink<SeriesBatch>,
    ) -> Result<(), ReadError> {
        context.check()?;
        let mut runs = self.runs(scan);
        let mut workers = vec![sink.worker()];
        if self.is_scattered {
            workers.extend([sink.worker(), sink.worker()]);
            runs.reverse();
        }
        let count = workers.len();
        'all: for (turn, run) in runs.iter().enumerate() {
            for batch in run {
                if workers[turn % count].take(batch)? == Flow::Stop {
                    break 'all;
                }
            }
        }
        workers.into_iter().try_for_each(|worker| worker.merge())
    }

    fn scan_series(&self, _: &Context, _: &SeriesScan<'_>, _: &dyn Sink<dyn SeriesSet>) -> Result<(), ReadError> {
        unreachable!()
    }

    fn scan_exemplars(&self, _: &Context, _: &ExemplarScan<'_>, _: &dyn Sink<[ExemplarRow]>) -> Result<(), ReadError> {
        unreachable!()
    }

    fn scan_metadata(&self, _: &Context, _: Option<&str>, _: &dyn Sink<[Metadata]>) -> Result<(), ReadError> {
        unreachable!()
    }
}
