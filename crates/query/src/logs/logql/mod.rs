//! LogQL's log selection: `{app="api"} |= "timeout" | json | duration_ms > 100`.
//!
//! Stream selectors take any field, not labels alone, since every field is indexed here. A name with underscores also
//! finds the dotted spelling (`service_name` finds `service.name`). `| json` and `| logfmt` change nothing: fields of
//! records are parsed when they arrive. Line filters look at the message and all attributes.

mod label;
mod lexer;

use crate::error::QueryError;
use crate::limits::{MAX_EXPR_DEPTH, MAX_LOG_TERMS};
use crate::logs::{all_of, any_of, not};
use clew_model::ErrorKind;
use clew_model::logs::{LogFilter, Pattern, TextTest};
use label::{Operator, label_filter};
use lexer::{Token, TokenKind, lex};
use regex::Regex;

/// What is said of everything that is not built.
const SUPPORTED: &str = "supported are {selectors}, the line filters |= != |~ !~, | json, | logfmt, and label filters such as \
                         | status >= 500 and level = \"error\"";

/// Plans a LogQL log query.
///
/// # Errors
/// Text that is no LogQL, and LogQL that does more than select ([`ErrorKind::Unsupported`]).
pub fn parse(text: &str) -> Result<LogFilter, QueryError> {
    let mut parser = Parser { tokens: lex(text)?, at: 0, depth: 0, terms: 0 };
    let mut parts = parser.selector()?;
    while parser.peek().kind != TokenKind::End {
        parts.extend(parser.stage()?);
    }
    Ok(all_of(parts))
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    terms: usize,
}

static END: Token = Token { kind: TokenKind::End, start: 0, end: 0 };

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).or(self.tokens.last()).unwrap_or(&END)
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek().kind, TokenKind::Symbol(own) if own == symbol);
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(&self.peek().kind, TokenKind::Word(own) if own == word);
        self.at += usize::from(found);
        found
    }

    fn unexpected(&self, expected: &str) -> QueryError {
        let token = self.peek();
        QueryError::invalid(format!("unexpected {}, expected {expected}", token.kind)).at(token.start, token.end)
    }

    fn unsupported(&self, what: &str) -> QueryError {
        let token = self.peek();
        QueryError::unsupported(format!("{what} is not supported yet")).at(token.start, token.end).hint(SUPPORTED)
    }

    fn count_term(&mut self) -> Result<(), QueryError> {
        self.terms += 1;
        if self.terms <= MAX_LOG_TERMS {
            return Ok(());
        }
        let message = format!("the query has more than {MAX_LOG_TERMS} terms");
        Err(QueryError::new(ErrorKind::LimitExceeded, message).at(self.peek().start, self.peek().end))
    }

    /// `{name="value", …}`.
    fn selector(&mut self) -> Result<Vec<LogFilter>, QueryError> {
        if !self.take("{") {
            return Err(self.unexpected("a stream selector such as {app=\"api\"}"));
        }
        let mut matchers = Vec::new();
        while !self.take("}") {
            let name = self.name()?;
            let operator = self.operator()?;
            if !operator.is_matcher() {
                self.at -= 1;
                return Err(self.unexpected("one of =, !=, =~, !~"));
            }
            matchers.push(self.text_test(&name, operator)?);
            if self.take(",") {
                continue;
            }
            if self.take("}") {
                break;
            }
            return Err(self.unexpected("\",\" or \"}\""));
        }
        Ok(matchers)
    }

    fn name(&mut self) -> Result<String, QueryError> {
        match self.peek().kind.clone() {
            TokenKind::Word(name) => {
                self.next();
                Ok(name)
            }
            _ => Err(self.unexpected("a label name")),
        }
    }

    fn operator(&mut self) -> Result<Operator, QueryError> {
        let operator = match self.peek().kind {
            TokenKind::Symbol(symbol) => Operator::from_text(symbol),
            _ => None,
        };
        self.at += usize::from(operator.is_some());
        operator.ok_or_else(|| self.unexpected("an operator: = != =~ !~ > >= < <="))
    }

    fn text(&mut self) -> Result<String, QueryError> {
        match self.peek().kind.clone() {
            TokenKind::Text(text) => {
                self.next();
                Ok(text)
            }
            _ => Err(self.unexpected("text in quotes")),
        }
    }

    fn text_test(&mut self, name: &str, operator: Operator) -> Result<LogFilter, QueryError> {
        self.count_term()?;
        let place = (self.peek().start, self.peek().end);
        let text = self.text()?;
        label_filter(name, operator, &text).map_err(|error| error.at(place.0, place.1))
    }

    /// A line filter or what stands after a `|`.
    fn stage(&mut self) -> Result<Option<LogFilter>, QueryError> {
        for (symbol, regex, negated) in
            [("|=", false, false), ("!=", false, true), ("|~", true, false), ("!~", true, true)]
        {
            if self.take(symbol) {
                return self.line_filter(regex, negated).map(Some);
            }
        }
        if self.take("[") {
            self.at -= 1;
            return Err(self.unsupported("a range, which makes a metric query,"));
        }
        if !self.take("|") {
            return Err(self.unexpected("a line filter or \"|\""));
        }
        let TokenKind::Word(word) = self.peek().kind.clone() else { return self.label_filters().map(Some) };
        match word.as_str() {
            "json" | "logfmt" => {
                self.next();
                let bare =
                    matches!(self.peek().kind, TokenKind::End | TokenKind::Symbol("|" | "|=" | "!=" | "|~" | "!~"));
                if bare { Ok(None) } else { Err(self.unsupported(&format!("| {word} with arguments"))) }
            }
            "line_format" | "label_format" | "regexp" | "pattern" | "unpack" | "unwrap" | "decolorize" | "drop"
            | "keep" => Err(self.unsupported(&format!("the stage | {word}"))),
            _ => self.label_filters().map(Some),
        }
    }

    /// Texts that the line must contain or not; `or` joins alternatives.
    fn line_filter(&mut self, regex: bool, negated: bool) -> Result<LogFilter, QueryError> {
        let mut options = Vec::new();
        loop {
            self.count_term()?;
            let place = (self.peek().start, self.peek().end);
            if matches!(&self.peek().kind, TokenKind::Word(word) if word == "ip") {
                return Err(self.unsupported("ip() matching"));
            }
            let text = self.text()?;
            let test = if regex {
                TextTest::Regex(pattern(&text).map_err(|error| error.at(place.0, place.1))?)
            } else {
                TextTest::Substring(text)
            };
            options.push(LogFilter::AnyText(test));
            if !self.take_word("or") {
                break;
            }
        }
        let filter = any_of(options);
        Ok(if negated { not(filter) } else { filter })
    }

    /// Label filters: `or` of `and` (also written `,` or nothing) of comparisons.
    fn label_filters(&mut self) -> Result<LogFilter, QueryError> {
        let mut options = vec![self.label_filters_and()?];
        while self.take_word("or") {
            options.push(self.label_filters_and()?);
        }
        Ok(any_of(options))
    }

    fn label_filters_and(&mut self) -> Result<LogFilter, QueryError> {
        let mut parts = vec![self.one_label_filter()?];
        while self.take_word("and") || self.take(",") {
            parts.push(self.one_label_filter()?);
        }
        Ok(all_of(parts))
    }

    fn one_label_filter(&mut self) -> Result<LogFilter, QueryError> {
        if self.take("(") {
            if self.depth >= MAX_EXPR_DEPTH {
                let message = format!("the query is nested deeper than {MAX_EXPR_DEPTH} levels");
                return Err(QueryError::new(ErrorKind::LimitExceeded, message).at(self.peek().start, self.peek().end));
            }
            self.depth += 1;
            let inner = self.label_filters()?;
            self.depth -= 1;
            return if self.take(")") { Ok(inner) } else { Err(self.unexpected("\")\"")) };
        }
        let name = self.name()?;
        let operator = self.operator()?;
        match self.peek().kind.clone() {
            TokenKind::Number(number) => {
                self.next();
                self.count_term()?;
                operator
                    .with_number(&name, number)
                    .ok_or_else(|| self.unexpected("text in quotes after a regular expression operator"))
            }
            TokenKind::Quantity(text) => {
                let error = self.unsupported(&format!("comparing with {text}"));
                Err(error.hint("write a plain number in the field's own unit, such as duration_ms > 100"))
            }
            _ => self.text_test(&name, operator),
        }
    }
}

fn pattern(source: &str) -> Result<Pattern, QueryError> {
    Regex::new(source).map(Pattern).map_err(|error| {
        QueryError::invalid(format!("the regular expression is not valid: {error}"))
            .hint("regular expressions have RE2 syntax")
    })
}
