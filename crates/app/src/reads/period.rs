//! What many questions have in common: the time they are about, the step of what is answered over time, and counts within
//! bounds.

use crate::error::AppError;
use crate::limits::{DEFAULT_BUCKETS, MAX_BUCKETS};
use clew_model::time::NANOS_PER_SECOND;
use clew_model::{TimeRange, UnixNanos};
use std::ops::RangeInclusive;

/// How far back a question about the recent past goes unless told.
const RECENT: i64 = 3_600 * NANOS_PER_SECOND;

/// The time a question is about, as far as the asker says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Period {
    /// First instant.
    pub start: Option<UnixNanos>,
    /// Last instant.
    pub end: Option<UnixNanos>,
}

impl Period {
    /// The range; without a start or an end everything that is kept.
    ///
    /// # Errors
    /// An end before the start.
    pub fn or_all(self) -> Result<TimeRange, AppError> {
        range(self.start.unwrap_or(TimeRange::ALL.start), self.end.unwrap_or(TimeRange::ALL.end))
    }

    /// The range; without an end up to now, without a start an hour before the end.
    ///
    /// # Errors
    /// An end before the start.
    pub fn or_recent(self, now: UnixNanos) -> Result<TimeRange, AppError> {
        let end = self.end.unwrap_or(now);
        range(self.start.unwrap_or_else(|| end.saturating_sub(RECENT)), end)
    }
}

/// The range from `start` to `end`.
pub(super) fn range(start: UnixNanos, end: UnixNanos) -> Result<TimeRange, AppError> {
    if start > end {
        return Err(AppError::refused(format!("the range ends ({end} ns) before it starts ({start} ns)")));
    }
    Ok(TimeRange::new(start, end))
}

/// The width of a bucket in nanoseconds: the one asked for, or one that makes about [`DEFAULT_BUCKETS`].
///
/// # Errors
/// One that makes more than [`MAX_BUCKETS`] buckets.
pub(super) fn step(asked: Option<i64>, range: TimeRange) -> Result<i64, AppError> {
    let step = match asked {
        Some(step) => step.max(1),
        None => round_step(range.end.saturating_sub(range.start) / DEFAULT_BUCKETS),
    };
    // A range of all time has i64::MAX buckets of 1 ns, and one more.
    let buckets = (range.end.saturating_sub(range.start) / step).saturating_add(1);
    if buckets > MAX_BUCKETS {
        return Err(AppError::refused(format!(
            "the range has {buckets} buckets of that step, the limit is {MAX_BUCKETS}; give a greater step"
        )));
    }
    Ok(step)
}

/// The next step that a person would choose: 1, 2, 5, 10, 15, 30 seconds and minutes, and so on.
fn round_step(least: i64) -> i64 {
    const STEPS: [i64; 22] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 172_800,
        604_800, 2_592_000, 31_536_000,
    ];
    let chosen = STEPS.into_iter().map(|seconds| seconds * NANOS_PER_SECOND).find(|step| *step >= least);
    chosen.unwrap_or(least)
}

/// A count that must lie within bounds; `default` where the asker says none. `name` is the parameter's.
///
/// # Errors
/// A count outside the bounds.
pub(super) fn count(
    name: &str,
    asked: Option<usize>,
    default: usize,
    bounds: RangeInclusive<usize>,
) -> Result<usize, AppError> {
    let count = asked.unwrap_or(default);
    if bounds.contains(&count) {
        return Ok(count);
    }
    let (least, most) = bounds.into_inner();
    Err(AppError::refused(format!(
        "the parameter {name:?} has the value \"{count}\": it must lie between {least} and {most}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_make_too_many_buckets_are_refused_up_to_all_time() {
        let step = |asked, end| step(Some(asked), TimeRange::new(0, end));
        let message = step(1, i64::MAX).unwrap_err().to_string();
        assert!(message.contains(&format!("the limit is {MAX_BUCKETS}")), "{message}");
        assert_eq!(step(NANOS_PER_SECOND, 60 * NANOS_PER_SECOND).unwrap(), NANOS_PER_SECOND);
    }

    #[test]
    fn limits_are_bounded_with_a_message_that_says_so() {
        let message = count("limit", Some(20_000), 100, 1..=10_000).unwrap_err().to_string();
        assert!(message.contains("\"limit\"") && message.contains("between 1 and 10000"), "{message}");
        assert_eq!(count("limit", None, 100, 1..=10_000).unwrap(), 100);
    }

    #[test]
    fn a_period_is_all_or_the_last_hour_where_it_does_not_say() {
        let now = 7_200 * NANOS_PER_SECOND;
        assert_eq!(Period::default().or_all().unwrap(), TimeRange::ALL);
        assert_eq!(Period::default().or_recent(now).unwrap(), TimeRange::new(now / 2, now));
        let until = Period { end: Some(now / 2), ..Period::default() };
        assert_eq!(until.or_recent(now).unwrap(), TimeRange::new(0, now / 2));
        let backwards = Period { start: Some(2), end: Some(1) };
        assert!(backwards.or_all().unwrap_err().to_string().contains("before it starts"));
    }
}
