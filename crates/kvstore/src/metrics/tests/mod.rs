//! The store against a naive model, its rules one by one, and what happens when it is read while it is written or
//! killed.

mod beside_samples;
mod concurrent;
mod model;
mod replayed;
mod rules;
mod starts;

use super::{MetricStore, MetricStoreOptions};
use clew_host::DiskFiles;
use clew_model::metrics::{Labels, MatchOp, Matcher, MetricBatch, MetricReader, Sample, SeriesData};
use clew_model::{Context, ReadError, TenantId, TimeRange};
use clew_query::metrics;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A partition's width in these tests.
const WIDTH: i64 = 1_000_000;

fn options() -> MetricStoreOptions {
    MetricStoreOptions { partition_width: WIDTH, compact_runs: 3, ..MetricStoreOptions::default() }
}

fn open(dir: &Path) -> MetricStore {
    MetricStore::open(Arc::new(DiskFiles), dir, options(), Arc::default()).unwrap()
}

fn context() -> Context {
    Context::new(Duration::from_secs(60), 1 << 30)
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().copied()).unwrap()
}

fn matcher(name: &str, op: MatchOp, value: &str) -> Matcher {
    Matcher::new(name, op, value).unwrap()
}

/// A batch of float samples.
fn batch(samples: &[(&Labels, i64, f64)]) -> MetricBatch {
    MetricBatch {
        series: samples.iter().map(|(labels, ..)| *labels).collect(),
        samples: samples
            .iter()
            .enumerate()
            .map(|(at, (_, time, value))| Sample { series: at as u32, time: *time, value: *value })
            .collect(),
        ..MetricBatch::default()
    }
}

fn apply(store: &MetricStore, position: u64, samples: &[(&Labels, i64, f64)]) -> super::ApplyReport {
    store.apply(position, &TenantId::default(), &batch(samples)).unwrap()
}

fn ask(
    store: &MetricStore,
    context: &Context,
    matchers: &[Matcher],
    range: TimeRange,
) -> Result<Vec<SeriesData>, ReadError> {
    metrics::samples(context, &*store.view(context), matchers, range)
}

fn select(store: &MetricStore, matchers: &[Matcher], start: i64, end: i64) -> Vec<SeriesData> {
    ask(store, &context(), matchers, TimeRange::from_millis(start, end)).unwrap()
}

/// Everything in the store, floats as bits.
fn everything(store: &MetricStore) -> Vec<(String, Vec<(i64, u64)>)> {
    let shown = |data: SeriesData| {
        let samples = data.times.iter().copied().zip(data.values.iter().map(|value| value.to_bits())).collect();
        (data.labels.to_string(), samples)
    };
    select(store, &[], i64::MIN / 2_000_000, i64::MAX / 2_000_000).into_iter().map(shown).collect()
}

fn folder_bytes(dir: &Path) -> u64 {
    let size = |entry: std::fs::DirEntry| match entry.file_type().unwrap().is_dir() {
        true => folder_bytes(&entry.path()),
        false => entry.metadata().map_or(0, |metadata| metadata.len()),
    };
    std::fs::read_dir(dir).map_or(0, |entries| entries.map(Result::unwrap).map(size).sum())
}
