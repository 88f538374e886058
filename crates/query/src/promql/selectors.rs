//! What an expression reads: its selectors, for the calls of the Prometheus API that ask about series.

use super::ast::{Expr, ExprKind, Selector, TimeModifiers};
use crate::error::QueryError;
use clew_model::metrics::Matcher;

/// Reads one series selector, as the `match[]` parameters of the Prometheus API give it.
///
/// # Errors
/// Text that is no selector, or an expression that is more than one.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, QueryError> {
    match super::parse(text)?.kind {
        ExprKind::Selector(selector) => Ok(selector.matchers),
        _ => Err(QueryError::invalid("a series selector is expected here, such as up{job=\"api\"}").at(0, text.len())),
    }
}

/// The matchers of every selector in an expression, in order.
#[must_use]
pub fn selectors(expr: &Expr) -> Vec<Vec<Matcher>> {
    let mut found = Vec::new();
    visit(expr, &mut |selector| found.push(selector.matchers.clone()));
    found
}

/// How far, in milliseconds, an expression reads before and after the times at which it is evaluated, beyond the lookback
/// of selectors; never less than it does. `None` where it reads at a fixed time (`@`), or
/// where a duration is computed when the query is known.
#[must_use]
pub fn reach(expr: &Expr) -> Option<i64> {
    let own = |time: &TimeModifiers, range: i64| {
        let is_known = time.at.is_none() && time.offset_expr.is_none();
        is_known.then(|| time.offset.saturating_abs().saturating_add(range))
    };
    let inner = |exprs: &[&Expr]| exprs.iter().try_fold(0_i64, |most, expr| reach(expr).map(|own| most.max(own)));
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) => Some(0),
        ExprKind::Selector(selector) => own(&selector.time, 0),
        ExprKind::Matrix { range_expr: Some(_), .. } => None,
        ExprKind::Matrix { selector, range, .. } => own(&selector.time, *range),
        ExprKind::Paren(expr) | ExprKind::Unary { expr, .. } => reach(expr),
        ExprKind::Subquery(subquery) => {
            if subquery.range_expr.is_some() {
                return None;
            }
            Some(own(&subquery.time, subquery.range)?.saturating_add(reach(&subquery.expr)?))
        }
        ExprKind::Binary(binary) => inner(&[&binary.left, &binary.right]),
        ExprKind::Aggregate(aggregate) => inner(&aggregate.param.iter().chain([&aggregate.expr]).collect::<Vec<_>>()),
        ExprKind::Call { args, .. } => inner(&args.iter().collect::<Vec<_>>()),
    }
}

fn visit(expr: &Expr, take: &mut dyn FnMut(&Selector)) {
    match &expr.kind {
        ExprKind::Number(_) | ExprKind::Text(_) => {}
        ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => take(selector),
        ExprKind::Paren(inner) | ExprKind::Unary { expr: inner, .. } => visit(inner, take),
        ExprKind::Subquery(subquery) => visit(&subquery.expr, take),
        ExprKind::Binary(binary) => {
            visit(&binary.left, take);
            visit(&binary.right, take);
        }
        ExprKind::Aggregate(aggregate) => {
            aggregate.param.iter().for_each(|param| visit(param, take));
            visit(&aggregate.expr, take);
        }
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| visit(arg, take)),
    }
}

/// A label name as the path of `label/{name}/values` writes it: `U__` before an escaped UTF-8 name, where `_hex_` stands
/// for a character and `__` for an underscore (Prometheus' `model.UnescapeName` with value escaping).
#[must_use]
pub fn unescape_label_name(name: &str) -> String {
    let Some(escaped) = name.strip_prefix("U__") else { return name.to_owned() };
    let mut out = String::new();
    let mut rest = escaped;
    while let Some((plain, after)) = rest.split_once('_') {
        out.push_str(plain);
        if let Some(after) = after.strip_prefix('_') {
            out.push('_');
            rest = after;
            continue;
        }
        let character = after.split_once('_').and_then(|(code, tail)| {
            let character = u32::from_str_radix(code, 16).ok().and_then(char::from_u32)?;
            Some((character, tail))
        });
        // A name that is not well escaped is meant as it is written.
        let Some((character, tail)) = character else { return name.to_owned() };
        out.push(character);
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_selector_is_read_and_anything_more_is_refused() {
        let matchers = parse_selector(r#"up{job=~"a.*"}"#).unwrap();
        let mut shown: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        shown.sort();
        assert_eq!(shown, [r#"__name__="up""#, r#"job=~"a.*""#]);
        assert!(parse_selector("up + 1").is_err());
        assert!(parse_selector("up[5m]").is_err());
    }

    #[test]
    fn every_selector_of_an_expression_is_found() {
        let expr = super::super::parse("sum(rate(a[5m])) / on() (b > 1) + max_over_time(c[1h:5m])").unwrap();
        let names: Vec<String> = selectors(&expr).iter().map(|matchers| matchers[0].value.clone()).collect();
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn escaped_names_are_read_as_prometheus_reads_them() {
        for (escaped, name) in
            [("job", "job"), ("U__http_2e_method", "http.method"), ("U__a__b", "a_b"), ("U__no_such", "U__no_such")]
        {
            assert_eq!(unescape_label_name(escaped), name, "{escaped}");
        }
    }
}
