//! What can go wrong, how it is said, and the exit code.

use super::output::note;
use crate::EXIT_USAGE;
use serde::Deserialize;
use std::fmt::Write as _;
use std::io;
use std::process::ExitCode;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum QueryError {
    /// Whoever read our output has enough: no fault.
    Closed,
    /// The output cannot be written.
    Output(io::Error),
    /// Options that make no sense.
    Usage(String),
    /// Nobody answers.
    Unreachable {
        /// Who was asked.
        server: String,
        /// Why not.
        reason: String,
    },
    /// The server answered that it will not.
    Refused(Refusal),
    /// The answer cannot be understood.
    Unreadable(String),
}

/// What a server said against a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// What is wrong.
    pub message: String,
    /// Where in the query, in bytes.
    pub position: Option<usize>,
    /// What to write instead.
    pub hint: Option<String>,
    /// The query.
    pub query: String,
}

impl From<io::Error> for QueryError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe { QueryError::Closed } else { QueryError::Output(error) }
    }
}

/// The error of Clew's own API.
#[derive(Deserialize)]
struct OwnBody {
    error: OwnDetail,
}

#[derive(Deserialize)]
struct OwnDetail {
    message: String,
    position: Option<usize>,
    hint: Option<String>,
}

/// The error of the Prometheus API.
#[derive(Deserialize)]
struct PrometheusBody {
    error: String,
}

impl Refusal {
    /// What a body with an error status says, in either API's shape or none.
    pub(super) fn read(status: u16, body: &str, query: &str) -> Self {
        let query = query.to_owned();
        if let Ok(OwnBody { error }) = serde_json::from_str(body) {
            return Self { status, message: error.message, position: error.position, hint: error.hint, query };
        }
        if let Ok(PrometheusBody { error }) = serde_json::from_str(body) {
            let (position, message) = match column(&error) {
                Some((column, rest)) => (column.checked_sub(1), rest.to_owned()),
                None => (None, error),
            };
            return Self { status, message, position, hint: None, query };
        }
        let shown: String = body.chars().take(300).collect();
        Self { status, message: format!("the server answered {status}: {shown}"), position: None, hint: None, query }
    }

    /// Whether what was asked, rather than the server, must change.
    fn is_usage(&self) -> bool {
        self.status == 400
    }

    fn render(&self) -> String {
        let mut out = self.message.clone();
        if let Some(position) = self.position.filter(|_| !self.query.is_empty()) {
            let _ = write!(out, "\n{}", caret(&self.query, position));
        }
        if self.message.starts_with("no org id") {
            let tenant = super::args::TENANT_VARIABLE;
            let _ = write!(out, "\nhint: name a tenant with --tenant, or set {tenant}");
        } else if self.status == 401 {
            let token = super::credentials::TOKEN_VARIABLE;
            let _ = write!(out, "\nhint: set {token}, or name yourself with --token or --user");
        } else if let Some(hint) = &self.hint {
            let _ = write!(out, "\nhint: {hint}");
        }
        out
    }
}

/// The column and the rest of `1:17: parse error: …`.
fn column(error: &str) -> Option<(usize, &str)> {
    let (column, rest) = error.strip_prefix("1:")?.split_once(": parse error: ")?;
    Some((column.parse().ok()?, rest))
}

/// The line of the query that holds a byte, and below it a caret at this byte.
fn caret(query: &str, position: usize) -> String {
    let mut position = position.min(query.len());
    while !query.is_char_boundary(position) {
        position -= 1;
    }
    let (before, after) = query.split_at(position);
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let indent = before.get(start..).unwrap_or_default();
    let rest = after.split('\n').next().unwrap_or_default();
    // Tabs stay, so that the caret stands below its character.
    let gap: String = indent.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
    format!("  {indent}{rest}\n  {gap}^")
}

impl QueryError {
    /// What went wrong.
    pub(crate) fn text(&self) -> String {
        match self {
            QueryError::Closed => "nobody reads the output".to_owned(),
            QueryError::Output(error) => format!("cannot write: {error}"),
            QueryError::Usage(text) => text.clone(),
            QueryError::Unreachable { server, reason } => format!("no answer from {server}: {reason}"),
            QueryError::Refused(refusal) => refusal.render(),
            QueryError::Unreadable(what) => format!("the answer cannot be understood: {what}"),
        }
    }

    /// Says on standard error what went wrong, and answers the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let mut text = self.text();
        let is_usage = match self {
            QueryError::Closed => return ExitCode::SUCCESS,
            QueryError::Usage(_) => true,
            QueryError::Refused(refusal) => refusal.is_usage(),
            QueryError::Unreachable { .. } => {
                let variable = super::args::SERVER_VARIABLE;
                let _ = write!(
                    text,
                    "\nhint: is `clew serve` running there? Another server is named with --server URL or {variable}"
                );
                false
            }
            QueryError::Output(_) | QueryError::Unreadable(_) => false,
        };
        note(&text);
        if is_usage { ExitCode::from(EXIT_USAGE) } else { ExitCode::FAILURE }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caret_stands_below_the_byte_whatever_comes_before() {
        assert_eq!(caret("level:error AND", 15), "  level:error AND\n                 ^");
        assert_eq!(caret("a:ü (", 5), "  a:ü (\n      ^");
        assert_eq!(caret("sum(\n\trate(x)", 6), "  \trate(x)\n  \t^");
        assert_eq!(caret("ü", 1), "  ü\n  ^");
        assert_eq!(caret("x", 99), "  x\n   ^");
    }

    #[test]
    fn refusals_are_read_in_the_shape_of_either_api() {
        let own = r#"{"error":{"code":"bad_query","message":"no value","position":6,"hint":"write one"}}"#;
        let own = Refusal::read(400, own, "level:");
        assert_eq!((own.message.as_str(), own.position, own.hint.as_deref()), ("no value", Some(6), Some("write one")));
        assert_eq!(own.render(), "no value\n  level:\n        ^\nhint: write one");
        let body = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: a ) is missing"}"#;
        let prometheus = Refusal::read(400, body, "sum(");
        assert_eq!((prometheus.message.as_str(), prometheus.position), ("a ) is missing", Some(4)));
        let other = Refusal::read(502, "<html>Bad Gateway", "x");
        assert_eq!(other.message, "the server answered 502: <html>Bad Gateway");
    }
}
