//! Aggregations that keep series (`topk`, `bottomk`) or make one for each value (`count_values`).

use super::aggregate::{Group, group_labels, groups};
use super::call::{at, nan_last};
use super::column::{ABSENT, Cell, Column, Vector, is_absent};
use super::{Evaluator, native_histogram};
use crate::error::QueryError;
use crate::promql::annotations::Note;
use crate::promql::ast::{Aggregate, AggregateOp, Span};
use crate::promql::number::format_plain;
use clew_model::metrics::Labels;
use hashbrown::HashMap;

impl Evaluator<'_> {
    /// The largest or smallest series of each group, chosen anew at each step.
    pub(super) fn ranked(
        &mut self,
        vector: Vector,
        aggregate: &Aggregate,
        amount: &[f64],
        span: Span,
    ) -> Result<Vector, QueryError> {
        if amount.iter().any(|amount| amount.is_nan()) {
            return Err(QueryError::execution("Parameter value is NaN"));
        }
        let has_histogram = |step: usize| vector.columns.iter().any(|column| column.histogram(step).is_some());
        let takes_some = |(step, amount): (usize, &f64)| *amount >= 1.0 && has_histogram(step);
        if amount.iter().enumerate().any(takes_some) {
            self.note(&Note::IgnoredInAggregation { op: aggregate.op.as_str() }, span);
        }
        let descending = aggregate.op == AggregateOp::Topk;
        let mut columns = Vec::with_capacity(vector.columns.len());
        for mut group in groups(vector.columns, aggregate) {
            self.context.check()?;
            for step in 0..self.steps.count {
                keep_best(&mut group, step, at(amount, step), descending);
            }
            group.columns.sort_by(|left, right| nan_last(left.value(0), right.value(0), descending));
            columns.append(&mut group.columns);
        }
        Vector { columns, memory: vector.memory }.merged()
    }

    pub(super) fn count_values(
        &mut self,
        vector: Vector,
        aggregate: &Aggregate,
        label: &str,
    ) -> Result<Vector, QueryError> {
        if label.is_empty() {
            return Err(QueryError::execution(format!("invalid label name {label:?}")));
        }
        let steps = self.steps.count;
        let mut index: HashMap<Labels, usize> = HashMap::new();
        let mut columns: Vec<Column> = Vec::new();
        let mut memory = Vec::new();
        for column in &vector.columns {
            self.context.check()?;
            let group = group_labels(&column.labels, aggregate);
            for step in 0..steps {
                let value = match column.cell(step) {
                    Cell::Absent => continue,
                    Cell::Float(value) => format_plain(value),
                    Cell::Histogram(histogram) => native_histogram::text(histogram),
                };
                let labels = group.with(label, &value);
                let position = *index.entry(labels.clone()).or_insert(columns.len());
                if position == columns.len() {
                    self.use_samples(steps as u64)?;
                    memory.push(self.reserve_columns(1)?);
                    columns.push(Column::absent(labels, steps));
                }
                if let Some(cell) = columns.get_mut(position).and_then(|column| column.values.get_mut(step)) {
                    *cell = if is_absent(*cell) { 1.0 } else { *cell + 1.0 };
                }
            }
        }
        Ok(Vector { columns, memory })
    }
}

/// Empties the step in all columns but the best.
fn keep_best(group: &mut Group, step: usize, amount: f64, descending: bool) {
    let mut order: Vec<(usize, f64)> = Vec::with_capacity(group.columns.len());
    for (index, column) in group.columns.iter_mut().enumerate() {
        match column.cell(step) {
            Cell::Float(value) => order.push((index, value)),
            Cell::Histogram(_) => column.clear(step),
            Cell::Absent => {}
        }
    }
    let amount = if amount < 1.0 { 0 } else { amount as usize };
    if order.len() <= amount {
        return;
    }
    order.sort_by(|left, right| nan_last(left.1, right.1, descending));
    for (index, _) in order.into_iter().skip(amount) {
        if let Some(value) = group.columns.get_mut(index).and_then(|column| column.values.get_mut(step)) {
            *value = ABSENT;
        }
    }
}
