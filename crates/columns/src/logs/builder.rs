//! Turning rows into a block's bytes.

use super::id_column::IdColumn;
use super::messages::put_messages;
use super::shapes::ShapesBuilder;
use super::{MAGIC, section};
use crate::bits::{put_integers, put_numbers, put_unsigned};
use crate::bytes::{put_signed, put_varint};
use crate::compress::put_compressed;
use crate::container::ContainerBuilder;
use crate::dictionary::{put_ids, put_text_column};
use crate::frames::logs::{put_resource, put_scope};
use clew_model::logs::{LogRecord, LogRow};
use std::sync::Arc;

/// The bytes of a block with these rows, in their order. At most [`crate::limits::MAX_BLOCK_ROWS`] rows can be read
/// back; about 512 is what the encodings are made for.
#[must_use]
pub fn encode_block(rows: &[LogRow]) -> Vec<u8> {
    let mut container = ContainerBuilder::new(MAGIC);
    let mut scratch = Vec::new();
    let mut add = |container: &mut ContainerBuilder, id: u32, put: &mut dyn FnMut(&mut Vec<u8>)| {
        scratch.clear();
        put(&mut scratch);
        container.section(id, &scratch);
    };
    let records = || rows.iter().map(|row| &row.record);
    let times: Vec<i64> = rows.iter().map(|row| row.id.time).collect();
    add(&mut container, section::HEAD, &mut |out| {
        put_varint(out, rows.len() as u64);
        put_signed(out, times.iter().copied().min().unwrap_or(0));
        put_signed(out, times.iter().copied().max().unwrap_or(0));
    });
    add(&mut container, section::TIME, &mut |out| put_numbers(out, &times));
    add(&mut container, section::NUMBER, &mut |out| {
        put_numbers(out, &rows.iter().map(|row| row.id.number as i64).collect::<Vec<_>>());
    });
    add(&mut container, section::OBSERVED, &mut |out| {
        let differences = records().map(|record| record.observed_time.wrapping_sub(record.time));
        put_integers(out, &differences.collect::<Vec<_>>());
    });
    add(&mut container, section::SEVERITY, &mut |out| {
        put_unsigned(out, &records().map(|record| u64::from(record.severity.number())).collect::<Vec<_>>());
    });
    add_texts(&mut container, section::SEVERITY_TEXT, records().map(|record| record.severity_text.as_str()));
    add_texts(&mut container, section::SERVICE, records().map(|record| record.service.as_str()));
    add(&mut container, section::TRACE, &mut |out| {
        IdColumn::of(records().map(|record| record.trace_id.map(|id| id.0))).put(out);
    });
    add(&mut container, section::SPAN, &mut |out| {
        IdColumn::of(records().map(|record| record.span_id.map(|id| id.0))).put(out);
    });
    add_counts(&mut container, section::FLAGS, records().map(|record| record.flags));
    add_texts(&mut container, section::EVENT_NAME, records().map(|record| record.event_name.as_str()));
    add_counts(&mut container, section::DROPPED, records().map(|record| record.dropped_attributes_count));
    add(&mut container, section::RESOURCE, &mut |out| {
        put_shared(out, records().map(|record| &record.resource), put_resource);
    });
    add(&mut container, section::SCOPE, &mut |out| put_shared(out, records().map(|record| &record.scope), put_scope));
    add(&mut container, section::BODY, &mut |out| put_messages(out, records().map(|record| &record.body)));
    add_attributes(&mut container, records());
    container.finish()
}

/// A column of texts, left out where all are empty.
fn add_texts<'a>(container: &mut ContainerBuilder, id: u32, texts: impl Iterator<Item = &'a str> + Clone) {
    if texts.clone().any(|text| !text.is_empty()) {
        let mut out = Vec::new();
        put_text_column(&mut out, texts.collect());
        container.section(id, &out);
    }
}

/// A column of counts, left out where all are zero.
fn add_counts(container: &mut ContainerBuilder, id: u32, counts: impl Iterator<Item = u32> + Clone) {
    if counts.clone().any(|count| count != 0) {
        let mut out = Vec::new();
        put_unsigned(&mut out, &counts.map(u64::from).collect::<Vec<_>>());
        container.section(id, &out);
    }
}

fn add_attributes<'a>(container: &mut ContainerBuilder, records: impl Iterator<Item = &'a LogRecord>) {
    let mut shapes = ShapesBuilder::default();
    records.for_each(|record| shapes.push(&record.attributes));
    let mut out = Vec::new();
    let columns = shapes.put(&mut out);
    container.section(section::SHAPES, &out);
    for (id, column) in (section::LEAVES..).zip(columns) {
        out.clear();
        column.put(&mut out);
        container.section(id, &out);
    }
}

/// Distinct items once, then a reference a row.
fn put_shared<'a, T: PartialEq + 'a>(
    out: &mut Vec<u8>,
    items: impl Iterator<Item = &'a Arc<T>>,
    put: fn(&mut Vec<u8>, &T),
) {
    let mut distinct: Vec<&Arc<T>> = Vec::new();
    let mut ids = Vec::new();
    for item in items {
        // The same allocation is found at once; equal ones are compared by value.
        let place = distinct.iter().rposition(|known| Arc::ptr_eq(known, item));
        let place = place.or_else(|| distinct.iter().rposition(|known| *known == item));
        ids.push(place.unwrap_or(distinct.len()) as u32);
        if place.is_none() {
            distinct.push(item);
        }
    }
    let mut plain = Vec::new();
    put_varint(&mut plain, distinct.len() as u64);
    distinct.iter().for_each(|item| put(&mut plain, item));
    put_compressed(out, &plain);
    put_ids(out, &ids, distinct.len());
}
