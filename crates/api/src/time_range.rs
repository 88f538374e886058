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
    let buckets = range.end.saturating_sub(range.start) / step + 1;
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
