//! Selectors: samples from the store, each selector scanned once for all steps.

use super::column::Vector;
use super::compute::{Driven, Extended, Output, Shown, Stage, Window, has_stale, keep_unstale, not_a_range};
use super::notes::WindowNote;
use super::steps::Steps;
use super::window::{Windows, slice};
use super::{Evaluator, Expr, ExprKind, extended, extended_histograms};
use crate::error::QueryError;
use crate::promql::ast::{Extension, Selector, Span};
use crate::promql::value::RangeSeries;
use clew_model::metrics::SeriesData;
use std::sync::atomic::{AtomicBool, Ordering};

impl Evaluator<'_> {
    pub(super) fn instant_selector(&mut self, selector: &Selector, span: Span) -> Result<Vector, QueryError> {
        match selector.extension {
            Some(Extension::Smoothed) => self.smoothed(selector, span),
            _ => self.instant_cells(selector, Shown::Value, span),
        }
    }

    /// For each step the value interpolated between the samples around it.
    fn smoothed(&mut self, selector: &Selector, span: Span) -> Result<Vector, QueryError> {
        let ends = self.steps.modified(&selector.time, self.query);
        let lookback = self.options.lookback_millis;
        let function = |_: usize, window: &Window<'_>| {
            if !window.values.is_empty() && !window.histograms.is_empty() {
                window.note(WindowNote::Mixed);
                return Output::Nothing;
            }
            match window.histograms.is_empty() {
                true => extended::value_at(window.times, window.values, window.end).into(),
                false => extended_histograms::value_at(window),
            }
        };
        let extension = Some(Extended { kind: Extension::Smoothed, lookback });
        let driven = Driven { keeps_name: true, extension, ..Driven::new(&function) };
        self.scan_columns(&selector.matchers, (ends, 0), Stage::Windows(driven), span)
    }

    /// For each step the last sample within the lookback.
    pub(super) fn instant_cells(
        &mut self,
        selector: &Selector,
        shown: Shown,
        span: Span,
    ) -> Result<Vector, QueryError> {
        let ends = self.steps.modified(&selector.time, self.query);
        let lookback = self.options.lookback_millis;
        self.scan_columns(&selector.matchers, (ends, lookback), Stage::Last(shown), span)
    }

    /// A range vector as the answer itself.
    pub(super) fn raw_matrix(&mut self, expr: &Expr) -> Result<Vec<RangeSeries>, QueryError> {
        let mut out = match &expr.unwrap_parens().kind {
            ExprKind::Matrix { selector, range, .. } => {
                let ends = self.steps.modified(&selector.time, self.query);
                if let Some(kind) = selector.extension {
                    let extended = Extended { kind, lookback: self.options.lookback_millis };
                    return self.extended_matrix(selector, (ends, *range), extended, expr.span);
                }
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
                self.gather(&selector.matchers, (ends, *range), &make, expr.span)?.0
            }
            ExprKind::Subquery(subquery) => {
                let range = self.subquery(subquery)?;
                let mut windows = Windows::new(range.ends, range.width);
                let drops = range.drop_names.iter().copied().chain(std::iter::repeat(false));
                let rows = range.series.iter().zip(drops);
                rows.filter_map(|(series, drop_name)| {
                    let mut made = raw_series(series, &mut windows)?;
                    if drop_name {
                        made.labels = made.labels.without_metadata();
                    }
                    Some(made)
                })
                .collect()
            }
            _ => return Err(not_a_range(expr)),
        };
        out.sort_by(|left, right| left.labels.cmp(&right.labels));
        Ok(out)
    }
}

impl Evaluator<'_> {
    /// An extended range vector as the answer itself.
    fn extended_matrix(
        &mut self,
        selector: &Selector,
        (ends, range): (Steps, i64),
        extended: Extended,
        span: Span,
    ) -> Result<Vec<RangeSeries>, QueryError> {
        let read = Extended::around(Some(extended), ends, range);
        let inside = (ends.first.saturating_sub(range), ends.first);
        let smoothed = extended.kind == Extension::Smoothed;
        let has_histograms = AtomicBool::new(false);
        let make = || {
            let mut windows = Windows::new(read.0, read.1);
            let (mut kept, has_histograms) = (SeriesData::default(), &has_histograms);
            move |series: &SeriesData| {
                keep_unstale(series, &mut kept);
                let raw = raw_series(&kept, &mut windows)?;
                has_histograms.fetch_or(!raw.histograms.is_empty(), Ordering::Relaxed);
                let (times, values): (Vec<_>, Vec<_>) = raw.floats.into_iter().unzip();
                let floats = extended::samples(&times, &values, inside, smoothed);
                (!floats.is_empty()).then_some(RangeSeries { labels: raw.labels, floats, histograms: Vec::new() })
            }
        };
        let mut out = self.gather(&selector.matchers, read, &make, span)?.0;
        if has_histograms.into_inner() {
            let word = extended.kind.as_str();
            return Err(QueryError::execution(format!("{word} modifier is not supported with histograms")));
        }
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
