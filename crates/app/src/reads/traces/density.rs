//! Traces by start and duration, counted in cells.

use super::search::said;
use crate::error::AppError;
use crate::limits::{DEFAULT_DENSITY_COLUMNS, DEFAULT_DENSITY_ROWS, MAX_DENSITY_COLUMNS, MAX_DENSITY_ROWS};
use crate::reads::period::count;
use crate::reads::{About, Period, Plan, Question};
use clew_model::UnixNanos;
use clew_model::traces::{TraceBounds, TraceDensity, TraceFilter};
use clew_query::traces;

/// How the traces that match are spread over start and duration.
#[derive(Debug, Clone, Default)]
pub struct ShowTraceDensity {
    /// The test that one span must pass.
    pub filter: TraceFilter,
    /// When it started; the last hour by default.
    pub period: Period,
    /// What the trace as a whole must satisfy.
    pub bounds: TraceBounds,
    /// Columns at most.
    pub columns: Option<usize>,
    /// Rows at most.
    pub rows: Option<usize>,
}

impl Question for ShowTraceDensity {
    type Answer = TraceDensity;

    fn plan(self, now: UnixNanos) -> Result<Plan<TraceDensity>, AppError> {
        let query = traces::DensityQuery {
            filter: self.filter,
            range: self.period.or_recent(now)?,
            bounds: self.bounds,
            columns: count("columns", self.columns, DEFAULT_DENSITY_COLUMNS, 1..=MAX_DENSITY_COLUMNS)?,
            rows: count("rows", self.rows, DEFAULT_DENSITY_ROWS, 1..=MAX_DENSITY_ROWS)?,
        };
        let about = About::new("trace_density").text("filter", said(&query.filter, query.bounds)).during(query.range);
        let plan = Plan::new(about, move |context, stores| {
            Ok(traces::density(context, &*stores.traces.view(context), &query)?)
        });
        Ok(plan.counting(|density| density.cells.len()))
    }
}
