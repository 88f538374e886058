//! What one request leaves behind: spans, logs, and what happened beside them.

mod front;
mod language_model;
mod logs;
mod tasks;
mod workers;

pub(super) use front::{poll, request};

use super::dice::Dice;
use super::incident::{IncidentKind, is_on};
use super::outages::Outages;
use super::system::{Instance, System};
use clew_model::logs::LogRecord;
use clew_model::traces::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, StatusCode};
use clew_model::value::Attributes;
use clew_model::{Attribute, SpanId, TraceId, Value};

/// Something that metrics show and no span does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Happening {
    /// A message entered a queue.
    Enqueued(&'static str),
    /// A message left a queue after waiting so many nanoseconds.
    Dequeued(&'static str, i64),
    /// A message was set aside for good.
    DeadLettered(&'static str),
    /// An instance of a worker died.
    Crashed(Instance),
}

/// Everything that one request leaves behind.
#[derive(Debug, Clone, Default)]
pub(super) struct Story {
    /// Its spans.
    pub spans: Vec<Span>,
    /// Its logs.
    pub logs: Vec<LogRecord>,
    /// When something happened that only metrics show.
    pub happenings: Vec<(i64, Happening)>,
    /// Whether an incident touched it: somebody may want to look.
    pub troubled_by: Option<IncidentKind>,
    /// When its last record ends.
    pub end: i64,
}

/// The IDs that a request hands on to everybody who works for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ids {
    /// The correlation ID, `req-…`.
    pub correlation: String,
    /// The session that the request belongs to, if the user has one.
    pub session: Option<String>,
    /// Who asked.
    pub user: String,
}

/// A span that was begun, by which others refer to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpanRef {
    index: usize,
    /// Its trace.
    pub trace: TraceId,
    /// Its ID.
    pub id: SpanId,
}

/// A failure as an instrumented program reports it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure<'a> {
    /// The exception's type.
    pub kind: &'a str,
    /// Its message.
    pub message: &'a str,
    /// Its stack trace.
    pub stack: &'a str,
}

/// Tells one request's story.
pub(super) struct Teller<'a> {
    system: &'a System,
    dice: &'a mut Dice,
    outages: &'a mut Outages,
    ids: Ids,
    story: Story,
}

impl<'a> Teller<'a> {
    /// Begins a story about a request with these IDs.
    pub(super) fn new(system: &'a System, dice: &'a mut Dice, outages: &'a mut Outages, ids: Ids) -> Self {
        Self { system, dice, outages, ids, story: Story::default() }
    }

    /// The whole story.
    pub(super) fn finish(mut self) -> Story {
        let spans = self.story.spans.iter().map(|span| span.end);
        let logs = self.story.logs.iter().map(|log| log.time);
        self.story.end = spans.chain(logs).max().unwrap_or_default();
        self.story
    }

    /// Begins a span; without a parent it is the root of a new trace.
    fn open(
        &mut self,
        instance: Instance,
        kind: SpanKind,
        name: impl AsRef<str>,
        parent: Option<SpanRef>,
        at: i64,
    ) -> SpanRef {
        let trace = parent.map_or_else(|| self.dice.trace_id(), |parent| parent.trace);
        let mut span = Span::new(trace, self.dice.span_id());
        span.parent_span_id = parent.map(|parent| parent.id);
        span.name = name.as_ref().into();
        span.kind = kind;
        // Sampled (W3C Trace Context, 3.2.2.5.1).
        span.flags = 1;
        (span.start, span.end) = (at, at);
        span.resource = self.system.resource(instance, is_on(IncidentKind::CrashLoop, at));
        span.scope = self.system.scope();
        let opened = SpanRef { index: self.story.spans.len(), trace, id: span.span_id };
        self.story.spans.push(span);
        opened
    }

    fn edit(&mut self, span: SpanRef, edit: impl FnOnce(&mut Span)) {
        if let Some(span) = self.story.spans.get_mut(span.index) {
            edit(span);
        }
    }

    /// Ends a span.
    fn close(&mut self, span: SpanRef, at: i64) {
        self.edit(span, |span| span.end = at.max(span.start));
    }

    fn tag(&mut self, span: SpanRef, key: &str, value: impl Into<Value>) {
        self.edit(span, |span| span.attributes.push(Attribute::new(key, value)));
    }

    /// The IDs on a span, as the services' middleware writes them.
    fn tag_ids(&mut self, span: SpanRef, task: Option<&str>) {
        let correlation = self.ids.correlation.clone();
        self.tag(span, "correlation_id", correlation);
        if let Some(task) = task {
            self.tag(span, "task_id", task);
        }
    }

    fn event(&mut self, span: SpanRef, at: i64, name: &str, attributes: Attributes) {
        let event = SpanEvent { time: at, name: name.into(), attributes, dropped_attributes_count: 0 };
        self.edit(span, |span| span.events.push(event));
    }

    /// Marks a span as failed with an `exception` event (OpenTelemetry semantic conventions, "Exceptions on spans").
    fn fail(&mut self, span: SpanRef, at: i64, failure: Failure<'_>) {
        let attributes = vec![
            Attribute::new("exception.type", failure.kind),
            Attribute::new("exception.message", failure.message),
            Attribute::new("exception.stacktrace", failure.stack),
        ];
        self.event(span, at, "exception", attributes);
        self.status(span, failure.message);
        self.tag(span, "error.type", failure.kind);
    }

    fn status(&mut self, span: SpanRef, message: &str) {
        self.edit(span, |span| span.status = SpanStatus { code: StatusCode::Error, message: message.into() });
    }

    fn link(&mut self, from: SpanRef, to: SpanRef, why: &str) {
        let link = SpanLink {
            trace_id: to.trace,
            span_id: to.id,
            trace_state: Default::default(),
            attributes: vec![Attribute::new("link.reason", why)],
            dropped_attributes_count: 0,
            flags: 1,
        };
        self.edit(from, |span| span.links.push(link));
    }

    fn happen(&mut self, at: i64, happening: Happening) {
        self.story.happenings.push((at, happening));
    }

    fn trouble(&mut self, kind: IncidentKind) {
        self.story.troubled_by.get_or_insert(kind);
    }
}
