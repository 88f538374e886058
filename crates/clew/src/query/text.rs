//! Texts, times and durations for people; columns that line up.

use super::output::{Out, Style};
use serde_json::value::RawValue;

/// The text of a JSON value: strings bare, the rest as it is written.
pub(super) fn json_text(value: &RawValue) -> String {
    serde_json::from_str::<String>(value.get()).unwrap_or_else(|_| value.get().to_owned())
}

/// Text without what would steer a terminal; lines after the first are indented.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.trim_end().chars() {
        match character {
            '\n' => out.push_str("\n    "),
            '\t' => out.push('\t'),
            '\r' => {}
            control if control.is_control() => out.extend(control.escape_unicode()),
            other => out.push(other),
        }
    }
    out
}

/// Text on one line.
pub(super) fn one_line(text: &str) -> String {
    printable(&text.replace(['\n', '\t'], " "))
}

/// `2026-01-02T03:04:05.678Z` of a longer RFC 3339 text, its digits cut to milliseconds.
pub(super) fn short_time(rfc3339: &str) -> String {
    let whole = rfc3339.trim_end_matches('Z');
    let (seconds, fraction) = whole.split_once('.').unwrap_or((whole, ""));
    let millis: String = fraction.chars().chain("000".chars()).take(3).collect();
    format!("{seconds}.{millis}Z")
}

/// A duration of nanoseconds in its natural unit, three digits or so.
pub(super) fn duration(nanos: i64) -> String {
    let nanos = nanos as f64;
    match nanos.abs() {
        size if size < 1e3 => format!("{nanos} ns"),
        size if size < 1e6 => format!("{:.1} µs", nanos / 1e3),
        size if size < 1e9 => format!("{:.1} ms", nanos / 1e6),
        size if size < 120e9 => format!("{:.2} s", nanos / 1e9),
        _ => format!("{:.1} min", nanos / 60e9),
    }
}

/// Rows whose columns line up.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<(Style, String)>>,
}

impl Table {
    /// A table with these headings.
    pub(super) fn new(header: &[&'static str]) -> Self {
        Self { header: header.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: Vec<(Style, String)>) {
        self.rows.push(cells);
    }

    /// The lines, the last column as wide as it is.
    pub(super) fn lines(&self, out: &Out) -> Vec<String> {
        let widths: Vec<usize> = (0..self.header.len())
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|(_, text)| width(text));
                cells.chain(self.header.get(column).map(|text| width(text))).max().unwrap_or(0)
            })
            .collect();
        let header: Vec<(Style, String)> = self.header.iter().map(|text| (Style::Bold, (*text).to_owned())).collect();
        std::iter::once(&header).chain(&self.rows).map(|row| line(row, &widths, out)).collect()
    }
}

fn line(row: &[(Style, String)], widths: &[usize], out: &Out) -> String {
    let mut line = String::new();
    for (number, ((style, text), wanted)) in row.iter().zip(widths).enumerate() {
        line.push_str(&out.styled(*style, text));
        if number + 1 < row.len() {
            line.extend(std::iter::repeat_n(' ', wanted.saturating_sub(width(text)) + 2));
        }
    }
    line
}

/// Columns that a text takes, wide characters counted as one.
fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_short() {
        assert_eq!(short_time("2026-11-28T20:41:00.180520658Z"), "2026-11-28T20:41:00.180Z");
        assert_eq!(short_time("2026-11-28T20:41:00Z"), "2026-11-28T20:41:00.000Z");
        for (nanos, text) in [(999, "999 ns"), (1_500, "1.5 µs"), (2_250_000, "2.2 ms"), (3_210_000_000, "3.21 s")] {
            assert_eq!(duration(nanos), text);
        }
        assert_eq!(duration(180_000_000_000), "3.0 min");
    }

    #[test]
    fn nothing_that_a_log_says_steers_the_terminal() {
        assert_eq!(printable("\x1b[31mred\x07"), "\\u{1b}[31mred\\u{7}");
        assert_eq!(printable("first\nsecond\r\n"), "first\n    second");
        assert_eq!(one_line("a\n\tb"), "a  b");
    }
}
