//! What costs how many series, and the last samples for federation.

use super::{Listed, PROMQL};
use crate::error::AppError;
use crate::limits::CARDINALITY_SPAN;
use crate::reads::{About, Plan, Question};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::{TimeRange, UnixNanos};
use clew_query::metrics::{self, Cardinality};
use clew_query::promql::{self, LastSample, PromqlOptions};
use std::collections::BTreeMap;

/// The counts of series, and what of them may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountedSeries {
    /// The counts.
    pub counts: Cardinality,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// How many series each metric, label and value has among those that are written now.
#[derive(Debug, Clone, Copy)]
pub struct CountSeries {
    /// Entries of each list at most.
    pub limit: usize,
}

impl Question for CountSeries {
    type Answer = CountedSeries;

    fn plan(self, now: UnixNanos) -> Result<Plan<CountedSeries>, AppError> {
        let range = TimeRange::new(now.saturating_sub(CARDINALITY_SPAN), now);
        let about = About::new("prometheus_cardinality").during(range);
        Ok(Plan::new(about, move |context, stores| {
            let view = stores.metrics.view(context);
            let counts = metrics::cardinality(context, &*view, &[], range, self.limit)?;
            Ok(CountedSeries { counts, warnings: Vec::new() })
        }))
    }
}

/// The last sample of each series that passes one of the selectors.
#[derive(Debug, Clone, Default)]
pub struct FindLast {
    /// PromQL selectors.
    pub selectors: Vec<String>,
}

impl Question for FindLast {
    type Answer = Listed<LastSample>;

    fn plan(self, now: UnixNanos) -> Result<Plan<Listed<LastSample>>, AppError> {
        let sets = self.selectors.iter().map(|text| promql::parse_selector(text)).collect::<Result<Vec<_>, _>>()?;
        let about = About::new("prometheus_federate").text(PROMQL, self.selectors.join(" or "));
        let at = now.div_euclid(NANOS_PER_MILLI);
        let plan = Plan::new(about, move |context, stores| {
            let mut all = BTreeMap::new();
            for set in &sets {
                let found = promql::query_last(stores.metrics, context, set, at, &PromqlOptions::default())?;
                all.extend(found.into_iter().map(|sample| (sample.labels.clone(), sample)));
            }
            Ok(Listed { items: all.into_values().collect(), truncated: false, warnings: Vec::new() })
        });
        Ok(plan.counting(|list| list.items.len()))
    }
}
