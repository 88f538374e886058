//! One ID's story as JSON.

use super::log::LogDto;
use super::span::SpanDto;
use super::time::rfc3339;
use clew_app::reads::{AlsoSeen, Correlation, Event, EventBody, FoundIn, Lane};
use clew_model::metrics::{ExemplarRow, Labels};
use clew_model::time::NANOS_PER_MILLI;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Everything that carries an ID.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CorrelationDto {
    /// The ID in canonical form.
    id: String,
    /// How often what the records carry was followed.
    depth: usize,
    /// First instant, RFC 3339; absent when nothing was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_seen: Option<String>,
    /// Last instant, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<String>,
    /// From the first to the last, nanoseconds.
    duration_nanos: i64,
    counts: CountsDto,
    /// In which fields the ID itself was found.
    found_in: Vec<FoundInDto>,
    /// The traces met, in order.
    traces: Vec<String>,
    /// Services or agents in order of their first event.
    lanes: Vec<LaneDto>,
    /// The events in order of time.
    timeline: Vec<EventDto>,
    /// Index of the first error in the timeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_error: Option<usize>,
    /// Alerts that were firing; empty until alerting is built.
    alerts: Vec<String>,
    /// IDs in the same records, most frequent first.
    also_seen_with: Vec<AlsoSeenDto>,
    /// The IDs that were followed, with the depth at which each was met.
    followed: BTreeMap<String, usize>,
    /// What is missing.
    truncated: TruncationDto,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// Records by signal.
#[derive(Debug, Serialize, ToSchema)]
struct CountsDto {
    logs: u64,
    spans: u64,
    exemplars: u64,
}

/// A field in which the ID was found.
#[derive(Debug, Serialize, ToSchema)]
struct FoundInDto {
    /// `logs`, `metrics` or `traces`.
    signal: &'static str,
    field: String,
    records: u64,
}

/// A lane of the timeline.
#[derive(Debug, Serialize, ToSchema)]
struct LaneDto {
    /// The service or agent; empty where the records do not say.
    name: String,
    first: String,
    last: String,
    events: u64,
    errors: u64,
}

/// One event of the timeline.
#[derive(Debug, Serialize, ToSchema)]
struct EventDto {
    /// RFC 3339.
    time: String,
    /// Nanoseconds since 1970, as text.
    time_unix_nano: String,
    /// Nanoseconds since 1970, as text; the same as the time but for spans.
    end_unix_nano: String,
    /// Index of its lane.
    lane: usize,
    is_error: bool,
    reached: ReachedDto,
    #[serde(flatten)]
    record: RecordDto,
}

/// How an event was reached.
#[derive(Debug, Serialize, ToSchema)]
struct ReachedDto {
    /// How many IDs were followed before this one; 0 for the ID asked.
    depth: usize,
    /// The ID that the record carries.
    id: String,
    /// In which field.
    field: String,
}

/// The record behind an event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum RecordDto {
    /// A log record.
    Log {
        /// The record.
        log: Box<LogDto>,
    },
    /// A span.
    Span {
        /// The span.
        span: Box<SpanDto>,
    },
    /// An exemplar.
    Exemplar {
        /// The exemplar.
        exemplar: ExemplarDto,
    },
}

/// A measurement that carries an ID.
#[derive(Debug, Serialize, ToSchema)]
struct ExemplarDto {
    /// RFC 3339.
    time: String,
    /// The labels of its series.
    series: BTreeMap<String, String>,
    /// Its own labels.
    labels: BTreeMap<String, String>,
    /// The value, as text so that NaN and infinities can be said.
    value: String,
}

/// An ID in the same records.
#[derive(Debug, Serialize, ToSchema)]
struct AlsoSeenDto {
    id: String,
    /// The field where it was seen first.
    field: String,
    records: u64,
    /// Whether it was followed.
    followed: bool,
}

/// What a correlation does not show.
#[derive(Debug, Serialize, ToSchema)]
struct TruncationDto {
    /// Whether anything is missing.
    any: bool,
    /// More log records carry the IDs.
    logs: bool,
    /// More spans carry the IDs.
    spans: bool,
    /// More exemplars carry the IDs.
    exemplars: bool,
    /// More IDs were met than are followed.
    ids: bool,
    /// The last records carry IDs that were not followed: ask with a greater `depth`.
    depth: bool,
}

impl From<Correlation> for CorrelationDto {
    fn from(story: Correlation) -> Self {
        let cut = story.truncation;
        Self {
            id: story.id.to_string(),
            depth: story.depth,
            first_seen: story.span.map(|(first, _)| rfc3339(first)),
            last_seen: story.span.map(|(_, last)| rfc3339(last)),
            duration_nanos: story.span.map_or(0, |(first, last)| last.saturating_sub(first)),
            counts: CountsDto { logs: story.counts.logs, spans: story.counts.spans, exemplars: story.counts.exemplars },
            found_in: story.found_in.into_iter().map(found_in).collect(),
            traces: story.traces.iter().map(ToString::to_string).collect(),
            lanes: story.lanes.into_iter().map(lane).collect(),
            timeline: story.events.into_iter().map(event).collect(),
            first_error: story.first_error,
            alerts: Vec::new(),
            also_seen_with: story.also_seen.into_iter().map(also_seen).collect(),
            followed: story.followed.into_iter().map(|(id, depth)| (id.to_string(), depth)).collect(),
            truncated: TruncationDto {
                any: cut.logs || cut.spans || cut.exemplars || cut.ids,
                logs: cut.logs,
                spans: cut.spans,
                exemplars: cut.exemplars,
                ids: cut.ids,
                depth: cut.depth,
            },
            warnings: story.warnings,
        }
    }
}

fn found_in(found: FoundIn) -> FoundInDto {
    FoundInDto { signal: found.signal.as_str(), field: found.field, records: found.records }
}

fn lane(lane: Lane) -> LaneDto {
    LaneDto {
        name: lane.name,
        first: rfc3339(lane.first),
        last: rfc3339(lane.last),
        events: lane.events,
        errors: lane.errors,
    }
}

fn also_seen(seen: AlsoSeen) -> AlsoSeenDto {
    AlsoSeenDto { id: seen.id.to_string(), field: seen.field, records: seen.records, followed: seen.followed }
}

fn event(event: Event) -> EventDto {
    let reached =
        ReachedDto { depth: event.reached.depth, id: event.reached.id.to_string(), field: event.reached.field };
    EventDto {
        time: rfc3339(event.time),
        time_unix_nano: event.time.to_string(),
        end_unix_nano: event.end.to_string(),
        lane: event.lane,
        is_error: event.is_error,
        reached,
        record: match event.body {
            EventBody::Log(row) => RecordDto::Log { log: Box::new(LogDto::from(*row)) },
            EventBody::Span(span) => RecordDto::Span { span: Box::new(SpanDto::from(*span)) },
            EventBody::Exemplar(row) => RecordDto::Exemplar { exemplar: exemplar(*row) },
        },
    }
}

fn exemplar(row: ExemplarRow) -> ExemplarDto {
    ExemplarDto {
        time: rfc3339(row.time.saturating_mul(NANOS_PER_MILLI)),
        series: label_map(&row.series),
        labels: label_map(&row.labels),
        value: clew_query::promql::format_value(row.value),
    }
}

fn label_map(labels: &Labels) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
