//! Computed durations become numbers when the step and the range of a query are known.

use super::ast::{BinaryOp, DurationExpr, DurationKind, Expr, ExprKind, Number, Selector, TimeModifiers};
use super::duration::seconds_to_millis;
use crate::error::QueryError;

/// What `step()` and `range()` mean, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct QueryTimes {
    pub(super) step: i64,
    pub(super) range: i64,
}

/// Whether any duration in the expression is computed.
pub(super) fn has_computed(expr: &Expr) -> bool {
    let of_time = |time: &TimeModifiers| time.offset_expr.is_some();
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) => false,
        ExprKind::Selector(selector) => of_time(&selector.time),
        ExprKind::Matrix { selector, range_expr, .. } => of_time(&selector.time) || range_expr.is_some(),
        ExprKind::Subquery(own) => {
            of_time(&own.time) || own.range_expr.is_some() || own.step_expr.is_some() || has_computed(&own.expr)
        }
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => has_computed(inner),
        ExprKind::Binary(binary) => has_computed(&binary.left) || has_computed(&binary.right),
        ExprKind::Aggregate(own) => own.param.iter().any(has_computed) || has_computed(&own.expr),
        ExprKind::Call { args, .. } => args.iter().any(has_computed),
    }
}

/// Puts the numbers in their places.
///
/// # Errors
/// A range or step that is not positive, a division by zero, a duration beyond what can be told.
pub(super) fn compute(expr: &mut Expr, times: QueryTimes) -> Result<(), QueryError> {
    match &mut expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) => Ok(()),
        ExprKind::Selector(Selector { time, .. }) => offset(time, times),
        ExprKind::Matrix { selector, range, range_expr } => {
            if let Some(expr) = range_expr.take() {
                *range = positive(&expr, times)?;
            }
            offset(&mut selector.time, times)
        }
        ExprKind::Subquery(own) => {
            if let Some(expr) = own.range_expr.take() {
                own.range = positive(&expr, times)?;
            }
            if let Some(expr) = own.step_expr.take() {
                own.step = Some(positive(&expr, times)?);
            }
            offset(&mut own.time, times)?;
            compute(&mut own.expr, times)
        }
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => compute(inner, times),
        ExprKind::Binary(binary) => {
            compute(&mut binary.left, times)?;
            compute(&mut binary.right, times)
        }
        ExprKind::Aggregate(own) => {
            own.param.iter_mut().try_for_each(|param| compute(param, times))?;
            compute(&mut own.expr, times)
        }
        ExprKind::Call { args, .. } => args.iter_mut().try_for_each(|arg| compute(arg, times)),
    }
}

fn offset(time: &mut TimeModifiers, times: QueryTimes) -> Result<(), QueryError> {
    if let Some(expr) = time.offset_expr.take() {
        time.offset = millis(&expr, times)?;
    }
    Ok(())
}

fn positive(expr: &DurationExpr, times: QueryTimes) -> Result<i64, QueryError> {
    match millis(expr, times)? {
        0 | i64::MIN..0 => {
            Err(QueryError::execution("duration must be greater than 0").at(expr.span.start, expr.span.end))
        }
        millis => Ok(millis),
    }
}

/// Whole milliseconds, as Prometheus cuts them off.
fn millis(expr: &DurationExpr, times: QueryTimes) -> Result<i64, QueryError> {
    let seconds = seconds(expr, times)?;
    let fault = |text: &str| Err(QueryError::execution(text).at(expr.span.start, expr.span.end));
    if !seconds.is_finite() {
        return fault("duration is NaN or infinite");
    }
    if seconds_to_millis(seconds).is_err() {
        return fault("duration is out of range");
    }
    Ok((seconds * 1000.0) as i64)
}

fn seconds(expr: &DurationExpr, times: QueryTimes) -> Result<f64, QueryError> {
    let fault = |text: &str| Err(QueryError::execution(text).at(expr.span.start, expr.span.end));
    Ok(match &expr.kind {
        DurationKind::Seconds { value: Number(value), .. } => *value,
        DurationKind::Step => times.step as f64 / 1000.0,
        DurationKind::Range => times.range as f64 / 1000.0,
        DurationKind::Paren(inner) => seconds(inner, times)?,
        DurationKind::Unary { negative, expr } => {
            let value = seconds(expr, times)?;
            if *negative { -value } else { value }
        }
        DurationKind::Chosen { greatest, left, right } => {
            let (left, right) = (seconds(left, times)?, seconds(right, times)?);
            if (left > right) == *greatest { left } else { right }
        }
        DurationKind::Binary { op, left, right } => {
            let (left, right) = (seconds(left, times)?, seconds(right, times)?);
            match op {
                BinaryOp::Add => left + right,
                BinaryOp::Sub => left - right,
                BinaryOp::Mul => left * right,
                BinaryOp::Div if right == 0.0 => return fault("division by zero"),
                BinaryOp::Div => left / right,
                BinaryOp::Mod if right == 0.0 => return fault("modulo by zero"),
                BinaryOp::Mod => left % right,
                _ => left.powf(right),
            }
        }
    })
}
