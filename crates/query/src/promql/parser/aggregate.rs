//! Aggregations, whose `by` or `without` stands before or after the brackets, and function calls.

use super::{Parser, check};
use crate::error::QueryError;
use crate::promql::ast::{Aggregate, AggregateOp, Expr, ExprKind};
use crate::promql::functions::{self, Function};
use crate::promql::lexer::TokenKind;

impl Parser {
    /// An aggregation; its name is the next token.
    pub(super) fn aggregate(&mut self, op: AggregateOp) -> Result<Expr, QueryError> {
        let start = self.start();
        self.next();
        let mut grouping = self.grouping()?;
        let mut args = self.arguments("aggregation")?;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let (without, labels) = grouping.unwrap_or_default();
        let span = self.span_from(start);
        let wanted = 1 + usize::from(op.has_param());
        if args.len() != wanted {
            return Err(QueryError::invalid(format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {}",
                args.len()
            ))
            .at(span.start, span.end));
        }
        let Some(expr) = args.pop() else { return Err(self.unexpected("aggregation", "an argument")) };
        let aggregate = Aggregate { op, expr, param: args.pop(), without, labels };
        check::aggregate(&aggregate)?;
        self.node(ExprKind::Aggregate(Box::new(aggregate)), start)
    }

    fn grouping(&mut self) -> Result<Option<(bool, Vec<String>)>, QueryError> {
        let without = self.is_word("without");
        if !self.take_word("without") && !self.take_word("by") {
            return Ok(None);
        }
        Ok(Some((without, self.label_list("grouping opts")?)))
    }

    /// A function call; its name is the next token.
    pub(super) fn call(&mut self, name: &str) -> Result<Expr, QueryError> {
        let token = self.next();
        let Some(function) = functions::find(name) else {
            let error = QueryError::invalid(format!("unknown function with name {name:?}")).at(token.start, token.end);
            return Err(match functions::nearest(name) {
                Some(near) => error.hint(format!("did you mean {near}?")),
                None => error,
            });
        };
        let args = if function == Function::Info { self.info_arguments()? } else { self.arguments("call")? };
        let span = self.span_from(token.start);
        check::call(function, &args).map_err(|error| error.at(span.start, span.end))?;
        self.node(ExprKind::Call { function, args }, token.start)
    }

    /// The arguments of `info`: an expression, then label matchers, which need not name any series.
    fn info_arguments(&mut self) -> Result<Vec<Expr>, QueryError> {
        const CONTEXT: &str = "call";
        self.expect_symbol("(", CONTEXT)?;
        let mut args = Vec::new();
        if self.take_symbol(")") {
            return Ok(args);
        }
        args.push(self.expression(0)?);
        while self.take_symbol(",") {
            if self.is_symbol(")") {
                return Err(self.unexpected(CONTEXT, "an argument; trailing commas are not allowed here"));
            }
            args.push(if args.len() == 1 && self.is_symbol("{") {
                self.label_selector()?
            } else {
                self.expression(0)?
            });
        }
        self.expect_symbol(")", CONTEXT)?;
        Ok(args)
    }

    /// Expressions in brackets, separated by commas.
    fn arguments(&mut self, context: &str) -> Result<Vec<Expr>, QueryError> {
        self.expect_symbol("(", context)?;
        let mut args = Vec::new();
        while !self.take_symbol(")") {
            args.push(self.expression(0)?);
            if !self.take_symbol(",") {
                self.expect_symbol(")", context)?;
                break;
            }
            if self.is_symbol(")") {
                return Err(self.unexpected(context, "an argument; trailing commas are not allowed here"));
            }
        }
        Ok(args)
    }

    /// Label names in brackets, separated by commas; the last comma may trail.
    pub(super) fn label_list(&mut self, context: &str) -> Result<Vec<String>, QueryError> {
        self.expect_symbol("(", context)?;
        let mut labels = Vec::new();
        while !self.take_symbol(")") {
            labels.push(match &self.peek().kind {
                TokenKind::Word(name) if !name.contains(':') => name.clone(),
                TokenKind::Text(name) if !name.is_empty() => name.clone(),
                _ => return Err(self.unexpected(context, "a label name")),
            });
            self.next();
            if !self.take_symbol(",") {
                self.expect_symbol(")", context)?;
                break;
            }
        }
        Ok(labels)
    }
}
