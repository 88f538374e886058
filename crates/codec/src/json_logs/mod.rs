//! JSON logs over HTTP: one object, an array, NDJSON, or objects one after the other, into log records.
//!
//! Any schema is taken; the well-known fields are recognised as in [`fields`], the rest stays as attributes with its key
//! order, repeated keys and the text of its numbers.
//!
//! A bad record is refused by itself. In NDJSON reading goes on at the next line that starts with `{` or `[`, so that a
//! broken pretty-printed object is one refusal. In an array an element that is no object, or holds text that is not
//! UTF-8, is too long or too deep, is refused alone; after a syntax error the rest of the array cannot be told apart and
//! is one refusal. A record whose only time cannot be expressed is refused too. A surrogate escape without its partner becomes U+FFFD.

mod fields;
mod loggers;
mod meanings;
mod number;
mod scanner;
mod text;
mod times;

pub(crate) use loggers::known_beside;

use crate::error::{DecodeError, Decoded, Position};
use crate::limits::{
    JSON_VALUE_BYTES, JSON_VALUES_OF_A_RECORD, MAX_DECODED_BYTES, MAX_JSON_EXPECTED_MEMBERS, MAX_JSON_EXPECTED_RECORDS,
    MAX_JSON_RECORD_BYTES, MAX_JSON_RESCANS,
};
use clew_model::logs::LogRecord;
use clew_model::{Attributes, UnixNanos};
use memchr::{memchr, memchr_iter, memrchr};
use scanner::{Fault, FaultKind, Scanner};

const FORMAT: &str = "JSON logs";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Bounds for decoding JSON logs.
#[derive(Debug, Clone)]
pub struct JsonLogOptions {
    /// Longest record in bytes of its JSON text; longer ones are refused by themselves.
    pub max_record_bytes: usize,
    /// Bytes of memory that the records of one body may take.
    pub memory: usize,
}

impl Default for JsonLogOptions {
    fn default() -> Self {
        Self { max_record_bytes: MAX_JSON_RECORD_BYTES, memory: MAX_DECODED_BYTES }
    }
}

/// Decodes a body of JSON logs. `arrival` becomes the observed time of every record, and the time of those that say none.
///
/// # Errors
/// When nothing could be read though there was something to read: [`DecodeError::Malformed`] with the first fault, or
/// [`DecodeError::LimitExceeded`] when that fault is a bound. [`DecodeError::Memory`] when the records would take more than
/// they may, whatever was read before.
pub fn decode(
    body: &[u8],
    arrival: UnixNanos,
    options: &JsonLogOptions,
) -> Result<Decoded<Vec<LogRecord>>, DecodeError> {
    let mut decoder = Decoder {
        body,
        whole: std::str::from_utf8(body).ok(),
        template: LogRecord { time: arrival, observed_time: arrival, ..LogRecord::default() },
        names: meanings::NamesBefore::default(),
        members_expected: 8,
        limit: options.max_record_bytes,
        at: if body.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 },
        index: 0,
        memory: options.memory,
        // Texts take no more than the body does.
        values_left: options.memory.saturating_sub(body.len()) / JSON_VALUE_BYTES,
        rescans_left: body.len().saturating_mul(MAX_JSON_RESCANS),
        first_fault: None,
        out: Decoded::default(),
    };
    decoder.run();
    decoder.finish()
}

struct Decoder<'a> {
    body: &'a [u8],
    whole: Option<&'a str>,
    /// What every record has in common: the arrival time, and one empty resource and scope for all.
    template: LogRecord,
    names: meanings::NamesBefore,
    /// Members of the record before, for which room is made at once.
    members_expected: usize,
    limit: usize,
    at: usize,
    index: u64,
    memory: usize,
    values_left: usize,
    /// Bytes that may still be read a second time.
    rescans_left: usize,
    first_fault: Option<(u64, Fault)>,
    out: Decoded<Vec<LogRecord>>,
}

/// The members of a JSON object that is all of a text, but for white space around it.
pub(crate) fn members_of_text(text: &str) -> Option<Attributes> {
    let text = text.trim();
    if !text.starts_with('{') || !text.ends_with('}') {
        return None;
    }
    let mut scanner = Scanner::new(text.as_bytes(), Some(text), 0, text.len(), text.len());
    let members = scanner.object(0, 8).ok()?;
    (scanner.at == text.len()).then_some(members)
}

/// What to do after a refusal.
enum Next {
    Continue,
    Stop,
}

impl<'a> Decoder<'a> {
    fn run(&mut self) {
        loop {
            self.skip_space();
            let next = match self.body.get(self.at) {
                None => break,
                Some(b'{') => self.object(),
                Some(b'[') => self.array(),
                Some(_) => self.other(),
            };
            if let Next::Stop = next {
                break;
            }
        }
    }

    fn finish(self) -> Result<Decoded<Vec<LogRecord>>, DecodeError> {
        let Decoder { body, out, first_fault, limit, memory, .. } = self;
        let nothing_read = out.accepted == 0;
        let text = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        match first_fault {
            Some((index, fault)) if nothing_read || matches!(fault.kind, FaultKind::TooManyValues) => {
                Err(error(body, index, &fault, limit, memory))
            }
            None if nothing_read && text.iter().all(u8::is_ascii_whitespace) => Err(DecodeError::Malformed {
                format: FORMAT,
                position: Position::Byte(0),
                path: String::new(),
                reason: "the body is empty; send a JSON object, an array of objects, or one object a line".to_owned(),
            }),
            _ => Ok(out),
        }
    }

    fn scanner(&self, at: usize, limit: usize) -> Scanner<'a> {
        Scanner::new(self.body, self.whole, at, limit, self.values_left)
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.body.get(self.at) {
            self.at += 1;
        }
    }

    fn reject(&mut self, fault: Fault) -> Next {
        let (body, index) = (self.body, self.index);
        if let FaultKind::TooManyValues = fault.kind {
            self.first_fault = Some((index, fault));
            return Next::Stop;
        }
        self.first_fault.get_or_insert((index, fault));
        self.out.reject(index, || format!("{} (byte {}): {}", line_of(body, fault.at), fault.at, fault.reason(body)));
        self.index += 1;
        Next::Continue
    }

    /// Reads the object at the present place as a record; on failure the place stays.
    fn record(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let mut scanner = self.scanner(self.at, self.limit);
        let Some(left) = self.values_left.checked_sub(JSON_VALUES_OF_A_RECORD) else {
            return Err(Fault { at: self.at, kind: FaultKind::TooManyValues });
        };
        scanner.values_left = left;
        let members = scanner.object(0, self.members_expected)?;
        self.members_expected = members.len().min(MAX_JSON_EXPECTED_MEMBERS);
        self.expect_records_like(scanner.at - self.at);
        self.at = scanner.at;
        self.values_left = scanner.values_left;
        self.take(start, members);
        Ok(())
    }

    /// Keeps the record of an object that was read whole, or refuses it for what it says: that is no fault of the body.
    fn take(&mut self, start: usize, members: Attributes) {
        match fields::record(members, &self.template, &mut self.names) {
            Ok((record, warning)) => {
                self.out.records.push(record);
                self.out.accepted += 1;
                warning.into_iter().for_each(|warning| self.out.warn(self.index, warning));
            }
            Err(reason) => {
                let body = self.body;
                self.out.reject(self.index, || format!("{} (byte {start}): {reason}", line_of(body, start)));
            }
        }
        self.index += 1;
    }

    /// Makes room for as many records as the rest of the body may hold, if they are as long as the first.
    fn expect_records_like(&mut self, length: usize) {
        if self.out.records.is_empty() {
            let rest = self.body.len().saturating_sub(self.at);
            self.out.records.reserve(rest.div_ceil(length.max(1)).min(MAX_JSON_EXPECTED_RECORDS));
        }
    }

    /// An object at the top level: a line of NDJSON, or the whole body.
    fn object(&mut self) -> Next {
        let start = self.at;
        match self.record() {
            Ok(()) => Next::Continue,
            Err(fault) => {
                self.resume_after(start, &fault);
                self.reject(fault)
            }
        }
    }

    /// Anything else at the top level: refused up to the end of its line.
    fn other(&mut self) -> Next {
        let start = self.at;
        self.at = self.line_end(start);
        let line = self.body.get(start..self.at).unwrap_or_default().trim_ascii_end();
        let kind = match line.first() {
            Some(b'"') => FaultKind::NotAnObject("a string"),
            Some(b'-' | b'0'..=b'9') => FaultKind::NotAnObject("a number"),
            _ if matches!(line, b"true" | b"false" | b"null") => FaultKind::NotAnObject("a word"),
            _ => FaultKind::Syntax("a JSON object"),
        };
        self.reject(Fault { at: start, kind })
    }

    fn line_end(&self, from: usize) -> usize {
        let rest = self.body.get(from..).unwrap_or_default();
        memchr(b'\n', rest).map_or(self.body.len(), |length| from + length)
    }

    /// Finds where to go on after a bad object that starts at `start`.
    fn resume_after(&mut self, start: usize, fault: &Fault) {
        let read = fault.at.saturating_sub(start);
        let may_rescan = self.rescans_left >= read;
        self.rescans_left = self.rescans_left.saturating_sub(read);
        if may_rescan && fault.keeps_structure() && self.skip_element(start) {
            return;
        }
        let mut line = if may_rescan { start } else { fault.at };
        loop {
            line = self.line_end(line);
            self.at = line;
            line += 1;
            if line >= self.body.len() || matches!(self.body.get(line), Some(b'{' | b'[')) {
                return;
            }
        }
    }

    /// Goes behind the value at `start` by its brackets; false, and no step, when they do not end.
    fn skip_element(&mut self, start: usize) -> bool {
        let mut scanner = self.scanner(start, self.rescans_left);
        let found = scanner.skip_value();
        self.rescans_left = self.rescans_left.saturating_sub(scanner.at.saturating_sub(start));
        if found {
            self.at = scanner.at;
        }
        found
    }

    /// An array of records at the top level.
    fn array(&mut self) -> Next {
        self.at += 1;
        self.skip_space();
        if self.body.get(self.at) == Some(&b']') {
            self.at += 1;
            return Next::Continue;
        }
        loop {
            self.skip_space();
            if let Next::Stop = self.element() {
                return Next::Stop;
            }
            self.skip_space();
            match self.body.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.end_of_array(Fault { at: self.at, kind: FaultKind::Syntax("',' or ']'") }),
            }
        }
        self.at += 1;
        Next::Continue
    }

    fn element(&mut self) -> Next {
        let start = self.at;
        let result = match self.body.get(start) {
            Some(b'{') => self.record(),
            _ => self.refused_element(),
        };
        match result {
            Ok(()) => Next::Continue,
            Err(fault) if fault.keeps_structure() && (self.at > start || self.skip_element(start)) => {
                self.reject(fault)
            }
            Err(fault) => self.end_of_array(fault),
        }
    }

    /// Reads an element that is no object, only to refuse it.
    fn refused_element(&mut self) -> Result<(), Fault> {
        let start = self.at;
        let mut scanner = self.scanner(start, self.limit);
        let value = scanner.value(0)?;
        self.at = scanner.at;
        self.values_left = scanner.values_left;
        let kind = match value {
            clew_model::Value::Array(_) => "an array",
            clew_model::Value::String(_) => "a string",
            clew_model::Value::Null => "null",
            clew_model::Value::Bool(_) => "true or false",
            _ => "a number",
        };
        Err(Fault { at: start, kind: FaultKind::NotAnObject(kind) })
    }

    fn end_of_array(&mut self, fault: Fault) -> Next {
        self.at = self.body.len();
        self.reject(fault);
        Next::Stop
    }
}

/// Line and column of a byte; the column counts bytes.
fn line_of(body: &[u8], at: usize) -> Position {
    let before = body.get(..at).unwrap_or(body);
    let line_start = memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    Position::Line { line: memchr_iter(b'\n', before).count() + 1, column: before.len() - line_start + 1 }
}

fn error(body: &[u8], index: u64, fault: &Fault, limit: usize, memory: usize) -> DecodeError {
    let position = line_of(body, fault.at);
    let path = format!("record {index}");
    match fault.kind {
        FaultKind::TooLong(_) => DecodeError::LimitExceeded {
            what: "the length of a log record in bytes (limits.log_line)",
            position,
            path,
            limit,
        },
        FaultKind::TooManyValues => DecodeError::Memory { limit: memory },
        _ => DecodeError::Malformed { format: FORMAT, position, path, reason: fault.reason(body) },
    }
}

#[cfg(test)]
mod tests;
