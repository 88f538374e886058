//! Frames of the traces journal: the decided spans of one tenant, in an encoding of our own.
//!
//! ```text
//! version (1) | tenant | when it arrived (Unix milliseconds, signed) | resources | scopes | spans
//! ```
//! Resources and scopes stand once a frame; a span names its own by number. Every field survives, attributes keep
//! their order. A frame carries no checksum: the journal around it does.

use crate::bytes::{BytesError, Problem, Reader, put_bytes, put_signed, put_text, put_varint};
use crate::error::ColumnsError;
use crate::values::{put_attributes, read_attributes};
use clew_model::traces::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, StatusCode};
use clew_model::{Resource, Scope, SpanId, TenantId, TraceId, UnixMillis};
use hashbrown::HashMap;
use std::sync::Arc;

/// The newest version of the layout.
pub const VERSION: u8 = 0;

const WHAT: &str = "frame of spans";

/// What a frame holds.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceFrame {
    /// Whose spans.
    pub tenant: TenantId,
    /// When they arrived, as the receiver's clock said: what is derived of frames can thus be derived again.
    pub arrived: UnixMillis,
    /// The spans.
    pub spans: Vec<Span>,
}

/// Appends one frame that holds these spans of the tenant.
pub fn encode(out: &mut Vec<u8>, tenant: &TenantId, arrived: UnixMillis, spans: &[Span]) {
    let mut resources = Table::default();
    let mut scopes = Table::default();
    let mut body = Vec::with_capacity(spans.len() * 256);
    for span in spans {
        put_varint(&mut body, resources.number_of(&span.resource, put_resource));
        put_varint(&mut body, scopes.number_of(&span.scope, put_scope));
        put_span(&mut body, span);
    }
    out.push(VERSION);
    put_text(out, tenant.as_str());
    put_signed(out, arrived);
    resources.put(out);
    scopes.put(out);
    put_varint(out, spans.len() as u64);
    out.extend_from_slice(&body);
}

/// Reads what [`encode`] wrote.
///
/// # Errors
/// A newer version, or bytes that are not a frame.
pub fn decode(bytes: &[u8]) -> Result<TraceFrame, ColumnsError> {
    let mut reader = Reader::new(bytes);
    let version = reader.u8(WHAT)?;
    if version > VERSION {
        return Err(ColumnsError::Version { what: WHAT, found: version, newest: VERSION });
    }
    let tenant = TenantId::new(reader.text(WHAT)?)
        .ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "the tenant's name is not allowed" })?;
    let arrived = reader.signed(WHAT)?;
    let resources = read_table(&mut reader, read_resource)?;
    let scopes = read_table(&mut reader, read_scope)?;
    let count = reader.count(LEAST_SPAN_BYTES, WHAT)?;
    let mut spans = Vec::with_capacity(count.min(MAX_RESERVED));
    for _ in 0..count {
        let resource = pick(&mut reader, &resources)?;
        let scope = pick(&mut reader, &scopes)?;
        spans.push(read_span(&mut reader, resource, scope)?);
    }
    reader.finish(WHAT)?;
    Ok(TraceFrame { tenant, arrived, spans })
}

/// IDs alone take 24 bytes; a count that promises more spans than the bytes could hold is damage.
const LEAST_SPAN_BYTES: usize = 24;

/// Room set aside on the word of a stored count; more grows as it is read.
const MAX_RESERVED: usize = 4096;

/// Things that stand once a frame, found again by address, else by their bytes.
struct Table<T> {
    by_address: HashMap<*const T, u64>,
    by_bytes: HashMap<Vec<u8>, u64>,
    bytes: Vec<u8>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { by_address: HashMap::new(), by_bytes: HashMap::new(), bytes: Vec::new() }
    }
}

impl<T> Table<T> {
    fn number_of(&mut self, item: &Arc<T>, put: fn(&mut Vec<u8>, &T)) -> u64 {
        if let Some(number) = self.by_address.get(&Arc::as_ptr(item)) {
            return *number;
        }
        let mut encoded = Vec::new();
        put(&mut encoded, item);
        let next = self.by_bytes.len() as u64;
        let number = match self.by_bytes.get(&encoded) {
            Some(number) => *number,
            None => {
                self.bytes.extend_from_slice(&encoded);
                self.by_bytes.insert(encoded, next);
                next
            }
        };
        self.by_address.insert(Arc::as_ptr(item), number);
        number
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.by_bytes.len() as u64);
        out.extend_from_slice(&self.bytes);
    }
}

fn read_table<T>(
    reader: &mut Reader<'_>,
    read: fn(&mut Reader<'_>) -> Result<T, BytesError>,
) -> Result<Vec<Arc<T>>, BytesError> {
    let count = reader.count(3, WHAT)?;
    let mut items = Vec::with_capacity(count.min(MAX_RESERVED));
    for _ in 0..count {
        items.push(Arc::new(read(reader)?));
    }
    Ok(items)
}

fn pick<T>(reader: &mut Reader<'_>, items: &[Arc<T>]) -> Result<Arc<T>, BytesError> {
    let number = reader.varint(WHAT)?;
    let item = usize::try_from(number).ok().and_then(|index| items.get(index));
    item.cloned().ok_or_else(|| reader.error(WHAT, Problem::BadValue(number)))
}

pub(crate) fn put_resource(out: &mut Vec<u8>, resource: &Resource) {
    put_attributes(out, &resource.attributes);
    put_text(out, &resource.schema_url);
    put_varint(out, u64::from(resource.dropped_attributes_count));
}

pub(crate) fn read_resource(reader: &mut Reader<'_>) -> Result<Resource, BytesError> {
    Ok(Resource {
        attributes: read_attributes(reader)?,
        schema_url: reader.text(WHAT)?.into(),
        dropped_attributes_count: read_u32(reader)?,
    })
}

pub(crate) fn put_scope(out: &mut Vec<u8>, scope: &Scope) {
    put_text(out, &scope.name);
    put_text(out, &scope.version);
    put_attributes(out, &scope.attributes);
    put_text(out, &scope.schema_url);
    put_varint(out, u64::from(scope.dropped_attributes_count));
}

pub(crate) fn read_scope(reader: &mut Reader<'_>) -> Result<Scope, BytesError> {
    Ok(Scope {
        name: reader.text(WHAT)?.into(),
        version: reader.text(WHAT)?.into(),
        attributes: read_attributes(reader)?,
        schema_url: reader.text(WHAT)?.into(),
        dropped_attributes_count: read_u32(reader)?,
    })
}

fn put_span(out: &mut Vec<u8>, span: &Span) {
    out.extend_from_slice(&span.trace_id.0);
    out.extend_from_slice(&span.span_id.0);
    match span.parent_span_id {
        Some(parent) => put_bytes(out, &parent.0),
        None => out.push(0),
    }
    put_text(out, &span.trace_state);
    put_varint(out, u64::from(span.flags));
    put_text(out, &span.name);
    out.push(span.kind.number());
    put_signed(out, span.start);
    put_signed(out, span.end.wrapping_sub(span.start));
    put_attributes(out, &span.attributes);
    put_varint(out, u64::from(span.dropped_attributes_count));
    put_varint(out, span.events.len() as u64);
    span.events.iter().for_each(|event| put_event(out, event, span.start));
    put_varint(out, u64::from(span.dropped_events_count));
    put_varint(out, span.links.len() as u64);
    span.links.iter().for_each(|link| put_link(out, link));
    put_varint(out, u64::from(span.dropped_links_count));
    out.push(span.status.code.number());
    put_text(out, &span.status.message);
}

fn read_span(reader: &mut Reader<'_>, resource: Arc<Resource>, scope: Arc<Scope>) -> Result<Span, BytesError> {
    let trace_id = TraceId(reader.array(WHAT)?);
    let span_id = SpanId(reader.array(WHAT)?);
    let parent_span_id = match reader.u8(WHAT)? {
        0 => None,
        8 => Some(SpanId(reader.array(WHAT)?)),
        other => return Err(reader.error(WHAT, Problem::BadValue(u64::from(other)))),
    };
    let trace_state = reader.text(WHAT)?.into();
    let flags = read_u32(reader)?;
    let name = reader.text(WHAT)?.into();
    let kind = SpanKind::from_number(i64::from(reader.u8(WHAT)?));
    let start = reader.signed(WHAT)?;
    let end = start.wrapping_add(reader.signed(WHAT)?);
    let attributes = read_attributes(reader)?;
    let dropped_attributes_count = read_u32(reader)?;
    let events = read_list(reader, |reader| read_event(reader, start))?;
    let dropped_events_count = read_u32(reader)?;
    let links = read_list(reader, read_link)?;
    let dropped_links_count = read_u32(reader)?;
    let code = StatusCode::from_number(i64::from(reader.u8(WHAT)?));
    let status = SpanStatus { code, message: reader.text(WHAT)?.into() };
    Ok(Span {
        trace_id,
        span_id,
        parent_span_id,
        trace_state,
        flags,
        name,
        kind,
        start,
        end,
        attributes,
        dropped_attributes_count,
        events,
        dropped_events_count,
        links,
        dropped_links_count,
        status,
        resource,
        scope,
    })
}

fn read_list<T>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, BytesError>,
) -> Result<Vec<T>, BytesError> {
    let count = reader.count(4, WHAT)?;
    let mut items = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        items.push(read(reader)?);
    }
    Ok(items)
}

fn put_event(out: &mut Vec<u8>, event: &SpanEvent, start: i64) {
    put_signed(out, event.time.wrapping_sub(start));
    put_text(out, &event.name);
    put_attributes(out, &event.attributes);
    put_varint(out, u64::from(event.dropped_attributes_count));
}

fn read_event(reader: &mut Reader<'_>, start: i64) -> Result<SpanEvent, BytesError> {
    Ok(SpanEvent {
        time: start.wrapping_add(reader.signed(WHAT)?),
        name: reader.text(WHAT)?.into(),
        attributes: read_attributes(reader)?,
        dropped_attributes_count: read_u32(reader)?,
    })
}

fn put_link(out: &mut Vec<u8>, link: &SpanLink) {
    out.extend_from_slice(&link.trace_id.0);
    out.extend_from_slice(&link.span_id.0);
    put_text(out, &link.trace_state);
    put_attributes(out, &link.attributes);
    put_varint(out, u64::from(link.dropped_attributes_count));
    put_varint(out, u64::from(link.flags));
}

fn read_link(reader: &mut Reader<'_>) -> Result<SpanLink, BytesError> {
    Ok(SpanLink {
        trace_id: TraceId(reader.array(WHAT)?),
        span_id: SpanId(reader.array(WHAT)?),
        trace_state: reader.text(WHAT)?.into(),
        attributes: read_attributes(reader)?,
        dropped_attributes_count: read_u32(reader)?,
        flags: read_u32(reader)?,
    })
}

fn read_u32(reader: &mut Reader<'_>) -> Result<u32, BytesError> {
    let value = reader.varint(WHAT)?;
    u32::try_from(value).map_err(|_| reader.error(WHAT, Problem::BadValue(value)))
}

/// The bytes of a span with its resource and scope: an order and an identity of its content.
#[must_use]
pub fn content_bytes(span: &Span) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    put_span(&mut out, span);
    put_resource(&mut out, &span.resource);
    put_scope(&mut out, &span.scope);
    out
}

#[cfg(test)]
#[path = "traces_tests.rs"]
mod tests;
