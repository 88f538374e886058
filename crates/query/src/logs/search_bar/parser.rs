//! The grammar: OR of AND of terms.

use super::cursor::Cursor;
use super::pasted::Pasted;
use super::value::{field_or_text, text_filter, word_test};
use crate::error::QueryError;
use crate::limits::{MAX_EXPR_DEPTH, MAX_LOG_TERMS};
use crate::logs::{all_of, any_of, not};
use clew_model::ErrorKind;
use clew_model::logs::{FieldTest, LogFilter, Pattern, TextTest};
use regex::Regex;

/// Plans a query of the search-bar language; blank text asks for everything.
///
/// # Errors
/// An open quote, bracket or range, an operator without operand, a regular expression that does not compile; more terms
/// or deeper nesting than the limits.
pub fn parse(text: &str) -> Result<LogFilter, QueryError> {
    let pasted = Pasted::new(text);
    parse_grammar(pasted.text()).map_err(|error| pasted.in_original(error))
}

fn parse_grammar(text: &str) -> Result<LogFilter, QueryError> {
    let mut parser = Parser { cursor: Cursor { text, at: 0 }, depth: 0, terms: 0, field: None };
    parser.cursor.skip_blanks();
    if parser.cursor.peek().is_none() {
        return Ok(LogFilter::All);
    }
    let filter = parser.any()?;
    match parser.cursor.peek() {
        None => Ok(filter),
        Some(_) => Err(QueryError::invalid("a closing bracket without an opening one")
            .at(parser.cursor.at, parser.cursor.at + 1)
            .hint("write \\) to search for the bracket itself")),
    }
}

pub(super) fn regex_pattern(source: &str) -> Result<Pattern, QueryError> {
    Regex::new(source).map(Pattern).map_err(|error| {
        QueryError::invalid(format!("the regular expression is not valid: {error}"))
            .hint("regular expressions have RE2 syntax; quote the text to search for it as it is")
    })
}

pub(super) struct Parser<'a> {
    pub cursor: Cursor<'a>,
    depth: usize,
    terms: usize,
    /// The field that words belong to, inside `field:(…)`.
    field: Option<String>,
}

impl Parser<'_> {
    fn any(&mut self) -> Result<LogFilter, QueryError> {
        let mut options = vec![self.all()?];
        while self.operator("OR") {
            options.push(self.operand_after("OR", Self::all)?);
        }
        Ok(any_of(options))
    }

    fn all(&mut self) -> Result<LogFilter, QueryError> {
        let mut parts = vec![self.operand_after("", Self::term)?];
        loop {
            if self.operator("AND") {
                parts.push(self.operand_after("AND", Self::term)?);
            } else if self.at_end() || self.is_keyword("OR") {
                return Ok(all_of(parts));
            } else {
                parts.push(self.term()?);
            }
        }
    }

    fn at_end(&mut self) -> bool {
        self.cursor.skip_blanks();
        matches!(self.cursor.peek(), None | Some(')'))
    }

    fn is_keyword(&mut self, keyword: &str) -> bool {
        let before = self.cursor.at;
        let found = self.cursor.take_keyword(keyword);
        self.cursor.at = before;
        found
    }

    fn operator(&mut self, keyword: &str) -> bool {
        self.cursor.skip_blanks();
        self.cursor.take_keyword(keyword)
    }

    /// What an operator needs after it.
    fn operand_after(
        &mut self,
        operator: &str,
        rule: fn(&mut Self) -> Result<LogFilter, QueryError>,
    ) -> Result<LogFilter, QueryError> {
        let here = self.cursor.at;
        let stray = ["AND", "OR"].into_iter().find(|keyword| {
            self.cursor.skip_blanks();
            self.is_keyword(keyword)
        });
        if stray.is_none() && !self.at_end() {
            return rule(self);
        }
        let what = match (operator, stray) {
            ("", Some(stray)) => format!("{stray} needs a term before it"),
            ("", None) => "there is nothing between the brackets".to_owned(),
            (operator, _) => format!("{operator} needs a term after it"),
        };
        Err(QueryError::invalid(what)
            .at(here, self.cursor.at.max(here))
            .hint("quote the word to search for it: \"AND\""))
    }

    fn term(&mut self) -> Result<LogFilter, QueryError> {
        self.cursor.skip_blanks();
        let start = self.cursor.at;
        self.terms += 1;
        if self.terms > MAX_LOG_TERMS {
            return Err(limit(format!("the query has more than {MAX_LOG_TERMS} terms")).at(start, start));
        }
        if self.cursor.take_keyword("NOT") {
            return self.nested(|parser| parser.operand_after("NOT", Self::term)).map(not);
        }
        let after_minus = self.cursor.rest().strip_prefix('-').and_then(|rest| rest.chars().next());
        // `->` and `-=` are text.
        if after_minus.is_some_and(|c| c.is_alphanumeric() || "\"(/_@*?.\\[{#$%&+'".contains(c)) {
            self.cursor.take();
            return self.nested(Self::term).map(not);
        }
        match self.cursor.peek() {
            Some('(') => self.group(),
            Some('"') => {
                if let Some(name) = self.quoted_name() {
                    return self.named(&name, start);
                }
                let phrase = self.cursor.quoted()?;
                Ok(match &self.field {
                    Some(name) => LogFilter::Field { name: name.clone(), test: FieldTest::Is(phrase) },
                    None => LogFilter::AnyText(TextTest::words(&phrase)),
                })
            }
            Some('/') => match (self.regex()?, &self.field) {
                (Some(pattern), None) => Ok(LogFilter::AnyText(TextTest::Regex(pattern))),
                (Some(pattern), Some(name)) => {
                    let test = FieldTest::Contains(TextTest::Regex(pattern));
                    Ok(LogFilter::Field { name: name.clone(), test })
                }
                (None, _) => self.word(),
            },
            _ => self.word(),
        }
    }

    fn group(&mut self) -> Result<LogFilter, QueryError> {
        let start = self.cursor.at;
        self.cursor.take();
        let filter = self.nested(Self::any)?;
        self.cursor.skip_blanks();
        if self.cursor.take_if(")") {
            return Ok(filter);
        }
        Err(QueryError::invalid("the bracket is never closed").at(start, start + 1).hint("add the closing bracket )"))
    }

    /// `field:( … )`.
    pub(super) fn field_group(&mut self, name: &str) -> Result<LogFilter, QueryError> {
        let outer = self.field.replace(name.to_owned());
        let filter = self.group();
        self.field = outer;
        filter
    }

    /// A word, or `name:` and a value.
    fn word(&mut self) -> Result<LogFilter, QueryError> {
        let start = self.cursor.at;
        if let Some(name) = self.field.clone() {
            return self.field_word(&name, start);
        }
        if let Some(name) = self.field_name() {
            return self.named(&name, start);
        }
        let word = self.cursor.word(&['"', ')']);
        if word.characters.is_empty() {
            return Err(QueryError::invalid("unexpected character").at(start, self.cursor.at));
        }
        Ok(text_filter(&word))
    }

    /// A word inside `field:(…)`, where comparisons and ranges may stand too.
    fn field_word(&mut self, name: &str, start: usize) -> Result<LogFilter, QueryError> {
        match self.cursor.peek() {
            Some('[' | '{' | '>' | '<' | '=') => self.field_value(name, start),
            _ => Ok(word_test(name, &self.cursor.word(&['"', ')']))),
        }
    }

    /// What stands after `name:`, the last of which is taken.
    fn named(&mut self, name: &str, start: usize) -> Result<LogFilter, QueryError> {
        let is_literal = self.cursor.text.get(start..).is_some_and(|term| term.starts_with('"'))
            || matches!(self.cursor.peek(), Some('"'));
        let filter = self.field_value(name, start)?;
        let whole = self.cursor.text.get(start..self.cursor.at).unwrap_or_default();
        Ok(if is_literal { filter } else { field_or_text(name, filter, whole) })
    }

    /// Takes `name:` where the colon is that of a field: what is before it is a name, and what is after it is neither
    /// another colon (`std::io`), two slashes (`http://…`), the rest of a path (`C:\temp`), nor a blank with more behind
    /// it (`error: no such file`).
    fn field_name(&mut self) -> Option<String> {
        let mut name = String::new();
        let mut characters = self.cursor.rest().char_indices();
        let end = loop {
            let (at, c) = characters.next()?;
            match c {
                ':' => break at,
                '\\' => name.push(characters.next()?.1),
                c if at == 0 && !(c.is_alphabetic() || matches!(c, '_' | '@')) => return None,
                c if c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '@' | '/') => name.push(c),
                _ => return None,
            }
        };
        let after = self.cursor.rest().get(end + 1..).unwrap_or_default();
        let is_text = after.starts_with(':')
            || after.starts_with("//")
            || (name.len() == 1 && after.starts_with('\\'))
            || (after.starts_with(char::is_whitespace) && !after.trim_start().is_empty());
        if name.is_empty() || is_text {
            return None;
        }
        self.cursor.at += end + 1;
        Some(name)
    }

    /// Takes `"name":` in front of a value; nothing where the quotes hold a phrase.
    fn quoted_name(&mut self) -> Option<String> {
        let before = self.cursor.at;
        let name = self.cursor.quoted().ok();
        let has_value = self.cursor.take_if(":") && self.cursor.peek().is_some_and(|c| !c.is_whitespace() && c != ')');
        let name = name.filter(|_| has_value && self.field.is_none());
        if name.is_none() {
            self.cursor.at = before;
        }
        name
    }

    fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Result<T, QueryError>) -> Result<T, QueryError> {
        if self.depth >= MAX_EXPR_DEPTH {
            let at = self.cursor.at;
            return Err(limit(format!("the query is nested deeper than {MAX_EXPR_DEPTH} levels")).at(at, at));
        }
        self.depth += 1;
        let result = rule(self);
        self.depth -= 1;
        result
    }
}

fn limit(message: String) -> QueryError {
    QueryError::new(ErrorKind::LimitExceeded, message)
}
