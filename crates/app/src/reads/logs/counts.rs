//! Records counted over time.

use super::{about, filter};
use crate::error::AppError;
use crate::reads::period::step;
use crate::reads::{Period, Plan, Question};
use clew_model::UnixNanos;
use clew_model::logs::LogHistogram;
use clew_query::logs::sinks;

/// How many records match, over time and by severity.
#[derive(Debug, Clone, Default)]
pub struct CountLogs {
    /// As in [`super::SearchLogs`].
    pub query: Option<String>,
    /// When; the last hour by default.
    pub period: Period,
    /// Width of a bucket in nanoseconds.
    pub step: Option<i64>,
}

/// Counts over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogCounts {
    /// The buckets.
    pub histogram: LogHistogram,
    /// Their width in nanoseconds.
    pub step: i64,
}

impl Question for CountLogs {
    type Answer = LogCounts;

    fn plan(self, now: UnixNanos) -> Result<Plan<LogCounts>, AppError> {
        let filter = filter(self.query.as_deref())?;
        let range = self.period.or_recent(now)?;
        let step = step(self.step, range)?;
        let about = about("logs_histogram", self.query, range);
        let plan = Plan::new(about, move |context, stores| {
            Ok(LogCounts {
                histogram: sinks::histogram(context, &*stores.logs.view(context), &filter, range, step)?,
                step,
            })
        });
        Ok(plan.counting(|counts| counts.histogram.buckets.len()))
    }
}
