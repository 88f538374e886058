//! Frames of the journal that are applied together, against the same batches applied one after the other.

use super::super::{FrameLinks, JournalFrame};
use super::*;
use clew_columns::frames::metrics::{MetricFrame, MetricFrameDecoder, MetricFrameEncoder, SeriesNumbers};
use clew_model::metrics::{Exemplar, HistogramSample, NativeHistogram, SampleStart};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A batch of a few series with samples in order, late, twice and in conflict.
fn random_batch(random: &mut fastrand::Rng, base: i64) -> MetricBatch {
    let mut order: Vec<usize> = (0..12).collect();
    random.shuffle(&mut order);
    order.truncate(random.usize(1..10));
    let series = order.iter().map(|number| labels(&[("__name__", "m"), ("n", &number.to_string())])).collect();
    let sample = |random: &mut fastrand::Rng| Sample {
        series: random.u32(..order.len() as u32),
        time: base + random.i64(-40..20),
        value: f64::from(random.u8(..3)),
    };
    let histogram = |random: &mut fastrand::Rng| HistogramSample {
        series: random.u32(..order.len() as u32),
        time: base + random.i64(..20),
        histogram: Arc::new(NativeHistogram { count: f64::from(random.u8(..3)), ..NativeHistogram::default() }),
    };
    let exemplar = |random: &mut fastrand::Rng| Exemplar {
        series: random.u32(..order.len() as u32),
        time: base,
        value: 1.0,
        labels: labels(&[("trace_id", &random.u8(..4).to_string())]),
    };
    let samples: Vec<Sample> = (0..random.usize(..60)).map(|_| sample(random)).collect();
    let histograms: Vec<HistogramSample> = (0..random.usize(..3)).map(|_| histogram(random)).collect();
    let places = samples.iter().map(|one| (one.series, one.time));
    let places = places.chain(histograms.iter().map(|one| (one.series, one.time)));
    let starts = places.map(|(series, time)| SampleStart { series, time, start: random.i64(1..3) });
    let starts: Vec<SampleStart> = starts.collect();
    MetricBatch {
        series,
        samples,
        histograms,
        starts: starts.into_iter().filter(|_| random.u8(..3) > 0).collect(),
        exemplars: (0..random.usize(..3)).map(|_| exemplar(random)).collect(),
        ..MetricBatch::default()
    }
}

/// The batches as frames of a journal, in segments of some frames.
fn frames(batches: &[(TenantId, MetricBatch)]) -> Vec<MetricFrame> {
    let (mut encoder, mut decoder) = (MetricFrameEncoder::new(), MetricFrameDecoder::new());
    let mut tables: BTreeMap<TenantId, Vec<Labels>> = BTreeMap::new();
    let frame = |(at, (tenant, batch)): (usize, &(TenantId, MetricBatch))| {
        let table = tables.entry(tenant.clone()).or_default();
        let number = |labels: Labels| {
            table.iter().position(|known| *known == labels).unwrap_or_else(|| {
                table.push(labels);
                table.len() - 1
            })
        };
        let numbers: Vec<u32> = batch.series.iter().map(number).map(|number| number as u32).collect();
        let (segment, mut bytes) = (at as u64 / 7, Vec::new());
        encoder.encode(segment, tenant, batch, SeriesNumbers { table: 1, numbers: &numbers }, &mut bytes).unwrap();
        decoder.decode(segment, &bytes).unwrap()
    };
    batches.iter().enumerate().map(frame).collect()
}

/// Everything that is told about the default tenant.
fn told(store: &MetricStore) -> (Vec<SeriesData>, Vec<String>) {
    let (context, range) = (context(), TimeRange::from_millis(0, WIDTH));
    let exemplars = metrics::exemplars(&context, &*store.view(&context), &[], range).unwrap();
    (select(store, &[], 0, WIDTH), exemplars.iter().map(|row| format!("{row:?}")).collect())
}

#[test]
fn frames_applied_together_leave_what_batches_one_by_one_leave() {
    for seed in 0..30 {
        let mut random = fastrand::Rng::with_seed(seed);
        let tenants = [TenantId::default(), TenantId::new("other").unwrap()];
        let batch = |at: i64| (tenants[usize::from(at % 5 == 3)].clone(), random_batch(&mut random, 1_000 + at * 15));
        let batches: Vec<_> = (0..40).map(batch).collect();
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (alone, together) = (open(one.path()), open(other.path()));
        // Some are sealed already: of those only the label sets are remembered.
        let (sealed, seals_at) = (random.u64(..10), random.u64(10..40));
        let mut links = FrameLinks::default();
        let mut waiting = Vec::new();
        for (position, (frame, (tenant, batch))) in (1u64..).zip(frames(&batches).into_iter().zip(&batches)) {
            let wanted = position > sealed;
            waiting.push(JournalFrame { position, frame, wanted });
            if wanted {
                alone.apply(position, tenant, batch).unwrap();
            }
            if random.u8(..6) == 0 || position == seals_at {
                together.apply_frames(std::mem::take(&mut waiting), &mut links).unwrap();
            }
            if position == seals_at {
                alone.seal().unwrap();
                together.seal().unwrap();
            }
        }
        together.apply_frames(waiting, &mut links).unwrap();
        assert_eq!(told(&together), told(&alone), "seed {seed}");
        let counts = |store: &MetricStore| (store.hot_stats().samples, store.hot_stats().series);
        assert_eq!(counts(&together), counts(&alone), "seed {seed}");
    }
}

#[test]
fn many_samples_applied_on_two_threads_are_all_there() {
    let all: Vec<Labels> =
        (0..600).map(|number| labels(&[("__name__", "m"), ("n", &format!("{number:03}"))])).collect();
    let mut random = fastrand::Rng::with_seed(5);
    let round = |round: i64| {
        let sample = |series: usize| Sample {
            series: series as u32,
            // Every seventh comes late, some of them twice.
            time: if round % 7 == 6 { 20 } else { round * 15 },
            value: f64::from(random.u8(..2)),
        };
        let samples = (0..all.len()).map(sample).collect();
        (TenantId::default(), MetricBatch { series: all.as_slice().into(), samples, ..MetricBatch::default() })
    };
    let batches: Vec<_> = (0..20).map(round).collect();
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (alone, together) = (open(one.path()), open(other.path()));
    let read = |(position, frame)| JournalFrame { position, frame, wanted: true };
    together.apply_frames((1..).zip(frames(&batches)).map(read).collect(), &mut FrameLinks::default()).unwrap();
    for (position, (tenant, batch)) in (1..).zip(&batches) {
        alone.apply(position, tenant, batch).unwrap();
    }
    assert!(together.hot_stats().samples > 10_000);
    assert_eq!(told(&together), told(&alone));
    let sizes = |store: &MetricStore| (store.hot_stats().samples, store.hot_stats().series);
    assert_eq!(sizes(&together), sizes(&alone));
}
