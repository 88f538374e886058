//! `clew query logs`: pages, or a tail.

use super::args::{Format, LogsArgs};
use super::client::{Params, Server};
use super::error::QueryError;
use super::output::{Out, Style, note, warn_all};
use super::tail;
use super::text::{json_text, printable, short_time};
use crate::limits::{QUERY_DEFAULT_LOGS, QUERY_FOLLOW_LOGS, QUERY_MAX_ROWS, QUERY_PAGE};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of the server's.
#[derive(Debug, Deserialize)]
pub(super) struct LogPage {
    logs: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

/// What is shown of a record.
#[derive(Debug, Deserialize)]
struct LogRow {
    time: String,
    #[serde(default)]
    severity: String,
    message: Box<RawValue>,
    #[serde(default)]
    service: String,
}

/// The records of a search and what is to be said about them.
pub(super) struct Found {
    /// In the order asked.
    pub logs: Vec<Box<RawValue>>,
    warnings: Vec<String>,
    has_more: bool,
}

/// Runs the query.
///
/// # Errors
/// Nobody answers, the query is refused, or the output is closed.
pub(super) async fn run(args: &LogsArgs, server: &Server, out: &mut Out) -> Result<(), QueryError> {
    let query = args.query.join(" ");
    if args.follow {
        if out.format == Format::Json {
            return Err(QueryError::Usage("a tail has no end: use --output ndjson with --follow".to_owned()));
        }
        if args.common.end.is_some() {
            return Err(QueryError::Usage("--follow goes on for ever: it takes no --end".to_owned()));
        }
        return tail::run(args, &query, server, out).await;
    }
    let limit = args.common.limit.map_or(QUERY_DEFAULT_LOGS, |limit| limit as usize);
    let mut found = newest(args, &query, server, limit).await?;
    if !args.reverse {
        found.logs.reverse();
    }
    warn_all(&found.warnings);
    match out.format {
        Format::Json => write_document(out, &found)?,
        Format::Ndjson => out.ndjson(&found.logs)?,
        Format::Table => write_rows(out, &found.logs)?,
    }
    out.flush()?;
    if found.has_more {
        note(&format!("the newest {limit} records; more match (--limit, --start, --end)"));
    }
    Ok(())
}

/// The newest records that match, newest first, in as many pages as it takes.
///
/// # Errors
/// As [`run`].
pub(super) async fn newest(args: &LogsArgs, query: &str, server: &Server, limit: usize) -> Result<Found, QueryError> {
    if limit > QUERY_MAX_ROWS {
        return Err(QueryError::Usage(format!(
            "--limit {limit} is more than {QUERY_MAX_ROWS}: ask for shorter ranges"
        )));
    }
    let mut found = Found { logs: Vec::new(), warnings: Vec::new(), has_more: false };
    let mut cursor: Option<String> = None;
    loop {
        let size = (limit - found.logs.len()).min(QUERY_PAGE);
        let params = Params::default()
            .with("query", query)
            .with("limit", size.to_string())
            .maybe("start", args.common.start.as_deref())
            .maybe("end", args.common.end.as_deref())
            .maybe("cursor", cursor.as_deref());
        let body = server.get(&["api", "v1", "logs"], &params, query).await?;
        let page: LogPage = serde_json::from_str(&body).map_err(|error| QueryError::Unreadable(error.to_string()))?;
        found.logs.extend(page.logs);
        found.warnings.extend(page.warnings);
        cursor = page.next_cursor;
        found.has_more = cursor.is_some();
        if cursor.is_none() || found.logs.len() >= limit {
            found.warnings.dedup();
            return Ok(found);
        }
    }
}

fn write_document(out: &mut Out, found: &Found) -> Result<(), QueryError> {
    let logs: Vec<&str> = found.logs.iter().map(|log| log.get()).collect();
    let warnings = serde_json::to_string(&found.warnings).unwrap_or_default();
    out.line(&format!("{{\"logs\":[{}],\"has_more\":{},\"warnings\":{warnings}}}", logs.join(","), found.has_more))
}

/// Writes records for people: time, severity, service, message.
///
/// # Errors
/// The output is closed, or a record cannot be understood.
pub(super) fn write_rows(out: &mut Out, logs: &[Box<RawValue>]) -> Result<(), QueryError> {
    for log in logs {
        let row: LogRow = serde_json::from_str(log.get()).map_err(|error| QueryError::Unreadable(error.to_string()))?;
        let time = out.styled(Style::Dim, &short_time(&row.time));
        let severity = out.styled(Style::of_severity(&row.severity), &format!("{:<5}", row.severity));
        let service = out.styled(Style::Bold, &format!("{:<14}", printable(&row.service)));
        out.line(&format!("{time} {severity} {service} {}", printable(&json_text(&row.message))))?;
    }
    Ok(())
}

/// Records that a tail shows before the first new one.
pub(super) fn before_following(args: &LogsArgs) -> usize {
    args.common.limit.map_or(QUERY_FOLLOW_LOGS, |limit| limit as usize)
}
