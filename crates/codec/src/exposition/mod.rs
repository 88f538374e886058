//! The text formats by which Prometheus scrapes: the text format 0.0.4 and OpenMetrics 1.0, both with the quoted UTF-8
//! names of Prometheus 3. What is accepted is what Prometheus accepts; a body with an error fails whole.
//!
//! [`Parser`] yields entries and allocates nothing for a sample: the text of its series is handed out as it stands, so
//! that a scraper which saw the same text before looks it up and never parses its labels. [`decode`] is the plain way
//! from a body to a batch.

mod batch;
mod format;
mod labels;
mod number;
mod parser;

pub use batch::{Families, ScrapeOptions, decode};
pub use format::{ACCEPT, Format};
pub use labels::{LabelPairs, SeriesText};
pub use parser::{Entry, ExemplarText, Parser, SampleText};

use crate::error::{DecodeError, Position};
use memchr::{memchr_iter, memrchr};
use std::fmt;

/// What was expected at a byte of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    at: usize,
    expected: &'static str,
}

impl Fault {
    fn in_body(self, body: &str, format: Format) -> DecodeError {
        let found = Found(body.as_bytes().get(self.at).copied());
        malformed(body.as_bytes(), format, self.at, format!("expected {}, found {found}", self.expected))
    }
}

fn malformed(body: &[u8], format: Format, at: usize, reason: String) -> DecodeError {
    let before = body.get(..at).unwrap_or(body);
    let line_start = memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    DecodeError::Malformed {
        format: format.name(),
        position: Position::Line {
            line: memchr_iter(b'\n', before).count() + 1,
            column: before.len().saturating_sub(line_start) + 1,
        },
        path: String::new(),
        reason,
    }
}

struct Found(Option<u8>);

impl fmt::Display for Found {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => formatter.write_str("the end of the body"),
            Some(b'\n') => formatter.write_str("the end of the line"),
            Some(b'\r') => formatter.write_str("a carriage return (lines end with a line feed alone)"),
            Some(b' ') => formatter.write_str("a space"),
            Some(byte) if byte.is_ascii_graphic() => write!(formatter, "'{}'", char::from(byte)),
            Some(byte) => write!(formatter, "byte 0x{byte:02x}"),
        }
    }
}

#[cfg(test)]
mod tests;
