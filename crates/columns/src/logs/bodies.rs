//! Bodies that are maps or lists: their fields, as `LogRecord` names them (`body.…`).
//!
//! The head of a block says whether it has any, so that questions for fields read the bodies of no other block.

use super::block::LogBlock;
use super::coded::{Entries, Texted};
use super::messages::Place;
use crate::dictionary::Interner;
use crate::error::ColumnsError;
use crate::limits::MIN_DICTIONARY_ENTRIES;
use clew_model::logs::{Codes, FieldValues, LogRecord, any_in_body, visit_body};
use clew_model::{RowSet, Value};
use std::collections::BTreeMap;

/// Before the names of the fields of a body, which may be left out.
pub(super) const BODY: &str = "body.";

/// Whether a body has fields.
pub(super) fn is_structured(body: &Value) -> bool {
    matches!(body, Value::Map(_) | Value::Array(_))
}

/// A record that has the body alone, if it has fields.
pub(super) fn of_body(body: &Value) -> LogRecord {
    let body = if is_structured(body) { body.clone() } else { Value::Null };
    LogRecord { body, ..LogRecord::default() }
}

/// The values of one field of bodies.
#[derive(Debug, Default)]
pub(super) struct BodyField {
    /// Their texts, each once.
    pub texts: Interner,
    /// A value of each text; one that is itself a text where there is such, since only those are taken for IDs anywhere.
    pub values: Vec<Value>,
    /// The place of a body and of a text that it has, in the order of bodies.
    pairs: Vec<(u32, u32)>,
}

impl BodyField {
    fn add(&mut self, body: usize, value: &Value) {
        let Some(text) = value.scalar_text() else { return };
        let code = self.texts.intern(&text);
        match self.values.get_mut(code as usize) {
            None => self.values.push(value.clone()),
            Some(own) if matches!(value, Value::String(_)) => *own = value.clone(),
            Some(_) => {}
        }
        self.pairs.push((body as u32, code));
    }

    /// Whether its values are texts that come several times, as those of a dictionary column.
    pub(super) fn is_dictionary(&self) -> bool {
        let is_number = |value: &Value| matches!(value, Value::Int(_) | Value::Double(_) | Value::Number(_));
        self.texts.len() <= (self.pairs.len() / 2).max(MIN_DICTIONARY_ENTRIES) && !self.values.iter().any(is_number)
    }

    fn of(&self, body: usize) -> impl Iterator<Item = u32> {
        let start = self.pairs.partition_point(|(own, _)| (*own as usize) < body);
        let rest = self.pairs.get(start..).unwrap_or_default();
        rest.iter().take_while(move |(own, _)| *own as usize == body).map(|(_, code)| *code)
    }
}

/// The fields of bodies by their paths.
pub(super) fn fields_of_bodies(bodies: &[Value]) -> BTreeMap<String, BodyField> {
    let mut fields: BTreeMap<String, BodyField> = BTreeMap::new();
    for (place, body) in bodies.iter().enumerate() {
        visit_body(body, &mut |path, value| match fields.get_mut(path) {
            Some(field) => field.add(place, value),
            None => fields.entry(path.to_owned()).or_default().add(place, value),
        });
    }
    fields
}

impl LogBlock {
    /// The bodies that are no strings, each distinct one once; none where no body has fields.
    pub(super) fn structured_bodies(&self) -> Result<&[Value], ColumnsError> {
        if self.has_structured_bodies() { Ok(&self.messages()?.others.entries) } else { Ok(&[]) }
    }

    /// Calls `visit` with each of the rows whose body is one of [`LogBlock::structured_bodies`], and the place of that.
    fn for_each_structured(&self, mut visit: impl FnMut(usize, usize)) -> Result<(), ColumnsError> {
        if !self.has_structured_bodies() {
            return Ok(());
        }
        let messages = self.messages()?;
        for (row, place) in messages.places.iter().enumerate() {
            if let Place::Other(place) = place
                && let Some(entry) = messages.others.ids.get(*place as usize)
            {
                visit(row, *entry as usize);
            }
        }
        Ok(())
    }

    /// Adds the rows whose body has fields and passes.
    pub(super) fn add_bodies(&self, passing: &mut RowSet, test: &dyn Fn(&Value) -> bool) -> Result<(), ColumnsError> {
        let passes = |body: &Value| is_structured(body) && test(body);
        let found: Vec<bool> = self.structured_bodies()?.iter().map(passes).collect();
        if found.contains(&true) {
            self.for_each_structured(|row, entry| {
                if found.get(entry) == Some(&true) {
                    passing.insert(row);
                }
            })?;
        }
        Ok(())
    }

    /// The values of a field in the bodies of `rows`.
    pub(super) fn body_values<'b>(&self, rows: &RowSet, field: &'b BodyField) -> Result<FieldValues<'b>, ColumnsError> {
        let mut pairs = Vec::new();
        self.for_each_structured(|row, body| {
            if rows.contains(row) {
                pairs.extend(field.of(body).map(|code| (row as u32, code)));
            }
        })?;
        pairs.sort_unstable();
        pairs.dedup();
        Ok(FieldValues { dictionary: Box::new(Entries(field.texts.entries())), codes: Codes::Several(pairs) })
    }

    /// The values of the field with this name in the bodies of `rows`; `None` where none has any.
    pub(super) fn named_body_values(
        &self,
        name: &str,
        rows: &RowSet,
    ) -> Result<Option<FieldValues<'static>>, ColumnsError> {
        let texts_of = |body: &Value| {
            let mut texts = Vec::new();
            any_in_body(body, name, &mut |value| {
                texts.push(value.display_text().into_owned());
                false
            });
            texts
        };
        let texts: Vec<Vec<String>> = self.structured_bodies()?.iter().map(texts_of).collect();
        if texts.iter().all(Vec::is_empty) {
            return Ok(None);
        }
        let mut texted = Texted::default();
        self.for_each_structured(|row, entry| {
            if rows.contains(row) {
                texts.get(entry).into_iter().flatten().for_each(|text| texted.add(row, text));
            }
        })?;
        Ok(Some(texted.into_values()))
    }
}
