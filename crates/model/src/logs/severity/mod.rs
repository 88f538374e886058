//! Severity on OpenTelemetry's scale of 1 to 24 (logs data model, "Field: SeverityNumber").

mod said;
mod scales;
mod words;

pub use said::Said;

use crate::value::{Attribute, Value};
use std::fmt;
use std::ops::RangeInclusive;

/// A severity number: 0 unspecified, 1–4 TRACE, 5–8 DEBUG, 9–12 INFO, 13–16 WARN, 17–20 ERROR, 21–24 FATAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Severity(u8);

impl Severity {
    /// The sender gave none.
    pub const UNSPECIFIED: Severity = Severity(0);
    /// Finest detail.
    pub const TRACE: Severity = Severity(1);
    /// For debugging.
    pub const DEBUG: Severity = Severity(5);
    /// Normal operation.
    pub const INFO: Severity = Severity(9);
    /// Not an error, but likely worse than normal.
    pub const WARN: Severity = Severity(13);
    /// Something went wrong.
    pub const ERROR: Severity = Severity(17);
    /// The program cannot go on.
    pub const FATAL: Severity = Severity(21);

    /// The severity with this OTLP number; unspecified when it is out of range.
    #[must_use]
    pub fn from_number(number: i64) -> Self {
        match u8::try_from(number) {
            Ok(number @ 0..=24) => Self(number),
            _ => Self::UNSPECIFIED,
        }
    }

    /// The severity with this syslog number (RFC 5424, 6.2.1: 0 emergency … 7 debug), as OpenTelemetry maps it.
    #[must_use]
    pub fn from_syslog(number: u8) -> Option<Self> {
        Some(Self(match number {
            0 => 21,
            1 => 19,
            2 => 18,
            3 => 17,
            4 => 13,
            5 => 10,
            6 => 9,
            7 => 5,
            _ => return None,
        }))
    }

    /// The severity that a text says: a word of any common logger in any case, with what may stand around it (brackets,
    /// colours, the name of a type), and OpenTelemetry's short names (`WARN2`). See `docs/levels.md`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        words::severity_of(text)
    }

    /// The severity that a sender's two fields say, OpenTelemetry's number and the text: the number where it is on the
    /// scale, else the word of the text, else the number that either of them is on another scale.
    #[must_use]
    pub fn of_number_and_text(number: i64, text: &str) -> Self {
        let own = Self::from_number(number);
        if own != Self::UNSPECIFIED {
            return own;
        }
        let foreign = |number| scales::severity_of("level", number, &[]);
        Self::from_text(text)
            .or_else(|| text.trim().parse().ok().and_then(foreign))
            .or_else(|| Some(number).filter(|number| *number != 0).and_then(foreign))
            .unwrap_or_default()
    }

    /// What the member `name` of an object says of its severity; `beside` are all members of the object, by which scales of
    /// numbers are told apart. `None` where the value says nothing.
    #[must_use]
    pub fn of_member(name: &str, value: &Value, beside: &[Attribute]) -> Option<Said> {
        said::of_member(name, value, beside)
    }

    /// Whether a text is a number that some logger uses for a level.
    #[must_use]
    pub fn is_number_of_a_scale(text: &str) -> bool {
        said::whole_number(&Value::from(text)).is_some_and(scales::is_on_one)
    }

    /// The numbers that a word asks for: `error` the whole range, `critical` and `notice` what they alone say.
    #[must_use]
    pub fn asked_by(text: &str) -> Option<RangeInclusive<u8>> {
        let Severity(number) = Self::from_text(text)?;
        let is_base = number % 4 == 1;
        Some(number..=if is_base { number + 3 } else { number })
    }

    /// The number, 0 to 24.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// The name of its range: `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR`, `FATAL`, or empty when unspecified.
    #[must_use]
    pub fn range_name(self) -> &'static str {
        match self.0 {
            1..=4 => "TRACE",
            5..=8 => "DEBUG",
            9..=12 => "INFO",
            13..=16 => "WARN",
            17..=20 => "ERROR",
            21.. => "FATAL",
            0 => "",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.range_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_text_say_one_severity() {
        for (number, text, severity) in [
            (17, "", 17),
            (9, "ERROR", 9),
            (0, "ERROR", 17),
            (0, "\u{1b}[33mwarning\u{1b}[0m", 13),
            (0, "odd", 0),
            (0, "", 0),
            (0, "3", 17),
            (0, "40", 13),
            (400, "ERROR", 17),
            (40_000, "", 17),
            (-1, "", 0),
        ] {
            assert_eq!(Severity::of_number_and_text(number, text).number(), severity, "{number} {text}");
        }
    }

    #[test]
    fn a_word_asks_for_its_range_or_for_its_step() {
        for (word, numbers) in [
            ("error", 17..=20),
            ("ERR", 17..=20),
            ("critical", 18..=18),
            ("notice", 10..=10),
            ("Information", 9..=12),
            ("warn2", 14..=14),
            ("emerg", 21..=24),
        ] {
            assert_eq!(Severity::asked_by(word), Some(numbers), "{word}");
        }
        assert_eq!(Severity::asked_by("high"), None);
    }

    #[test]
    fn numbers_out_of_range_are_unspecified() {
        assert_eq!(Severity::from_number(25), Severity::UNSPECIFIED);
        assert_eq!(Severity::from_number(-1), Severity::UNSPECIFIED);
        assert_eq!(Severity::from_number(17).range_name(), "ERROR");
    }
}
