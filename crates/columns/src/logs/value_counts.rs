//! What a question over whole blocks wants to know of their fields, worked out when the block is made: how many rows have
//! each field, and how many have each of its values where these are few. Fields with many values are listed without.
//!
//! A compressed section: whether arrays hold values under names of their own (1), then the fields: name, rows that have
//! it, how many bytes of the name may be left out, and whether its values are counted (1); then each with its rows.

use super::WHAT;
use crate::bytes::{BytesError, Problem, Reader, put_text, put_varint};
use crate::compress::{put_compressed, read_compressed};
use crate::error::ColumnsError;
use clew_model::ReadError;
use clew_model::logs::{FieldValue, LISTED_WELL_KNOWN, LogField, says_levels, well_known};
use std::ops::Range;

/// Before the names of resource attributes, which may be left out.
pub(super) const RESOURCE: &str = "resource.";
/// Before the names of scope attributes.
pub(super) const SCOPE: &str = "scope.";

/// The counts of a block's fields.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ValueCounts {
    /// Whether values stand inside arrays, so that a name may mean more than the fields say.
    pub has_arrays: bool,
    /// By name.
    pub fields: Vec<CountedField>,
}

/// A field and its values.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CountedField {
    pub name: String,
    /// Rows that have it.
    pub records: u64,
    /// Bytes of the name before the rest by which the field can be named too; 0 where there is no such rest.
    pub alias: usize,
    /// Where these are few: all values, and the rows that have each.
    pub values: Option<CountedValues>,
}

/// Texts and a number for each.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CountedValues {
    texts: String,
    values: Vec<(Range<u32>, u64)>,
}

impl CountedValues {
    pub(super) fn push(&mut self, text: &str, records: u64) {
        let start = self.texts.len() as u32;
        self.texts.push_str(text);
        self.values.push((start..self.texts.len() as u32, records));
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        let text = |range: &Range<u32>| self.texts.get(range.start as usize..range.end as usize).unwrap_or_default();
        self.values.iter().map(move |(range, records)| (text(range), *records))
    }
}

impl CountedField {
    /// Whether a question for this name means the field, be it among others: as `LogRecord::any_field` says.
    fn is_named(&self, name: &str) -> bool {
        // Of the attributes of a resource the prefix is left out once.
        let is_twice = self.name.starts_with(RESOURCE) && name.starts_with(RESOURCE);
        self.name == name || (self.alias > 0 && self.name.get(self.alias..) == Some(name) && !is_twice)
    }
}

impl ValueCounts {
    /// The field that a name means; `None` where it means several, or values that were not counted.
    pub(super) fn only(&self, name: &str) -> Option<Option<&CountedField>> {
        let is_listed = LISTED_WELL_KNOWN.iter().any(|(listed, _)| *listed == name);
        // The name and version of a scope are no fields that are listed.
        let is_elsewhere = (well_known(name).is_some() && !is_listed) || name.starts_with(SCOPE);
        if self.has_arrays || is_elsewhere {
            return None;
        }
        let mut named = self.fields.iter().filter(|field| field.is_named(name));
        match (named.next(), named.next()) {
            (None, _) => Some(None),
            // Levels are counted by the name that is asked for.
            (Some(field), None) if says_levels(name) != says_levels(&field.name) => None,
            (Some(field), None) if field.values.is_some() => Some(Some(field)),
            _ => None,
        }
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let mut plain = vec![u8::from(self.has_arrays)];
        put_varint(&mut plain, self.fields.len() as u64);
        for field in &self.fields {
            put_text(&mut plain, &field.name);
            put_varint(&mut plain, field.records);
            put_varint(&mut plain, field.alias as u64);
            plain.push(u8::from(field.values.is_some()));
            let Some(values) = &field.values else { continue };
            put_varint(&mut plain, values.len() as u64);
            for (text, records) in values.iter() {
                put_text(&mut plain, text);
                put_varint(&mut plain, records);
            }
        }
        put_compressed(out, &plain);
    }

    pub(super) fn read(bytes: &[u8], rows: usize) -> Result<Self, ColumnsError> {
        let mut outer = Reader::new(bytes);
        let plain = read_compressed(&mut outer)?;
        outer.finish(WHAT)?;
        let mut reader = Reader::new(&plain);
        let has_arrays = reader.u8(WHAT)? != 0;
        let count = reader.count(4, WHAT)?;
        let mut fields = Vec::with_capacity(count);
        for _ in 0..count {
            let name = reader.text(WHAT)?.to_owned();
            let records = read_records(&mut reader, rows)?;
            let alias = reader.varint(WHAT)?;
            let alias = usize::try_from(alias).ok().filter(|alias| name.is_char_boundary(*alias));
            let alias = alias.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "a name is cut wrongly" })?;
            let values = match reader.u8(WHAT)? {
                0 => None,
                _ => Some(read_values(&mut reader, rows)?),
            };
            fields.push(CountedField { name, records, alias, values });
        }
        reader.finish(WHAT)?;
        Ok(Self { has_arrays, fields })
    }
}

fn read_values(reader: &mut Reader<'_>, rows: usize) -> Result<CountedValues, ColumnsError> {
    let count = reader.count(2, WHAT)?;
    let mut values = CountedValues { texts: String::new(), values: Vec::with_capacity(count) };
    for _ in 0..count {
        let text = reader.text(WHAT)?;
        values.push(text, read_records(reader, rows)?);
    }
    Ok(values)
}

fn read_records(reader: &mut Reader<'_>, rows: usize) -> Result<u64, BytesError> {
    let records = reader.varint(WHAT)?;
    match records <= rows as u64 {
        true => Ok(records),
        false => Err(reader.error(WHAT, Problem::BadValue(records))),
    }
}

impl LogField for CountedField {
    fn name(&self) -> &str {
        &self.name
    }

    fn records(&self) -> Result<u64, ReadError> {
        Ok(self.records)
    }

    fn counts(&self, each: &mut dyn FnMut(FieldValue<'_>, u64)) -> Result<(), ReadError> {
        let values = self.values.iter().flat_map(CountedValues::iter);
        values.for_each(|(text, records)| each(FieldValue::Text(text), records));
        Ok(())
    }
}
