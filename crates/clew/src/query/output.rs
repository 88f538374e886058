//! Where answers go: standard output in the chosen format, with colours on terminals alone.

use super::args::{CommonArgs, Format};
use super::error::QueryError;
use serde_json::value::RawValue;
use std::io::{BufWriter, IsTerminal, Stdout, Write};

/// A colour or weight of text (ECMA-48, SGR).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is.
    Plain,
    /// Beside the point.
    Dim,
    /// A heading.
    Bold,
    /// A failure.
    Error,
    /// A warning.
    Warn,
    /// News.
    Info,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Style::Plain => "",
            Style::Dim => "2",
            Style::Bold => "1",
            Style::Error => "31",
            Style::Warn => "33",
            Style::Info => "36",
        }
    }

    /// The style of a severity's name.
    pub(super) fn of_severity(name: &str) -> Self {
        match name {
            "ERROR" | "FATAL" => Style::Error,
            "WARN" => Style::Warn,
            "INFO" => Style::Info,
            _ => Style::Dim,
        }
    }
}

/// The output.
pub(super) struct Out {
    /// How to answer.
    pub format: Format,
    has_colours: bool,
    writer: BufWriter<Stdout>,
}

impl Out {
    /// The output that the options ask for.
    pub(super) fn of(common: &CommonArgs) -> Self {
        let stdout = std::io::stdout();
        let is_terminal = stdout.is_terminal();
        let format = common.output.unwrap_or(if is_terminal { Format::Table } else { Format::Ndjson });
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let is_dumb = set("TERM").is_some_and(|term| term == "dumb");
        // https://no-color.org
        let has_colours = is_terminal && !is_dumb && set("NO_COLOR").is_none();
        Self { format, has_colours, writer: BufWriter::new(stdout) }
    }

    /// The text in a style, where there are colours.
    pub(super) fn styled(&self, style: Style, text: &str) -> String {
        if self.has_colours && style != Style::Plain && !text.is_empty() {
            format!("\x1b[{}m{text}\x1b[0m", style.code())
        } else {
            text.to_owned()
        }
    }

    /// Writes a line.
    ///
    /// # Errors
    /// The output is closed or full.
    pub(super) fn line(&mut self, text: &str) -> Result<(), QueryError> {
        Ok(writeln!(self.writer, "{text}")?)
    }

    /// Writes values, each on a line of its own.
    ///
    /// # Errors
    /// As [`Out::line`].
    pub(super) fn ndjson(&mut self, values: &[Box<RawValue>]) -> Result<(), QueryError> {
        values.iter().try_for_each(|value| self.line(value.get()))
    }

    /// Hands on what was written.
    ///
    /// # Errors
    /// As [`Out::line`].
    pub(super) fn flush(&mut self) -> Result<(), QueryError> {
        Ok(self.writer.flush()?)
    }
}

/// Says something beside the answer, on standard error. Nobody may listen there: that is no reason to fail.
pub(super) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "clew: {text}");
}

/// Says what an answer warns of.
pub(super) fn warn_all(warnings: &[String]) {
    warnings.iter().for_each(|warning| note(&format!("warning: {warning}")));
}
