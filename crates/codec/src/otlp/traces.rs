//! Spans (`opentelemetry/proto/trace/v1/trace.proto`).

use super::PROTOBUF;
use super::common::{push_attribute, span_id, time, trace_id};
use super::envelope::{Names, Sink, walk};
use crate::error::{DecodeError, Decoded};
use crate::limits::MIN_RECORD_BYTES;
use crate::protobuf::{Budget, Fault, Outcome, Reader};
use clew_model::traces::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, StatusCode};
use clew_model::{Attributes, Resource, Scope, SpanId, TraceId};
use compact_str::CompactString;
use std::sync::Arc;

/// Reads an `ExportTraceServiceRequest` in protobuf.
///
/// Refused by themselves are spans without a trace ID or span ID (empty or all zero), with an ID of the wrong length
/// anywhere, with a time after the year 2262, or with values nested too deep. A parent ID that is all zero is absent.
/// An end before the start is kept as sent. A link without IDs is legal and keeps all-zero ones.
///
/// # Errors
/// Bytes that are not well-formed protobuf of this message, and bodies whose records take more than `memory` bytes.
pub fn decode_traces(body: &[u8], memory: usize) -> Result<Decoded<Vec<Span>>, DecodeError> {
    let mut sink = SpanSink { out: Decoded::default(), seen: 0, attributes: 0 };
    walk(body, memory, &mut sink).map_err(|fault| fault.into_error(PROTOBUF))?;
    Ok(sink.out)
}

struct SpanSink {
    out: Decoded<Vec<Span>>,
    /// Spans read so far.
    seen: u64,
    /// Attributes of the span before, a guess at the next one's.
    attributes: usize,
}

impl Sink<'_> for SpanSink {
    const NAMES: Names = Names { resources: "resource_spans", scopes: "scope_spans", records: "spans" };

    fn expect(&mut self, count: usize, bytes: usize) {
        self.out.records.reserve(count.min(bytes / MIN_RECORD_BYTES));
    }

    fn record(
        &mut self,
        reader: Reader<'_>,
        resource: &Arc<Resource>,
        scope: &Arc<Scope>,
        budget: &mut Budget,
    ) -> Outcome<()> {
        let index = self.seen;
        self.seen += 1;
        budget.take(size_of::<Span>(), reader.offset())?;
        match read_span(reader, self.attributes, resource, scope, budget) {
            Ok(span) => {
                self.attributes = span.attributes.len();
                self.out.accepted += 1;
                self.out.records.push(span);
            }
            Err(fault) => {
                let reason = fault.into_refusal()?;
                self.out.reject(index, || reason);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, _reader: Reader<'_>, reason: &str, _budget: &mut Budget) -> Outcome<()> {
        let index = self.seen;
        self.seen += 1;
        self.out.reject(index, || reason.to_owned());
        Ok(())
    }
}

/// A span whose IDs are not known yet; they are checked once all fields are read.
fn blank_span(attributes: usize, resource: &Arc<Resource>, scope: &Arc<Scope>) -> Span {
    Span {
        trace_id: TraceId([0; 16]),
        span_id: SpanId([0; 8]),
        parent_span_id: None,
        trace_state: CompactString::default(),
        flags: 0,
        name: CompactString::default(),
        kind: SpanKind::Unspecified,
        start: 0,
        end: 0,
        attributes: Attributes::with_capacity(attributes),
        dropped_attributes_count: 0,
        events: Vec::new(),
        dropped_events_count: 0,
        links: Vec::new(),
        dropped_links_count: 0,
        status: SpanStatus::default(),
        resource: Arc::clone(resource),
        scope: Arc::clone(scope),
    }
}

fn read_span(
    mut reader: Reader<'_>,
    attributes: usize,
    resource: &Arc<Resource>,
    scope: &Arc<Scope>,
    budget: &mut Budget,
) -> Outcome<Span> {
    let offset = reader.offset();
    let mut span = blank_span(attributes.min(reader.remaining() / 8), resource, scope);
    let (mut trace, mut own) = (None, None);
    while let Some(field) = reader.next()? {
        match field.number {
            1 => trace = trace_id(&field, "trace_id")?,
            2 => own = span_id(&field, "span_id")?,
            3 => span.trace_state = field.string("trace_state")?.into(),
            4 => span.parent_span_id = span_id(&field, "parent_span_id")?,
            5 => span.name = field.string("name")?.into(),
            6 => span.kind = SpanKind::from_number(field.int("kind")?),
            7 => span.start = time(&field, "start_time_unix_nano")?,
            8 => span.end = time(&field, "end_time_unix_nano")?,
            9 => push_attribute(&field, "attributes", &mut span.attributes, budget)?,
            10 => span.dropped_attributes_count = field.uint32("dropped_attributes_count")?,
            11 => {
                budget.take(size_of::<SpanEvent>(), field.offset)?;
                span.events.push(field.element("events", span.events.len(), |reader| read_event(reader, budget))?);
            }
            12 => span.dropped_events_count = field.uint32("dropped_events_count")?,
            13 => {
                budget.take(size_of::<SpanLink>(), field.offset)?;
                span.links.push(field.element("links", span.links.len(), |reader| read_link(reader, budget))?);
            }
            14 => span.dropped_links_count = field.uint32("dropped_links_count")?,
            15 => field.nested("status", |reader| merge_status(reader, &mut span.status))?,
            16 => span.flags = field.fixed32("flags")?,
            _ => {}
        }
    }
    span.trace_id = trace.ok_or_else(|| missing_id(offset, "trace_id", 16))?;
    span.span_id = own.ok_or_else(|| missing_id(offset, "span_id", 8))?;
    Ok(span)
}

#[cold]
fn missing_id(offset: usize, name: &'static str, length: usize) -> Fault {
    let reason = format!("missing or all zero, expected {length} bytes that are not all zero");
    Fault::unacceptable(offset, reason).within(name, None)
}

fn read_event(mut reader: Reader<'_>, budget: &mut Budget) -> Outcome<SpanEvent> {
    let mut event = SpanEvent::default();
    while let Some(field) = reader.next()? {
        match field.number {
            1 => event.time = time(&field, "time_unix_nano")?,
            2 => event.name = field.string("name")?.into(),
            3 => push_attribute(&field, "attributes", &mut event.attributes, budget)?,
            4 => event.dropped_attributes_count = field.uint32("dropped_attributes_count")?,
            _ => {}
        }
    }
    Ok(event)
}

fn read_link(mut reader: Reader<'_>, budget: &mut Budget) -> Outcome<SpanLink> {
    let mut link = SpanLink {
        trace_id: TraceId([0; 16]),
        span_id: SpanId([0; 8]),
        trace_state: CompactString::default(),
        attributes: Attributes::new(),
        dropped_attributes_count: 0,
        flags: 0,
    };
    while let Some(field) = reader.next()? {
        match field.number {
            1 => link.trace_id = trace_id(&field, "trace_id")?.unwrap_or(TraceId([0; 16])),
            2 => link.span_id = span_id(&field, "span_id")?.unwrap_or(SpanId([0; 8])),
            3 => link.trace_state = field.string("trace_state")?.into(),
            4 => push_attribute(&field, "attributes", &mut link.attributes, budget)?,
            5 => link.dropped_attributes_count = field.uint32("dropped_attributes_count")?,
            6 => link.flags = field.fixed32("flags")?,
            _ => {}
        }
    }
    Ok(link)
}

fn merge_status(mut reader: Reader<'_>, status: &mut SpanStatus) -> Outcome<()> {
    while let Some(field) = reader.next()? {
        match field.number {
            2 => status.message = field.string("message")?.into(),
            3 => status.code = StatusCode::from_number(field.int("code")?),
            _ => {}
        }
    }
    Ok(())
}
