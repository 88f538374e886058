//! Subqueries: an instant vector evaluated at steps of its own becomes a range vector.

use super::Evaluator;
use super::column::{Column, is_absent};
use super::compute::RangeVector;
use super::steps::Steps;
use crate::error::QueryError;
use crate::limits::MAX_SUBQUERY_STEPS;
use crate::promql::ast::Subquery;
use clew_model::UnixMillis;
use clew_model::metrics::{NativeHistogram, ResetHint, SeriesData};
use std::sync::Arc;

impl Evaluator<'_> {
    pub(super) fn subquery(&mut self, subquery: &Subquery) -> Result<RangeVector, QueryError> {
        let ends = self.steps.modified(&subquery.time, self.query);
        let step = subquery.step.unwrap_or(self.options.subquery_step_millis).max(1);
        let open_start = ends.first.saturating_sub(subquery.range);
        let first = first_after(open_start, step);
        let mut range =
            RangeVector { series: Vec::new(), drop_names: Vec::new(), ends, width: subquery.range, memory: Vec::new() };
        if first > ends.last() {
            return Ok(range);
        }
        let steps = Steps::range(first, ends.last(), step, MAX_SUBQUERY_STEPS)?;
        let vector = self.with_steps(steps, |evaluator| evaluator.vector(&subquery.expr))?;
        let times: Arc<[UnixMillis]> = steps.iter().collect();
        range.drop_names = vector.columns.iter().map(|column| column.drop_name).collect();
        range.series = vector.columns.into_iter().map(|column| series(column, &times)).collect();
        range.memory = vector.memory;
        Ok(range)
    }
}

/// The first multiple of `step` after `open_start`: subqueries of one step are aligned with each other.
fn first_after(open_start: UnixMillis, step: i64) -> UnixMillis {
    open_start.div_euclid(step).saturating_add(1).saturating_mul(step)
}

/// The histogram without what is known of resets before it: between the steps of a subquery there may be other samples, or none.
fn without_hint(histogram: &Arc<NativeHistogram>) -> Arc<NativeHistogram> {
    match histogram.reset_hint {
        ResetHint::Unknown | ResetHint::Gauge => Arc::clone(histogram),
        ResetHint::Reset | ResetHint::NoReset => {
            Arc::new(NativeHistogram { reset_hint: ResetHint::Unknown, ..(**histogram).clone() })
        }
    }
}

fn series(column: Column, times: &Arc<[UnixMillis]>) -> SeriesData {
    let histograms: Vec<_> = times
        .iter()
        .zip(&column.histograms)
        .filter_map(|(time, cell)| cell.as_ref().map(|histogram| (*time, without_hint(histogram))))
        .collect();
    if column.values.iter().any(|value| is_absent(*value)) {
        let (times, values): (Vec<_>, Vec<_>) =
            times.iter().copied().zip(column.values).filter(|(_, value)| !is_absent(*value)).unzip();
        let times = Arc::from(times);
        return SeriesData { labels: column.labels, times, values, histograms, ..SeriesData::default() };
    }
    let (labels, values) = (column.labels, column.values);
    SeriesData { labels, times: Arc::clone(times), values, histograms, ..SeriesData::default() }
}
