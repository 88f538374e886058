//! Quantiles of durations from counts in buckets ([`clew_model::traces::duration_bucket`]): off by less than 1 %, and never
//! outside what was seen.

use clew_model::traces::{duration_bucket, duration_of_bucket};

/// Counts of durations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Durations {
    /// By the number of the bucket, up to the last one met; fewer than 4,000. Below zero while more is taken back than is
    /// there yet.
    buckets: Vec<i64>,
    least: i64,
    most: i64,
}

impl Default for Durations {
    fn default() -> Self {
        Self { buckets: Vec::new(), least: i64::MAX, most: i64::MIN }
    }
}

impl Durations {
    /// Takes a duration in nanoseconds in, so many times; negative ones count as zero. A negative number of times takes it
    /// back.
    pub(super) fn add(&mut self, duration: i64, times: i64) {
        let duration = duration.max(0);
        if times > 0 {
            self.least = self.least.min(duration);
            self.most = self.most.max(duration);
        }
        let bucket = duration_bucket(duration);
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += times;
        }
    }

    /// Adds the counts of another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
        if other.buckets.len() > self.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, other)| *own += other);
    }

    /// Bytes of memory that the counts take.
    pub(super) fn memory_bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<i64>()
    }

    /// The least durations that a half, 95 % and 99 % do not exceed.
    pub(super) fn quantiles(&self) -> [i64; 3] {
        let all: i64 = self.buckets.iter().sum();
        if all <= 0 || self.least > self.most {
            return [0; 3];
        }
        [50u64, 95, 99].map(|percent| {
            let rank = (all.unsigned_abs() * percent).div_ceil(100).max(1);
            let mut passed = 0;
            let found = self.buckets.iter().position(|count| {
                passed += count;
                passed.max(0).unsigned_abs() >= rank
            });
            found.map_or(0, |bucket| duration_of_bucket(bucket).clamp(self.least, self.most))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_one_percent_of_the_sorted_list() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut durations = Durations::default();
        let mut all: Vec<i64> = (0..5000).map(|_| random.i64(0..1 << 40) >> random.u32(0..40)).collect();
        all.iter().for_each(|duration| durations.add(*duration, 1));
        all.sort_unstable();
        for (percent, found) in [50, 95, 99].into_iter().zip(durations.quantiles()) {
            let exact = all[(all.len() * percent).div_ceil(100) - 1];
            assert!((found - exact).abs() * 100 <= exact, "{percent} %: {found}, exactly {exact}");
        }
    }

    #[test]
    fn counts_merge_as_if_they_were_taken_by_one() {
        let mut random = fastrand::Rng::with_seed(8);
        let (mut all, mut parts) = (Durations::default(), [Durations::default(), Durations::default()]);
        for _ in 0..1000 {
            let duration = random.i64(0..1 << 40) >> random.u32(0..40);
            all.add(duration, 1);
            parts[random.usize(0..2)].add(duration, 1);
        }
        let mut merged = Durations::default();
        parts.iter().for_each(|part| merged.merge(part));
        merged.merge(&Durations::default());
        assert_eq!(merged.quantiles(), all.quantiles());
        assert_eq!(merged, all);
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let (mut durations, mut taken) = (Durations::default(), Durations::default());
        durations.add(1_000_000, 5);
        durations.add(40, 2);
        taken.add(1_000_000, -4);
        taken.merge(&durations);
        let mut expected = Durations::default();
        [1_000_000, 40, 40].into_iter().for_each(|duration| expected.add(duration, 1));
        assert_eq!(taken, expected);
        assert_eq!(taken.quantiles(), [40, 1_000_000, 1_000_000]);
    }

    #[test]
    fn one_duration_is_all_its_quantiles() {
        let mut durations = Durations::default();
        durations.add(123_456_789, 1);
        assert_eq!(durations.quantiles(), [123_456_789; 3]);
        assert_eq!(Durations::default().quantiles(), [0; 3]);
    }
}
