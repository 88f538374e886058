//! Vector selectors: a name and matchers.

use super::Parser;
use crate::error::QueryError;
use crate::promql::ast::{Expr, ExprKind, Selector};
use crate::promql::lexer::TokenKind;
use clew_model::metrics::{METRIC_NAME, MatchOp, Matcher};

impl Parser {
    /// A selector; the next token is its name or the brace.
    pub(super) fn selector(&mut self) -> Result<Expr, QueryError> {
        let start = self.start();
        let mut selector = Selector::default();
        if let TokenKind::Word(name) = &self.peek().kind {
            selector.matchers.push(new_matcher(METRIC_NAME, MatchOp::Equal, name)?);
            selector.bare_name = true;
            self.next();
        }
        if self.take_symbol("{") {
            self.matchers(&mut selector.matchers)?;
        }
        let span = self.span_from(start);
        check_selector(&selector).map_err(|error| error.at(span.start, span.end))?;
        self.node(ExprKind::Selector(selector), start)
    }

    /// Matchers in braces, the next token, that may pass every series.
    pub(super) fn label_selector(&mut self) -> Result<Expr, QueryError> {
        let start = self.start();
        let mut selector = Selector::default();
        self.next();
        self.matchers(&mut selector.matchers)?;
        self.node(ExprKind::Selector(selector), start)
    }

    /// Matchers up to the closing brace.
    fn matchers(&mut self, matchers: &mut Vec<Matcher>) -> Result<(), QueryError> {
        const CONTEXT: &str = "label matching";
        while !self.take_symbol("}") {
            let token = self.next();
            let quoted = matches!(token.kind, TokenKind::Text(_));
            let (TokenKind::Word(name) | TokenKind::Text(name)) = token.kind else {
                self.at -= 1;
                return Err(self.unexpected(CONTEXT, "a label name or \"}\""));
            };
            let matcher = match self.take_match_op() {
                Some(op) => self.match_value(&name, op)?,
                None if quoted => new_matcher(METRIC_NAME, MatchOp::Equal, &name)?,
                None => return Err(self.unexpected(CONTEXT, "one of \"=\", \"!=\", \"=~\", \"!~\"")),
            };
            matchers.push(matcher);
            if !self.take_symbol(",") {
                self.expect_symbol("}", CONTEXT)?;
                break;
            }
        }
        Ok(())
    }

    fn take_match_op(&mut self) -> Option<MatchOp> {
        let op = match self.peek().kind {
            TokenKind::Symbol("=") => MatchOp::Equal,
            TokenKind::Symbol("!=") => MatchOp::NotEqual,
            TokenKind::Symbol("=~") => MatchOp::Regex,
            TokenKind::Symbol("!~") => MatchOp::NotRegex,
            _ => return None,
        };
        self.at += 1;
        Some(op)
    }

    fn match_value(&mut self, name: &str, op: MatchOp) -> Result<Matcher, QueryError> {
        let TokenKind::Text(value) = &self.peek().kind else {
            return Err(self
                .unexpected("label matching", "a quoted string")
                .hint("write the value in quotes: job=\"api\""));
        };
        let matcher = new_matcher(name, op, value).map_err(|error| error.at(self.start(), self.peek().end));
        self.at += 1;
        matcher
    }
}

fn new_matcher(name: &str, op: MatchOp, value: &str) -> Result<Matcher, QueryError> {
    Matcher::new(name, op, value).map_err(|error| {
        QueryError::invalid(error.to_string()).hint("regular expressions have RE2 syntax and are anchored at both ends")
    })
}

fn check_selector(selector: &Selector) -> Result<(), QueryError> {
    // Prometheus takes several matchers of names in braces, but none beside a name in front of them.
    let is_name = |matcher: &&Matcher| matcher.name == METRIC_NAME;
    if let (true, Some(name)) = (selector.bare_name, selector.metric_name())
        && let Some(second) = selector.matchers.iter().filter(is_name).nth(1)
    {
        let second = &second.value;
        return Err(QueryError::invalid(format!("metric name must not be set twice: {name:?} or {second:?}")));
    }
    // A selector that every series passes would read the whole store.
    if selector.matchers.iter().all(Matcher::matches_empty) {
        return Err(QueryError::invalid("vector selector must contain at least one non-empty matcher")
            .hint("add a metric name or a matcher such as {job=\"api\"} or {job=~\".+\"}"));
    }
    Ok(())
}
