//! Decimal numbers as text, compared by what they say: `5`, `5.0` and `5e0` are one number, to the last digit.

use std::borrow::Cow;

/// Longest text that is read as a number.
const MAX_NUMERAL_BYTES: usize = 400;
/// Most digits of a number in plain notation; with more it is its digits and an exponent.
const MAX_PLAIN_DIGITS: i64 = 40;

/// A decimal number: `0.<digits> × 10^exponent`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numeral<'t> {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: Cow<'t, str>,
    exponent: i64,
}

impl<'t> Numeral<'t> {
    /// The number that the whole text is: digits with at most one point, a sign before and an exponent behind.
    /// `None` for any other text, for hex, `NaN` and infinities, and beyond 400 bytes.
    #[must_use]
    pub fn parse(text: &'t str) -> Option<Self> {
        let first = text.bytes().next().filter(|_| text.len() <= MAX_NUMERAL_BYTES)?;
        if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
            return None;
        }
        let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
        if !all_digits || whole.len() + fraction.len() == 0 {
            return None;
        }
        let digits: Cow<'t, str> = if fraction.is_empty() { whole.into() } else { format!("{whole}{fraction}").into() };
        let leading = digits.len() - digits.trim_start_matches('0').len();
        let trimmed = match digits {
            Cow::Borrowed(digits) => Cow::Borrowed(digits.trim_matches('0')),
            Cow::Owned(digits) => Cow::Owned(digits.trim_matches('0').to_owned()),
        };
        if trimmed.is_empty() {
            return Some(Self { negative: false, digits: trimmed, exponent: 0 });
        }
        let exponent = i64::from(exponent) + whole.len() as i64 - leading as i64;
        Some(Self { negative: text.starts_with('-'), digits: trimmed, exponent })
    }

    /// The number on its own, without the text it was read from.
    #[must_use]
    pub fn into_owned(self) -> Numeral<'static> {
        Numeral { negative: self.negative, digits: Cow::Owned(self.digits.into_owned()), exponent: self.exponent }
    }

    /// The number in plain notation without zeros that say nothing (`5`, `-12.5`, `1000`, `0.001`); very large and very
    /// small ones as digits and exponent.
    #[must_use]
    pub fn plain(&self) -> String {
        let (sign, digits) = (if self.negative { "-" } else { "" }, &*self.digits);
        let length = digits.len() as i64;
        if digits.is_empty() {
            return "0".to_owned();
        }
        if self.exponent.abs().max(length) > MAX_PLAIN_DIGITS {
            return format!("{sign}{digits}e{}", self.exponent - length);
        }
        match usize::try_from(self.exponent) {
            Ok(point) if point >= digits.len() => format!("{sign}{digits}{}", "0".repeat(point - digits.len())),
            Ok(point) if point > 0 => {
                let (whole, fraction) = digits.split_at_checked(point).unwrap_or((digits, ""));
                format!("{sign}{whole}.{fraction}")
            }
            _ => format!("{sign}0.{}{digits}", "0".repeat(usize::try_from(-self.exponent).unwrap_or(0))),
        }
    }
}

/// The plain notation of a text that is a number in another; `None` for other text.
#[must_use]
pub fn other_notation(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if !matches!(bytes, [b'0'..=b'9' | b'-' | b'+' | b'.', ..]) {
        return None;
    }
    // Most numbers are written plainly: told without reading them.
    let leading_zero = matches!(
        bytes,
        [b'0', b'0'..=b'9', ..] | [b'-', b'0'] | [b'-', b'0', b'0'..=b'9', ..] | [b'+' | b'.', ..] | [b'-', b'.', ..]
    );
    let fraction_ends_in_zero = bytes.last() == Some(&b'0') && bytes.contains(&b'.') || bytes.last() == Some(&b'.');
    let has_exponent = || bytes.iter().any(|byte| matches!(byte, b'e' | b'E'));
    let is_long = i64::try_from(bytes.len()).is_ok_and(|length| length > MAX_PLAIN_DIGITS);
    if !(leading_zero || fraction_ends_in_zero || is_long || has_exponent()) {
        return None;
    }
    Numeral::parse(text).map(|number| number.plain()).filter(|plain| plain != text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_number_in_any_notation() {
        // The plain notations are what Python's decimal.Decimal(text).normalize() says with format "f".
        for (texts, plain) in [
            (&["5", "5.0", "5e0", "+5", "05", "5.", "0.5e1", "50E-1", "500e-2"][..], "5"),
            (&["12.5", "12.50", "1.25e1", "0125e-1"], "12.5"),
            (&["0", "-0", "0.0", "0e9", "000"], "0"),
            (&["-0.001", "-.001", "-1e-3", "-0.0010"], "-0.001"),
            (&["1000", "1e3", "1.000e3", "1000.0"], "1000"),
            (&["9007199254740993", "9007199254740993.0"], "9007199254740993"),
            (&["1e300", "10e299"], "1e300"),
            (&["1000000000000000000000000000000000000000000000", "1e45"], "1e45"),
        ] {
            for text in texts {
                assert_eq!(Numeral::parse(text).map(|number| number.plain()).as_deref(), Some(plain), "{text}");
                assert_eq!(other_notation(text).as_deref(), (*text != plain).then_some(plain), "{text}");
            }
        }
        assert_ne!(Numeral::parse("9007199254740993"), Numeral::parse("9007199254740992"));
        for no_number in ["", "-", ".", "e5", "5e", "1.2.3", "0x10", "NaN", "inf", "5ms", " 5", "1_000", "5e1.5", "--5"]
        {
            assert_eq!(Numeral::parse(no_number), None, "{no_number}");
            assert_eq!(other_notation(no_number), None, "{no_number}");
        }
    }

    proptest! {
        #[test]
        fn two_numbers_are_the_same_when_their_difference_is_none(a in -2000i64..2000, b in -2000i64..2000, zeros in 0usize..4, shift in 0u32..3) {
            let exact = |n: i64| format!("{}e-{shift}", n * 10i64.pow(shift));
            let padded = |n: i64| format!("{n}.{}", "0".repeat(zeros));
            prop_assert_eq!(Numeral::parse(&exact(a)) == Numeral::parse(&padded(b)), a == b);
            prop_assert_eq!(Numeral::parse(&exact(a)).unwrap().plain(), a.to_string());
        }
    }
}
