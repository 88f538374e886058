//! The fields of records, and the values of one.

use super::{about, filter};
use crate::error::AppError;
use crate::limits::{DEFAULT_FIELD_VALUES, DEFAULT_TOP_VALUES, MAX_FIELD_VALUES};
use crate::reads::period::count;
use crate::reads::{Period, Plan, Question};
use clew_model::UnixNanos;
use clew_model::logs::{LogFieldValues, LogFields};
use clew_query::logs::sinks;

/// Which fields occur among the records that match, each with its top values.
#[derive(Debug, Clone, Default)]
pub struct ListLogFields {
    /// As in [`super::SearchLogs`].
    pub query: Option<String>,
    /// When; the last hour by default.
    pub period: Period,
    /// Values of each field.
    pub top: Option<usize>,
}

impl Question for ListLogFields {
    type Answer = LogFields;

    fn plan(self, now: UnixNanos) -> Result<Plan<LogFields>, AppError> {
        let filter = filter(self.query.as_deref())?;
        let range = self.period.or_recent(now)?;
        let top = count("top", self.top, DEFAULT_TOP_VALUES, 1..=MAX_FIELD_VALUES)?;
        let about = about("logs_fields", self.query, range);
        let plan = Plan::new(about, move |context, stores| {
            Ok(sinks::fields(context, &*stores.logs.view(context), &filter, range, top)?)
        });
        Ok(plan.counting(|fields| fields.fields.len()))
    }
}

/// Which values one field has among the records that match.
#[derive(Debug, Clone, Default)]
pub struct ListLogFieldValues {
    /// The field: a dotted path, or a well-known name.
    pub name: String,
    /// As in [`super::SearchLogs`].
    pub query: Option<String>,
    /// When; the last hour by default.
    pub period: Period,
    /// Values at most.
    pub limit: Option<usize>,
}

impl Question for ListLogFieldValues {
    type Answer = LogFieldValues;

    fn plan(self, now: UnixNanos) -> Result<Plan<LogFieldValues>, AppError> {
        let (name, filter) = (self.name, filter(self.query.as_deref())?);
        let range = self.period.or_recent(now)?;
        let limit = count("limit", self.limit, DEFAULT_FIELD_VALUES, 1..=MAX_FIELD_VALUES)?;
        let about = about("logs_field_values", self.query, range);
        let plan = Plan::new(about, move |context, stores| {
            Ok(sinks::field_values(context, &*stores.logs.view(context), &name, &filter, range, limit)?)
        });
        Ok(plan.counting(|values| values.field.top.len()))
    }
}
