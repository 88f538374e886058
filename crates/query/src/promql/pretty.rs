//! Expressions over several lines, as Prometheus' `format_query` writes them: a node of more than a hundred bytes puts its parts
//! on lines of their own.

use super::ast::{Expr, ExprKind};
use super::display::{AggregateHead, Operator, SubqueryTimes};

/// Longest text of a node that stays on one line, in bytes.
const MOST_BYTES: usize = 100;

/// The expression as people read it.
#[must_use]
pub fn prettify(expr: &Expr) -> String {
    pretty(expr, 0)
}

fn pretty(expr: &Expr, level: usize) -> String {
    let indent = "  ".repeat(level);
    let text = expr.to_string();
    if let ExprKind::Unary { negative, expr } = &expr.kind {
        return format!("{indent}{}{}", if *negative { '-' } else { '+' }, pretty(expr, level).trim());
    }
    if text.len() <= MOST_BYTES {
        return format!("{indent}{text}");
    }
    match &expr.kind {
        ExprKind::Aggregate(aggregate) => {
            let param = aggregate.param.as_ref().map_or(String::new(), |param| pretty(param, level + 1) + ",\n");
            format!("{indent}{}(\n{param}{}\n{indent})", AggregateHead(aggregate), pretty(&aggregate.expr, level + 1))
        }
        ExprKind::Binary(binary) => format!(
            "{}\n{indent}{}\n{}",
            pretty(&binary.left, level + 1),
            Operator(binary),
            pretty(&binary.right, level + 1)
        ),
        ExprKind::Call { function, args } => {
            let args: Vec<String> = args.iter().map(|arg| pretty(arg, level + 1)).collect();
            format!("{indent}{}(\n{}\n{indent})", function.name(), args.join(",\n"))
        }
        ExprKind::Paren(inner) => format!("{indent}(\n{}\n{indent})", pretty(inner, level + 1)),
        ExprKind::Subquery(subquery) => format!("{}{}", pretty(&subquery.expr, level), SubqueryTimes(subquery)),
        _ => format!("{indent}{text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_expressions_are_broken_where_prometheus_breaks_them() {
        // Expected texts: the rules of Prometheus' printer (`promql/parser/prettier.go`), applied by hand.
        for (text, expected) in [
            ("a+b", "a + b"),
            ("sum(x)by(job)", "sum by (job) (x)"),
            ("foo{b=\"1\",a=\"2\"}[5m] offset 1m", "foo{a=\"2\",b=\"1\"}[5m] offset 1m"),
            ("rate(x[step()+1m])", "rate(x[step() + 1m])"),
            (
                "sum by (job, instance) (rate(http_server_requests_seconds_count{job=\"api-server\", handler=\"/graphql\"}[5m])) / 2",
                "  sum by (job, instance) (\n    rate(http_server_requests_seconds_count{handler=\"/graphql\",job=\"api-server\"}[5m])\n  )\n/\n  2",
            ),
            (
                "-topk(5, some_quite_long_metric_name_that_goes_on{label=\"value\"} > ignoring (label) group_left (other) another_metric)",
                "-topk(\n  5,\n    some_quite_long_metric_name_that_goes_on{label=\"value\"}\n  > ignoring (label) group_left (other)\n    another_metric\n)",
            ),
        ] {
            let expr = super::super::parse(text).unwrap();
            assert_eq!(prettify(&expr), expected, "{text}");
            assert_eq!(super::super::parse(expected).unwrap(), super::super::parse(&expr.to_string()).unwrap());
        }
    }
}
