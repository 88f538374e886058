//! Series by their labels, the labels' names, the values of one.

use super::PROMQL;
use crate::error::AppError;
use crate::reads::{About, Period, Plan, Question};
use clew_model::metrics::{Labels, Matcher};
use clew_model::{TimeRange, UnixNanos};
use clew_query::{metrics, promql};
use std::collections::BTreeSet;

/// Which series are meant, and how many answers are wanted.
#[derive(Debug, Clone, Default)]
pub struct SelectSeries {
    /// PromQL selectors; a series that passes one of them is meant.
    pub selectors: Vec<String>,
    /// When; everything that is kept by default.
    pub period: Period,
    /// Answers at most; all without.
    pub limit: Option<usize>,
}

/// A sorted list, cut where the asker wanted no more.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listed<T> {
    /// Its beginning.
    pub items: Vec<T>,
    /// Whether there are more.
    pub truncated: bool,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

impl<T> Listed<T> {
    fn cut(all: BTreeSet<T>, limit: Option<usize>) -> Self {
        let limit = limit.unwrap_or(usize::MAX);
        let truncated = all.len() > limit;
        Self { truncated, items: all.into_iter().take(limit).collect(), warnings: Vec::new() }
    }
}

/// What was read of a [`SelectSeries`].
struct Selected {
    about: About,
    sets: Vec<Vec<Matcher>>,
    range: TimeRange,
    limit: Option<usize>,
}

impl SelectSeries {
    fn read(self, name: &'static str) -> Result<Selected, AppError> {
        let sets = self.selectors.iter().map(|text| promql::parse_selector(text)).collect::<Result<_, _>>()?;
        let range = self.period.or_all()?;
        let about = About::new(name).text(PROMQL, self.selectors.join(" or ")).during(range);
        Ok(Selected { about, sets, range, limit: self.limit })
    }

    /// Without selectors, everything.
    fn read_or_all(self, name: &'static str) -> Result<Selected, AppError> {
        let mut selected = self.read(name)?;
        if selected.sets.is_empty() {
            selected.sets.push(Vec::new());
        }
        Ok(selected)
    }
}

/// Which series there are.
#[derive(Debug, Clone, Default)]
pub struct FindSeries(pub SelectSeries);

impl Question for FindSeries {
    type Answer = Listed<Labels>;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Listed<Labels>>, AppError> {
        let Selected { about, sets, range, limit } = self.0.read("prometheus_series")?;
        let plan = Plan::new(about, move |context, stores| {
            let view = stores.metrics.view(context);
            let mut all = BTreeSet::new();
            for set in &sets {
                all.extend(metrics::series(context, &*view, set, range)?);
            }
            Ok(Listed::cut(all, limit))
        });
        Ok(plan.counting(|list| list.items.len()))
    }
}

/// Which labels series have.
#[derive(Debug, Clone, Default)]
pub struct ListLabelNames(pub SelectSeries);

impl Question for ListLabelNames {
    type Answer = Listed<String>;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Listed<String>>, AppError> {
        let Selected { about, sets, range, limit } = self.0.read_or_all("prometheus_labels")?;
        let plan = Plan::new(about, move |context, stores| {
            let view = stores.metrics.view(context);
            let mut all = BTreeSet::new();
            for set in &sets {
                all.extend(metrics::label_names(context, &*view, set, range)?);
            }
            Ok(Listed::cut(all, limit))
        });
        Ok(plan.counting(|list| list.items.len()))
    }
}

/// Which values a label has.
#[derive(Debug, Clone, Default)]
pub struct ListLabelValues {
    /// The label.
    pub name: String,
    /// Among which series.
    pub of: SelectSeries,
}

impl Question for ListLabelValues {
    type Answer = Listed<String>;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Listed<String>>, AppError> {
        let Selected { about, sets, range, limit } = self.of.read_or_all("prometheus_label_values")?;
        let name = self.name;
        let plan = Plan::new(about, move |context, stores| {
            let view = stores.metrics.view(context);
            let mut all = BTreeSet::new();
            for set in &sets {
                all.extend(metrics::label_values(context, &*view, &name, set, range)?);
            }
            Ok(Listed::cut(all, limit))
        });
        Ok(plan.counting(|list| list.items.len()))
    }
}
