//! A trace filter, column by column: which rows of a block pass, without making spans of the others.

use super::attributes::Cells;
use super::block::{SpanBlock, kind_of, status_of};
use super::dictionary::SpanDictionary;
use super::section::{Code, Owner};
use crate::error::ColumnsError;
use clew_model::traces::{AttributeTest, TraceFilter};
use clew_model::{Attribute, TimeRange, Value};

/// A filter prepared for the blocks of one dictionary. [`TraceFilter::matches`] is the definition it agrees with.
pub struct FilterPlan<'a> {
    filter: &'a TraceFilter,
    dictionary: &'a SpanDictionary,
    /// For each resource whether its service passes.
    services: Option<Vec<bool>>,
    tests: Vec<TestPlan<'a>>,
}

/// A test on an attribute, with what is known of it for this dictionary.
struct TestPlan<'a> {
    test: &'a AttributeTest,
    /// For each resource whether it passes by its own attributes.
    resources: Vec<bool>,
    /// Columns of spans with the key.
    columns: Vec<u32>,
    /// For each string of the dictionary whether it passes; found out when it is met.
    strings: Vec<Option<bool>>,
}

impl<'a> FilterPlan<'a> {
    /// Prepares a filter.
    #[must_use]
    pub fn new(filter: &'a TraceFilter, dictionary: &'a SpanDictionary) -> Self {
        let services = filter.service.as_deref().map(|service| {
            let passes = |resource: &clew_model::Resource| resource.service_name() == service;
            dictionary.resources.iter().map(|resource| passes(resource)).collect()
        });
        let tests = filter.attributes.iter().map(|test| TestPlan::new(test, dictionary)).collect();
        Self { filter, dictionary, services, tests }
    }

    /// Whether no block of this dictionary can hold a span that passes.
    #[must_use]
    pub fn is_impossible(&self) -> bool {
        let none = |passing: &[bool]| !passing.contains(&true);
        self.services.as_deref().is_some_and(none)
            || self.tests.iter().any(|test| test.columns.is_empty() && none(&test.resources))
    }

    /// The rows that start in the range and pass, ascending. Without a range all start in it.
    ///
    /// # Errors
    /// The block is damaged or belongs to another dictionary.
    pub fn rows<B: AsRef<[u8]>>(
        &mut self,
        block: &SpanBlock<B>,
        range: Option<&TimeRange>,
    ) -> Result<Vec<u32>, ColumnsError> {
        let mut rows: Vec<u32> = match range {
            None => (0..block.len() as u32).collect(),
            Some(range) => {
                let starts = block.starts()?;
                (0u32..).zip(&starts).filter(|(_, start)| range.contains(**start)).map(|(row, _)| row).collect()
            }
        };
        self.keep_by_duration(block, &mut rows)?;
        self.keep_by_columns(block, &mut rows)?;
        for test in &mut self.tests {
            if rows.is_empty() {
                break;
            }
            test.keep(block, self.dictionary, &mut rows)?;
        }
        Ok(rows)
    }

    fn keep_by_duration<B: AsRef<[u8]>>(&self, block: &SpanBlock<B>, rows: &mut Vec<u32>) -> Result<(), ColumnsError> {
        let (least, most) = (self.filter.min_duration, self.filter.max_duration);
        if rows.is_empty() || (least.is_none() && most.is_none()) {
            return Ok(());
        }
        let (starts, lasting) = (block.starts()?, block.lasting()?);
        rows.retain(|row| {
            let start = starts.get(*row as usize).copied().unwrap_or(0);
            let end = start.wrapping_add(lasting.get(*row as usize).copied().unwrap_or(0));
            let duration = end.saturating_sub(start).max(0);
            least.is_none_or(|least| duration >= least) && most.is_none_or(|most| duration <= most)
        });
        Ok(())
    }

    fn keep_by_columns<B: AsRef<[u8]>>(&self, block: &SpanBlock<B>, rows: &mut Vec<u32>) -> Result<(), ColumnsError> {
        if let Some(services) = self.services.as_ref().filter(|_| !rows.is_empty()) {
            let resources = block.resources(self.dictionary)?;
            rows.retain(|row| passes(services, resources.get(*row as usize)));
        }
        if !rows.is_empty() && (self.filter.kind.is_some() || self.filter.status.is_some()) {
            let codes = block.codes()?;
            rows.retain(|row| {
                let code = codes.get(*row as usize).copied().unwrap_or(0);
                self.filter.kind.is_none_or(|kind| kind == kind_of(code))
                    && self.filter.status.is_none_or(|status| status == status_of(code))
            });
        }
        if let Some(operation) = self.filter.operation.as_deref().filter(|_| !rows.is_empty()) {
            let names = block.names(self.dictionary)?;
            rows.retain(|row| names.get(*row as usize, &self.dictionary.strings) == operation);
        }
        Ok(())
    }
}

impl<'a> TestPlan<'a> {
    fn new(test: &'a AttributeTest, dictionary: &SpanDictionary) -> Self {
        let in_resource = test.key.strip_prefix("resource.").unwrap_or(&test.key);
        let holds = |attribute: &Attribute| attribute.key == in_resource && any_element(test, &attribute.value);
        Self {
            resources: dictionary.resources.iter().map(|resource| resource.attributes.iter().any(holds)).collect(),
            columns: (0u32..)
                .zip(&dictionary.columns)
                .filter(|(_, column)| column.key == test.key)
                .map(|(number, _)| number)
                .collect(),
            strings: Vec::new(),
            test,
        }
    }

    /// Keeps the rows whose resource or own attributes pass.
    fn keep<B: AsRef<[u8]>>(
        &mut self,
        block: &SpanBlock<B>,
        dictionary: &SpanDictionary,
        rows: &mut Vec<u32>,
    ) -> Result<(), ColumnsError> {
        let mut passed = vec![false; block.len()];
        if self.resources.contains(&true) {
            let resources = block.resources(dictionary)?;
            for (passed, resource) in passed.iter_mut().zip(&resources) {
                *passed = passes(&self.resources, Some(resource));
            }
        }
        if !self.columns.is_empty() {
            let shapes = block.shapes(dictionary)?;
            for column in self.columns.clone() {
                self.mark(block, dictionary, column, &shapes, &mut passed)?;
            }
        }
        rows.retain(|row| passed.get(*row as usize).copied().unwrap_or(false));
        Ok(())
    }

    /// Marks the rows that pass by one column.
    fn mark<B: AsRef<[u8]>>(
        &mut self,
        block: &SpanBlock<B>,
        dictionary: &SpanDictionary,
        column: u32,
        shapes: &[u32],
        passed: &mut [bool],
    ) -> Result<(), ColumnsError> {
        let has_it: Vec<bool> = dictionary.shapes.iter().map(|shape| shape.contains(&column)).collect();
        let own = |(_, shape): &(usize, &u32)| has_it.get(**shape as usize).copied().unwrap_or(false);
        let places: Vec<usize> = shapes.iter().enumerate().filter(own).map(|(row, _)| row).collect();
        if places.is_empty() {
            return Ok(());
        }
        let runs: Vec<u32> = places.iter().filter_map(|row| block.runs.get(*row).copied()).collect();
        let cells = Cells::read(&block.container, dictionary, column, Owner::Span, &runs)?;
        for (index, row) in places.into_iter().enumerate() {
            if let Some(passed) = passed.get_mut(row).filter(|passed| !**passed) {
                *passed = self.cell_passes(&cells, index, dictionary);
            }
        }
        Ok(())
    }

    fn cell_passes(&mut self, cells: &Cells, index: usize, dictionary: &SpanDictionary) -> bool {
        // The form says whether a string of the dictionary is text or a number; only text is remembered.
        let Cells::Text(column) = cells else { return any_element(self.test, &cells.value(index, dictionary)) };
        let Code::Known(place) = column.code(index) else {
            return any_element(self.test, &cells.value(index, dictionary));
        };
        if self.strings.is_empty() {
            self.strings = vec![None; dictionary.strings.len()];
        }
        let known = self.strings.get(place as usize).copied().flatten();
        known.unwrap_or_else(|| {
            let passes = any_element(self.test, &cells.value(index, dictionary));
            if let Some(slot) = self.strings.get_mut(place as usize) {
                *slot = Some(passes);
            }
            passes
        })
    }
}

fn any_element(test: &AttributeTest, value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| test.test.matches(item)),
        value => test.test.matches(value),
    }
}

fn passes(passing: &[bool], number: Option<&u32>) -> bool {
    number.and_then(|number| passing.get(*number as usize)).copied().unwrap_or(false)
}
