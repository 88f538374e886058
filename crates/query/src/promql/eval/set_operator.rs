//! `and`, `or`, `unless`: which series are there on the other side, step by step.

use super::Evaluator;
use super::column::{Column, Vector};
use super::matching::{by_signature, columns, signature};
use crate::error::QueryError;
use crate::promql::ast::{Binary, BinaryOp};
use clew_model::metrics::Labels;
use hashbrown::HashMap;

impl Evaluator<'_> {
    pub(super) fn set_operation(&mut self, binary: &Binary) -> Result<Vector, QueryError> {
        let mut left = self.vector(&binary.left)?;
        let mut right = self.vector(&binary.right)?;
        let matching = &binary.matching;
        match binary.op {
            BinaryOp::Or => {
                let there = presence(&left, &by_signature(&left, matching), self.steps.count);
                for column in &mut right.columns {
                    keep_where(column, there.get(&signature(&column.labels, matching)), false);
                }
                left.columns.append(&mut right.columns);
                left.memory.append(&mut right.memory);
            }
            op => {
                let there = presence(&right, &by_signature(&right, matching), self.steps.count);
                for column in &mut left.columns {
                    keep_where(column, there.get(&signature(&column.labels, matching)), op == BinaryOp::And);
                }
            }
        }
        left.merged()
    }
}

/// For each signature the steps at which a series is there.
pub(super) fn presence(
    vector: &Vector,
    index: &HashMap<Labels, Vec<usize>>,
    steps: usize,
) -> HashMap<Labels, Vec<bool>> {
    let mut out = HashMap::with_capacity(index.len());
    for (signature, indexes) in index {
        let mut there = vec![false; steps];
        for column in columns(vector, indexes) {
            there.iter_mut().enumerate().for_each(|(step, there)| *there |= column.is_present(step));
        }
        out.insert(signature.clone(), there);
    }
    out
}

/// Empties the steps at which the other side's presence is not as wanted.
fn keep_where(column: &mut Column, there: Option<&Vec<bool>>, wanted: bool) {
    for step in 0..column.values.len() {
        if there.and_then(|there| there.get(step)).copied().unwrap_or(false) != wanted {
            column.clear(step);
        }
    }
}
