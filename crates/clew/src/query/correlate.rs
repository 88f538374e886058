//! `clew query correlate`: everything that carries an ID, as one timeline.

use super::args::{CorrelateArgs, Format};
use super::client::{Params, Server};
use super::error::QueryError;
use super::metrics::series_name;
use super::output::{Out, Style, note, warn_all};
use super::text::{Table, duration, json_text, one_line, short_time};
use crate::limits::QUERY_ALSO_SEEN;
use crate::terminal::counted;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
struct Correlation {
    id: String,
    duration_nanos: i64,
    counts: Counts,
    found_in: Vec<FoundIn>,
    traces: Vec<String>,
    lanes: Vec<Lane>,
    timeline: Vec<Box<RawValue>>,
    first_error: Option<usize>,
    also_seen_with: Vec<AlsoSeen>,
    truncated: BTreeMap<String, bool>,
    #[serde(default)]
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Counts {
    logs: u64,
    spans: u64,
    exemplars: u64,
}

#[derive(Debug, Deserialize)]
struct FoundIn {
    signal: String,
    field: String,
    records: u64,
}

#[derive(Debug, Deserialize)]
struct Lane {
    name: String,
}

#[derive(Debug, Deserialize)]
struct AlsoSeen {
    id: String,
    field: String,
    records: u64,
}

/// An event of the timeline with the one record it has.
#[derive(Debug, Deserialize)]
struct Event {
    time: String,
    lane: usize,
    is_error: bool,
    log: Option<Log>,
    span: Option<Span>,
    exemplar: Option<Exemplar>,
}

#[derive(Debug, Deserialize)]
struct Log {
    #[serde(default)]
    severity: String,
    message: Box<RawValue>,
}

#[derive(Debug, Deserialize)]
struct Span {
    name: String,
    kind: String,
    duration_nanos: i64,
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Status {
    #[serde(default)]
    message: String,
}

#[derive(Debug, Deserialize)]
struct Exemplar {
    series: BTreeMap<String, String>,
    value: String,
}

/// Runs the query.
///
/// # Errors
/// Nobody answers, the request is refused, or the output is closed.
pub(super) async fn run(args: &CorrelateArgs, server: &Server, out: &mut Out) -> Result<(), QueryError> {
    let params = Params::default()
        .maybe("depth", args.depth.map(|depth| depth.to_string()))
        .maybe("start", args.common.start.as_deref())
        .maybe("end", args.common.end.as_deref())
        .maybe("limit", args.common.limit.map(|limit| limit.to_string()));
    let body = server.get(&["api", "v1", "correlate", &args.id], &params, "").await?;
    let story: Correlation = serde_json::from_str(&body).map_err(|error| QueryError::Unreadable(error.to_string()))?;
    warn_all(&story.warnings);
    match out.format {
        Format::Json => out.line(&body)?,
        Format::Ndjson => out.ndjson(&story.timeline)?,
        Format::Table => write_timeline(&story, out)?,
    }
    out.flush()?;
    say_truncation(&story.truncated);
    say_others(&args.id, &story.id, server).await;
    Ok(())
}

/// What else a pasted text names; a text that is the ID alone names nothing else.
async fn say_others(text: &str, told: &str, server: &Server) {
    if text == told {
        return;
    }
    let params = Params::default().maybe("id", Some(text));
    // The story is told; what else there may be is no reason to fail.
    let Ok(body) = server.get(&["api", "v1", "resolve"], &params, "").await else { return };
    let Ok(found) = serde_json::from_str::<Resolution>(&body) else { return };
    let others =
        found.candidates.iter().filter(|named| named.id != told && named.logs + named.spans + named.exemplars > 0);
    for Named { id, kind, logs, spans, .. } in others {
        let (logs, spans) = (counted(*logs, "log"), counted(*spans, "span"));
        note(&format!("also in this text: {kind} {} ({logs}, {spans})", one_line(id)));
    }
}

/// What a text names.
#[derive(Debug, Deserialize)]
struct Resolution {
    candidates: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    kind: String,
    logs: u64,
    spans: u64,
    exemplars: u64,
}

/// A timeline that is not whole says so in every format.
fn say_truncation(truncated: &BTreeMap<String, bool>) {
    let is_cut = |name: &str| truncated.get(name).copied().unwrap_or(false);
    let cut: Vec<&str> = ["logs", "spans", "exemplars", "ids"].into_iter().filter(|name| is_cut(name)).collect();
    if !cut.is_empty() {
        note(&format!("there are more {} than are shown (--limit, --start, --end)", cut.join(", ")));
    }
    if is_cut("depth") {
        note("the last records carry IDs that were not followed (--depth)");
    }
}

fn write_timeline(story: &Correlation, out: &mut Out) -> Result<(), QueryError> {
    if story.timeline.is_empty() {
        note(&format!("nothing carries {}", one_line(&story.id)));
        return Ok(());
    }
    let Counts { logs, spans, exemplars } = story.counts;
    let head = format!(
        "{}  {}  {}  {}  {}  {}",
        one_line(&story.id),
        duration(story.duration_nanos),
        counted(logs, "log"),
        counted(spans, "span"),
        counted(exemplars, "exemplar"),
        counted(story.traces.len() as u64, "trace"),
    );
    let head = out.styled(Style::Bold, &head);
    out.line(&head)?;
    let found: Vec<String> =
        story.found_in.iter().map(|one| format!("{} {} ({})", one.signal, one.field, one.records)).collect();
    let found = out.styled(Style::Dim, &one_line(&format!("found in {}", found.join(", "))));
    out.line(&found)?;
    let mut table = Table::new(&["TIME", "SERVICE", "KIND", "WHAT"]);
    for (number, event) in story.timeline.iter().enumerate() {
        let event: Event =
            serde_json::from_str(event.get()).map_err(|error| QueryError::Unreadable(error.to_string()))?;
        let lane = story.lanes.get(event.lane).map(|lane| lane.name.as_str()).unwrap_or_default();
        let (kind, mut what) = told(&event);
        if story.first_error == Some(number) {
            what.push_str("  ◀ first error");
        }
        let style = if event.is_error { Style::Error } else { Style::Plain };
        table.row(vec![
            (Style::Dim, short_time(&event.time)),
            (Style::Bold, one_line(lane)),
            (if event.is_error { Style::Error } else { Style::of_severity(&kind) }, kind),
            (style, what),
        ]);
    }
    table.lines(out).iter().try_for_each(|line| out.line(line))?;
    for one in story.also_seen_with.iter().take(QUERY_ALSO_SEEN) {
        let line = format!("also seen: {}  {} ({})", one_line(&one.id), one_line(&one.field), one.records);
        let line = out.styled(Style::Dim, &line);
        out.line(&line)?;
    }
    Ok(())
}

/// An event in one line: what kind, and what it says.
fn told(event: &Event) -> (String, String) {
    if let Some(log) = &event.log {
        let severity = if log.severity.is_empty() { "log" } else { &log.severity };
        return (severity.to_owned(), one_line(&json_text(&log.message)));
    }
    if let Some(span) = &event.span {
        let status = &span.status.message;
        let failure = if event.is_error { format!("  ✗ {status}") } else { String::new() };
        let text = format!("{} [{}] {}{failure}", span.name, span.kind, duration(span.duration_nanos));
        return ("span".to_owned(), one_line(&text));
    }
    let exemplar = event.exemplar.as_ref();
    let text = exemplar.map(|one| format!("{} = {}", series_name(&one.series), one.value)).unwrap_or_default();
    ("metric".to_owned(), one_line(&text))
}
