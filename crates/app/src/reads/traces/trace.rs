//! One trace whole.

use crate::error::AppError;
use crate::reads::{About, Plan, Question};
use clew_model::traces::SpanPage;
use clew_model::{TraceId, UnixNanos};
use clew_query::traces;

/// Which spans a trace has; none where it is not kept.
#[derive(Debug, Clone, Copy)]
pub struct ShowTrace {
    /// The trace.
    pub id: TraceId,
}

impl Question for ShowTrace {
    type Answer = SpanPage;

    fn plan(self, _now: UnixNanos) -> Result<Plan<SpanPage>, AppError> {
        let about = About::new("trace").text("id", self.id.to_string());
        let plan = Plan::new(about, move |context, stores| {
            Ok(traces::trace(context, &*stores.traces.view(context), self.id)?)
        });
        Ok(plan.counting(|page| page.spans.len()))
    }
}
