//! Tests of labels: which fields a label's name may mean, and what its operators ask of them.

use super::pattern;
use crate::error::QueryError;
use crate::logs::names::{is_severity, severity_filter};
use crate::logs::{any_of, not};
use clew_model::logs::{Comparison, FieldTest, LogFilter, Pattern, Severity};
use clew_model::value::parse_decimal;

/// An operator between a label and a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Regex,
    NotRegex,
    /// `==`, `>` and their like: numbers.
    Compare(Comparison),
}

impl Operator {
    pub(super) fn from_text(text: &str) -> Option<Self> {
        Some(match text {
            "=" => Self::Equal,
            "!=" => Self::NotEqual,
            "=~" => Self::Regex,
            "!~" => Self::NotRegex,
            "==" => Self::Compare(Comparison::Equal),
            ">" => Self::Compare(Comparison::Greater),
            ">=" => Self::Compare(Comparison::GreaterOrEqual),
            "<" => Self::Compare(Comparison::Less),
            "<=" => Self::Compare(Comparison::LessOrEqual),
            _ => return None,
        })
    }

    /// Whether it may stand in a stream selector.
    pub(super) fn is_matcher(self) -> bool {
        !matches!(self, Self::Compare(_))
    }

    /// The comparison with a number; `None` for regular expressions.
    pub(super) fn with_number(self, name: &str, number: f64) -> Option<LogFilter> {
        let comparison = match self {
            Self::Equal => Comparison::Equal,
            Self::NotEqual => Comparison::NotEqual,
            Self::Compare(comparison) => comparison,
            Self::Regex | Self::NotRegex => return None,
        };
        Some(of_field(name, &FieldTest::Compare(comparison, number)))
    }
}

/// A test on every field that a label's name may mean: itself, and with dots for underscores.
fn of_field(name: &str, test: &FieldTest) -> LogFilter {
    let dotted = name.replace('_', ".");
    let mut names = vec![name.to_owned()];
    if dotted != name && !dotted.starts_with('.') {
        names.push(dotted);
    }
    any_of(names.into_iter().map(|name| LogFilter::Field { name, test: test.clone() }).collect())
}

/// The test of a label against text. An absent label has the empty value.
pub(super) fn label_filter(name: &str, operator: Operator, text: &str) -> Result<LogFilter, QueryError> {
    let name = if name == "detected_level" { "level" } else { name };
    Ok(match operator {
        Operator::Equal => equals(name, text),
        Operator::NotEqual => not(equals(name, text)),
        Operator::Regex => matches(name, text)?,
        Operator::NotRegex => not(matches(name, text)?),
        Operator::Compare(comparison) => compare(name, comparison, text)?,
    })
}

fn equals(name: &str, text: &str) -> LogFilter {
    if text.is_empty() {
        return not(of_field(name, &FieldTest::Exists));
    }
    // `level="error"` means the severity however the sender spelt it.
    let test = if is_severity(name) { FieldTest::Is(text.to_owned()) } else { FieldTest::Equals(text.to_owned()) };
    of_field(name, &test)
}

fn matches(name: &str, source: &str) -> Result<LogFilter, QueryError> {
    let flags = if is_severity(name) { "(?is)" } else { "(?s)" };
    let whole: Pattern = pattern(&format!("{flags}^(?:{source})$"))?;
    let mut options = vec![of_field(name, &FieldTest::Matches(whole.clone()))];
    if is_severity(name) {
        // The numbers of a range stand for its name, whatever text the sender gave.
        for base in [Severity::TRACE, Severity::DEBUG, Severity::INFO, Severity::WARN, Severity::ERROR, Severity::FATAL]
        {
            if whole.0.is_match(base.range_name()) {
                options.push(LogFilter::SeverityBetween(base.number(), base.number() + 3));
            }
        }
    }
    if whole.0.is_match("") {
        options.push(not(of_field(name, &FieldTest::Exists)));
    }
    Ok(any_of(options))
}

fn compare(name: &str, comparison: Comparison, text: &str) -> Result<LogFilter, QueryError> {
    if let Some(filter) = severity_filter(comparison, text).filter(|_| is_severity(name)) {
        return Ok(filter);
    }
    match parse_decimal(text) {
        Some(number) => Ok(of_field(name, &FieldTest::Compare(comparison, number))),
        None => Err(QueryError::invalid(format!("cannot compare with {text:?}, which is no number"))
            .hint("compare with a number, or use = with text")),
    }
}
