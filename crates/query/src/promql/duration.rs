//! Durations as Prometheus writes them: `1d12h`, `5m`, `1500ms`.

use crate::error::QueryError;
use crate::limits::MAX_DURATION_MILLIS;
use std::fmt::Write as _;

/// The units, longest first, in milliseconds. A year has 365 days, a day 24 hours.
const UNITS: [(&str, i64); 7] = [
    ("y", 31_536_000_000),
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Parses a duration such as `5m`, `1h30m` or `250ms`, or a plain number of seconds, into milliseconds.
///
/// # Errors
/// Text that is neither, units out of order or repeated, or more than about 292 years.
pub fn parse_duration(text: &str) -> Result<i64, QueryError> {
    if let Ok(seconds) = text.parse::<f64>() {
        return seconds_to_millis(seconds);
    }
    parse_units(text).ok_or_else(|| {
        QueryError::invalid(format!("not a valid duration: {text:?}"))
            .hint("write a number with a unit, largest unit first: 30s, 5m, 1h30m, 7d; units are ms, s, m, h, d, w, y")
    })
}

/// Milliseconds of a number of seconds.
pub(crate) fn seconds_to_millis(seconds: f64) -> Result<i64, QueryError> {
    let millis = seconds * 1000.0;
    if millis.is_finite() && millis.abs() <= MAX_DURATION_MILLIS as f64 {
        Ok(millis.round() as i64)
    } else {
        Err(QueryError::invalid(format!("the duration of {seconds} seconds is out of range")))
    }
}

fn parse_units(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut next_unit = 0;
    let mut total = 0i64;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_lowercase()).len();
        let (unit, tail) = after.split_at(letters);
        let index = UNITS.iter().position(|(name, _)| *name == unit).filter(|index| *index >= next_unit)?;
        let (_, millis) = UNITS.get(index)?;
        total = total.checked_add(number.parse::<i64>().ok()?.checked_mul(*millis)?)?;
        next_unit = index + 1;
        rest = tail;
    }
    (next_unit > 0 && total <= MAX_DURATION_MILLIS).then_some(total)
}

/// Writes milliseconds as Prometheus does: `1h30m`, `0s`, years, weeks and days only where they divide exactly.
#[must_use]
pub fn format_duration(millis: i64) -> String {
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut out = String::new();
    if millis < 0 {
        out.push('-');
    }
    let mut rest = millis.unsigned_abs();
    for (name, unit) in UNITS {
        let unit = unit.unsigned_abs();
        let exact_only = matches!(name, "y" | "w");
        if rest >= unit && (!exact_only || rest.is_multiple_of(unit)) {
            let _ = write!(out, "{}{name}", rest / unit);
            rest %= unit;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        // Expected values: the table of units in Prometheus' documentation, "Time Durations".
        for (text, millis) in [
            ("5m", Some(300_000)),
            ("1h30m", Some(5_400_000)),
            ("1500ms", Some(1500)),
            ("1y2w3d", Some(31_536_000_000 + 2 * 604_800_000 + 3 * 86_400_000)),
            ("1.5", Some(1500)),
            ("300", Some(300_000)),
            ("0s", Some(0)),
            ("30m1h", None),
            ("5m5m", None),
            ("5", Some(5000)),
            ("m", None),
            ("", None),
            ("5 m", None),
            ("1.5m", None),
            ("99999999999y", None),
            ("inf", None),
        ] {
            assert_eq!(parse_duration(text).ok(), millis, "{text:?}");
        }
    }

    #[test]
    fn durations_are_written_as_prometheus_writes_them() {
        for (millis, text) in [
            (0, "0s"),
            (300_000, "5m"),
            (5_400_000, "1h30m"),
            (86_400_000, "1d"),
            (7 * 86_400_000, "1w"),
            (8 * 86_400_000, "8d"),
            (1001, "1s1ms"),
            (-60_000, "-1m"),
        ] {
            assert_eq!(format_duration(millis), text);
        }
    }
}
