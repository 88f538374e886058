//! How long something took, as a native histogram that grows.

use clew_model::metrics::{BucketSpan as Run, NativeHistogram};

/// Eight buckets for each doubling: bounds grow by 9 %.
const SCHEMA: i32 = 3;
const BUCKETS_A_DOUBLING: i32 = 1 << SCHEMA;
/// Prometheus' default: 2^-128.
const ZERO_THRESHOLD: f64 = 0.5 / (1u128 << 127) as f64;
const NANOS: f64 = 1e9;

/// Durations counted in exponential buckets.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Durations {
    pub count: u64,
    /// Sum in nanoseconds, so that it is the same in whatever order the parts are added.
    pub sum: u128,
    /// Durations of nothing.
    pub zeros: u64,
    /// Index and count, ascending.
    pub buckets: Vec<(i32, u64)>,
}

impl Durations {
    pub(super) fn add(&mut self, nanos: u64) {
        self.count += 1;
        self.sum += u128::from(nanos);
        if nanos == 0 {
            self.zeros += 1;
            return;
        }
        let index = bucket_of(nanos as f64 / NANOS);
        match self.buckets.binary_search_by_key(&index, |(index, _)| *index) {
            Ok(place) => {
                if let Some((_, count)) = self.buckets.get_mut(place) {
                    *count += 1;
                }
            }
            Err(place) => self.buckets.insert(place, (index, 1)),
        }
    }

    /// In seconds.
    pub(super) fn histogram(&self) -> NativeHistogram {
        let mut runs: Vec<Run> = Vec::new();
        let mut next = 0;
        for (index, _) in &self.buckets {
            match runs.last_mut() {
                Some(run) if *index == next => run.length += 1,
                _ => runs.push(Run { offset: index - next, length: 1 }),
            }
            next = index + 1;
        }
        NativeHistogram {
            schema: SCHEMA,
            zero_threshold: ZERO_THRESHOLD,
            zero_count: self.zeros as f64,
            count: self.count as f64,
            sum: self.sum as f64 / NANOS,
            positive_spans: runs,
            positive_buckets: self.buckets.iter().map(|(_, count)| *count as f64).collect(),
            ..NativeHistogram::default()
        }
    }
}

/// The bucket of a positive number: the least `i` with 2^(i / 8) at or above it.
fn bucket_of(value: f64) -> i32 {
    let guess = (value.log2() * f64::from(BUCKETS_A_DOUBLING)).ceil() as i32;
    let bound = |index: i32| (f64::from(index) / f64::from(BUCKETS_A_DOUBLING)).exp2();
    // The logarithm may be off by its last digit beside a bound.
    if value <= bound(guess - 1) {
        guess - 1
    } else if value > bound(guess) {
        guess + 1
    } else {
        guess
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_duration_lies_between_the_bounds_of_its_bucket() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut durations = Durations::default();
        let mut all = vec![0, 1, 999_999_999, 1_000_000_000, 2_000_000_000, 500_000_000, u64::MAX];
        all.extend((0..2_000).map(|_| random.u64(1..) >> random.u8(0..60)));
        all.iter().for_each(|nanos| durations.add(*nanos));
        let histogram = durations.histogram();
        assert_eq!(
            (histogram.count, histogram.zero_count),
            (all.len() as f64, all.iter().filter(|n| **n == 0).count() as f64)
        );
        // The model's own bounds are the independent source.
        for bucket in histogram.buckets().iter().filter(|bucket| bucket.lower > 0.0) {
            let within = |nanos: &&u64| **nanos as f64 / NANOS > bucket.lower && **nanos as f64 / NANOS <= bucket.upper;
            assert_eq!(all.iter().filter(within).count() as f64, bucket.count, "{bucket:?}");
        }
        let sum: u128 = all.iter().map(|nanos| u128::from(*nanos)).sum();
        assert_eq!(histogram.sum, sum as f64 / NANOS);
    }
}
