//! Attribute values: what OpenTelemetry's `AnyValue` and JSON can say, kept without loss.

use compact_str::CompactString;
use std::borrow::Cow;
use std::fmt::Write as _;

/// A value of an attribute, a log body or a field.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// JSON `null`, or an `AnyValue` without a value.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed integer whose canonical decimal text is the text that was sent.
    Int(i64),
    /// A double that was sent in binary, or whose shortest text is the text that was sent.
    Double(f64),
    /// A JSON number whose text would not survive as [`Value::Int`] or [`Value::Double`] (`1.0`, `1e3`, 30 digits).
    Number(Number),
    /// Text.
    String(CompactString),
    /// Bytes (OTLP only).
    Bytes(Vec<u8>),
    /// A list.
    Array(Vec<Value>),
    /// Key and value pairs in the order they were sent; a repeated key is kept.
    Map(Attributes),
}

/// The text of a JSON number, as it was sent. Only JSON decoders make it, after validating the grammar of RFC 8259.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(pub CompactString);

impl Number {
    /// The nearest double.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }
}

/// One attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The name.
    pub key: CompactString,
    /// The value.
    pub value: Value,
}

impl Attribute {
    /// An attribute from its parts.
    pub fn new(key: impl Into<CompactString>, value: impl Into<Value>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// Attributes in the order they were sent.
pub type Attributes = Vec<Attribute>;

/// The first attribute with exactly this key.
#[must_use]
pub fn find<'a>(attributes: &'a [Attribute], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| &attribute.value)
}

impl Value {
    /// The text of a scalar as a person would write it: strings bare, numbers in decimal, bytes in hex, `null`.
    /// `None` for arrays and maps.
    #[must_use]
    pub fn scalar_text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Value::Null => Cow::Borrowed("null"),
            Value::Bool(true) => Cow::Borrowed("true"),
            Value::Bool(false) => Cow::Borrowed("false"),
            Value::Int(number) => Cow::Owned(number.to_string()),
            Value::Double(number) => Cow::Owned(double_text(*number)),
            Value::Number(number) => Cow::Borrowed(number.0.as_str()),
            Value::String(text) => Cow::Borrowed(text.as_str()),
            Value::Bytes(bytes) => Cow::Owned(hex_text(bytes)),
            Value::Array(_) | Value::Map(_) => return None,
        })
    }

    /// The text that stands for any value in lists, histograms and full text: scalars as [`Value::scalar_text`],
    /// arrays and maps as JSON.
    #[must_use]
    pub fn display_text(&self) -> Cow<'_, str> {
        self.scalar_text().unwrap_or_else(|| {
            let mut out = String::new();
            write_json(self, &mut out);
            Cow::Owned(out)
        })
    }

    /// The value as a number, for numeric comparison: numbers, and text that is wholly a decimal number.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(number) => Some(*number as f64),
            Value::Double(number) => Some(*number),
            Value::Number(number) => Some(number.as_f64()),
            Value::String(text) => parse_decimal(text),
            _ => None,
        }
    }

    /// Bytes of memory beyond the value itself, for budgets; an estimate.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        match self {
            Value::String(text) | Value::Number(Number(text)) => text_heap_bytes(text),
            Value::Bytes(bytes) => bytes.capacity(),
            Value::Array(items) => items.iter().map(|item| size_of::<Value>() + item.heap_bytes()).sum(),
            Value::Map(items) => attributes_heap_bytes(items),
            _ => 0,
        }
    }
}

/// Bytes of memory that a text holds beyond itself: none when it is short.
#[must_use]
pub fn text_heap_bytes(text: &CompactString) -> usize {
    if text.is_heap_allocated() { text.capacity() } else { 0 }
}

/// Bytes of memory that a list of attributes holds, for budgets; an estimate.
#[must_use]
pub fn attributes_heap_bytes(attributes: &[Attribute]) -> usize {
    attributes
        .iter()
        .map(|attribute| size_of::<Attribute>() + text_heap_bytes(&attribute.key) + attribute.value.heap_bytes())
        .sum()
}

/// A finite decimal number that is the whole text; words such as `inf` and `nan` are text, not numbers.
#[must_use]
pub fn parse_decimal(text: &str) -> Option<f64> {
    let first = text.bytes().next()?;
    if !(first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.')) {
        return None;
    }
    text.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// The shortest decimal text that reads back as the same double; `NaN`, `Infinity`, `-Infinity` for the others
/// (the spelling of OTLP/JSON).
#[must_use]
pub fn double_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() }
    } else {
        format!("{number:?}")
    }
}

/// Lowercase hex digits of `bytes`.
#[must_use]
pub fn hex_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// Appends a value as JSON (RFC 8259). Doubles that JSON cannot say and bytes become strings.
pub fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Double(number) if number.is_finite() => out.push_str(&double_text(*number)),
        Value::Double(number) => write_json_string(&double_text(*number), out),
        Value::Number(number) => out.push_str(&number.0),
        Value::String(text) => write_json_string(text, out),
        Value::Bytes(bytes) => write_json_string(&hex_text(bytes), out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(item, out);
            }
            out.push(']');
        }
        Value::Map(items) => {
            out.push('{');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json_string(&item.key, out);
                out.push(':');
                write_json(&item.value, out);
            }
            out.push('}');
        }
    }
}

/// Appends `text` as a JSON string with its quotes.
pub fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if (control as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", control as u32);
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text.into())
    }
}

impl From<CompactString> for Value {
    fn from(text: CompactString) -> Self {
        Value::String(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Bool(flag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_text_is_read_back_by_an_independent_parser() {
        let value = Value::Map(vec![
            Attribute::new("text", "quote \" slash \\ line\n bell\u{7} ü"),
            Attribute::new("number", Value::Number(Number("1.0".into()))),
            Attribute::new("list", Value::Array(vec![Value::Null, Value::Bool(true), Value::Int(-5)])),
            Attribute::new("odd", Value::Double(f64::NAN)),
        ]);
        let mut out = String::new();
        write_json(&value, &mut out);
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(read["text"], "quote \" slash \\ line\n bell\u{7} ü");
        assert_eq!(read["list"], serde_json::json!([null, true, -5]));
        assert_eq!(read["odd"], "NaN");
        assert!(out.contains("\"number\":1.0"), "{out}");
    }

    #[test]
    fn only_wholly_decimal_text_counts_as_a_number() {
        for (text, number) in [
            ("42", Some(42.0)),
            ("-1.5e3", Some(-1500.0)),
            ("inf", None),
            ("nan", None),
            ("12ms", None),
            ("", None),
            ("1e999", None),
        ] {
            assert_eq!(parse_decimal(text), number, "{text}");
        }
    }
}
