//! The logs, in the shapes that real teams send: OTLP beside the spans, two JSON schemas that know the correlation ID
//! alone, JSON whose trace ID is what Python prints for it or a UUID, and a broker's plain lines.

use super::{Failure, SpanRef, Teller};
use crate::demo::dice::MS;
use crate::demo::system::{Instance, host};
use clew_codec::json_logs::{self, JsonLogOptions};
use clew_model::logs::{LogRecord, Severity};
use clew_model::value::{Attributes, write_json};
use clew_model::{Attribute, Number, TraceId, Value};
use jiff::Timestamp;

/// What a line says, whatever its shape.
pub(super) struct Line<'a> {
    /// When.
    pub at: i64,
    /// Who says it.
    pub by: Instance,
    /// `DEBUG` … `FATAL`
    pub level: &'a str,
    /// What.
    pub message: String,
    /// More of it.
    pub fields: Attributes,
    /// The span during which it was said.
    pub span: SpanRef,
    /// About which task.
    pub task: Option<&'a str>,
    /// What failed.
    pub failure: Option<Failure<'a>>,
}

impl<'a> Line<'a> {
    /// A line at INFO without more.
    pub(super) fn info(by: Instance, span: SpanRef, at: i64, message: impl Into<String>) -> Self {
        let (message, fields) = (message.into(), Attributes::new());
        Self { at, by, level: "INFO", message, fields, span, task: None, failure: None }
    }

    /// The same line at another level.
    pub(super) fn level(mut self, level: &'a str) -> Self {
        self.level = level;
        self
    }

    /// The same line about a task.
    pub(super) fn task(mut self, task: &'a str) -> Self {
        self.task = Some(task);
        self
    }

    /// The same line with one more field.
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.fields.push(Attribute::new(key, value));
        self
    }

    /// The same line about a failure.
    pub(super) fn failed(mut self, failure: Failure<'a>) -> Self {
        self.failure = Some(failure);
        self
    }
}

impl Teller<'_> {
    /// An OTLP record: it knows its trace and span.
    pub(super) fn log_otlp(&mut self, line: Line<'_>) {
        let mut attributes = vec![Attribute::new("correlation_id", self.ids.correlation.as_str())];
        attributes.extend(line.task.map(|task| Attribute::new("task_id", task)));
        attributes.extend(line.fields);
        if let Some(failure) = line.failure {
            attributes.push(Attribute::new("exception.type", failure.kind));
            attributes.push(Attribute::new("exception.message", failure.message));
            attributes.push(Attribute::new("exception.stacktrace", failure.stack));
        }
        let resource = self.system.resource(line.by, false);
        self.story.logs.push(LogRecord {
            time: line.at,
            observed_time: line.at + 2 * MS,
            severity: Severity::from_text(line.level).unwrap_or_default(),
            severity_text: line.level.into(),
            body: line.message.into(),
            service: line.by.service.name().into(),
            trace_id: Some(line.span.trace),
            span_id: Some(line.span.id),
            flags: 1,
            attributes,
            resource,
            scope: self.system.scope(),
            ..LogRecord::default()
        });
    }

    /// JSON of an agent framework: `agent_name`, `event_type`, `metadata`; of the IDs only those of the request.
    pub(super) fn log_event(&mut self, event_type: &str, line: Line<'_>) {
        let mut metadata = vec![Attribute::new("correlation_id", self.ids.correlation.as_str())];
        metadata.extend(line.task.map(|task| Attribute::new("task_id", task)));
        metadata.extend(line.fields);
        if let Some(failure) = line.failure {
            metadata.push(Attribute::new("error", format!("{}: {}", failure.kind, failure.message)));
            metadata.push(Attribute::new("traceback", failure.stack));
        }
        self.push_json(
            line.at,
            vec![
                Attribute::new("timestamp", rfc3339(line.at)),
                Attribute::new("agent_name", line.by.service.name()),
                Attribute::new("event_type", event_type),
                Attribute::new("severity", line.level),
                Attribute::new("message", line.message),
                Attribute::new("metadata", Value::Map(metadata)),
            ],
        );
    }

    /// JSON of a structured logging library: `correlation_id` at the top, `context`, `performance`, `error`, `tags`; the
    /// trace ID is the number that Python has for it.
    pub(super) fn log_structured(&mut self, component: &str, duration: Option<i64>, line: Line<'_>) {
        let mut context = Attributes::new();
        context.extend(line.task.map(|task| Attribute::new("task_id", task)));
        context.push(Attribute::new("trace_id", python_integer(line.span.trace)));
        context.extend(line.fields);
        let performance = duration.map_or(Value::Null, |nanos| {
            Value::Map(vec![Attribute::new("duration_ms", (nanos / (MS / 10)) as f64 / 10.0)])
        });
        let error = line.failure.map_or(Value::Null, |failure| {
            Value::Map(vec![
                Attribute::new("type", failure.kind),
                Attribute::new("message", failure.message),
                Attribute::new("stack_trace", failure.stack),
            ])
        });
        let tags = [component, if line.failure.is_some() { "failure" } else { "task" }];
        self.push_json(
            line.at,
            vec![
                Attribute::new("timestamp", rfc3339(line.at)),
                Attribute::new("level", line.level),
                Attribute::new("correlation_id", self.ids.correlation.as_str()),
                Attribute::new("agent_id", line.by.name()),
                Attribute::new("component", component),
                Attribute::new("message", line.message),
                Attribute::new("context", Value::Map(context)),
                Attribute::new("tags", Value::Array(tags.into_iter().map(Value::from).collect())),
                Attribute::new("hostname", format!("node-{}", host(line.by))),
                Attribute::new("service", line.by.service.name()),
                Attribute::new("performance", performance),
                Attribute::new("error", error),
            ],
        );
    }

    /// Flat JSON that knows the trace as a UUID.
    pub(super) fn log_flat(&mut self, line: Line<'_>) {
        let mut fields = vec![
            Attribute::new("ts", Value::Double((line.at / MS) as f64 / 1e3)),
            Attribute::new("level", line.level.to_ascii_lowercase()),
            Attribute::new("msg", line.message),
            Attribute::new("app", line.by.service.name()),
            Attribute::new("request_id", dashed_uuid(line.span.trace)),
        ];
        fields.extend(line.fields);
        self.push_json(line.at, fields);
    }

    /// A broker's plain line: of all IDs the task's alone.
    pub(super) fn log_plain(&mut self, line: Line<'_>) {
        let mut fields = vec![
            Attribute::new("time", rfc3339(line.at)),
            Attribute::new("level", line.level.to_ascii_lowercase()),
            Attribute::new("message", line.message),
            Attribute::new("service", line.by.service.name()),
        ];
        fields.extend(line.task.map(|task| Attribute::new("task_id", task)));
        fields.extend(line.fields);
        self.push_json(line.at, fields);
    }

    /// Through the decoder that reads real senders' lines, so that the demo shows what they would see.
    fn push_json(&mut self, at: i64, fields: Attributes) {
        let mut text = String::new();
        write_json(&Value::Map(fields), &mut text);
        let decoded = json_logs::decode(text.as_bytes(), at + 5 * MS, &JsonLogOptions::default());
        debug_assert!(decoded.as_ref().is_ok_and(|decoded| decoded.accepted == 1), "{text}");
        self.story.logs.extend(decoded.map(|decoded| decoded.records).unwrap_or_default());
    }
}

/// A time as loggers write it.
fn rfc3339(nanos: i64) -> String {
    Timestamp::from_nanosecond(i128::from(nanos / 1000 * 1000)).map(|time| time.to_string()).unwrap_or_default()
}

/// What Python prints for `span.get_span_context().trace_id`.
fn python_integer(trace: TraceId) -> Value {
    Value::Number(Number(u128::from_be_bytes(trace.0).to_string().into()))
}

/// The trace ID as a UUID with dashes.
fn dashed_uuid(trace: TraceId) -> String {
    let hex = trace.to_string();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    parts.map(|part| hex.get(part).unwrap_or_default()).join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_spelled_as_other_programs_spell_it() {
        // Computed with Python: int("4bf9…", 16), uuid.UUID("4bf9…").
        let trace = TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736").unwrap();
        assert_eq!(python_integer(trace).display_text(), "100985939111033328018442752961257817910");
        assert_eq!(dashed_uuid(trace), "4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
    }
}
