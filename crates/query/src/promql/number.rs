//! Numbers as Prometheus writes them in answers, label values and expressions.

/// A sample's value as the Prometheus HTTP API prints it: the shortest text that reads back as the same double; `NaN`,
/// `+Inf`, `-Inf`; scientific below 1e-6 and from 1e21 on (`jsonutil.MarshalFloat`).
#[must_use]
pub fn format_value(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_finite() && magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        return scientific(value);
    }
    format_plain(value)
}

/// The same without scientific notation: Go's `strconv.FormatFloat(value, 'f', -1, 64)`, the text of `count_values`.
#[must_use]
pub fn format_plain(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        format!("{value}")
    }
}

/// Go's `%g`: the shortest text, scientific below 1e-4 and from 1e6 on.
#[must_use]
pub(crate) fn format_general(value: f64) -> String {
    let magnitude = value.abs();
    if value.is_finite() && magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        return scientific(value);
    }
    format_plain(value)
}

/// A number as OpenMetrics writes label values that are numbers: with a point where it is whole.
#[must_use]
pub(crate) fn format_openmetrics(value: f64) -> String {
    let text = format_general(value);
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_whole { format!("{text}.0") } else { text }
}

/// Go's `%.2g`: two significant digits, scientific below 1e-4 and from 100 on.
#[must_use]
pub(crate) fn format_two_digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.1e}").parse().unwrap_or(value);
    if rounded.is_finite() && rounded.abs() >= 100.0 { scientific(rounded) } else { format_general(rounded) }
}

/// Go writes at least two digits of exponent, with its sign.
fn scientific(value: f64) -> String {
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else { return text };
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{digits:0>2}")
}

/// A number as Go's `strconv.ParseFloat` reads it, for the bounds of classic histogram buckets.
#[must_use]
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let first = text.trim_start_matches(['+', '-']);
    if first.eq_ignore_ascii_case("inf") || first.eq_ignore_ascii_case("infinity") {
        return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_go_prints_them() {
        // Expected texts: Go's strconv documentation and a running Prometheus.
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1e15, "1000000000000000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1.5e300, "1.5e+300"),
            (1e-6, "0.000001"),
            (1e-7, "1e-07"),
            (-2.5e-9, "-2.5e-09"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(format_value(value), text);
        }
        assert_eq!(format_plain(1e-7), "0.0000001");
        for (value, text) in [(1e6, "1e+06"), (999_999.0, "999999"), (0.0001, "0.0001"), (0.00001, "1e-05"), (7.0, "7")]
        {
            assert_eq!(format_general(value), text);
        }
        for (value, text) in [(0.0123, "0.012"), (12.0, "12"), (125.0, "1.2e+02"), (1.0, "1"), (0.00001234, "1.2e-05")]
        {
            assert_eq!(format_two_digits(value), text);
        }
    }
}
