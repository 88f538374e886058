//! Types: what Prometheus refuses before it evaluates anything, in its words.

use crate::error::QueryError;
use crate::promql::ast::{Aggregate, AggregateOp, Binary, Cardinality, Expr, ExprKind, ValueType};
use crate::promql::functions::Function;

pub(super) fn unary(expr: &Expr) -> Result<(), QueryError> {
    match expr.value_type() {
        ValueType::Scalar | ValueType::Vector => Ok(()),
        other => Err(QueryError::invalid(format!(
            "unary expression only allowed on expressions of type scalar or instant vector, got {:?}",
            other.describe()
        ))),
    }
}

pub(super) fn binary(binary: &Binary) -> Result<(), QueryError> {
    let types = [binary.left.value_type(), binary.right.value_type()];
    if types.iter().any(|kind| !matches!(kind, ValueType::Scalar | ValueType::Vector)) {
        return Err(QueryError::invalid("binary expression must contain only scalar and instant vector types"));
    }
    let op = binary.op;
    if binary.return_bool && !op.is_comparison() {
        return Err(QueryError::invalid("bool modifier can only be used on comparison operators"));
    }
    let scalars = types.iter().filter(|kind| **kind == ValueType::Scalar).count();
    if scalars == 2 && op.is_comparison() && !binary.return_bool {
        return Err(QueryError::invalid("comparisons between scalars must use BOOL modifier")
            .hint(format!("write {} bool", op.as_str())));
    }
    if scalars > 0 && op.is_set_operator() {
        return Err(QueryError::invalid(format!(
            "set operator {:?} not allowed in binary scalar expression",
            op.as_str()
        )));
    }
    if scalars > 0 && (binary.matching.fill_left.is_some() || binary.matching.fill_right.is_some()) {
        return Err(QueryError::invalid("filling in missing series only allowed between instant vectors"));
    }
    if scalars > 0 && binary.matching.written {
        return Err(QueryError::invalid("vector matching only allowed between instant vectors"));
    }
    matching(binary)
}

fn matching(binary: &Binary) -> Result<(), QueryError> {
    let matching = &binary.matching;
    let grouped = matches!(matching.cardinality, Cardinality::ManyToOne | Cardinality::OneToMany);
    let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
    if fills && binary.op.is_set_operator() {
        return Err(QueryError::invalid("filling in missing series not allowed for set operators"));
    }
    if grouped && binary.op.is_set_operator() {
        return Err(QueryError::invalid(format!("no grouping allowed for {:?} operation", binary.op.as_str())));
    }
    match matching.labels.iter().find(|label| matching.on && matching.include.contains(label)) {
        Some(label) => {
            Err(QueryError::invalid(format!("label {label:?} must not occur in ON and GROUP clause at once")))
        }
        None => Ok(()),
    }
}

pub(super) fn aggregate(aggregate: &Aggregate) -> Result<(), QueryError> {
    expect(&aggregate.expr, ValueType::Vector, "aggregation expression")?;
    let Some(param) = &aggregate.param else { return Ok(()) };
    let wanted = if aggregate.op == AggregateOp::CountValues { ValueType::Text } else { ValueType::Scalar };
    expect(param, wanted, "aggregation parameter")
}

pub(super) fn call(function: Function, args: &[Expr]) -> Result<(), QueryError> {
    let signature = function.signature();
    let (least, most) = signature.bounds();
    let (name, given) = (function.name(), args.len());
    let wanted = match most {
        Some(most) if most == least && given != least => format!("{least}"),
        _ if given < least => format!("at least {least}"),
        Some(most) if given > most => format!("at most {most}"),
        _ => {
            if let (Function::Info, Some(labels)) = (function, args.get(1)) {
                label_selector(labels)?;
            }
            for (index, arg) in args.iter().enumerate() {
                if let Some(wanted) = signature.args.get(index).or(signature.args.last()) {
                    expect(arg, *wanted, &format!("call to function {name:?}"))?;
                }
            }
            return Ok(());
        }
    };
    Err(QueryError::invalid(format!("expected {wanted} argument(s) in call to {name:?}, got {given}")))
}

/// The second argument of `info`.
fn label_selector(arg: &Expr) -> Result<(), QueryError> {
    let fault = match &arg.kind {
        ExprKind::Selector(selector) if !selector.bare_name => return Ok(()),
        ExprKind::Selector(_) => "expected label selectors only, got vector selector instead",
        _ => "expected label selectors only",
    };
    Err(QueryError::invalid(fault).at(arg.span.start, arg.span.end).hint("write matchers in braces: {data=~\".+\"}"))
}

fn expect(expr: &Expr, wanted: ValueType, context: &str) -> Result<(), QueryError> {
    let kind = expr.value_type();
    if kind == wanted {
        return Ok(());
    }
    let (got, wanted_name) = (kind.describe(), wanted.describe());
    let error = QueryError::invalid(format!("expected type {wanted_name} in {context}, got {got}"))
        .at(expr.span.start, expr.span.end);
    Err(match (wanted, kind) {
        (ValueType::Matrix, ValueType::Vector) => error.hint(format!("add a range: {expr}[5m]")),
        (ValueType::Vector, ValueType::Matrix) => error.hint("take a rate or an aggregate over the range: rate(…[5m])"),
        (ValueType::Vector, ValueType::Scalar) => error.hint("make a vector of it: vector(…)"),
        (ValueType::Scalar, ValueType::Vector) => error.hint("make a scalar of it: scalar(…)"),
        _ => error,
    })
}
