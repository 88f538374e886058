//! Buckets of durations: a 64th of a power of two wide, so that a quantile read from counts is off by less than 1 %.

/// Durations below this have a bucket each.
const EXACT: u64 = 128;
const SUB_BITS: u32 = 6;

/// Buckets there are: numbers are below it.
pub const DURATION_BUCKETS: usize = 128 + 56 * 64;

/// The bucket of a duration in nanoseconds; negative ones count as zero.
#[must_use]
pub fn duration_bucket(nanos: i64) -> usize {
    let nanos = nanos.max(0).unsigned_abs();
    if nanos < EXACT {
        return nanos as usize;
    }
    let power = nanos.ilog2();
    let sub = (nanos >> (power - SUB_BITS)) & ((1 << SUB_BITS) - 1);
    (EXACT + u64::from(power - 7) * (1 << SUB_BITS) + sub) as usize
}

/// What stands for the durations of a bucket: its middle.
#[must_use]
pub fn duration_of_bucket(bucket: usize) -> i64 {
    let bucket = bucket.min(DURATION_BUCKETS - 1) as u64;
    let Some(above) = bucket.checked_sub(EXACT) else { return bucket as i64 };
    let (shift, sub) = (above / 64 + 1, above % 64);
    (((64 + sub) << shift) + (1 << shift) / 2) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_their_middle_is_within_a_hundredth() {
        let mut before = 0;
        for power in 0..63 {
            for part in 0..512u64 {
                let nanos = ((1u64 << power) + ((1u64 << power) / 512).max(1) * part).min(i64::MAX as u64) as i64;
                let bucket = duration_bucket(nanos);
                assert!(bucket < DURATION_BUCKETS, "{nanos}");
                assert!((duration_of_bucket(bucket) - nanos).abs() <= nanos / 100, "{nanos} in {bucket}");
                assert_eq!(duration_bucket(duration_of_bucket(bucket)), bucket, "{nanos}");
                if part > 0 || power > 9 {
                    assert!(bucket >= before || power <= 9, "{nanos}");
                }
                before = bucket;
            }
        }
        assert_eq!((duration_bucket(-5), duration_bucket(i64::MAX)), (0, DURATION_BUCKETS - 1));
    }
}
