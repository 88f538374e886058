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

/// Exemplars, in any order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Exemplars {
    /// Each as often as it is kept.
    pub rows: Vec<ExemplarRow>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

impl Question for FindExemplars {
    type Answer = Exemplars;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Exemplars>, AppError> {
        let selectors: Vec<Vec<Matcher>> = promql::selectors(&promql::parse(&self.query)?);
        let range = self.period.or_all()?;
        let about = About::new("prometheus_exemplars").text(PROMQL, self.query).during(range);
        let plan = Plan::new(about, move |context, stores| {
            let view = stores.metrics.view(context);
            let mut rows = Vec::new();
            for matchers in &selectors {
                rows.extend(metrics::exemplars(context, &*view, matchers, range)?);
            }
            Ok(Exemplars { rows, warnings: Vec::new() })
        });
        Ok(plan.counting(|found| found.rows.len()))
    }
}
