//! Counters, gauges and classic histograms with exemplars, and what a scrape of them reads.

use crate::demo::system::Instance;
use clew_model::metrics::{BUCKET_LABEL, Exemplar, Labels, METRIC_NAME, MetricBatch, STALE_NAN, Sample};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::value::double_text;
use std::collections::BTreeMap;

/// A family's name and the labels of a series beside `job` and `instance`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    target: Instance,
    family: &'static str,
    labels: Vec<(&'static str, String)>,
}

impl Key {
    /// A series of an instance.
    pub(super) fn new(target: Instance, family: &'static str, labels: &[(&'static str, &str)]) -> Self {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { target, family, labels }
    }

    fn series(&self, suffix: &str, more: Option<(&str, &str)>) -> Labels {
        let name = format!("{}{suffix}", self.family);
        let instance = self.target.name();
        let own = [(METRIC_NAME, name.as_str()), ("job", self.target.service.name()), ("instance", instance.as_str())];
        let labels = self.labels.iter().map(|(name, value)| (*name, value.as_str()));
        // The names are the demo's own, each once.
        Labels::new(own.into_iter().chain(labels).chain(more)).unwrap_or_else(|_| Labels::empty())
    }
}

/// What an exemplar points to.
#[derive(Debug, Clone)]
pub(super) struct Example {
    /// When, in nanoseconds.
    pub at: i64,
    /// `trace_id` and the like.
    pub labels: Labels,
}

/// A single number.
#[derive(Debug)]
struct Number {
    series: Labels,
    value: f64,
}

/// One bucket of a classic histogram: what fell into it alone.
#[derive(Debug)]
struct Bucket {
    series: Labels,
    bound: f64,
    count: u64,
    example: Option<(f64, Example)>,
}

#[derive(Debug)]
struct Histogram {
    buckets: Vec<Bucket>,
    sum: Labels,
    count: Labels,
    total: f64,
}

/// Every series of the system.
#[derive(Debug, Default)]
pub(super) struct Meter {
    numbers: BTreeMap<Key, Number>,
    histograms: BTreeMap<Key, Histogram>,
    /// Targets that the last scrape did not reach.
    unreached: Vec<Instance>,
}

impl Meter {
    /// Adds to a counter or gauge.
    pub(super) fn add(&mut self, key: Key, amount: f64) {
        self.number(key).value += amount;
    }

    /// Sets a gauge.
    pub(super) fn set(&mut self, key: Key, value: f64) {
        self.number(key).value = value;
    }

    fn number(&mut self, key: Key) -> &mut Number {
        let series = |key: &Key| key.series("", None);
        self.numbers.entry(key).or_insert_with_key(|key| Number { series: series(key), value: 0.0 })
    }

    /// Puts a measurement into a histogram with these bounds.
    pub(super) fn observe(&mut self, key: Key, bounds: &[f64], value: f64, example: Option<Example>) {
        let histogram = self.histograms.entry(key).or_insert_with_key(|key| Histogram::new(key, bounds));
        histogram.total += value;
        if let Some(bucket) = histogram.buckets.iter_mut().find(|bucket| value <= bucket.bound) {
            bucket.count += 1;
            bucket.example = example.map(|example| (value, example)).or_else(|| bucket.example.take());
        }
    }

    /// What a scrape at `at` (nanoseconds) reads. Targets that are `down` give nothing but `up` 0, and their series end.
    pub(super) fn scrape(&mut self, at: i64, down: &[Instance]) -> MetricBatch {
        let mut page = Page { batch: MetricBatch::default(), time: at.div_euclid(NANOS_PER_MILLI) };
        let newly = |target: &Instance, unreached: &[Instance]| down.contains(target) && !unreached.contains(target);
        for (key, number) in &self.numbers {
            if newly(&key.target, &self.unreached) && key.family != "up" {
                page.push(&number.series, f64::from_bits(STALE_NAN));
            } else if key.family == "up" || !down.contains(&key.target) {
                page.push(&number.series, number.value);
            }
        }
        for (key, histogram) in &mut self.histograms {
            if newly(&key.target, &self.unreached) {
                histogram.end(&mut page);
            } else if !down.contains(&key.target) {
                histogram.write(&mut page);
            }
        }
        self.unreached = down.to_vec();
        page.batch
    }
}

impl Histogram {
    fn new(key: &Key, bounds: &[f64]) -> Self {
        let bucket = |bound: f64| {
            let text = if bound.is_finite() { double_text(bound) } else { "+Inf".to_owned() };
            let series = key.series("_bucket", Some((BUCKET_LABEL, &text)));
            Bucket { series, bound, count: 0, example: None }
        };
        Self {
            buckets: bounds.iter().copied().chain([f64::INFINITY]).map(bucket).collect(),
            sum: key.series("_sum", None),
            count: key.series("_count", None),
            total: 0.0,
        }
    }

    fn write(&mut self, page: &mut Page) {
        let mut below = 0;
        for bucket in &mut self.buckets {
            below += bucket.count;
            let series = page.push(&bucket.series, below as f64);
            if let Some((value, example)) = bucket.example.take() {
                let time = example.at.div_euclid(NANOS_PER_MILLI);
                page.batch.exemplars.push(Exemplar { series, time, value, labels: example.labels });
            }
        }
        page.push(&self.sum, self.total);
        page.push(&self.count, below as f64);
    }

    fn end(&self, page: &mut Page) {
        let stale = f64::from_bits(STALE_NAN);
        for series in self.buckets.iter().map(|bucket| &bucket.series).chain([&self.sum, &self.count]) {
            page.push(series, stale);
        }
    }
}

/// The samples of one scrape.
struct Page {
    batch: MetricBatch,
    time: i64,
}

impl Page {
    fn push(&mut self, labels: &Labels, value: f64) -> u32 {
        let series = u32::try_from(self.batch.series.len()).unwrap_or(u32::MAX);
        self.batch.series.push(labels);
        self.batch.samples.push(Sample { series, time: self.time, value });
        series
    }
}
