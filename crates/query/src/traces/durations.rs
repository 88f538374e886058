//! Quantiles of durations from counts in buckets.
//!
//! A bucket is a 64th of a power of two wide: quantiles are off by less than 1 %, and never outside what was seen.

/// Counts of durations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Durations {
    /// By the number of the bucket, up to the last one met; fewer than 4,000.
    buckets: Vec<u64>,
    count: u64,
    least: i64,
    most: i64,
}

/// Durations below this have a bucket each.
const EXACT: u64 = 128;
const SUB_BITS: u32 = 6;

impl Durations {
    /// Takes a duration in nanoseconds in; negative ones count as zero.
    pub fn add(&mut self, duration: i64) {
        let duration = duration.max(0);
        self.least = if self.count == 0 { duration } else { self.least.min(duration) };
        self.most = self.most.max(duration);
        self.count += 1;
        let bucket = bucket_of(duration.unsigned_abs());
        if bucket >= self.buckets.len() {
            self.buckets.resize(bucket + 1, 0);
        }
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.least = if self.count == 0 { other.least } else { self.least.min(other.least) };
        self.most = self.most.max(other.most);
        self.count += other.count;
        if other.buckets.len() > self.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, other)| *own += other);
    }

    /// Bytes of memory that the counts take.
    pub fn memory_bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<u64>()
    }

    /// The least durations that a half, 95 % and 99 % do not exceed.
    pub fn quantiles(&self) -> [i64; 3] {
        [50, 95, 99].map(|percent| {
            let rank = (self.count * percent).div_ceil(100).max(1);
            let mut passed = 0;
            let found = self.buckets.iter().position(|count| {
                passed += count;
                passed >= rank
            });
            found.map_or(0, |bucket| middle_of(bucket as u64).clamp(self.least, self.most))
        })
    }
}

fn bucket_of(duration: u64) -> usize {
    if duration < EXACT {
        return duration as usize;
    }
    let power = duration.ilog2();
    let sub = (duration >> (power - SUB_BITS)) & ((1 << SUB_BITS) - 1);
    (EXACT + u64::from(power - 7) * (1 << SUB_BITS) + sub) as usize
}

fn middle_of(bucket: u64) -> i64 {
    let Some(above) = bucket.checked_sub(EXACT) else { return bucket as i64 };
    let (shift, sub) = (above / 64 + 1, above % 64);
    (((64 + sub) << shift) + (1 << shift) / 2) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_one_percent_of_the_sorted_list() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut durations = Durations::default();
        let mut all: Vec<i64> = (0..5000).map(|_| random.i64(0..1 << 40) >> random.u32(0..40)).collect();
        all.iter().for_each(|duration| durations.add(*duration));
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
            all.add(duration);
            parts[random.usize(0..2)].add(duration);
        }
        let mut merged = Durations::default();
        parts.iter().for_each(|part| merged.merge(part));
        merged.merge(&Durations::default());
        assert_eq!(merged.quantiles(), all.quantiles());
        assert_eq!(merged, all);
    }

    #[test]
    fn one_duration_is_all_its_quantiles() {
        let mut durations = Durations::default();
        durations.add(123_456_789);
        assert_eq!(durations.quantiles(), [123_456_789; 3]);
        assert_eq!(Durations::default().quantiles(), [0; 3]);
    }
}
