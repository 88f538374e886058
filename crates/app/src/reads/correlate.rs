//! One ID's whole story: the records of a walk as one timeline with lanes.

use super::period::count;
use super::resolve::{first_existing, no_id, shown};
use super::walk::{CorrelateQuery, Found, Step, Walk, walk};
use super::{About, Period, Plan, Question, Stores};
use crate::error::AppError;
use crate::limits::{
    CORRELATE_ALSO_SEEN, CORRELATE_DEPTH, CORRELATE_RECORDS, DEFAULT_CORRELATE_DEPTH, DEFAULT_CORRELATE_RECORDS,
};
use clew_model::correlation::{CorrelationRules, IdSource};
use clew_model::logs::{LogRow, Severity};
use clew_model::metrics::ExemplarRow;
use clew_model::time::NANOS_PER_MILLI;
use clew_model::traces::{Span, StatusCode};
use clew_model::{CanonicalId, Context, Signal, TraceId, UnixNanos};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is known of an ID, in all signals.
#[derive(Debug, Clone)]
pub struct Correlate {
    /// The ID as it was pasted; of a text with several, the first that exists is told.
    pub text: String,
    /// How often to follow what the records found carry.
    pub depth: Option<usize>,
    /// Records of each signal at most.
    pub limit: Option<usize>,
    /// When; everything that is kept by default.
    pub period: Period,
}

impl Question for Correlate {
    type Answer = Correlation;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Correlation>, AppError> {
        let depth = self.depth.unwrap_or(DEFAULT_CORRELATE_DEPTH);
        if depth > CORRELATE_DEPTH {
            return Err(AppError::refused(format!("the depth {depth} is over the limit of {CORRELATE_DEPTH}")));
        }
        let limit = count("limit", self.limit, DEFAULT_CORRELATE_RECORDS, 1..=CORRELATE_RECORDS)?;
        let range = self.period.or_all()?;
        let about = About::new("correlate").text("id", shown(&self.text)).during(range);
        let plan = Plan::new(about, move |context, stores| {
            let ids = first_existing(context, stores, &self.text, range)?;
            correlate(context, stores, CorrelateQuery { ids, depth, limit, range })
        });
        Ok(plan.across_signals().counting(|story| story.events.len()))
    }
}

/// How an event was reached.
pub type Reached = Step;

/// One ID's story.
#[derive(Debug)]
pub struct Correlation {
    /// The ID in canonical form.
    pub id: CanonicalId,
    /// How far the walk went.
    pub depth: usize,
    /// First and last instant, `None` when nothing was found.
    pub span: Option<(UnixNanos, UnixNanos)>,
    /// The events in order of time.
    pub events: Vec<Event>,
    /// The lanes in order of their first event.
    pub lanes: Vec<Lane>,
    /// In which fields the ID itself was found.
    pub found_in: Vec<FoundIn>,
    /// The traces met, in order of their first span.
    pub traces: Vec<TraceId>,
    /// The event whose error happened first.
    pub first_error: Option<usize>,
    /// IDs that stand in the same records, most frequent first; those that were followed among them.
    pub also_seen: Vec<AlsoSeen>,
    /// The IDs that were followed, with their depth.
    pub followed: BTreeMap<CanonicalId, usize>,
    /// Records found, by signal.
    pub counts: SignalCounts,
    /// What is missing.
    pub truncation: Truncation,
    /// What the stores had to say.
    pub warnings: Vec<String>,
}

/// Records by signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SignalCounts {
    /// Log records.
    pub logs: u64,
    /// Spans.
    pub spans: u64,
    /// Exemplars.
    pub exemplars: u64,
}

/// What a correlation does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Truncation {
    /// More log records carry the IDs than the limit.
    pub logs: bool,
    /// More spans carry the IDs than the limit.
    pub spans: bool,
    /// More exemplars carry the IDs than the limit.
    pub exemplars: bool,
    /// More IDs were met than may be followed.
    pub ids: bool,
    /// The records at the last depth carry IDs that were not followed.
    pub depth: bool,
}

/// A field in which the ID was found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FoundIn {
    /// In which signal.
    pub signal: Signal,
    /// The field's dotted path.
    pub field: String,
    /// Records that carry it there.
    pub records: u64,
}

/// The first place an ID was seen beside others.
pub type FirstSeen = String;

/// An ID that stands in the same records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlsoSeen {
    /// The ID.
    pub id: CanonicalId,
    /// The field where it was seen first.
    pub field: FirstSeen,
    /// Records that carry it.
    pub records: u64,
    /// Whether the walk followed it.
    pub followed: bool,
}

/// A lane of the timeline: a service or an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its name; empty where the records do not say.
    pub name: String,
    /// Its first instant.
    pub first: UnixNanos,
    /// Its last instant.
    pub last: UnixNanos,
    /// Its events.
    pub events: u64,
    /// Its errors.
    pub errors: u64,
}

/// One event of the timeline.
#[derive(Debug)]
pub struct Event {
    /// When; for a span, its start.
    pub time: UnixNanos,
    /// When it ended; the same instant for logs and exemplars.
    pub end: UnixNanos,
    /// Index of its lane.
    pub lane: usize,
    /// Whether it is an error: severity ERROR or above, or a span with status error.
    pub is_error: bool,
    /// The record.
    pub body: EventBody,
    /// How it was reached.
    pub reached: Reached,
}

impl Event {
    /// When its error was known: at the first exception of a span, else at its end.
    fn failed_at(&self) -> UnixNanos {
        let EventBody::Span(span) = &self.body else { return self.time };
        let exceptions = span.events.iter().filter(|event| event.name == EXCEPTION_EVENT);
        exceptions.map(|event| event.time).min().unwrap_or(self.end)
    }
}

/// The name of the event that records an exception (OpenTelemetry semantic conventions, "Exceptions on spans").
const EXCEPTION_EVENT: &str = "exception";

/// The record behind an event.
#[derive(Debug)]
pub enum EventBody {
    /// A log record.
    Log(Box<LogRow>),
    /// A span.
    Span(Box<Span>),
    /// An exemplar.
    Exemplar(Box<ExemplarRow>),
}

/// Finds everything that carries the ID and tells it as one story.
///
/// # Errors
/// What the stores answer.
pub fn correlate(context: &Context, stores: &Stores<'_>, query: CorrelateQuery) -> Result<Correlation, AppError> {
    let query = query.bounded();
    let walk = walk(context, stores, &query)?;
    let Some(id) = walk.origin(&query.ids) else {
        return Err(no_id());
    };
    Ok(tell(walk, id, query.depth, stores.rules))
}

fn tell(walk: Walk, id: CanonicalId, depth: usize, rules: &CorrelationRules) -> Correlation {
    let mut seen = SeenIds::default();
    walk.logs.iter().for_each(|found| rules.visit_log(&found.record.record, &mut |id| seen.add(Signal::Logs, &id)));
    walk.spans.iter().for_each(|found| rules.visit_span(&found.record, &mut |id| seen.add(Signal::Traces, &id)));
    let exemplars = walk.exemplars.iter().map(|found| &found.record.labels);
    exemplars.for_each(|labels| rules.visit_exemplar(labels, &mut |id| seen.add(Signal::Metrics, &id)));

    let counts = SignalCounts {
        logs: walk.logs.len() as u64,
        spans: walk.spans.len() as u64,
        exemplars: walk.exemplars.len() as u64,
    };
    let traces = traces_in_order(&walk);
    let mut story = Story::default();
    walk.logs.into_iter().for_each(|found| story.log(found));
    walk.spans.into_iter().for_each(|found| story.span(found));
    walk.exemplars.into_iter().for_each(|found| story.exemplar(found));
    let (events, lanes) = story.finish();
    let last = events.iter().map(|event| event.end).max();
    Correlation {
        depth,
        span: events.first().map(|event| event.time).zip(last),
        first_error: first_error(&events),
        events,
        lanes,
        found_in: seen.found_in(&id),
        traces,
        also_seen: seen.also_seen(&id, &walk.ids),
        followed: walk.ids,
        counts,
        truncation: Truncation {
            logs: walk.truncated_logs,
            spans: walk.truncated_spans,
            exemplars: walk.truncated_exemplars,
            ids: walk.truncated_ids,
            depth: walk.stopped_at_depth,
        },
        warnings: walk.warnings,
        id,
    }
}

/// The event whose error happened first. A span that fails because of what it waited for starts before it, so its start
/// says nothing: an error is known when an exception is recorded, or when the span ends. Of errors of one instant the
/// one that began last is the nearest to the cause.
fn first_error(events: &[Event]) -> Option<usize> {
    let errors = events.iter().enumerate().filter(|(_, event)| event.is_error);
    errors.min_by_key(|(index, event)| (event.failed_at(), std::cmp::Reverse(*index))).map(|(index, _)| index)
}

fn traces_in_order(walk: &Walk) -> Vec<TraceId> {
    let mut first: HashMap<TraceId, UnixNanos> = HashMap::new();
    for span in walk.spans.iter().map(|found| &found.record) {
        let start = first.entry(span.trace_id).or_insert(span.start);
        *start = (*start).min(span.start);
    }
    let ordered: BTreeSet<(UnixNanos, TraceId)> = first.into_iter().map(|(id, start)| (start, id)).collect();
    ordered.into_iter().map(|(_, id)| id).collect()
}

/// Every ID that the found records carry.
#[derive(Default)]
struct SeenIds {
    ids: HashMap<CanonicalId, (String, u64, bool)>,
    fields: BTreeMap<(CanonicalId, Signal, String), u64>,
}

impl SeenIds {
    fn add(&mut self, signal: Signal, carried: &clew_model::correlation::CarriedId<'_>) {
        let telling = !matches!(carried.source, IdSource::SpanId | IdSource::Value);
        let entry = self.ids.entry(carried.id.clone()).or_insert_with(|| (carried.field.to_owned(), 0, telling));
        entry.1 += 1;
        entry.2 |= telling;
        *self.fields.entry((carried.id.clone(), signal, carried.field.to_owned())).or_default() += 1;
    }

    fn found_in(&self, id: &CanonicalId) -> Vec<FoundIn> {
        let own = self.fields.iter().filter(|((own, _, _), _)| own == id);
        own.map(|((_, signal, field), records)| FoundIn { signal: *signal, field: field.clone(), records: *records })
            .collect()
    }

    fn also_seen(&self, id: &CanonicalId, followed: &BTreeMap<CanonicalId, usize>) -> Vec<AlsoSeen> {
        let others = self.ids.iter().filter(|(own, (_, _, telling))| *own != id && *telling);
        let mut list: Vec<AlsoSeen> = others
            .map(|(own, (field, records, _))| AlsoSeen {
                id: own.clone(),
                field: field.clone(),
                records: *records,
                followed: followed.contains_key(own),
            })
            .collect();
        list.sort_by(|one, two| two.records.cmp(&one.records).then_with(|| one.id.cmp(&two.id)));
        list.truncate(CORRELATE_ALSO_SEEN);
        list
    }
}

/// Events gathered before they are ordered.
#[derive(Default)]
struct Story {
    events: Vec<(Event, String)>,
}

impl Story {
    fn log(&mut self, found: Found<LogRow>) {
        let record = &found.record.record;
        let (time, lane) = (record.time, record.service.to_string());
        let is_error = record.severity >= Severity::ERROR;
        let body = EventBody::Log(Box::new(found.record));
        self.events.push((Event { time, end: time, lane: 0, is_error, body, reached: found.step }, lane));
    }

    fn span(&mut self, found: Found<Span>) {
        let span = found.record;
        let lane = span.service().to_owned();
        let event = Event {
            time: span.start,
            end: span.end.max(span.start),
            lane: 0,
            is_error: span.status.code == StatusCode::Error,
            body: EventBody::Span(Box::new(span)),
            reached: found.step,
        };
        self.events.push((event, lane));
    }

    fn exemplar(&mut self, found: Found<ExemplarRow>) {
        let labels = &found.record.series;
        let lane = ["service_name", "service", "job"].iter().find_map(|name| labels.get(name)).unwrap_or_default();
        let lane = lane.to_owned();
        let time = found.record.time.saturating_mul(NANOS_PER_MILLI);
        let body = EventBody::Exemplar(Box::new(found.record));
        self.events.push((Event { time, end: time, lane: 0, is_error: false, body, reached: found.step }, lane));
    }

    /// Orders the events by time and gives each its lane.
    fn finish(mut self) -> (Vec<Event>, Vec<Lane>) {
        // A span that starts with a log comes before it; the sort is stable beyond that.
        self.events.sort_by_key(|(event, _)| (event.time, !matches!(event.body, EventBody::Span(_))));
        let mut lanes: Vec<Lane> = Vec::new();
        let mut by_name: HashMap<String, usize> = HashMap::new();
        let mut events = Vec::with_capacity(self.events.len());
        for (mut event, name) in self.events {
            let index = *by_name.entry(name).or_insert_with_key(|name| {
                lanes.push(Lane { name: name.clone(), first: event.time, last: event.end, events: 0, errors: 0 });
                lanes.len() - 1
            });
            if let Some(lane) = lanes.get_mut(index) {
                lane.last = lane.last.max(event.end);
                lane.events += 1;
                lane.errors += u64::from(event.is_error);
            }
            event.lane = index;
            events.push(event);
        }
        (events, lanes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::SpanId;
    use clew_model::traces::{SpanEvent, SpanStatus};

    fn failed(number: u8, start: UnixNanos, end: UnixNanos, exception: Option<UnixNanos>) -> Found<Span> {
        let event = |time| SpanEvent {
            time,
            name: EXCEPTION_EVENT.into(),
            attributes: Vec::new(),
            dropped_attributes_count: 0,
        };
        let record = Span {
            start,
            end,
            status: SpanStatus { code: StatusCode::Error, ..SpanStatus::default() },
            events: exception.map(event).into_iter().collect(),
            ..Span::new(TraceId([1; 16]), SpanId([number; 8]))
        };
        let id = CanonicalId::from(TraceId([1; 16]));
        Found { record, step: Step { depth: 0, id, field: "trace_id".to_owned() } }
    }

    /// The span numbers by start, and the index of the first error among them.
    fn first_of(spans: Vec<Found<Span>>) -> Option<usize> {
        let mut story = Story::default();
        spans.into_iter().for_each(|found| story.span(found));
        first_error(&story.finish().0)
    }

    #[test]
    fn the_first_error_is_the_one_that_happened_first_not_the_parent_that_waited_for_it() {
        // A root that ends last, its child, and the grandchild at which it broke.
        let chain = vec![failed(1, 0, 100, None), failed(2, 10, 90, None), failed(3, 20, 80, None)];
        assert_eq!(first_of(chain), Some(2));
        let with_exception = vec![failed(1, 0, 100, Some(30)), failed(2, 10, 90, None), failed(3, 40, 80, None)];
        assert_eq!(first_of(with_exception), Some(0));
        let ended_together = vec![failed(1, 0, 100, None), failed(2, 10, 100, None)];
        assert_eq!(first_of(ended_together), Some(1));
        assert_eq!(first_of(Vec::new()), None);
    }
}
