//! A native histogram as maps from the index of a bucket to its count: slow, plain, and nothing of the code under test.

use clew_model::metrics::{BucketSpan, CUSTOM_BUCKETS_SCHEMA, NativeHistogram, ResetHint};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct NaiveHistogram {
    pub(crate) schema: i32,
    pub(crate) zero_threshold: f64,
    pub(crate) zero_count: f64,
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) positive: BTreeMap<i32, f64>,
    pub(crate) negative: BTreeMap<i32, f64>,
    pub(crate) bounds: Vec<f64>,
    pub(crate) hint: ResetHint,
}

impl NaiveHistogram {
    /// `self + factor * other`. Custom bounds must be the same.
    pub(crate) fn plus(&self, other: &Self, factor: f64) -> Self {
        let (mut sum, mut other) = (self.clone(), other.clone());
        if sum.schema != CUSTOM_BUCKETS_SCHEMA {
            let schema = sum.schema.min(other.schema);
            sum.reduce(schema);
            other.reduce(schema);
            let threshold = common_threshold(&sum, &other);
            sum.widen(threshold);
            other.widen(threshold);
        }
        sum.zero_count += factor * other.zero_count;
        sum.count += factor * other.count;
        sum.sum += factor * other.sum;
        for (index, count) in other.positive {
            *sum.positive.entry(index).or_default() += factor * count;
        }
        for (index, count) in other.negative {
            *sum.negative.entry(index).or_default() += factor * count;
        }
        sum
    }

    /// Upper bound of the bucket: 2^(index * 2^-schema).
    pub(crate) fn upper(&self, index: i32) -> f64 {
        2f64.powf(f64::from(index) * 2f64.powi(-self.schema))
    }

    /// Merges buckets until the schema is this one.
    fn reduce(&mut self, schema: i32) {
        while self.schema > schema {
            for side in [&mut self.positive, &mut self.negative] {
                let mut merged = BTreeMap::new();
                for (index, count) in std::mem::take(side) {
                    // The upper bound of bucket 2i-1 and of bucket 2i lies in bucket i of the next schema.
                    *merged.entry((index + 1).div_euclid(2)).or_default() += count;
                }
                *side = merged;
            }
            self.schema -= 1;
        }
    }

    /// The buckets that begin below the threshold go into the zero bucket.
    fn widen(&mut self, threshold: f64) {
        let bound = |index: i32, schema: i32| 2f64.powf(f64::from(index) * 2f64.powi(-schema));
        for side in [&mut self.positive, &mut self.negative] {
            let inside: Vec<i32> =
                side.keys().copied().filter(|index| bound(*index - 1, self.schema) < threshold).collect();
            for index in inside {
                self.zero_count += side.remove(&index).unwrap_or_default();
            }
        }
        self.zero_threshold = threshold;
    }

    pub(crate) fn to_native(&self) -> NativeHistogram {
        let (positive_spans, positive_buckets) = spans(&self.positive);
        let (negative_spans, negative_buckets) = spans(&self.negative);
        NativeHistogram {
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count,
            count: self.count,
            sum: self.sum,
            positive_spans,
            positive_buckets,
            negative_spans,
            negative_buckets,
            custom_bounds: self.bounds.clone(),
            reset_hint: self.hint,
        }
    }
}

/// The least threshold that both can have: no smaller than either, and not inside a bucket that holds something.
fn common_threshold(left: &NaiveHistogram, right: &NaiveHistogram) -> f64 {
    let mut threshold = left.zero_threshold.max(right.zero_threshold);
    loop {
        let before = threshold;
        for one in [left, right] {
            for (index, count) in one.positive.iter().chain(&one.negative) {
                let (lower, upper) = (one.upper(index - 1), one.upper(*index));
                if *count != 0.0 && one.zero_threshold < threshold && lower < threshold && threshold < upper {
                    threshold = upper;
                }
            }
        }
        if threshold == before {
            return threshold;
        }
    }
}

fn spans(buckets: &BTreeMap<i32, f64>) -> (Vec<BucketSpan>, Vec<f64>) {
    let mut spans: Vec<BucketSpan> = Vec::new();
    let mut end = 0;
    for index in buckets.keys() {
        match spans.last_mut() {
            Some(span) if *index == end => span.length += 1,
            _ => spans.push(BucketSpan { offset: index - end, length: 1 }),
        }
        end = index + 1;
    }
    (spans, buckets.values().copied().collect())
}
