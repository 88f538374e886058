//! A metric store in memory: what `MetricReader` promises, in the simplest way.

use clew_model::correlation::CanonicalId;
use clew_model::metrics::{ExemplarRow, Labels, Matcher, Metadata, MetricReader, NativeHistogram, SeriesData};
use clew_model::{Context, ReadError, TimeRange};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub enum Stored {
    Float(f64),
    Histogram(Arc<NativeHistogram>),
}

#[derive(Default)]
pub struct MemoryStore {
    series: BTreeMap<Labels, BTreeMap<i64, Stored>>,
}

impl MemoryStore {
    pub fn put(&mut self, labels: &Labels, time: i64, value: Stored) {
        self.series.entry(labels.clone()).or_default().insert(time, value);
    }
}

impl MetricReader for MemoryStore {
    fn select(&self, context: &Context, matchers: &[Matcher], range: TimeRange) -> Result<Vec<SeriesData>, ReadError> {
        context.check()?;
        let mut out: Vec<SeriesData> = Vec::new();
        for (labels, samples) in &self.series {
            if !matchers.iter().all(|matcher| matcher.matches_labels(labels)) || range.is_empty() {
                continue;
            }
            let (mut times, mut values, mut histograms) = (Vec::new(), Vec::new(), Vec::new());
            for (time, value) in samples.range(range.start_millis()..=range.end_millis()) {
                match value {
                    Stored::Float(value) => {
                        times.push(*time);
                        values.push(*value);
                    }
                    Stored::Histogram(histogram) => histograms.push((*time, Arc::clone(histogram))),
                }
            }
            if times.is_empty() && histograms.is_empty() {
                continue;
            }
            // Series with the same times share one array, as stores do.
            let shared = out.iter().find(|other| *other.times == *times).map(|other| Arc::clone(&other.times));
            let times = shared.unwrap_or_else(|| Arc::from(times));
            out.push(SeriesData { labels: labels.clone(), times, values, histograms });
        }
        Ok(out)
    }

    fn series(&self, context: &Context, matchers: &[Matcher], range: TimeRange) -> Result<Vec<Labels>, ReadError> {
        Ok(self.select(context, matchers, range)?.into_iter().map(|series| series.labels).collect())
    }

    fn label_names(&self, _: &Context, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn label_values(&self, _: &Context, _: &str, _: &[Matcher], _: TimeRange) -> Result<Vec<String>, ReadError> {
        Ok(Vec::new())
    }

    fn metadata(&self, _: &Context, _: Option<&str>) -> Result<Vec<Metadata>, ReadError> {
        Ok(Vec::new())
    }

    fn exemplars(&self, _: &Context, _: &[Matcher], _: TimeRange) -> Result<Vec<ExemplarRow>, ReadError> {
        Ok(Vec::new())
    }

    fn find_ids(
        &self,
        _: &Context,
        _: &[CanonicalId],
        _: TimeRange,
        _: usize,
    ) -> Result<(Vec<ExemplarRow>, bool), ReadError> {
        Ok((Vec::new(), false))
    }
}
