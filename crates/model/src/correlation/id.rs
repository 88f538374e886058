//! IDs in one canonical form, so that every way of writing an ID reaches the same records.
//!
//! The forms that meet in one system: hex in either case, a UUID with dashes, a trace ID logged as a Python integer
//! (`span.get_span_context().trace_id` is a 128-bit number), 64-bit IDs of older tracers with and without the zeros that
//! pad them, the headers that carry a trace from one process to the next, and free-form IDs (`task:001`).

use super::propagation::PropagatedContext;
use crate::id::{SpanId, TraceId};
use crate::limits::MAX_ID_BYTES;
use crate::value::Value;
use compact_str::CompactString;
use std::fmt;
use std::ops::RangeInclusive;

/// An ID in canonical form; equal IDs in different spellings are equal here.
///
/// Placeholders name nothing and have no canonical form: zeros alone (dashes between them or not), `-`, and in any case
/// `none`, `null`, `nil`, `n/a`, `na`, `nan`, `undefined`, `unknown`, also in brackets (`<nil>`, `(none)`, `[null]`).
/// Loggers write them where there is no ID, and what has none is not one story.
///
/// Rules, first match wins:
/// 1. a header that carries a trace (see [`PropagatedContext`]) is its trace ID;
/// 2. a UUID with dashes, in braces or behind `urn:uuid:` too, is its 32 hex digits;
/// 3. a decimal of 30 to 39 digits that fits 128 bits is its 32 hex digits. Random 128-bit trace IDs have fewer than
///    30 digits once in 300 million; shorter decimals are ordinary numbers;
/// 4. `0x` and the 16 or 32 hex digits of a span or trace ID: the digits in lower case;
/// 5. hex digits only, with at least one letter, 8 digits or more: lowercase;
/// 6. anything else: as it is written, without surrounding white space.
///
/// What is 32 hex digits by then and begins with 16 zeros is a 64-bit trace ID, padded as W3C Trace Context, 2.2.2.3
/// and Zipkin want it: its canonical form is its 16 digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalId(CompactString);

/// Decimal digits from which text that is known to be a trace or span ID is a number of 64 bits: 16 digits and fewer
/// may be hex without letters (once in 1,800), a random number of 64 bits has fewer than 17 as rarely.
const DECIMAL_DIGITS: RangeInclusive<usize> = 17..=20;
/// Decimal digits from which a JSON number under the name of a trace or span ID is the number of 64 bits.
const MIN_NUMBER_DIGITS: usize = 16;
/// Hex digits that a 64-bit ID keeps when its leading zeros are left out (fewer once in 65,536).
const SHORT_DIGITS: RangeInclusive<usize> = 12..=15;
/// The same of a 128-bit one; also 64-bit ones that are padded with less than all zeros.
const LONG_DIGITS: RangeInclusive<usize> = 17..=31;

impl CanonicalId {
    /// The canonical form of `text`; `None` when it is empty, a placeholder or longer than an ID can be (512 bytes).
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_ID_BYTES || is_placeholder(text) {
            return None;
        }
        if let Some(context) = PropagatedContext::parse(text) {
            return Some(context.trace.into());
        }
        let canonical = undashed_uuid(text)
            .or_else(|| wide_decimal(text))
            .or_else(|| folded_hex(text))
            .unwrap_or_else(|| CompactString::from(text));
        Some(Self(unpadded(canonical)))
    }

    /// The canonical form of what stands in a field of trace or span IDs, where more can be told: a decimal of 64 bits
    /// is its 16 hex digits, and hex digits without their leading zeros are padded.
    ///
    /// A JSON number counts from 16 digits on, text from 17.
    #[must_use]
    pub fn of_context_field(value: &Value) -> Option<Self> {
        let text = value.scalar_text()?;
        let min = if matches!(value, Value::String(_)) { *DECIMAL_DIGITS.start() } else { MIN_NUMBER_DIGITS };
        decimal_64(&text, min).or_else(|| padded_hex(text.trim())).or_else(|| Self::of_value(value))
    }

    /// Every ID that a text may mean when nothing says which field it comes from, the likeliest first: its canonical
    /// form, and what [`CanonicalId::of_context_field`] would make of it. Empty for placeholders.
    #[must_use]
    pub fn readings(text: &str) -> Vec<Self> {
        let mut readings: Vec<Self> = Self::new(text).into_iter().collect();
        if !readings.is_empty() {
            let text = text.trim();
            for other in [decimal_64(text, MIN_NUMBER_DIGITS), padded_hex(text)].into_iter().flatten() {
                if !readings.contains(&other) {
                    readings.push(other);
                }
            }
        }
        readings
    }

    /// The canonical form of a scalar value; `None` for arrays, maps and nulls.
    #[must_use]
    pub fn of_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null | Value::Bool(_) => None,
            other => other.scalar_text().and_then(|text| Self::new(&text)),
        }
    }

    /// The text of the canonical form.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace ID it may be: 32 hex digits, or the 16 of a 64-bit one.
    #[must_use]
    pub fn as_trace_id(&self) -> Option<TraceId> {
        TraceId::from_hex(&self.0).or_else(|| self.as_span_id().map(TraceId::from_64_bits))
    }

    /// The span ID it may be: 16 hex digits.
    #[must_use]
    pub fn as_span_id(&self) -> Option<SpanId> {
        SpanId::from_hex(&self.0)
    }
}

impl From<TraceId> for CanonicalId {
    fn from(id: TraceId) -> Self {
        match id.as_64_bits() {
            Some(short) => short.into(),
            None => Self(compact_str::format_compact!("{id}")),
        }
    }
}

impl From<SpanId> for CanonicalId {
    fn from(id: SpanId) -> Self {
        Self(compact_str::format_compact!("{id}"))
    }
}

impl fmt::Display for CanonicalId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// What stands where there is no ID.
fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 8] = ["none", "null", "nil", "n/a", "na", "nan", "undefined", "unknown"];
    let zeros = |text: &str| text.bytes().all(|byte| matches!(byte, b'0' | b'-'));
    // A traceparent of zeros ends in flags, which may be any.
    let is_zero = zeros(text) || (text.len() == 55 && text.get(..52).is_some_and(zeros) && traceparent_shaped(text));
    let inner = text.trim_matches(['<', '>', '(', ')', '[', ']', '{', '}']);
    is_zero || inner.is_empty() || WORDS.iter().any(|word| inner.eq_ignore_ascii_case(word))
}

fn traceparent_shaped(text: &str) -> bool {
    text.split('-').map(str::len).eq([2, 32, 16, 2])
}

/// RFC 9562, 4: 8-4-4-4-12 hex digits.
fn undashed_uuid(text: &str) -> Option<CompactString> {
    let bare = text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(text);
    let bare = match bare.get(..9) {
        Some(scheme) if scheme.eq_ignore_ascii_case("urn:uuid:") => bare.get(9..)?,
        _ => bare,
    };
    if bare.len() != 36 {
        return None;
    }
    let mut parts = bare.split('-');
    for width in [8, 4, 4, 4, 12] {
        parts.next().filter(|part| part.len() == width && is_hex(part))?;
    }
    parts.next().is_none().then(|| bare.chars().filter(|&c| c != '-').map(|c| c.to_ascii_lowercase()).collect())
}

fn wide_decimal(text: &str) -> Option<CompactString> {
    let digits = (30..=39).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    // 32 digits that are all decimal are far more often a hex ID than a number of that length: a trace ID written in
    // hex has no letter once in a million, while Python prints 32 decimal digits for one trace ID in ten million.
    if !digits || text.len() == 32 {
        return None;
    }
    text.parse::<u128>().ok().map(|number| compact_str::format_compact!("{number:032x}"))
}

fn folded_hex(text: &str) -> Option<CompactString> {
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
        && matches!(digits.len(), 16 | 32)
        && is_hex(digits)
    {
        return Some(CompactString::from(digits.to_ascii_lowercase()));
    }
    let letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    (text.len() >= 8 && letters && is_hex(text)).then(|| CompactString::from(text.to_ascii_lowercase()))
}

/// A 64-bit trace ID without the zeros that pad it to 128.
fn unpadded(id: CompactString) -> CompactString {
    match TraceId::from_hex(&id).and_then(TraceId::as_64_bits) {
        Some(short) => compact_str::format_compact!("{short}"),
        None => id,
    }
}

fn decimal_64(text: &str, min_digits: usize) -> Option<CanonicalId> {
    let decimal =
        (min_digits..=*DECIMAL_DIGITS.end()).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = decimal.then(|| text.parse().ok()).flatten()?;
    SpanId::from_bytes(&number.to_be_bytes()).map(CanonicalId::from)
}

/// Hex digits with at least one letter that lack their leading zeros.
fn padded_hex(text: &str) -> Option<CanonicalId> {
    let width = match text.len() {
        length if SHORT_DIGITS.contains(&length) => 16,
        length if LONG_DIGITS.contains(&length) => 32,
        _ => return None,
    };
    let letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let padded = (letters && is_hex(text)).then(|| format!("{text:0>width$}"))?;
    TraceId::from_hex(&padded).map(CanonicalId::from).or_else(|| SpanId::from_hex(&padded).map(CanonicalId::from))
}

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_id_has_one_canonical_form() {
        // Expected values computed with Python: f"{int(s):032x}", uuid.UUID(s).hex.
        for (text, canonical) in [
            ("4BF92F3577B34DA6A3CE929D0E0E4736", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("100985939111033328018442752961257817910", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("task:001", "task:001"),
            (" req-ABC123 ", "req-ABC123"),
            ("DEADBEEF", "deadbeef"),
            ("12345678", "12345678"),
            ("0012345678", "0012345678"),
            // Of 64 bits, padded and not: W3C Trace Context 2.2.2.3.
            ("0000000000000000a7890b687652000e", "a7890b687652000e"),
            ("A7890B687652000E", "a7890b687652000e"),
            ("0xA7890B687652000E", "a7890b687652000e"),
            ("00-0000000000000000a7890b687652000e-00f067aa0ba902b7-01", "a7890b687652000e"),
            ("a7890b687652000e:00f067aa0ba902b7:0:1", "a7890b687652000e"),
            ("0x4bf92f3577b34da6a3ce929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("{4BF92F35-77B3-4DA6-A3CE-929D0E0E4736}", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("urn:uuid:4bf92f35-77b3-4da6-a3ce-929d0e0e4736", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("0x1f", "0x1f"),
            ("0x52908400098527886e0779030069857d2e4169ee", "0x52908400098527886e0779030069857d2e4169ee"),
            ("12072192819432914958", "12072192819432914958"),
        ] {
            assert_eq!(CanonicalId::new(text).unwrap().as_str(), canonical, "{text}");
        }
        for nothing in [
            "  ",
            "-",
            "--",
            "0",
            "00000000",
            "00000000000000000000000000000000",
            "0000000000000000",
            "none",
            "None",
            "NULL",
            "nil",
            "<nil>",
            "(none)",
            "[null]",
            "n/a",
            "N/A",
            "undefined",
            "Unknown",
            "{}",
            "00000000-0000-0000-0000-000000000000",
            "00-00000000000000000000000000000000-0000000000000000-01",
        ] {
            assert_eq!(CanonicalId::new(nothing), None, "{nothing}");
        }
        for something in ["none-of-us", "unknown-7", "00000001", "0-1", "nullable", "task:0"] {
            assert!(CanonicalId::new(something).is_some(), "{something}");
        }
        assert_eq!(CanonicalId::new(&"x".repeat(513)), None);
    }

    #[test]
    fn fields_of_trace_and_span_ids_know_decimals_and_missing_zeros() {
        // Expected values computed with Python: f"{int(s):016x}", s.zfill(16).
        let number = |text: &str| Value::Number(crate::value::Number(text.into()));
        for (value, canonical) in [
            (Value::from("12072192819432914958"), "a7890b687652000e"),
            (number("12072192819432914958"), "a7890b687652000e"),
            (Value::Int(5_208_512_171_318_403_364), "48485a3953bb6124"),
            (Value::from("5208512171318403364"), "48485a3953bb6124"),
            (Value::Int(1_234_567_890_123_456), "000462d53c8abac0"),
            // Text of 16 digits is hex.
            (Value::from("1234567890123456"), "1234567890123456"),
            (Value::from("7890b687652000e"), "07890b687652000e"),
            (Value::from("f92f3577b34da6a3ce929d0e0e4736"), "00f92f3577b34da6a3ce929d0e0e4736"),
            (Value::from("20000a7890b687652000e"), "0000000000020000a7890b687652000e"),
            (Value::from("0000a7890b687652000e"), "a7890b687652000e"),
            (Value::Int(7), "7"),
            (Value::from("99999999999999999999"), "99999999999999999999"),
            (Value::from("span-7"), "span-7"),
        ] {
            let read = CanonicalId::of_context_field(&value);
            assert_eq!(read.as_ref().map(CanonicalId::as_str), Some(canonical), "{value:?}");
            // Whoever asks with the same text gets there.
            let asked = CanonicalId::readings(&value.display_text());
            assert!(asked.iter().any(|id| id.as_str() == canonical), "{value:?} {asked:?}");
        }
        assert_eq!(CanonicalId::readings("none"), []);
        assert_eq!(CanonicalId::of_context_field(&Value::Int(0)), None);
    }

    #[test]
    fn a_number_too_wide_for_128_bits_stays_text() {
        let text = "999999999999999999999999999999999999999";
        assert_eq!(CanonicalId::new(text).unwrap().as_str(), text);
    }
}
