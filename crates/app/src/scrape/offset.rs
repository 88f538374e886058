//! When a target is scraped: its own place in the interval, and timestamps that keep even distances.

use clew_model::UnixNanos;
use std::time::Duration;

/// Largest distance from the planned time at which the planned time is recorded. Even distances compress far better.
const ALIGNMENT_TOLERANCE: Duration = Duration::from_millis(2);

/// The planned times of one target.
#[derive(Debug, Clone)]
pub(super) struct Schedule {
    interval: i64,
    /// The planned times are this modulo the interval.
    phase: i64,
}

impl Schedule {
    /// Times spread over the interval by a stable hash of what identifies the target.
    pub(super) fn new(identity: &[u8], interval: Duration) -> Self {
        let interval = i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX).max(1);
        let hash = xxhash_rust::xxh3::xxh3_64(identity);
        // Whole milliseconds, the resolution of samples.
        let phase = (hash % interval.unsigned_abs()) as i64 / 1_000_000 * 1_000_000;
        Self { interval, phase }
    }

    /// Time from `now` to the next planned time.
    pub(super) fn wait(&self, now: UnixNanos) -> Duration {
        let past = now.wrapping_sub(self.phase).rem_euclid(self.interval);
        Duration::from_nanos(((self.interval - past) % self.interval).unsigned_abs())
    }

    /// The planned time next to `now` when it is within the tolerance, otherwise `now`.
    pub(super) fn align(&self, now: UnixNanos) -> UnixNanos {
        let tolerance = (ALIGNMENT_TOLERANCE.as_nanos() as i64).min(self.interval / 100);
        let past = now.wrapping_sub(self.phase).rem_euclid(self.interval);
        let before = self.interval - past;
        if past <= tolerance {
            now.saturating_sub(past)
        } else if before <= tolerance {
            now.saturating_add(before)
        } else {
            now
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    #[test]
    fn planned_times_are_one_interval_apart_and_stable() {
        let schedule = Schedule::new(b"target", Duration::from_secs(15));
        for now in [0, 1, 1_700_000_000 * SECOND + 123, -5 * SECOND] {
            let first = now + schedule.wait(now).as_nanos() as i64;
            assert!((0..15 * SECOND).contains(&(first - now)));
            assert_eq!(schedule.wait(first), Duration::ZERO);
            assert_eq!(schedule.wait(first + 1).as_nanos() as i64, 15 * SECOND - 1);
        }
    }

    #[test]
    fn targets_are_spread_over_the_interval() {
        let mut quarters = [0; 4];
        for target in 0..400 {
            let schedule = Schedule::new(format!("host-{target}:9100").as_bytes(), Duration::from_secs(60));
            quarters[(schedule.wait(0).as_secs() / 15).min(3) as usize] += 1;
        }
        assert!(quarters.iter().all(|count| (60..140).contains(count)), "{quarters:?}");
    }

    #[test]
    fn times_near_the_plan_are_recorded_as_planned() {
        let schedule = Schedule::new(b"t", Duration::from_secs(10));
        let planned = schedule.wait(0).as_nanos() as i64;
        for (late, recorded) in
            [(0, 0), (1_999_999, 0), (-1_500_000, 0), (2_000_001, 2_000_001), (-3_000_000, -3_000_000)]
        {
            assert_eq!(schedule.align(planned + 10 * SECOND + late), planned + 10 * SECOND + recorded, "{late}");
        }
    }
}
