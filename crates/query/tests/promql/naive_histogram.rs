//! A native histogram as maps from the index of a bucket to its count: slow, plain, and nothing of the code under test.

use clew_model::metrics::{BucketSpan, CUSTOM_BUCKETS_SCHEMA, NativeHistogram, ResetHint, exponential_bound};
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
    /// `self + factor * other`.
    pub(crate) fn plus(&self, other: &Self, factor: f64) -> Self {
        let (mut sum, mut other) = (self.clone(), other.clone());
        if sum.schema == CUSTOM_BUCKETS_SCHEMA {
            let kept: Vec<f64> = sum.bounds.iter().copied().filter(|bound| other.bounds.contains(bound)).collect();
            sum.keep_bounds(&kept);
            other.keep_bounds(&kept);
        } else {
            let threshold = common_threshold(&sum, &other);
            sum.widen(threshold);
            other.widen(threshold);
            let schema = sum.schema.min(other.schema);
            sum.reduce(schema);
            other.reduce(schema);
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

    /// Upper bound of the bucket: that of the table, which has tests of its own, since thresholds are compared to the last bit.
    pub(crate) fn upper(&self, index: i32) -> f64 {
        exponential_bound(index, self.schema)
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

    /// Merges custom buckets so that these bounds are left.
    fn keep_bounds(&mut self, kept: &[f64]) {
        let mut merged = BTreeMap::new();
        for (index, count) in &self.positive {
            let upper = self.bounds.get(*index as usize).copied().unwrap_or(f64::INFINITY);
            let place = kept.iter().filter(|bound| **bound < upper).count();
            *merged.entry(place as i32).or_default() += count;
        }
        self.positive = merged;
        self.bounds = kept.to_vec();
    }

    /// Whether counting on from `before` cannot have led here.
    pub(crate) fn is_reset_of(&self, before: &Self) -> bool {
        if self.count < before.count || self.schema > before.schema {
            return true;
        }
        let (mut now, mut before) = (self.clone(), before.clone());
        if self.schema == CUSTOM_BUCKETS_SCHEMA {
            let kept: Vec<f64> = now.bounds.iter().copied().filter(|bound| before.bounds.contains(bound)).collect();
            now.keep_bounds(&kept);
            before.keep_bounds(&kept);
        } else {
            let threshold = common_threshold(&now, &before);
            if now.zero_threshold < before.zero_threshold || threshold != now.zero_threshold {
                return true;
            }
            before.widen(threshold);
            before.reduce(now.schema);
        }
        let falls = |before: &BTreeMap<i32, f64>, now: &BTreeMap<i32, f64>| {
            before.iter().any(|(index, count)| now.get(index).copied().unwrap_or(0.0) < *count)
        };
        now.zero_count < before.zero_count
            || falls(&before.positive, &now.positive)
            || falls(&before.negative, &now.negative)
    }

    /// The buckets that begin below the threshold go into the zero bucket.
    fn widen(&mut self, threshold: f64) {
        if threshold == self.zero_threshold {
            return;
        }
        for side in [&mut self.positive, &mut self.negative] {
            let inside: Vec<i32> =
                side.keys().copied().filter(|index| exponential_bound(*index - 1, self.schema) < threshold).collect();
            for index in inside {
                self.zero_count += side.remove(&index).unwrap_or_default();
            }
        }
        self.zero_threshold = threshold;
    }

    /// Without buckets that hold nothing.
    pub(crate) fn of(native: &NativeHistogram) -> Self {
        Self {
            schema: native.schema,
            zero_threshold: native.zero_threshold,
            zero_count: native.zero_count,
            count: native.count,
            sum: native.sum,
            positive: expanded(&native.positive_spans, &native.positive_buckets),
            negative: expanded(&native.negative_spans, &native.negative_buckets),
            bounds: native.custom_bounds.clone(),
            hint: native.reset_hint,
        }
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

fn expanded(spans: &[BucketSpan], counts: &[f64]) -> BTreeMap<i32, f64> {
    let mut out = BTreeMap::new();
    let (mut index, mut counts) = (0, counts.iter());
    for span in spans {
        index += span.offset;
        for _ in 0..span.length {
            out.insert(index, *counts.next().expect("a count for each bucket"));
            index += 1;
        }
    }
    out.retain(|_, count| *count != 0.0);
    out
}
