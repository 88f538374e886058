//! What all signals share: attributes, values, resources, scopes, IDs, times (`opentelemetry/proto/common/v1`,
//! `resource/v1`).

use crate::protobuf::{Budget, Fault, Field, Outcome, Reader};
use clew_model::limits::MAX_VALUE_DEPTH;
use clew_model::value::hex_text;
use clew_model::{Attribute, Attributes, Resource, Scope, SpanId, TraceId, UnixNanos, Value};
use compact_str::CompactString;

/// Reads a `KeyValue` and appends it.
pub(super) fn push_attribute(
    field: &Field<'_>,
    name: &'static str,
    out: &mut Attributes,
    budget: &mut Budget,
) -> Outcome<()> {
    let attribute = field.element(name, out.len(), |reader| key_value(reader, 0, budget))?;
    budget.take(size_of::<Attribute>(), field.offset)?;
    out.push(attribute);
    Ok(())
}

fn key_value(mut reader: Reader<'_>, depth: usize, budget: &mut Budget) -> Outcome<Attribute> {
    if let Some((key, text)) = reader.short_text_attribute()
        && let (Ok(key), Ok(text)) = (std::str::from_utf8(key), std::str::from_utf8(text))
    {
        return Ok(Attribute { key: key.into(), value: Value::String(text.into()) });
    }
    let mut key = CompactString::default();
    let mut value = Value::Null;
    while let Some(field) = reader.next()? {
        match field.number {
            1 => key = field.string("key")?.into(),
            2 => value = field.nested("value", |reader| any_value(reader, depth, budget))?,
            _ => {}
        }
    }
    Ok(Attribute { key, value })
}

/// Reads an `AnyValue` that lies inside `depth` arrays and maps; one without a value is null.
pub(super) fn any_value(mut reader: Reader<'_>, depth: usize, budget: &mut Budget) -> Outcome<Value> {
    let mut value = Value::Null;
    while let Some(field) = reader.next()? {
        value = match field.number {
            1 => Value::String(field.string("string_value")?.into()),
            2 => Value::Bool(field.boolean("bool_value")?),
            3 => Value::Int(field.int("int_value")?),
            4 => Value::Double(field.double("double_value")?),
            5 => Value::Array(field.nested("array_value", |reader| array(reader, depth + 1, budget))?),
            6 => Value::Map(field.nested("kvlist_value", |reader| map(reader, depth + 1, budget))?),
            7 => Value::Bytes(field.bytes("bytes_value")?.to_vec()),
            _ => continue,
        };
    }
    Ok(value)
}

fn check_depth(reader: &Reader<'_>, depth: usize) -> Outcome<()> {
    if depth <= MAX_VALUE_DEPTH {
        return Ok(());
    }
    Err(Fault::unacceptable(reader.offset(), format!("arrays and maps are nested deeper than {MAX_VALUE_DEPTH}")))
}

fn array(mut reader: Reader<'_>, depth: usize, budget: &mut Budget) -> Outcome<Vec<Value>> {
    check_depth(&reader, depth)?;
    let mut items = Vec::new();
    while let Some(field) = reader.next()? {
        if field.number == 1 {
            let item = field.element("values", items.len(), |reader| any_value(reader, depth, budget))?;
            budget.take(size_of::<Value>(), field.offset)?;
            items.push(item);
        }
    }
    Ok(items)
}

fn map(mut reader: Reader<'_>, depth: usize, budget: &mut Budget) -> Outcome<Attributes> {
    check_depth(&reader, depth)?;
    let mut items = Attributes::new();
    while let Some(field) = reader.next()? {
        if field.number == 1 {
            let item = field.element("values", items.len(), |reader| key_value(reader, depth, budget))?;
            budget.take(size_of::<Attribute>(), field.offset)?;
            items.push(item);
        }
    }
    Ok(items)
}

/// Reads a `Resource` into `resource`.
pub(super) fn merge_resource(mut reader: Reader<'_>, resource: &mut Resource, budget: &mut Budget) -> Outcome<()> {
    while let Some(field) = reader.next()? {
        match field.number {
            1 => push_attribute(&field, "attributes", &mut resource.attributes, budget)?,
            2 => resource.dropped_attributes_count = field.uint32("dropped_attributes_count")?,
            _ => {}
        }
    }
    Ok(())
}

/// Reads an `InstrumentationScope` into `scope`.
pub(super) fn merge_scope(mut reader: Reader<'_>, scope: &mut Scope, budget: &mut Budget) -> Outcome<()> {
    while let Some(field) = reader.next()? {
        match field.number {
            1 => scope.name = field.string("name")?.into(),
            2 => scope.version = field.string("version")?.into(),
            3 => push_attribute(&field, "attributes", &mut scope.attributes, budget)?,
            4 => scope.dropped_attributes_count = field.uint32("dropped_attributes_count")?,
            _ => {}
        }
    }
    Ok(())
}

/// A trace ID; `None` when the field is empty or all zero, which both say that there is none.
pub(super) fn trace_id(field: &Field<'_>, name: &'static str) -> Outcome<Option<TraceId>> {
    let bytes = field.bytes(name)?;
    if bytes.is_empty() || bytes.len() == 16 { Ok(TraceId::from_bytes(bytes)) } else { Err(bad_id(field, name, 16)) }
}

/// A span ID; `None` when the field is empty or all zero, which both say that there is none.
pub(super) fn span_id(field: &Field<'_>, name: &'static str) -> Outcome<Option<SpanId>> {
    let bytes = field.bytes(name)?;
    if bytes.is_empty() || bytes.len() == 8 { Ok(SpanId::from_bytes(bytes)) } else { Err(bad_id(field, name, 8)) }
}

#[cold]
fn bad_id(field: &Field<'_>, name: &'static str, expected: usize) -> Fault {
    let bytes = field.bytes(name).unwrap_or_default();
    let shown = match std::str::from_utf8(bytes) {
        Ok(text) if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) => text.chars().take(64).collect(),
        _ => hex_text(bytes.get(..bytes.len().min(32)).unwrap_or_default()),
    };
    let reason = format!(
        "expected {expected} bytes ({} hex digits in JSON), found {} bytes: {shown}",
        expected * 2,
        bytes.len()
    );
    Fault::unacceptable(field.offset, reason).within(name, None)
}

/// A time in nanoseconds; those after the year 2262 cannot be kept.
#[inline]
pub(super) fn time(field: &Field<'_>, name: &'static str) -> Outcome<UnixNanos> {
    let nanos = field.fixed64(name)?;
    i64::try_from(nanos).map_err(|_| {
        let reason = format!("the time {nanos} ns lies after the year 2262, expected at most {}", i64::MAX);
        Fault::unacceptable(field.offset, reason).within(name, None)
    })
}
