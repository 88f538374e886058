//! Records whose messages say the same but for what changes, counted together.

use super::{about, filter};
use crate::error::AppError;
use crate::limits::{DEFAULT_PATTERNS, MAX_LISTED_PATTERNS};
use crate::reads::period::{count, step};
use crate::reads::{Period, Plan, Question};
use clew_model::UnixNanos;
use clew_query::logs::sinks::{self, PatternGroups, PatternQuery};
use std::cmp::Reverse;

/// Which messages say the same, and how often they were logged.
#[derive(Debug, Clone, Default)]
pub struct GroupLogs {
    /// As in [`super::SearchLogs`].
    pub query: Option<String>,
    /// When; the last hour by default.
    pub period: Period,
    /// Width of a bucket in nanoseconds.
    pub step: Option<i64>,
    /// Groups at most.
    pub limit: Option<usize>,
    /// Whether the group with the newest record comes first, not the largest.
    pub newest_first: bool,
}

/// Groups of records.
#[derive(Debug, Clone, PartialEq)]
pub struct LogGroups {
    /// The groups that are listed.
    pub found: PatternGroups,
    /// Groups there are.
    pub patterns: usize,
    /// Width of a bucket in nanoseconds.
    pub step: i64,
}

impl Question for GroupLogs {
    type Answer = LogGroups;

    fn plan(self, now: UnixNanos) -> Result<Plan<LogGroups>, AppError> {
        let range = self.period.or_recent(now)?;
        let step = step(self.step, range)?;
        let limit = count("limit", self.limit, DEFAULT_PATTERNS, 1..=MAX_LISTED_PATTERNS)?;
        let query = PatternQuery { filter: filter(self.query.as_deref())?, range, step };
        let about = about("logs_patterns", self.query, range);
        let plan = Plan::new(about, move |context, stores| {
            let mut found = sinks::patterns(context, &*stores.logs.view(context), &query)?;
            let patterns = found.groups.len();
            if self.newest_first {
                found.groups.sort_by_key(|group| Reverse(group.newest.id));
            }
            found.groups.truncate(limit);
            Ok(LogGroups { found, patterns, step })
        });
        Ok(plan.counting(|groups| groups.found.groups.len()))
    }
}
