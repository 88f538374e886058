//! Tests on one field, by the rules of names.

use super::block::LogBlock;
use super::leaves::Leaf;
use super::passing::{add_ids, add_texts};
use super::shapes::Column;
use crate::error::ColumnsError;
use clew_model::logs::{
    FieldTest, IsTest, LogRecord, Pattern, Severity, WellKnown, any_in_body, plain_text, well_known,
};
use clew_model::{CanonicalId, RowSet, Value};
use std::ops::RangeInclusive;

impl LogBlock {
    pub(super) fn field(&self, name: &str, test: &Matcher<'_>) -> Result<RowSet, ColumnsError> {
        let mut passing = RowSet::none(self.rows());
        for (index, column) in self.shapes()?.columns.iter().enumerate() {
            if column.is_named(name) {
                self.add_leaf(&mut passing, index, test)?;
            }
            if matches!(column.kind, super::leaves::Kind::Opaque) {
                self.add_inside(&mut passing, index, column, name, test)?;
            }
        }
        self.add_bodies(&mut passing, &|body| any_in_body(body, name, &mut |value| test.value(value)))?;
        let own = name.strip_prefix("resource.").unwrap_or(name);
        let full = format!("resource.{own}");
        self.add_resources(&mut passing, &|record| record.any_field(&full, &mut |value| test.value(value)))?;
        if name.starts_with("scope.") {
            self.add_scopes(&mut passing, &|record| record.any_field(name, &mut |value| test.value(value)))?;
        }
        if let Some(field) = well_known(name) {
            self.add_well_known(&mut passing, field, test)?;
        }
        Ok(passing)
    }

    pub(super) fn add_leaf(&self, passing: &mut RowSet, index: usize, test: &Matcher<'_>) -> Result<(), ColumnsError> {
        match self.leaf(index)? {
            Leaf::Text(texts) => {
                let found: Vec<bool> = texts.candidates().iter().map(|text| test.text(text)).collect();
                self.add_found(passing, index, texts, &found)
            }
            Leaf::Opaque(values) => {
                let found: Vec<bool> = values.entries.iter().map(|value| any_element(value, test)).collect();
                self.add_entries(passing, index, values, &found)
            }
            leaf => self.add_values(passing, index, &|place| test.value(&leaf.value(place))),
        }
    }

    /// Maps inside an array hold fields whose path continues that of the array.
    pub(super) fn add_inside(
        &self,
        passing: &mut RowSet,
        index: usize,
        column: &Column,
        name: &str,
        test: &Matcher<'_>,
    ) -> Result<(), ColumnsError> {
        let rest = |path: &str| name.strip_prefix(path).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
        for rest in [Some(column.path.as_str()), column.short_path()].into_iter().flatten().filter_map(rest) {
            let Leaf::Opaque(values) = self.leaf(index)? else { continue };
            let inside = |value: &Value| {
                // The model's own rules of names, on a record that has only this array.
                let attributes = vec![clew_model::Attribute::new("a", value.clone())];
                let record = LogRecord { attributes, ..LogRecord::default() };
                record.any_field(&format!("a.{rest}"), &mut |value| test.value(value))
            };
            let found: Vec<bool> = values.entries.iter().map(inside).collect();
            self.add_entries(passing, index, values, &found)?;
        }
        Ok(())
    }

    pub(super) fn add_well_known(
        &self,
        passing: &mut RowSet,
        field: WellKnown,
        test: &Matcher<'_>,
    ) -> Result<(), ColumnsError> {
        let not_empty = |text: &str| !text.is_empty() && test.text(text);
        match field {
            WellKnown::Time => {
                let times = self.times()?;
                passing.unite(&RowSet::of(self.rows(), |row| {
                    times.get(row).is_some_and(|time| test.value(&Value::Int(*time)))
                }));
            }
            WellKnown::Severity => self.add_severities(passing, test)?,
            WellKnown::Message => passing.unite(&self.bodies_passing(test)?),
            WellKnown::Service => add_texts(passing, self.services()?, &not_empty),
            WellKnown::TraceId => match test.only_id() {
                Some(wanted) => {
                    let wanted = wanted.as_trace_id().map(|id| id.0);
                    add_ids(passing, self.traces()?, &|id| Some(id) == wanted);
                }
                None => self.add_traces(passing, &|text| test.text(text))?,
            },
            WellKnown::SpanId => match test.only_id() {
                Some(wanted) => {
                    let wanted = wanted.as_span_id().map(|id| id.0);
                    add_ids(passing, self.spans()?, &|id| Some(id) == wanted);
                }
                None => self.add_spans(passing, &|text| test.text(text))?,
            },
        }
        Ok(())
    }

    pub(super) fn add_severities(&self, passing: &mut RowSet, test: &Matcher<'_>) -> Result<(), ColumnsError> {
        add_texts(passing, self.severity_texts()?, &|text| !text.is_empty() && test.text(text));
        let wanted = test.severities();
        let passes = |number: u8| {
            let name = Severity::from_number(i64::from(number)).range_name();
            (!name.is_empty() && test.text(name)) || wanted.as_ref().is_some_and(|wanted| wanted.contains(&number))
        };
        let passes: Vec<bool> = (0..=24).map(passes).collect();
        let numbers = self.severity_numbers()?.iter().enumerate();
        let found = numbers.filter(|(_, number)| passes.get(usize::from(**number)) == Some(&true));
        found.for_each(|(row, _)| passing.insert(row));
        Ok(())
    }
}

impl Column {
    /// Whether a field of this name resolves to the column.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.path == name || self.short_path() == Some(name)
    }
}

/// A field test with what it needs for every value worked out once.
#[derive(Debug)]
pub(super) struct Matcher<'a> {
    pub(super) test: &'a FieldTest,
    is: Option<IsTest>,
    whole: Option<Pattern>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(test: &'a FieldTest) -> Self {
        let is = match test {
            FieldTest::Is(text) => Some(IsTest::new(text)),
            _ => None,
        };
        let whole = match test {
            FieldTest::Matches(pattern) => pattern.anchored(),
            _ => None,
        };
        Self { test, is, whole }
    }

    /// The severities that the test asks for by a word.
    pub(super) fn severities(&self) -> Option<RangeInclusive<u8>> {
        self.is.as_ref().and_then(|is| Severity::asked_by(is.text()))
    }

    /// See [`IsTest::only_id`].
    fn only_id(&self) -> Option<&CanonicalId> {
        self.is.as_ref().and_then(IsTest::only_id)
    }

    pub(super) fn value(&self, value: &Value) -> bool {
        match (&self.is, value) {
            (_, Value::String(text)) => self.text(text),
            (Some(_), other) => self.text(&other.display_text()),
            (None, other) if self.whole.is_some() => self.text(&other.display_text()),
            (None, other) => self.test.matches(other),
        }
    }

    pub(super) fn text(&self, own: &str) -> bool {
        let own = &*plain_text(own);
        match (&self.is, self.test) {
            (Some(is), _) => is.matches(own),
            (None, FieldTest::Exists) => true,
            (None, FieldTest::Equals(text)) => own == text,
            (None, FieldTest::Contains(test)) => test.matches(own),
            (None, FieldTest::Matches(pattern)) => match &self.whole {
                Some(whole) => whole.0.is_match(own),
                None => pattern.matches_whole(own),
            },
            (None, test) => test.matches(&Value::from(own)),
        }
    }
}

/// Arrays are tested by each element; maps inside them have names of their own.
fn any_element(value: &Value, test: &Matcher<'_>) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any_element(item, test)),
        Value::Map(_) => false,
        scalar => test.value(scalar),
    }
}
