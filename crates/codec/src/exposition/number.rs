//! Numbers as Prometheus reads and writes them (Go's `strconv`).

use clew_model::UnixMillis;

/// The bits of the NaN that Prometheus stores for any NaN of an exposition (`value.NormalNaN`), distinct from the
/// staleness marker.
const NORMAL_NAN: u64 = 0x7ff8_0000_0000_0001;

/// A sample's value: a decimal number, `NaN` or `Inf` in any case. Hexadecimal digits, underscores and numbers too big
/// for a double are no values.
pub(super) fn value(text: &str) -> Option<f64> {
    if text.len() <= 15 && text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // Below 10^15 an integer is exact.
        return Some(text.bytes().fold(0u64, |number, digit| number * 10 + u64::from(digit - b'0')) as f64);
    }
    let (sign, unsigned) = match text.as_bytes().first()? {
        b'-' => (-1.0, text.get(1..)?),
        b'+' => (1.0, text.get(1..)?),
        _ => (1.0, text),
    };
    match unsigned.as_bytes().first()? {
        b'0'..=b'9' | b'.' => {
            unsigned.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| sign * number)
        }
        _ if ["inf", "infinity"].iter().any(|word| unsigned.eq_ignore_ascii_case(word)) => Some(sign * f64::INFINITY),
        _ if text.eq_ignore_ascii_case("nan") => Some(f64::from_bits(NORMAL_NAN)),
        _ => None,
    }
}

/// A timestamp of the text format: an integer in milliseconds.
pub(super) fn millis(text: &str) -> Option<UnixMillis> {
    text.parse().ok()
}

/// A timestamp of OpenMetrics: a decimal in seconds, cut to milliseconds as Prometheus does.
pub(super) fn seconds(text: &str) -> Option<UnixMillis> {
    let millis = value(text)? * 1000.0;
    (millis.abs() < i64::MAX as f64).then_some(millis as i64)
}

/// A bucket bound or quantile in the one spelling that Prometheus 3 gives it, so that `le="1"` and `le="1.0"` are one
/// series: as Go's `%g`, with `.0` after an integer. Text that is no number stays as it is.
pub(super) fn canonical_bound(text: &str) -> Option<String> {
    let number = value(text)?;
    if number.is_nan() {
        return Some("NaN".to_owned());
    }
    if number.is_infinite() {
        return Some(if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned());
    }
    if number == 0.0 {
        // Both zeros: Go compares them equal before it formats.
        return Some("0.0".to_owned());
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e')?;
    let exponent: i32 = exponent.parse().ok()?;
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return Some(format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs()));
    }
    let plain = number.to_string();
    Some(if plain.contains('.') { plain } else { plain + ".0" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_what_gos_parse_float_takes() {
        for (text, expected) in [
            ("0", Some(0.0)),
            ("12.47", Some(12.47)),
            ("+1.5e3", Some(1500.0)),
            (".5", Some(0.5)),
            ("1.", Some(1.0)),
            ("-3", Some(-3.0)),
            ("123456789012345678", Some(123_456_789_012_345_678.0)),
            ("Inf", Some(f64::INFINITY)),
            ("+inf", Some(f64::INFINITY)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("1e999", None),
            ("0x1p3", None),
            ("0x10", None),
            ("1_000", None),
            ("+NaN", None),
            ("infi", None),
            ("", None),
            ("-", None),
            ("+-1", None),
            ("1e", None),
            ("abc", None),
        ] {
            assert_eq!(value(text), expected, "{text}");
        }
        assert_eq!(value("nAn").map(f64::to_bits), Some(NORMAL_NAN));
        assert_eq!(value("-0").map(f64::to_bits), Some((-0.0f64).to_bits()));
    }

    #[test]
    fn bounds_have_one_spelling() {
        // Expected: Go's strconv.FormatFloat(f, 'g', -1, 64), and ".0" after an integer (OpenMetrics 1.0, "Numbers").
        for (text, canonical) in [
            ("1", "1.0"),
            ("1.0", "1.0"),
            ("0.005", "0.005"),
            ("0", "0.0"),
            ("-1", "-1.0"),
            ("100000", "100000.0"),
            ("1000000", "1e+06"),
            ("1.5e7", "1.5e+07"),
            ("0.0001", "0.0001"),
            ("0.00001", "1e-05"),
            ("1e100", "1e+100"),
            ("+Inf", "+Inf"),
            ("-inf", "-Inf"),
            ("nan", "NaN"),
        ] {
            assert_eq!(canonical_bound(text).as_deref(), Some(canonical), "{text}");
        }
        assert_eq!(canonical_bound("high"), None);
    }

    #[test]
    fn timestamps_are_bounded() {
        assert_eq!(millis("1520879607789"), Some(1_520_879_607_789));
        assert_eq!(millis("-3982045"), Some(-3_982_045));
        assert_eq!(millis("1.5"), None);
        assert_eq!(seconds("1520879607.789"), Some(1_520_879_607_789));
        assert_eq!(seconds("-1.5"), Some(-1500));
        assert_eq!(seconds("1e300"), None);
        assert_eq!(seconds("NaN"), None);
        assert_eq!(seconds("Inf"), None);
    }
}
