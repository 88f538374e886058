//! What one member of a record says of its severity.

use super::{Severity, scales};
use crate::value::{Attribute, Value, find, parse_decimal};

/// A severity, and how it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
    /// Unspecified where the text is no word that loggers use.
    pub severity: Severity,
    /// Whether the value is a word; else it is a number, or an object that holds one of both.
    pub is_word: bool,
}

/// Members of an object that stands for a level, as log4js, loguru and Log4j's document appenders write it.
const WORDS_INSIDE: [&str; 5] = ["name", "levelStr", "standardLevel", "label", "text"];
const NUMBERS_INSIDE: [(&str, &str); 4] =
    [("no", "levelno"), ("level", "level"), ("value", "level"), ("intLevel", "intLevel")];

pub(super) fn of_member(name: &str, value: &Value, beside: &[Attribute]) -> Option<Said> {
    if let Value::Map(inner) = value {
        let severity = inside(inner)?;
        return Some(Said { severity, is_word: false });
    }
    if let Some(number) = whole_number(value) {
        let severity = scales::severity_of(name, number, beside)?;
        return Some(Said { severity, is_word: false });
    }
    match value {
        Value::String(text) if !text.trim().is_empty() => {
            Some(Said { severity: Severity::from_text(text).unwrap_or_default(), is_word: true })
        }
        _ => None,
    }
}

fn inside(members: &[Attribute]) -> Option<Severity> {
    let word = |name: &&str| match find(members, name) {
        Some(Value::String(word)) => Severity::from_text(word),
        _ => None,
    };
    let number = |(name, scale): &(&str, &str)| scales::severity_of(scale, whole_number(find(members, name)?)?, &[]);
    WORDS_INSIDE.iter().find_map(word).or_else(|| NUMBERS_INSIDE.iter().find_map(number))
}

/// An integer, also in text and with a fraction of zero.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Int(number) => return Some(*number),
        Value::String(text) => parse_decimal(text.trim()),
        _ => value.as_f64(),
    };
    number.filter(|number| number.fract() == 0.0 && number.abs() < 1e9).map(|number| number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Number;

    #[test]
    fn a_member_says_a_severity_by_a_word_a_number_or_an_object() {
        let map = |members: &[(&str, Value)]| {
            Value::Map(members.iter().map(|(name, value)| Attribute::new(*name, value.clone())).collect())
        };
        for (value, severity, is_word) in [
            ("error".into(), Some(17), true),
            ("high".into(), Some(0), true),
            (" 30 ".into(), Some(9), false),
            (Value::Int(30), Some(9), false),
            (Value::Double(30.0), Some(9), false),
            (Value::Number(Number("3e1".into())), Some(9), false),
            (Value::Double(30.5), None, false),
            (Value::Int(99), None, false),
            ("".into(), None, false),
            ("  ".into(), None, false),
            (Value::Null, None, false),
            (Value::Bool(true), None, false),
            (map(&[("name", "INFO".into()), ("no", Value::Int(20))]), Some(9), false),
            (map(&[("no", Value::Int(30))]), Some(13), false),
            (map(&[("level", Value::Int(40_000)), ("levelStr", "ERROR".into())]), Some(17), false),
            (map(&[("x", Value::Int(1))]), None, false),
        ] {
            let said = of_member("level", &value, &[]);
            let expected = severity.map(|number| Said { severity: Severity::from_number(number), is_word });
            assert_eq!(said, expected, "{value:?}");
        }
    }
}
