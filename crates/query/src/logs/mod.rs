//! Log queries: the search-bar language and LogQL's log selection, both planned into a [`LogFilter`].

mod foreign;
pub mod logql;
mod names;
mod pasted_record;
mod patterns;
pub mod search_bar;
pub mod sinks;

pub use foreign::foreign;
pub use patterns::MessagePattern;

use crate::error::QueryError;
use crate::limits::MAX_QUERY_BYTES;
use clew_model::ErrorKind;
use clew_model::logs::{LogFilter, TextTest};

/// Plans a log query: LogQL when it starts with `{`, else the search-bar language. A JSON object is a record that was
/// pasted: it finds those that say the same.
///
/// # Errors
/// Text that is not of its language, with position and advice; LogQL that is not supported yet; text or nesting beyond
/// the limits.
pub fn parse(text: &str) -> Result<LogFilter, QueryError> {
    if text.len() > MAX_QUERY_BYTES {
        return Err(QueryError::new(
            ErrorKind::TooLarge,
            format!("the query has {} bytes, more than the limit of {MAX_QUERY_BYTES}", text.len()),
        ));
    }
    if !text.trim_start().starts_with('{') {
        return search_bar::parse(text);
    }
    match pasted_record::filter(text) {
        Some(filter) => Ok(filter),
        // No label of LogQL begins with a quote: it is a line that begins as JSON does.
        None if pasted_record::begins_as_json(text) => Ok(LogFilter::AnyText(TextTest::words(text))),
        None => logql::parse(text),
    }
}

/// All of them; one alone stands for itself.
fn all_of(mut filters: Vec<LogFilter>) -> LogFilter {
    match (filters.len(), filters.pop()) {
        (0 | 1, only) => only.unwrap_or(LogFilter::All),
        (_, last) => {
            filters.extend(last);
            LogFilter::And(filters)
        }
    }
}

/// One of them; one alone stands for itself.
fn any_of(mut filters: Vec<LogFilter>) -> LogFilter {
    match (filters.len(), filters.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            filters.extend(last);
            LogFilter::Or(filters)
        }
    }
}

fn not(filter: LogFilter) -> LogFilter {
    LogFilter::Not(Box::new(filter))
}
