//! What stands after `field:`.

use super::cursor::Word;
use super::parser::{Parser, regex_pattern};
use super::wildcard;
use crate::error::QueryError;
use crate::logs::names::{is_severity, severity_filter};
use crate::logs::{all_of, any_of, not};
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
            Some('"') => Ok(field(name, FieldTest::Is(self.cursor.quoted()?))),
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
        let text = match self.cursor.peek() {
            Some('"') => self.cursor.quoted()?,
            _ => self.cursor.word(&VALUE_ENDS).text(),
        };
        if text.is_empty() {
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
        None => field(name, FieldTest::Is(text)),
    }
}

/// What `name:value` means when it stands alone: the field, or the whole as an ID that was pasted.
pub(super) fn field_or_id(name: &str, filter: LogFilter, whole: &str) -> LogFilter {
    let LogFilter::Field { test: FieldTest::Is(value), .. } = &filter else { return filter };
    let plain_name = name.chars().all(|c| c.is_alphanumeric()) && well_known(name).is_none();
    if plain_name && value.chars().any(|c| c.is_ascii_digit()) {
        return any_of(vec![filter, LogFilter::AnyText(TextTest::words(whole))]);
    }
    filter
}

/// The filter of a word that belongs to no field.
pub(super) fn text_filter(word: &Word) -> LogFilter {
    if word.is_star() {
        return LogFilter::All;
    }
    match wildcard::within_text(word).filter(|_| word.has_wildcard()) {
        Some(pattern) => LogFilter::AnyText(TextTest::Regex(pattern)),
        None => LogFilter::AnyText(TextTest::words(&word.text())),
    }
}

impl Parser<'_> {
    pub(super) fn regex(&mut self) -> Result<Option<clew_model::logs::Pattern>, QueryError> {
        let start = self.cursor.at;
        let Some(source) = self.cursor.slashed() else { return Ok(None) };
        regex_pattern(&source).map(Some).map_err(|error| error.at(start, self.cursor.at))
    }
}
