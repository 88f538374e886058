//! Severity on OpenTelemetry's scale of 1 to 24 (logs data model, "Field: SeverityNumber").

use std::fmt;

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

    /// The severity with this name in any case: OpenTelemetry's short names (`WARN2`), and the words that loggers use.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut lower = [0u8; 13];
        let text = text.trim();
        let lower = lower.get_mut(..text.len())?;
        lower.copy_from_slice(text.as_bytes());
        lower.make_ascii_lowercase();
        let (word, step) = match lower.split_last() {
            Some((digit @ b'2'..=b'4', word)) if !word.is_empty() => (word, digit - b'1'),
            _ => (&*lower, 0),
        };
        let base = match word {
            b"trace" | b"verbose" | b"finest" | b"silly" => Self::TRACE,
            b"debug" | b"dbug" | b"dbg" | b"fine" => Self::DEBUG,
            b"info" | b"information" | b"informational" | b"inf" => Self::INFO,
            b"notice" | b"success" => Self(10),
            b"warn" | b"warning" | b"wrn" => Self::WARN,
            b"error" | b"err" | b"severe" => Self::ERROR,
            b"critical" | b"crit" => Self(18),
            b"alert" => Self(19),
            b"fatal" | b"panic" | b"emergency" | b"emerg" => Self::FATAL,
            _ => return None,
        };
        let stepped = matches!(word, b"trace" | b"debug" | b"info" | b"warn" | b"error" | b"fatal");
        if step > 0 && !stepped { None } else { Some(Self(base.0 + step)) }
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
    fn names_of_loggers_map_to_numbers() {
        for (text, number) in [
            ("INFO", 9),
            ("Warning", 13),
            ("WARN2", 14),
            ("err", 17),
            ("CRITICAL", 18),
            ("fatal", 21),
            ("emerg", 21),
            (" debug ", 5),
        ] {
            assert_eq!(Severity::from_text(text).map(Severity::number), Some(number), "{text}");
        }
        for unknown in ["", "high", "critical2", "a very long severity text", "5"] {
            assert_eq!(Severity::from_text(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_unspecified() {
        assert_eq!(Severity::from_number(25), Severity::UNSPECIFIED);
        assert_eq!(Severity::from_number(-1), Severity::UNSPECIFIED);
        assert_eq!(Severity::from_number(17).range_name(), "ERROR");
    }
}
