//! Aggregations whose result is a new series for each group: `sum`, `avg` … `quantile`.

use super::buckets::is_custom;
use super::column::{ABSENT, Cell, Column, Vector, is_absent};
use super::compensated::{Deviation, Mean, Sum, Variance};
use super::{Evaluator, histogram_sum, quantile};
use crate::error::QueryError;
use crate::promql::annotations::{During, Note};
use crate::promql::ast::{Aggregate, AggregateOp, Span};
use clew_model::metrics::{Labels, METRIC_NAME, NativeHistogram};
use hashbrown::HashMap;
use std::sync::Arc;

/// Columns that are aggregated together.
pub(super) struct Group {
    pub labels: Labels,
    pub columns: Vec<Column>,
}

impl Group {
    /// Whether the metric's name goes from the result too: one of the series says so.
    fn drops_name(&self) -> bool {
        self.columns.iter().any(|column| column.drop_name)
    }
}

impl Evaluator<'_> {
    pub(super) fn aggregate(&mut self, aggregate: &Aggregate, span: Span) -> Result<Vector, QueryError> {
        use AggregateOp as Op;
        match (aggregate.op, &aggregate.param) {
            (Op::CountValues, Some(param)) => {
                let label = self.text(param)?;
                let vector = self.vector(&aggregate.expr)?;
                self.count_values(vector, aggregate, &label)
            }
            (Op::Limitk, Some(param)) => {
                let k = self.scalar(param)?;
                let vector = self.vector(&aggregate.expr)?;
                self.limit_k(vector, aggregate, &k)
            }
            (Op::LimitRatio, Some(param)) => {
                let ratio = self.scalar(param)?;
                let vector = self.vector(&aggregate.expr)?;
                self.limit_ratio(vector, aggregate, param, &ratio)
            }
            (Op::Topk | Op::Bottomk, Some(param)) => {
                let amount = self.scalar(param)?;
                let vector = self.vector(&aggregate.expr)?;
                self.ranked(vector, aggregate, &amount, span)
            }
            (_, param) => {
                if let Some(folded) = self.fold(aggregate)? {
                    return Ok(folded);
                }
                let values = param.as_ref().map(|param| self.scalar(param)).transpose()?;
                let vector = self.vector(&aggregate.expr)?;
                if let (Op::Quantile, Some(param), Some(phi)) = (aggregate.op, param, &values) {
                    for phi in phi.iter().filter(|phi| !(0.0..=1.0).contains(*phi)) {
                        self.note(&Note::InvalidQuantile(*phi), param.span);
                    }
                }
                self.fold_groups(vector, aggregate, values.as_deref())
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
        let groups = groups(vector.columns, aggregate);
        let memory = self.reserve_columns(groups.len())?;
        let mut columns = Vec::with_capacity(groups.len());
        for group in groups {
            self.context.check()?;
            columns.push(self.fold_group(group, op, param, aggregate.expr.span));
        }
        self.new_vector(columns, memory)?.merged()
    }

    /// `inner` is where what is aggregated stands.
    fn fold_group(&mut self, group: Group, op: AggregateOp, param: Option<&[f64]>, inner: Span) -> Column {
        let has_histograms = group.columns.iter().any(|column| !column.histograms.is_empty());
        let mut out = match (op, param) {
            (AggregateOp::Quantile, Some(phi)) => quantiles(&group, phi),
            _ => fold_floats(&group, op, self.steps.count),
        };
        if has_histograms {
            self.add_histograms(&group, op, &mut out, inner);
        }
        out.drop_name = group.drops_name();
        out
    }

    /// Histograms count, and are added and averaged among themselves; mixed with floats they give nothing.
    fn add_histograms(&mut self, group: &Group, op: AggregateOp, out: &mut Column, inner: Span) {
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
                    self.note(&Note::MixedFloatsHistogramsAggregated, inner);
                }
                AggregateOp::Sum | AggregateOp::Avg => {
                    match histogram_sum::total(histograms.into_iter(), op == AggregateOp::Avg) {
                        Some(total) => {
                            if total.reconciled {
                                self.note(&Note::ReconciledBuckets { during: During::Aggregation }, inner);
                            }
                            if total.collides {
                                self.note(&Note::ResetCollision { during: During::Aggregation }, inner);
                            }
                            out.set_histogram(step, Arc::new(total.histogram));
                        }
                        None => {
                            let metric = first_of_another_kind(group, step).to_owned();
                            self.note(&Note::MixedBuckets { metric }, inner);
                        }
                    }
                }
                _ => self.note(&Note::IgnoredInAggregation { op: op.as_str() }, inner),
            }
        }
    }
}

/// The metric of the first histogram whose buckets are not of the kind of those before.
fn first_of_another_kind(group: &Group, step: usize) -> &str {
    let mut histograms =
        group.columns.iter().filter_map(|column| Some((is_custom(column.histogram(step)?), &column.labels)));
    let kind = histograms.next().map(|(kind, _)| kind);
    histograms.find(|(own, _)| Some(*own) != kind).map_or("", |(_, labels)| labels.metric_name())
}

fn is_present(value: f64) -> bool {
    !is_absent(value)
}

/// Appends the encoded labels of the group that a series belongs to.
pub(super) fn group_key(labels: &Labels, aggregate: &Aggregate, key: &mut Vec<u8>) {
    let listed = |name: &[u8]| aggregate.labels.iter().any(|own| own.as_bytes() == name);
    if aggregate.without {
        labels.append_kept(|name| name != METRIC_NAME.as_bytes() && !listed(name), key);
    } else if !aggregate.labels.is_empty() {
        labels.append_kept(listed, key);
    }
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
    let mut index: HashMap<Box<[u8]>, usize> = HashMap::new();
    let mut groups: Vec<Group> = Vec::new();
    let mut key = Vec::new();
    for column in columns {
        key.clear();
        group_key(&column.labels, aggregate, &mut key);
        match index.get(&*key).and_then(|at| groups.get_mut(*at)) {
            Some(group) => group.columns.push(column),
            None => {
                index.insert(key.as_slice().into(), groups.len());
                groups.push(Group { labels: group_labels(&column.labels, aggregate), columns: vec![column] });
            }
        }
    }
    groups
}

/// The state of an aggregation of floats into one.
pub(super) trait Accumulator: Clone + Default + Send {
    /// Takes a value in.
    fn add(&mut self, value: f64);

    /// Adds what was taken of values that come later.
    fn append(&mut self, later: &Self);

    /// The result.
    fn finish(&self) -> f64;
}

macro_rules! accumulators {
    ($($name:ident: $finish:expr;)*) => {$(
        impl Accumulator for $name {
            fn add(&mut self, value: f64) {
                $name::add(self, value);
            }

            fn append(&mut self, later: &Self) {
                $name::append(self, *later);
            }

            fn finish(&self) -> f64 {
                let finish: fn($name) -> f64 = $finish;
                finish(*self)
            }
        }
    )*};
}

accumulators! {
    Sum: Sum::total;
    Mean: Mean::mean;
    Variance: Variance::variance;
}

impl Accumulator for Deviation {
    fn add(&mut self, value: f64) {
        self.0.add(value);
    }

    fn append(&mut self, later: &Self) {
        self.0.append(later.0);
    }

    fn finish(&self) -> f64 {
        self.0.variance().sqrt()
    }
}

/// How many values there were.
#[derive(Clone, Default)]
pub(super) struct Counted(f64);

impl Accumulator for Counted {
    fn add(&mut self, _value: f64) {
        self.0 += 1.0;
    }

    fn append(&mut self, later: &Self) {
        self.0 += later.0;
    }

    fn finish(&self) -> f64 {
        self.0
    }
}

/// One, for any number of values.
#[derive(Clone, Default)]
pub(super) struct One;

impl Accumulator for One {
    fn add(&mut self, _value: f64) {}

    fn append(&mut self, _later: &Self) {}

    fn finish(&self) -> f64 {
        1.0
    }
}

macro_rules! extremes {
    ($($(#[$doc:meta])* $name:ident $better:tt;)*) => {$(
        $(#[$doc])*
        #[derive(Clone)]
        pub(super) struct $name(f64);

        impl Default for $name {
            fn default() -> Self {
                Self(f64::NAN)
            }
        }

        impl Accumulator for $name {
            fn add(&mut self, value: f64) {
                // Any value is better than NaN.
                if value $better self.0 || self.0.is_nan() {
                    self.0 = value;
                }
            }

            fn append(&mut self, later: &Self) {
                self.add(later.0);
            }

            fn finish(&self) -> f64 {
                self.0
            }
        }
    )*};
}

extremes! {
    /// The least value.
    Lowest <;
    /// The greatest value.
    Highest >;
}

fn fold_floats(group: &Group, op: AggregateOp, steps: usize) -> Column {
    let columns = &group.columns;
    let values = match op {
        AggregateOp::Sum => fold::<Sum>(columns, steps),
        AggregateOp::Avg => fold::<Mean>(columns, steps),
        AggregateOp::Stdvar => fold::<Variance>(columns, steps),
        AggregateOp::Stddev => fold::<Deviation>(columns, steps),
        AggregateOp::Count => fold::<Counted>(columns, steps),
        AggregateOp::Group => fold::<One>(columns, steps),
        AggregateOp::Min => fold::<Lowest>(columns, steps),
        _ => fold::<Highest>(columns, steps),
    };
    Column::new(group.labels.clone(), values)
}

/// Runs an accumulator a step over the columns, one column after the other.
fn fold<A: Accumulator>(columns: &[Column], steps: usize) -> Vec<f64> {
    let mut states: Vec<Option<A>> = vec![None; steps];
    for column in columns {
        for (state, value) in states.iter_mut().zip(&column.values) {
            if is_present(*value) {
                state.get_or_insert_with(A::default).add(*value);
            }
        }
    }
    states.into_iter().map(|state| state.map_or(ABSENT, |state| state.finish())).collect()
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
