//! Numbers and truth values as YAML 1.1 spells them in go-yaml, by which Prometheus' files are read.

/// What a plain scalar is worth as a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// Within 64 bits, signed or not.
    Whole(i128),
    /// Anything else, infinities and NaN too.
    Float(f64),
}

/// The number that a text spells: decimal, `0x`, `0o`, `0b`, octal behind a bare `0`, each with sign and `_` between
/// digits; decimal fractions and exponents; `.inf` and `.nan`.
pub(super) fn parse_number(text: &str) -> Option<Number> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Number::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Number::Float(f64::NEG_INFINITY)),
        ".nan" | ".NaN" | ".NAN" => return Some(Number::Float(f64::NAN)),
        _ => {}
    }
    let first = text.chars().next()?;
    if !(first.is_ascii_digit() || matches!(first, '+' | '-' | '.')) {
        return None;
    }
    // Behind a leading point go-yaml takes no `_`.
    let plain = if first == '.' { text.to_owned() } else { text.replace('_', "") };
    whole(&plain).map(Number::Whole).or_else(|| float(&plain).map(Number::Float))
}

fn whole(plain: &str) -> Option<i128> {
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, plain.strip_prefix('+').unwrap_or(plain)),
    };
    let (radix, digits) = match digits.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("0x") => (16, digits.get(2..)?),
        Some("0o") => (8, digits.get(2..)?),
        Some("0b") => (2, digits.get(2..)?),
        Some(octal) if octal.starts_with('0') => (8, digits.get(1..)?),
        _ => (10, digits),
    };
    // A second sign is none.
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let size = i128::from(u64::from_str_radix(digits, radix).ok()?);
    let number = if negative { -size } else { size };
    (number >= i128::from(i64::MIN)).then_some(number)
}

/// A decimal fraction: digits with at most one point, an exponent; within the range of a double.
fn float(plain: &str) -> Option<f64> {
    let unsigned = plain.strip_prefix(['+', '-']).unwrap_or(plain);
    let well_formed = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    well_formed.then(|| plain.parse::<f64>().ok()).flatten().filter(|number| number.is_finite())
}

/// The truth value that a text spells; other mixtures of small and capital letters are text.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

/// Whether a text spells nothing.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}
