//! `clew query logs --follow`: server-sent events (WHATWG HTML, 9.2), again after a lost connection.

use super::args::{Format, LogsArgs};
use super::client::{Params, Server};
use super::error::QueryError;
use super::logs::{before_following, newest, write_rows};
use super::output::{Out, note};
use crate::limits::{QUERY_EVENT_BYTES, QUERY_RETRY};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashSet;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Event {
    name: String,
    data: String,
    id: Option<String>,
}

/// Cuts a stream of bytes into events.
#[derive(Debug, Default)]
struct Parser {
    line: Vec<u8>,
    event: Event,
}

impl Parser {
    /// Takes bytes; answers the events that are whole now.
    fn push(&mut self, bytes: &[u8]) -> Result<Vec<Event>, QueryError> {
        let mut events = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.len() + self.event.data.len() > QUERY_EVENT_BYTES {
                return Err(QueryError::Unreadable(format!("an event of more than {QUERY_EVENT_BYTES} bytes")));
            }
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                events.extend(self.take_line(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n'])));
            }
        }
        Ok(events)
    }

    fn take_line(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => self.event.id = Some(value.to_owned()),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // A comment keeps the connection alive; other fields mean nothing to us.
            _ => {}
        }
        None
    }
}

#[derive(Debug, Deserialize)]
struct Logs {
    logs: Vec<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
struct Dropped {
    dropped: u64,
}

#[derive(Debug, Deserialize)]
struct Warnings {
    warnings: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct WithId {
    id: String,
}

/// A tail that is shown.
struct Tail<'a> {
    args: &'a LogsArgs,
    query: &'a str,
    server: &'a Server,
    out: &'a mut Out,
    /// The last to arrive of the records shown.
    last: Option<String>,
    /// Records that the search before the first event has shown.
    shown: HashSet<String>,
    has_begun: bool,
}

/// Shows the newest records, then newer ones as they come, until the output is closed.
///
/// # Errors
/// Nobody answers at the start, the query is refused, or the output is closed.
pub(super) async fn run(args: &LogsArgs, query: &str, server: &Server, out: &mut Out) -> Result<(), QueryError> {
    let mut tail = Tail { args, query, server, out, last: None, shown: HashSet::new(), has_begun: false };
    let mut is_lost = false;
    loop {
        match tail.follow(&mut is_lost).await {
            ended if tail.has_begun && is_passing(&ended) => {
                if !std::mem::replace(&mut is_lost, true) {
                    note(&format!("{} is gone; trying again", server.address()));
                }
                tokio::time::sleep(QUERY_RETRY).await;
            }
            ended => return ended,
        }
    }
}

/// Whether a connection ended so that the next may stand: it was lost, or the server (or a proxy before it) is busy,
/// starting or stopping.
fn is_passing(ended: &Result<(), QueryError>) -> bool {
    match ended {
        Ok(()) | Err(QueryError::Unreachable { .. }) => true,
        Err(QueryError::Refused(refusal)) => refusal.status == 429 || refusal.status >= 500,
        Err(_) => false,
    }
}

/// The last to arrive of these records: the one with the highest number, which stands behind the time in its ID.
fn last_arrived(ids: impl Iterator<Item = String>) -> Option<String> {
    ids.max_by_key(|id| id.rsplit('-').next().and_then(|number| number.parse::<u64>().ok()))
}

impl Tail<'_> {
    /// Follows one connection to its end.
    async fn follow(&mut self, is_lost: &mut bool) -> Result<(), QueryError> {
        let params = Params::default().with("query", self.query);
        let path = ["api", "v1", "logs", "tail"];
        let mut stream = self.server.stream(&path, &params, self.last.as_deref(), self.query).await?;
        let mut parser = Parser::default();
        while let Some(bytes) = self.server.next_chunk(&mut stream).await? {
            for event in parser.push(bytes.as_ref())? {
                self.take(event, is_lost).await?;
            }
            self.out.flush()?;
        }
        Ok(())
    }

    async fn take(&mut self, event: Event, is_lost: &mut bool) -> Result<(), QueryError> {
        let unreadable = |error: serde_json::Error| QueryError::Unreadable(error.to_string());
        match event.name.as_str() {
            // The subscription stands: what is searched now and what comes overlap, and nothing lies between.
            "ready" if !self.has_begun => self.show_newest().await,
            "ready" => {
                if std::mem::replace(is_lost, false) {
                    note("back again");
                }
                Ok(())
            }
            "logs" => {
                let Logs { mut logs } = serde_json::from_str(&event.data).map_err(unreadable)?;
                self.last = event.id.or(self.last.take());
                if !self.shown.is_empty() {
                    logs.retain(|log| id_of(log).is_none_or(|id| !self.shown.remove(&id)));
                }
                self.show(&logs)
            }
            "dropped" => {
                let Dropped { dropped } = serde_json::from_str(&event.data).map_err(unreadable)?;
                note(&format!("{dropped} records were not shown: they came too fast"));
                Ok(())
            }
            "warning" => {
                let Warnings { warnings } = serde_json::from_str(&event.data).map_err(unreadable)?;
                warnings.iter().for_each(|warning| note(warning));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    async fn show_newest(&mut self) -> Result<(), QueryError> {
        let mut found = newest(self.args, self.query, self.server, before_following(self.args)).await?;
        self.has_begun = true;
        found.logs.reverse();
        self.shown = found.logs.iter().filter_map(|log| id_of(log)).collect();
        self.last = last_arrived(self.shown.iter().cloned());
        self.show(&found.logs)
    }

    fn show(&mut self, logs: &[Box<RawValue>]) -> Result<(), QueryError> {
        match self.out.format {
            Format::Table => write_rows(self.out, logs),
            Format::Json | Format::Ndjson => self.out.ndjson(logs),
        }
    }
}

fn id_of(log: &RawValue) -> Option<String> {
    serde_json::from_str::<WithId>(log.get()).ok().map(|log| log.id)
}

#[cfg(test)]
mod tests {
    use super::super::error::Refusal;
    use super::*;

    #[test]
    fn the_last_to_arrive_is_told_by_its_number_and_not_by_its_time() {
        let ids = ["900-7", "-5-12", "100-11"].map(str::to_owned);
        assert_eq!(last_arrived(ids.into_iter()).as_deref(), Some("-5-12"));
        assert_eq!(last_arrived(std::iter::empty()), None);
    }

    #[test]
    fn a_busy_server_is_asked_again_and_a_refusal_is_final() {
        let refused = |status| Err(QueryError::Refused(Refusal::read(status, "", "")));
        for status in [429, 500, 502, 503] {
            assert!(is_passing(&refused(status)), "{status}");
        }
        for status in [400, 401, 404, 422] {
            assert!(!is_passing(&refused(status)), "{status}");
        }
        assert!(is_passing(&Ok(())) && !is_passing(&Err(QueryError::Closed)));
    }

    #[test]
    fn events_are_whole_however_the_bytes_are_cut() {
        let stream =
            b": keep-alive\n\nevent: logs\r\nid: 5-1\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata:x\n\nevent: e\n\n";
        let logs = Event { name: "logs".into(), data: "{\"a\":\n1}".into(), id: Some("5-1".into()) };
        let plain = Event { data: "x".into(), ..Event::default() };
        for size in 1..stream.len() {
            let mut parser = Parser::default();
            let mut events = Vec::new();
            for part in stream.chunks(size) {
                events.extend(parser.push(part).unwrap());
            }
            assert_eq!(events, [logs.clone(), plain.clone()], "in parts of {size}");
        }
    }
}
