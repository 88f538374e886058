//! IDs in one canonical form, so that every way of writing an ID reaches the same records.
//!
//! The forms that meet in one system: hex in either case, a UUID with dashes, a trace ID logged as a Python integer
//! (`span.get_span_context().trace_id` is a 128-bit number), a W3C `traceparent`, and free-form IDs (`task:001`).

use crate::id::{SpanId, TraceId};
use crate::limits::MAX_ID_BYTES;
use crate::value::Value;
use compact_str::CompactString;
use std::fmt;

/// An ID in canonical form; equal IDs in different spellings are equal here.
///
/// Placeholders name nothing and have no canonical form: zeros alone (dashes between them or not), `-`, and in any case
/// `none`, `null`, `nil`, `n/a`, `na`, `nan`, `undefined`, `unknown`, also in brackets (`<nil>`, `(none)`, `[null]`).
/// Loggers write them where there is no ID, and what has none is not one story.
///
/// Rules, first match wins:
/// 1. a `traceparent` (`00-<32 hex>-<16 hex>-<2 hex>`) is its trace ID;
/// 2. a UUID with dashes is its 32 hex digits;
/// 3. a decimal of 30 to 39 digits that fits 128 bits is its 32 hex digits. Random 128-bit trace IDs have fewer than
///    30 digits once in 300 million; shorter decimals are ordinary numbers;
/// 4. hex digits only, with at least one letter, 8 digits or more: lowercase;
/// 5. anything else: as it is written, without surrounding white space.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CanonicalId(CompactString);

impl CanonicalId {
    /// The canonical form of `text`; `None` when it is empty, a placeholder or longer than an ID can be (512 bytes).
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.len() > MAX_ID_BYTES || is_placeholder(text) {
            return None;
        }
        let canonical = traceparent(text)
            .or_else(|| undashed_uuid(text))
            .or_else(|| wide_decimal(text))
            .or_else(|| folded_hex(text))
            .unwrap_or_else(|| CompactString::from(text));
        Some(Self(canonical))
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

    /// The trace ID it may be: 32 hex digits.
    #[must_use]
    pub fn as_trace_id(&self) -> Option<TraceId> {
        TraceId::from_hex(&self.0)
    }

    /// The span ID it may be: 16 hex digits.
    #[must_use]
    pub fn as_span_id(&self) -> Option<SpanId> {
        SpanId::from_hex(&self.0)
    }
}

impl From<TraceId> for CanonicalId {
    fn from(id: TraceId) -> Self {
        Self(compact_str::format_compact!("{id}"))
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

/// W3C Trace Context, 3.2: version, trace ID, parent ID, flags.
fn traceparent(text: &str) -> Option<CompactString> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let shaped = version.len() == 2 && flags.len() == 2 && parts.next().is_none() && is_hex(version) && is_hex(flags);
    (shaped && SpanId::from_hex(span).is_some())
        .then(|| TraceId::from_hex(trace))
        .flatten()
        .map(|id| compact_str::format_compact!("{id}"))
}

/// RFC 9562, 4: 8-4-4-4-12 hex digits.
fn undashed_uuid(text: &str) -> Option<CompactString> {
    if text.len() != 36 {
        return None;
    }
    let widths = [8, 4, 4, 4, 12];
    let mut parts = text.split('-');
    for width in widths {
        let part = parts.next()?;
        if part.len() != width || !is_hex(part) {
            return None;
        }
    }
    parts.next().is_none().then(|| text.chars().filter(|&c| c != '-').map(|c| c.to_ascii_lowercase()).collect())
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
    let letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    (text.len() >= 8 && letters && is_hex(text)).then(|| CompactString::from(text.to_ascii_lowercase()))
}

fn is_hex(text: &str) -> bool {
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
    fn a_number_too_wide_for_128_bits_stays_text() {
        let text = "999999999999999999999999999999999999999";
        assert_eq!(CanonicalId::new(text).unwrap().as_str(), text);
    }
}
