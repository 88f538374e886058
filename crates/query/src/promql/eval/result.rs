//! Columns into the answer.

use super::Evaluated;
use super::column::{Cell, Column};
use super::steps::Steps;
use crate::promql::ast::{AggregateOp, Expr, ExprKind};
use crate::promql::value::{InstantSample, RangeSeries, SampleValue, Value};
use clew_model::UnixMillis;
use std::sync::Arc;

/// The answer to an instant query.
pub(super) fn instant(evaluated: Evaluated, expr: &Expr, at: UnixMillis) -> Value {
    match evaluated {
        Evaluated::Scalar(values) => Value::Scalar(at, values.first().copied().unwrap_or(f64::NAN)),
        Evaluated::Text(text) => Value::String(at, text),
        Evaluated::Vector(vector) => {
            let mut samples: Vec<_> = vector.columns.into_iter().filter_map(|column| sample(column, at)).collect();
            if !is_ordered(expr) {
                samples.sort_by(|left, right| left.labels.cmp(&right.labels));
            }
            Value::Vector(samples)
        }
    }
}

/// Whether the order of the columns is part of the answer.
fn is_ordered(expr: &Expr) -> bool {
    match &expr.unwrap_parens().kind {
        ExprKind::Call { function, .. } => function.name().starts_with("sort"),
        ExprKind::Aggregate(aggregate) => matches!(aggregate.op, AggregateOp::Topk | AggregateOp::Bottomk),
        _ => false,
    }
}

fn sample(column: Column, time: UnixMillis) -> Option<InstantSample> {
    let value = value(&column)?;
    Some(InstantSample { labels: column.labels, time, value })
}

/// What a column holds at its first step.
pub(super) fn value(column: &Column) -> Option<SampleValue> {
    match column.cell(0) {
        Cell::Absent => None,
        Cell::Float(value) => Some(SampleValue::Float(value)),
        Cell::Histogram(histogram) => Some(SampleValue::Histogram(Arc::clone(histogram))),
    }
}

/// The answer to a range query.
pub(super) fn range(evaluated: Evaluated, steps: &Steps) -> Value {
    let columns = match evaluated {
        Evaluated::Scalar(values) => vec![Column::new(Default::default(), values)],
        Evaluated::Text(_) => Vec::new(),
        Evaluated::Vector(vector) => vector.columns,
    };
    let mut out: Vec<RangeSeries> = columns.into_iter().map(|column| series(column, steps)).collect();
    out.retain(|series| !series.floats.is_empty() || !series.histograms.is_empty());
    out.sort_by(|left, right| left.labels.cmp(&right.labels));
    Value::Matrix(out)
}

fn series(column: Column, steps: &Steps) -> RangeSeries {
    let (mut floats, mut histograms) = (Vec::with_capacity(steps.count), Vec::new());
    for (step, time) in steps.iter().enumerate() {
        match column.cell(step) {
            Cell::Absent => {}
            Cell::Float(value) => floats.push((time, value)),
            Cell::Histogram(histogram) => histograms.push((time, Arc::clone(histogram))),
        }
    }
    RangeSeries { labels: column.labels, floats, histograms }
}
