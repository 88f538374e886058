//! Counting the values of fields among some rows.

use super::block::LogBlock;
use super::leaves::{Kind, Leaf};
use super::shapes::Column;
use crate::dictionary::TextColumn;
use crate::error::ColumnsError;
use crate::rows::RowSet;
use clew_model::logs::LogRecord;
use clew_model::{Resource, Scope, Value};
use hashbrown::HashMap;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Values of one field among the counted rows of a block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldCount {
    /// The field's name.
    pub name: String,
    /// Rows that have it.
    pub records: u64,
    /// Each value's text and the rows that have it, in no order.
    pub values: Vec<(String, u64)>,
}

impl LogBlock {
    /// The values of every field among `rows`: attributes under their dotted paths (`resource.` and `scope.` before
    /// those of the resource and scope), and the well-known fields `level`, `service`, `trace_id` and `span_id`. A row
    /// counts once for a value, however often it holds it.
    ///
    /// # Errors
    /// A column is damaged.
    pub fn count_fields(&self, rows: &RowSet) -> Result<Vec<FieldCount>, ColumnsError> {
        let mut names: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        let mut tables: BTreeMap<String, Pairs> = BTreeMap::new();
        let columns = &self.shapes()?.columns;
        for (index, column) in columns.iter().enumerate() {
            if matches!(column.kind, Kind::Opaque) {
                self.inner_pairs(index, column, rows, &mut tables)?;
            } else {
                names.entry(&column.path).or_default().push(index);
            }
        }
        self.shared_pairs(rows, &mut tables)?;
        self.well_known_pairs(rows, &mut tables)?;
        let mut counts = Vec::new();
        for (name, indexes) in names {
            match (indexes.as_slice(), tables.contains_key(name)) {
                ([index], false) => counts.push(self.count_column(name, *index, rows)?),
                _ => {
                    let pairs = tables.entry(name.to_owned()).or_default();
                    for index in indexes {
                        self.leaf_pairs(index, rows, pairs)?;
                    }
                }
            }
        }
        counts.extend(tables.into_iter().map(|(name, pairs)| pairs.count(name)));
        counts.retain(|count| count.records > 0);
        Ok(counts)
    }

    /// The values of one field, by the rules of names, among `rows`.
    ///
    /// # Errors
    /// A column is damaged.
    pub fn count_values(&self, name: &str, rows: &RowSet) -> Result<FieldCount, ColumnsError> {
        let columns = &self.shapes()?.columns;
        let named: Vec<usize> =
            columns.iter().enumerate().filter(|(_, column)| column.is_named(name)).map(|(index, _)| index).collect();
        let elsewhere = clew_model::logs::well_known(name).is_some()
            || columns.iter().any(|column| matches!(column.kind, Kind::Opaque))
            || self.shared_has(name)?;
        match named.as_slice() {
            [index] if !elsewhere => self.count_column(name, *index, rows),
            [] if !elsewhere => Ok(FieldCount { name: name.to_owned(), ..FieldCount::default() }),
            _ => {
                let mut pairs = Pairs::default();
                for (row, log) in rows.iter().zip(self.decode(rows)?) {
                    log.record.any_field(name, &mut |value| {
                        pairs.add(row, &value.display_text());
                        false
                    });
                }
                Ok(pairs.count(name.to_owned()))
            }
        }
    }

    fn shared_has(&self, name: &str) -> Result<bool, ColumnsError> {
        let full = format!("resource.{}", name.strip_prefix("resource.").unwrap_or(name));
        let resources = self.resources()?.entries.iter().cloned();
        let resources = resources.map(|resource| LogRecord { resource, ..LogRecord::default() });
        let scopes = self.scopes()?.entries.iter().cloned();
        let mut scopes = scopes.map(|scope| LogRecord { scope, ..LogRecord::default() });
        let is_scope = name.starts_with("scope.");
        Ok(resources.into_iter().any(|record| record.any_field(&full, &mut |_| true))
            || (is_scope && scopes.any(|record| record.any_field(name, &mut |_| true))))
    }

    /// A column that is alone under its name.
    fn count_column(&self, name: &str, index: usize, rows: &RowSet) -> Result<FieldCount, ColumnsError> {
        let leaf = self.leaf(index)?;
        if let Leaf::Text(TextColumn::Dictionary { entries, ids }) = leaf {
            // Counted by number; the row last counted tells a repetition.
            let mut counts = vec![(0u64, usize::MAX); entries.len()];
            let (mut records, mut last) = (0, usize::MAX);
            self.shapes()?.for_each_value(index, |row, place| {
                let count = ids.get(place).and_then(|id| counts.get_mut(*id as usize));
                if let (true, Some((count, seen))) = (rows.contains(row), count) {
                    *count += u64::from(*seen != row);
                    *seen = row;
                    records += u64::from(last != row);
                    last = row;
                }
            });
            let values = entries.iter().zip(counts).filter(|(_, (count, _))| *count > 0);
            let values = values.map(|(text, (count, _))| (text.to_owned(), count)).collect();
            return Ok(FieldCount { name: name.to_owned(), records, values });
        }
        let mut pairs = Pairs::default();
        self.leaf_pairs(index, rows, &mut pairs)?;
        Ok(pairs.count(name.to_owned()))
    }

    fn leaf_pairs(&self, index: usize, rows: &RowSet, pairs: &mut Pairs) -> Result<(), ColumnsError> {
        let leaf = self.leaf(index)?;
        self.shapes()?.for_each_value(index, |row, place| {
            if rows.contains(row) {
                match leaf {
                    Leaf::Text(texts) | Leaf::Number(texts) => pairs.add(row, texts.get(place)),
                    other => pairs.add(row, &other.value(place).display_text()),
                }
            }
        });
        Ok(())
    }

    /// The scalars inside arrays.
    fn inner_pairs(
        &self,
        index: usize,
        column: &Column,
        rows: &RowSet,
        tables: &mut BTreeMap<String, Pairs>,
    ) -> Result<(), ColumnsError> {
        let Leaf::Opaque(values) = self.leaf(index)? else { return Ok(()) };
        let scalars: Vec<Vec<(String, String)>> = values.entries.iter().map(|value| inside(column, value)).collect();
        self.shapes()?.for_each_value(index, |row, place| {
            let entry = values.ids.get(place).and_then(|id| scalars.get(*id as usize));
            if rows.contains(row) {
                for (path, text) in entry.into_iter().flatten() {
                    tables.entry(path.clone()).or_default().add(row, text);
                }
            }
        });
        Ok(())
    }

    fn shared_pairs(&self, rows: &RowSet, tables: &mut BTreeMap<String, Pairs>) -> Result<(), ColumnsError> {
        let scalars = |record: LogRecord| {
            let mut scalars = Vec::new();
            record.visit_attributes(&mut |path, value| {
                scalars.push((path.to_owned(), value.display_text().into_owned()));
            });
            scalars
        };
        let resources = self.resources()?;
        let of = |resource: &Arc<Resource>| LogRecord { resource: Arc::clone(resource), ..LogRecord::default() };
        let by_resource: Vec<_> = resources.entries.iter().map(|resource| scalars(of(resource))).collect();
        let scopes = self.scopes()?;
        let of = |scope: &Arc<Scope>| LogRecord { scope: Arc::clone(scope), ..LogRecord::default() };
        let by_scope: Vec<_> = scopes.entries.iter().map(|scope| scalars(of(scope))).collect();
        for row in rows.iter() {
            let entry = |ids: &[u32]| ids.get(row).map_or(usize::MAX, |id| *id as usize);
            let resource = by_resource.get(entry(&resources.ids)).into_iter().flatten();
            let scope = by_scope.get(entry(&scopes.ids)).into_iter().flatten();
            for (path, text) in resource.chain(scope) {
                tables.entry_mut(path).add(row, text);
            }
        }
        Ok(())
    }

    fn well_known_pairs(&self, rows: &RowSet, tables: &mut BTreeMap<String, Pairs>) -> Result<(), ColumnsError> {
        let (texts, services) = (self.severity_texts()?, self.services()?);
        let (traces, spans) = (self.traces()?, self.spans()?);
        let numbers = self.severity_numbers()?;
        for row in rows.iter() {
            let number = numbers.get(row).map_or(0, |number| *number as i64);
            let level = match texts.get(row) {
                "" => clew_model::logs::Severity::from_number(number).range_name(),
                text => text,
            };
            for (name, text) in [("level", level), ("service", services.get(row))] {
                if !text.is_empty() {
                    tables.entry_mut(name).add(row, text);
                }
            }
            if let Some(id) = traces.get(row) {
                tables.entry_mut("trace_id").add(row, &clew_model::TraceId(id).to_string());
            }
            if let Some(id) = spans.get(row) {
                tables.entry_mut("span_id").add(row, &clew_model::SpanId(id).to_string());
            }
        }
        Ok(())
    }
}

/// Makes an entry without copying the name of one that is there.
trait EntryMut {
    fn entry_mut(&mut self, name: &str) -> &mut Pairs;
}

impl EntryMut for BTreeMap<String, Pairs> {
    fn entry_mut(&mut self, name: &str) -> &mut Pairs {
        if !self.contains_key(name) {
            self.insert(name.to_owned(), Pairs::default());
        }
        self.entry(name.to_owned()).or_default()
    }
}

fn inside(column: &Column, value: &Value) -> Vec<(String, String)> {
    let attributes = vec![clew_model::Attribute::new(column.path.as_str(), value.clone())];
    let record = LogRecord { attributes, ..LogRecord::default() };
    let mut scalars = Vec::new();
    record.visit_attributes(&mut |path, value| {
        scalars.push((path.to_owned(), value.scalar_text().map(Cow::into_owned).unwrap_or_default()));
    });
    scalars
}

/// Which rows have which values; a pair given twice counts once.
#[derive(Debug, Default)]
struct Pairs {
    values: HashMap<String, RowsOf>,
    rows: Vec<usize>,
}

#[derive(Debug, Default)]
struct RowsOf {
    rows: Vec<usize>,
}

impl Pairs {
    fn add(&mut self, row: usize, value: &str) {
        self.values.entry_ref(value).or_default().rows.push(row);
        self.rows.push(row);
    }

    fn count(self, name: String) -> FieldCount {
        let values = self.values.into_iter().map(|(value, of)| (value, distinct(of.rows))).collect();
        FieldCount { name, records: distinct(self.rows), values }
    }
}

fn distinct(mut rows: Vec<usize>) -> u64 {
    rows.sort_unstable();
    rows.dedup();
    rows.len() as u64
}
