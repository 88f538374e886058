//! The fields of a block's rows as dictionaries and codes: attributes, those of resources and scopes, well-known ones.

use super::block::{LogBlock, Shared};
use super::bodies::{BODY, BodyField, fields_of_bodies};
use super::coded::{Texted, by_entry, counted_levels, leaf_values, merged, service_values, severity_values};
use super::leaves::{Kind, Leaf};
use super::shapes::Column;
use super::value_counts::{CountedField, CountedValues, RESOURCE, SCOPE, ValueCounts};
use crate::dictionary::TextColumn;
use crate::error::ColumnsError;
use crate::limits::{MAX_BLOCK_COUNTED_VALUES, MAX_COUNTED_SPREAD, MIN_DICTIONARY_ENTRIES};
use clew_model::logs::{
    FieldValue, FieldValues, LISTED_WELL_KNOWN, LogField, LogRecord, WellKnown, says_levels, well_known,
};
use clew_model::{ReadError, Resource, RowSet, Scope, Value};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where values of a field stand.
#[derive(Debug, Clone, Copy)]
enum Source<'n> {
    /// A leaf column.
    Leaf(usize),
    /// Inside the arrays of a column, under this path.
    Inside(usize, &'n str),
    /// An attribute of the resource, or of the scope, under this path.
    Resource(&'n str),
    Scope(&'n str),
    /// In a body that is a map or list, under this path.
    Body(&'n str),
    WellKnown(WellKnown),
}

/// Paths and texts of all scalars of an item.
type Scalars = Vec<(String, String)>;

/// A field of a block.
struct BlockField<'b> {
    block: &'b LogBlock,
    rows: &'b RowSet,
    name: &'b str,
    sources: &'b [Source<'b>],
    scalars: &'b AllScalars,
}

/// The scalars of everything that is not a plain column.
#[derive(Default)]
struct AllScalars {
    /// By column, by entry.
    arrays: BTreeMap<usize, Vec<Scalars>>,
    resources: Vec<Scalars>,
    scopes: Vec<Scalars>,
    /// Those of bodies, by path.
    bodies: BTreeMap<String, BodyField>,
}

impl LogBlock {
    /// Calls `visit` with every field that one of `rows` has: attributes under their dotted paths (`resource.` and
    /// `scope.` before those of the resource and scope), and the well-known fields `level`, `service`, `trace_id` and
    /// `span_id`. The columns of `wanted` ones are decoded before the first visit.
    ///
    /// # Errors
    /// A column is damaged; what `visit` answers.
    pub fn visit_fields(
        &self,
        rows: &RowSet,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&dyn LogField) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let counted = if rows.len() == self.rows() { self.value_counts()? } else { None };
        let Some(counted) = counted else {
            return self.visit_columns(rows, &self.scalars()?, &|_| true, wanted, visit);
        };
        let is_open = |field: &CountedField| field.values.is_none() && wanted(&field.name);
        let open: BTreeSet<&str> = counted.fields.iter().filter(|field| is_open(field)).map(|own| &*own.name).collect();
        if !open.is_empty() {
            let is_shared = |name: &&str| name.starts_with(RESOURCE) || name.starts_with(SCOPE);
            let scalars = match counted.has_arrays || open.iter().any(is_shared) {
                true => self.scalars()?,
                // What is left are plain columns and IDs.
                false => AllScalars::default(),
            };
            self.visit_columns(rows, &scalars, &|name| open.contains(name), &|_| true, visit)?;
        }
        counted.fields.iter().filter(|field| !open.contains(&*field.name)).try_for_each(|field| visit(field))
    }

    /// As [`LogBlock::visit_fields`], from the columns; of the fields that are `asked` alone.
    fn visit_columns(
        &self,
        rows: &RowSet,
        scalars: &AllScalars,
        asked: &dyn Fn(&str) -> bool,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&dyn LogField) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let mut sources = self.sources(scalars)?;
        sources.retain(|name, _| asked(name));
        for (_, sources) in sources.iter().filter(|(name, sources)| sources.len() > 1 || wanted(name)) {
            sources.iter().try_for_each(|source| self.decode_source(*source))?;
        }
        for (name, sources) in &sources {
            let field = BlockField { block: self, rows, name, sources, scalars };
            if field.records()? > 0 {
                visit(&field)?;
            }
        }
        Ok(())
    }

    /// Where the values of each field stand.
    fn sources<'s>(&'s self, scalars: &'s AllScalars) -> Result<BTreeMap<&'s str, Vec<Source<'s>>>, ColumnsError> {
        let mut sources: BTreeMap<&str, Vec<Source<'_>>> = BTreeMap::new();
        for (index, column) in self.shapes()?.columns.iter().enumerate() {
            if column.kind != Kind::Opaque {
                sources.entry(&column.path).or_default().push(Source::Leaf(index));
            }
        }
        for (index, entries) in &scalars.arrays {
            for path in paths(entries) {
                sources.entry(path).or_default().push(Source::Inside(*index, path));
            }
        }
        for path in scalars.bodies.keys() {
            sources.entry(path).or_default().push(Source::Body(path));
        }
        for path in paths(&scalars.resources) {
            sources.entry(path).or_default().push(Source::Resource(path));
        }
        for path in paths(&scalars.scopes) {
            sources.entry(path).or_default().push(Source::Scope(path));
        }
        for (name, field) in LISTED_WELL_KNOWN {
            sources.entry(name).or_default().push(Source::WellKnown(field));
        }
        Ok(sources)
    }

    /// Counts the fields and, where these are few, their values, for a question that wants nothing else.
    pub(super) fn count_fields(&self) -> Result<ValueCounts, ColumnsError> {
        let scalars = self.scalars()?;
        let rows = RowSet::all(self.rows());
        let has_arrays = !scalars.arrays.is_empty() || !scalars.bodies.is_empty();
        let mut counts = ValueCounts { has_arrays, fields: Vec::new() };
        for (name, sources) in &self.sources(&scalars)? {
            let field = BlockField { block: self, rows: &rows, name, sources, scalars: &scalars };
            let records = field.count_records()?;
            if records > 0 {
                let values = field.few_values()?;
                let (alias, is_everywhere) = self.alias(sources)?;
                // A short name that means the field in one place and not in another is left to the columns.
                let values = values.filter(|_| is_everywhere);
                counts.fields.push(CountedField { name: (*name).to_owned(), records, alias, values });
            }
        }
        Ok(counts)
    }

    /// How many bytes of a field's name may be left out, and whether that is so wherever it stands.
    fn alias(&self, sources: &[Source<'_>]) -> Result<(usize, bool), ColumnsError> {
        let shapes = self.shapes()?;
        let aliases = sources.iter().map(|source| match source {
            Source::Leaf(index) => shapes.columns.get(*index).and_then(|column| column.inside_container).unwrap_or(0),
            Source::Resource(_) => RESOURCE.len(),
            Source::Body(path) if path.starts_with(BODY) => BODY.len(),
            Source::Inside(..) | Source::Scope(_) | Source::Body(_) | Source::WellKnown(_) => 0,
        });
        let (least, most) = aliases.fold((usize::MAX, 0), |(least, most), own| (own.min(least), own.max(most)));
        Ok((most, least == most))
    }

    /// Calls `each` with the values of one field, by the rules of names, in `rows`, and how many rows have each; a value
    /// may come in several calls. Answers how many rows have the field.
    ///
    /// # Errors
    /// A column is damaged.
    pub fn field_counts(
        &self,
        name: &str,
        rows: &RowSet,
        each: &mut dyn FnMut(FieldValue<'_>, u64),
    ) -> Result<u64, ColumnsError> {
        let counted = if rows.len() == self.rows() { self.value_counts()? } else { None };
        match counted.and_then(|counted| counted.only(name)) {
            Some(Some(field)) => {
                field.values.iter().flat_map(CountedValues::iter).for_each(|(text, n)| each(FieldValue::Text(text), n));
                Ok(field.records)
            }
            Some(None) => Ok(0),
            None => Ok(self.field_values(name, rows)?.visit_counts(rows, each)),
        }
    }

    /// The values of one field, by the rules of names, in `rows`.
    ///
    /// # Errors
    /// A column is damaged.
    fn field_values(&self, name: &str, rows: &RowSet) -> Result<FieldValues<'_>, ColumnsError> {
        let columns = &self.shapes()?.columns;
        let known = well_known(name);
        let undecided = matches!(known, Some(WellKnown::Message | WellKnown::Time));
        if undecided || columns.iter().any(|column| column.may_hold(name)) {
            return self.decoded_values(name, rows);
        }
        let mut values = Vec::new();
        for (index, _) in columns.iter().enumerate().filter(|(_, column)| column.is_named(name)) {
            values.push(leaf_values(self.leaf(index)?, index, self.shapes()?, rows));
        }
        values.extend(self.named_body_values(name, rows)?);
        let full = format!("resource.{}", name.strip_prefix("resource.").unwrap_or(name));
        let resources = self.resources()?;
        values.extend(shared_values(resources, rows, &|resource| named_texts(&of_resource(resource), &full)));
        if name.starts_with("scope.") {
            values.extend(shared_values(self.scopes()?, rows, &|scope| named_texts(&of_scope(scope), name)));
        }
        if let Some(field) = known {
            values.push(self.well_known_values(field)?);
        }
        let values = merged(self.rows(), rows, values);
        Ok(if says_levels(name) { counted_levels(&values) } else { values })
    }

    /// By the definition itself, on decoded rows.
    fn decoded_values(&self, name: &str, rows: &RowSet) -> Result<FieldValues<'static>, ColumnsError> {
        let mut texted = Texted::default();
        for (row, log) in rows.iter().zip(self.decode(rows)?) {
            log.record.visit_counted(name, &mut |text| texted.add(row, text));
        }
        Ok(texted.into_values())
    }

    fn decode_source(&self, source: Source<'_>) -> Result<(), ColumnsError> {
        match source {
            Source::Leaf(index) => self.leaf(index).map(drop),
            Source::WellKnown(field) => self.well_known_values(field).map(drop),
            // Decoded to find their paths.
            Source::Inside(..) | Source::Resource(_) | Source::Scope(_) | Source::Body(_) => Ok(()),
        }
    }

    fn well_known_values(&self, field: WellKnown) -> Result<FieldValues<'_>, ColumnsError> {
        Ok(match field {
            WellKnown::Severity => severity_values(self.severity_numbers()?, self.severity_texts()?),
            WellKnown::Service => service_values(self.services()?),
            WellKnown::TraceId => self.traces()?.values(),
            WellKnown::SpanId => self.spans()?.values(),
            // Found by the definition.
            WellKnown::Message | WellKnown::Time => Texted::default().into_values(),
        })
    }

    fn scalars(&self) -> Result<AllScalars, ColumnsError> {
        let mut all = AllScalars::default();
        for (index, column) in self.shapes()?.columns.iter().enumerate() {
            if let Kind::Opaque = column.kind
                && let Leaf::Opaque(values) = self.leaf(index)?
            {
                all.arrays.insert(index, values.entries.iter().map(|value| inside(column, value)).collect());
            }
        }
        all.bodies = fields_of_bodies(self.structured_bodies()?);
        all.resources = self.resources()?.entries.iter().map(|resource| scalars(&of_resource(resource))).collect();
        all.scopes = self.scopes()?.entries.iter().map(|scope| scalars(&of_scope(scope))).collect();
        Ok(all)
    }
}

impl<'b> BlockField<'b> {
    fn values_of(&self, source: Source<'_>) -> Result<Option<FieldValues<'b>>, ColumnsError> {
        let block = self.block;
        let under = |entries: &[Scalars], path: &str| -> Vec<Vec<String>> {
            let is_it = |(own, text): &(String, String)| (own == path).then(|| text.clone());
            entries.iter().map(|scalars| scalars.iter().filter_map(is_it).collect()).collect()
        };
        Ok(match source {
            Source::Leaf(index) => Some(leaf_values(block.leaf(index)?, index, block.shapes()?, self.rows)),
            Source::Inside(index, path) => {
                let Leaf::Opaque(values) = block.leaf(index)? else { return Ok(None) };
                let texts = under(self.scalars.arrays.get(&index).map_or(&[][..], Vec::as_slice), path);
                let mut texted = Texted::default();
                block.shapes()?.for_each_value(index, |row, place| {
                    let entry = values.ids.get(place).and_then(|id| texts.get(*id as usize));
                    if self.rows.contains(row) {
                        entry.into_iter().flatten().for_each(|text| texted.add(row, text));
                    }
                });
                Some(texted.into_values())
            }
            Source::Resource(path) => {
                by_entry(&block.resources()?.ids, self.rows, &under(&self.scalars.resources, path))
            }
            Source::Scope(path) => by_entry(&block.scopes()?.ids, self.rows, &under(&self.scalars.scopes, path)),
            Source::Body(path) => match self.scalars.bodies.get(path) {
                Some(field) => Some(block.body_values(self.rows, field)?),
                None => None,
            },
            Source::WellKnown(field) => Some(block.well_known_values(field)?),
        })
    }
}

impl BlockField<'_> {
    fn count_records(&self) -> Result<u64, ColumnsError> {
        let block = self.block;
        match self.sources {
            // Some of the values may not be counted.
            _ if says_levels(self.name) => Ok(self.values()?.count(self.rows).0),
            [Source::Leaf(index)] => Ok(block.shapes()?.rows_with(*index, self.rows)),
            [Source::WellKnown(WellKnown::TraceId)] => Ok(block.traces()?.rows_with(self.rows)),
            [Source::WellKnown(WellKnown::SpanId)] => Ok(block.spans()?.rows_with(self.rows)),
            _ => Ok(self.values()?.count(self.rows).0),
        }
    }

    fn values(&self) -> Result<FieldValues<'_>, ColumnsError> {
        let mut values = Vec::with_capacity(self.sources.len());
        for source in self.sources {
            values.extend(self.values_of(*source)?);
        }
        let values = merged(self.block.rows(), self.rows, values);
        Ok(if says_levels(self.name) { counted_levels(&values) } else { values })
    }

    /// All values and how many rows have each, where they are few.
    fn few_values(&self) -> Result<Option<CountedValues>, ColumnsError> {
        for source in self.sources {
            if !self.has_few(*source)? {
                return Ok(None);
            }
        }
        let mut counted = CountedValues::default();
        let mut add = |value: FieldValue<'_>, records: u64| {
            if let FieldValue::Text(text) = value {
                counted.push(text, records);
            }
        };
        let records = self.values()?.visit_counts(self.rows, &mut add) as usize;
        let most = (records / 2).clamp(MIN_DICTIONARY_ENTRIES, MAX_BLOCK_COUNTED_VALUES);
        Ok((counted.len() <= most).then_some(counted))
    }

    /// Whether it looks as if the values were few.
    fn has_few(&self, source: Source<'_>) -> Result<bool, ColumnsError> {
        let few = |count: usize| count <= MAX_BLOCK_COUNTED_VALUES;
        let few_texts = |column: &TextColumn| match column {
            TextColumn::Dictionary { entries, .. } => few(entries.len()),
            TextColumn::Plain(texts) => few(texts.len()),
        };
        let block = self.block;
        Ok(match source {
            Source::Leaf(index) => match block.leaf(index)? {
                Leaf::Null | Leaf::Bool(_) => true,
                Leaf::Int(numbers) => {
                    let ends = numbers.iter().min().zip(numbers.iter().max());
                    ends.is_none_or(|(low, high)| high.abs_diff(*low) <= MAX_COUNTED_SPREAD)
                }
                Leaf::Double(numbers) => few(numbers.len()),
                Leaf::Number(column) | Leaf::Text(column) => few_texts(column),
                Leaf::Opaque(values) => few(values.entries.len()),
            },
            Source::Inside(index, _) => self.scalars.arrays.get(&index).is_none_or(|entries| few(entries.len())),
            Source::Body(path) => self.scalars.bodies.get(path).is_none_or(|field| few(field.texts.len())),
            Source::Resource(_) => few(block.resources()?.entries.len()),
            Source::Scope(_) => few(block.scopes()?.entries.len()),
            Source::WellKnown(WellKnown::Severity) => few_texts(block.severity_texts()?),
            Source::WellKnown(WellKnown::Service) => few_texts(block.services()?),
            Source::WellKnown(_) => false,
        })
    }
}

impl LogField for BlockField<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn records(&self) -> Result<u64, ReadError> {
        Ok(self.count_records()?)
    }

    fn counts(&self, each: &mut dyn FnMut(FieldValue<'_>, u64)) -> Result<(), ReadError> {
        if let [Source::Leaf(index)] = self.sources
            && let Leaf::Int(numbers) = self.block.leaf(*index)?
            && self.block.shapes()?.is_single(*index)
            && !says_levels(self.name)
        {
            if self.rows.len() == self.block.rows() {
                numbers.iter().for_each(|number| each(FieldValue::Int(*number), 1));
                return Ok(());
            }
            let mut visit = |row: usize, place: usize| {
                if let Some(number) = numbers.get(place).filter(|_| self.rows.contains(row)) {
                    each(FieldValue::Int(*number), 1);
                }
            };
            self.block.shapes()?.for_each_value(*index, &mut visit);
            return Ok(());
        }
        self.values()?.visit_counts(self.rows, each);
        Ok(())
    }
}

/// A record that has the resource alone.
pub(super) fn of_resource(resource: &Arc<Resource>) -> LogRecord {
    LogRecord { resource: Arc::clone(resource), ..LogRecord::default() }
}

/// A record that has the scope alone.
pub(super) fn of_scope(scope: &Arc<Scope>) -> LogRecord {
    LogRecord { scope: Arc::clone(scope), ..LogRecord::default() }
}

/// The values of the items that rows share; `None` where no item has one.
fn shared_values<T>(
    shared: &Shared<T>,
    rows: &RowSet,
    texts: &dyn Fn(&Arc<T>) -> Vec<String>,
) -> Option<FieldValues<'static>> {
    let texts: Vec<Vec<String>> = shared.entries.iter().map(texts).collect();
    by_entry(&shared.ids, rows, &texts)
}

fn named_texts(record: &LogRecord, name: &str) -> Vec<String> {
    let mut texts = Vec::new();
    record.any_field(name, &mut |value| {
        texts.push(value.display_text().into_owned());
        false
    });
    texts
}

fn scalars(record: &LogRecord) -> Scalars {
    let mut scalars = Vec::new();
    record.visit_attributes(&mut |path, value| {
        scalars.push((path.to_owned(), value.scalar_text().map(Cow::into_owned).unwrap_or_default()));
    });
    scalars
}

fn inside(column: &Column, value: &Value) -> Scalars {
    let attributes = vec![clew_model::Attribute::new(column.path.as_str(), value.clone())];
    scalars(&LogRecord { attributes, ..LogRecord::default() })
}

fn paths(entries: &[Scalars]) -> BTreeSet<&str> {
    entries.iter().flatten().map(|(path, _)| path.as_str()).collect()
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
