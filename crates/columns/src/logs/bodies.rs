//! Bodies that are maps or lists: their fields, as `LogRecord` names them (`body.…`).
//!
//! The head of a block says whether it has any, so that questions for fields read the bodies of no other block.

use super::block::LogBlock;
use super::coded::Texted;
use super::messages::Place;
use crate::error::ColumnsError;
use clew_model::logs::{FieldValues, LogRecord, any_in_body};
use clew_model::{RowSet, Value};

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

    /// The values that the bodies of `rows` give, by what `texts_of` says of each; `None` where none has any.
    pub(super) fn body_values(
        &self,
        rows: &RowSet,
        texts_of: &dyn Fn(usize, &Value) -> Vec<String>,
    ) -> Result<Option<FieldValues<'static>>, ColumnsError> {
        let bodies = self.structured_bodies()?.iter().enumerate();
        let texts: Vec<Vec<String>> = bodies.map(|(entry, body)| texts_of(entry, body)).collect();
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

    /// The values of the field with this name in the bodies of `rows`.
    pub(super) fn named_body_values(
        &self,
        name: &str,
        rows: &RowSet,
    ) -> Result<Option<FieldValues<'static>>, ColumnsError> {
        self.body_values(rows, &|_, body| {
            let mut texts = Vec::new();
            any_in_body(body, name, &mut |value| {
                texts.push(value.display_text().into_owned());
                false
            });
            texts
        })
    }
}
