//! Aggregations whose result is a new series for each group: `sum`, `avg` … `quantile`.

use super::column::{ABSENT, Cell, Column, Strictness, Vector, is_absent};
use super::compensated::{Mean, Sum, Variance};
use super::{Evaluator, native_histogram, quantile};
use crate::error::QueryError;
use crate::promql::ast::{Aggregate, AggregateOp};
use clew_model::metrics::{Labels, METRIC_NAME, NativeHistogram};
use hashbrown::HashMap;
use std::sync::Arc;

/// Columns that are aggregated together.
pub(super) struct Group {
    pub labels: Labels,
    pub columns: Vec<Column>,
}

impl Evaluator<'_> {
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Vector, QueryError> {
        use AggregateOp as Op;
        if matches!(aggregate.op, Op::Limitk | Op::LimitRatio) {
            let name = aggregate.op.as_str();
            return Err(QueryError::unsupported(format!("the aggregation {name} is not supported yet"))
                .at(aggregate.expr.span.start, aggregate.expr.span.end));
        }
        match (aggregate.op, &aggregate.param) {
            (Op::CountValues, Some(param)) => {
                let label = self.text(param)?;
                let vector = self.vector(&aggregate.expr)?;
                self.count_values(vector, aggregate, &label)
            }
            (Op::Topk | Op::Bottomk, Some(param)) => {
                let amount = self.scalar(param)?;
                let vector = self.vector(&aggregate.expr)?;
                self.ranked(vector, aggregate, &amount)
            }
            (_, param) => {
                let param = param.as_ref().map(|param| self.scalar(param)).transpose()?;
                let vector = self.vector(&aggregate.expr)?;
                self.fold_groups(vector, aggregate, param.as_deref())
            }
        }
    }

    fn fold_groups(
        &mut self,
        vector: Vector,
        aggregate: &Aggregate,
        param: Option<&[f64]>,
    ) -> Result<Vector, QueryError> {
        let op = aggregate.op;
        if op == AggregateOp::Quantile && param.is_some_and(|phi| phi.iter().any(|phi| !(0.0..=1.0).contains(phi))) {
            self.annotations.warn("PromQL warning: quantile value should be between 0 and 1");
        }
        let groups = groups(vector.columns, aggregate);
        let memory = self.reserve_columns(groups.len())?;
        let mut columns = Vec::with_capacity(groups.len());
        for group in groups {
            self.context.check()?;
            columns.push(self.fold_group(group, op, param));
        }
        self.new_vector(columns, memory)?.merged(Strictness::PerStep)
    }

    fn fold_group(&mut self, group: Group, op: AggregateOp, param: Option<&[f64]>) -> Column {
        let has_histograms = group.columns.iter().any(|column| !column.histograms.is_empty());
        let mut out = match (op, param) {
            (AggregateOp::Quantile, Some(phi)) => quantiles(&group, phi),
            _ => fold_floats(&group, op, self.steps.count),
        };
        if has_histograms {
            self.add_histograms(&group, op, &mut out);
        }
        out
    }

    /// Histograms count, and are added and averaged among themselves; mixed with floats they give nothing.
    fn add_histograms(&mut self, group: &Group, op: AggregateOp, out: &mut Column) {
        for step in 0..self.steps.count {
            let histograms: Vec<&NativeHistogram> = group
                .columns
                .iter()
                .filter_map(|column| match column.cell(step) {
                    Cell::Histogram(histogram) => Some(&**histogram),
                    _ => None,
                })
                .collect();
            if histograms.is_empty() {
                continue;
            }
            let floats = is_present(out.value(step));
            match op {
                AggregateOp::Count | AggregateOp::Group => {
                    let before = if floats && op == AggregateOp::Count { out.value(step) } else { 0.0 };
                    let counted = if op == AggregateOp::Count { histograms.len() as f64 } else { 1.0 };
                    if let Some(cell) = out.values.get_mut(step) {
                        *cell = before + counted;
                    }
                }
                AggregateOp::Sum | AggregateOp::Avg if floats => {
                    out.clear(step);
                    self.annotations.warn("PromQL warning: encountered a mix of histograms and floats for aggregation");
                }
                AggregateOp::Sum | AggregateOp::Avg => {
                    let divisor = if op == AggregateOp::Avg { histograms.len() as f64 } else { 1.0 };
                    match native_histogram::sum(histograms.into_iter()) {
                        Some(sum) => {
                            out.set_histogram(step, Arc::new(native_histogram::scaled(&sum, 1.0 / divisor)));
                        }
                        None => {
                            self.annotations.warn("PromQL warning: histograms with different buckets in aggregation")
                        }
                    }
                }
                _ => self.annotations.info(format!("PromQL info: ignored histogram in {} aggregation", op.as_str())),
            }
        }
    }
}

fn is_present(value: f64) -> bool {
    !is_absent(value)
}

/// The labels of the group that a series belongs to.
pub(super) fn group_labels(labels: &Labels, aggregate: &Aggregate) -> Labels {
    if aggregate.without {
        labels.filtered(|name| name != METRIC_NAME && !aggregate.labels.iter().any(|own| own == name))
    } else {
        labels.filtered(|name| aggregate.labels.iter().any(|own| own == name))
    }
}

/// The groups in order of first appearance.
pub(super) fn groups(columns: Vec<Column>, aggregate: &Aggregate) -> Vec<Group> {
    let mut index: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    for column in columns {
        let labels = group_labels(&column.labels, aggregate);
        let at = *index.entry(labels.clone()).or_insert(groups.len());
        match groups.get_mut(at) {
            Some(group) => group.columns.push(column),
            None => groups.push(Group { labels, columns: vec![column] }),
        }
    }
    groups
}

fn fold_floats(group: &Group, op: AggregateOp, steps: usize) -> Column {
    let columns = &group.columns;
    let values = match op {
        AggregateOp::Sum => fold(columns, steps, Sum::add, Sum::total),
        AggregateOp::Avg => fold(columns, steps, Mean::add, Mean::mean),
        AggregateOp::Stdvar => fold(columns, steps, Variance::add, Variance::variance),
        AggregateOp::Stddev => fold(columns, steps, Variance::add, |variance| variance.variance().sqrt()),
        AggregateOp::Count => fold(columns, steps, |count: &mut f64, _| *count += 1.0, |count| count),
        AggregateOp::Group => fold(columns, steps, |one: &mut f64, _| *one = 1.0, |one| one),
        AggregateOp::Min => fold(columns, steps, |best: &mut Extreme, value| best.add(value, value < best.0), |b| b.0),
        _ => fold(columns, steps, |best: &mut Extreme, value| best.add(value, value > best.0), |b| b.0),
    };
    Column::new(group.labels.clone(), values)
}

/// The best value so far; NaN before the first, and any value is better than NaN.
#[derive(Clone)]
struct Extreme(f64);

impl Default for Extreme {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl Extreme {
    fn add(&mut self, value: f64, better: bool) {
        if better || self.0.is_nan() {
            self.0 = value;
        }
    }
}

/// Runs an accumulator a step over the columns, one column after the other.
fn fold<S: Default + Clone>(
    columns: &[Column],
    steps: usize,
    add: impl Fn(&mut S, f64),
    finish: impl Fn(S) -> f64,
) -> Vec<f64> {
    let mut states: Vec<Option<S>> = vec![None; steps];
    for column in columns {
        for (state, value) in states.iter_mut().zip(&column.values) {
            if is_present(*value) {
                add(state.get_or_insert_with(S::default), *value);
            }
        }
    }
    states.into_iter().map(|state| state.map_or(ABSENT, &finish)).collect()
}

fn quantiles(group: &Group, phi: &[f64]) -> Column {
    let mut present = Vec::with_capacity(group.columns.len());
    let values = phi.iter().enumerate().map(|(step, phi)| {
        present.clear();
        present.extend(group.columns.iter().map(|column| column.value(step)).filter(|value| is_present(*value)));
        if present.is_empty() { ABSENT } else { quantile::quantile(*phi, &mut present) }
    });
    Column::new(group.labels.clone(), values.collect())
}
