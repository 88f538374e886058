//! A frame of the log journal: the records of one request, with the number of the first.
//!
//! ```text
//! version (1) | tenant | first number | compressed section: count of records, records
//! ```
//! Texts that repeat (keys, severity texts, services, event names) are written where they occur first and referred to
//! by number after that; so are resources and scopes. Times are differences: to the record before, and of the observed
//! time to the time.

use crate::bytes::{BytesError, Problem, Reader, put_signed, put_text, put_varint};
use crate::compress::{put_compressed, read_compressed};
use crate::dictionary::Interner;
use crate::error::ColumnsError;
use crate::values::{
    put_attributes, put_attributes_with, put_value_with, read_attributes, read_attributes_with, read_value_with,
};
use clew_model::logs::{LogRecord, Severity};
use clew_model::{Resource, Scope, SpanId, TenantId, TraceId};
use compact_str::CompactString;
use std::sync::Arc;

/// The newest version of the frame.
pub const VERSION: u8 = 0;

const WHAT: &str = "log frame";

const HAS_TRACE: u64 = 1;
const HAS_SPAN: u64 = 2;
const HAS_OBSERVED: u64 = 4;
const HAS_FLAGS: u64 = 8;
const HAS_DROPPED: u64 = 16;
const HAS_EVENT_NAME: u64 = 32;

/// Shared resources are looked for among so many that came last.
const REMEMBERED: usize = 32;

/// A decoded frame.
#[derive(Debug, Clone, PartialEq)]
pub struct LogFrame {
    /// Whose records.
    pub tenant: TenantId,
    /// The number of the first record; the others follow without gaps.
    pub first_number: u64,
    /// The records.
    pub records: Vec<LogRecord>,
}

/// Appends a frame.
pub fn encode(out: &mut Vec<u8>, tenant: &TenantId, first_number: u64, records: &[LogRecord]) {
    out.push(VERSION);
    put_text(out, tenant.as_str());
    put_varint(out, first_number);
    let mut payload = Vec::with_capacity(records.len() * 256);
    put_varint(&mut payload, records.len() as u64);
    let mut writer = Writer::default();
    for record in records {
        writer.put(&mut payload, record);
    }
    put_compressed(out, &payload);
}

/// Reads a frame.
///
/// # Errors
/// Cut off, damaged, or of a newer version.
pub fn decode(bytes: &[u8]) -> Result<LogFrame, ColumnsError> {
    let mut reader = Reader::new(bytes);
    let version = reader.u8(WHAT)?;
    if version > VERSION {
        return Err(ColumnsError::Version { what: WHAT, found: version, newest: VERSION });
    }
    let tenant = TenantId::new(reader.text(WHAT)?)
        .ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "the tenant's name is not allowed" })?;
    let first_number = reader.varint(WHAT)?;
    let payload = read_compressed(&mut reader)?;
    reader.finish(WHAT)?;
    let mut reader = Reader::new(&payload);
    let count = reader.count(8, WHAT)?;
    let mut records = Vec::with_capacity(count);
    let mut state = State::default();
    for _ in 0..count {
        records.push(state.read(&mut reader)?);
    }
    reader.finish(WHAT)?;
    Ok(LogFrame { tenant, first_number, records })
}

#[derive(Default)]
struct Writer {
    texts: Interner,
    resources: Shared<Resource>,
    scopes: Shared<Scope>,
    time: i64,
}

impl Writer {
    fn put(&mut self, out: &mut Vec<u8>, record: &LogRecord) {
        let mut present = 0;
        let mut mark = |bit: u64, holds: bool| present |= if holds { bit } else { 0 };
        mark(HAS_TRACE, record.trace_id.is_some());
        mark(HAS_SPAN, record.span_id.is_some());
        mark(HAS_OBSERVED, record.observed_time != record.time);
        mark(HAS_FLAGS, record.flags != 0);
        mark(HAS_DROPPED, record.dropped_attributes_count != 0);
        mark(HAS_EVENT_NAME, !record.event_name.is_empty());
        put_varint(out, present);
        put_signed(out, record.time.wrapping_sub(self.time));
        self.time = record.time;
        if record.observed_time != record.time {
            put_signed(out, record.observed_time.wrapping_sub(record.time));
        }
        out.push(record.severity.number());
        put_interned(&mut self.texts, out, &record.severity_text);
        put_interned(&mut self.texts, out, &record.service);
        out.extend(record.trace_id.iter().flat_map(|id| id.0));
        out.extend(record.span_id.iter().flat_map(|id| id.0));
        if record.flags != 0 {
            put_varint(out, u64::from(record.flags));
        }
        if record.dropped_attributes_count != 0 {
            put_varint(out, u64::from(record.dropped_attributes_count));
        }
        if !record.event_name.is_empty() {
            put_interned(&mut self.texts, out, &record.event_name);
        }
        self.resources.put(out, &record.resource, put_resource);
        self.scopes.put(out, &record.scope, put_scope);
        let texts = &mut self.texts;
        let mut key = |out: &mut Vec<u8>, key: &str| put_interned(texts, out, key);
        put_value_with(out, &record.body, &mut key);
        put_attributes_with(out, &record.attributes, &mut key);
    }
}

/// 0 and the text where it occurs first, else its number + 1.
fn put_interned(texts: &mut Interner, out: &mut Vec<u8>, text: &str) {
    let known = texts.len();
    let id = texts.intern(text) as usize;
    if id == known {
        out.push(0);
        put_text(out, text);
    } else {
        put_varint(out, id as u64 + 1);
    }
}

struct Shared<T> {
    known: Vec<Arc<T>>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { known: Vec::new() }
    }
}

impl<T: PartialEq> Shared<T> {
    fn put(&mut self, out: &mut Vec<u8>, item: &Arc<T>, put: fn(&mut Vec<u8>, &T)) {
        let recent = || self.known.iter().enumerate().rev().take(REMEMBERED);
        let place = recent()
            .find(|(_, known)| Arc::ptr_eq(known, item))
            .or_else(|| recent().find(|(_, known)| *known == item))
            .map(|(place, _)| place);
        if let Some(place) = place {
            put_varint(out, place as u64 + 1);
        } else {
            out.push(0);
            put(out, item);
            self.known.push(Arc::clone(item));
        }
    }

    fn read(
        &mut self,
        reader: &mut Reader<'_>,
        read: fn(&mut Reader<'_>) -> Result<T, BytesError>,
    ) -> Result<Arc<T>, BytesError> {
        let reference = reader.varint(WHAT)?;
        if reference == 0 {
            let item = Arc::new(read(reader)?);
            self.known.push(Arc::clone(&item));
            return Ok(item);
        }
        let place = usize::try_from(reference - 1).unwrap_or(usize::MAX);
        self.known.get(place).cloned().ok_or_else(|| reader.error(WHAT, Problem::BadValue(reference)))
    }
}

/// Appends a resource.
pub(crate) fn put_resource(out: &mut Vec<u8>, resource: &Resource) {
    put_attributes(out, &resource.attributes);
    put_text(out, &resource.schema_url);
    put_varint(out, u64::from(resource.dropped_attributes_count));
}

/// Reads what [`put_resource`] wrote.
pub(crate) fn read_resource(reader: &mut Reader<'_>) -> Result<Resource, BytesError> {
    Ok(Resource {
        attributes: read_attributes(reader)?,
        schema_url: reader.text(WHAT)?.into(),
        dropped_attributes_count: read_u32(reader)?,
    })
}

/// Appends a scope.
pub(crate) fn put_scope(out: &mut Vec<u8>, scope: &Scope) {
    put_text(out, &scope.name);
    put_text(out, &scope.version);
    put_attributes(out, &scope.attributes);
    put_text(out, &scope.schema_url);
    put_varint(out, u64::from(scope.dropped_attributes_count));
}

/// Reads what [`put_scope`] wrote.
pub(crate) fn read_scope(reader: &mut Reader<'_>) -> Result<Scope, BytesError> {
    Ok(Scope {
        name: reader.text(WHAT)?.into(),
        version: reader.text(WHAT)?.into(),
        attributes: read_attributes(reader)?,
        schema_url: reader.text(WHAT)?.into(),
        dropped_attributes_count: read_u32(reader)?,
    })
}

fn read_u32(reader: &mut Reader<'_>) -> Result<u32, BytesError> {
    let value = reader.varint(WHAT)?;
    u32::try_from(value).map_err(|_| reader.error(WHAT, Problem::BadValue(value)))
}

#[derive(Default)]
struct State {
    texts: Vec<CompactString>,
    resources: Shared<Resource>,
    scopes: Shared<Scope>,
    time: i64,
}

impl State {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<LogRecord, BytesError> {
        let present = reader.varint(WHAT)?;
        let has = |bit: u64| present & bit != 0;
        self.time = self.time.wrapping_add(reader.signed(WHAT)?);
        let time = self.time;
        let observed_time = if has(HAS_OBSERVED) { time.wrapping_add(reader.signed(WHAT)?) } else { time };
        let severity = Severity::from_number(i64::from(reader.u8(WHAT)?));
        let severity_text = read_interned(&mut self.texts, reader)?;
        let service = read_interned(&mut self.texts, reader)?;
        let trace_id = if has(HAS_TRACE) { Some(TraceId(reader.array(WHAT)?)) } else { None };
        let span_id = if has(HAS_SPAN) { Some(SpanId(reader.array(WHAT)?)) } else { None };
        let flags = if has(HAS_FLAGS) { read_u32(reader)? } else { 0 };
        let dropped_attributes_count = if has(HAS_DROPPED) { read_u32(reader)? } else { 0 };
        let event_name = if has(HAS_EVENT_NAME) { read_interned(&mut self.texts, reader)? } else { "".into() };
        let resource = self.resources.read(reader, read_resource)?;
        let scope = self.scopes.read(reader, read_scope)?;
        let texts = &mut self.texts;
        let mut key = |reader: &mut Reader<'_>| read_interned(texts, reader);
        let body = read_value_with(reader, &mut key)?;
        let attributes = read_attributes_with(reader, &mut key)?;
        Ok(LogRecord {
            time,
            observed_time,
            severity,
            severity_text,
            body,
            service,
            trace_id,
            span_id,
            flags,
            event_name,
            attributes,
            dropped_attributes_count,
            resource,
            scope,
        })
    }
}

fn read_interned(texts: &mut Vec<CompactString>, reader: &mut Reader<'_>) -> Result<CompactString, BytesError> {
    let reference = reader.varint(WHAT)?;
    if reference == 0 {
        let text = CompactString::from(reader.text(WHAT)?);
        texts.push(text.clone());
        return Ok(text);
    }
    let place = usize::try_from(reference - 1).unwrap_or(usize::MAX);
    texts.get(place).cloned().ok_or_else(|| reader.error(WHAT, Problem::BadValue(reference)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::samples::any_records;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn every_field_of_every_record_survives(records in any_records(0..20), first_number: u64) {
            let mut out = Vec::new();
            encode(&mut out, &TenantId::default(), first_number, &records);
            let frame = decode(&out).unwrap();
            prop_assert_eq!((frame.tenant, frame.first_number), (TenantId::default(), first_number));
            prop_assert_eq!(format!("{:?}", frame.records), format!("{records:?}"));
        }

        #[test]
        fn garbage_never_panics(bytes: Vec<u8>) {
            let _ = decode(&bytes);
            let mut all = vec![VERSION, 1, b'a', 0, 0];
            crate::bytes::put_bytes(&mut all, &bytes);
            let _ = decode(&all);
        }
    }

    #[test]
    fn what_records_share_is_written_once() {
        let resource =
            Arc::new(Resource { schema_url: "https://example.org/long/schema".into(), ..Resource::default() });
        let record = LogRecord { resource, service: "checkout".into(), ..LogRecord::default() };
        let mut one = Vec::new();
        let mut hundred = Vec::new();
        encode(&mut one, &TenantId::default(), 0, std::slice::from_ref(&record));
        encode(&mut hundred, &TenantId::default(), 0, &vec![record; 100]);
        assert!(hundred.len() < one.len() + 100, "{} {}", one.len(), hundred.len());
        let frame = decode(&hundred).unwrap();
        assert!(Arc::ptr_eq(&frame.records[0].resource, &frame.records[99].resource));
    }

    #[test]
    fn a_newer_version_is_refused() {
        let error = decode(&[VERSION + 1]).unwrap_err();
        assert!(matches!(error, ColumnsError::Version { found: 1, .. }), "{error}");
    }
}
