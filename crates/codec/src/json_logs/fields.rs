//! From the members of a JSON object to a log record: which member is the time, the severity, the message …
//!
//! Rules, beside the lists of names in `clew_model::logs::ranked`:
//! - At the top level, then inside each container in the order of `CONTAINER_FIELDS`, the usable value with the most
//!   preferred name wins; a value that cannot be read as the field is passed over.
//! - Nothing is lost: a member moves out of the attributes only when the record's field says all that the member said.
//!   It stays beside the field when it was found inside a container or another object, is a number that stands for a
//!   severity, names the service, is an ID that is not written in canonical form, or is a time without a zone or with
//!   digits below a nanosecond.
//! - A time that is there and not understood stays an attribute, and the record is taken with a warning: its time is that
//!   of a name less preferred, or its arrival. One that 64 bits of nanoseconds cannot say, where no other member says the
//!   time, is a fault of the record: to store it under its arrival would be to say what its sender did not.
//! - Names that mean a field only beside others, and what a logger leaves out: see [`loggers`].

use super::loggers;
use super::meanings::NamesBefore;
use super::times::{self, UnreadTime};
use crate::levels::severity_in;
use crate::time_text::NoTimestamp;
use clew_model::correlation::{ContextField, PropagatedContext, context_field};
use clew_model::logs::{CONTAINER_FIELDS, LogRecord, Severity, WellKnown, ranked};
use clew_model::value::find;
use clew_model::{Attribute, Attributes, CanonicalId, SpanId, TraceId, UnixNanos, Value};
use compact_str::CompactString;
use std::sync::Arc;

/// What is added to the rank of a severity's name when its text is no known severity.
const UNKNOWN_SEVERITY: i8 = 100;

/// A recognised value and where it stands.
struct Found<T> {
    value: T,
    rank: i8,
    /// The member at the top level that can be taken away, since `value` says all of it.
    movable: Option<usize>,
}

#[derive(Default)]
struct Fields {
    time: Option<Found<UnixNanos>>,
    /// The first time that cannot be expressed; it counts while `time` is missing.
    unsayable_time: Option<UnreadTime>,
    /// The time under the most preferred name that was there and could not be taken, and the name's rank.
    unread_time: Option<(i8, UnreadTime)>,
    /// With the text as sent; empty for a number.
    severity: Option<Found<(Severity, CompactString)>>,
    /// The message stands inside a container, or at `movable`.
    message: Option<Found<Value>>,
    service: Option<Found<CompactString>>,
    trace_id: Option<Found<TraceId>>,
    span_id: Option<Found<SpanId>>,
    /// What OpenTelemetry's severity number says.
    severity_number: Option<Severity>,
    /// Members that hold others of the record's own: their place in the order of containers, and their index.
    containers: Vec<(u8, usize)>,
    /// Members that carry the IDs of a context, and their index.
    contexts: Vec<(ContextField, usize)>,
}

/// Makes a record of an object's members; what they do not say is as in `template`, the arrival time among it. With it what
/// its sender should know.
///
/// # Errors
/// The only time that the members say cannot be expressed: why the record is refused.
pub(super) fn record(
    mut attributes: Attributes,
    template: &LogRecord,
    names: &mut NamesBefore,
) -> Result<(LogRecord, Option<String>), String> {
    let mut fields = Fields::default();
    fields.read_top_level(&attributes, names);
    fields.containers.sort_unstable();
    for (_, index) in std::mem::take(&mut fields.containers) {
        if let Some(Attribute { value: Value::Map(inner), .. }) = attributes.get(index) {
            fields.read_container(inner);
        }
    }
    if let (None, Some(unsayable)) = (&fields.time, fields.unsayable_time.take()) {
        return Err(unsayable.out_of_range());
    }
    let warning = fields.warning();
    fields.read_context(&attributes);
    let (mut severity, severity_text) = fields.take_severity();
    let body = fields.take_message(&mut attributes);
    if severity == Severity::UNSPECIFIED && severity_text.is_empty() {
        severity = severity_in(&body).or_else(|| loggers::implied_severity(&attributes)).unwrap_or_default();
    }
    fields.remove_moved(&mut attributes);
    let record = LogRecord {
        time: fields.time.map_or(template.time, |found| found.value),
        observed_time: template.observed_time,
        severity,
        severity_text,
        body,
        service: fields.service.map(|found| found.value).unwrap_or_default(),
        trace_id: fields.trace_id.map(|found| found.value),
        span_id: fields.span_id.map(|found| found.value),
        attributes,
        resource: Arc::clone(&template.resource),
        scope: Arc::clone(&template.scope),
        flags: template.flags,
        event_name: CompactString::default(),
        dropped_attributes_count: 0,
    };
    Ok((record, warning))
}

/// Keeps the better of two; the first of equals.
fn prefer<T>(slot: &mut Option<Found<T>>, rank: i8, candidate: impl FnOnce() -> Option<(T, Option<usize>)>) {
    if slot.as_ref().is_none_or(|found| rank < found.rank)
        && let Some((value, movable)) = candidate()
    {
        *slot = Some(Found { value, rank, movable });
    }
}

impl Fields {
    fn has(&self, field: WellKnown) -> bool {
        match field {
            WellKnown::Time => self.time.is_some(),
            WellKnown::Severity => self.severity.is_some(),
            WellKnown::Message => self.message.is_some(),
            WellKnown::Service => self.service.is_some(),
            WellKnown::TraceId => self.trace_id.is_some(),
            WellKnown::SpanId => self.span_id.is_some(),
        }
    }

    fn read_top_level(&mut self, attributes: &[Attribute], names: &mut NamesBefore) {
        for (index, attribute) in attributes.iter().enumerate() {
            let (name, meaning) = (attribute.key.as_str(), names.meaning(index, &attribute.key));
            if let Some((field, rank)) = meaning.field {
                self.offer(field, rank, attribute, attributes, Some(index));
            } else if meaning.needs_neighbours
                && let Some((field, rank)) = loggers::known_beside(name, attributes)
            {
                self.offer(field, rank, attribute, attributes, None);
            }
            if meaning.is_severity_number {
                let said = Severity::of_member(name, &attribute.value, &[]).map(|said| said.severity);
                self.severity_number = self.severity_number.or(said.filter(|said| *said != Severity::UNSPECIFIED));
            }
            self.contexts.extend(meaning.context.map(|field| (field, index)));
            if let Value::Map(inner) = &attribute.value {
                self.containers.extend(meaning.container.map(|place| (place, index)));
                self.read_nested(name, inner);
            }
        }
    }

    fn read_nested(&mut self, name: &str, inner: &[Attribute]) {
        for (inside, dotted) in nested(name) {
            if let (Some(value), Some((field, rank))) = (find(inner, inside), ranked(dotted)) {
                self.offer(field, rank, &Attribute::new(*dotted, value.clone()), inner, None);
            }
        }
    }

    /// Reads a container's members for the fields that are still missing.
    fn read_container(&mut self, inner: &[Attribute]) {
        let mut own = Fields::default();
        for attribute in inner {
            if let Some((field, rank)) = ranked(&attribute.key).or_else(|| loggers::known_beside(&attribute.key, inner))
                && !self.has(field)
            {
                own.offer(field, rank, attribute, inner, None);
            }
        }
        // A time in here is less preferred than any at the top level.
        let time = own.time.map(|found| Found { rank: i8::MAX, ..found });
        self.time = self.time.take().or(time);
        self.unsayable_time = self.unsayable_time.take().or(own.unsayable_time);
        self.unread_time = self.unread_time.take().or(own.unread_time);
        self.severity = self.severity.take().or(own.severity);
        self.message = self.message.take().or(own.message);
        self.service = self.service.take().or(own.service);
        self.trace_id = self.trace_id.take().or(own.trace_id);
        self.span_id = self.span_id.take().or(own.span_id);
    }

    /// Takes a member for a field unless there is a better one. `beside` are all members of its object, `place` its index
    /// where it may move.
    fn offer(&mut self, field: WellKnown, rank: i8, member: &Attribute, beside: &[Attribute], place: Option<usize>) {
        let (name, value) = (member.key.as_str(), &member.value);
        match field {
            WellKnown::Time => self.offer_time(rank, member, beside, place),
            WellKnown::Severity => {
                let Some(said) = Severity::of_member(name, value, beside) else { return };
                // A text that no logger uses for a severity counts only where there is nothing better.
                let rank = if said.severity == Severity::UNSPECIFIED { rank + UNKNOWN_SEVERITY } else { rank };
                let text = match value {
                    Value::String(text) if said.is_word => text.clone(),
                    _ => CompactString::default(),
                };
                prefer(&mut self.severity, rank, || Some(((said.severity, text), place.filter(|_| said.is_word))));
            }
            WellKnown::Message => self.offer_message(rank, member, beside, place),
            WellKnown::Service => prefer(&mut self.service, rank, || service(value).map(|name| (name, None))),
            WellKnown::TraceId => {
                prefer(&mut self.trace_id, rank, || Some((trace_id(value)?, place.filter(|_| is_canonical(value, 32)))))
            }
            WellKnown::SpanId => {
                prefer(&mut self.span_id, rank, || Some((span_id(value)?, place.filter(|_| is_canonical(value, 16)))))
            }
        }
    }

    fn offer_time(&mut self, rank: i8, member: &Attribute, beside: &[Attribute], place: Option<usize>) {
        if self.time.as_ref().is_some_and(|found| found.rank <= rank) {
            return;
        }
        let fault = match times::read(&member.key, &member.value, beside) {
            Ok(time) => {
                let movable = place.filter(|_| time.is_lossless);
                self.time = Some(Found { value: time.nanos, rank, movable });
                return;
            }
            Err(fault) => fault,
        };
        let Some(unread) = UnreadTime::new(&member.key, &member.value) else { return };
        if fault == NoTimestamp::OutOfRange {
            self.unsayable_time.get_or_insert_with(|| unread.clone());
        }
        if self.unread_time.as_ref().is_none_or(|(own, _)| rank < *own) {
            self.unread_time = Some((rank, unread));
        }
    }

    /// What is said of a time that was passed over for one under a name less preferred, or for the arrival.
    fn warning(&self) -> Option<String> {
        let (rank, unread) = self.unread_time.as_ref()?;
        match &self.time {
            Some(found) if found.rank < *rank => None,
            found => Some(unread.warning(found.is_some())),
        }
    }

    fn offer_message(&mut self, rank: i8, member: &Attribute, beside: &[Attribute], place: Option<usize>) {
        let (name, value) = (member.key.as_str(), &member.value);
        prefer(&mut self.message, rank, || {
            if let Some((text, is_lossless)) = loggers::text_of_bytes(name, value) {
                return Some((Value::from(text), place.filter(|_| is_lossless)));
            }
            // At the top level the value moves later; copying it now would cost each record a copy of its message.
            let is_one = is_message(name, value) && !loggers::repeats_the_message(name, beside);
            is_one.then(|| (place.map_or_else(|| value.clone(), |_| Value::Null), place))
        });
    }

    /// The trace and span that stand under other names of such (`dd.trace_id`, `otelTraceID`) or in a header that carries
    /// them (`traceparent`, `b3`, `X-Amzn-Trace-Id` …), for records that do not say them under their own.
    fn read_context(&mut self, attributes: &[Attribute]) {
        if self.trace_id.is_some() && self.span_id.is_some() {
            return;
        }
        for (field, index) in std::mem::take(&mut self.contexts) {
            attributes.get(index).into_iter().for_each(|own| self.take_context(field, &own.value));
        }
        for attribute in attributes {
            let Value::Map(inner) = &attribute.value else { continue };
            if !CONTAINER_FIELDS.contains(&attribute.key.as_str()) {
                continue;
            }
            for own in inner {
                context_field(&own.key).into_iter().for_each(|field| self.take_context(field, &own.value));
            }
        }
    }

    fn take_context(&mut self, field: ContextField, value: &Value) {
        let header = match value {
            Value::String(text) => PropagatedContext::parse(text.trim()),
            _ => None,
        };
        let (trace, span) = match (header, field) {
            (Some(header), _) => (Some(header.trace), header.span),
            (None, ContextField::Trace) => (trace_id(value), None),
            (None, ContextField::Span) => (None, span_id(value)),
            (None, ContextField::OtherSpan | ContextField::Header) => return,
        };
        // The span of a header belongs to the header's trace.
        let same_trace = self.trace_id.as_ref().is_none_or(|own| trace.is_none_or(|trace| own.value == trace));
        if self.trace_id.is_none() {
            self.trace_id = trace.map(|value| Found { value, rank: 0, movable: None });
        }
        if same_trace && self.span_id.is_none() {
            self.span_id = span.map(|value| Found { value, rank: 0, movable: None });
        }
    }

    /// The severity and its text; a `severity_number` on OpenTelemetry's scale is said for sure.
    fn take_severity(&mut self) -> (Severity, CompactString) {
        let (named, text) = self.severity.as_mut().map(|found| std::mem::take(&mut found.value)).unwrap_or_default();
        (self.severity_number.unwrap_or(named), text)
    }

    fn take_message(&mut self, attributes: &mut Attributes) -> Value {
        match self.message.as_mut() {
            None => Value::Null,
            Some(found) => match found.movable.and_then(|index| attributes.get_mut(index)) {
                Some(attribute) if found.value == Value::Null => std::mem::take(&mut attribute.value),
                _ => std::mem::take(&mut found.value),
            },
        }
    }

    fn remove_moved(&self, attributes: &mut Attributes) {
        fn place<T>(slot: &Option<Found<T>>) -> usize {
            slot.as_ref().and_then(|found| found.movable).unwrap_or(usize::MAX)
        }
        let moved = [
            place(&self.time),
            place(&self.severity),
            place(&self.message),
            place(&self.trace_id),
            place(&self.span_id),
        ];
        let mut index = 0;
        attributes.retain(|_| {
            let keep = !moved.contains(&index);
            index += 1;
            keep
        });
    }
}

/// Names whose value may be an object that holds well-known fields, as in the Elastic Common Schema: `{"service": {"name":
/// …}}` is `service.name`. The names inside, and the dotted names.
fn nested(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "log" => &[("level", "log.level"), ("logger", "log.logger")],
        "service" => &[("name", "service.name")],
        "trace" => &[("id", "trace.id")],
        "span" => &[("id", "span.id")],
        _ => &[],
    }
}

/// Anything but null; `event` and `log` hold objects of fields as often as messages.
fn is_message(name: &str, value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Map(_) => !["event", "log"].iter().any(|own| name.eq_ignore_ascii_case(own)),
        _ => true,
    }
}

fn trace_id(value: &Value) -> Option<TraceId> {
    match value {
        Value::String(text) if is_canonical(value, 32) => TraceId::from_hex(text),
        _ => CanonicalId::of_context_field(value)?.as_trace_id(),
    }
}

fn service(value: &Value) -> Option<CompactString> {
    match value {
        Value::String(name) if !name.is_empty() => Some(name.clone()),
        Value::Int(number) => Some(compact_str::format_compact!("{number}")),
        _ => None,
    }
}

fn span_id(value: &Value) -> Option<SpanId> {
    match value {
        Value::String(text) if is_canonical(value, 16) => SpanId::from_hex(text),
        _ => CanonicalId::of_context_field(value)?.as_span_id(),
    }
}

/// Whether the value is text of exactly `digits` lowercase hex digits.
fn is_canonical(value: &Value, digits: usize) -> bool {
    let is_lower_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    matches!(value, Value::String(text) if text.len() == digits && text.bytes().all(is_lower_hex))
}
