//! Whole series, as remote read hands them on.

use super::Listed;
use crate::error::AppError;
use crate::reads::{About, Plan, Question};
use clew_model::metrics::{Matcher, SeriesData};
use clew_model::{TimeRange, UnixNanos};
use clew_query::metrics;

/// The series with their samples that pass matchers in a time range, for several of both.
#[derive(Debug, Clone, Default)]
pub struct ReadSeries {
    /// What is asked.
    pub selections: Vec<(Vec<Matcher>, TimeRange)>,
}

impl Question for ReadSeries {
    /// One list of series for each selection, sorted by labels.
    type Answer = Listed<Vec<SeriesData>>;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Self::Answer>, AppError> {
        let plan = Plan::new(About::new("prometheus_read"), move |context, stores| {
            let view = stores.metrics.view(context);
            let read =
                |(matchers, range): &(Vec<Matcher>, TimeRange)| metrics::samples(context, &*view, matchers, *range);
            let items = self.selections.iter().map(read).collect::<Result<_, _>>()?;
            Ok(Listed { items, truncated: false, warnings: Vec::new() })
        });
        Ok(plan.counting(|found| found.items.iter().map(Vec::len).sum()))
    }
}
