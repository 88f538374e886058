//! Questions about logs.

mod context;
mod counts;
mod fields;
mod nothing;
mod patterns;
mod search;
mod tail;

pub use context::{ContextScope, LogContext, LogContextQuery};
pub use counts::{CountLogs, LogCounts};
pub use fields::{ListLogFieldValues, ListLogFields};
pub use patterns::{GroupLogs, LogGroups};
pub use search::SearchLogs;
pub use tail::{LogTail, Missed, TailEvent, TailLogs};

use super::question::About;
use crate::error::AppError;
use clew_model::TimeRange;
use clew_model::logs::LogFilter;

/// The filter that a query stands for; everything without one.
fn filter(query: Option<&str>) -> Result<LogFilter, AppError> {
    let read = |text| {
        clew_query::logs::parse(text).map_err(|mut error| {
            // Another language's brackets and quotes are rarely ours.
            if let Some(hint) = clew_query::logs::foreign(text) {
                error.hint = Some(hint);
            }
            error
        })
    };
    Ok(query.map(read).transpose()?.unwrap_or(LogFilter::All))
}

/// A question about the records that match a query.
fn about(name: &'static str, query: Option<String>, range: TimeRange) -> About {
    let query = query.unwrap_or_default();
    let language = if query.trim_start().starts_with('{') { "logql" } else { "search" };
    About::new(name).text(language, query).during(range)
}
