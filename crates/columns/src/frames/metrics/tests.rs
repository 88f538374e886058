use super::*;
use clew_model::TenantId;
use clew_model::metrics::{
    Exemplar, HistogramSample, Labels, Metadata, MetricBatch, MetricType, NativeHistogram, STALE_NAN, Sample,
    SampleStart,
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

/// The table that numbers the series, as the store's does.
#[derive(Default)]
struct Table(std::collections::HashMap<Labels, u32>);

impl Table {
    fn numbers(&mut self, batch: &MetricBatch) -> Vec<u32> {
        let number = |labels| {
            let next = self.0.len() as u32;
            *self.0.entry(labels).or_insert(next)
        };
        batch.series.iter().map(number).collect()
    }
}

fn encode(
    (encoder, table): (&mut MetricFrameEncoder, &mut Table),
    segment: u64,
    tenant: &TenantId,
    batch: &MetricBatch,
) -> Result<Vec<u8>, crate::bytes::BytesError> {
    let numbers = table.numbers(batch);
    let mut frame = Vec::new();
    let encoded = encoder.encode(segment, tenant, batch, SeriesNumbers { table: 1, numbers: &numbers }, &mut frame);
    assert!(encoded.is_ok() || frame.is_empty());
    encoded.map(|()| frame)
}

/// Reads frames, and remembers the label sets that they name.
#[derive(Default)]
struct Reading {
    decoder: MetricFrameDecoder,
    known: FrameSeries,
    beginnings: u64,
}

impl Reading {
    /// Whose batch a frame is, and the batch.
    fn decode(&mut self, segment: u64, frame: &[u8]) -> (TenantId, MetricBatch) {
        let frame = self.decoder.decode(segment, frame).unwrap();
        self.known.take(&frame);
        self.beginnings += u64::from(frame.begins);
        let series = frame.numbers.iter().map(|number| self.known.key(*number).unwrap().to_labels()).collect();
        (frame.tenant, MetricBatch { series, ..frame.batch })
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
    assert_eq!(left.starts, right.starts);
    assert_eq!(left.metadata, right.metadata);
}

#[test]
fn scrapes_of_the_same_series_are_small_and_come_back() {
    let mut random = fastrand::Rng::with_seed(11);
    let (mut encoder, mut decoder) = (MetricFrameEncoder::new(), Reading::default());
    let mut table = Table::default();
    let tenant = TenantId::new("team").unwrap();
    for round in 0..30 {
        let segment = round / 10;
        let batch = scrape(500, 1_700_000_000_000 + round as i64 * 15_000, &mut random);
        let frame = encode((&mut encoder, &mut table), segment, &tenant, &batch).unwrap();
        assert!(round % 10 == 0 || frame.len() < 500 * 4, "{}", frame.len());
        let (read_tenant, read) = decoder.decode(segment, &frame);
        assert_eq!(read_tenant, tenant);
        same(&read, &batch);
    }
    assert_eq!(encoder.state_size().0, 500);
}

#[test]
fn a_missing_frame_is_noticed_and_a_reset_mends_it() {
    let mut random = fastrand::Rng::with_seed(12);
    let (mut encoder, mut decoder) = (MetricFrameEncoder::new(), MetricFrameDecoder::new());
    let mut table = Table::default();
    let tenant = TenantId::default();
    let mut frames = Vec::new();
    for round in 0..4 {
        if round == 3 {
            encoder.reset();
        }
        frames.push(encode((&mut encoder, &mut table), 1, &tenant, &scrape(5, round, &mut random)).unwrap());
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
        series: [labels(3), labels(1), labels(3)].into(),
        samples: vec![
            Sample { series: 2, time: -5, value: f64::NAN },
            Sample { series: 0, time: i64::MAX, value: 1e300 },
        ],
        histograms: vec![HistogramSample { series: 1, time: 8, histogram: Arc::new(histogram) }],
        starts: vec![
            SampleStart { series: 2, time: -5, start: i64::MIN },
            SampleStart { series: 0, time: i64::MAX, start: 7 },
        ],
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
    let (mut encoder, mut table) = (MetricFrameEncoder::new(), Table::default());
    let frame = encode((&mut encoder, &mut table), 7, &TenantId::default(), &batch).unwrap();
    same(&Reading::default().decode(7, &frame).1, &batch);
    let wrong = MetricBatch { samples: vec![Sample { series: 9, time: 0, value: 0.0 }], ..batch };
    assert!(encode((&mut MetricFrameEncoder::new(), &mut table), 7, &TenantId::default(), &wrong).is_err());
}

#[test]
fn series_of_tenants_and_of_tables_made_anew_are_not_mixed_up() {
    let (mut encoder, mut decoder) = (MetricFrameEncoder::new(), Reading::default());
    let tenants = [TenantId::default(), TenantId::new("other").unwrap()];
    let mut random = fastrand::Rng::with_seed(13);
    for round in 0..12u64 {
        // Each table numbers the series in an order of its own.
        let (tenant, table) = (&tenants[round as usize % 2], round / 4);
        let batch = scrape(6, round as i64, &mut random);
        let mut numbers: Vec<u32> = (0..6).map(|number| (number + round as u32 % 2 + table as u32) % 6).collect();
        numbers.rotate_left(table as usize);
        let mut frame = Vec::new();
        let series = SeriesNumbers { table, numbers: &numbers };
        encoder.encode(0, tenant, &batch, series, &mut frame).unwrap();
        let (read_tenant, read) = decoder.decode(0, &frame);
        assert_eq!(&read_tenant, tenant);
        same(&read, &batch);
    }
    // Two tenants with three tables each.
    assert_eq!((encoder.state_size().0, decoder.beginnings), (36, 1));
    let short = SeriesNumbers { table: 2, numbers: &[0] };
    let batch = scrape(6, 0, &mut random);
    assert!(encoder.encode(0, &tenants[0], &batch, short, &mut Vec::new()).is_err());
}

proptest! {
    #[test]
    fn batches_in_any_order_come_back(rounds in prop::collection::vec(prop::collection::vec((0usize..20, any::<i64>(), any::<u64>(), 0u8..3), 0..30), 1..6)) {
        let (mut encoder, mut decoder) = (MetricFrameEncoder::new(), Reading::default());
    let mut table = Table::default();
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
            let frame = encode((&mut encoder, &mut table), 0, &TenantId::default(), &batch).unwrap();
            same(&decoder.decode(0, &frame).1, &batch);
        }
    }

    #[test]
    fn damaged_frames_never_panic(seed: u64, damage in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4)) {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut encoder, mut table) = (MetricFrameEncoder::new(), Table::default());
        let mut batch = scrape(20, 5, &mut random);
        batch.starts = (0..20).map(|series| SampleStart { series, time: 5, start: 1 + i64::from(series) / 7 }).collect();
        let mut frame = encode((&mut encoder, &mut table), 0, &TenantId::default(), &batch).unwrap();
        for (at, bits) in damage {
            let at = at.index(frame.len());
            frame[at] ^= bits;
        }
        let _ = MetricFrameDecoder::new().decode(0, &frame);
    }
}
