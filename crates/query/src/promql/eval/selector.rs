//! Selectors: samples from the store, each selector fetched once for all steps.

use super::column::{ABSENT, Column, Vector, is_absent};
use super::steps::Steps;
use super::window::{Windows, slice};
use super::{Evaluator, Expr, ExprKind};
use crate::error::QueryError;
use crate::promql::ast::Selector;
use crate::promql::value::RangeSeries;
use clew_model::metrics::{Matcher, SeriesData, is_stale};
use clew_model::{Reservation, TimeRange, UnixMillis};
use std::sync::Arc;

/// Bytes a histogram sample is taken to hold, for budgets.
const HISTOGRAM_BYTES: u64 = 512;

/// Series and the memory they hold.
pub(super) struct Loaded {
    pub series: Vec<SeriesData>,
    pub memory: Reservation,
}

/// A range vector at all steps: series, and the windows over them.
pub(super) struct RangeVector {
    pub series: Vec<SeriesData>,
    /// Ends of the windows.
    pub ends: Steps,
    /// Width of the windows in milliseconds.
    pub width: i64,
    pub memory: Vec<Reservation>,
}

impl Evaluator<'_> {
    /// The samples of `(first end - width, last end]`.
    fn load(&mut self, matchers: &[Matcher], ends: &Steps, width: i64) -> Result<Loaded, QueryError> {
        self.context.check()?;
        let from = ends.first.saturating_sub(width).saturating_add(1);
        let series = self.reader.select(self.context, matchers, TimeRange::from_millis(from, ends.last()))?;
        let mut bytes = 0u64;
        let mut samples = 0u64;
        for one in &series {
            let floats = one.values.len() as u64;
            let histograms = one.histograms.len() as u64;
            samples += floats + histograms;
            bytes += floats * 16 + histograms * HISTOGRAM_BYTES + size_of::<SeriesData>() as u64;
        }
        self.stats.series += series.len() as u64;
        self.stats.samples += samples;
        self.use_samples(samples)?;
        Ok(Loaded { series, memory: self.context.memory.reserve(bytes)? })
    }

    pub(super) fn instant_selector(&mut self, selector: &Selector) -> Result<Vector, QueryError> {
        self.instant_cells(selector, false)
    }

    /// For each step the last sample within the lookback, unless it is a staleness marker; its time in seconds instead
    /// of its value where `times` is asked for.
    pub(super) fn instant_cells(&mut self, selector: &Selector, times: bool) -> Result<Vector, QueryError> {
        let ends = self.steps.modified(&selector.time, self.query);
        let lookback = self.options.lookback_millis;
        let loaded = self.load(&selector.matchers, &ends, lookback)?;
        let memory = self.reserve_columns(loaded.series.len())?;
        let mut windows = Windows::new(ends, lookback);
        let mut columns = Vec::with_capacity(loaded.series.len());
        for series in loaded.series {
            self.context.check()?;
            let column = instant_column(series, &mut windows, times);
            if !column.is_empty() {
                columns.push(column);
            }
        }
        self.new_vector(columns, memory)
    }

    /// The range vector of a range selector or a subquery.
    pub(super) fn range_vector(&mut self, expr: &Expr) -> Result<RangeVector, QueryError> {
        match &expr.unwrap_parens().kind {
            ExprKind::Matrix { selector, range } => {
                let ends = self.steps.modified(&selector.time, self.query);
                let loaded = self.load(&selector.matchers, &ends, *range)?;
                let series = loaded.series.into_iter().map(without_stale).collect();
                Ok(RangeVector { series, ends, width: *range, memory: vec![loaded.memory] })
            }
            ExprKind::Subquery(subquery) => self.subquery(subquery),
            _ => Err(QueryError::invalid("expected a range vector").at(expr.span.start, expr.span.end)),
        }
    }

    /// A range vector as the answer itself.
    pub(super) fn raw_matrix(&mut self, expr: &Expr) -> Result<Vec<RangeSeries>, QueryError> {
        let range = self.range_vector(expr)?;
        let mut windows = Windows::new(range.ends, range.width);
        let mut out = Vec::with_capacity(range.series.len());
        for series in range.series {
            let bounds = windows.bounds(&series.times).first().copied().unwrap_or_default();
            let own = windows.bounds_of(&series.histograms).first().copied().unwrap_or_default();
            let floats: Vec<_> = slice(&series.times, bounds)
                .iter()
                .copied()
                .zip(slice(&series.values, bounds).iter().copied())
                .collect();
            let histograms = slice(&series.histograms, own).to_vec();
            if !floats.is_empty() || !histograms.is_empty() {
                out.push(RangeSeries { labels: series.labels, floats, histograms });
            }
        }
        out.sort_by(|left, right| left.labels.cmp(&right.labels));
        Ok(out)
    }
}

fn instant_column(series: SeriesData, windows: &mut Windows, times: bool) -> Column {
    let bounds = windows.bounds(&series.times);
    let mut last_times = Vec::new();
    let mut column = Column::new(series.labels, Vec::with_capacity(bounds.len()));
    for &(low, high) in bounds.iter() {
        let last = (low < high).then(|| high as usize - 1);
        let value = last.and_then(|last| series.values.get(last)).copied().unwrap_or(ABSENT);
        let time = last.and_then(|last| series.times.get(last)).copied();
        let shown = if times && !is_absent(value) { time.map_or(ABSENT, seconds) } else { value };
        column.values.push(shown);
        if !series.histograms.is_empty() {
            last_times.push(time);
        }
    }
    if !series.histograms.is_empty() {
        add_histograms(&mut column, &series.histograms, &last_times, windows, times);
    }
    column
}

/// Where the last histogram is newer than the last float (a staleness marker among the floats ends both), it counts.
fn add_histograms(
    column: &mut Column,
    histograms: &[(UnixMillis, Arc<clew_model::metrics::NativeHistogram>)],
    last_floats: &[Option<UnixMillis>],
    windows: &Windows,
    times: bool,
) {
    for (step, &(low, high)) in windows.bounds_of(histograms).iter().enumerate() {
        let Some((time, histogram)) = (low < high).then(|| histograms.get(high as usize - 1)).flatten() else {
            continue;
        };
        if last_floats.get(step).copied().flatten().is_some_and(|float| float >= *time) {
            continue;
        }
        column.clear(step);
        if is_stale(histogram.sum) {
            continue;
        }
        match column.values.get_mut(step) {
            Some(value) if times => *value = seconds(*time),
            _ => column.set_histogram(step, Arc::clone(histogram)),
        }
    }
}

fn seconds(millis: UnixMillis) -> f64 {
    millis as f64 / 1000.0
}

/// Staleness markers are no samples of a range.
fn without_stale(mut series: SeriesData) -> SeriesData {
    if series.values.iter().any(|value| is_stale(*value)) {
        let kept = series.times.iter().copied().zip(series.values).filter(|(_, value)| !is_stale(*value));
        let (times, values): (Vec<_>, Vec<_>) = kept.unzip();
        series.times = Arc::from(times);
        series.values = values;
    }
    series.histograms.retain(|(_, histogram)| !is_stale(histogram.sum));
    series
}
