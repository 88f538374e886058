//! The text of a series, and the labels in it.

use super::number::canonical_bound;
use super::{Fault, Format, malformed};
use crate::error::DecodeError;
use clew_model::metrics::{BUCKET_LABEL, Labels, METRIC_NAME, MetricType, QUANTILE_LABEL};
use memchr::{memchr, memchr2};
use std::borrow::Cow;

/// The text of a sample's series as it stands in the body: `name`, `name{label="value"}` or `{"name",label="value"}`.
///
/// Equal text in the same format, under a family of the same type, always means the same labels; different texts may
/// mean the same labels too.
#[derive(Debug, Clone, Copy)]
pub struct SeriesText<'a> {
    pub(super) body: &'a str,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) format: Format,
    /// The type that the last `# TYPE` line before the sample gave.
    pub(super) family_type: MetricType,
}

impl<'a> SeriesText<'a> {
    /// The text: the key for a cache of series. Its labels are not checked yet; [`SeriesText::to_labels`] does that.
    #[must_use]
    pub fn as_str(&self) -> &'a str {
        self.body.get(self.start..self.end).unwrap_or_default()
    }

    /// The type of the family under which the sample stands; it decides how `le` and `quantile` are spelled.
    #[must_use]
    pub fn family_type(&self) -> MetricType {
        self.family_type
    }

    /// The labels one by one as they stand, the metric's name as `__name__` where it was found.
    #[must_use]
    pub fn pairs(&self) -> LabelPairs<'a> {
        LabelPairs::new(self.body, self.start, self.format, false)
    }

    /// The labels, with `le` of histograms and `quantile` of summaries in their one spelling.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] with line and column: an error of syntax, no metric name, a label given twice.
    pub fn to_labels(&self) -> Result<Labels, DecodeError> {
        let bound = match self.family_type {
            MetricType::Histogram => BUCKET_LABEL,
            MetricType::Summary => QUANTILE_LABEL,
            _ => "",
        };
        let mut reader = self.pairs();
        let mut pairs = Vec::with_capacity(8);
        for pair in reader.by_ref() {
            let (name, value) = pair?;
            let value = if name == bound { canonical_bound(&value).map_or(value, Cow::Owned) } else { value };
            pairs.push((name, value));
        }
        let reason = if !reader.has_name() {
            "the sample has no metric name".to_owned()
        } else if reader.at != self.end {
            "the label set does not end where its braces do".to_owned()
        } else {
            match Labels::new(pairs) {
                Ok(labels) => return Ok(labels),
                Err(error) => error.to_string(),
            }
        };
        Err(malformed(self.body.as_bytes(), self.format, self.start, reason))
    }
}

/// A label's name and value, without escapes.
type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Reads labels out of a body, from the start of a series or of an exemplar's braces. As an iterator it yields name and
/// value, or [`DecodeError::Malformed`] once and then nothing.
#[derive(Debug, Clone)]
pub struct LabelPairs<'a> {
    body: &'a str,
    at: usize,
    format: Format,
    is_strict: bool,
    is_exemplar: bool,
    state: State,
    name_found: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Start,
    /// Inside the braces, before a label or the end.
    Label,
    End,
}

impl<'a> LabelPairs<'a> {
    pub(super) fn new(body: &'a str, at: usize, format: Format, is_exemplar: bool) -> Self {
        let is_strict = format == Format::OpenMetricsText;
        Self { body, at, format, is_strict, is_exemplar, state: State::Start, name_found: false }
    }

    /// Where the next byte is read.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn has_name(&self) -> bool {
        self.name_found
    }

    fn peek(&self) -> Option<u8> {
        self.body.as_bytes().get(self.at).copied()
    }

    /// OpenMetrics allows no space inside the braces.
    fn skip_space(&mut self) {
        while !self.is_strict && matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    fn fault<T>(&self, expected: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at, expected })
    }

    /// The next label, or `None` after the last.
    pub(super) fn next_pair(&mut self) -> Result<Option<Pair<'a>>, Fault> {
        if self.state == State::Start {
            self.state = State::Label;
            let name = self.take_name();
            if !name.is_empty() {
                self.name_found = true;
                let after_name = self.at;
                self.skip_space();
                if self.peek() == Some(b'{') {
                    self.at += 1;
                } else {
                    self.at = after_name;
                    self.state = State::End;
                }
                return Ok(Some((Cow::Borrowed(METRIC_NAME), Cow::Borrowed(name))));
            }
            if self.peek() != Some(b'{') {
                return self.fault("a metric name or '{'");
            }
            self.at += 1;
        }
        if self.state == State::End {
            return Ok(None);
        }
        self.label()
    }

    fn label(&mut self) -> Result<Option<Pair<'a>>, Fault> {
        self.skip_space();
        let is_quoted = self.peek() == Some(b'"');
        let start = self.at;
        let name = match self.peek() {
            Some(b'}') => {
                self.at += 1;
                self.state = State::End;
                return Ok(None);
            }
            Some(b'"') => self.quoted("a label name in quotes that ends with '\"'")?,
            _ => Cow::Borrowed(self.take_label_name()),
        };
        if !is_quoted && name.is_empty() {
            return self.fault("a label name or '}'");
        }
        self.skip_space();
        match self.peek() {
            Some(b'=') => self.at += 1,
            Some(b',' | b'}') if is_quoted && !self.is_exemplar => {
                if self.name_found {
                    return Err(Fault { at: start, expected: "a label (the metric name is already given)" });
                }
                self.name_found = true;
                self.end_label()?;
                return Ok(Some((Cow::Borrowed(METRIC_NAME), name)));
            }
            _ => return self.fault("'=' after the label name"),
        }
        self.skip_space();
        if self.peek() != Some(b'"') {
            return self.fault("a label value in double quotes");
        }
        let value = self.quoted("a label value that ends with '\"'")?;
        self.end_label()?;
        Ok(Some((name, value)))
    }

    /// Prometheus lets a comma be missing in the text format, and be one too many at the end in both.
    fn end_label(&mut self) -> Result<(), Fault> {
        self.skip_space();
        match self.peek() {
            Some(b',') => self.at += 1,
            Some(b'}') => {}
            _ if self.is_strict => return self.fault("',' or '}' after the label"),
            _ => {}
        }
        Ok(())
    }

    fn take_name(&mut self) -> &'a str {
        let start = self.at;
        self.at = name_end(self.body, start);
        self.body.get(start..self.at).unwrap_or_default()
    }

    fn take_label_name(&mut self) -> &'a str {
        let start = self.at;
        let rest = self.body.as_bytes().get(start..).unwrap_or_default();
        let allowed = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
        let length =
            if rest.first().is_some_and(u8::is_ascii_digit) { 0 } else { rest.iter().take_while(allowed).count() };
        self.at += length;
        self.body.get(start..self.at).unwrap_or_default()
    }

    /// A string whose opening quote is the next byte.
    fn quoted(&mut self, expected: &'static str) -> Result<Cow<'a, str>, Fault> {
        let start = self.at + 1;
        let Some(end) = string_end(self.body.as_bytes(), start) else { return self.fault(expected) };
        let text = self.body.get(start..end).unwrap_or_default();
        if self.is_strict
            && let Some(newline) = memchr(b'\n', text.as_bytes())
        {
            return Err(Fault { at: start + newline, expected: "'\"' before the end of the line" });
        }
        self.at = end + 1;
        Ok(unescape(text, true))
    }
}

impl<'a> Iterator for LabelPairs<'a> {
    type Item = Result<Pair<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_pair() {
            Ok(pair) => pair.map(Ok),
            Err(fault) => {
                self.state = State::End;
                Some(Err(fault.in_body(self.body, self.format)))
            }
        }
    }
}

/// Where the metric name that starts at `start` ends (`[a-zA-Z_:][a-zA-Z0-9_:]*`).
pub(super) fn name_end(body: &str, start: usize) -> usize {
    let rest = body.as_bytes().get(start..).unwrap_or_default();
    if rest.first().is_some_and(u8::is_ascii_digit) {
        return start;
    }
    let allowed = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'_' | b':');
    start + rest.iter().take_while(allowed).count()
}

/// The place of the quote that ends the string whose first byte is at `start`.
pub(super) fn string_end(body: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr2(b'"', b'\\', body.get(at..)?)?;
        if body.get(at) == Some(&b'"') {
            return Some(at);
        }
        at += 2;
    }
}

/// The place behind the `}` of a label set whose first byte behind `{` is at `start`; only quotes are heeded.
pub(super) fn braces_end(body: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr2(b'"', b'}', body.get(at..)?)?;
        if body.get(at) == Some(&b'}') {
            return Some(at + 1);
        }
        at = string_end(body, at + 1)? + 1;
    }
}

/// Text without its escapes `\\`, `\n` and, where quotes may be escaped, `\"`; other backslashes stay, as in Prometheus.
pub(super) fn unescape(text: &str, with_quotes: bool) -> Cow<'_, str> {
    if memchr(b'\\', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let replaced = match (character, characters.peek()) {
            ('\\', Some('\\')) => Some('\\'),
            ('\\', Some('n')) => Some('\n'),
            ('\\', Some('"')) if with_quotes => Some('"'),
            _ => None,
        };
        if replaced.is_some() {
            characters.next();
        }
        out.push(replaced.unwrap_or(character));
    }
    Cow::Owned(out)
}
