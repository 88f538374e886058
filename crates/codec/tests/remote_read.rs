//! Remote read: requests encoded here field by field after `prompb/remote.proto`. The series of an answer have the form of
//! those of remote write 1.0, whose reader has tests of its own.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use clew_codec::remote_read::{decode, encode_samples};
use clew_codec::remote_write::decode_v1;
use clew_model::metrics::{
    BucketSpan, CUSTOM_BUCKETS_SCHEMA, Labels, MatchOp, NativeHistogram, ResetHint, STALE_NAN, SeriesData,
};
use proptest::prelude::*;
use std::sync::Arc;

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn number(field: u64, value: i64) -> Vec<u8> {
    [varint(field << 3), varint(value as u64)].concat()
}

fn message(field: u64, body: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(body.len() as u64), body.to_vec()].concat()
}

fn matcher(kind: i64, name: &str, value: &str) -> Vec<u8> {
    message(3, &[number(1, kind), message(2, name.as_bytes()), message(3, value.as_bytes())].concat())
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().copied()).unwrap()
}

/// The bodies of the length-delimited fields 1, and nothing else.
fn parts(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((&tag, rest)) = bytes.split_first() {
        assert_eq!(tag, 0x0a);
        let (mut length, mut shift, mut at) = (0usize, 0, 0);
        loop {
            length |= usize::from(rest[at] & 0x7f) << shift;
            (shift, at) = (shift + 7, at + 1);
            if rest[at - 1] < 0x80 {
                break;
            }
        }
        parts.push(&rest[at..at + length]);
        bytes = &rest[at + length..];
    }
    parts
}

#[test]
fn queries_come_with_their_ranges_and_all_kinds_of_matchers() {
    let first = [
        number(1, -5),
        number(2, 1_700_000_000_000),
        matcher(0, "__name__", "up"),
        matcher(1, "a", ""),
        matcher(2, "b", "x|y"),
        matcher(3, "c", "z.*"),
        message(4, &[number(1, 15_000), message(2, b"rate")].concat()),
    ];
    let body = [message(1, &first.concat()), message(1, &[]), number(2, 1), number(2, 0)].concat();
    let request = decode(&body).unwrap();
    assert!(request.takes_samples);
    assert_eq!((request.queries[0].start, request.queries[0].end), (-5, 1_700_000_000_000));
    let shown: Vec<_> =
        request.queries[0].matchers.iter().map(|one| (one.name.as_str(), one.op, one.value.as_str())).collect();
    let expected = [
        ("__name__", MatchOp::Equal, "up"),
        ("a", MatchOp::NotEqual, ""),
        ("b", MatchOp::Regex, "x|y"),
        ("c", MatchOp::NotRegex, "z.*"),
    ];
    assert_eq!(shown, expected);
    assert!(request.queries[1].matchers.is_empty());
    assert!(decode(&[]).unwrap().takes_samples);
    assert!(!decode(&number(2, 1)).unwrap().takes_samples);
}

#[test]
fn what_is_no_request_is_refused_with_the_place() {
    for (body, words) in [
        (message(1, &matcher(4, "a", "b")), "queries[0].matchers[0]"),
        (message(1, &matcher(2, "a", "(")), "queries[0].matchers[0]"),
        (vec![0x0a, 9, 1], "at byte 2: expected 9 bytes"),
        ([0x0a, 0].repeat(1_001), "queries"),
    ] {
        let error = decode(&body).unwrap_err().to_string();
        assert!(error.contains(words), "{words:?} is not in {error}");
    }
}

#[test]
fn an_answer_is_these_bytes() {
    let series = SeriesData {
        labels: labels(&[("__name__", "a"), ("b", "c")]),
        times: [1i64].into(),
        values: vec![2.0],
        ..SeriesData::default()
    };
    let label =
        |name: &str, value: &str| message(1, &[message(1, name.as_bytes()), message(2, value.as_bytes())].concat());
    let sample = [&[0x09, 0, 0, 0, 0, 0, 0, 0, 0x40], &number(2, 1)[..]].concat();
    let own = [label("__name__", "a"), label("b", "c"), message(2, &sample)].concat();
    // Of two queries the first found nothing.
    let expected = [message(1, &[]), message(1, &message(1, &own))].concat();
    assert_eq!(encode_samples(&[vec![], vec![series]]), expected);
}

#[test]
fn histograms_of_integers_floats_and_own_bounds_come_back() {
    let integer = NativeHistogram {
        schema: 3,
        zero_threshold: 1e-128,
        zero_count: 1.0,
        count: 9.0,
        sum: f64::from_bits(STALE_NAN),
        positive_spans: vec![BucketSpan { offset: -2, length: 2 }, BucketSpan { offset: 3, length: 1 }],
        positive_buckets: vec![5.0, 0.0, 2.0],
        negative_spans: vec![BucketSpan { offset: 0, length: 1 }],
        negative_buckets: vec![1.0],
        reset_hint: ResetHint::NoReset,
        ..NativeHistogram::default()
    };
    let float =
        NativeHistogram { count: 9.5, zero_count: 1.5, sum: -0.0, reset_hint: ResetHint::Gauge, ..integer.clone() };
    let own = NativeHistogram {
        schema: CUSTOM_BUCKETS_SCHEMA,
        count: 3.0,
        sum: 1.0,
        positive_spans: vec![BucketSpan { offset: 0, length: 2 }],
        positive_buckets: vec![1.0, 2.0],
        custom_bounds: vec![0.5, 10.0],
        ..NativeHistogram::default()
    };
    let all: Vec<_> =
        [integer, float, own].into_iter().enumerate().map(|(at, one)| (at as i64 * 10, Arc::new(one))).collect();
    let series = SeriesData { labels: labels(&[("__name__", "h")]), histograms: all.clone(), ..SeriesData::default() };
    let answer = encode_samples(&[vec![series]]);
    let read = decode_v1(parts(&answer)[0], 1 << 20).unwrap().records;
    assert_eq!(read.histograms.len(), 3);
    for (read, (time, sent)) in read.histograms.iter().zip(&all) {
        assert_eq!((read.time, read.histogram.sum.to_bits()), (*time, sent.sum.to_bits()));
        let without_sum = |one: &NativeHistogram| NativeHistogram { sum: 0.0, ..one.clone() };
        assert_eq!(without_sum(&read.histogram), without_sum(sent));
    }
}

proptest! {
    #[test]
    fn every_bit_of_every_sample_is_answered(all in prop::collection::vec(prop::collection::vec((any::<i64>(), any::<u64>()), 0..20), 0..5)) {
        let series = |(at, samples): (usize, &Vec<(i64, u64)>)| SeriesData {
            labels: labels(&[("__name__", "m"), ("n", &at.to_string())]),
            times: samples.iter().map(|(time, _)| *time).collect(),
            values: samples.iter().map(|(_, bits)| f64::from_bits(*bits)).collect(),
            ..SeriesData::default()
        };
        let answer = encode_samples(&[all.iter().enumerate().map(series).collect()]);
        let read = decode_v1(parts(&answer)[0], 16 << 20).unwrap().records;
        let read = read.samples.iter().map(|one| {
            (read.series.labels(one.series as usize).unwrap(), one.time, one.value.to_bits())
        });
        let expected = all.iter().enumerate().flat_map(|(at, samples)| {
            samples.iter().map(move |(time, bits)| (labels(&[("__name__", "m"), ("n", &at.to_string())]), *time, *bits))
        });
        prop_assert!(read.eq(expected));
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&body);
    }
}
