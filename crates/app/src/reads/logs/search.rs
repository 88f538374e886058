//! Records that match.

use super::nothing::why_nothing;
use super::{about, filter};
use crate::error::AppError;
use crate::limits::{DEFAULT_LOG_ROWS, MAX_LOG_ROWS};
use crate::reads::period::count;
use crate::reads::{Period, Plan, Question};
use clew_model::logs::{LogPage, LogQuery, Order};
use clew_model::{RecordId, UnixNanos};
use clew_query::logs::sinks;

/// Which records match, in order of time.
#[derive(Debug, Clone, Default)]
pub struct SearchLogs {
    /// Search-bar language, or LogQL when it starts with `{`; everything without.
    pub query: Option<String>,
    /// When; everything that is kept by default.
    pub period: Period,
    /// Newest or oldest first.
    pub order: Order,
    /// Rows at most.
    pub limit: Option<usize>,
    /// Where the page before ended.
    pub after: Option<RecordId>,
}

impl Question for SearchLogs {
    type Answer = LogPage;

    fn plan(self, _now: UnixNanos) -> Result<Plan<LogPage>, AppError> {
        let query = LogQuery {
            filter: filter(self.query.as_deref())?,
            range: self.period.or_all()?,
            order: self.order,
            limit: count("limit", self.limit, DEFAULT_LOG_ROWS, 1..=MAX_LOG_ROWS)?,
            after: self.after,
        };
        let text = self.query.clone().unwrap_or_default();
        let about = about("logs", self.query, query.range);
        let plan = Plan::new(about, move |context, stores| {
            let view = stores.logs.view(context);
            let mut page = sinks::search(context, &*view, &query)?;
            // A page behind another is empty when these were all.
            if page.rows.is_empty() && query.after.is_none() && !text.is_empty() {
                page.hints = why_nothing(context, &*view, &text, &query.filter);
            }
            Ok(page)
        });
        Ok(plan.counting(|page| page.rows.len()))
    }
}
