//! Selectors: samples from the store, each selector scanned once for all steps.

use super::column::Vector;
use super::compute::{Stage, has_stale, keep_unstale, not_a_range};
use super::window::{Windows, slice};
use super::{Evaluator, Expr, ExprKind};
use crate::error::QueryError;
use crate::promql::ast::Selector;
use crate::promql::value::RangeSeries;
use clew_model::metrics::SeriesData;

impl Evaluator<'_> {
    pub(super) fn instant_selector(&mut self, selector: &Selector) -> Result<Vector, QueryError> {
        self.instant_cells(selector, false)
    }

    /// For each step the last sample within the lookback; its time in seconds instead of its value where `times` is
    /// asked for.
    pub(super) fn instant_cells(&mut self, selector: &Selector, times: bool) -> Result<Vector, QueryError> {
        let ends = self.steps.modified(&selector.time, self.query);
        self.scan_columns(&selector.matchers, ends, self.options.lookback_millis, Stage::Last { times })
    }

    /// A range vector as the answer itself.
    pub(super) fn raw_matrix(&mut self, expr: &Expr) -> Result<Vec<RangeSeries>, QueryError> {
        let mut out = match &expr.unwrap_parens().kind {
            ExprKind::Matrix { selector, range } => {
                let ends = self.steps.modified(&selector.time, self.query);
                let make = || {
                    let mut windows = Windows::new(ends, *range);
                    let mut kept = SeriesData::default();
                    move |series: &SeriesData| {
                        if has_stale(series) {
                            keep_unstale(series, &mut kept);
                            return raw_series(&kept, &mut windows);
                        }
                        raw_series(series, &mut windows)
                    }
                };
                self.gather(&selector.matchers, ends, *range, &make)?.0
            }
            ExprKind::Subquery(subquery) => {
                let range = self.subquery(subquery)?;
                let mut windows = Windows::new(range.ends, range.width);
                range.series.iter().filter_map(|series| raw_series(series, &mut windows)).collect()
            }
            _ => return Err(not_a_range(expr)),
        };
        out.sort_by(|left, right| left.labels.cmp(&right.labels));
        Ok(out)
    }
}

/// The samples of the first window.
fn raw_series(series: &SeriesData, windows: &mut Windows) -> Option<RangeSeries> {
    let bounds = windows.bounds(&series.times).first().copied().unwrap_or_default();
    let own = windows.bounds_of(&series.histograms).first().copied().unwrap_or_default();
    let values = slice(&series.values, bounds).iter().copied();
    let floats: Vec<_> = slice(&series.times, bounds).iter().copied().zip(values).collect();
    let histograms = slice(&series.histograms, own).to_vec();
    let is_empty = floats.is_empty() && histograms.is_empty();
    (!is_empty).then(|| RangeSeries { labels: series.labels.clone(), floats, histograms })
}
