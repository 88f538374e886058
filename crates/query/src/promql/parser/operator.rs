//! Operators: precedence, and the modifiers between an operator and its right operand.

use super::{Parser, check};
use crate::error::QueryError;
use crate::promql::ast::{Binary, BinaryOp, Cardinality, Expr, ExprKind, Matching, Number};
use crate::promql::lexer::TokenKind;

/// Unary operators bind as multiplication does: only `^` binds tighter.
const UNARY_OPERAND_PRECEDENCE: u8 = 6;

impl Parser {
    /// An expression of operators that bind at least as tightly as `least`.
    pub(super) fn expression(&mut self, least: u8) -> Result<Expr, QueryError> {
        self.nested(|parser| {
            let start = parser.start();
            let mut left = parser.unary()?;
            while let Some(op) = parser.peek_operator().filter(|op| op.precedence() >= least) {
                parser.next();
                left = parser.binary(left, op, start)?;
            }
            Ok(left)
        })
    }

    fn peek_operator(&self) -> Option<BinaryOp> {
        match &self.peek().kind {
            TokenKind::Symbol(symbol) => BinaryOp::from_text(symbol),
            TokenKind::Word(word) => BinaryOp::from_text(word),
            _ => None,
        }
    }

    fn binary(&mut self, left: Expr, op: BinaryOp, start: usize) -> Result<Expr, QueryError> {
        let return_bool = self.take_word("bool");
        let mut matching = self.matching()?;
        self.fills(&mut matching)?;
        if op.is_set_operator() && matching.cardinality == Cardinality::OneToOne {
            matching.cardinality = Cardinality::ManyToMany;
        }
        // `^` alone associates to the right.
        let least = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
        let right = self.expression(least)?;
        let binary = Binary { op, left, right, return_bool, matching };
        check::binary(&binary).map_err(|error| error.at(start, self.span_from(start).end))?;
        self.node(ExprKind::Binary(Box::new(binary)), start)
    }

    /// `on (…)` or `ignoring (…)`, then `group_left (…)` or `group_right (…)`.
    fn matching(&mut self) -> Result<Matching, QueryError> {
        let mut matching = Matching { on: self.is_word("on"), ..Matching::default() };
        if !self.take_word("on") && !self.take_word("ignoring") {
            return Ok(matching);
        }
        matching.written = true;
        matching.labels = self.label_list("grouping opts")?;
        matching.cardinality = if self.take_word("group_left") {
            Cardinality::ManyToOne
        } else if self.take_word("group_right") {
            Cardinality::OneToMany
        } else {
            return Ok(matching);
        };
        if self.is_symbol("(") {
            matching.include = self.label_list("grouping opts")?;
        }
        Ok(matching)
    }

    /// `fill (…)`, or `fill_left (…)` and `fill_right (…)` in any order.
    fn fills(&mut self, matching: &mut Matching) -> Result<(), QueryError> {
        if self.take_word("fill") {
            let value = self.fill_value()?;
            (matching.fill_left, matching.fill_right) = (Some(value), Some(value));
            return Ok(());
        }
        loop {
            let (word, is_set) = if self.is_word("fill_left") {
                ("fill_left", matching.fill_left.is_some())
            } else if self.is_word("fill_right") {
                ("fill_right", matching.fill_right.is_some())
            } else {
                return Ok(());
            };
            if is_set {
                return Err(self
                    .unexpected("binary expression", "the right operand")
                    .hint(format!("{word} stands once")));
            }
            self.next();
            let value = Some(self.fill_value()?);
            if word == "fill_left" {
                matching.fill_left = value;
            } else {
                matching.fill_right = value;
            }
        }
    }

    fn fill_value(&mut self) -> Result<Number, QueryError> {
        const CONTEXT: &str = "fill modifier";
        self.expect_symbol("(", CONTEXT)?;
        let negative = self.is_symbol("-");
        if negative || self.is_symbol("+") {
            self.next();
        }
        let value = self.seconds(CONTEXT)?;
        self.expect_symbol(")", CONTEXT)?;
        Ok(Number(if negative { -value } else { value }))
    }

    fn unary(&mut self) -> Result<Expr, QueryError> {
        let start = self.start();
        let negative = self.is_symbol("-");
        if !negative && !self.is_symbol("+") {
            return self.operand();
        }
        self.next();
        let expr = self.expression(UNARY_OPERAND_PRECEDENCE)?;
        if let ExprKind::Number(Number(value)) = expr.kind {
            let value = if negative { -value } else { value };
            return self.node(ExprKind::Number(Number(value)), start);
        }
        check::unary(&expr).map_err(|error| error.at(start, expr.span.end))?;
        self.node(ExprKind::Unary { negative, expr: Box::new(expr) }, start)
    }
}
