//! Exemplars of the series that a query reads.

use super::PROMQL;
use crate::error::AppError;
use crate::reads::{About, Period, Plan, Question};
use clew_model::UnixNanos;
use clew_model::metrics::{ExemplarRow, Matcher};
use clew_query::{metrics, promql};

/// Which exemplars the series have that a PromQL expression reads.
#[derive(Debug, Clone, Default)]
pub struct FindExemplars {
    /// The expression.
    pub query: String,
    /// When; everything that is kept by default.
    pub period: Period,
}

impl Question for FindExemplars {
    type Answer = Vec<ExemplarRow>;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Vec<ExemplarRow>>, AppError> {
        let selectors: Vec<Vec<Matcher>> = promql::selectors(&promql::parse(&self.query)?);
        let range = self.period.or_all()?;
        let about = About::new("prometheus_exemplars").text(PROMQL, self.query).during(range);
        let plan = Plan::new(about, move |context, stores| {
            let view = stores.metrics.view(context);
            let mut rows = Vec::new();
            for matchers in &selectors {
                rows.extend(metrics::exemplars(context, &*view, matchers, range)?);
            }
            Ok(rows)
        });
        Ok(plan.counting(Vec::len))
    }
}
