//! Which rows of a block carry an ID, answered column by column; `CorrelationRules::visit_log` is the definition.

use super::block::LogBlock;
use super::bodies::of_body;
use super::fields::{of_resource, of_scope};
use super::leaves::Leaf;
use super::messages::Strings;
use super::passing::add_items;
use super::terms::is_pattern;
use crate::error::ColumnsError;
use clew_model::RowSet;
use clew_model::correlation::CorrelationRules;
use clew_model::logs::LogRecord;
use clew_model::{CanonicalId, Value};

impl LogBlock {
    /// The rows that carry one of the IDs.
    ///
    /// # Errors
    /// A column is damaged.
    pub fn rows_with_ids(&self, ids: &[CanonicalId], rules: &CorrelationRules) -> Result<RowSet, ColumnsError> {
        let mut passing = RowSet::none(self.rows());
        let traces = self.traces()?;
        let wanted: Vec<[u8; 16]> = ids.iter().filter_map(CanonicalId::as_trace_id).map(|id| id.0).collect();
        let spans = self.spans()?;
        let wanted_spans: Vec<[u8; 8]> = ids.iter().filter_map(CanonicalId::as_span_id).map(|id| id.0).collect();
        for row in 0..self.rows() {
            let by_trace = !wanted.is_empty() && traces.get(row).is_some_and(|id| wanted.contains(&id));
            let by_span = !wanted_spans.is_empty() && spans.get(row).is_some_and(|id| wanted_spans.contains(&id));
            if by_trace || by_span {
                passing.insert(row);
            }
        }
        self.add_carrying_leaves(&mut passing, ids, rules)?;
        self.add_carrying_shared(&mut passing, ids, rules)?;
        self.add_carrying_bodies(&mut passing, ids, rules)?;
        Ok(passing)
    }

    fn add_carrying_leaves(
        &self,
        passing: &mut RowSet,
        ids: &[CanonicalId],
        rules: &CorrelationRules,
    ) -> Result<(), ColumnsError> {
        let shapes = self.shapes()?;
        for (index, column) in shapes.columns.iter().enumerate() {
            let path = column.path.as_str();
            let carries = |value: &Value| rules.carried(path, value).is_some_and(|carried| ids.contains(&carried.id));
            let leaf = self.leaf(index)?;
            let found: Vec<bool> = match leaf {
                Leaf::Text(texts) => texts.candidates().iter().map(|text| carries(&Value::from(text))).collect(),
                Leaf::Opaque(values) => {
                    values.entries.iter().map(|value| carried_inside(path, value, ids, rules)).collect()
                }
                // Numbers are IDs in correlation fields only.
                _ if rules.field(path).is_none() => continue,
                other => (0..column.count).map(|place| carries(&other.value(place))).collect(),
            };
            if found.contains(&true) {
                let entry = |place: usize| match leaf {
                    Leaf::Text(crate::dictionary::TextColumn::Dictionary { ids, .. }) => ids.get(place).copied(),
                    Leaf::Opaque(values) => values.ids.get(place).copied(),
                    _ => Some(place as u32),
                };
                shapes.for_each_value(index, |row, place| {
                    if entry(place).and_then(|entry| found.get(entry as usize)) == Some(&true) {
                        passing.insert(row);
                    }
                });
            }
        }
        Ok(())
    }

    fn add_carrying_shared(
        &self,
        passing: &mut RowSet,
        ids: &[CanonicalId],
        rules: &CorrelationRules,
    ) -> Result<(), ColumnsError> {
        let carries = |record: LogRecord| {
            let mut found = false;
            rules.visit_log(&record, &mut |carried| {
                found = found || (!is_pattern(carried.source) && ids.contains(&carried.id));
            });
            found
        };
        add_items(passing, self.resources()?, &|resource| carries(of_resource(resource)));
        add_items(passing, self.scopes()?, &|scope| carries(of_scope(scope)));
        Ok(())
    }

    fn add_carrying_bodies(
        &self,
        passing: &mut RowSet,
        ids: &[CanonicalId],
        rules: &CorrelationRules,
    ) -> Result<(), ColumnsError> {
        self.add_bodies(passing, &|body| {
            let mut found = false;
            rules.visit_log(&of_body(body), &mut |carried| {
                found = found || (!is_pattern(carried.source) && ids.contains(&carried.id));
            });
            found
        })?;
        if !rules.has_patterns() {
            return Ok(());
        }
        let carries = |text: &str| {
            let mut found = false;
            rules.visit_patterns(text, &mut |carried| found = found || ids.contains(&carried.id));
            found
        };
        let messages = self.messages()?;
        for (row, place) in messages.places.iter().enumerate() {
            let found = match place {
                super::messages::Place::String(place) => carries(match &messages.strings {
                    Strings::Column(column) => column.get(*place as usize),
                    Strings::Templates(_) => self.rendered()?.get(*place as usize),
                }),
                super::messages::Place::Other(place) => {
                    messages.others.get(*place as usize).is_some_and(|value| carries(&value.display_text()))
                }
            };
            if found {
                passing.insert(row);
            }
        }
        Ok(())
    }
}

fn carried_inside(path: &str, value: &Value, ids: &[CanonicalId], rules: &CorrelationRules) -> bool {
    let record =
        LogRecord { attributes: vec![clew_model::Attribute::new(path, value.clone())], ..LogRecord::default() };
    let mut found = false;
    record.visit_attributes(&mut |path, value| {
        found = found || rules.carried(path, value).is_some_and(|carried| ids.contains(&carried.id));
    });
    found
}
