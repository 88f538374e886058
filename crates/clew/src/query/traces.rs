//! `clew query traces`: a list, or one trace as a tree.

use super::args::{Format, TraceSort, TracesArgs};
use super::client::{Params, Server};
use super::error::QueryError;
use super::output::{Out, Style, note, warn_all};
use super::text::{Table, duration, one_line, short_time};
use crate::limits::QUERY_TREE_DEPTH;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap, HashSet};

#[derive(Debug, Deserialize)]
struct Page {
    traces: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    trace_id: String,
    root_service: String,
    root_operation: String,
    start: String,
    duration_nanos: i64,
    spans: u64,
    errors: u64,
}

#[derive(Debug, Deserialize)]
struct Start {
    start_unix_nano: String,
}

#[derive(Debug, Deserialize)]
struct Trace {
    trace_id: String,
    start: String,
    duration_nanos: i64,
    services: Vec<String>,
    errors: u64,
    spans: Vec<Box<RawValue>>,
    #[serde(default)]
    truncated: bool,
    #[serde(default)]
    warnings: Vec<String>,
}

/// What the tree shows of a span.
#[derive(Debug, Deserialize)]
struct Span {
    span_id: String,
    parent_span_id: Option<String>,
    service: String,
    name: String,
    kind: String,
    start_unix_nano: String,
    duration_nanos: i64,
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Status {
    code: String,
    #[serde(default)]
    message: String,
}

/// Runs the query.
///
/// # Errors
/// Nobody answers, the request is refused, or the output is closed.
pub(super) async fn run(args: &TracesArgs, server: &Server, out: &mut Out) -> Result<(), QueryError> {
    match &args.id {
        Some(id) => one(id, server, out).await?,
        None => list(args, server, out).await?,
    }
    out.flush()
}

fn unreadable(error: serde_json::Error) -> QueryError {
    QueryError::Unreadable(error.to_string())
}

async fn list(args: &TracesArgs, server: &Server, out: &mut Out) -> Result<(), QueryError> {
    let mut params = Params::default()
        .maybe("service", args.service.as_deref())
        .maybe("operation", args.operation.as_deref())
        .maybe("kind", args.kind.as_deref())
        .maybe("status", args.status.as_deref())
        .maybe("min_duration", args.min_duration.as_deref())
        .maybe("max_duration", args.max_duration.as_deref())
        .with("sort", args.sort.as_str())
        .maybe("order", (args.reverse && args.sort != TraceSort::Time).then_some("asc"))
        .maybe("start", args.common.start.as_deref())
        .maybe("end", args.common.end.as_deref())
        .maybe("limit", args.common.limit.map(|limit| limit.to_string()));
    for attribute in &args.attribute {
        params = params.with("attribute", attribute);
    }
    let body = server.get(&["api", "v1", "traces"], &params, "").await?;
    let mut page: Page = serde_json::from_str(&body).map_err(unreadable)?;
    warn_all(&page.warnings);
    if args.sort == TraceSort::Time {
        in_order_of_time(&mut page.traces, args.reverse)?;
    }
    match out.format {
        Format::Json => out.line(&body)?,
        Format::Ndjson => out.ndjson(&page.traces)?,
        Format::Table => write_list(&page.traces, out)?,
    }
    out.flush()?;
    if page.next_cursor.is_some() {
        let which = match (args.sort, args.reverse) {
            (TraceSort::Time, _) => "the newest".to_owned(),
            (sort, false) => format!("those with the greatest {}:", sort.as_str()),
            (sort, true) => format!("those with the least {}:", sort.as_str()),
        };
        note(&format!("{which} {} traces; more match (--limit, --start, --end)", page.traces.len()));
    }
    Ok(())
}

/// As the column that is shown says: the server's order is that of the newest span that matches.
fn in_order_of_time(traces: &mut Vec<Box<RawValue>>, newest_first: bool) -> Result<(), QueryError> {
    let mut timed = Vec::with_capacity(traces.len());
    for trace in traces.drain(..) {
        let Start { start_unix_nano } = serde_json::from_str(trace.get()).map_err(unreadable)?;
        timed.push((start_unix_nano.parse::<i64>().unwrap_or(0), trace));
    }
    timed.sort_by_key(|(start, _)| *start);
    if newest_first {
        timed.reverse();
    }
    traces.extend(timed.into_iter().map(|(_, trace)| trace));
    Ok(())
}

fn write_list(traces: &[Box<RawValue>], out: &mut Out) -> Result<(), QueryError> {
    if traces.is_empty() {
        note("no traces");
        return Ok(());
    }
    let mut table = Table::new(&["START", "DURATION", "SPANS", "ERRORS", "TRACE", "ROOT"]);
    for trace in traces {
        let trace: Summary = serde_json::from_str(trace.get()).map_err(unreadable)?;
        let style = if trace.errors > 0 { Style::Error } else { Style::Dim };
        table.row(vec![
            (Style::Dim, short_time(&trace.start)),
            (Style::Plain, duration(trace.duration_nanos)),
            (Style::Plain, trace.spans.to_string()),
            (style, trace.errors.to_string()),
            (Style::Plain, trace.trace_id),
            (Style::Bold, one_line(&format!("{} {}", trace.root_service, trace.root_operation))),
        ]);
    }
    table.lines(out).iter().try_for_each(|line| out.line(line))
}

async fn one(id: &str, server: &Server, out: &mut Out) -> Result<(), QueryError> {
    let body = server.get(&["api", "v1", "traces", id], &Params::default(), "").await?;
    let trace: Trace = serde_json::from_str(&body).map_err(unreadable)?;
    warn_all(&trace.warnings);
    if trace.truncated {
        note("the trace has more spans than are shown");
    }
    match out.format {
        Format::Json => out.line(&body),
        Format::Ndjson => out.ndjson(&trace.spans),
        Format::Table => write_tree(&trace, out),
    }
}

fn write_tree(trace: &Trace, out: &mut Out) -> Result<(), QueryError> {
    let spans: Vec<Span> = trace
        .spans
        .iter()
        .map(|span| serde_json::from_str(span.get()))
        .collect::<Result<_, _>>()
        .map_err(unreadable)?;
    let head = format!(
        "trace {}  {}  {}  {} spans  {} errors  {}",
        trace.trace_id,
        short_time(&trace.start),
        duration(trace.duration_nanos),
        spans.len(),
        trace.errors,
        one_line(&trace.services.join(", "))
    );
    let head = out.styled(Style::Bold, &head);
    out.line(&head)?;
    let start = spans.iter().map(nanos).min().unwrap_or_default();
    let mut table = Table::new(&["AFTER", "DURATION", "SERVICE", "SPAN"]);
    for (span, depth) in tree(&spans) {
        let is_failed = span.status.code == "error";
        let message = if span.status.message.is_empty() { "error" } else { &span.status.message };
        let failure = if is_failed { format!("  ✗ {message}") } else { String::new() };
        let indent = "  ".repeat(depth.min(QUERY_TREE_DEPTH));
        table.row(vec![
            (Style::Dim, format!("+{}", duration(nanos(span).saturating_sub(start)))),
            (Style::Plain, duration(span.duration_nanos)),
            (Style::Bold, one_line(&span.service)),
            (
                if is_failed { Style::Error } else { Style::Plain },
                format!("{indent}{}", one_line(&format!("{} [{}]{failure}", span.name, span.kind))),
            ),
        ]);
    }
    table.lines(out).iter().try_for_each(|line| out.line(line))
}

fn nanos(span: &Span) -> i64 {
    span.start_unix_nano.parse().unwrap_or_default()
}

/// The spans below their parents, each with its depth, children by start. A span whose parent is not there is a root;
/// one that is its own ancestor stands at the end.
fn tree(spans: &[Span]) -> Vec<(&Span, usize)> {
    let known: HashSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    let mut children: HashMap<Option<&str>, BTreeMap<(i64, usize), &Span>> = HashMap::new();
    for (number, span) in spans.iter().enumerate() {
        let parent = span.parent_span_id.as_deref().filter(|parent| known.contains(parent) && *parent != span.span_id);
        children.entry(parent).or_default().insert((nanos(span), number), span);
    }
    let mut rows = Vec::with_capacity(spans.len());
    let mut waiting: Vec<(&Span, usize)> = Vec::new();
    waiting.extend(children.remove(&None).unwrap_or_default().into_values().rev().map(|span| (span, 0)));
    while let Some((span, depth)) = waiting.pop() {
        rows.push((span, depth));
        // Taken out, so that no span comes twice whatever the IDs say.
        let below = children.remove(&Some(span.span_id.as_str())).unwrap_or_default();
        waiting.extend(below.into_values().rev().map(|span| (span, depth + 1)));
    }
    let mut left: Vec<(&Span, usize)> =
        children.into_values().flat_map(BTreeMap::into_values).map(|span| (span, 0)).collect();
    left.sort_by_key(|(span, _)| nanos(span));
    rows.extend(left);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: &str, parent: Option<&str>, start: i64) -> Span {
        Span {
            span_id: id.to_owned(),
            parent_span_id: parent.map(str::to_owned),
            service: "s".to_owned(),
            name: id.to_owned(),
            kind: "internal".to_owned(),
            start_unix_nano: start.to_string(),
            duration_nanos: 1,
            status: Status { code: "unset".to_owned(), message: String::new() },
        }
    }

    #[test]
    fn a_tree_has_every_span_once_below_its_parent_by_start() {
        let spans = [
            span("root", None, 1),
            span("late", Some("root"), 5),
            span("early", Some("root"), 2),
            span("deep", Some("early"), 3),
            span("orphan", Some("nowhere"), 4),
            span("egg", Some("hen"), 6),
            span("hen", Some("egg"), 7),
            span("self", Some("self"), 8),
        ];
        let rows: Vec<(&str, usize)> = tree(&spans).into_iter().map(|(span, depth)| (&*span.name, depth)).collect();
        assert_eq!(
            rows,
            [("root", 0), ("early", 1), ("deep", 2), ("late", 1), ("orphan", 0), ("self", 0), ("egg", 0), ("hen", 0),]
        );
    }
}
