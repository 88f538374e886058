//! What stands after `field:`.

use super::cursor::{Wildcards, Word};
use super::parser::{Parser, regex_pattern};
use super::wildcard;
use crate::error::QueryError;
use crate::logs::names::{is_severity, severity_filter};
use crate::logs::{all_of, any_of, not};
use clew_model::CanonicalId;
use clew_model::correlation::context_field;
use clew_model::logs::{Comparison, FieldTest, LogFilter, TextTest, well_known};
use clew_model::value::parse_decimal;

/// Characters that end a value outside quotes.
const VALUE_ENDS: [char; 2] = ['"', ')'];

fn field(name: &str, test: FieldTest) -> LogFilter {
    LogFilter::Field { name: name.to_owned(), test }
}

impl Parser<'_> {
    /// The test on a field; the cursor stands after the colon. `start` is where the term begins.
    pub(super) fn field_value(&mut self, name: &str, start: usize) -> Result<LogFilter, QueryError> {
        match self.cursor.peek() {
            Some('"') => Ok(is(name, self.cursor.quoted()?)),
            Some('[' | '{') if self.is_list() => self.plain_value(name, start),
            Some('[' | '{') => self.between(name),
            Some('(') => self.field_group(name),
            Some('>' | '<') => self.comparison(name, start),
            Some('=') => self.exact(name, start),
            Some('/') => match self.regex()? {
                Some(pattern) => Ok(field(name, FieldTest::Contains(TextTest::Regex(pattern)))),
                None => self.plain_value(name, start),
            },
            _ => self.plain_value(name, start),
        }
    }

    /// Whether brackets without blanks are next, as in a list or an object that was pasted: a range has blanks around TO.
    fn is_list(&self) -> bool {
        let rest = self.cursor.rest();
        let word = rest.split(|c: char| c.is_whitespace() || c == '"').next().unwrap_or_default();
        word.ends_with([']', '}']) && word.len() > 2
    }

    fn plain_value(&mut self, name: &str, start: usize) -> Result<LogFilter, QueryError> {
        let word = self.cursor.word(&VALUE_ENDS);
        if word.characters.is_empty() {
            return Err(QueryError::invalid(format!("no value after {name}:"))
                .at(start, self.cursor.at)
                .hint(format!("write {name}:value, {name}:* for any value, or \"{name}:\" to search for the text")));
        }
        Ok(word_test(name, &word))
    }

    fn exact(&mut self, name: &str, start: usize) -> Result<LogFilter, QueryError> {
        self.cursor.take();
        let quoted = self.cursor.peek() == Some('"');
        let text = if quoted { self.cursor.quoted()? } else { self.cursor.word(&VALUE_ENDS).text() };
        if text.is_empty() && !quoted {
            return Err(QueryError::invalid(format!("no value after {name}:="))
                .at(start, self.cursor.at)
                .hint(format!("write {name}:=value or {name}:=\"some text\"")));
        }
        Ok(field(name, FieldTest::Equals(text)))
    }

    fn comparison(&mut self, name: &str, start: usize) -> Result<LogFilter, QueryError> {
        let greater = self.cursor.take() == Some('>');
        let comparison = match (greater, self.cursor.take_if("=")) {
            (true, true) => Comparison::GreaterOrEqual,
            (true, false) => Comparison::Greater,
            (false, true) => Comparison::LessOrEqual,
            (false, false) => Comparison::Less,
        };
        let text = match self.cursor.peek() {
            Some('"') => self.cursor.quoted()?,
            _ => self.cursor.word(&VALUE_ENDS).text(),
        };
        if text.is_empty() {
            return Err(QueryError::invalid("a comparison needs a value")
                .at(start, self.cursor.at)
                .hint(format!("write it without blanks: {name}:>10")));
        }
        if is_severity(name)
            && let Some(filter) = severity_filter(comparison, &text)
        {
            return Ok(filter);
        }
        Ok(compare(name, comparison, &text))
    }

    /// `[low TO high]`, with `{` or `}` for an end that does not belong to it.
    fn between(&mut self, name: &str) -> Result<LogFilter, QueryError> {
        let start = self.cursor.at;
        let low_included = self.cursor.take() == Some('[');
        let low = self.bound()?;
        self.cursor.skip_blanks();
        let has_to = self.cursor.take_keyword("TO");
        let high = if has_to { self.bound()? } else { String::new() };
        self.cursor.skip_blanks();
        let close = self.cursor.peek();
        if !has_to || low.is_empty() || high.is_empty() || !matches!(close, Some(']' | '}')) {
            return Err(QueryError::invalid("the range is not complete")
                .at(start, self.cursor.at)
                .hint(format!("write {name}:[10 TO 20], {name}:[10 TO *] or, without its ends, {name}:{{10 TO 20}}")));
        }
        self.cursor.take();
        Ok(range(name, (low, low_included), (high, close == Some(']'))))
    }

    fn bound(&mut self) -> Result<String, QueryError> {
        self.cursor.skip_blanks();
        match self.cursor.peek() {
            Some('"') => self.cursor.quoted(),
            _ => Ok(self.cursor.word(&[']', '}', '"']).text()),
        }
    }
}

fn range(name: &str, (low, low_included): (String, bool), (high, high_included): (String, bool)) -> LogFilter {
    let numeric = |end: &str| end == "*" || parse_decimal(end).is_some();
    if low_included && high_included {
        return field(name, FieldTest::Between(low, high));
    }
    if numeric(&low) && numeric(&high) && (low != "*" || high != "*") {
        let low_test = if low_included { Comparison::GreaterOrEqual } else { Comparison::Greater };
        let high_test = if high_included { Comparison::LessOrEqual } else { Comparison::Less };
        let ends = [(low_test, low), (high_test, high)];
        let tests = ends.iter().filter(|(_, end)| end != "*").map(|(test, end)| compare(name, *test, end));
        return all_of(tests.collect());
    }
    let mut tests = vec![field(name, FieldTest::Between(low.clone(), high.clone()))];
    for (end, included) in [(low, low_included), (high, high_included)] {
        if !included && end != "*" {
            tests.push(not(field(name, FieldTest::Equals(end))));
        }
    }
    all_of(tests)
}

/// What `name:value` asks: a field of trace or span IDs may be asked for a decimal, or for hex without leading zeros.
fn is(name: &str, text: String) -> LogFilter {
    let others = if context_field(name).is_some() { CanonicalId::readings(&text) } else { Vec::new() };
    let others = others.into_iter().skip(1).map(|id| field(name, FieldTest::Is(id.to_string())));
    let others: Vec<LogFilter> = others.collect();
    any_of([field(name, FieldTest::Is(text))].into_iter().chain(others).collect())
}

/// Numbers compare as numbers, other text by bytes.
fn compare(name: &str, comparison: Comparison, text: &str) -> LogFilter {
    if let Some(number) = parse_decimal(text) {
        return field(name, FieldTest::Compare(comparison, number));
    }
    let (low, high) = match comparison {
        Comparison::Greater | Comparison::GreaterOrEqual => (text, "*"),
        _ => ("*", text),
    };
    let between = field(name, FieldTest::Between(low.to_owned(), high.to_owned()));
    match comparison {
        Comparison::Greater | Comparison::Less => {
            all_of(vec![between, not(field(name, FieldTest::Equals(text.to_owned())))])
        }
        _ => between,
    }
}

/// The test of a word on a field, as in `field:word` and inside `field:(…)`.
pub(super) fn word_test(name: &str, word: &Word) -> LogFilter {
    if word.is_star() {
        return field(name, FieldTest::Exists);
    }
    let text = word.text();
    match wildcard::whole_value(word).filter(|_| word.has_wildcard()) {
        Some(pattern) => field(name, FieldTest::Matches(pattern)),
        None => is(name, text),
    }
}

/// What `name:value` means when it stands alone: the field, or the whole as text that was pasted, an ID (`task:001`) or a
/// part of a line (`host/path:80`).
pub(super) fn field_or_text(name: &str, filter: LogFilter, whole: &str) -> LogFilter {
    let LogFilter::Field { test: FieldTest::Is(value), .. } = &filter else { return filter };
    let may_be_id = name.chars().all(char::is_alphanumeric)
        && well_known(name).is_none()
        && value.chars().any(|c| c.is_ascii_digit());
    // `main.go:138]` is a place in a program.
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let line = value.trim_end_matches(|c: char| c.is_ascii_punctuation());
    let may_be_place =
        (1..=4).contains(&extension.len()) && !line.is_empty() && line.bytes().all(|b| b.is_ascii_digit() || b == b':');
    if may_be_id || may_be_place || name.contains('/') {
        return any_of(vec![filter, LogFilter::AnyText(TextTest::words(whole))]);
    }
    filter
}

/// The filter of a word that belongs to no field.
pub(super) fn text_filter(word: &Word) -> LogFilter {
    if word.is_star() {
        return LogFilter::All;
    }
    let literal = || LogFilter::AnyText(TextTest::words(&word.text()));
    match word.wildcards() {
        Wildcards::None => literal_text(word),
        Wildcards::Meant => {
            wildcard::within_text(word).map_or_else(literal, |pattern| LogFilter::AnyText(TextTest::Regex(pattern)))
        }
        // `/api/*/users` may be a path with a wildcard and may be what a log says.
        Wildcards::Possible => match wildcard::within_text(word) {
            Some(pattern) => any_of(vec![literal(), LogFilter::AnyText(TextTest::Regex(pattern))]),
            None => literal(),
        },
    }
}

/// The words of a text that was typed or pasted.
fn literal_text(word: &Word) -> LogFilter {
    let mut readings = vec![TextTest::words(&word.text())];
    // `C:\temp` is a path, `a\:b` a word with a colon: a backslash may be either.
    readings.extend(word.with_backslashes().map(|path| TextTest::words(&path)));
    readings.dedup();
    any_of(readings.into_iter().map(LogFilter::AnyText).collect())
}

impl Parser<'_> {
    pub(super) fn regex(&mut self) -> Result<Option<clew_model::logs::Pattern>, QueryError> {
        let start = self.cursor.at;
        let Some(source) = self.cursor.slashed() else { return Ok(None) };
        regex_pattern(&source).map(Some).map_err(|error| error.at(start, self.cursor.at))
    }
}
