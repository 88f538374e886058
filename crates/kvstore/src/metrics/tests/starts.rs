//! Start timestamps, against a map of what was sent, wherever the samples are.

use super::*;
use clew_model::metrics::{HistogramSample, NativeHistogram, SampleStart};
use std::collections::BTreeMap;

/// What a sample has by its time: whether it is a histogram, and its start.
type Sent = BTreeMap<i64, (bool, i64)>;

/// The starts that are read, in the form of what was sent.
fn read(store: &MetricStore, range: (i64, i64)) -> Sent {
    let found = select(store, &[], range.0, range.1);
    let Some(series) = found.first() else { return Sent::new() };
    let (floats, histograms) = (series.times.len(), series.histograms.len());
    assert!(series.starts.is_empty() || series.starts.len() == floats);
    assert!(series.histogram_starts.is_empty() || series.histogram_starts.len() == histograms);
    let start = |starts: &[i64], place: usize| starts.get(place).copied().unwrap_or(0);
    let floats = series.times.iter().enumerate().map(|(at, time)| (*time, (false, start(&series.starts, at))));
    let histograms = series.histograms.iter().enumerate();
    let histograms = histograms.map(|(at, (time, _))| (*time, (true, start(&series.histogram_starts, at))));
    floats.chain(histograms).collect()
}

/// Samples that the store does not have yet, in any order of time: most go on, some are late, some have no start.
fn random_batch(random: &mut fastrand::Rng, newest: &mut i64, sent: &mut Sent) -> MetricBatch {
    let mut batch = MetricBatch { series: [labels(&[("__name__", "a")])].into(), ..MetricBatch::default() };
    let start = random.i64(0..3);
    for _ in 0..random.usize(1..40) {
        let time = if random.u8(..6) == 0 { random.i64(1..=*newest) } else { *newest + random.i64(1..9_000) };
        *newest = time.max(*newest);
        if sent.contains_key(&time) {
            continue;
        }
        let start = if random.u8(..12) == 0 { random.i64(0..3) } else { start };
        let is_histogram = random.u8(..5) == 0;
        sent.insert(time, (is_histogram, start));
        if is_histogram {
            batch.histograms.push(HistogramSample { series: 0, time, histogram: Arc::new(NativeHistogram::default()) });
        } else {
            batch.samples.push(Sample { series: 0, time, value: 1.0 });
        }
        if start != 0 {
            batch.starts.push(SampleStart { series: 0, time, start });
        }
    }
    batch
}

#[test]
fn every_sample_keeps_its_own_start_wherever_it_is() {
    for seed in 0..15 {
        let mut random = fastrand::Rng::with_seed(seed);
        let dir = tempfile::tempdir().unwrap();
        let mut store = open(dir.path());
        let (mut newest, mut sent) = (1, Sent::new());
        for position in 1..60 {
            let batch = random_batch(&mut random, &mut newest, &mut sent);
            store.apply(position, &TenantId::default(), &batch).unwrap();
            match random.u8(..12) {
                0 | 1 => drop(store.seal().unwrap()),
                2 => drop(store.compact().unwrap()),
                3 => {
                    store.seal().unwrap();
                    drop(store);
                    store = open(dir.path());
                }
                _ => {}
            }
            let range = (random.i64(0..newest), newest - random.i64(0..newest) / 4);
            let expected: Sent = match range.0 <= range.1 {
                true => sent.range(range.0..=range.1).map(|(time, one)| (*time, *one)).collect(),
                false => Sent::new(),
            };
            assert_eq!(read(&store, range), expected, "seed {seed}, position {position}");
        }
        assert!(sent.values().any(|(_, start)| *start != 0));
    }
}
