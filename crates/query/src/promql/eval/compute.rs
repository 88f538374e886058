//! Functions of range vectors, driven over all windows of all series.

use super::column::{ABSENT, Column, Strictness, Vector};
use super::selector::RangeVector;
use super::window::{Windows, slice};
use super::{Evaluator, over_time, rate, regression};
use crate::error::QueryError;
use clew_model::UnixMillis;
use clew_model::metrics::{NativeHistogram, SeriesData};
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

/// The function of one range vector with this name.
pub(super) fn find(name: &str) -> Option<WindowFunction> {
    rate::find(name).or_else(|| over_time::find(name)).or_else(|| regression::find(name))
}

impl Evaluator<'_> {
    /// Applies a function of (step, window) to all windows. Where the windows are the same at every step and the
    /// function does not look at the step, it is computed once.
    pub(super) fn over_windows(
        &mut self,
        range: RangeVector,
        keep_name: bool,
        step_matters: bool,
        function: &dyn Fn(usize, &Window<'_>) -> Output,
    ) -> Result<Vector, QueryError> {
        let memory = self.reserve_columns(range.series.len())?;
        let mut windows = Windows::new(range.ends, range.width);
        let once = range.ends.is_constant() && !step_matters;
        let mut columns = Vec::with_capacity(range.series.len());
        for series in &range.series {
            self.context.check()?;
            let labels = if keep_name { series.labels.clone() } else { series.labels.without_name() };
            let mut column = Column::absent(labels, self.steps.count);
            self.fill(&mut column, series, &range, &mut windows, once, function);
            if !column.is_empty() {
                columns.push(column);
            }
        }
        self.new_vector(columns, memory)?.merged(Strictness::WholeRange)
    }

    fn fill(
        &mut self,
        column: &mut Column,
        series: &SeriesData,
        range: &RangeVector,
        windows: &mut Windows,
        once: bool,
        function: &dyn Fn(usize, &Window<'_>) -> Output,
    ) {
        let bounds = windows.bounds(&series.times);
        let own = (!series.histograms.is_empty()).then(|| windows.bounds_of(&series.histograms));
        let count = if once { 1 } else { self.steps.count };
        for (step, (end, at)) in range.ends.iter().zip(self.steps.iter()).take(count).enumerate() {
            let floats = bounds.get(step).copied().unwrap_or_default();
            let histograms = own.as_ref().and_then(|own| own.get(step)).copied().unwrap_or_default();
            if floats.0 >= floats.1 && histograms.0 >= histograms.1 {
                continue;
            }
            let window = Window {
                times: slice(&series.times, floats),
                values: slice(&series.values, floats),
                histograms: slice(&series.histograms, histograms),
                start: end.saturating_sub(range.width),
                end,
                at,
            };
            match function(step, &window) {
                Output::Nothing => {}
                Output::Float(value) => {
                    if let Some(cell) = column.values.get_mut(step) {
                        *cell = value;
                    }
                }
                Output::Histogram(histogram) => column.set_histogram(step, Arc::new(histogram)),
                Output::Warning(text) => self.annotations.warn(text),
            }
        }
        if once {
            repeat_first(column);
        }
    }
}

fn repeat_first(column: &mut Column) {
    let value = column.values.first().copied().unwrap_or(ABSENT);
    column.values.fill(value);
    let histogram = column.histograms.first().cloned().flatten();
    column.histograms.fill(histogram);
}
