//! Tests on messages: by their templates where these decide, on the strings themselves where they do not.

use super::block::LogBlock;
use super::find;
use super::match_fields::Matcher;
use super::messages::{Place, Strings, TemplateIds};
use super::opaque::Opaque;
use super::passing::{add_candidates, texts_passing};
use super::verdicts::{TextMatcher, Verdict, Verdicts};
use crate::error::ColumnsError;
use clew_model::logs::FieldTest;
use clew_model::{RowSet, Value};
use std::cell::RefCell;

impl LogBlock {
    /// The rows of which the message passes; `known` is what templates said before.
    pub(super) fn message(
        &self,
        matcher: &TextMatcher<'_>,
        known: Option<&RefCell<Verdicts>>,
    ) -> Result<RowSet, ColumnsError> {
        let test = matcher.test;
        let messages = self.messages()?;
        let strings = match &messages.strings {
            Strings::Column(column) => {
                let found = find::texts_passing(column.candidates(), test);
                let mut passing = RowSet::none(column.len());
                add_candidates(&mut passing, column, &found);
                passing
            }
            Strings::Templates(own) => self.templates_passing(own, matcher, known)?,
        };
        let others: Vec<bool> =
            messages.others.entries.iter().map(|value| test.matches(&value.display_text())).collect();
        Ok(self.bodies(&messages.places, &strings, &messages.others, &others))
    }

    pub(super) fn bodies(&self, places: &[Place], strings: &RowSet, others: &Opaque, found: &[bool]) -> RowSet {
        RowSet::of(self.rows(), |row| match places.get(row) {
            Some(Place::String(place)) => strings.contains(*place as usize),
            Some(Place::Other(place)) => {
                others.ids.get(*place as usize).and_then(|id| found.get(*id as usize)) == Some(&true)
            }
            None => false,
        })
    }

    /// Of the strings, those that pass; strings are put together only where their template does not decide, and the
    /// texts of templates are read only where it is not known yet what they say.
    pub(super) fn templates_passing(
        &self,
        own: &TemplateIds,
        matcher: &TextMatcher<'_>,
        known: Option<&RefCell<Verdicts>>,
    ) -> Result<RowSet, ColumnsError> {
        let mut fresh = Verdicts::default();
        let mut known = known.map(RefCell::borrow_mut);
        let known = known.as_deref_mut().unwrap_or(&mut fresh);
        let mut verdicts = Vec::with_capacity(own.distinct);
        for (template, hash) in self.template_hashes(own)?.iter().enumerate() {
            verdicts.push(match known.of(*hash) {
                Some(verdict) => verdict,
                None => known.learn(*hash, matcher, self.templates(own)?.templates.get(template)),
            });
        }
        let verdict = |id: u32| verdicts.get(id as usize).copied().unwrap_or(Verdict::No);
        let mut passing = RowSet::none(own.ids.len());
        if verdicts.contains(&Verdict::Yes) {
            let passes = |(_, id): &(usize, &u32)| verdict(**id) == Verdict::Yes;
            own.ids.iter().enumerate().filter(passes).for_each(|(string, _)| passing.insert(string));
        }
        if verdicts.contains(&Verdict::Unknown) {
            let is_open = |id: u32| verdict(id) == Verdict::Unknown;
            let texts = self.templates(own)?.render_those(&own.ids, |_, id| is_open(id))?;
            let open = own.ids.iter().enumerate().filter(|(_, id)| is_open(**id));
            let found = open.zip(find::texts_passing(&texts, matcher.test)).filter(|(_, passes)| *passes);
            found.for_each(|((string, _), _)| passing.insert(string));
        }
        Ok(passing)
    }

    pub(super) fn bodies_passing(&self, test: &Matcher<'_>) -> Result<RowSet, ColumnsError> {
        let messages = self.messages()?;
        let strings = match &messages.strings {
            Strings::Column(column) => texts_passing(column, &|text| test.text(text)),
            Strings::Templates(own) => match test.test {
                FieldTest::Exists => RowSet::all(own.ids.len()),
                FieldTest::Contains(test) => self.templates_passing(own, &TextMatcher::new(test), None)?,
                _ => {
                    let rendered = self.rendered()?;
                    RowSet::of(rendered.len(), |string| test.text(rendered.get(string)))
                }
            },
        };
        let not_null = |value: &Value| *value != Value::Null && test.value(value);
        let others: Vec<bool> = messages.others.entries.iter().map(not_null).collect();
        Ok(self.bodies(&messages.places, &strings, &messages.others, &others))
    }
}
