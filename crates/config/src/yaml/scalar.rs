//! Durations and sizes as people write them.

use std::time::Duration;

/// Why a text is not the scalar that was wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScalarError {
    /// Not a duration.
    #[error("{0:?} is not a duration")]
    Duration(String),
    /// Not a size.
    #[error("{0:?} is not a size in bytes")]
    Size(String),
    /// A number beyond what can be counted.
    #[error("{0:?} is too large")]
    TooLarge(String),
}

/// Units of a duration from large to small, in milliseconds; a year is 365 days, as in Prometheus.
const DURATION_UNITS: [(&str, u64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// A duration in Prometheus' form: whole numbers with the units y, w, d, h, m, s, ms from large to small, each at most
/// once (`1h30m`), or `0`.
///
/// # Errors
/// Another form, or more than 2^63 ns (292 years).
pub fn parse_duration(text: &str) -> Result<Duration, ScalarError> {
    let bad = || ScalarError::Duration(text.to_owned());
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text;
    let mut units = DURATION_UNITS.iter();
    let mut millis: u64 = 0;
    if rest.is_empty() {
        return Err(bad());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at_checked(digits).ok_or_else(bad)?;
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at_checked(letters).ok_or_else(bad)?;
        let (_, factor) = units.by_ref().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        let count: u64 = number.parse().map_err(|_| bad())?;
        millis = count
            .checked_mul(*factor)
            .and_then(|part| millis.checked_add(part))
            .filter(|millis| *millis <= i64::MAX as u64 / 1_000_000)
            .ok_or_else(|| ScalarError::TooLarge(text.to_owned()))?;
        rest = after;
    }
    Ok(Duration::from_millis(millis))
}

/// The text of a duration as Prometheus writes it (`model.Duration.String`): years, weeks and days only when the rest
/// divides evenly, so that 90 minutes are `1h30m` and 36 hours `1d12h`.
#[must_use]
pub fn render_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, factor) in DURATION_UNITS {
        let exact_only = matches!(unit, "y" | "w");
        if exact_only && millis % factor != 0 {
            continue;
        }
        let count = millis / factor;
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
            millis -= count * factor;
        }
    }
    text
}

/// A size in bytes: a number, whole or with a fraction, and a unit: `B`, `KiB` to `EiB` (powers of 1024), `KB` to `EB`
/// (powers of `decimal_base`: 1000 by the standard, 1024 in prometheus.yml). `0` needs no unit.
///
/// # Errors
/// Another form, or more than 2^63 bytes.
pub fn parse_size(text: &str, decimal_base: u32) -> Result<u64, ScalarError> {
    let bad = || ScalarError::Size(text.to_owned());
    if text == "0" {
        return Ok(0);
    }
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = text.split_at_checked(digits).ok_or_else(bad)?;
    let unit = unit.trim_start().to_ascii_lowercase();
    let (prefix, base) = match unit.strip_suffix("ib").filter(|prefix| !prefix.is_empty()) {
        Some(prefix) => (prefix, 1024),
        None => (unit.strip_suffix('b').ok_or_else(bad)?, decimal_base),
    };
    let power = ["", "k", "m", "g", "t", "p", "e"].iter().position(|own| *own == prefix).ok_or_else(bad)?;
    let factor = u64::from(base).checked_pow(power as u32).ok_or_else(|| ScalarError::TooLarge(text.to_owned()))?;
    scaled(number, factor)
        .ok_or_else(bad)?
        .filter(|bytes| *bytes <= i64::MAX as u64)
        .ok_or_else(|| ScalarError::TooLarge(text.to_owned()))
}

/// `number` times `factor`, rounded down; the outer `None` for a malformed number, the inner for one too large.
fn scaled(number: &str, factor: u64) -> Option<Option<u64>> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains('.') || fraction.len() > 9 {
        return None;
    }
    let Ok(whole) = whole.parse::<u64>() else { return Some(None) };
    let numerator: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let denominator = 10u128.pow(fraction.len() as u32);
    let part = u128::from(factor) * numerator / denominator;
    Some(u64::try_from(u128::from(whole) * u128::from(factor) + part).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_prometheus_reads_them() {
        // The cases of prometheus/common's model/time_test.go, in seconds or milliseconds.
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("324ms", 324),
            ("3s", 3_000),
            ("5m", 300_000),
            ("1h", 3_600_000),
            ("4d", 345_600_000),
            ("4d1h", 349_200_000),
            ("14d", 1_209_600_000),
            ("3w", 1_814_400_000),
            ("3w2d1h", 1_990_800_000),
            ("10y", 315_360_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["1", "1y1m1d", "-1w", "1.5d", "d", "294y", "200y10400w", "", "1h 3m", "1s1s", "18446744073709551616s"]
        {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_written_as_prometheus_writes_them() {
        for (text, expected) in [
            ("0", "0s"),
            ("90m", "1h30m"),
            ("14d", "2w"),
            ("8d", "8d"),
            ("36h", "1d12h"),
            ("365d", "1y"),
            ("60s", "1m"),
            ("1500ms", "1s500ms"),
        ] {
            assert_eq!(parse_duration(text).map(render_duration).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        for (text, bytes) in [
            ("0", 0),
            ("10B", 10),
            ("64MiB", 64 << 20),
            ("1.5KiB", 1536),
            ("50GB", 50_000_000_000),
            ("1 GiB", 1 << 30),
            ("2kb", 2_000),
        ] {
            assert_eq!(parse_size(text, 1000), Ok(bytes), "{text}");
        }
        assert_eq!(parse_size("1MB", 1024), Ok(1 << 20));
        for text in ["", "10", "MiB", "1.2.3MB", "-1MB", "1XB", "1Mi", "9EiB", "99999999999999999999B", ".5MiB"] {
            assert!(parse_size(text, 1000).is_err(), "{text}");
        }
    }
}
