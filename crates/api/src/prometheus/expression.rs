//! `format_query` and `parse_query`: expressions as text and as a tree.

use super::respond::Answer;
use crate::error::ApiError;
use crate::params::Params;
use axum::body::Body;
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use clew_model::metrics::{MatchOp, Matcher};
use clew_query::promql::ast::{
    Aggregate, At, Binary, BinaryOp, Cardinality, DurationExpr, DurationKind, Expr, ExprKind, Extension, Selector,
    Subquery, TimeModifiers, ValueType,
};
use clew_query::promql::functions::{Arity, Function};
use clew_query::promql::{self, format_plain};
use serde_json::{Value, json};

/// `GET|POST /api/v1/format_query`
pub(super) async fn format_query(request: Request<Body>) -> Response {
    Answer::plain(parsed(request).await.map(|expr| promql::prettify(&expr))).into_response()
}

/// `GET|POST /api/v1/parse_query`
pub(super) async fn parse_query(request: Request<Body>) -> Response {
    Answer::plain(parsed(request).await.map(|expr| tree(&expr))).into_response()
}

async fn parsed(request: Request<Body>) -> Result<Expr, ApiError> {
    let params = Params::of_request(request).await?;
    Ok(promql::parse(params.required("query")?)?)
}

/// The tree in the shape of Prometheus' own (`web/api/v1/translate_ast.go`). Expressions are nested no deeper than the parser
/// allows.
fn tree(expr: &Expr) -> Value {
    match &expr.kind {
        ExprKind::Number(number) => json!({"type": "numberLiteral", "val": format_plain(number.0)}),
        ExprKind::Text(text) => json!({"type": "stringLiteral", "val": text}),
        ExprKind::Paren(inner) => json!({"type": "parenExpr", "expr": tree(inner)}),
        ExprKind::Unary { negative, expr } => {
            json!({"type": "unaryExpr", "op": if *negative { "-" } else { "+" }, "expr": tree(expr)})
        }
        ExprKind::Binary(binary) => of_binary(binary),
        ExprKind::Aggregate(own) => of_aggregate(own),
        ExprKind::Call { function, args } => json!({
            "type": "call",
            "func": of_function(*function),
            "args": args.iter().map(tree).collect::<Vec<_>>(),
        }),
        ExprKind::Selector(selector) => of_selector("vectorSelector", selector),
        ExprKind::Matrix { selector, range, range_expr } => {
            let mut own = of_selector("matrixSelector", selector);
            if let Value::Object(fields) = &mut own {
                fields.insert("range".to_owned(), json!(range));
                fields.insert("rangeExpr".to_owned(), json!(range_expr.as_ref().map(of_duration)));
            }
            own
        }
        ExprKind::Subquery(own) => of_subquery(own),
    }
}

fn of_aggregate(own: &Aggregate) -> Value {
    json!({
        "type": "aggregation",
        "op": own.op.as_str(),
        "expr": tree(&own.expr),
        "param": own.param.as_ref().map(tree),
        "grouping": own.labels,
        "without": own.without,
    })
}

fn of_binary(binary: &Binary) -> Value {
    let types = [binary.left.value_type(), binary.right.value_type()];
    let matching = (types == [ValueType::Vector; 2]).then(|| {
        let own = &binary.matching;
        let card = match own.cardinality {
            Cardinality::OneToOne => "one-to-one",
            Cardinality::ManyToOne => "many-to-one",
            Cardinality::OneToMany => "one-to-many",
            Cardinality::ManyToMany => "many-to-many",
        };
        let fill = |value: Option<promql::ast::Number>| value.map(|value| value.0);
        json!({
            "card": card,
            "labels": own.labels,
            "on": own.on,
            "include": own.include,
            "fillValues": {"lhs": fill(own.fill_left), "rhs": fill(own.fill_right)},
        })
    });
    json!({
        "type": "binaryExpr",
        "op": binary.op.as_str(),
        "lhs": tree(&binary.left),
        "rhs": tree(&binary.right),
        "matching": matching,
        "bool": binary.return_bool,
    })
}

/// `variadic` is 0 for a fixed number of arguments, -1 for any number of the last one, else how many may be missing.
fn of_function(function: Function) -> Value {
    let signature = function.signature();
    let variadic = match signature.arity {
        Arity::Exact => 0,
        Arity::LastOptional => 1,
        Arity::LastUpTo(times) => i64::try_from(times).unwrap_or(i64::MAX) - 1,
        Arity::LastRepeats => -1,
    };
    json!({
        "name": function.name(),
        "argTypes": signature.args.iter().map(|one| type_name(*one)).collect::<Vec<_>>(),
        "variadic": variadic,
        "returnType": type_name(signature.returns),
    })
}

fn type_name(of: ValueType) -> &'static str {
    match of {
        ValueType::Scalar => "scalar",
        ValueType::Text => "string",
        ValueType::Vector => "vector",
        ValueType::Matrix => "matrix",
    }
}

fn of_selector(kind: &str, selector: &Selector) -> Value {
    let matchers: Vec<Value> = selector.matchers.iter().map(of_matcher).collect();
    let name = if selector.bare_name { selector.metric_name().unwrap_or_default() } else { "" };
    let mut own = json!({
        "type": kind,
        "name": name,
        "matchers": matchers,
        "anchored": selector.extension == Some(Extension::Anchored),
        "smoothed": selector.extension == Some(Extension::Smoothed),
    });
    put_time(&mut own, &selector.time);
    own
}

fn of_matcher(matcher: &Matcher) -> Value {
    let op = match matcher.op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    json!({"name": matcher.name, "value": matcher.value, "type": op})
}

fn of_subquery(own: &Subquery) -> Value {
    let mut value = json!({
        "type": "subquery",
        "expr": tree(&own.expr),
        "range": own.range,
        "rangeExpr": own.range_expr.as_ref().map(of_duration),
        "step": own.step.unwrap_or_default(),
        "stepExpr": own.step_expr.as_ref().map(of_duration),
    });
    put_time(&mut value, &own.time);
    value
}

fn put_time(own: &mut Value, time: &TimeModifiers) {
    let (timestamp, start_or_end) = match time.at {
        None => (None, None),
        Some(At::Millis(millis)) => (Some(millis), None),
        Some(At::Start) => (None, Some("start")),
        Some(At::End) => (None, Some("end")),
    };
    if let Value::Object(fields) = own {
        fields.insert("offset".to_owned(), json!(time.offset));
        fields.insert("offsetExpr".to_owned(), json!(time.offset_expr.as_ref().map(of_duration)));
        fields.insert("timestamp".to_owned(), json!(timestamp));
        fields.insert("startOrEnd".to_owned(), json!(start_or_end));
    }
}

fn of_duration(expr: &DurationExpr) -> Value {
    let node = |op: &str, left: Option<&DurationExpr>, right: Option<&DurationExpr>| {
        json!({
            "type": "durationExpr",
            "op": op,
            "lhs": left.map(of_duration),
            "rhs": right.map(of_duration),
            "wrapped": false,
        })
    };
    match &expr.kind {
        DurationKind::Seconds { value, has_units } => {
            json!({"type": "numberLiteral", "val": format_plain(value.0), "duration": has_units})
        }
        DurationKind::Step => node("step", None, None),
        DurationKind::Range => node("range", None, None),
        DurationKind::Unary { negative, expr } => {
            node(if *negative { BinaryOp::Sub } else { BinaryOp::Add }.as_str(), None, Some(expr))
        }
        DurationKind::Binary { op, left, right } => node(op.as_str(), Some(left), Some(right)),
        DurationKind::Chosen { greatest, left, right } => {
            node(if *greatest { "max_of" } else { "min_of" }, Some(left), Some(right))
        }
        DurationKind::Paren(inner) => {
            let mut own = of_duration(inner);
            if let Value::Object(fields) = &mut own {
                fields.insert("wrapped".to_owned(), json!(true));
            }
            own
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_have_the_shape_that_prometheus_gives_them() {
        // Expected: the fields of Prometheus' `translateAST`.
        let shown = tree(&promql::parse("sum by (a) (rate(x{b=~\"c\"}[5m] offset 1m)) / on (a) fill(0) y").unwrap());
        assert_eq!(shown["type"], "binaryExpr");
        assert_eq!(
            shown["matching"],
            json!({
                "card": "one-to-one", "labels": ["a"], "on": true, "include": [], "fillValues": {"lhs": 0.0, "rhs": 0.0},
            })
        );
        let sum = &shown["lhs"];
        assert_eq!((&sum["op"], &sum["grouping"], &sum["param"]), (&json!("sum"), &json!(["a"]), &Value::Null));
        assert_eq!(
            sum["expr"]["func"],
            json!({
                "name": "rate", "argTypes": ["matrix"], "variadic": 0, "returnType": "vector",
            })
        );
        let matrix = &sum["expr"]["args"][0];
        assert_eq!(
            (&matrix["range"], &matrix["offset"], &matrix["name"]),
            (&json!(300_000), &json!(60_000), &json!("x"))
        );
        assert_eq!(matrix["matchers"][1], json!({"name": "b", "value": "c", "type": "=~"}));
        let computed = tree(&promql::parse("x[step() + 5m]").unwrap());
        assert_eq!(
            computed["rangeExpr"],
            json!({
                "type": "durationExpr", "op": "+", "wrapped": false,
                "lhs": {"type": "durationExpr", "op": "step", "lhs": null, "rhs": null, "wrapped": false},
                "rhs": {"type": "numberLiteral", "val": "300", "duration": true},
            })
        );
    }
}
