//! What every log query language is planned into: a tree of tests on one record.
//!
//! [`LogFilter::matches`] is the definition; stores answer the same question column by column and are tested against
//! it.

use super::record::LogRecord;
use super::terminal::{has_escapes, plain_text};
use super::tokens::{contains_phrase, tokens};
use crate::correlation::CanonicalId;
use crate::logs::names::{WellKnown, well_known};
use crate::numeral::Numeral;
use crate::value::Value;
use regex::Regex;
use std::borrow::Cow;

/// A test on one record.
#[derive(Debug, Clone, PartialEq)]
pub enum LogFilter {
    /// Every record.
    All,
    /// All of them hold; the empty list holds.
    And(Vec<LogFilter>),
    /// One of them holds; the empty list does not.
    Or(Vec<LogFilter>),
    /// It does not hold.
    Not(Box<LogFilter>),
    /// The message, or any scalar among attributes, resource and scope attributes, passes the test; or the whole text
    /// is one of the record's trace, span or service names.
    AnyText(TextTest),
    /// The message alone passes the test.
    Message(TextTest),
    /// A field passes the test (see the rules of names in `fields`).
    Field {
        /// The name as written in the query.
        name: String,
        /// What its value must satisfy.
        test: FieldTest,
    },
    /// The severity number lies between the two, both included.
    SeverityBetween(u8, u8),
}

/// A test on text.
#[derive(Debug, Clone, PartialEq)]
pub enum TextTest {
    /// The words stand in the text one after the other; made by [`TextTest::words`], lowercased.
    Words(Vec<String>),
    /// The text contains these characters, case and all.
    Substring(String),
    /// The regular expression matches somewhere in the text.
    Regex(Pattern),
}

/// A test on a field's value.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldTest {
    /// There is a value.
    Exists,
    /// The value is this number, its words contain these, or it is this ID in another spelling: what `field:value` means
    /// (see [`IsTest`]).
    Is(String),
    /// The value's text is exactly this.
    Equals(String),
    /// The regular expression matches the whole text of the value.
    Matches(Pattern),
    /// The regular expression matches somewhere in the value's text.
    Contains(TextTest),
    /// The value is a number and compares so.
    Compare(Comparison, f64),
    /// The value is a number between the two, both included; or, when the ends are not both numbers, text between them
    /// in byte order.
    Between(String, String),
}

/// How a number compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
}

impl Comparison {
    /// Whether `left` compares to `right` so.
    #[must_use]
    pub fn holds(self, left: f64, right: f64) -> bool {
        match self {
            Comparison::Less => left < right,
            Comparison::LessOrEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterOrEqual => left >= right,
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
        }
    }
}

/// A compiled regular expression; equal when the source is equal.
#[derive(Debug, Clone)]
pub struct Pattern(pub Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl TextTest {
    /// The test for a word or a phrase as a person wrote it. Text without any letter or digit is looked for as it is.
    #[must_use]
    pub fn words(text: &str) -> Self {
        let words: Vec<String> = tokens(text).map(Cow::into_owned).collect();
        if words.is_empty() { TextTest::Substring(text.to_owned()) } else { TextTest::Words(words) }
    }

    /// Whether `text` passes, as a terminal shows it.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        match self {
            TextTest::Words(words) => contains_phrase(text, words),
            TextTest::Substring(part) => plain_text(text).contains(part.as_str()),
            TextTest::Regex(pattern) => pattern.0.is_match(&plain_text(text)),
        }
    }
}

impl FieldTest {
    /// Whether a scalar passes; of a text what a terminal shows of it.
    #[must_use]
    pub fn matches(&self, value: &Value) -> bool {
        if let Value::String(text) = value
            && has_escapes(text)
        {
            return self.matches(&Value::from(plain_text(text).as_ref()));
        }
        match self {
            FieldTest::Exists => true,
            FieldTest::Is(text) => IsTest::new(text).matches(&value.display_text()),
            FieldTest::Equals(text) => value.display_text() == text.as_str(),
            FieldTest::Matches(pattern) => pattern.matches_whole(&value.display_text()),
            FieldTest::Contains(test) => test.matches(&value.display_text()),
            FieldTest::Compare(comparison, number) => value.as_f64().is_some_and(|own| comparison.holds(own, *number)),
            FieldTest::Between(low, high) => between(value, low, high),
        }
    }
}

/// What `field:value` means, with what it needs for every value worked out once.
///
/// Where both are numbers they compare as numbers: `5` is `5.0` and `5e0`, and is not in `12.5`. Else the value's words
/// contain those that were asked for, or both are one ID.
#[derive(Debug, Clone)]
pub struct IsTest {
    text: String,
    words: TextTest,
    number: Option<Numeral<'static>>,
    id: Option<CanonicalId>,
}

impl IsTest {
    /// The test for a text as a person wrote it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let number = Numeral::parse(text).map(Numeral::into_owned);
        Self { text: text.to_owned(), words: TextTest::words(text), number, id: CanonicalId::new(text) }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The trace or span ID that is asked for, where it is one by its form: then a trace or span ID passes exactly where it
    /// is that ID, and its text need not be made. `None` for other text, of which the ID may be a word (`[4bf9…]`), and for
    /// numbers.
    #[must_use]
    pub fn only_id(&self) -> Option<&CanonicalId> {
        self.id.as_ref().filter(|id| self.number.is_none() && id.as_trace_id().is_some())
    }

    /// Whether a value with this text passes.
    #[must_use]
    pub fn matches(&self, own: &str) -> bool {
        if own == self.text {
            return true;
        }
        let by_text = match self.number.as_ref().map(|number| (number, Numeral::parse(own))) {
            Some((number, Some(own))) => *number == own,
            _ => self.words.matches(own),
        };
        by_text || (self.id.is_some() && CanonicalId::new(own) == self.id)
    }
}

impl Pattern {
    /// The pattern that matches the whole of a text or nothing. Leftmost-first search may find a shorter match than the
    /// whole text (`a|ab` in `ab`); anchoring settles it. `None` when the anchored pattern is too large to compile.
    #[must_use]
    pub fn anchored(&self) -> Option<Pattern> {
        Regex::new(&format!("^(?:{})$", self.0.as_str())).ok().map(Pattern)
    }

    /// Whether the pattern matches the whole text.
    #[must_use]
    pub fn matches_whole(&self, text: &str) -> bool {
        self.0.find(text).is_some_and(|found| found.len() == text.len())
            || (self.0.is_match(text) && self.anchored().is_some_and(|whole| whole.0.is_match(text)))
    }
}

fn between(value: &Value, low: &str, high: &str) -> bool {
    match (bound(low, f64::NEG_INFINITY), bound(high, f64::INFINITY)) {
        (Some(low), Some(high)) => value.as_f64().is_some_and(|own| low <= own && own <= high),
        _ => {
            let text = value.display_text();
            (low == "*" || low <= &*text) && (high == "*" || &*text <= high)
        }
    }
}

fn bound(text: &str, open: f64) -> Option<f64> {
    if text == "*" { Some(open) } else { crate::value::parse_decimal(text) }
}

impl LogFilter {
    /// Whether the record passes: the definition that every store must agree with.
    #[must_use]
    pub fn matches(&self, record: &LogRecord) -> bool {
        match self {
            LogFilter::All => true,
            LogFilter::And(all) => all.iter().all(|filter| filter.matches(record)),
            LogFilter::Or(any) => any.iter().any(|filter| filter.matches(record)),
            LogFilter::Not(filter) => !filter.matches(record),
            LogFilter::AnyText(test) => any_text(record, test),
            LogFilter::Message(test) => test.matches(&record.body.display_text()),
            LogFilter::Field { name, test } => field(record, name, test),
            LogFilter::SeverityBetween(low, high) => (*low..=*high).contains(&record.severity.number()),
        }
    }
}

fn any_text(record: &LogRecord, test: &TextTest) -> bool {
    if test.matches(&record.body.display_text()) || test.matches(&record.service) {
        return true;
    }
    let mut found = false;
    record
        .visit_attributes(&mut |_, value| found = found || value.scalar_text().is_some_and(|text| test.matches(&text)));
    found
        || record.trace_id.is_some_and(|id| test.matches(&id.to_string()))
        || record.span_id.is_some_and(|id| test.matches(&id.to_string()))
}

fn field(record: &LogRecord, name: &str, test: &FieldTest) -> bool {
    if record.any_field(name, &mut |value| test.matches(value)) {
        return true;
    }
    // `level:error` finds `ERR`, `Error` and severity number 17 alike.
    match (test, well_known(name)) {
        (FieldTest::Is(text), Some(WellKnown::Severity)) => {
            super::Severity::asked_by(text).is_some_and(|numbers| numbers.contains(&record.severity.number()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::*;
    use crate::value::Attribute;

    fn record() -> LogRecord {
        LogRecord {
            severity: Severity::ERROR,
            severity_text: "ERR".into(),
            body: "Task claimed by worker-7 after 250 ms".into(),
            service: "redis_bus".into(),
            attributes: vec![
                Attribute::new("duration_ms", Value::Double(42.5)),
                Attribute::new("request", "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"),
                Attribute::new("tags", Value::Array(vec!["task-processing".into()])),
            ],
            ..LogRecord::default()
        }
    }

    fn name(field: &str, test: FieldTest) -> LogFilter {
        LogFilter::Field { name: field.into(), test }
    }

    #[test]
    fn colours_are_no_part_of_what_is_searched() {
        let record = LogRecord {
            body: "\u{1b}[31mfrob\u{1b}[1mnicate\u{1b}[0m failed".into(),
            attributes: vec![
                Attribute::new("state", "\u{1b}[32mok\u{1b}[0m 42"),
                Attribute::new("n", "\u{1b}[1m7\u{1b}[0m"),
            ],
            ..LogRecord::default()
        };
        let regex = |source: &str| Pattern(Regex::new(source).unwrap());
        for (filter, holds) in [
            (LogFilter::AnyText(TextTest::words("frobnicate")), true),
            (LogFilter::AnyText(TextTest::words("frobnicate failed")), true),
            (LogFilter::AnyText(TextTest::words("31mfrob")), false),
            (LogFilter::Message(TextTest::Substring("nicate fail".into())), true),
            (LogFilter::Message(TextTest::Substring("[31m".into())), false),
            (LogFilter::Message(TextTest::Regex(regex("^frobnicate failed$"))), true),
            (name("state", FieldTest::Is("ok".into())), true),
            (name("state", FieldTest::Equals("ok 42".into())), true),
            (name("state", FieldTest::Matches(regex("ok \\d+"))), true),
            (name("n", FieldTest::Compare(Comparison::Greater, 6.0)), true),
        ] {
            assert_eq!(filter.matches(&record), holds, "{filter:?}");
        }
    }

    #[test]
    fn filters_hold_as_their_names_say() {
        let regex = |source: &str| Pattern(Regex::new(source).unwrap());
        let record = record();
        for (filter, holds) in [
            (LogFilter::All, true),
            (LogFilter::Or(vec![]), false),
            (LogFilter::AnyText(TextTest::words("TASK claimed")), true),
            (LogFilter::AnyText(TextTest::words("claimed worker")), false),
            (LogFilter::AnyText(TextTest::words("processing")), true),
            (LogFilter::Message(TextTest::words("processing")), false),
            (LogFilter::Message(TextTest::Substring("work".into())), true),
            (LogFilter::Message(TextTest::Regex(regex("after [0-9]+ ms$"))), true),
            (name("level", FieldTest::Is("error".into())), true),
            (name("level", FieldTest::Is("warn".into())), false),
            (name("duration_ms", FieldTest::Compare(Comparison::Greater, 42.0)), true),
            (name("duration_ms", FieldTest::Between("1".into(), "42".into())), false),
            (name("duration_ms", FieldTest::Between("*".into(), "43".into())), true),
            (name("request", FieldTest::Is("4bf92f3577b34da6a3ce929d0e0e4736".into())), true),
            (name("request", FieldTest::Equals("4bf92f3577b34da6a3ce929d0e0e4736".into())), false),
            (name("service", FieldTest::Matches(regex("redis|redis_bus"))), true),
            (name("service", FieldTest::Matches(regex("redis"))), false),
            (name("tags", FieldTest::Exists), true),
            (name("absent", FieldTest::Exists), false),
            (LogFilter::SeverityBetween(17, 24), true),
            (LogFilter::Not(Box::new(LogFilter::SeverityBetween(17, 24))), false),
        ] {
            assert_eq!(filter.matches(&record), holds, "{filter:?}");
        }
    }
}
