//! Instant vectors at all steps at once: a column for each series.

use crate::error::QueryError;
use clew_model::Reservation;
use clew_model::metrics::{Labels, NativeHistogram, STALE_NAN, is_stale};
use hashbrown::HashMap;
use std::sync::Arc;

/// What stands in a column where the series has no float: the staleness marker, as in stored samples. No computation
/// makes these bits, since the NaNs of arithmetic are quiet.
pub(super) const ABSENT: f64 = f64::from_bits(STALE_NAN);

pub(super) fn is_absent(value: f64) -> bool {
    is_stale(value)
}

/// One series at all steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    pub labels: Labels,
    /// Whether the labels that tell of the metric go when the answer is given: until then they tell series apart.
    pub drop_name: bool,
    /// A value or [`ABSENT`] for each step.
    pub values: Vec<f64>,
    /// Native histograms by step; empty for a series of floats.
    pub histograms: Vec<Option<Arc<NativeHistogram>>>,
}

/// What a column holds at a step.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cell<'a> {
    Absent,
    Float(f64),
    Histogram(&'a Arc<NativeHistogram>),
}

impl Column {
    pub(super) fn new(labels: Labels, values: Vec<f64>) -> Self {
        Self { labels, drop_name: false, values, histograms: Vec::new() }
    }

    /// The same with a new value, which is none of its metric's.
    pub(super) fn unnamed(self) -> Self {
        Self { drop_name: true, ..self }
    }

    pub(super) fn absent(labels: Labels, steps: usize) -> Self {
        Self::new(labels, vec![ABSENT; steps])
    }

    pub(super) fn histogram(&self, step: usize) -> Option<&Arc<NativeHistogram>> {
        self.histograms.get(step).and_then(Option::as_ref)
    }

    pub(super) fn value(&self, step: usize) -> f64 {
        self.values.get(step).copied().unwrap_or(ABSENT)
    }

    pub(super) fn cell(&self, step: usize) -> Cell<'_> {
        let value = self.value(step);
        if !is_absent(value) {
            return Cell::Float(value);
        }
        self.histogram(step).map_or(Cell::Absent, Cell::Histogram)
    }

    pub(super) fn is_present(&self, step: usize) -> bool {
        !is_absent(self.value(step)) || self.histogram(step).is_some()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.values.iter().all(|value| is_absent(*value)) && self.histograms.iter().all(Option::is_none)
    }

    pub(super) fn set_histogram(&mut self, step: usize, histogram: Arc<NativeHistogram>) {
        if self.histograms.is_empty() {
            self.histograms = vec![None; self.values.len()];
        }
        if let Some(cell) = self.histograms.get_mut(step) {
            *cell = Some(histogram);
        }
    }

    /// Empties a step.
    pub(super) fn clear(&mut self, step: usize) {
        if let Some(value) = self.values.get_mut(step) {
            *value = ABSENT;
        }
        if let Some(cell) = self.histograms.get_mut(step) {
            *cell = None;
        }
    }

    /// Copies a step of another column.
    pub(super) fn copy_step(&mut self, step: usize, from: &Column) {
        match from.cell(step) {
            Cell::Absent => {}
            Cell::Float(value) => {
                if let Some(own) = self.values.get_mut(step) {
                    *own = value;
                }
            }
            Cell::Histogram(histogram) => self.set_histogram(step, Arc::clone(histogram)),
        }
    }

    /// Takes over the steps of another column of the same series.
    fn absorb(&mut self, other: &Column) -> Result<(), QueryError> {
        let clash = (0..self.values.len()).any(|step| self.is_present(step) && other.is_present(step));
        if clash {
            return Err(same_labels(&self.labels));
        }
        self.drop_name |= other.drop_name;
        for step in 0..self.values.len() {
            self.copy_step(step, other);
        }
        Ok(())
    }
}

pub(super) fn same_labels(labels: &Labels) -> QueryError {
    QueryError::execution(format!("vector cannot contain metrics with the same labelset: {labels}"))
        .hint("the operation drops or changes a label by which series differ; aggregate first, or select one metric")
}

/// An instant vector at all steps.
#[derive(Debug, Default)]
pub(super) struct Vector {
    pub columns: Vec<Column>,
    /// The memory of the columns.
    pub memory: Vec<Reservation>,
}

impl Vector {
    /// The vector with the labels gone that are to go; series that only these told apart become one.
    pub(super) fn cleaned(mut self) -> Result<Self, QueryError> {
        if !self.columns.iter().any(|column| column.drop_name) {
            return Ok(self);
        }
        for column in self.columns.iter_mut().filter(|column| column.drop_name) {
            column.labels = column.labels.without_metadata();
            column.drop_name = false;
        }
        self.merged()
    }

    /// The vector with every value replaced, whose names go; histograms that map to nothing go.
    pub(super) fn map_values(
        mut self,
        float: impl Fn(f64) -> f64,
        histogram: impl Fn(&NativeHistogram) -> Option<NativeHistogram>,
    ) -> Self {
        for column in &mut self.columns {
            column.drop_name = true;
            for value in &mut column.values {
                if !is_absent(*value) {
                    *value = float(*value);
                }
            }
            for cell in &mut column.histograms {
                *cell = cell.as_ref().and_then(|own| histogram(own)).map(Arc::new);
            }
        }
        self
    }

    /// The vector with columns of the same labels made one and empty columns gone, in the order of first appearance.
    pub(super) fn merged(mut self) -> Result<Self, QueryError> {
        self.columns.retain(|column| !column.is_empty());
        let mut seen: HashMap<Labels, usize> = HashMap::with_capacity(self.columns.len());
        let mut merged: Vec<Column> = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            match seen.get(&column.labels).and_then(|index| merged.get_mut(*index)) {
                Some(first) => first.absorb(&column)?,
                None => {
                    seen.insert(column.labels.clone(), merged.len());
                    merged.push(column);
                }
            }
        }
        Ok(Self { columns: merged, memory: self.memory })
    }
}
