//! Counting the values of fields among some rows.

use super::block::LogBlock;
use super::leaves::{Kind, Leaf};
use super::shapes::Column;
use crate::dictionary::{Interner, TextColumn};
use crate::error::ColumnsError;
use crate::rows::RowSet;
use crate::strings::push_hex;
use clew_model::logs::{LogRecord, Severity, WellKnown, well_known};
use clew_model::{Resource, Scope, Value};
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
        self.well_known_tables(rows, &mut tables)?;
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
        let named = columns.iter().enumerate().filter(|(_, column)| column.is_named(name)).map(|(index, _)| index);
        let named: Vec<usize> = named.collect();
        if columns.iter().any(|column| column.may_hold(name)) {
            return self.count_decoded(name, rows);
        }
        let known = well_known(name);
        let shared = self.shared_has(name)?;
        if let ([index], None, false) = (named.as_slice(), known, shared) {
            return self.count_column(name, *index, rows);
        }
        let mut pairs = Pairs::default();
        for index in named {
            self.leaf_pairs(index, rows, &mut pairs)?;
        }
        if shared {
            self.shared_values(name, rows, &mut pairs)?;
        }
        match known {
            Some(WellKnown::Message | WellKnown::Time) => return self.count_decoded(name, rows),
            Some(field) => self.well_known_pairs(field, rows, &mut pairs)?,
            None => {}
        }
        Ok(pairs.count(name.to_owned()))
    }

    /// By the definition itself, on decoded rows.
    fn count_decoded(&self, name: &str, rows: &RowSet) -> Result<FieldCount, ColumnsError> {
        let mut pairs = Pairs::default();
        for (row, log) in rows.iter().zip(self.decode(rows)?) {
            log.record.any_field(name, &mut |value| {
                pairs.add(row, &value.display_text());
                false
            });
        }
        Ok(pairs.count(name.to_owned()))
    }

    /// Values of the resource and scope under a name.
    fn shared_values(&self, name: &str, rows: &RowSet, pairs: &mut Pairs) -> Result<(), ColumnsError> {
        let full = format!("resource.{}", name.strip_prefix("resource.").unwrap_or(name));
        let texts = |record: LogRecord, name: &str| {
            let mut texts = Vec::new();
            record.any_field(name, &mut |value| {
                texts.push(value.display_text().into_owned());
                false
            });
            texts
        };
        let resources = self.resources()?;
        let of = |resource: &Arc<Resource>| LogRecord { resource: Arc::clone(resource), ..LogRecord::default() };
        let by_resource = resources.entries.iter().map(|resource| texts(of(resource), &full)).collect();
        pairs.add_shared(rows, &resources.ids, by_resource);
        if name.starts_with("scope.") {
            let scopes = self.scopes()?;
            let of = |scope: &Arc<Scope>| LogRecord { scope: Arc::clone(scope), ..LogRecord::default() };
            let by_scope = scopes.entries.iter().map(|scope| texts(of(scope), name)).collect();
            pairs.add_shared(rows, &scopes.ids, by_scope);
        }
        Ok(())
    }

    fn shared_has(&self, name: &str) -> Result<bool, ColumnsError> {
        let full = format!("resource.{}", name.strip_prefix("resource.").unwrap_or(name));
        let resources = self.resources()?.entries.iter().cloned();
        let mut resources = resources.map(|resource| LogRecord { resource, ..LogRecord::default() });
        let scopes = self.scopes()?.entries.iter().cloned();
        let mut scopes = scopes.map(|scope| LogRecord { scope, ..LogRecord::default() });
        let is_scope = name.starts_with("scope.");
        Ok(resources.any(|record| record.any_field(&full, &mut |_| true))
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

    fn well_known_tables(&self, rows: &RowSet, tables: &mut BTreeMap<String, Pairs>) -> Result<(), ColumnsError> {
        let fields = [
            ("level", WellKnown::Severity),
            ("service", WellKnown::Service),
            ("trace_id", WellKnown::TraceId),
            ("span_id", WellKnown::SpanId),
        ];
        for (name, field) in fields {
            self.well_known_pairs(field, rows, tables.entry_mut(name))?;
        }
        Ok(())
    }

    fn well_known_pairs(&self, field: WellKnown, rows: &RowSet, pairs: &mut Pairs) -> Result<(), ColumnsError> {
        match field {
            WellKnown::Severity => {
                let numbers = self.severity_numbers()?;
                let texts = self.severity_texts()?;
                for row in rows.iter() {
                    let number = numbers.get(row).map_or(0, |number| *number as i64);
                    let level = match texts.get(row) {
                        "" => Severity::from_number(number).range_name(),
                        text => text,
                    };
                    if !level.is_empty() {
                        pairs.add(row, level);
                    }
                }
            }
            WellKnown::Service => {
                let services = self.services()?;
                rows.iter()
                    .filter(|row| !services.get(*row).is_empty())
                    .for_each(|row| pairs.add(row, services.get(row)));
            }
            WellKnown::TraceId => {
                let traces = self.traces()?;
                let mut text = String::new();
                for (row, id) in rows.iter().filter_map(|row| traces.get(row).map(|id| (row, id))) {
                    text.clear();
                    push_hex(&mut text, &id);
                    pairs.add(row, &text);
                }
            }
            WellKnown::SpanId => {
                let spans = self.spans()?;
                let mut text = String::new();
                for (row, id) in rows.iter().filter_map(|row| spans.get(row).map(|id| (row, id))) {
                    text.clear();
                    push_hex(&mut text, &id);
                    pairs.add(row, &text);
                }
            }
            WellKnown::Message | WellKnown::Time => {}
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

impl Column {
    /// Whether arrays in the column may hold fields of this name that are no elements of the array itself, or be named
    /// so themselves.
    fn may_hold(&self, name: &str) -> bool {
        let inside = |path: &str| name.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        matches!(self.kind, Kind::Opaque)
            && [Some(self.path.as_str()), self.short_path()].into_iter().flatten().any(inside)
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
    values: Interner,
    /// (value, row).
    pairs: Vec<(u32, u32)>,
}

impl Pairs {
    fn add(&mut self, row: usize, value: &str) {
        self.pairs.push((self.values.intern(value), row as u32));
    }

    /// The texts of the item that each row shares.
    fn add_shared(&mut self, rows: &RowSet, ids: &[u32], texts: Vec<Vec<String>>) {
        for row in rows.iter() {
            let texts = ids.get(row).and_then(|id| texts.get(*id as usize));
            texts.into_iter().flatten().for_each(|text| self.add(row, text));
        }
    }

    fn count(mut self, name: String) -> FieldCount {
        // In order of rows with one value each, as most fields are, no pair can come twice.
        let one_each = self.pairs.iter().zip(self.pairs.iter().skip(1)).all(|((_, a), (_, b))| a < b);
        let mut records = self.pairs.len() as u64;
        if !one_each {
            self.pairs.sort_unstable();
            self.pairs.dedup();
            let mut rows: Vec<u32> = self.pairs.iter().map(|(_, row)| *row).collect();
            rows.sort_unstable();
            rows.dedup();
            records = rows.len() as u64;
        }
        let mut counts = vec![0u64; self.values.len()];
        for (value, _) in &self.pairs {
            if let Some(count) = counts.get_mut(*value as usize) {
                *count += 1;
            }
        }
        let values = self.values.entries().iter().map(str::to_owned).zip(counts).collect();
        FieldCount { name, records, values }
    }
}
