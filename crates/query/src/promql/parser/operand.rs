//! Operands: literals, brackets, selectors, calls, and the ranges and modifiers after them.

use super::Parser;
use crate::error::QueryError;
use crate::promql::ast::{
    AggregateOp, At, DurationExpr, Expr, ExprKind, Extension, Number, Selector, Subquery, TimeModifiers, ValueType,
};
use crate::promql::duration::{parse_duration, seconds_to_millis};
use crate::promql::lexer::{TokenKind, parse_number};

/// Words that stand between operands and so cannot be a metric's name without quotes.
const RESERVED: [&str; 5] = ["bool", "on", "ignoring", "group_left", "group_right"];

impl Parser {
    /// An operand with its range and modifiers.
    pub(super) fn operand(&mut self) -> Result<Expr, QueryError> {
        let start = self.start();
        let mut expr = self.primary()?;
        loop {
            expr = if self.is_symbol("[") {
                self.range(expr, start)?
            } else if self.is_word("offset") {
                self.offset(expr, start)?
            } else if self.is_symbol("@") {
                self.at_time(expr, start)?
            } else if self.is_word("anchored") {
                self.extended(expr, Extension::Anchored, start)?
            } else if self.is_word("smoothed") {
                self.extended(expr, Extension::Smoothed, start)?
            } else {
                return Ok(expr);
            };
        }
    }

    fn primary(&mut self) -> Result<Expr, QueryError> {
        let start = self.start();
        match self.peek().kind.clone() {
            TokenKind::Number(_) | TokenKind::Duration(_) => {
                let value = self.seconds("expression")?;
                self.node(ExprKind::Number(Number(value)), start)
            }
            TokenKind::Text(text) => {
                self.next();
                self.node(ExprKind::Text(text), start)
            }
            TokenKind::Symbol("(") => {
                self.next();
                let inner = self.expression(0)?;
                self.expect_symbol(")", "paren expression")?;
                self.node(ExprKind::Paren(Box::new(inner)), start)
            }
            TokenKind::Symbol("{") => self.selector(),
            TokenKind::Word(word) => self.word(&word),
            TokenKind::Symbol(_) | TokenKind::End => Err(self.unexpected("", "an expression")),
        }
    }

    fn word(&mut self, word: &str) -> Result<Expr, QueryError> {
        let start = self.start();
        let called = matches!(self.peek_ahead(1).kind, TokenKind::Symbol("("));
        let grouped = matches!(&self.peek_ahead(1).kind, TokenKind::Word(next)
            if next.eq_ignore_ascii_case("by") || next.eq_ignore_ascii_case("without"));
        if let Some(op) = AggregateOp::from_text(word).filter(|_| called || grouped) {
            return self.aggregate(op);
        }
        if word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("nan") {
            self.next();
            let value = if word.eq_ignore_ascii_case("inf") { f64::INFINITY } else { f64::NAN };
            return self.node(ExprKind::Number(Number(value)), start);
        }
        if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(word)) {
            return Err(self
                .unexpected("", "an expression")
                .hint(format!("a metric of this name is written {{\"{word}\"}}")));
        }
        if called { self.call(word) } else { self.selector() }
    }

    /// A number, or a duration as seconds.
    pub(super) fn seconds(&mut self, context: &str) -> Result<f64, QueryError> {
        let value = match &self.peek().kind {
            TokenKind::Number(text) => parse_number(text),
            TokenKind::Duration(text) => Some(parse_duration(text)? as f64 / 1000.0),
            TokenKind::Word(word) if word.eq_ignore_ascii_case("inf") => Some(f64::INFINITY),
            TokenKind::Word(word) if word.eq_ignore_ascii_case("nan") => Some(f64::NAN),
            _ => None,
        };
        let Some(value) = value else { return Err(self.unexpected(context, "a number or a duration")) };
        self.next();
        Ok(value)
    }

    /// A duration or a number of seconds, with a sign where `signed`.
    fn millis(&mut self, context: &str, signed: bool) -> Result<i64, QueryError> {
        let start = self.start();
        let negative = signed && self.is_symbol("-");
        if negative || (signed && self.is_symbol("+")) {
            self.next();
        }
        let seconds = self.seconds(context).map_err(|error| {
            error.hint("write a duration such as 5m, 1h30m or 300 (seconds); duration arithmetic is not supported")
        })?;
        let millis = seconds_to_millis(seconds).map_err(|error| error.at(start, self.span_from(start).end))?;
        Ok(if negative { -millis } else { millis })
    }

    /// `[range]` or `[range:step]`.
    fn range(&mut self, expr: Expr, start: usize) -> Result<Expr, QueryError> {
        self.next();
        let (range, range_expr) = self.positive_duration("subquery or range selector")?;
        if self.take_symbol(":") {
            return self.subquery(expr, (range, range_expr), start);
        }
        self.expect_symbol("]", "subquery or range")?;
        let fault = match expr.kind {
            ExprKind::Selector(selector) if selector.time == TimeModifiers::default() => {
                return self.node(ExprKind::Matrix { selector, range, range_expr }, start);
            }
            ExprKind::Selector(Selector { time: TimeModifiers { offset: 0, offset_expr: None, .. }, .. }) => {
                "no @ modifiers allowed before range"
            }
            ExprKind::Selector(_) => "no offset modifiers allowed before range",
            _ => "ranges only allowed for vector selectors",
        };
        let error = QueryError::invalid(fault).at(start, self.span_from(start).end);
        Err(if fault.starts_with("ranges") {
            error.hint("for a range of any other expression write a subquery: expr[5m:1m]")
        } else {
            error
        })
    }

    /// `step]` after a colon, or `]`.
    fn subquery(
        &mut self,
        expr: Expr,
        (range, range_expr): (i64, Option<DurationExpr>),
        start: usize,
    ) -> Result<Expr, QueryError> {
        let (step, step_expr) = if self.is_symbol("]") {
            (None, None)
        } else {
            let (step, step_expr) = self.positive_duration("subquery selector")?;
            (step_expr.is_none().then_some(step), step_expr)
        };
        self.expect_symbol("]", "subquery selector")?;
        let kind = expr.value_type();
        if kind != ValueType::Vector {
            let message = format!("subquery is only allowed on instant vector, got {} instead", kind.describe());
            return Err(QueryError::invalid(message).at(start, self.span_from(start).end));
        }
        let subquery = Subquery { expr, range, range_expr, step, step_expr, time: TimeModifiers::default() };
        self.node(ExprKind::Subquery(Box::new(subquery)), start)
    }

    fn offset(&mut self, mut expr: Expr, start: usize) -> Result<Expr, QueryError> {
        self.next();
        let (offset, offset_expr) = self.offset_duration()?;
        let end = self.span_from(start).end;
        let Some(time) = time_modifiers(&mut expr) else {
            return Err(QueryError::invalid(
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            )
            .at(start, end));
        };
        if time.offset != 0 || time.offset_expr.is_some() {
            return Err(QueryError::invalid("offset may not be set multiple times").at(start, end));
        }
        (time.offset, time.offset_expr) = (offset, offset_expr);
        expr.span.end = end;
        Ok(expr)
    }

    /// `anchored` or `smoothed`, the next token.
    fn extended(&mut self, mut expr: Expr, extension: Extension, start: usize) -> Result<Expr, QueryError> {
        self.next();
        let end = self.span_from(start).end;
        let word = extension.as_str();
        let fault = match &mut expr.kind {
            ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => match selector.extension {
                Some(other) if other != extension => {
                    "anchored and smoothed modifiers cannot be used together".to_owned()
                }
                _ => {
                    selector.extension = Some(extension);
                    expr.span.end = end;
                    return Ok(expr);
                }
            },
            ExprKind::Subquery(_) => format!("{word} modifier is not supported for subqueries"),
            _ => format!("{word} modifier not implemented"),
        };
        Err(QueryError::invalid(fault).at(start, end))
    }

    fn at_time(&mut self, mut expr: Expr, start: usize) -> Result<Expr, QueryError> {
        self.next();
        let at = self.at_argument()?;
        let end = self.span_from(start).end;
        let Some(time) = time_modifiers(&mut expr) else {
            return Err(QueryError::invalid(
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            )
            .at(start, end));
        };
        if time.at.is_some() {
            return Err(QueryError::invalid("@ <timestamp> may not be set multiple times").at(start, end));
        }
        time.at = Some(at);
        expr.span.end = end;
        Ok(expr)
    }

    fn at_argument(&mut self) -> Result<At, QueryError> {
        for (word, at) in [("start", At::Start), ("end", At::End)] {
            if self.take_word(word) {
                self.expect_symbol("(", "@ modifier")?;
                self.expect_symbol(")", "@ modifier")?;
                return Ok(at);
            }
        }
        Ok(At::Millis(
            self.millis("@ modifier", true)
                .map_err(|error| error.hint("write a Unix time in seconds, start() or end()"))?,
        ))
    }
}

fn time_modifiers(expr: &mut Expr) -> Option<&mut TimeModifiers> {
    match &mut expr.kind {
        ExprKind::Selector(selector) | ExprKind::Matrix { selector, .. } => Some(&mut selector.time),
        ExprKind::Subquery(subquery) => Some(&mut subquery.time),
        _ => None,
    }
}
