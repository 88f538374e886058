//! Severities that are numbers. Several scales meet under the same names, so the number itself must tell which it is:
//!
//! | number | scale | who writes it |
//! |---|---|---|
//! | 0–7 | syslog (RFC 5424, 6.2.1: 0 emergency … 7 debug) | GELF, journald, rsyslog |
//! | 10, 20 … 60 under `level`, `lvl`, `log.level` | bunyan and pino: trace, debug, info, warn, error, fatal | Node.js |
//! | 30, 40, 50, 60 under other names | the same | |
//! | 8–24 otherwise | OpenTelemetry's severity number | exporters of the OTel data model |
//! | 100, 200 … 800 | Google Cloud's LogSeverity | |
//!
//! Numbers 1–7 of OpenTelemetry's scale (TRACE, DEBUG) are taken for syslog's, which are far more frequent in JSON; who
//! means OpenTelemetry's scale for sure writes `severity_number` (or `SeverityNumber`), where 1–24 are only that.
//! Python's `levelno` differs from bunyan's numbers and is not one of the recognised names.

use clew_model::logs::Severity;

/// The severity that `number` says under the field `name`; `None` when it is on no known scale.
pub(super) fn from_number(name: &str, number: i64) -> Option<Severity> {
    let is_level = matches!(name, "level" | "lvl" | "log.level");
    match number {
        0..=7 => u8::try_from(number).ok().and_then(Severity::from_syslog),
        10 | 20 if is_level => bunyan(number),
        8..=24 => Some(Severity::from_number(number)),
        30 | 40 | 50 | 60 => bunyan(number),
        100 => Some(Severity::DEBUG),
        200 => Some(Severity::INFO),
        300 => Some(Severity::from_number(10)),
        400 => Some(Severity::WARN),
        500 => Some(Severity::ERROR),
        600 => Some(Severity::from_number(18)),
        700 => Some(Severity::from_number(19)),
        800 => Some(Severity::FATAL),
        _ => None,
    }
}

fn bunyan(number: i64) -> Option<Severity> {
    Some(match number {
        10 => Severity::TRACE,
        20 => Severity::DEBUG,
        30 => Severity::INFO,
        40 => Severity::WARN,
        50 => Severity::ERROR,
        60 => Severity::FATAL,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_tells_its_scale() {
        for (name, number, severity) in [
            ("level", 30, Some("INFO")),
            ("level", 10, Some("TRACE")),
            ("severity", 10, Some("INFO")),
            ("level", 20, Some("DEBUG")),
            ("severity", 20, Some("ERROR")),
            ("level", 3, Some("ERROR")),
            ("severity", 6, Some("INFO")),
            ("level", 7, Some("DEBUG")),
            ("severity", 17, Some("ERROR")),
            ("severity", 500, Some("ERROR")),
            ("level", 60, Some("FATAL")),
            ("level", 35, None),
            ("level", -4, None),
        ] {
            assert_eq!(from_number(name, number).map(Severity::range_name), severity, "{name}: {number}");
        }
    }
}
