//! Expressions back into text that parses to the same tree.

use super::ast::{
    Aggregate, At, Binary, Cardinality, DurationExpr, DurationKind, Expr, ExprKind, Matching, Number, Selector,
    Subquery, TimeModifiers,
};
use super::duration::format_duration;
use super::number::{format_general, format_plain};
use clew_model::metrics::{METRIC_NAME, MatchOp, Matcher};
use std::fmt;

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ExprKind::Number(number) => f.write_str(&format_plain(number.0)),
            ExprKind::Text(text) => write_quoted(f, text),
            ExprKind::Paren(expr) => write!(f, "({expr})"),
            ExprKind::Unary { negative, expr } => write!(f, "{}{expr}", if *negative { '-' } else { '+' }),
            ExprKind::Binary(binary) => write_binary(f, binary),
            ExprKind::Aggregate(aggregate) => write_aggregate(f, aggregate),
            ExprKind::Call { function, args } => {
                write!(f, "{}(", function.name())?;
                write_list(f, args)?;
                f.write_str(")")
            }
            ExprKind::Selector(selector) => {
                write_selector(f, selector)?;
                write_at(f, &selector.time)?;
                write_extension(f, selector)?;
                write_offset(f, &selector.time)
            }
            ExprKind::Matrix { selector, range, range_expr } => {
                write_selector(f, selector)?;
                write!(f, "[{}]", Duration(*range, range_expr.as_ref()))?;
                write_extension(f, selector)?;
                write_at(f, &selector.time)?;
                write_offset(f, &selector.time)
            }
            ExprKind::Subquery(subquery) => write_subquery(f, subquery),
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, args: &[Expr]) -> fmt::Result {
    for (index, arg) in args.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{arg}")?;
    }
    Ok(())
}

fn write_binary(f: &mut fmt::Formatter<'_>, binary: &Binary) -> fmt::Result {
    write!(f, "{} {} {}", binary.left, Operator(binary), binary.right)
}

/// The operator with its modifiers.
pub(super) struct Operator<'a>(pub &'a Binary);

impl fmt::Display for Operator<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.as_str())?;
        if self.0.return_bool {
            f.write_str(" bool")?;
        }
        write_matching(f, &self.0.matching)
    }
}

fn write_matching(f: &mut fmt::Formatter<'_>, matching: &Matching) -> fmt::Result {
    if !matching.written {
        return write_fills(f, matching);
    }
    f.write_str(if matching.on { " on (" } else { " ignoring (" })?;
    write_labels(f, &matching.labels)?;
    let group = match matching.cardinality {
        Cardinality::ManyToOne => " group_left (",
        Cardinality::OneToMany => " group_right (",
        Cardinality::OneToOne | Cardinality::ManyToMany => return write_fills(f, matching),
    };
    f.write_str(group)?;
    write_labels(f, &matching.include)?;
    write_fills(f, matching)
}

fn write_fills(f: &mut fmt::Formatter<'_>, matching: &Matching) -> fmt::Result {
    match (matching.fill_left, matching.fill_right) {
        (Some(left), Some(right)) if left == right => write!(f, " fill ({})", format_general(left.0)),
        (left, right) => {
            for (word, value) in [("fill_left", left), ("fill_right", right)] {
                if let Some(value) = value {
                    write!(f, " {word} ({})", format_general(value.0))?;
                }
            }
            Ok(())
        }
    }
}

/// The labels and the closing bracket.
fn write_labels(f: &mut fmt::Formatter<'_>, labels: &[String]) -> fmt::Result {
    for (index, label) in labels.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        write_label_name(f, label)?;
    }
    f.write_str(")")
}

/// The aggregation up to its bracket.
pub(super) struct AggregateHead<'a>(pub &'a Aggregate);

impl fmt::Display for AggregateHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(aggregate) = self;
        f.write_str(aggregate.op.as_str())?;
        if aggregate.without || !aggregate.labels.is_empty() {
            f.write_str(if aggregate.without { " without (" } else { " by (" })?;
            write_labels(f, &aggregate.labels)?;
            f.write_str(" ")?;
        }
        Ok(())
    }
}

fn write_aggregate(f: &mut fmt::Formatter<'_>, aggregate: &Aggregate) -> fmt::Result {
    write!(f, "{}(", AggregateHead(aggregate))?;
    if let Some(param) = &aggregate.param {
        write!(f, "{param}, ")?;
    }
    write!(f, "{})", aggregate.expr)
}

fn write_subquery(f: &mut fmt::Formatter<'_>, own: &Subquery) -> fmt::Result {
    write!(f, "{}{}", own.expr, SubqueryTimes(own))
}

/// The brackets of a subquery, and what follows them.
pub(super) struct SubqueryTimes<'a>(pub &'a Subquery);

impl fmt::Display for SubqueryTimes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(own) = self;
        write!(f, "[{}:", Duration(own.range, own.range_expr.as_ref()))?;
        if own.step.is_some() || own.step_expr.is_some() {
            write!(f, "{}", Duration(own.step.unwrap_or_default(), own.step_expr.as_ref()))?;
        }
        f.write_str("]")?;
        write_at(f, &own.time)?;
        write_offset(f, &own.time)
    }
}

/// Milliseconds, or what they are computed from.
struct Duration<'a>(i64, Option<&'a DurationExpr>);

impl fmt::Display for Duration<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.1 {
            Some(expr) => write!(f, "{expr}"),
            None => f.write_str(&format_duration(self.0)),
        }
    }
}

impl fmt::Display for DurationExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            DurationKind::Seconds { value: Number(value), has_units: true } => {
                f.write_str(&format_duration((value * 1000.0).round() as i64))
            }
            DurationKind::Seconds { value: Number(value), .. } => f.write_str(&format_plain(*value)),
            DurationKind::Step => f.write_str("step()"),
            DurationKind::Range => f.write_str("range()"),
            DurationKind::Unary { negative, expr } => write!(f, "{}{expr}", if *negative { "-" } else { "" }),
            DurationKind::Binary { op, left, right } => write!(f, "{left} {} {right}", op.as_str()),
            DurationKind::Chosen { greatest, left, right } => {
                write!(f, "{}({left}, {right})", if *greatest { "max_of" } else { "min_of" })
            }
            DurationKind::Paren(inner) => write!(f, "({inner})"),
        }
    }
}

fn write_extension(f: &mut fmt::Formatter<'_>, selector: &Selector) -> fmt::Result {
    selector.extension.map_or(Ok(()), |extension| write!(f, " {}", extension.as_str()))
}

fn write_at(f: &mut fmt::Formatter<'_>, time: &TimeModifiers) -> fmt::Result {
    match time.at {
        None => Ok(()),
        Some(At::Start) => f.write_str(" @ start()"),
        Some(At::End) => f.write_str(" @ end()"),
        Some(At::Millis(millis)) => {
            let sign = if millis < 0 { "-" } else { "" };
            let millis = millis.unsigned_abs();
            write!(f, " @ {sign}{}.{:03}", millis / 1000, millis % 1000)
        }
    }
}

fn write_offset(f: &mut fmt::Formatter<'_>, time: &TimeModifiers) -> fmt::Result {
    if time.offset == 0 && time.offset_expr.is_none() {
        return Ok(());
    }
    write!(f, " offset {}", Duration(time.offset, time.offset_expr.as_ref()))
}

fn write_selector(f: &mut fmt::Formatter<'_>, selector: &Selector) -> fmt::Result {
    let mut matchers = selector.matchers.as_slice();
    if let (true, Some((name, rest))) = (selector.bare_name, matchers.split_first()) {
        f.write_str(&name.value)?;
        matchers = rest;
        if matchers.is_empty() {
            return Ok(());
        }
    }
    let mut texts: Vec<String> = matchers.iter().map(|matcher| Written(matcher).to_string()).collect();
    texts.sort_unstable();
    write!(f, "{{{}}}", texts.join(","))
}

struct Written<'a>(&'a Matcher);

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_matcher(f, self.0)
    }
}

fn write_matcher(f: &mut fmt::Formatter<'_>, matcher: &Matcher) -> fmt::Result {
    if matcher.name == METRIC_NAME && matcher.op == MatchOp::Equal {
        f.write_str(METRIC_NAME)?;
    } else {
        write_label_name(f, &matcher.name)?;
    }
    f.write_str(match matcher.op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    })?;
    write_quoted(f, &matcher.value)
}

fn write_label_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    if is_plain_label(name) { f.write_str(name) } else { write_quoted(f, name) }
}

/// Whether a label name may be written without quotes.
pub(super) fn is_plain_label(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Text in double quotes with Go's escapes.
fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\U{:08x}", u32::from(c))?,
            c => write!(f, "{c}")?,
        }
    }
    f.write_str("\"")
}
