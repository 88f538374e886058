//! From a series to its column: functions of range vectors, and the last sample of each step.

use super::column::{ABSENT, Column, Vector, is_absent};
use super::notes::{WindowNote, WindowNotes};
use super::rate::{Stretch, falls};
use super::steps::Steps;
use super::window::{Windows, slice};
use super::{Evaluator, Expr, ExprKind};
use crate::error::QueryError;
use crate::limits::MAX_ANNOTATIONS;
use crate::promql::ast::{Extension, Span};
use clew_model::metrics::{Labels, NativeHistogram, ResetHint, SeriesData, is_stale};
use clew_model::{Reservation, UnixMillis};
use std::sync::Arc;

/// The samples of one series in `(start, end]`.
pub(super) struct Window<'a> {
    pub times: &'a [UnixMillis],
    pub values: &'a [f64],
    pub histograms: &'a [(UnixMillis, Arc<NativeHistogram>)],
    /// Start timestamps of the floats; empty where the series has none.
    pub starts: &'a [UnixMillis],
    /// Those of the histograms.
    pub histogram_starts: &'a [UnixMillis],
    pub start: UnixMillis,
    pub end: UnixMillis,
    /// The instant of evaluation, which `@` and `offset` do not move.
    pub at: UnixMillis,
    /// How far the window is extrapolated, where that is known for all series with the same times.
    pub stretch: Option<Stretch>,
    /// Whether the values are known to fall nowhere.
    pub is_rising: bool,
    /// How the samples just outside count, which are among those of the window.
    pub extension: Option<Extension>,
    /// What is noticed.
    pub notes: &'a WindowNotes,
}

impl Window<'_> {
    /// Tells something of the series.
    pub(super) fn note(&self, note: WindowNote) {
        self.notes.add(note);
    }

    /// Tells that the histograms among floats do not count.
    pub(super) fn ignores_histograms(&self) {
        if !self.values.is_empty() && !self.histograms.is_empty() {
            self.note(WindowNote::IgnoredInMixedRange);
        }
    }
}

/// What a function makes of a window.
pub(super) enum Output {
    Nothing,
    Float(f64),
    Histogram(NativeHistogram),
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
    /// Whether it is meant for counters, which is told where the name does not say so.
    pub of_counters: bool,
    /// How samples just outside of the windows count.
    pub extension: Option<Extended>,
    /// Of the step and its window.
    pub function: &'f (dyn Fn(usize, &Window<'_>) -> Output + Sync),
}

impl<'f> Driven<'f> {
    /// A function whose result is a new number, the same for the same window, of the samples alone.
    pub(super) fn new(function: &'f (dyn Fn(usize, &Window<'_>) -> Output + Sync)) -> Self {
        Self { keeps_name: false, by_step: false, extrapolates: false, of_counters: false, extension: None, function }
    }
}

/// An extension with how far around the windows it reaches, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extended {
    pub kind: Extension,
    pub lookback: i64,
}

impl Extended {
    /// Ends and width of the windows with what is read around them.
    pub(super) fn around(extended: Option<Self>, ends: Steps, width: i64) -> (Steps, i64) {
        let Some(Self { kind, lookback }) = extended else { return (ends, width) };
        let before = width.saturating_add(lookback);
        match kind {
            Extension::Anchored => (ends, before),
            Extension::Smoothed => {
                let first = ends.first.saturating_add(lookback);
                (Steps { first, ..ends }, before.saturating_add(lookback))
            }
        }
    }
}

/// A range vector at all steps: series, and the windows over them.
pub(super) struct RangeVector {
    pub series: Vec<SeriesData>,
    /// Of each series whether its metric's name is to go; empty where none is.
    pub drop_names: Vec<bool>,
    /// Ends of the windows.
    pub ends: Steps,
    /// Width of the windows in milliseconds.
    pub width: i64,
    pub memory: Vec<Reservation>,
}

/// What is shown of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    Value,
    /// Its time in seconds.
    Time,
    /// Its start timestamp in seconds, 0 where it has none.
    Start,
}

impl Shown {
    /// Of a sample at a place; `None` for its value.
    fn of(self, time: UnixMillis, starts: &[UnixMillis], place: usize) -> Option<f64> {
        match self {
            Shown::Value => None,
            Shown::Time => Some(seconds(time)),
            Shown::Start => Some(seconds(starts.get(place).copied().unwrap_or(0))),
        }
    }
}

/// What becomes of the samples of one series.
#[derive(Clone, Copy)]
pub(super) enum Stage<'f> {
    /// For each step the last sample within the lookback, unless it is a staleness marker.
    Last(Shown),
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
    noted: WindowNotes,
    /// What is to be told about the series so far, with the names of their metrics.
    pub notes: Vec<(WindowNote, String)>,
}

impl<'f> Maker<'f> {
    /// For windows of `width` milliseconds at `ends`, which stand for `steps`.
    pub(super) fn new(stage: Stage<'f>, steps: Steps, ends: Steps, width: i64) -> Self {
        let extended = if let Stage::Windows(driven) = stage { driven.extension } else { None };
        let (read_ends, read_width) = Extended::around(extended, ends, width);
        Self {
            stage,
            steps,
            ends,
            width,
            windows: Windows::new(read_ends, read_width),
            column: Column::default(),
            kept: SeriesData::default(),
            noted: WindowNotes::default(),
            notes: Vec::new(),
        }
    }

    /// The column of a series, with all its labels.
    pub(super) fn make(&mut self, series: &SeriesData) -> &Column {
        self.column.values.clear();
        self.column.values.resize(self.steps.count, ABSENT);
        self.column.histograms.clear();
        self.column.labels = series.labels.clone();
        match self.stage {
            Stage::Last(shown) => self.last(series, shown),
            Stage::Windows(driven) if has_stale(series) => {
                let mut kept = std::mem::take(&mut self.kept);
                keep_unstale(series, &mut kept);
                self.drive(&kept, driven);
                self.kept = kept;
            }
            Stage::Windows(driven) => self.drive(series, driven),
        }
        if !self.noted.is_empty() {
            self.tell(&series.labels);
        }
        &self.column
    }

    #[cold]
    fn tell(&mut self, labels: &Labels) {
        let name = labels.metric_name();
        for note in self.noted.take() {
            if self.notes.len() < MAX_ANNOTATIONS && !self.notes.iter().any(|(own, of)| *own == note && of == name) {
                self.notes.push((note, name.to_owned()));
            }
        }
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
                starts: slice(&series.starts, floats),
                histogram_starts: slice(&series.histogram_starts, histograms),
                start: end.saturating_sub(self.width),
                end,
                at,
                stretch: stretches.get(step).copied().flatten(),
                is_rising,
                extension: driven.extension.map(|extended| extended.kind),
                notes: &self.noted,
            };
            match (driven.function)(step, &window) {
                Output::Nothing => {}
                Output::Float(value) => {
                    if let Some(cell) = self.column.values.get_mut(step) {
                        *cell = value;
                    }
                }
                Output::Histogram(histogram) => self.column.set_histogram(step, Arc::new(histogram)),
            }
        }
        let has_floats = || self.column.values.iter().any(|value| !is_absent(*value));
        if driven.of_counters && is_no_counter(series.labels.metric_name()) && has_floats() {
            self.noted.add(WindowNote::PossiblyNoCounter);
        }
        if once {
            repeat_first(&mut self.column);
        }
    }

    fn last(&mut self, series: &SeriesData, shown: Shown) {
        let Self { windows, column, .. } = self;
        for (cell, &(low, high)) in column.values.iter_mut().zip(windows.bounds(&series.times)) {
            let last = (low < high).then(|| high as usize - 1);
            let value = last.and_then(|last| series.values.get(last)).copied().unwrap_or(ABSENT);
            *cell = match last.filter(|_| shown != Shown::Value && !is_absent(value)) {
                Some(last) => {
                    let time = series.times.get(last).copied().unwrap_or_default();
                    shown.of(time, &series.starts, last).unwrap_or(value)
                }
                None => value,
            };
        }
        if !series.histograms.is_empty() {
            self.last_histograms(series, shown);
        }
    }

    /// Where the last histogram is newer than the last float (a staleness marker among the floats ends both), it counts.
    fn last_histograms(&mut self, series: &SeriesData, shown: Shown) {
        let own = self.windows.bounds_of(&series.histograms);
        let floats = self.windows.bounds(&series.times);
        // A sample that begins anew does so once, at however many steps it is the last one.
        let mut repeated: Option<(u32, Arc<NativeHistogram>)> = None;
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
            let number = shown.of(*time, &series.histogram_starts, high as usize - 1);
            match (number, self.column.values.get_mut(step)) {
                (Some(number), Some(value)) => *value = number,
                _ => {
                    let again = repeated.as_ref().filter(|(place, _)| *place == high);
                    let shown = again.map_or(histogram, |(_, again)| again);
                    self.column.set_histogram(step, Arc::clone(shown));
                    if again.is_none() && histogram.reset_hint == ResetHint::Reset {
                        let again = NativeHistogram { reset_hint: ResetHint::Unknown, ..(**histogram).clone() };
                        repeated = Some((high, Arc::new(again)));
                    }
                }
            }
        }
    }
}

/// Whether a metric's name does not end as those of counters do.
pub(super) fn is_no_counter(name: &str) -> bool {
    !name.is_empty() && !["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| name.ends_with(suffix))
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
    kept.starts.clear();
    kept.starts.extend(series.starts.iter().zip(&series.values).filter(|(_, value)| is_sample(value)).map(|(s, _)| *s));
    kept.histogram_starts.clear();
    let own = series.histogram_starts.iter().zip(&series.histograms);
    kept.histogram_starts.extend(own.filter(|(_, (_, histogram))| !is_stale(histogram.sum)).map(|(start, _)| *start));
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
    pub(super) fn over_windows(&mut self, range: &Expr, mut driven: Driven<'_>) -> Result<Vector, QueryError> {
        if let ExprKind::Matrix { selector, .. } = &range.unwrap_parens().kind {
            driven.of_counters &= selector.metric_name().is_none_or(is_no_counter);
            driven.extension = selector.extension.map(|kind| Extended { kind, lookback: self.options.lookback_millis });
        }
        let stage = Stage::Windows(driven);
        let expr_span = range.span;
        let mut vector = match &range.unwrap_parens().kind {
            ExprKind::Matrix { selector, range, .. } => {
                let ends = self.steps.modified(&selector.time, self.query);
                self.scan_columns(&selector.matchers, (ends, *range), stage, expr_span)?
            }
            ExprKind::Subquery(subquery) => {
                let range = self.subquery(subquery)?;
                self.columns_of(&range, stage, expr_span)?
            }
            _ => return Err(not_a_range(range)),
        };
        vector.columns.iter_mut().for_each(|column| column.drop_name |= !driven.keeps_name);
        Ok(vector)
    }

    fn columns_of(&mut self, range: &RangeVector, stage: Stage<'_>, span: Span) -> Result<Vector, QueryError> {
        let memory = self.reserve_columns(range.series.len())?;
        let mut maker = Maker::new(stage, self.steps, range.ends, range.width);
        let mut columns = Vec::with_capacity(range.series.len());
        for (place, series) in range.series.iter().enumerate() {
            self.context.check()?;
            let column = maker.make(series);
            if !column.is_empty() {
                let drop_name = range.drop_names.get(place).copied().unwrap_or(false);
                columns.push(Column { drop_name, ..column.clone() });
            }
        }
        maker.notes.into_iter().for_each(|(note, metric)| self.note(&note.of(&metric), span));
        self.new_vector(columns, memory)
    }
}

pub(super) fn not_a_range(expr: &Expr) -> QueryError {
    QueryError::invalid("expected a range vector").at(expr.span.start, expr.span.end)
}
