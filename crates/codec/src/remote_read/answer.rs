//! `ReadResponse`: the samples of each query's series.

use clew_model::UnixMillis;
use clew_model::metrics::{BucketSpan, Labels, NativeHistogram, ResetHint, SeriesData};

/// Below it every whole number is a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The wire type of a varint, of eight bytes, and of bytes with their length.
const VARINT: u64 = 0;
const EIGHT_BYTES: u64 = 1;
const BYTES: u64 = 2;

/// Encodes the answers to the queries of a request, in their order, as a `ReadResponse`.
#[must_use]
pub fn encode_samples(answers: &[Vec<SeriesData>]) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut result, mut body, mut part) = (Vec::new(), Vec::new(), Vec::new());
    for answer in answers {
        result.clear();
        for series in answer {
            body.clear();
            put_series(&mut body, series, &mut part);
            put_bytes(&mut result, 1, &body);
        }
        put_bytes(&mut out, 1, &result);
    }
    out
}

/// A `TimeSeries`; `part` is room for one of its parts.
fn put_series(out: &mut Vec<u8>, series: &SeriesData, part: &mut Vec<u8>) {
    put_labels(out, &series.labels, part);
    for (time, value) in series.times.iter().zip(&series.values) {
        part.clear();
        put_double(part, 1, *value);
        put_int(part, 2, *time);
        put_bytes(out, 2, part);
    }
    for (time, histogram) in &series.histograms {
        part.clear();
        put_histogram(part, *time, histogram);
        put_bytes(out, 4, part);
    }
}

fn put_labels(out: &mut Vec<u8>, labels: &Labels, part: &mut Vec<u8>) {
    for (name, value) in labels.iter() {
        part.clear();
        put_bytes(part, 1, name.as_bytes());
        put_bytes(part, 2, value.as_bytes());
        put_bytes(out, 1, part);
    }
}

/// A `Histogram`: of integers where all counts are, as most senders have them, else of floats.
fn put_histogram(out: &mut Vec<u8>, time: UnixMillis, histogram: &NativeHistogram) {
    let own = histogram;
    let mut counts = own.positive_buckets.iter().chain(&own.negative_buckets).chain([&own.count, &own.zero_count]);
    let is_integer = counts.all(|count| (0.0..EXACT).contains(count) && count.fract() == 0.0);
    if is_integer {
        put_varint_field(out, 1, own.count as u64);
        put_varint_field(out, 6, own.zero_count as u64);
    } else {
        put_double(out, 2, own.count);
        put_double(out, 7, own.zero_count);
    }
    put_double(out, 3, own.sum);
    put_varint_field(out, 4, zigzag(own.schema.into()));
    put_double(out, 5, own.zero_threshold);
    put_spans(out, 8, &own.negative_spans);
    put_buckets(out, (9, 10), &own.negative_buckets, is_integer);
    put_spans(out, 11, &own.positive_spans);
    put_buckets(out, (12, 13), &own.positive_buckets, is_integer);
    let hint = match own.reset_hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NoReset => 2,
        ResetHint::Gauge => 3,
    };
    put_varint_field(out, 14, hint);
    put_int(out, 15, time);
    put_doubles(out, 16, &own.custom_bounds);
}

fn put_spans(out: &mut Vec<u8>, field: u64, spans: &[BucketSpan]) {
    for span in spans {
        let mut part = Vec::new();
        put_varint_field(&mut part, 1, zigzag(span.offset.into()));
        put_varint_field(&mut part, 2, span.length.into());
        put_bytes(out, field, &part);
    }
}

/// Bucket counts: integers as differences from bucket to bucket in the first field, floats as they are in the second.
fn put_buckets(out: &mut Vec<u8>, (deltas, counts): (u64, u64), buckets: &[f64], is_integer: bool) {
    if !is_integer {
        return put_doubles(out, counts, buckets);
    }
    let (mut part, mut before) = (Vec::new(), 0i64);
    for count in buckets.iter().map(|count| *count as i64) {
        put_varint(&mut part, zigzag(count - before));
        before = count;
    }
    if !part.is_empty() {
        put_bytes(out, deltas, &part);
    }
}

fn put_doubles(out: &mut Vec<u8>, field: u64, values: &[f64]) {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
    if !bytes.is_empty() {
        put_bytes(out, field, &bytes);
    }
}

fn put_double(out: &mut Vec<u8>, field: u64, value: f64) {
    put_varint(out, field << 3 | EIGHT_BYTES);
    out.extend_from_slice(&value.to_bits().to_le_bytes());
}

fn put_int(out: &mut Vec<u8>, field: u64, value: i64) {
    put_varint_field(out, field, value.cast_unsigned());
}

fn put_varint_field(out: &mut Vec<u8>, field: u64, value: u64) {
    put_varint(out, field << 3 | VARINT);
    put_varint(out, value);
}

fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    put_varint(out, field << 3 | BYTES);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}
