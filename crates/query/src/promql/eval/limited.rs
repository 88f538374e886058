//! `limitk` and `limit_ratio`: some series of each group, the same ones whenever they are asked for.

use super::Evaluator;
use super::aggregate::{Group, groups};
use super::call::at;
use super::column::{Column, Vector};
use crate::error::QueryError;
use crate::promql::annotations::Note;
use crate::promql::ast::{Aggregate, AggregateOp, Expr};
use clew_model::metrics::Labels;
use xxhash_rust::xxh64::xxh64;

impl Evaluator<'_> {
    /// `limitk`: at each step the first series of each group, in the order of their labels.
    pub(super) fn limit_k(&mut self, vector: Vector, aggregate: &Aggregate, k: &[f64]) -> Result<Vector, QueryError> {
        if k.iter().any(|k| k.is_nan()) {
            return Err(QueryError::execution("Parameter value is NaN"));
        }
        let steps = self.steps.count;
        self.kept(vector, aggregate, |group| {
            for step in 0..steps {
                let mut left = at(k, step);
                for column in group.columns.iter_mut().filter(|column| column.is_present(step)) {
                    if left < 1.0 {
                        column.clear(step);
                    }
                    left -= 1.0;
                }
            }
        })
    }

    /// `limit_ratio`: the series whose hash lies within the ratio, or for a negative one outside of it.
    pub(super) fn limit_ratio(
        &mut self,
        vector: Vector,
        aggregate: &Aggregate,
        param: &Expr,
        ratio: &[f64],
    ) -> Result<Vector, QueryError> {
        if ratio.iter().any(|ratio| ratio.is_nan()) {
            return Err(QueryError::execution("Ratio value is NaN"));
        }
        for given in ratio.iter().copied().filter(|ratio| !(-1.0..=1.0).contains(ratio)) {
            self.note(&Note::InvalidRatio { given, taken: given.clamp(-1.0, 1.0) }, param.span);
        }
        let steps = self.steps.count;
        self.kept(vector, aggregate, |group| {
            for column in &mut group.columns {
                let offset = sample_offset(&column.labels);
                for step in 0..steps {
                    let ratio = at(ratio, step).clamp(-1.0, 1.0);
                    let is_in = if ratio >= 0.0 { offset < ratio } else { offset >= 1.0 + ratio };
                    if !is_in {
                        column.clear(step);
                    }
                }
            }
        })
    }

    fn kept(
        &mut self,
        vector: Vector,
        aggregate: &Aggregate,
        mut choose: impl FnMut(&mut Group),
    ) -> Result<Vector, QueryError> {
        debug_assert!(matches!(aggregate.op, AggregateOp::Limitk | AggregateOp::LimitRatio));
        let mut columns: Vec<Column> = Vec::with_capacity(vector.columns.len());
        for mut group in groups(vector.columns, aggregate) {
            self.context.check()?;
            choose(&mut group);
            columns.append(&mut group.columns);
        }
        columns.retain(|column| !column.is_empty());
        Ok(Vector { columns, memory: vector.memory })
    }
}

/// Where a series stands in [0, 1), by the hash that Prometheus gives its labels: XXH64 of names and values, each behind its
/// length in one byte, or in three little-endian ones behind a byte 255.
fn sample_offset(labels: &Labels) -> f64 {
    let mut bytes = Vec::with_capacity(labels.as_bytes().len());
    for text in labels.raw().flat_map(|(name, value)| [name, value]) {
        match u8::try_from(text.len()) {
            Ok(length @ 0..=254) => bytes.push(length),
            _ => {
                bytes.push(255);
                bytes.extend(text.len().to_le_bytes().into_iter().take(3));
            }
        }
        bytes.extend_from_slice(text);
    }
    xxh64(&bytes, 0) as f64 / u64::MAX as f64
}
