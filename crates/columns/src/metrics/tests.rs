use super::*;
use crate::bytes::Reader;
use clew_model::UnixMillis;
use clew_model::metrics::{BucketSpan, Labels, NativeHistogram, ResetHint, STALE_NAN};
use proptest::prelude::*;
use std::sync::Arc;

fn round_trip(times: &[UnixMillis], values: &[f64], effort: Effort) -> usize {
    let mut out = Vec::new();
    SampleEncoder::default().encode(&mut out, 0, times, values, effort);
    let (mut read_times, mut read_values) = (Vec::new(), Vec::new());
    let mut decoder = SampleDecoder::default();
    decoder.decode(&out, i64::MIN, i64::MAX, &mut read_times, &mut read_values).unwrap();
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(read_times, times);
    assert_eq!(bits(&read_values), bits(values));
    out.len()
}

/// A series of a kind, as in the field: counters, gauges with decimals, memory in pages, sums of seconds.
fn series(kind: usize, count: usize, random: &mut fastrand::Rng) -> Vec<f64> {
    let mut level = random.u32(0..1_000_000) as f64;
    (0..count)
        .map(|_| {
            level += match kind {
                0 => f64::from(random.u32(0..200)),
                1 => f64::from(random.u32(0..1000)) / 100.0,
                2 => f64::from(random.i32(-50..50)) * 4096.0,
                3 => random.f64() * 0.7,
                _ => 0.0,
            };
            if kind == 1 { (level * 100.0).round() / 100.0 } else { level }
        })
        .collect()
}

#[test]
fn regular_series_are_small() {
    let mut random = fastrand::Rng::with_seed(7);
    let times: Vec<i64> = (0..480).map(|at| 1_700_000_000_000 + at * 15_000).collect();
    // Bounds a little above what was measured on the same kinds of series: bytes a sample, fast and best.
    for (kind, fast, best) in [(0, 1.3, 1.3), (1, 1.5, 1.5), (2, 1.1, 1.1), (3, 7.0, 6.2), (4, 0.05, 0.05)] {
        let values = series(kind, times.len(), &mut random);
        let bytes = |effort| round_trip(&times, &values, effort) as f64 / times.len() as f64;
        assert!(bytes(Effort::Fast) <= fast, "kind {kind}: {}", bytes(Effort::Fast));
        assert!(bytes(Effort::Best) <= best, "kind {kind}: {}", bytes(Effort::Best));
    }
}

#[test]
fn a_staleness_marker_does_not_spoil_a_block() {
    let times: Vec<i64> = (0..120).map(|at| at * 15_000).collect();
    let mut values = series(0, 120, &mut fastrand::Rng::with_seed(1));
    let without = round_trip(&times, &values, Effort::Fast);
    values[119] = f64::from_bits(STALE_NAN);
    assert!(round_trip(&times, &values, Effort::Fast) <= without + 3);
}

#[test]
fn long_series_with_irregular_times_come_back_and_can_be_cut() {
    let mut random = fastrand::Rng::with_seed(3);
    let mut time = 0;
    let times: Vec<i64> = (0..20_000)
        .map(|_| {
            time += random.i64(1..30_000);
            time
        })
        .collect();
    for kind in 0..5 {
        let values = series(kind, times.len(), &mut random);
        let mut out = Vec::new();
        SampleEncoder::default().encode(&mut out, 0, &times, &values, Effort::Best);
        for _ in 0..20 {
            let (one, other) = (random.i64(-10..time + 10), random.i64(-10..time + 10));
            let (start, end) = (one.min(other), one.max(other));
            let (mut read_times, mut read_values) = (Vec::new(), Vec::new());
            SampleDecoder::default().decode(&out, start, end, &mut read_times, &mut read_values).unwrap();
            let expected: Vec<(i64, f64)> = times
                .iter()
                .copied()
                .zip(values.iter().copied())
                .filter(|(at, _)| (start..=end).contains(at))
                .collect();
            assert_eq!(read_times.into_iter().zip(read_values).collect::<Vec<_>>(), expected);
        }
    }
}

#[test]
fn damaged_blocks_never_panic() {
    let mut random = fastrand::Rng::with_seed(5);
    for round in 0..3_000 {
        let count = if round % 50 == 0 { 600 } else { random.usize(1..40) };
        let times: Vec<i64> = (0..count as i64).map(|at| at * 1_000 + random.i64(0..999)).collect();
        let mut out = Vec::new();
        let values = series(random.usize(0..5), count, &mut random);
        SampleEncoder::default().encode(&mut out, 0, &times, &values, Effort::Best);
        for _ in 0..3 {
            let at = random.usize(0..out.len());
            out[at] ^= random.u8(1..);
        }
        out.truncate(random.usize(0..=out.len()));
        let _ = SampleDecoder::default().decode(&out, i64::MIN, i64::MAX, &mut Vec::new(), &mut Vec::new());
        let _ = decode_histograms(&out, i64::MIN, i64::MAX, &mut Vec::new());
        let _ = decode_labels(&out);
        let _ = decode_exemplars(&out);
        let _ = decode_metadata(&out);
        let _ = decode_values(&mut Reader::new(&out), count);
    }
}

fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-1_000_000i64..1_000_000).prop_map(|value| value as f64),
        4 => (-1_000_000i64..1_000_000).prop_map(|value| value as f64 / 100.0),
        2 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(f64::from_bits(STALE_NAN)),
        1 => Just(-0.0), 1 => Just(0.0), 1 => Just(f64::NAN), 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY),
        1 => Just(f64::from_bits(0x7ff8_0000_0000_0001)), 1 => Just(f64::MIN_POSITIVE / 8.0), 1 => Just(9_007_199_254_740_993.0),
    ]
}

fn any_histogram() -> impl Strategy<Value = NativeHistogram> {
    let spans = || {
        prop::collection::vec(
            (any::<i32>(), any::<u32>()).prop_map(|(offset, length)| BucketSpan { offset, length }),
            0..3,
        )
    };
    let buckets = || prop::collection::vec(any_value(), 0..4);
    (0i32..3, spans(), buckets(), spans(), buckets(), any_value(), any_value(), 0usize..4).prop_map(
        |(schema, positive_spans, positive_buckets, negative_spans, negative_buckets, count, sum, hint)| {
            NativeHistogram {
                schema,
                zero_threshold: count,
                zero_count: sum,
                count,
                sum,
                positive_spans,
                positive_buckets,
                negative_spans,
                negative_buckets,
                custom_bounds: if schema == 0 { vec![sum] } else { vec![] },
                reset_hint: [ResetHint::Unknown, ResetHint::Reset, ResetHint::NoReset, ResetHint::Gauge][hint],
            }
        },
    )
}

/// As text, in which every float is its bits: NaN is not equal to itself.
fn shown(histogram: &NativeHistogram) -> String {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let h = histogram;
    format!(
        "{} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        h.schema,
        bits(&[h.zero_threshold, h.zero_count, h.count, h.sum]),
        h.positive_spans,
        bits(&h.positive_buckets),
        h.negative_spans,
        bits(&h.negative_buckets),
        bits(&h.custom_bounds),
        h.reset_hint
    )
}

proptest! {
    #[test]
    fn every_bit_of_any_series_comes_back(
        samples in prop::collection::btree_map(any::<i64>(), any_value(), 1..500),
        shift in 0u32..60,
    ) {
        let samples: std::collections::BTreeMap<i64, f64> = samples.into_iter().map(|(time, value)| (time >> shift, value)).collect();
        let times: Vec<i64> = samples.keys().copied().collect();
        let values: Vec<f64> = samples.values().copied().collect();
        round_trip(&times, &values, Effort::Fast);
        round_trip(&times, &values, Effort::Best);
    }

    #[test]
    fn native_histograms_come_back(histograms in prop::collection::vec((any_histogram(), 1usize..4), 0..6)) {
        let mut list: Vec<(i64, Arc<NativeHistogram>)> = Vec::new();
        for (histogram, times) in histograms {
            for _ in 0..times {
                list.push((list.len() as i64 * 10 - 20, Arc::new(histogram.clone())));
            }
        }
        let mut out = Vec::new();
        encode_histograms(&mut out, &list, Effort::Best);
        let mut read = Vec::new();
        decode_histograms(&out, -10, 1_000, &mut read).unwrap();
        let show = |list: &[(i64, Arc<NativeHistogram>)]| list.iter().filter(|(time, _)| *time >= -10).map(|(time, one)| (*time, shown(one))).collect::<Vec<_>>();
        prop_assert_eq!(show(&read), show(&list));
    }

    #[test]
    fn lists_come_back(names in prop::collection::vec("[a-z]{1,5}", 0..40)) {
        let labels: Vec<Labels> = names.iter().map(|name| Labels::new([("__name__", name.as_str()), ("job", "x")]).unwrap()).collect();
        prop_assert_eq!(&decode_labels(&encode_labels(&labels)).unwrap(), &labels);
        let exemplars: Vec<StoredExemplar> = labels.iter().enumerate().map(|(at, labels)| StoredExemplar { series: at as u32, time: 5 - at as i64 * 3, value: at as f64 / 7.0, labels: labels.clone() }).collect();
        prop_assert_eq!(decode_exemplars(&encode_exemplars(&exemplars)).unwrap(), exemplars);
    }
}
