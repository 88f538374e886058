//! What some traces have in common against the rest.

use super::search::said;
use crate::error::AppError;
use crate::limits::{DEFAULT_CONTRASTS, MAX_CONTRASTS};
use crate::reads::period::count;
use crate::reads::{About, Period, Plan, Question};
use clew_model::UnixNanos;
use clew_model::traces::{TraceBounds, TraceContrast, TraceFilter};
use clew_query::traces;

/// Which attributes set some traces apart from the rest.
#[derive(Debug, Clone, Default)]
pub struct ContrastTraces {
    /// The test that one span of a trace must pass, in either group.
    pub filter: TraceFilter,
    /// When it started; the last hour by default.
    pub period: Period,
    /// What the traces of the one group satisfy.
    pub selected: TraceBounds,
    /// Attributes at most.
    pub limit: Option<usize>,
}

impl Question for ContrastTraces {
    type Answer = TraceContrast;

    fn plan(self, now: UnixNanos) -> Result<Plan<TraceContrast>, AppError> {
        let query = traces::ContrastQuery {
            filter: self.filter,
            range: self.period.or_recent(now)?,
            selected: self.selected,
            limit: count("limit", self.limit, DEFAULT_CONTRASTS, 1..=MAX_CONTRASTS)?,
        };
        let about =
            About::new("trace_contrast").text("filter", said(&query.filter, query.selected)).during(query.range);
        let plan = Plan::new(about, move |context, stores| {
            Ok(traces::contrast(context, &*stores.traces.view(context), &query)?)
        });
        Ok(plan.counting(|contrast| contrast.attributes.len()))
    }
}
