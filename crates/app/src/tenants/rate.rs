//! A rate with a burst: a bucket of tokens that fills with time.

use super::limits::Rate;
use crate::limits::TENANT_DEBT;
use std::time::{Duration, Instant};

/// What is lost of a token by counting in fractions.
const ROUNDING: f64 = 1e-6;

/// What is left of a rate. A request that is larger than half the burst is let through by a bucket that is half full, and leaves a
/// debt: small requests beside it do not keep it out for ever, and the rate is kept over time. What is owed is paid in
/// [`TENANT_DEBT`] at most, by the rate of the moment: a rate that was lowered shuts nobody out for longer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    tokens: f64,
    at: Option<Instant>,
}

impl Bucket {
    /// A full one.
    pub(super) fn full() -> Self {
        Self { tokens: f64::MAX, at: None }
    }

    /// How long until so much is let through; none where it is now. Takes nothing.
    pub(super) fn wait(&mut self, rate: Rate, cost: u64, now: Instant) -> Option<Duration> {
        let passed = self.at.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.at = Some(now);
        let (per_second, burst) = (rate.per_second.max(1) as f64, rate.burst as f64);
        let most_owed = -per_second * TENANT_DEBT.as_secs_f64();
        self.tokens = (self.tokens.max(most_owed) + passed.as_secs_f64() * per_second).min(burst);
        let missing = (cost as f64).min(burst / 2.0) - self.tokens;
        (missing > ROUNDING).then(|| Duration::from_secs_f64((missing / per_second).min(1e9)))
    }

    /// Gives back so much that was taken; at the next look a full bucket holds no more than the burst.
    pub(super) fn give_back(&mut self, cost: u64) {
        self.tokens += cost as f64;
    }

    /// Takes so much.
    pub(super) fn take(&mut self, cost: u64) {
        self.tokens -= cost as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 20 };

    fn ask(bucket: &mut Bucket, cost: u64, now: Instant) -> Option<f64> {
        let wait = bucket.wait(RATE, cost, now);
        if wait.is_none() {
            bucket.take(cost);
        }
        wait.map(|wait| wait.as_secs_f64())
    }

    #[test]
    fn the_burst_goes_at_once_then_as_much_as_the_rate_gives() {
        let (mut bucket, start) = (Bucket::full(), Instant::now());
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(ask(&mut bucket, 15, at(0)), None);
        assert_eq!(ask(&mut bucket, 5, at(0)), None);
        assert_eq!(ask(&mut bucket, 5, at(0)), Some(0.5));
        assert_eq!(ask(&mut bucket, 5, at(500)), None);
        assert_eq!(ask(&mut bucket, 20, at(60_000)), None, "after a pause the burst is there again, and no more");
        assert_eq!(ask(&mut bucket, 1, at(60_000)), Some(0.1));
        // Ten a second in all: what is large goes beside what is small, and is paid by both.
        assert_eq!(ask(&mut bucket, 30, at(60_500)), Some(0.5));
        assert_eq!(ask(&mut bucket, 1, at(60_500)), None);
        assert_eq!(ask(&mut bucket, 30, at(61_100)), None);
        assert_eq!(ask(&mut bucket, 1, at(61_100)), Some(2.1));
    }

    #[test]
    fn what_is_owed_is_paid_in_a_bounded_time_whatever_came_and_whatever_the_rate_becomes() {
        let (mut bucket, start) = (Bucket::full(), Instant::now());
        assert_eq!(ask(&mut bucket, 1_000_000_000, start), None);
        let most = TENANT_DEBT.as_secs_f64();
        assert_eq!(ask(&mut bucket, 1, start), Some(most + 0.1));
        let slower = Rate { per_second: 1, burst: 2 };
        assert_eq!(bucket.wait(slower, 1, start).map(|wait| wait.as_secs_f64()), Some(most + 1.0));
        assert_eq!(bucket.wait(slower, 1, start + TENANT_DEBT + Duration::from_secs(1)), None);
    }

    #[test]
    fn a_request_larger_than_the_burst_is_let_through_by_half_a_bucket_and_paid_later() {
        let (mut bucket, start) = (Bucket::full(), Instant::now());
        assert_eq!(ask(&mut bucket, 50, start), None);
        assert_eq!(ask(&mut bucket, 1, start), Some(3.1), "30 are owed");
        assert_eq!(ask(&mut bucket, 50, start + Duration::from_millis(3_999)), Some(0.001));
        assert_eq!(ask(&mut bucket, 50, start + Duration::from_secs(4)), None);
    }
}
