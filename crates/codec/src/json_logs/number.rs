//! JSON numbers: the grammar of RFC 8259, section 6, and the value that keeps their text.

use clew_model::value::double_text;
use clew_model::{Number, Value};

/// A number's extent and what its text is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Bytes of the whole text.
    pub length: usize,
    /// Digits of the fraction; 0 when there is none.
    fraction: usize,
    has_exponent: bool,
}

/// The number at the start of `bytes`, which starts with `-` or a digit. The error is the offset where a digit was
/// expected.
pub(super) fn scan(bytes: &[u8]) -> Result<Scanned, usize> {
    let negative = usize::from(bytes.first() == Some(&b'-'));
    let integer = digits(bytes, negative);
    if integer == 0 {
        return Err(negative);
    }
    // A leading zero stands alone; a digit after it is not part of the number.
    let integer = if bytes.get(negative) == Some(&b'0') { 1 } else { integer };
    let mut length = negative + integer;
    let mut fraction = 0;
    if bytes.get(length) == Some(&b'.') {
        fraction = digits(bytes, length + 1);
        length += 1 + fraction;
        if fraction == 0 {
            return Err(length);
        }
    }
    let has_exponent = matches!(bytes.get(length), Some(b'e' | b'E'));
    if has_exponent {
        length += 1 + usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = digits(bytes, length);
        length += exponent;
        if exponent == 0 {
            return Err(length);
        }
    }
    Ok(Scanned { length, fraction, has_exponent })
}

fn digits(bytes: &[u8], from: usize) -> usize {
    bytes.get(from..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The value whose JSON text is `text`, as [`scan`] found it.
pub(super) fn value(text: &str, scanned: &Scanned) -> Value {
    if scanned.fraction == 0 && !scanned.has_exponent {
        return integer(text).map_or_else(|| Value::Number(Number(text.into())), Value::Int);
    }
    if let Some(double) = short_decimal(text, scanned) {
        return Value::Double(double);
    }
    match text.parse::<f64>() {
        Ok(double) if double_text(double) == text => Value::Double(double),
        _ => Value::Number(Number(text.into())),
    }
}

fn integer(text: &str) -> Option<i64> {
    if text == "-0" { None } else { text.parse().ok() }
}

const POWERS_OF_TEN: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The double of a decimal with at most 15 significant digits that is written as Rust writes it. Such a decimal is told
/// apart from every other of its length by its double, so its text is the shortest one; and as both the digits and the
/// power of ten are exact doubles, one division rounds correctly.
fn short_decimal(text: &str, scanned: &Scanned) -> Option<f64> {
    let has_final_zero = text.ends_with('0') && scanned.fraction > 1;
    if scanned.has_exponent || has_final_zero || text.len() > 17 || scanned.fraction > 15 {
        return None;
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mut digits = 0u64;
    for byte in unsigned.bytes().filter(|byte| *byte != b'.') {
        digits = digits.checked_mul(10)?.checked_add(u64::from(byte.checked_sub(b'0')?))?;
    }
    // Below 10^-4 Rust turns to exponents.
    if digits >= 1_000_000_000_000_000 || (unsigned.starts_with("0.000") && scanned.fraction > 3) {
        return None;
    }
    let double = digits as f64 / POWERS_OF_TEN.get(scanned.fraction)?;
    Some(if unsigned.len() < text.len() { -double } else { double })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::value::write_json;
    use proptest::prelude::*;

    fn read(text: &str) -> Value {
        let scanned = scan(text.as_bytes()).unwrap();
        assert_eq!(scanned.length, text.len(), "{text}");
        value(text, &scanned)
    }

    #[test]
    fn the_kind_of_value_follows_the_text() {
        let number = |text: &str| Value::Number(Number(text.into()));
        for (text, value) in [
            ("0", Value::Int(0)),
            ("-9223372036854775808", Value::Int(i64::MIN)),
            ("9223372036854775808", number("9223372036854775808")),
            ("-0", number("-0")),
            ("2.1", Value::Double(2.1)),
            ("-0.5", Value::Double(-0.5)),
            ("1.0", Value::Double(1.0)),
            ("1.10", number("1.10")),
            ("1e3", number("1e3")),
            ("1E+2", number("1E+2")),
            ("0.0001", Value::Double(0.0001)),
            ("0.00001", number("0.00001")),
            ("1701347696.7890503", Value::Double(1_701_347_696.789_050_3)),
            ("0.1000000000000000055511151231257827", number("0.1000000000000000055511151231257827")),
            ("1e999", number("1e999")),
        ] {
            assert_eq!(read(text), value, "{text}");
        }
        assert_eq!(read("-0.0").as_f64().map(f64::to_bits), Some((-0.0f64).to_bits()));
    }

    #[test]
    fn a_broken_number_is_told_where() {
        for (text, at) in [("-", 1), ("1.", 2), ("1.e3", 2), ("1e", 2), ("1e+", 3), ("-x", 1)] {
            assert_eq!(scan(text.as_bytes()), Err(at), "{text}");
        }
        assert_eq!(scan(b"01").unwrap().length, 1);
    }

    proptest! {
        #[test]
        fn the_text_and_the_double_survive(text in "-?(0|[1-9][0-9]{0,18})(\\.[0-9]{1,18})?([eE][+-]?[0-9]{1,3})?") {
            let value = read(&text);
            let mut out = String::new();
            write_json(&value, &mut out);
            prop_assert_eq!(&out, &text);
            // Rust's own conversion is correctly rounded.
            prop_assert_eq!(value.as_f64().map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits));
        }

        #[test]
        fn short_decimals_survive_as_doubles(whole in 0u32.., fraction in "[0-9]{0,3}[1-9]") {
            let text = format!("{whole}.{fraction}");
            prop_assert_eq!(read(&text), Value::Double(text.parse().unwrap()));
        }
    }
}
