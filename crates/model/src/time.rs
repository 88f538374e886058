//! Points and ranges in time. Logs and spans count nanoseconds, samples milliseconds, both since the Unix epoch.

/// Nanoseconds since the Unix epoch; reaches from 1677 to 2262.
pub type UnixNanos = i64;

/// Milliseconds since the Unix epoch, the resolution of Prometheus samples.
pub type UnixMillis = i64;

/// Nanoseconds in a millisecond.
pub const NANOS_PER_MILLI: i64 = 1_000_000;

/// Nanoseconds in a second.
pub const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// A range of time in nanoseconds, `start` included, `end` included.
///
/// Both ends belong to it, so that `start == end` asks for one instant, as Prometheus and Jaeger do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    /// First instant that belongs to the range.
    pub start: UnixNanos,
    /// Last instant that belongs to the range.
    pub end: UnixNanos,
}

impl TimeRange {
    /// Everything that can be expressed.
    pub const ALL: TimeRange = TimeRange { start: i64::MIN, end: i64::MAX };

    /// A range from `start` to `end`, both included.
    #[must_use]
    pub fn new(start: UnixNanos, end: UnixNanos) -> Self {
        Self { start, end }
    }

    /// A range given in milliseconds; the end covers the whole last millisecond.
    #[must_use]
    pub fn from_millis(start: UnixMillis, end: UnixMillis) -> Self {
        Self {
            start: start.saturating_mul(NANOS_PER_MILLI),
            end: end.saturating_mul(NANOS_PER_MILLI).saturating_add(NANOS_PER_MILLI - 1),
        }
    }

    /// First millisecond that touches the range.
    #[must_use]
    pub fn start_millis(&self) -> UnixMillis {
        self.start.div_euclid(NANOS_PER_MILLI)
    }

    /// Last millisecond that touches the range.
    #[must_use]
    pub fn end_millis(&self) -> UnixMillis {
        self.end.div_euclid(NANOS_PER_MILLI)
    }

    /// Whether `at` lies in the range.
    #[must_use]
    pub fn contains(&self, at: UnixNanos) -> bool {
        self.start <= at && at <= self.end
    }

    /// Whether the two ranges share an instant.
    #[must_use]
    pub fn overlaps(&self, other: &TimeRange) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    /// Whether no instant lies in the range (its start is after its end).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start > self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_a_range() {
        let range = TimeRange::new(10, 20);
        for (at, inside) in [(9, false), (10, true), (20, true), (21, false)] {
            assert_eq!(range.contains(at), inside, "{at}");
        }
        assert!(range.overlaps(&TimeRange::new(20, 30)));
        assert!(!range.overlaps(&TimeRange::new(21, 30)));
    }

    #[test]
    fn a_range_in_milliseconds_covers_its_last_millisecond() {
        let range = TimeRange::from_millis(-1, 1);
        assert_eq!(range, TimeRange::new(-1_000_000, 1_999_999));
        assert_eq!((range.start_millis(), range.end_millis()), (-1, 1));
    }
}
