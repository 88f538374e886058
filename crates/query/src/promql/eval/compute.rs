//! From a series to its column: functions of range vectors, and the last sample of each step.

use super::column::{ABSENT, Column, Strictness, Vector, is_absent};
use super::rate::{Stretch, falls};
use super::steps::Steps;
use super::window::{Windows, slice};
use super::{Evaluator, Expr, ExprKind};
use crate::error::QueryError;
use clew_model::metrics::{NativeHistogram, SeriesData, is_stale};
use clew_model::{Reservation, UnixMillis};
use std::sync::Arc;

/// The samples of one series in `(start, end]`.
pub(super) struct Window<'a> {
    pub times: &'a [UnixMillis],
    pub values: &'a [f64],
    pub histograms: &'a [(UnixMillis, Arc<NativeHistogram>)],
    pub start: UnixMillis,
    pub end: UnixMillis,
    /// The instant of evaluation, which `@` and `offset` do not move.
    pub at: UnixMillis,
    /// How far the window is extrapolated, where that is known for all series with the same times.
    pub stretch: Option<Stretch>,
    /// Whether the values are known to fall nowhere.
    pub is_rising: bool,
}

/// What a function makes of a window.
pub(super) enum Output {
    Nothing,
    Float(f64),
    Histogram(NativeHistogram),
    /// Nothing, and the reader is told why.
    Warning(&'static str),
}

impl From<Option<f64>> for Output {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Output::Nothing, Output::Float)
    }
}

/// A function of one window.
pub(super) type WindowFunction = fn(&Window<'_>) -> Output;

/// A function that is driven over all windows.
#[derive(Clone, Copy)]
pub(super) struct Driven<'f> {
    /// Whether the result is a sample of the series, which keeps its name.
    pub keeps_name: bool,
    /// Whether the result may differ from step to step though the window does not.
    pub by_step: bool,
    /// Whether it extrapolates from the window's samples to its ends.
    pub extrapolates: bool,
    /// Of the step and its window.
    pub function: &'f (dyn Fn(usize, &Window<'_>) -> Output + Sync),
}

impl<'f> Driven<'f> {
    /// A function whose result is a new number, the same for the same window, of the samples alone.
    pub(super) fn new(function: &'f (dyn Fn(usize, &Window<'_>) -> Output + Sync)) -> Self {
        Self { keeps_name: false, by_step: false, extrapolates: false, function }
    }
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

/// What becomes of the samples of one series.
#[derive(Clone, Copy)]
pub(super) enum Stage<'f> {
    /// For each step the last sample within the lookback, unless it is a staleness marker.
    Last {
        /// Its time in seconds instead of its value.
        times: bool,
    },
    /// A function of the window of each step.
    Windows(Driven<'f>),
}

/// Makes columns of series, one after the other, in the same buffers.
pub(super) struct Maker<'f> {
    stage: Stage<'f>,
    steps: Steps,
    ends: Steps,
    width: i64,
    windows: Windows,
    column: Column,
    /// A series without its staleness markers.
    kept: SeriesData,
    /// What is to be told about the series so far.
    pub warnings: Vec<&'static str>,
}

impl<'f> Maker<'f> {
    /// For windows of `width` milliseconds at `ends`, which stand for `steps`.
    pub(super) fn new(stage: Stage<'f>, steps: Steps, ends: Steps, width: i64) -> Self {
        Self {
            stage,
            steps,
            ends,
            width,
            windows: Windows::new(ends, width),
            column: Column::default(),
            kept: SeriesData::default(),
            warnings: Vec::new(),
        }
    }

    /// The column of a series, with all its labels.
    pub(super) fn make(&mut self, series: &SeriesData) -> &Column {
        self.column.values.clear();
        self.column.values.resize(self.steps.count, ABSENT);
        self.column.histograms.clear();
        self.column.labels = series.labels.clone();
        match self.stage {
            Stage::Last { times } => self.last(series, times),
            Stage::Windows(driven) if has_stale(series) => {
                let mut kept = std::mem::take(&mut self.kept);
                keep_unstale(series, &mut kept);
                self.drive(&kept, driven);
                self.kept = kept;
            }
            Stage::Windows(driven) => self.drive(series, driven),
        }
        &self.column
    }

    /// The column made last.
    pub(super) fn column(&self) -> &Column {
        &self.column
    }

    fn drive(&mut self, series: &SeriesData, driven: Driven<'_>) {
        let own = (!series.histograms.is_empty()).then(|| self.windows.bounds_of(&series.histograms));
        let (bounds, stretches) = match driven.extrapolates {
            true => self.windows.stretched(&series.times),
            false => (self.windows.bounds(&series.times), [].as_slice()),
        };
        let is_rising = driven.extrapolates && !falls(&series.values);
        let once = self.ends.is_constant() && !driven.by_step;
        let count = if once { 1 } else { self.steps.count };
        for (step, (end, at)) in self.ends.iter().zip(self.steps.iter()).take(count).enumerate() {
            let floats = bounds.get(step).copied().unwrap_or_default();
            let histograms = own.as_ref().and_then(|own| own.get(step)).copied().unwrap_or_default();
            if floats.0 >= floats.1 && histograms.0 >= histograms.1 {
                continue;
            }
            let window = Window {
                times: slice(&series.times, floats),
                values: slice(&series.values, floats),
                histograms: slice(&series.histograms, histograms),
                start: end.saturating_sub(self.width),
                end,
                at,
                stretch: stretches.get(step).copied().flatten(),
                is_rising,
            };
            match (driven.function)(step, &window) {
                Output::Nothing => {}
                Output::Float(value) => {
                    if let Some(cell) = self.column.values.get_mut(step) {
                        *cell = value;
                    }
                }
                Output::Histogram(histogram) => self.column.set_histogram(step, Arc::new(histogram)),
                Output::Warning(text) if self.warnings.contains(&text) => {}
                Output::Warning(text) => self.warnings.push(text),
            }
        }
        if once {
            repeat_first(&mut self.column);
        }
    }

    fn last(&mut self, series: &SeriesData, times: bool) {
        let Self { windows, column, .. } = self;
        for (cell, &(low, high)) in column.values.iter_mut().zip(windows.bounds(&series.times)) {
            let last = (low < high).then(|| high as usize - 1);
            let value = last.and_then(|last| series.values.get(last)).copied().unwrap_or(ABSENT);
            let time = || last.and_then(|last| series.times.get(last)).map_or(ABSENT, |time| seconds(*time));
            *cell = if times && !is_absent(value) { time() } else { value };
        }
        if !series.histograms.is_empty() {
            self.last_histograms(series, times);
        }
    }

    /// Where the last histogram is newer than the last float (a staleness marker among the floats ends both), it counts.
    fn last_histograms(&mut self, series: &SeriesData, times: bool) {
        let own = self.windows.bounds_of(&series.histograms);
        let floats = self.windows.bounds(&series.times);
        for (step, (&(low, high), floats)) in own.iter().zip(floats).enumerate() {
            let Some((time, histogram)) = (low < high).then(|| series.histograms.get(high as usize - 1)).flatten()
            else {
                continue;
            };
            let last = (floats.0 < floats.1).then(|| series.times.get(floats.1 as usize - 1)).flatten();
            if last.is_some_and(|float| float >= time) {
                continue;
            }
            self.column.clear(step);
            if is_stale(histogram.sum) {
                continue;
            }
            match self.column.values.get_mut(step) {
                Some(value) if times => *value = seconds(*time),
                _ => self.column.set_histogram(step, Arc::clone(histogram)),
            }
        }
    }
}

fn seconds(millis: UnixMillis) -> f64 {
    millis as f64 / 1000.0
}

pub(super) fn has_stale(series: &SeriesData) -> bool {
    series.values.iter().any(|value| is_stale(*value))
        || series.histograms.iter().any(|(_, histogram)| is_stale(histogram.sum))
}

/// Staleness markers are no samples of a range.
pub(super) fn keep_unstale(series: &SeriesData, kept: &mut SeriesData) {
    kept.labels = series.labels.clone();
    let is_sample = |value: &f64| !is_stale(*value);
    kept.times =
        series.times.iter().zip(&series.values).filter(|(_, value)| is_sample(value)).map(|(t, _)| *t).collect();
    kept.values.clear();
    kept.values.extend(series.values.iter().copied().filter(is_sample));
    kept.histograms.clear();
    kept.histograms.extend(series.histograms.iter().filter(|(_, histogram)| !is_stale(histogram.sum)).cloned());
}

fn repeat_first(column: &mut Column) {
    let value = column.values.first().copied().unwrap_or(ABSENT);
    column.values.fill(value);
    let histogram = column.histograms.first().cloned().flatten();
    column.histograms.fill(histogram);
}

impl Evaluator<'_> {
    /// Computes a function at each step of each series of a range vector.
    pub(super) fn over_windows(&mut self, range: &Expr, driven: Driven<'_>) -> Result<Vector, QueryError> {
        let stage = Stage::Windows(driven);
        let (mut vector, is_unique) = match &range.unwrap_parens().kind {
            ExprKind::Matrix { selector, range } => {
                let ends = self.steps.modified(&selector.time, self.query);
                let vector = self.scan_columns(&selector.matchers, ends, *range, stage)?;
                (vector, selector.metric_name().is_some())
            }
            ExprKind::Subquery(subquery) => {
                let range = self.subquery(subquery)?;
                (self.columns_of(&range, stage)?, false)
            }
            _ => return Err(not_a_range(range)),
        };
        if driven.keeps_name {
            return Ok(vector);
        }
        vector.columns.iter_mut().for_each(|column| column.labels = column.labels.without_name());
        // Series of one metric differ in other labels.
        if is_unique { Ok(vector) } else { vector.merged(Strictness::WholeRange) }
    }

    fn columns_of(&mut self, range: &RangeVector, stage: Stage<'_>) -> Result<Vector, QueryError> {
        let memory = self.reserve_columns(range.series.len())?;
        let mut maker = Maker::new(stage, self.steps, range.ends, range.width);
        let mut columns = Vec::with_capacity(range.series.len());
        for series in &range.series {
            self.context.check()?;
            let column = maker.make(series);
            if !column.is_empty() {
                columns.push(column.clone());
            }
        }
        maker.warnings.into_iter().for_each(|text| self.annotations.warn(text));
        self.new_vector(columns, memory)
    }
}

pub(super) fn not_a_range(expr: &Expr) -> QueryError {
    QueryError::invalid("expected a range vector").at(expr.span.start, expr.span.end)
}
