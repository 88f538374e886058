//! Remote write bodies, encoded here field by field after `prompb/types.proto` and `io/prometheus/write/v2/types.proto`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use clew_codec::remote_write::{decode_v1, decode_v2};
use clew_codec::{DecodeError, Decoded};
use clew_model::metrics::{BucketSpan, Labels, MetricBatch, MetricType, NativeHistogram, ResetHint, STALE_NAN};
use proptest::prelude::*;
use std::collections::BTreeMap;

const MEMORY: usize = 16 << 20;

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

fn signed(field: u64, value: i64) -> Vec<u8> {
    number(field, (value << 1) ^ (value >> 63))
}

fn double(field: u64, value: f64) -> Vec<u8> {
    [varint(field << 3 | 1), value.to_bits().to_le_bytes().to_vec()].concat()
}

fn message(field: u64, body: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(body.len() as u64), body.to_vec()].concat()
}

fn label((name, value): (&str, &str)) -> Vec<u8> {
    message(1, &[message(1, name.as_bytes()), message(2, value.as_bytes())].concat())
}

fn sample(value: f64, time: i64) -> Vec<u8> {
    message(2, &[double(1, value), number(2, time)].concat())
}

fn series(labels: &[(&str, &str)], rest: &[Vec<u8>]) -> Vec<u8> {
    message(1, &[labels.iter().copied().flat_map(label).collect(), rest.concat()].concat())
}

/// Label set, time and bits of each sample, in the order of the body.
fn samples(batch: &MetricBatch) -> Vec<(Labels, i64, u64)> {
    let one = |sample: &clew_model::metrics::Sample| {
        (batch.series.labels(sample.series as usize).unwrap(), sample.time, sample.value.to_bits())
    };
    batch.samples.iter().map(one).collect()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().copied()).unwrap()
}

fn v1(parts: &[Vec<u8>]) -> Decoded<MetricBatch> {
    decode_v1(&parts.concat(), MEMORY).unwrap()
}

#[test]
fn samples_exemplars_and_metadata_come_as_they_were_sent() {
    let exemplar = [label(("trace_id", "abc")), double(2, 0.25), number(3, 990)].concat();
    let metadata = [number(1, 1), message(2, b"a_total"), message(4, b"All."), message(5, b"bytes")].concat();
    let decoded = v1(&[
        series(&[("__name__", "a_total"), ("job", "x")], &[sample(1.5, 1000), sample(-0.0, -5), message(3, &exemplar)]),
        message(3, &metadata),
        series(&[("__name__", "b")], &[sample(f64::from_bits(STALE_NAN), 2000)]),
    ]);
    let a = labels(&[("__name__", "a_total"), ("job", "x")]);
    let expected = [
        (a.clone(), 1000, 1.5f64.to_bits()),
        (a.clone(), -5, (-0.0f64).to_bits()),
        (labels(&[("__name__", "b")]), 2000, STALE_NAN),
    ];
    assert_eq!(samples(&decoded.records), expected);
    assert_eq!((decoded.accepted, decoded.rejected), (3, 0));
    let exemplar = &decoded.records.exemplars[0];
    assert_eq!((exemplar.time, exemplar.value), (990, 0.25));
    assert_eq!(exemplar.labels, labels(&[("trace_id", "abc")]));
    let metadata = &decoded.records.metadata[0];
    assert_eq!(metadata.metric_type, MetricType::Counter);
    assert_eq!([&metadata.metric, &metadata.help, &metadata.unit], ["a_total", "All.", "bytes"]);
}

#[test]
fn a_series_that_is_none_is_refused_by_itself_with_all_its_samples() {
    for (bad, words) in [
        (series(&[("job", "x")], &[sample(1.0, 1), sample(2.0, 2)]), "no metric name"),
        (series(&[("__name__", ""), ("job", "x")], &[sample(1.0, 1), sample(2.0, 2)]), "no metric name"),
        (series(&[("__name__", "a"), ("__name__", "b")], &[sample(1.0, 1), sample(2.0, 2)]), "__name__"),
        (series(&[("__name__", "a"), ("b", "1"), ("b", "2")], &[sample(1.0, 1), sample(2.0, 2)]), "\"b\""),
        (series(&[("__name__", "a"), ("", "1")], &[sample(1.0, 1), sample(2.0, 2)]), "empty name"),
        (
            message(
                1,
                &[label(("__name__", "a")), message(1, &message(2, b"\xff")), sample(1.0, 1), sample(2.0, 2)].concat(),
            ),
            "",
        ),
    ] {
        let good = series(&[("__name__", "good")], &[sample(7.0, 7)]);
        let decoded = v1(&[good.clone(), bad, good]);
        assert_eq!((decoded.accepted, decoded.rejected), (2, 2), "{words}");
        assert_eq!(decoded.rejects.iter().map(|one| one.index).collect::<Vec<_>>(), [1, 2]);
        assert!(decoded.message().contains(words), "{words:?} is not in {}", decoded.message());
    }
}

/// `positive_spans` of one run.
fn spans(field: u64, offset: i64, length: i64) -> Vec<u8> {
    message(field, &[signed(1, offset), number(2, length)].concat())
}

#[test]
fn histograms_of_integers_and_floats_are_the_same_histogram() {
    let deltas = [2i64, 1, -3].iter().flat_map(|delta| varint(((delta << 1) ^ (delta >> 63)) as u64));
    let deltas = message(12, &deltas.collect::<Vec<u8>>());
    let counts = message(13, &[2.0f64, 3.0, 0.0].iter().flat_map(|one| one.to_le_bytes()).collect::<Vec<u8>>());
    let rest =
        [double(3, 9.5), signed(4, 1), double(5, 0.001), spans(11, -1, 3), number(14, 2), number(15, 77)].concat();
    let integer = [number(1, 6), number(6, 1), deltas, rest.clone()].concat();
    let float = [double(2, 6.0), double(7, 1.0), counts, rest].concat();
    let decoded = v1(&[series(&[("__name__", "h")], &[message(4, &integer), message(4, &float)])]);
    let expected = NativeHistogram {
        schema: 1,
        zero_threshold: 0.001,
        zero_count: 1.0,
        count: 6.0,
        sum: 9.5,
        positive_spans: vec![BucketSpan { offset: -1, length: 3 }],
        positive_buckets: vec![2.0, 3.0, 0.0],
        reset_hint: ResetHint::NoReset,
        ..NativeHistogram::default()
    };
    let read: Vec<_> = decoded.records.histograms.iter().map(|one| (one.time, (*one.histogram).clone())).collect();
    assert_eq!(read, [(77, expected.clone()), (77, expected)]);
}

#[test]
fn histograms_that_contradict_themselves_are_refused_by_themselves() {
    let bounds = |values: &[f64]| message(16, &values.iter().flat_map(|one| one.to_le_bytes()).collect::<Vec<u8>>());
    let counts = |count: usize| {
        message(13, &[1.0f64].repeat(count).iter().flat_map(|one| one.to_le_bytes()).collect::<Vec<u8>>())
    };
    for (histogram, words) in [
        ([signed(4, 9), spans(11, 0, 1), counts(1)].concat(), "schema is 9"),
        ([signed(4, -5)].concat(), "schema is -5"),
        ([signed(4, 0), spans(11, 0, 2), counts(1)].concat(), "cover 2 buckets, but 1"),
        ([signed(4, 0), spans(11, 0, 1), spans(11, -1, 1), counts(2)].concat(), "before the end"),
        ([signed(4, -53), bounds(&[1.0, 1.0]), spans(11, 0, 1), counts(1)].concat(), "do not rise"),
        ([signed(4, -53), bounds(&[1.0]), spans(11, 0, 3), counts(3)].concat(), "2 buckets"),
        ([signed(4, -53), double(7, 1.0), bounds(&[1.0])].concat(), "zero bucket"),
        ([number(1, 3), signed(4, 0), spans(11, 0, 1), message(12, &varint(1))].concat(), "negative"),
        ([signed(4, 0), bounds(&[1.0])].concat(), "custom bounds"),
    ] {
        let decoded = v1(&[series(&[("__name__", "h")], &[message(4, &histogram), sample(1.0, 1)])]);
        assert_eq!((decoded.accepted, decoded.rejected), (1, 1), "{words}");
        assert!(decoded.message().contains(words), "{words:?} is not in {}", decoded.message());
    }
}

/// A body of version 2.0; texts get their places as they come.
#[derive(Default)]
struct Symbols(Vec<String>);

impl Symbols {
    fn place(&mut self, text: &str) -> u64 {
        if self.0.is_empty() {
            self.0.push(String::new());
        }
        let known = self.0.iter().position(|own| own == text);
        known.unwrap_or_else(|| {
            self.0.push(text.to_owned());
            self.0.len() - 1
        }) as u64
    }

    fn references(&mut self, pairs: &[(&str, &str)]) -> Vec<u8> {
        let places: Vec<u64> = pairs.iter().flat_map(|(name, value)| [self.place(name), self.place(value)]).collect();
        message(1, &places.into_iter().flat_map(varint).collect::<Vec<u8>>())
    }

    fn message(&self) -> Vec<u8> {
        self.0.iter().flat_map(|text| message(4, text.as_bytes())).collect()
    }
}

#[test]
fn version_two_reads_labels_exemplars_and_metadata_by_their_symbols() {
    let mut symbols = Symbols::default();
    let labels_of = symbols.references(&[("__name__", "h_bucket"), ("le", "1")]);
    let exemplar = [symbols.references(&[("trace_id", "abc")]), double(2, 0.5), number(3, 5)].concat();
    let (help, unit) = (symbols.place("How long.") as i64, symbols.place("seconds") as i64);
    let metadata = [number(1, 3), number(3, help), number(4, unit)].concat();
    let own = [labels_of, sample(4.0, 10), message(4, &exemplar), message(5, &metadata)].concat();
    let unknown = [message(1, &[varint(1), varint(99)].concat()), sample(1.0, 1)].concat();
    let odd = [message(1, &varint(1)), sample(1.0, 1)].concat();
    // Symbols after what refers to them are legal.
    let body = [message(5, &own), message(5, &unknown), message(5, &odd), symbols.message()].concat();
    let decoded = decode_v2(&body, MEMORY).unwrap();
    let series = labels(&[("__name__", "h_bucket"), ("le", "1")]);
    assert_eq!(samples(&decoded.records), [(series, 10, 4.0f64.to_bits())]);
    assert_eq!(decoded.records.exemplars[0].labels, labels(&[("trace_id", "abc")]));
    let metadata = &decoded.records.metadata[0];
    assert_eq!([&metadata.metric, &metadata.help, &metadata.unit], ["h", "How long.", "seconds"]);
    assert_eq!(decoded.rejected, 2);
    for words in ["reference 99 is beyond", "expected pairs"] {
        assert!(decoded.message().contains(words), "{words:?} is not in {}", decoded.message());
    }
}

#[test]
fn version_two_keeps_start_timestamps_and_version_one_has_none() {
    let mut symbols = Symbols::default();
    let labels_of = symbols.references(&[("__name__", "a_total")]);
    let timed = |time, start| message(2, &[double(1, 1.0), number(2, time), number(3, start)].concat());
    let histogram = [double(3, 1.5), number(15, 40), number(17, -7)].concat();
    let own = [labels_of, timed(10, 5), sample(2.0, 20), timed(30, 0), message(3, &histogram)].concat();
    let decoded = decode_v2(&[symbols.message(), message(5, &own)].concat(), MEMORY).unwrap();
    assert_eq!((decoded.accepted, decoded.rejected), (4, 0));
    let starts: Vec<_> = decoded.records.starts.iter().map(|one| (one.series, one.time, one.start)).collect();
    // 0 is what is not told.
    assert_eq!(starts, [(0, 10, 5), (0, 40, -7)]);
    // The same fields mean nothing in version 1.
    let decoded = v1(&[series(&[("__name__", "a_total")], &[timed(10, 5), message(4, &histogram)])]);
    assert_eq!((decoded.accepted, decoded.records.starts.len()), (2, 0));
}

#[test]
fn what_is_no_message_of_this_kind_is_refused_whole() {
    for body in [&b"\xff\xff\xff"[..], b"\x0a\xff\x01", b"\x0a\x03\x0a\x05x", b"not protobuf at all"] {
        for decode in [decode_v1, decode_v2] {
            assert!(matches!(decode(body, MEMORY), Ok(_) | Err(DecodeError::Malformed { .. })), "{body:?}");
        }
        assert!(decode_v1(body, MEMORY).is_err(), "{body:?}");
    }
    let body = series(&[("__name__", "a")], &[sample(1.0, 1)]).repeat(1_000);
    assert!(matches!(decode_v1(&body, 1_000), Err(DecodeError::Memory { limit: 1_000 })));
    assert!(decode_v2(&message(4, b"not empty"), MEMORY).is_err());
}

type Written = Vec<(BTreeMap<String, String>, Vec<(i64, u64)>)>;

fn written() -> impl Strategy<Value = Written> {
    let labels = prop::collection::btree_map("[a-z]{1,4}|[A-Z_]{1,3}|le", "[a-zé]{0,9}|x{126,130}", 0..6);
    let labels = (labels, "[a-z:_]{1,8}").prop_map(|(mut labels, name)| {
        labels.insert("__name__".to_owned(), name);
        labels
    });
    prop::collection::vec((labels, prop::collection::vec((any::<i64>(), any::<u64>()), 0..4)), 0..6)
}

proptest! {
    #[test]
    fn both_versions_read_what_was_written_in_any_order_of_labels(all in written(), seed in any::<u64>()) {
        let (mut one, mut two, mut symbols) = (Vec::new(), Vec::new(), Symbols::default());
        let mut expected = Vec::new();
        for (number, (own, values)) in all.iter().enumerate() {
            let mut pairs: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            if (seed >> (number % 64)) & 1 == 1 {
                pairs.reverse();
            }
            let body: Vec<Vec<u8>> = values.iter().map(|(time, bits)| sample(f64::from_bits(*bits), *time)).collect();
            one.push(series(&pairs, &body));
            two.push(message(5, &[symbols.references(&pairs), body.concat()].concat()));
            let set = Labels::new(own.iter().filter(|(_, value)| !value.is_empty())).unwrap();
            expected.extend(values.iter().map(|(time, bits)| (set.clone(), *time, *bits)));
        }
        two.insert(0, symbols.message());
        prop_assert_eq!(samples(&v1(&one).records), expected.clone());
        prop_assert_eq!(samples(&decode_v2(&two.concat(), MEMORY).unwrap().records), expected);
    }

    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
        for decode in [decode_v1, decode_v2] {
            if let Ok(decoded) = decode(&body, MEMORY) {
                prop_assert_eq!(decoded.accepted, decoded.records.sample_count() as u64);
            }
        }
    }
}
