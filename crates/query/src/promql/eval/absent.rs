//! `absent` and `absent_over_time`: 1 where nothing is there.

use super::call::first;
use super::column::{ABSENT, Column, Vector};
use super::compute::{Driven, Output};
use super::{Evaluator, Expr, ExprKind};
use crate::error::QueryError;
use clew_model::metrics::{Labels, METRIC_NAME, MatchOp};

impl Evaluator<'_> {
    pub(super) fn absent(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let arg = first(args)?;
        let vector = self.vector(arg)?;
        self.complement(&vector, arg)
    }

    pub(super) fn absent_over_time(&mut self, args: &[Expr]) -> Result<Vector, QueryError> {
        let arg = first(args)?;
        // Names are kept, since only presence counts and two metrics must not clash.
        let presence = Driven { keeps_name: true, ..Driven::new(&|_, _| Output::Float(1.0)) };
        let vector = self.over_windows(arg, presence)?;
        self.complement(&vector, arg)
    }

    fn complement(&mut self, vector: &Vector, arg: &Expr) -> Result<Vector, QueryError> {
        let memory = self.reserve_columns(1)?;
        let mut values = vec![1.0; self.steps.count];
        for column in &vector.columns {
            for (step, value) in values.iter_mut().enumerate() {
                if column.is_present(step) {
                    *value = ABSENT;
                }
            }
        }
        self.new_vector(vec![Column::new(labels_of(arg), values)], memory)
    }
}

/// The labels that the missing series would surely have: those that exactly one `=` matcher names.
fn labels_of(arg: &Expr) -> Labels {
    let (ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. }) = &arg.unwrap_parens().kind else {
        return Labels::empty();
    };
    let mut labels = Labels::empty();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in selector.matchers.iter().filter(|matcher| matcher.name != METRIC_NAME) {
        if matcher.op == MatchOp::Equal && !seen.contains(&matcher.name.as_str()) {
            labels = labels.with(&matcher.name, &matcher.value);
            seen.push(&matcher.name);
        } else {
            labels = labels.with(&matcher.name, "");
        }
    }
    labels
}
