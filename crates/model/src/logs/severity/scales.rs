//! Levels that are numbers. Many scales meet under one name; what stands beside the number tells which one it is on.

use super::Severity;
use crate::logs::names::{self, WellKnown};
use crate::value::{Attribute, Value};

/// A scale of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scale {
    /// OpenTelemetry's severity number, 1 to 24.
    OpenTelemetry,
    /// RFC 5424, 6.2.1: 0 emergency to 7 debug (journald, GELF, rsyslog).
    Syslog,
    /// bunyan and pino: 10 trace to 60 fatal.
    Bunyan,
    /// Python's logging: 10 debug to 50 critical.
    Python,
    /// Monolog: 100 debug to 600 emergency.
    Monolog,
    /// Google Cloud's LogSeverity: 100 debug to 800 emergency.
    GoogleCloud,
    /// Log4j 1 and logback: 5000 trace to 50000 fatal.
    Log4j,
    /// Log4j 2's `intLevel`: 100 fatal to 600 trace.
    Log4j2,
    /// java.util.logging: 300 finest to 1000 severe.
    JavaUtil,
    /// Application Insights: 0 verbose to 4 critical.
    ApplicationInsights,
    /// Microsoft.Extensions.Logging: 0 trace to 5 critical.
    DotNet,
    /// Windows' event log: 1 critical to 5 verbose; 0 is logged always.
    Windows,
}

/// In the order in which a number without a hint is looked for.
const ALL: [Scale; 9] = [
    Scale::Syslog,
    Scale::Bunyan,
    Scale::OpenTelemetry,
    Scale::Monolog,
    Scale::GoogleCloud,
    Scale::Log4j,
    Scale::JavaUtil,
    Scale::Python,
    Scale::Log4j2,
];

impl Scale {
    fn severity(self, number: i64) -> Option<Severity> {
        let steps: &[(i64, u8)] = match self {
            Scale::OpenTelemetry => {
                return Some(Severity::from_number(number)).filter(|own| *own != Severity::UNSPECIFIED);
            }
            Scale::Syslog => return u8::try_from(number).ok().and_then(Severity::from_syslog),
            Scale::Bunyan => &[(10, 1), (20, 5), (30, 9), (40, 13), (50, 17), (60, 21)],
            // 5 and 25 are loguru's TRACE and SUCCESS.
            Scale::Python => &[(5, 1), (10, 5), (20, 9), (25, 10), (30, 13), (40, 17), (50, 18)],
            Scale::Monolog => &[(100, 5), (200, 9), (250, 10), (300, 13), (400, 17), (500, 18), (550, 19), (600, 21)],
            Scale::GoogleCloud => {
                &[(100, 5), (200, 9), (300, 10), (400, 13), (500, 17), (600, 18), (700, 19), (800, 21)]
            }
            Scale::Log4j => &[(5_000, 1), (10_000, 5), (20_000, 9), (30_000, 13), (40_000, 17), (50_000, 21)],
            Scale::Log4j2 => &[(100, 21), (200, 17), (300, 13), (400, 9), (500, 5), (600, 1)],
            Scale::ApplicationInsights => &[(0, 1), (1, 9), (2, 13), (3, 17), (4, 18)],
            Scale::DotNet => &[(0, 1), (1, 5), (2, 9), (3, 13), (4, 17), (5, 21)],
            Scale::Windows => &[(0, 9), (1, 18), (2, 17), (3, 13), (4, 9), (5, 1)],
            Scale::JavaUtil => &[(300, 1), (400, 5), (500, 6), (700, 7), (800, 9), (900, 13), (1_000, 17)],
        };
        steps.iter().find(|(own, _)| *own == number).map(|(_, severity)| Severity(*severity))
    }
}

/// The severity of a number under the field `name`, with `beside` the members of the object that it stands in; `None` when
/// it is on no known scale.
///
/// 1. A scale that the name says: `severity_number`, `levelno`, `level_value`, `PRIORITY`.
/// 2. The scale on which the number is what a word beside it says (`level: 400, level_name: "ERROR"`).
/// 3. The scale of the logger that its other members show.
/// 4. The scale most frequent for such a number.
pub(super) fn severity_of(name: &str, number: i64, beside: &[Attribute]) -> Option<Severity> {
    if let Some(scale) = named(name) {
        return scale.severity(number);
    }
    if let Some(word) = word_beside(name, beside) {
        let same = |severity: &Severity| severity.range_name() == word.range_name();
        if let Some(severity) = ALL.iter().filter_map(|scale| scale.severity(number)).find(same) {
            return Some(severity);
        }
    }
    shown(beside).and_then(|scale| scale.severity(number)).or_else(|| usual(name, number))
}

/// Whether any scale has the number.
pub(super) fn is_on_one(number: i64) -> bool {
    ALL.iter().any(|scale| scale.severity(number).is_some())
}

fn named(name: &str) -> Option<Scale> {
    let mut scratch = [0; names::MAX_FOLDED_BYTES];
    Some(match names::folded(name, &mut scratch)? {
        b"severitynumber" => Scale::OpenTelemetry,
        b"levelno" => Scale::Python,
        b"levelvalue" => Scale::Log4j,
        b"priority" | b"syslogseverity" | b"syslogpriority" | b"syslogseveritycode" | b"logsyslogseveritycode" => {
            Scale::Syslog
        }
        b"intlevel" => Scale::Log4j2,
        b"severitylevel" => Scale::ApplicationInsights,
        _ => return None,
    })
}

/// The level that another member of the object says in a word.
fn word_beside(name: &str, beside: &[Attribute]) -> Option<Severity> {
    beside.iter().filter(|own| own.key != name).find_map(|own| match &own.value {
        Value::String(word) if names::well_known(&own.key) == Some(WellKnown::Severity) => Severity::from_text(word),
        _ => None,
    })
}

/// The scale of the logger that an object's members show.
fn shown(beside: &[Attribute]) -> Option<Scale> {
    let has = |key: &str| beside.iter().any(|own| own.key == key);
    if has("level_name") || (has("channel") && has("datetime")) {
        Some(Scale::Monolog)
    } else if has("levelname") || has("asctime") || has("relativeCreated") || has("funcName") {
        Some(Scale::Python)
    } else if has("short_message") || has("__REALTIME_TIMESTAMP") || has("MESSAGE") {
        Some(Scale::Syslog)
    } else if has("pid") && has("hostname") {
        Some(Scale::Bunyan)
    } else if has("EventId") && has("Category") {
        Some(Scale::DotNet)
    } else if has("EventID") || has("ProviderName") {
        Some(Scale::Windows)
    } else if has("loggerName") || has("logger_name") || has("loggerFqcn") {
        Some(Scale::Log4j)
    } else {
        None
    }
}

/// 8 to 24 are bunyan's under `level` where bunyan has them, and OpenTelemetry's otherwise; hundreds are Monolog's under
/// `level` and Google Cloud's elsewhere. 1 to 7 of OpenTelemetry's scale (TRACE, DEBUG) are taken for syslog's, which are far
/// more frequent in JSON.
fn usual(name: &str, number: i64) -> Option<Severity> {
    let mut scratch = [0; names::MAX_FOLDED_BYTES];
    let is_level = matches!(names::folded(name, &mut scratch), Some(b"level" | b"lvl" | b"loglevel"));
    let scale = match number {
        0..=7 => Scale::Syslog,
        10 | 20 if is_level => Scale::Bunyan,
        8..=24 => Scale::OpenTelemetry,
        30 | 40 | 50 | 60 => Scale::Bunyan,
        100 | 200 | 300 | 400 | 500 | 600 if !is_level => Scale::GoogleCloud,
        100..=600 => Scale::Monolog,
        700 | 800 => Scale::GoogleCloud,
        900 | 1_000 => Scale::JavaUtil,
        5_000.. => Scale::Log4j,
        _ => return None,
    };
    scale.severity(number)
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
            ("severity_number", 3, Some("TRACE")),
            ("SeverityNumber", 17, Some("ERROR")),
            ("levelno", 30, Some("WARN")),
            ("levelno", 50, Some("ERROR")),
            ("level_value", 40_000, Some("ERROR")),
            ("PRIORITY", 4, Some("WARN")),
            ("level", 400, Some("ERROR")),
            ("severity", 400, Some("WARN")),
            ("level", 40_000, Some("ERROR")),
            ("level", 1_000, Some("ERROR")),
            ("SeverityLevel", 1, Some("INFO")),
            ("severityLevel", 3, Some("ERROR")),
        ] {
            assert_eq!(severity_of(name, number, &[]).map(Severity::range_name), severity, "{name}: {number}");
        }
    }

    #[test]
    fn what_stands_beside_a_number_tells_its_scale() {
        let object = |members: &str| -> Vec<Attribute> {
            let pair = |member: &str| {
                let (key, value) = member.split_once('=').unwrap_or((member, ""));
                Attribute::new(key, value)
            };
            members.split(' ').map(pair).collect()
        };
        for (number, members, severity) in [
            // Monolog, by the word and by its other members
            (400, "level_name=ERROR", "ERROR"),
            (300, "level_name=WARNING channel=app", "WARN"),
            (550, "level_name=ALERT", "ERROR"),
            (250, "level_name=NOTICE", "INFO"),
            (400, "channel=app datetime=2025-11-30T12:34:56+00:00", "ERROR"),
            // java.util.logging, Log4j 2, Google Cloud, by the word
            (800, "levelName=INFO", "INFO"),
            (900, "log_level=WARNING", "WARN"),
            (400, "levelname=info", "INFO"),
            (200, "severity_text=ERROR", "ERROR"),
            (700, "severity=ALERT", "ERROR"),
            // Python, bunyan, GELF
            (30, "levelname=WARNING", "WARN"),
            (20, "levelname=INFO", "INFO"),
            (30, "asctime=x", "WARN"),
            (30, "pid=1 hostname=h", "INFO"),
            (4, "short_message=x", "WARN"),
            // ASP.NET and Windows
            (4, "EventId=1 Category=x", "ERROR"),
            (2, "EventID=4624", "ERROR"),
            // OpenTelemetry's low numbers, by the word
            (5, "severity_text=DEBUG", "DEBUG"),
            (1, "severity_text=TRACE", "TRACE"),
            // a word that no scale agrees with says nothing of the number
            (30, "severity=fatal", "INFO"),
        ] {
            let found = severity_of("level", number, &object(members)).map(Severity::range_name);
            assert_eq!(found, Some(severity), "{number} {members}");
        }
    }
}
