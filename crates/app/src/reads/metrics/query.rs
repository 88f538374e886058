//! PromQL, at one instant and over a range.

use super::PROMQL;
use crate::error::AppError;
use crate::limits::MAX_EXPLAINED_SELECTORS;
use crate::reads::period::range;
use crate::reads::{About, Plan, Question};
use clew_model::metrics::MetricReader;
use clew_model::time::NANOS_PER_MILLI;
use clew_model::{Context, TimeRange, UnixMillis, UnixNanos};
use clew_query::metrics::why_nothing;
use clew_query::promql::{self, Expr, PromqlOptions, QueryResult, Value};
use std::time::{Duration, Instant};

/// What a PromQL expression says at one instant.
#[derive(Debug, Clone, Default)]
pub struct InstantQuery {
    /// The expression.
    pub query: String,
    /// When; now by default.
    pub at: Option<UnixNanos>,
    /// How far back a selector looks for a sample, in nanoseconds.
    pub lookback: Option<i64>,
    /// How long it may take at most.
    pub timeout: Option<Duration>,
}

impl Question for InstantQuery {
    type Answer = QueryResult;

    fn plan(self, now: UnixNanos) -> Result<Plan<QueryResult>, AppError> {
        let expr = promql::parse(&self.query)?;
        let at = self.at.unwrap_or(now);
        let about = About::new("prometheus_query").text(PROMQL, self.query).during(TimeRange::new(at, at));
        let (at, options) = (at.div_euclid(NANOS_PER_MILLI), options(self.lookback));
        let plan = Plan::new(about, move |context, stores| {
            let began = Instant::now();
            let mut result = promql::query_instant(stores.metrics, context, &expr, at, &options)?;
            result.stats.took = began.elapsed();
            Ok(explained(result, context, stores.metrics, &expr, (at, at), &options))
        });
        Ok(plan.within(self.timeout).counting(series))
    }
}

/// What a PromQL expression says over a range.
#[derive(Debug, Clone, Default)]
pub struct RangeQuery {
    /// The expression.
    pub query: String,
    /// The first instant.
    pub start: UnixNanos,
    /// The last instant.
    pub end: UnixNanos,
    /// From one instant to the next, in milliseconds.
    pub step: i64,
    /// How far back a selector looks for a sample, in nanoseconds.
    pub lookback: Option<i64>,
    /// How long it may take at most.
    pub timeout: Option<Duration>,
}

impl Question for RangeQuery {
    type Answer = QueryResult;

    fn plan(self, _now: UnixNanos) -> Result<Plan<QueryResult>, AppError> {
        let expr = promql::parse(&self.query)?;
        let range = range(self.start, self.end)?;
        let (start, end) = (range.start.div_euclid(NANOS_PER_MILLI), range.end.div_euclid(NANOS_PER_MILLI));
        let (step, options) = (self.step, options(self.lookback));
        check_resolution(start, end, step, options.max_steps)?;
        let about = About::new("prometheus_query_range").text(PROMQL, self.query).during(range);
        let plan = Plan::new(about, move |context, stores| {
            let began = Instant::now();
            let mut result = promql::query_range(stores.metrics, context, &expr, start, end, step, &options)?;
            result.stats.took = began.elapsed();
            Ok(explained(result, context, stores.metrics, &expr, (start, end), &options))
        });
        Ok(plan.within(self.timeout).counting(series))
    }
}

/// An answer without series, with what is told of the selectors that found none.
fn explained(
    mut result: QueryResult,
    context: &Context,
    metrics: &dyn MetricReader,
    expr: &Expr,
    (start, end): (UnixMillis, UnixMillis),
    options: &PromqlOptions,
) -> QueryResult {
    let is_empty = match &result.value {
        Value::Scalar(..) | Value::String(..) => false,
        Value::Vector(samples) => samples.is_empty(),
        Value::Matrix(series) => series.is_empty(),
    };
    if !is_empty {
        return result;
    }
    let looked_at = promql::reach(expr).map(|reach| {
        let before = reach.saturating_add(options.lookback_millis);
        TimeRange::from_millis(start.saturating_sub(before), end.saturating_add(reach))
    });
    let view = metrics.view(context);
    for matchers in promql::selectors(expr).iter().take(MAX_EXPLAINED_SELECTORS) {
        // An answer is not lost for what would be said about it.
        let Ok(Some(reason)) = why_nothing(context, &*view, matchers, looked_at) else { continue };
        let info = format!("PromQL info: {reason}");
        if !result.annotations.infos.contains(&info) {
            result.annotations.infos.push(info);
        }
    }
    result
}

/// Prometheus takes too many points for a malformed request, not for a query that failed.
fn check_resolution(start: UnixMillis, end: UnixMillis, step: i64, most: usize) -> Result<(), AppError> {
    if step <= 0 {
        return Err(AppError::refused(
            "zero or negative query resolution step widths are not accepted; try a positive number of seconds",
        ));
    }
    let points = usize::try_from(end.saturating_sub(start) / step).unwrap_or(usize::MAX).saturating_add(1);
    if points > most {
        return Err(AppError::refused(format!(
            "exceeded maximum resolution of {most} points per timeseries: the query asks for {points}; take a longer step \
             or a shorter range"
        )));
    }
    Ok(())
}

fn options(lookback: Option<i64>) -> PromqlOptions {
    let mut options = PromqlOptions::default();
    if let Some(nanos) = lookback {
        options.lookback_millis = (nanos / NANOS_PER_MILLI).max(1);
    }
    options
}

/// Series that an answer has.
fn series(result: &QueryResult) -> usize {
    match &result.value {
        Value::Scalar(..) | Value::String(..) => 1,
        Value::Vector(samples) => samples.len(),
        Value::Matrix(series) => series.len(),
    }
}
