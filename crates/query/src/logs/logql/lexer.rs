//! LogQL into tokens.

use crate::error::QueryError;
use clew_model::value::parse_decimal;
use std::fmt;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Word(String),
    Text(String),
    Number(f64),
    /// A number with a unit: `10ms`, `5KB`.
    Quantity(String),
    Symbol(&'static str),
    End,
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TokenKind::Word(text) | TokenKind::Text(text) | TokenKind::Quantity(text) => write!(f, "{text:?}"),
            TokenKind::Number(number) => write!(f, "{number}"),
            TokenKind::Symbol(symbol) => write!(f, "{symbol:?}"),
            TokenKind::End => f.write_str("end of input"),
        }
    }
}

const SYMBOLS: [&str; 18] =
    ["|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", "[", "|", ",", "="];
const LAST_SYMBOLS: [&str; 3] = [">", "<", "]"];

pub(super) fn lex(text: &str) -> Result<Vec<Token>, QueryError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        at = skip_blanks(text, at);
        let rest = text.get(at..).unwrap_or_default();
        let (kind, length) = match rest.chars().next() {
            None => (TokenKind::End, 0),
            Some('"') => quoted(rest).ok_or_else(|| open_quote(at, text.len()))?,
            Some('`') => raw(rest).ok_or_else(|| open_quote(at, text.len()))?,
            Some(c)
                if c.is_ascii_digit()
                    || (c == '-' && rest.as_bytes().get(1).copied().is_some_and(|b| b.is_ascii_digit())) =>
            {
                number(rest)
            }
            Some(c) if c.is_alphabetic() || c == '_' => {
                let word = run(rest, |c| c.is_alphanumeric() || matches!(c, '_' | '.'));
                (TokenKind::Word(word.to_owned()), word.len())
            }
            Some(c) => symbol(rest)
                .ok_or_else(|| QueryError::invalid(format!("unexpected character {c:?}")).at(at, at + c.len_utf8()))?,
        };
        tokens.push(Token { kind, start: at, end: at + length });
        if length == 0 {
            return Ok(tokens);
        }
        at += length;
    }
}

fn skip_blanks(text: &str, mut at: usize) -> usize {
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let trimmed = rest.trim_start();
        at += rest.len() - trimmed.len();
        if !trimmed.starts_with('#') {
            return at;
        }
        at += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}

fn open_quote(start: usize, end: usize) -> QueryError {
    QueryError::invalid("the quoted text has no end, or an unknown escape").at(start, end).hint("close the quote")
}

fn symbol(rest: &str) -> Option<(TokenKind, usize)> {
    let symbol = SYMBOLS.into_iter().chain(LAST_SYMBOLS).find(|symbol| rest.starts_with(symbol))?;
    Some((TokenKind::Symbol(symbol), symbol.len()))
}

fn run(rest: &str, keep: impl Fn(char) -> bool) -> &str {
    rest.find(|c| !keep(c)).and_then(|end| rest.get(..end)).unwrap_or(rest)
}

fn number(rest: &str) -> (TokenKind, usize) {
    let text = run(rest, |c| c.is_alphanumeric() || matches!(c, '.' | '-' | 'µ'));
    match parse_decimal(text) {
        Some(number) => (TokenKind::Number(number), text.len()),
        None => (TokenKind::Quantity(text.to_owned()), text.len()),
    }
}

fn raw(rest: &str) -> Option<(TokenKind, usize)> {
    let inner = rest.get(1..)?;
    let end = inner.find('`')?;
    Some((TokenKind::Text(inner.get(..end)?.to_owned()), end + 2))
}

fn quoted(rest: &str) -> Option<(TokenKind, usize)> {
    let mut out = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((offset, c)) = characters.next() {
        match c {
            '"' => return Some((TokenKind::Text(out), offset + 1)),
            '\\' => out.push(match characters.next()?.1 {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' => '\\',
                '"' => '"',
                '\'' => '\'',
                _ => return None,
            }),
            c => out.push(c),
        }
    }
    None
}
