//! Tests on any text of a record, beyond its message.

use super::block::LogBlock;
use super::fields::{of_resource, of_scope};
use super::find;
use super::leaves::Leaf;
use super::opaque::Opaque;
use super::passing::{add_ids, add_items, add_texts};
use crate::dictionary::TextColumn;
use crate::error::ColumnsError;
use clew_model::logs::{LogRecord, TextTest};
use clew_model::{RowSet, SpanId, TraceId, Value};

impl LogBlock {
    /// Adds the rows of which another text than the message passes.
    pub(super) fn add_outside(&self, passing: &mut RowSet, test: &TextTest) -> Result<(), ColumnsError> {
        add_texts(passing, self.services()?, &|text| test.matches(text));
        let shapes = self.shapes()?;
        for index in 0..shapes.columns.len() {
            self.add_leaf_text(passing, index, test)?;
        }
        self.add_bodies(passing, &|body| matches_value(test, body))?;
        let any_scalar = |record: &LogRecord| {
            let mut found = false;
            record.visit_attributes(&mut |_, value| {
                found = found || value.scalar_text().is_some_and(|text| test.matches(&text));
            });
            found
        };
        self.add_resources(passing, &any_scalar)?;
        self.add_scopes(passing, &any_scalar)?;
        self.add_ids(passing, test)
    }

    pub(super) fn add_leaf_text(
        &self,
        passing: &mut RowSet,
        index: usize,
        test: &TextTest,
    ) -> Result<(), ColumnsError> {
        match self.leaf(index)? {
            Leaf::Int(_) | Leaf::Double(_) if lacks_a_digit(test) => {
                // Decimal digits stand in every word of a finite number; the others are looked at one by one.
                if let Leaf::Double(numbers) = self.leaf(index)? {
                    let odd = |number: &f64| !number.is_finite() && matches_value(test, &Value::Double(*number));
                    self.add_values(passing, index, &|place| numbers.get(place).is_some_and(odd))?;
                }
                Ok(())
            }
            Leaf::Text(texts) | Leaf::Number(texts) => {
                let found = find::texts_passing(texts.candidates(), test);
                self.add_found(passing, index, texts, &found)
            }
            Leaf::Opaque(values) => {
                let found: Vec<bool> = values.entries.iter().map(|value| matches_value(test, value)).collect();
                self.add_entries(passing, index, values, &found)
            }
            leaf => self.add_values(passing, index, &|place| matches_value(test, &leaf.value(place))),
        }
    }

    /// Adds the rows of which a value in the column passes, by its place.
    pub(super) fn add_values(
        &self,
        passing: &mut RowSet,
        column: usize,
        passes: &dyn Fn(usize) -> bool,
    ) -> Result<(), ColumnsError> {
        self.shapes()?.for_each_value(column, |row, place| {
            if !passing.contains(row) && passes(place) {
                passing.insert(row);
            }
        });
        Ok(())
    }

    pub(super) fn add_found(
        &self,
        passing: &mut RowSet,
        column: usize,
        texts: &TextColumn,
        found: &[bool],
    ) -> Result<(), ColumnsError> {
        if !found.contains(&true) {
            return Ok(());
        }
        let found = |candidate: usize| found.get(candidate) == Some(&true);
        match texts {
            TextColumn::Dictionary { ids, .. } => {
                self.add_values(passing, column, &|place| ids.get(place).is_some_and(|id| found(*id as usize)))
            }
            TextColumn::Plain(_) => self.add_values(passing, column, &found),
        }
    }

    pub(super) fn add_entries(
        &self,
        passing: &mut RowSet,
        column: usize,
        values: &Opaque,
        found: &[bool],
    ) -> Result<(), ColumnsError> {
        let passes = |place: usize| values.ids.get(place).and_then(|id| found.get(*id as usize)) == Some(&true);
        self.add_values(passing, column, &passes)
    }

    pub(super) fn add_resources(
        &self,
        passing: &mut RowSet,
        test: &dyn Fn(&LogRecord) -> bool,
    ) -> Result<(), ColumnsError> {
        add_items(passing, self.resources()?, &|resource| test(&of_resource(resource)));
        Ok(())
    }

    pub(super) fn add_scopes(
        &self,
        passing: &mut RowSet,
        test: &dyn Fn(&LogRecord) -> bool,
    ) -> Result<(), ColumnsError> {
        add_items(passing, self.scopes()?, &|scope| test(&of_scope(scope)));
        Ok(())
    }

    pub(super) fn add_ids(&self, passing: &mut RowSet, test: &TextTest) -> Result<(), ColumnsError> {
        // An ID's text is one word of 32 or 16 digits: most tests need not look.
        let (trace, span) = match test {
            TextTest::Words(words) => match words.as_slice() {
                [] => (true, true),
                [word] => (word.len() == 32, word.len() == 16),
                _ => (false, false),
            },
            _ => (true, true),
        };
        if trace {
            self.add_traces(passing, &|text| test.matches(text))?;
        }
        if span {
            self.add_spans(passing, &|text| test.matches(text))?;
        }
        Ok(())
    }

    pub(super) fn add_traces(&self, passing: &mut RowSet, test: &dyn Fn(&str) -> bool) -> Result<(), ColumnsError> {
        add_ids(passing, self.traces()?, &|id| test(&TraceId(id).to_string()));
        Ok(())
    }

    pub(super) fn add_spans(&self, passing: &mut RowSet, test: &dyn Fn(&str) -> bool) -> Result<(), ColumnsError> {
        add_ids(passing, self.spans()?, &|id| test(&SpanId(id).to_string()));
        Ok(())
    }
}

fn lacks_a_digit(test: &TextTest) -> bool {
    matches!(test, TextTest::Words(words) if words.iter().any(|word| !word.bytes().any(|byte| byte.is_ascii_digit())))
}

fn matches_value(test: &TextTest, value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| matches_value(test, item)),
        Value::Map(items) => items.iter().any(|item| matches_value(test, &item.value)),
        scalar => scalar.scalar_text().is_some_and(|text| test.matches(&text)),
    }
}
