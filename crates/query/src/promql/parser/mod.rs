//! The grammar of PromQL 3: a parser by recursive descent, with precedence climbing for operators.

mod aggregate;
mod check;
mod duration;
mod operand;
mod operator;
mod selector;

use super::ast::{Expr, ExprKind, Span};
use super::lexer::{Token, TokenKind, lex};
use crate::error::QueryError;
use crate::limits::{MAX_EXPR_DEPTH, MAX_QUERY_BYTES};
use clew_model::ErrorKind;

/// Parses an expression and checks its types.
///
/// # Errors
/// Text that is no PromQL, or whose types do not fit: the message says what, the position where. Text longer than
/// [`MAX_QUERY_BYTES`] or nested deeper than [`MAX_EXPR_DEPTH`].
pub fn parse(text: &str) -> Result<Expr, QueryError> {
    if text.len() > MAX_QUERY_BYTES {
        return Err(QueryError::new(
            ErrorKind::TooLarge,
            format!("the query has {} bytes, more than the limit of {MAX_QUERY_BYTES}", text.len()),
        ));
    }
    let tokens = lex(text)?;
    let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let mut parser = Parser { tokens, lines, at: 0, nesting: 0 };
    if parser.peek().kind == TokenKind::End {
        return Err(QueryError::invalid("no expression found in input").at(0, text.len()));
    }
    let expr = parser.expression(0)?;
    match parser.peek().kind {
        TokenKind::End => Ok(expr),
        _ => Err(parser.unexpected("", "an operator or the end of the query")),
    }
}

pub(super) struct Parser {
    tokens: Vec<Token>,
    /// Where each line begins.
    lines: Vec<usize>,
    at: usize,
    nesting: usize,
}

/// What stands in for tokens beyond the last.
static END: Token = Token { kind: TokenKind::End, start: 0, end: 0 };

impl Parser {
    fn peek(&self) -> &Token {
        self.peek_ahead(0)
    }

    fn peek_ahead(&self, ahead: usize) -> &Token {
        self.tokens.get(self.at + ahead).or(self.tokens.last()).unwrap_or(&END)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    /// Where the next token begins.
    fn start(&self) -> usize {
        self.peek().start
    }

    /// The place from `start` to the end of the last token taken.
    fn span_from(&self, start: usize) -> Span {
        let last = self.at.checked_sub(1).and_then(|index| self.tokens.get(index));
        self.span(start, last.map_or(start, |token| token.end))
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let line = self.lines.partition_point(|line| *line <= start);
        let begins = line.checked_sub(1).and_then(|line| self.lines.get(line)).copied().unwrap_or(0);
        let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Span { start, end, line: narrow(line), column: narrow(start.saturating_sub(begins).saturating_add(1)) }
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek().kind, TokenKind::Symbol(own) if own == symbol)
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect_symbol(&mut self, symbol: &str, context: &str) -> Result<(), QueryError> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.unexpected(context, &format!("{symbol:?}"))) }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(&self.peek().kind, TokenKind::Word(own) if own.eq_ignore_ascii_case(word))
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        self.at += usize::from(found);
        found
    }

    /// The error of a token that does not fit.
    fn unexpected(&self, context: &str, expected: &str) -> QueryError {
        let token = self.peek();
        let what = match &token.kind {
            TokenKind::Word(word) => format!("{word:?}"),
            TokenKind::Number(text) => format!("number {text:?}"),
            TokenKind::Duration(text) => format!("duration {text:?}"),
            TokenKind::Text(text) => format!("string {text:?}"),
            TokenKind::Symbol(symbol) => format!("{symbol:?}"),
            TokenKind::End => "end of input".to_owned(),
        };
        let context = if context.is_empty() { String::new() } else { format!(" in {context}") };
        QueryError::invalid(format!("unexpected {what}{context}, expected {expected}")).at(token.start, token.end)
    }

    /// Runs a rule one level deeper, within the limit.
    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T, QueryError>) -> Result<T, QueryError> {
        if self.nesting >= MAX_EXPR_DEPTH {
            return Err(too_deep().at(self.start(), self.peek().end));
        }
        self.nesting += 1;
        let result = rule(self);
        self.nesting -= 1;
        result
    }

    /// A node that spans from `start` to the last token taken, unless the tree becomes too deep.
    fn node(&self, kind: ExprKind, start: usize) -> Result<Expr, QueryError> {
        let expr = Expr::new(kind, self.span_from(start));
        if expr.depth() > MAX_EXPR_DEPTH { Err(too_deep().at(start, expr.span.end)) } else { Ok(expr) }
    }
}

fn too_deep() -> QueryError {
    QueryError::new(
        ErrorKind::LimitExceeded,
        format!("the expression is nested deeper than {MAX_EXPR_DEPTH} levels, counting chains of operators"),
    )
    .hint("split long chains with brackets, or match several series with one regular expression")
}
