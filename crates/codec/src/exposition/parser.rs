//! The parser: one entry after the other out of a body.

use super::labels::{LabelPairs, SeriesText, braces_end, name_end, string_end, unescape};
use super::{Fault, Format, malformed, number};
use crate::error::DecodeError;
use crate::limits::{MAX_EXEMPLAR_LABEL_CHARS, MAX_QUOTED_BYTES};
use clew_model::UnixMillis;
use clew_model::metrics::{Labels, MetricType};
use memchr::memchr;
use std::borrow::Cow;

/// What a line of an exposition says.
#[derive(Debug, Clone)]
pub enum Entry<'a> {
    /// `# HELP`: what a family is.
    Help {
        /// The family's name.
        family: Cow<'a, str>,
        /// The text, without escapes.
        help: Cow<'a, str>,
    },
    /// `# TYPE`: the type of a family.
    Type {
        /// The family's name.
        family: Cow<'a, str>,
        /// Its type; `untyped` is unknown.
        metric_type: MetricType,
    },
    /// `# UNIT`: the unit of a family (OpenMetrics).
    Unit {
        /// The family's name.
        family: Cow<'a, str>,
        /// Its unit, such as `seconds`; may be empty.
        unit: &'a str,
    },
    /// A sample.
    Sample(SampleText<'a>),
}

/// A sample as it stands.
#[derive(Debug, Clone, Copy)]
pub struct SampleText<'a> {
    /// Its series.
    pub series: SeriesText<'a>,
    /// Its value; any NaN is Prometheus' normal NaN, never the staleness marker.
    pub value: f64,
    /// Its own time, where it has one.
    pub timestamp: Option<UnixMillis>,
    /// Its exemplar (OpenMetrics).
    pub exemplar: Option<ExemplarText<'a>>,
}

/// An exemplar as it stands.
#[derive(Debug, Clone, Copy)]
pub struct ExemplarText<'a> {
    body: &'a str,
    start: usize,
    format: Format,
    /// Its value.
    pub value: f64,
    /// Its own time, where it has one.
    pub timestamp: Option<UnixMillis>,
}

impl ExemplarText<'_> {
    /// The exemplar's labels, which are known to be well formed.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] with line and column when a label is given twice or has no name.
    pub fn to_labels(&self) -> Result<Labels, DecodeError> {
        let pairs: Vec<_> =
            LabelPairs::new(self.body, self.start, self.format, true).collect::<Result<_, DecodeError>>()?;
        Labels::new(pairs).map_err(|error| malformed(self.body.as_bytes(), self.format, self.start, error.to_string()))
    }

    /// Whether labels are longer than an exemplar's may be; Prometheus drops such an exemplar and keeps the sample.
    #[must_use]
    pub fn is_too_long(labels: &Labels) -> bool {
        let count = |text: &str| text.chars().count();
        labels.iter().map(|(name, value)| count(name) + count(value)).sum::<usize>() > MAX_EXEMPLAR_LABEL_CHARS
    }
}

/// Reads a body entry by entry. After an error the body as a whole is refused; there is nothing after it.
#[derive(Debug)]
pub struct Parser<'a> {
    body: &'a str,
    at: usize,
    format: Format,
    family_type: MetricType,
}

impl<'a> Parser<'a> {
    /// A parser at the start of a body.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] when the body is not UTF-8.
    pub fn new(body: &'a [u8], format: Format) -> Result<Self, DecodeError> {
        match std::str::from_utf8(body) {
            Ok(text) => Ok(Self { body: text, at: 0, format, family_type: MetricType::Unknown }),
            Err(error) => Err(malformed(body, format, error.valid_up_to(), "the text is not valid UTF-8".to_owned())),
        }
    }

    /// The next entry, or `None` at the end. Comments and blank lines are passed over where the format allows them.
    ///
    /// # Errors
    /// [`DecodeError::Malformed`] with line, column, and what was expected there. Errors inside a label set are told by
    /// [`SeriesText::to_labels`], so that a series which is known already is not read again.
    pub fn next_entry(&mut self) -> Result<Option<Entry<'a>>, DecodeError> {
        loop {
            let step = match (self.peek(), self.format) {
                (None, Format::PrometheusText) => return Ok(None),
                (None, Format::OpenMetricsText) => self.expected("# EOF at the end"),
                (Some(b'\n' | b' ' | b'\t'), Format::PrometheusText) => {
                    self.at += 1;
                    continue;
                }
                (Some(b'#'), Format::PrometheusText) => self.text_metadata(),
                (Some(b'#'), Format::OpenMetricsText) if self.rest().starts_with("# EOF") => {
                    return self.end().map(|()| None).map_err(|fault| fault.in_body(self.body, self.format));
                }
                (Some(b'#'), Format::OpenMetricsText) => self.open_metadata().map(Some),
                _ => self.sample().map(|sample| Some(Entry::Sample(sample))),
            };
            match step {
                Ok(None) => {}
                Ok(entry) => return Ok(entry),
                Err(fault) => return Err(self.error(fault)),
            }
        }
    }

    /// The error of a fault, which quotes the word that stands where a number or a type was expected.
    fn error(&self, fault: Fault) -> DecodeError {
        let rest = self.body.get(fault.at..).unwrap_or_default();
        let word = rest.split([' ', '\t', '\n']).next().unwrap_or_default();
        if word.len() < 2 || word.starts_with(['#', '{', '"', '\r']) {
            return fault.in_body(self.body, self.format);
        }
        let word = word.get(..word.floor_char_boundary(MAX_QUOTED_BYTES)).unwrap_or_default();
        malformed(self.body.as_bytes(), self.format, fault.at, format!("expected {}, found {word:?}", fault.expected))
    }

    fn peek(&self) -> Option<u8> {
        self.body.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.body.get(self.at..).unwrap_or_default()
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, Fault> {
        Err(Fault { at: self.at, expected })
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// The bytes up to the end of the line, which is taken too.
    fn take_line(&mut self) -> &'a str {
        let rest = self.rest();
        let length = memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        self.at = (self.at + length + 1).min(self.body.len());
        rest.get(..length).unwrap_or_default()
    }

    /// The bytes up to white space or the end.
    fn take_word(&mut self) -> &'a str {
        let rest = self.rest();
        let length = rest.bytes().take_while(|byte| !matches!(byte, b' ' | b'\t' | b'\n')).count();
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// A line of the text format that starts with `#`: metadata, or a comment, which gives nothing.
    fn text_metadata(&mut self) -> Result<Option<Entry<'a>>, Fault> {
        self.at += 1;
        let after_hash = self.at;
        self.skip_space();
        let keyword = if self.at > after_hash { self.take_word() } else { "" };
        // A keyword at the end of its line is a comment.
        if !matches!(keyword, "HELP" | "TYPE") || !matches!(self.peek(), Some(b' ' | b'\t')) {
            self.take_line();
            return Ok(None);
        }
        self.skip_space();
        let family = self.family()?;
        if !matches!(self.peek(), Some(b' ' | b'\t' | b'\n') | None) {
            return self.expected("a space after the metric name");
        }
        let start = self.at;
        let text = self.take_line();
        if keyword == "HELP" {
            return Ok(Some(Entry::Help { family, help: unescape(text.get(1..).unwrap_or_default(), false) }));
        }
        let metric_type = match text.trim_matches([' ', '\t']) {
            "untyped" => MetricType::Unknown,
            other => classic_type(other).ok_or(Fault {
                at: start + text.len() - text.trim_start_matches([' ', '\t']).len(),
                expected: "a type: counter, gauge, histogram, summary or untyped",
            })?,
        };
        self.family_type = metric_type;
        Ok(Some(Entry::Type { family, metric_type }))
    }

    /// A line of OpenMetrics that starts with `#`: there are no comments.
    fn open_metadata(&mut self) -> Result<Entry<'a>, Fault> {
        let keyword = ["HELP", "TYPE", "UNIT"].into_iter().find(|keyword| {
            self.rest()
                .strip_prefix("# ")
                .and_then(|rest| rest.strip_prefix(keyword))
                .is_some_and(|rest| rest.starts_with(' '))
        });
        let Some(keyword) = keyword else {
            return self.expected("'# HELP ', '# TYPE ', '# UNIT ' or '# EOF' (OpenMetrics has no comments)");
        };
        self.at += "# HELP ".len();
        let family_at = self.at;
        let family = self.family()?;
        if self.peek() != Some(b' ') {
            return self.expected("a space after the metric name");
        }
        self.at += 1;
        let start = self.at;
        let text = self.take_line();
        if self.body.as_bytes().get(start + text.len()).is_none() {
            return self.expected("# EOF at the end");
        }
        match keyword {
            "HELP" => Ok(Entry::Help { family, help: unescape(text, true) }),
            "TYPE" => {
                let metric_type = open_type(text).ok_or(Fault {
                    at: start,
                    expected: "a type: counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown",
                })?;
                self.family_type = metric_type;
                Ok(Entry::Type { family, metric_type })
            }
            _ => {
                let is_suffix = family.strip_suffix(text).is_some_and(|stem| stem.len() > 1 && stem.ends_with('_'));
                if !text.is_empty() && !is_suffix {
                    return Err(Fault { at: family_at, expected: "a metric name that ends with '_' and its unit" });
                }
                Ok(Entry::Unit { family, unit: text })
            }
        }
    }

    /// A metric name in metadata, bare or in quotes.
    fn family(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            self.at = name_end(self.body, start);
            if self.at == start {
                return self.expected("a metric name");
            }
            return Ok(Cow::Borrowed(self.body.get(start..self.at).unwrap_or_default()));
        }
        let end = string_end(self.body.as_bytes(), start + 1)
            .ok_or(Fault { at: start, expected: "a metric name in quotes that ends with '\"'" })?;
        self.at = end + 1;
        Ok(unescape(self.body.get(start + 1..end).unwrap_or_default(), true))
    }

    fn end(&mut self) -> Result<(), Fault> {
        self.at += "# EOF".len();
        if self.peek() == Some(b'\n') {
            self.at += 1;
        }
        if self.peek().is_some() { self.expected("nothing after # EOF") } else { Ok(()) }
    }

    fn sample(&mut self) -> Result<SampleText<'a>, Fault> {
        let series = self.series()?;
        match self.format {
            Format::PrometheusText => self.text_suffix(series),
            Format::OpenMetricsText => self.open_suffix(series),
        }
    }

    fn series(&mut self) -> Result<SeriesText<'a>, Fault> {
        let start = self.at;
        let mut end = name_end(self.body, start);
        self.at = end;
        if self.format == Format::PrometheusText && end > start {
            self.skip_space();
        }
        match self.peek() {
            Some(b'{') => match braces_end(self.body.as_bytes(), self.at + 1) {
                Some(behind) => end = behind,
                None => return self.unended_braces(start),
            },
            _ if end == start => return self.expected("a metric name"),
            Some(b' ' | b'\t') => {}
            _ if self.at > end => {}
            _ => return self.expected("a space or '{' after the metric name"),
        }
        self.at = end;
        Ok(SeriesText { body: self.body, start, end, format: self.format, family_type: self.family_type })
    }

    /// Says where in a label set without an end the fault lies.
    fn unended_braces<T>(&self, start: usize) -> Result<T, Fault> {
        let mut pairs = LabelPairs::new(self.body, start, self.format, false);
        while pairs.next_pair()?.is_some() {}
        Err(Fault { at: pairs.position(), expected: "'}' after the labels" })
    }

    fn text_suffix(&mut self, series: SeriesText<'a>) -> Result<SampleText<'a>, Fault> {
        self.skip_space();
        let value = self.value("a value: a decimal number, NaN, +Inf or -Inf")?;
        self.skip_space();
        let timestamp =
            match self.peek() {
                None | Some(b'\n') => None,
                Some(_) => {
                    let start = self.at;
                    let millis = number::millis(self.take_word());
                    Some(millis.ok_or(Fault {
                        at: start,
                        expected: "a timestamp in whole milliseconds or the end of the line",
                    })?)
                }
            };
        self.skip_space();
        match self.peek() {
            None => {}
            Some(b'\n') => self.at += 1,
            Some(_) => return self.expected("the end of the line after the timestamp"),
        }
        Ok(SampleText { series, value, timestamp, exemplar: None })
    }

    fn open_suffix(&mut self, series: SeriesText<'a>) -> Result<SampleText<'a>, Fault> {
        self.one_space("a space before the value")?;
        let value = self.value("a value: a decimal number, NaN, +Inf or -Inf")?;
        let timestamp = self.open_timestamp()?;
        let exemplar = if self.peek() == Some(b' ') { Some(self.exemplar()?) } else { None };
        if self.peek() != Some(b'\n') {
            return self.expected("the end of the line");
        }
        self.at += 1;
        Ok(SampleText { series, value, timestamp, exemplar })
    }

    fn exemplar(&mut self) -> Result<ExemplarText<'a>, Fault> {
        let Some(start) = self.rest().starts_with(" # {").then(|| self.at + 3) else {
            return self.expected("an exemplar ' # {' or the end of the line");
        };
        let mut pairs = LabelPairs::new(self.body, start, self.format, true);
        while pairs.next_pair()?.is_some() {}
        self.at = pairs.position();
        self.one_space("a space before the exemplar's value")?;
        let value = self.value("the exemplar's value")?;
        let timestamp = self.open_timestamp()?;
        Ok(ExemplarText { body: self.body, start, format: self.format, value, timestamp })
    }

    /// ` <seconds>` unless an exemplar or the end of the line follows.
    fn open_timestamp(&mut self) -> Result<Option<UnixMillis>, Fault> {
        if self.peek() != Some(b' ') || self.rest().starts_with(" #") {
            return Ok(None);
        }
        self.at += 1;
        let start = self.at;
        let millis = number::seconds(self.take_word());
        millis.map(Some).ok_or(Fault { at: start, expected: "a timestamp in seconds" })
    }

    fn one_space(&mut self, expected: &'static str) -> Result<(), Fault> {
        if self.peek() != Some(b' ') {
            return self.expected(expected);
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, expected: &'static str) -> Result<f64, Fault> {
        let start = self.at;
        number::value(self.take_word()).ok_or(Fault { at: start, expected })
    }
}

fn classic_type(text: &str) -> Option<MetricType> {
    Some(match text {
        "counter" => MetricType::Counter,
        "gauge" => MetricType::Gauge,
        "histogram" => MetricType::Histogram,
        "summary" => MetricType::Summary,
        _ => return None,
    })
}

fn open_type(text: &str) -> Option<MetricType> {
    Some(match text {
        "gaugehistogram" => MetricType::GaugeHistogram,
        "info" => MetricType::Info,
        "stateset" => MetricType::StateSet,
        "unknown" => MetricType::Unknown,
        other => return classic_type(other),
    })
}
