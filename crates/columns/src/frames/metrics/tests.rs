use super::*;
use clew_model::TenantId;
use clew_model::metrics::{
    Exemplar, HistogramSample, Labels, Metadata, MetricBatch, MetricType, NativeHistogram, STALE_NAN, Sample,
};
use proptest::prelude::*;
use std::sync::Arc;

fn labels(number: usize) -> Labels {
    Labels::new([("__name__", format!("metric_{}", number % 7)), ("instance", format!("host-{number}"))]).unwrap()
}

/// A scrape of `count` series at `time`, counters, decimals, floats and staleness markers among them.
fn scrape(count: usize, time: i64, random: &mut fastrand::Rng) -> MetricBatch {
    let value = |number: usize, random: &mut fastrand::Rng| match number % 5 {
        0 => (time / 100 + random.i64(0..50)) as f64,
        1 => f64::from(random.u32(0..10_000)) / 100.0,
        2 => random.f64(),
        3 => 1.0,
        _ if random.u8(0..20) == 0 => f64::from_bits(STALE_NAN),
        _ => -0.0,
    };
    MetricBatch {
        series: (0..count).map(labels).collect(),
        samples: (0..count).map(|at| Sample { series: at as u32, time, value: value(at, random) }).collect(),
        ..MetricBatch::default()
    }
}

fn same(left: &MetricBatch, right: &MetricBatch) {
    let bits = |batch: &MetricBatch| {
        batch.samples.iter().map(|sample| (sample.series, sample.time, sample.value.to_bits())).collect::<Vec<_>>()
    };
    assert!(bits(left) == bits(right), "samples differ");
    assert_eq!(left.series, right.series);
    assert_eq!(left.histograms, right.histograms);
    assert_eq!(left.exemplars, right.exemplars);
    assert_eq!(left.metadata, right.metadata);
}

#[test]
fn scrapes_of_the_same_series_are_small_and_come_back() {
    let mut random = fastrand::Rng::with_seed(11);
    let (mut encoder, mut decoder) = (MetricFrameEncoder::new(), MetricFrameDecoder::new());
    let tenant = TenantId::new("team").unwrap();
    for round in 0..30 {
        let segment = round / 10;
        let batch = scrape(500, 1_700_000_000_000 + round as i64 * 15_000, &mut random);
        let mut frame = Vec::new();
        encoder.encode(segment, &tenant, &batch, &mut frame).unwrap();
        assert!(round % 10 == 0 || frame.len() < 500 * 4, "{}", frame.len());
        let (read_tenant, read) = decoder.decode(segment, &frame).unwrap();
        assert_eq!(read_tenant, tenant);
        same(&read, &batch);
    }
    assert_eq!(encoder.state_size().0, 500);
}

#[test]
fn a_missing_frame_is_noticed_and_a_reset_mends_it() {
    let mut random = fastrand::Rng::with_seed(12);
    let (mut encoder, mut decoder) = (MetricFrameEncoder::new(), MetricFrameDecoder::new());
    let tenant = TenantId::default();
    let mut frames = Vec::new();
    for round in 0..4 {
        if round == 3 {
            encoder.reset();
        }
        let mut frame = Vec::new();
        encoder.encode(1, &tenant, &scrape(5, round, &mut random), &mut frame).unwrap();
        frames.push(frame);
    }
    assert!(decoder.decode(1, &frames[0]).is_ok());
    let error = decoder.decode(1, &frames[2]).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    assert!(decoder.decode(1, &frames[1]).is_err());
    assert!(decoder.decode(1, &frames[3]).is_ok());
    assert!(decoder.decode(2, &frames[3]).is_ok());
}

#[test]
fn what_stands_beside_the_samples_comes_back() {
    let histogram =
        NativeHistogram { count: 3.0, sum: 1.5, positive_buckets: vec![1.0, 2.0], ..NativeHistogram::default() };
    let batch = MetricBatch {
        series: vec![labels(3), labels(1), labels(3)],
        samples: vec![
            Sample { series: 2, time: -5, value: f64::NAN },
            Sample { series: 0, time: i64::MAX, value: 1e300 },
        ],
        histograms: vec![HistogramSample { series: 1, time: 8, histogram: Arc::new(histogram) }],
        exemplars: vec![Exemplar {
            series: 0,
            time: 9,
            value: 0.1,
            labels: Labels::new([("trace_id", "abc")]).unwrap(),
        }],
        metadata: vec![Metadata {
            metric: "m".into(),
            metric_type: MetricType::Info,
            help: "h".into(),
            unit: "s".into(),
        }],
    };
    let mut frame = Vec::new();
    MetricFrameEncoder::new().encode(7, &TenantId::default(), &batch, &mut frame).unwrap();
    same(&MetricFrameDecoder::new().decode(7, &frame).unwrap().1, &batch);
    let wrong = MetricBatch { samples: vec![Sample { series: 9, time: 0, value: 0.0 }], ..batch };
    let mut out = Vec::new();
    assert!(MetricFrameEncoder::new().encode(7, &TenantId::default(), &wrong, &mut out).is_err());
    assert!(out.is_empty());
}

proptest! {
    #[test]
    fn batches_in_any_order_come_back(rounds in prop::collection::vec(prop::collection::vec((0usize..20, any::<i64>(), any::<u64>(), 0u8..3), 0..30), 1..6)) {
        let (mut encoder, mut decoder) = (MetricFrameEncoder::new(), MetricFrameDecoder::new());
        for samples in rounds {
            let batch = MetricBatch {
                series: samples.iter().map(|(number, ..)| labels(*number)).collect(),
                samples: samples.iter().enumerate().map(|(at, (_, time, bits, kind))| Sample {
                    series: (samples.len() - 1 - at) as u32,
                    time: *time,
                    value: match kind { 0 => f64::from_bits(*bits), 1 => (*bits as i32).into(), _ => f64::from(*bits as i32) / 1000.0 },
                }).collect(),
                ..MetricBatch::default()
            };
            let mut frame = Vec::new();
            encoder.encode(0, &TenantId::default(), &batch, &mut frame).unwrap();
            same(&decoder.decode(0, &frame).unwrap().1, &batch);
        }
    }

    #[test]
    fn damaged_frames_never_panic(seed: u64, damage in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4)) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut frame = Vec::new();
        MetricFrameEncoder::new().encode(0, &TenantId::default(), &scrape(20, 5, &mut random), &mut frame).unwrap();
        for (at, bits) in damage {
            let at = at.index(frame.len());
            frame[at] ^= bits;
        }
        let _ = MetricFrameDecoder::new().decode(0, &frame);
    }
}
