//! Durations in ranges, steps and offsets: literals, or expressions that are computed when the query is known.

use super::Parser;
use crate::error::QueryError;
use crate::promql::ast::{BinaryOp, DurationExpr, DurationKind, Number};
use crate::promql::duration::{parse_duration, seconds_to_millis};
use crate::promql::lexer::{TokenKind, parse_number};

/// Unary operators bind as multiplication does: only `^` binds tighter.
const UNARY_OPERAND_PRECEDENCE: u8 = 6;

/// A duration: milliseconds, or what they are computed from.
pub(super) type Parsed = (i64, Option<DurationExpr>);

impl Parser {
    /// A duration within brackets, which is more than nothing.
    pub(super) fn positive_duration(&mut self, context: &str) -> Result<Parsed, QueryError> {
        let start = self.start();
        let (millis, expr) = self.duration_expression(0, context).and_then(literal)?;
        if expr.is_some() || millis > 0 {
            return Ok((millis, expr));
        }
        Err(QueryError::invalid("duration must be greater than 0").at(start, self.span_from(start).end))
    }

    /// The argument of `offset`: operators stand in it only within brackets.
    pub(super) fn offset_duration(&mut self) -> Result<Parsed, QueryError> {
        const CONTEXT: &str = "offset";
        let expr = if self.is_symbol("(") {
            self.duration_expression(0, CONTEXT)?
        } else {
            let start = self.start();
            match self.take_sign() {
                Some(negative) => {
                    let operand = self.duration_operand(CONTEXT)?;
                    self.signed(negative, operand, start)
                }
                None => self.duration_operand(CONTEXT)?,
            }
        };
        literal(expr)
    }

    /// Operators that bind at least as tightly as `least`.
    fn duration_expression(&mut self, least: u8, context: &str) -> Result<DurationExpr, QueryError> {
        self.nested(|parser| {
            let start = parser.start();
            let mut left = match parser.take_sign() {
                Some(negative) => {
                    let operand = parser.duration_expression(UNARY_OPERAND_PRECEDENCE, context)?;
                    parser.signed(negative, operand, start)
                }
                None => parser.duration_operand(context)?,
            };
            while let Some(op) = parser.peek_duration_operator().filter(|op| op.precedence() >= least) {
                let at = parser.next();
                // `^` alone associates to the right.
                let least = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
                let right = parser.duration_expression(least, context)?;
                let is_zero = matches!(right.kind, DurationKind::Seconds { value: Number(value), .. } if value == 0.0);
                match op {
                    BinaryOp::Div if is_zero => {
                        return Err(QueryError::invalid("division by zero").at(at.start, at.end));
                    }
                    BinaryOp::Mod if is_zero => return Err(QueryError::invalid("modulo by zero").at(at.start, at.end)),
                    _ => {}
                }
                let kind = DurationKind::Binary { op, left: Box::new(left), right: Box::new(right) };
                left = DurationExpr { kind, span: parser.span_from(start) };
            }
            Ok(left)
        })
    }

    fn peek_duration_operator(&self) -> Option<BinaryOp> {
        let TokenKind::Symbol(symbol) = self.peek().kind else { return None };
        BinaryOp::from_text(symbol).filter(|op| {
            use BinaryOp::{Add, Div, Mod, Mul, Pow, Sub};
            matches!(op, Add | Sub | Mul | Div | Mod | Pow)
        })
    }

    fn take_sign(&mut self) -> Option<bool> {
        let negative = self.is_symbol("-");
        (negative || self.is_symbol("+")).then(|| {
            self.next();
            negative
        })
    }

    /// A literal takes the sign in.
    fn signed(&self, negative: bool, operand: DurationExpr, start: usize) -> DurationExpr {
        let kind = match operand.kind {
            DurationKind::Seconds { value: Number(value), has_units } => {
                DurationKind::Seconds { value: Number(if negative { -value } else { value }), has_units }
            }
            _ => DurationKind::Unary { negative, expr: Box::new(operand) },
        };
        DurationExpr { kind, span: self.span_from(start) }
    }

    fn duration_operand(&mut self, context: &str) -> Result<DurationExpr, QueryError> {
        let start = self.start();
        let kind = match self.peek().kind.clone() {
            TokenKind::Symbol("(") => {
                self.next();
                let inner = self.duration_expression(0, context)?;
                self.expect_symbol(")", context)?;
                DurationKind::Paren(Box::new(inner))
            }
            TokenKind::Word(word) if word.eq_ignore_ascii_case("step") || word.eq_ignore_ascii_case("range") => {
                self.next();
                self.expect_symbol("(", context)?;
                self.expect_symbol(")", context)?;
                if word.eq_ignore_ascii_case("step") { DurationKind::Step } else { DurationKind::Range }
            }
            TokenKind::Word(word) if word.eq_ignore_ascii_case("min_of") || word.eq_ignore_ascii_case("max_of") => {
                self.next();
                self.expect_symbol("(", context)?;
                let left = Box::new(self.duration_expression(0, context)?);
                self.expect_symbol(",", context)?;
                let right = Box::new(self.duration_expression(0, context)?);
                self.expect_symbol(")", context)?;
                DurationKind::Chosen { greatest: word.eq_ignore_ascii_case("max_of"), left, right }
            }
            _ => self.seconds_literal(context)?,
        };
        Ok(DurationExpr { kind, span: self.span_from(start) })
    }

    fn seconds_literal(&mut self, context: &str) -> Result<DurationKind, QueryError> {
        let (value, has_units) = match &self.peek().kind {
            TokenKind::Number(text) => (parse_number(text), false),
            TokenKind::Duration(text) => (Some(parse_duration(text)? as f64 / 1000.0), true),
            _ => (None, false),
        };
        let Some(value) = value else {
            return Err(self
                .unexpected(context, "a number, a duration, step() or range()")
                .hint("write a duration such as 5m, 1h30m or 300 (seconds)"));
        };
        let token = self.next();
        seconds_to_millis(value)
            .map_err(|_| QueryError::invalid("duration out of range").at(token.start, token.end))?;
        Ok(DurationKind::Seconds { value: Number(value), has_units })
    }
}

/// The milliseconds of a literal; anything else is kept.
fn literal(expr: DurationExpr) -> Result<Parsed, QueryError> {
    match expr.kind {
        DurationKind::Seconds { value: Number(value), .. } => {
            let millis = seconds_to_millis(value).map_err(|error| error.at(expr.span.start, expr.span.end))?;
            Ok((millis, None))
        }
        _ => Ok((0, Some(expr))),
    }
}
