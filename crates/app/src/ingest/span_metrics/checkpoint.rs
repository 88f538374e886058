//! The state as bytes and back.
//!
//! ```text
//! version (1) | count of tenants | of each: name | times | names | batches | spans | edges | halves | farewells
//! times: spans counted, newest arrival (signed), when idle series were looked for (signed)
//! names: count, texts                       batches: count, digests (16)
//! spans: count, of each: service, operation, kind (1), status (1), last arrival (signed), durations
//! edges: count, of each: caller, called, is message (1), last arrival (signed), calls
//! halves: count, of each: trace (16), span (8), flags (1: caller 1, message 2, failed 4), service, nanoseconds
//! farewells: count, of each: when (signed), 0, service, operation (texts), kind (1), status (1), durations; or when, 1,
//!     caller, called (texts), is message (1), calls
//! calls: failed, durations of the caller, of the called
//! durations: count, sum (16), of nothing, count of buckets, of each: index (signed), count
//! ```
//! Varints unless a width is given. Examples are not kept: they are told once, right after they came.

use super::aging::{Ended, Farewell};
use super::duration::Durations;
use super::edges::Half;
use super::state::{Calls, Edge, Spans, Tenant};
use clew_columns::ColumnsError;
use clew_columns::bytes::{Reader, put_signed, put_text, put_varint};
use clew_model::{SpanId, TenantId, TraceId};
use std::collections::BTreeMap;

const VERSION: u8 = 0;
const WHAT: &str = "span metrics";

const CALLER: u8 = 1;
const MESSAGE: u8 = 2;
const FAILED: u8 = 4;

pub(super) fn checkpoint(tenants: &BTreeMap<TenantId, Tenant>) -> Vec<u8> {
    let mut out = vec![VERSION];
    put_varint(&mut out, tenants.len() as u64);
    for (name, tenant) in tenants {
        put_text(&mut out, name.as_str());
        put_tenant(&mut out, tenant);
    }
    out
}

fn put_tenant(out: &mut Vec<u8>, tenant: &Tenant) {
    put_varint(out, tenant.counted);
    put_signed(out, tenant.now);
    put_signed(out, tenant.swept);
    let names: Vec<&str> = tenant.names.iter().collect();
    put_varint(out, names.len() as u64);
    names.into_iter().for_each(|name| put_text(out, name));
    let batches: Vec<u128> = tenant.recent.iter().collect();
    put_varint(out, batches.len() as u64);
    batches.into_iter().for_each(|digest| out.extend_from_slice(&digest.to_le_bytes()));
    put_varint(out, tenant.spans.len() as u64);
    for ((service, operation, kind, status), spans) in &tenant.spans {
        put_varint(out, u64::from(*service));
        put_varint(out, u64::from(*operation));
        out.extend_from_slice(&[*kind, *status]);
        put_signed(out, spans.seen);
        put_durations(out, &spans.durations);
    }
    put_varint(out, tenant.edges.len() as u64);
    for ((caller, called, is_message), edge) in &tenant.edges {
        put_varint(out, u64::from(*caller));
        put_varint(out, u64::from(*called));
        out.push(u8::from(*is_message));
        put_signed(out, edge.seen);
        put_calls(out, &edge.calls);
    }
    let halves: Vec<_> = tenant.waiting.iter().collect();
    put_varint(out, halves.len() as u64);
    for ((trace, span), half) in halves {
        out.extend_from_slice(&trace.0);
        out.extend_from_slice(&span.0);
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        out.push(flag(half.is_caller, CALLER) | flag(half.is_message, MESSAGE) | flag(half.has_failed, FAILED));
        put_varint(out, u64::from(half.service));
        put_varint(out, half.nanos);
    }
    put_varint(out, tenant.farewells.len() as u64);
    tenant.farewells.iter().for_each(|farewell| put_farewell(out, farewell));
}

fn put_farewell(out: &mut Vec<u8>, farewell: &Farewell) {
    put_signed(out, farewell.at);
    match &farewell.whose {
        Ended::Spans { service, operation, kind, status, last } => {
            out.push(0);
            put_text(out, service);
            put_text(out, operation);
            out.extend_from_slice(&[*kind, *status]);
            put_durations(out, last);
        }
        Ended::Edge { caller, called, is_message, last } => {
            out.push(1);
            put_text(out, caller);
            put_text(out, called);
            out.push(u8::from(*is_message));
            put_calls(out, last);
        }
    }
}

fn put_calls(out: &mut Vec<u8>, calls: &Calls) {
    put_varint(out, calls.failed);
    put_durations(out, &calls.caller);
    put_durations(out, &calls.called);
}

fn put_durations(out: &mut Vec<u8>, durations: &Durations) {
    put_varint(out, durations.count);
    out.extend_from_slice(&durations.sum.to_le_bytes());
    put_varint(out, durations.zeros);
    put_varint(out, durations.buckets.len() as u64);
    for (index, count) in &durations.buckets {
        put_signed(out, i64::from(*index));
        put_varint(out, *count);
    }
}

pub(super) fn restore(bytes: &[u8]) -> Result<BTreeMap<TenantId, Tenant>, ColumnsError> {
    let mut reader = Reader::new(bytes);
    let version = reader.u8(WHAT)?;
    if version > VERSION {
        return Err(ColumnsError::Version { what: WHAT, found: version, newest: VERSION });
    }
    let mut tenants = BTreeMap::new();
    for _ in 0..reader.count(1, WHAT)? {
        let name = TenantId::new(reader.text(WHAT)?).ok_or(wrong("the tenant's name is not allowed"))?;
        tenants.insert(name, read_tenant(&mut reader)?);
    }
    reader.finish(WHAT)?;
    Ok(tenants)
}

fn read_tenant(reader: &mut Reader<'_>) -> Result<Tenant, ColumnsError> {
    let mut tenant = Tenant {
        counted: reader.varint(WHAT)?,
        now: reader.signed(WHAT)?,
        swept: reader.signed(WHAT)?,
        ..Tenant::default()
    };
    for _ in 0..reader.count(1, WHAT)? {
        tenant.names.id(reader.text(WHAT)?);
    }
    for _ in 0..reader.count(16, WHAT)? {
        tenant.recent.push(u128::from_le_bytes(reader.array(WHAT)?));
    }
    for _ in 0..reader.count(4, WHAT)? {
        let (service, operation) = (read_name(reader, &tenant)?, read_name(reader, &tenant)?);
        let key = (service, operation, reader.u8(WHAT)?, reader.u8(WHAT)?);
        let seen = reader.signed(WHAT)?;
        tenant.spans.insert(key, Spans { seen, durations: read_durations(reader)?, ..Spans::default() });
    }
    for _ in 0..reader.count(4, WHAT)? {
        let key = (read_name(reader, &tenant)?, read_name(reader, &tenant)?, reader.u8(WHAT)? != 0);
        let seen = reader.signed(WHAT)?;
        tenant.edges.insert(key, Edge { calls: read_calls(reader)?, seen, ..Edge::default() });
    }
    for _ in 0..reader.count(16 + 8, WHAT)? {
        let id = (TraceId(reader.array(WHAT)?), SpanId(reader.array(WHAT)?));
        let flags = reader.u8(WHAT)?;
        let half = Half {
            service: read_name(reader, &tenant)?,
            is_caller: flags & CALLER != 0,
            is_message: flags & MESSAGE != 0,
            has_failed: flags & FAILED != 0,
            nanos: reader.varint(WHAT)?,
        };
        tenant.waiting.meet(id, half);
    }
    for _ in 0..reader.count(4, WHAT)? {
        tenant.farewells.push_back(read_farewell(reader)?);
    }
    Ok(tenant)
}

fn read_farewell(reader: &mut Reader<'_>) -> Result<Farewell, ColumnsError> {
    let (at, kind) = (reader.signed(WHAT)?, reader.u8(WHAT)?);
    let (first, second) = (reader.text(WHAT)?.into(), reader.text(WHAT)?.into());
    let whose = match kind {
        0 => {
            let (kind, status) = (reader.u8(WHAT)?, reader.u8(WHAT)?);
            Ended::Spans { service: first, operation: second, kind, status, last: read_durations(reader)? }
        }
        1 => {
            let is_message = reader.u8(WHAT)? != 0;
            Ended::Edge { caller: first, called: second, is_message, last: read_calls(reader)? }
        }
        _ => return Err(wrong("a farewell of an unknown kind")),
    };
    Ok(Farewell { at, whose })
}

fn read_calls(reader: &mut Reader<'_>) -> Result<Calls, ColumnsError> {
    let failed = reader.varint(WHAT)?;
    Ok(Calls { failed, caller: read_durations(reader)?, called: read_durations(reader)? })
}

fn read_name(reader: &mut Reader<'_>, tenant: &Tenant) -> Result<u32, ColumnsError> {
    let name = u32::try_from(reader.varint(WHAT)?).ok().filter(|name| (*name as usize) < tenant.names.len());
    name.ok_or(wrong("a name is missing"))
}

fn read_durations(reader: &mut Reader<'_>) -> Result<Durations, ColumnsError> {
    let count = reader.varint(WHAT)?;
    let sum = u128::from_le_bytes(reader.array(WHAT)?);
    let zeros = reader.varint(WHAT)?;
    let mut buckets: Vec<(i32, u64)> = Vec::new();
    for _ in 0..reader.count(2, WHAT)? {
        let index = i32::try_from(reader.signed(WHAT)?).map_err(|_| wrong("a bucket is out of range"))?;
        if buckets.last().is_some_and(|(last, _)| *last >= index) {
            return Err(wrong("the buckets are not in order"));
        }
        buckets.push((index, reader.varint(WHAT)?));
    }
    Ok(Durations { count, sum, zeros, buckets })
}

fn wrong(reason: &'static str) -> ColumnsError {
    ColumnsError::Inconsistent { what: WHAT, reason }
}
