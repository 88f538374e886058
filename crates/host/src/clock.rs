//! The time: what the wall clock says, and how long something took.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;

/// A source of time. Wall-clock time may jump either way; monotonic time never goes back.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Wall-clock time in nanoseconds since 1970-01-01T00:00:00Z, saturating at the ends of `i64` (years 1677, 2262).
    fn now(&self) -> i64;

    /// Time since some fixed moment of this clock's own; only differences mean anything.
    fn monotonic(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug, Clone)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts at zero now.
    pub fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_nanos())
                .map_or(i64::MIN, |nanoseconds| -nanoseconds),
        }
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that stands still until a test moves it. Clones share one time.
#[derive(Debug, Clone)]
pub struct SimClock {
    time: Arc<Mutex<SimTime>>,
}

#[derive(Debug)]
struct SimTime {
    now: i64,
    monotonic: Duration,
}

impl SimClock {
    /// A clock showing `now` (nanoseconds since 1970), with monotonic time zero.
    pub fn new(now: i64) -> Self {
        let monotonic = Duration::ZERO;
        Self {
            time: Arc::new(Mutex::new(SimTime { now, monotonic })),
        }
    }

    /// Sets the wall clock (nanoseconds since 1970), as an administrator or NTP would: monotonic time stays.
    pub fn set(&self, now: i64) {
        self.time.lock().now = now;
    }

    /// Lets `duration` pass on both clocks.
    pub fn advance(&self, duration: Duration) {
        let mut time = self.time.lock();
        let nanoseconds = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        time.now = time.now.saturating_add(nanoseconds);
        time.monotonic = time.monotonic.saturating_add(duration);
    }
}

impl Clock for SimClock {
    fn now(&self) -> i64 {
        self.time.lock().now
    }

    fn monotonic(&self) -> Duration {
        self.time.lock().monotonic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_is_in_this_century_and_monotonic() {
        let clock = SystemClock::new();
        let year_2025 = 1_735_689_600_000_000_000;
        let year_2100 = 4_102_444_800_000_000_000;
        assert!((year_2025..year_2100).contains(&clock.now()));
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
    }

    #[test]
    fn setting_the_simulated_clock_leaves_monotonic_time() {
        let clock = SimClock::new(1_000);
        let shared = clock.clone();
        clock.advance(Duration::from_nanos(500));
        assert_eq!(
            (shared.now(), shared.monotonic()),
            (1_500, Duration::from_nanos(500))
        );
        clock.set(-7);
        assert_eq!(
            (shared.now(), shared.monotonic()),
            (-7, Duration::from_nanos(500))
        );
        clock.set(i64::MAX);
        clock.advance(Duration::from_secs(1));
        assert_eq!(shared.now(), i64::MAX);
    }
}
