//! JSON text (RFC 8259) into [`Value`]: key order, repeated keys and the text of numbers are kept.

use super::number;
use super::text;
use clew_model::limits::MAX_VALUE_DEPTH;
use clew_model::{Attribute, Attributes, Value};
use compact_str::CompactString;
use std::fmt;

/// Why a JSON text could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// It breaks the grammar: what was expected there.
    Syntax(&'static str),
    /// Text that is not UTF-8.
    InvalidUtf8,
    /// Arrays and objects nested deeper than [`MAX_VALUE_DEPTH`].
    TooDeep,
    /// The text goes on after the byte limit of a record.
    TooLong(usize),
    /// It is JSON, but not an object.
    NotAnObject(&'static str),
    /// The body holds more values than the decoder may keep.
    TooManyValues,
}

/// What is wrong with a JSON text, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// Byte offset from the start of the body.
    pub at: usize,
    pub kind: FaultKind,
}

impl Fault {
    /// Whether the text may be JSON all the same, so that its end can be found by its brackets.
    pub(super) fn keeps_structure(&self) -> bool {
        !matches!(self.kind, FaultKind::Syntax(_))
    }

    /// The fault in words, with what stands at its place in `body`.
    pub(super) fn reason(&self, body: &[u8]) -> String {
        match self.kind {
            FaultKind::Syntax(expected) => format!("expected {expected}, found {}", Found(body.get(self.at))),
            FaultKind::InvalidUtf8 => "the text is not valid UTF-8".to_owned(),
            FaultKind::TooDeep => format!("arrays and objects are nested deeper than the limit of {MAX_VALUE_DEPTH}"),
            FaultKind::TooLong(limit) => {
                format!("the record is longer than the limit of {limit} bytes (limits.log_line)")
            }
            FaultKind::NotAnObject(kind) => format!("a log record is a JSON object, found {kind}"),
            FaultKind::TooManyValues => {
                "the body holds more than there is memory for; send it in smaller parts".to_owned()
            }
        }
    }
}

struct Found<'a>(Option<&'a u8>);

impl fmt::Display for Found<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => formatter.write_str("the end"),
            Some(byte) if byte.is_ascii_graphic() => write!(formatter, "'{}'", char::from(*byte)),
            Some(b'\n') => formatter.write_str("the end of the line"),
            Some(b' ') => formatter.write_str("a space"),
            Some(byte) => write!(formatter, "byte 0x{byte:02x}"),
        }
    }
}

/// Reads JSON values out of a body, from one place up to a limit.
pub(super) struct Scanner<'a> {
    bytes: &'a [u8],
    /// The whole body as text when all of it is UTF-8, so that its pieces need no further check.
    whole: Option<&'a str>,
    /// Where the next byte is read.
    pub at: usize,
    /// Longest value in bytes; `bytes` ends there when the body goes on.
    limit: usize,
    is_cut: bool,
    /// How many more values may be made.
    pub values_left: usize,
}

impl<'a> Scanner<'a> {
    /// A scanner that reads one value of at most `limit` bytes from byte `at` of `body`.
    pub(super) fn new(body: &'a [u8], whole: Option<&'a str>, at: usize, limit: usize, values_left: usize) -> Self {
        let end = at.saturating_add(limit).min(body.len());
        let bytes = body.get(..end).unwrap_or(body);
        Self { bytes, whole, at, limit, is_cut: end < body.len(), values_left }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn fault<T>(&self, kind: FaultKind) -> Result<T, Fault> {
        Err(Fault { at: self.at, kind })
    }

    fn expected<T>(&self, what: &'static str) -> Result<T, Fault> {
        let is_cut_off = self.is_cut && self.at >= self.bytes.len();
        self.fault(if is_cut_off { FaultKind::TooLong(self.limit) } else { FaultKind::Syntax(what) })
    }

    fn text(&self, from: usize, to: usize) -> Result<&'a str, Fault> {
        if let Some(text) = self.whole.and_then(|whole| whole.get(from..to)) {
            return Ok(text);
        }
        let bytes = self.bytes.get(from..to).unwrap_or_default();
        std::str::from_utf8(bytes)
            .map_err(|error| Fault { at: from.saturating_add(error.valid_up_to()), kind: FaultKind::InvalidUtf8 })
    }

    /// Any value; `depth` counts the arrays and objects around it.
    pub(super) fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        let Some(left) = self.values_left.checked_sub(1) else {
            return self.fault(FaultKind::TooManyValues);
        };
        self.values_left = left;
        self.skip_space();
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.deeper(depth).and_then(|depth| self.object(depth, 4)).map(Value::Map),
            Some(b'[') => self.deeper(depth).and_then(|depth| self.array(depth)).map(Value::Array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Null),
            _ => self.expected("a JSON value"),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, Fault> {
        if depth < MAX_VALUE_DEPTH { Ok(depth + 1) } else { self.fault(FaultKind::TooDeep) }
    }

    /// An object whose `{` is the next byte, with room for `expected` members from the start.
    pub(super) fn object(&mut self, depth: usize, expected: usize) -> Result<Attributes, Fault> {
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Attributes::new());
        }
        let mut members = Attributes::with_capacity(expected);
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return self.expected(if members.is_empty() { "a key in quotes or '}'" } else { "a key in quotes" });
            }
            let key = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return self.expected("':' after the key");
            }
            self.at += 1;
            let value = self.value(depth)?;
            members.push(Attribute { key, value });
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.expected("',' or '}' after a member"),
            }
        }
        self.at += 1;
        Ok(members)
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, Fault> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(items);
        }
        loop {
            items.push(self.value(depth)?);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.expected("',' or ']' after an element"),
            }
        }
        self.at += 1;
        Ok(items)
    }

    fn word(&mut self, word: &'static [u8], value: Value) -> Result<Value, Fault> {
        for &wanted in word {
            if self.peek() != Some(wanted) {
                return self.expected("true, false or null");
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match number::scan(rest) {
            Ok(scanned) => {
                let start = self.at;
                self.at = start.saturating_add(scanned.length);
                Ok(number::value(self.text(start, self.at)?, &scanned))
            }
            Err(offset) => {
                self.at = self.at.saturating_add(offset);
                self.expected("a digit")
            }
        }
    }

    /// A string whose opening quote is the next byte.
    fn string(&mut self) -> Result<CompactString, Fault> {
        self.at += 1;
        let start = self.at;
        self.skip_plain();
        let plain = self.text(start, self.at)?;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                Ok(CompactString::from(plain))
            }
            Some(b'\\') => self.escaped_string(plain),
            _ => self.unended_string(),
        }
    }

    fn escaped_string(&mut self, plain: &str) -> Result<CompactString, Fault> {
        let mut out = String::with_capacity(plain.len() * 2);
        out.push_str(plain);
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(CompactString::from(out));
                }
                Some(b'\\') => {
                    let escape = self.bytes.get(self.at..).unwrap_or_default();
                    match text::unescape(escape) {
                        Ok((character, length)) => {
                            out.push(character);
                            self.at = self.at.saturating_add(length);
                        }
                        Err(offset) => {
                            self.at = self.at.saturating_add(offset);
                            return self.expected("one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
                        }
                    }
                }
                _ => return self.unended_string(),
            }
            let start = self.at;
            self.skip_plain();
            out.push_str(self.text(start, self.at)?);
        }
    }

    fn skip_plain(&mut self) {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        self.at = self.at.saturating_add(text::plain_length(rest));
    }

    fn unended_string<T>(&self) -> Result<T, Fault> {
        self.expected("the end of the string (control characters in it are written as escapes)")
    }

    /// Goes to the end of the value that starts at the next byte by counting brackets outside strings, without making
    /// anything. True when there was an end.
    pub(super) fn skip_value(&mut self) -> bool {
        let mut depth = 0usize;
        while let Some(byte) = self.peek() {
            match byte {
                b'"' => {
                    if !self.skip_string() {
                        return false;
                    }
                    if depth == 0 {
                        return true;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.at += 1;
                        return true;
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
        false
    }

    fn skip_string(&mut self) -> bool {
        self.at += 1;
        loop {
            self.skip_plain();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return true;
                }
                Some(b'\\') => self.at = self.at.saturating_add(2),
                _ => return false,
            }
        }
    }
}
