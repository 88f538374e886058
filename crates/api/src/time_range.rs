//! The range and the step of calls that answer something over time.

use crate::error::ApiError;
use crate::limits::{DEFAULT_BUCKETS, MAX_BUCKETS};
use crate::params::Params;
use crate::state::ApiState;
use clew_model::TimeRange;
use clew_model::time::NANOS_PER_SECOND;

/// The range when the caller does not say: the last hour.
const DEFAULT_RANGE: i64 = 3_600 * NANOS_PER_SECOND;

/// From `start` to `end`; without them the last hour, or the hour before `end`.
///
/// # Errors
/// Values that are no times, or an end before the start.
pub fn recent_range(state: &ApiState, params: &Params) -> Result<TimeRange, ApiError> {
    let now = state.app.clock().now();
    let end = params.time("end", now)?.unwrap_or(now);
    params.range(now, TimeRange::new(end.saturating_sub(DEFAULT_RANGE), end))
}

/// The width of a bucket in nanoseconds: `step`, or one that makes about [`DEFAULT_BUCKETS`].
///
/// # Errors
/// Not a duration, or one that makes more than [`MAX_BUCKETS`] buckets.
pub fn step(params: &Params, range: TimeRange) -> Result<i64, ApiError> {
    let step = match params.duration("step")? {
        Some(step) => step.max(1),
        None => round_step(range.end.saturating_sub(range.start) / DEFAULT_BUCKETS),
    };
    // A range of all time has i64::MAX buckets of 1 ns, and one more.
    let buckets = (range.end.saturating_sub(range.start) / step).saturating_add(1);
    if buckets > MAX_BUCKETS {
        return Err(ApiError::bad_request(format!(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_that_make_too_many_buckets_are_refused_up_to_all_time() {
        let step = |text: &str, end| step(&Params::of_query(Some(&format!("step={text}"))), TimeRange::new(0, end));
        let message = step("1ns", i64::MAX).unwrap_err().message;
        assert!(message.contains(&format!("the limit is {MAX_BUCKETS}")), "{message}");
        assert_eq!(step("1s", 60 * NANOS_PER_SECOND).unwrap(), NANOS_PER_SECOND);
    }
}
