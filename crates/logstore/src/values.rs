//! Which fields occur, and which values they have.

use crate::error::LogStoreError;
use crate::limits::{MAX_COUNTED_VALUES, MAX_LISTED_FIELDS};
use crate::store::LogStore;
use crate::walk::{Visitor, Warnings, rows_in, walk};
use clew_columns::logs::{Evaluator, LogBlock, needs};
use clew_model::logs::{FieldSummary, FieldTest, LogFieldValues, LogFields, LogFilter, Order, ValueCount};
use clew_model::{Context, Reservation, TimeRange, UnixNanos};
use hashbrown::HashMap;

/// Bytes that a counted value takes beside its text, an estimate.
const VALUE_BYTES: usize = 64;

pub(crate) fn fields(
    store: &LogStore,
    context: &Context,
    filter: &LogFilter,
    range: TimeRange,
    top: usize,
) -> Result<LogFields, LogStoreError> {
    let snapshot = store.snapshot(&context.tenant, range);
    let common = Common::new(context, filter, snapshot.range);
    let mut all = AllFields { common, fields: HashMap::new() };
    let mut warnings = Warnings::default();
    walk(&snapshot, context, Order::Descending, &needs(filter), &mut warnings, &mut all)?;
    let mut summaries: Vec<FieldSummary> =
        all.fields.into_iter().map(|(name, values)| values.summary(name, top)).collect();
    summaries.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.name.cmp(&b.name)));
    summaries.truncate(MAX_LISTED_FIELDS);
    Ok(LogFields { fields: summaries, warnings: warnings.list })
}

pub(crate) fn field_values(
    store: &LogStore,
    context: &Context,
    name: &str,
    filter: &LogFilter,
    range: TimeRange,
    limit: usize,
) -> Result<LogFieldValues, LogStoreError> {
    let exists = LogFilter::Field { name: name.to_owned(), test: FieldTest::Exists };
    let wanted = LogFilter::And(vec![filter.clone(), exists]);
    let snapshot = store.snapshot(&context.tenant, range);
    let common = Common::new(context, filter, snapshot.range);
    let mut one = OneField { common, name, values: Values::default() };
    let mut warnings = Warnings::default();
    walk(&snapshot, context, Order::Descending, &needs(&wanted), &mut warnings, &mut one)?;
    Ok(LogFieldValues { field: one.values.summary(name.to_owned(), limit), warnings: warnings.list })
}

struct Common<'a> {
    context: &'a Context,
    /// `None` when every record passes.
    filter: Option<Evaluator<'a>>,
    range: TimeRange,
    memory: Vec<Reservation>,
}

impl<'a> Common<'a> {
    fn new(context: &'a Context, filter: &'a LogFilter, range: TimeRange) -> Self {
        let filter = (*filter != LogFilter::All).then(|| Evaluator::new(filter));
        Self { context, filter, range, memory: Vec::new() }
    }

    fn passing(&self, block: &LogBlock) -> Result<clew_columns::RowSet, LogStoreError> {
        let mut passing = rows_in(block, &self.range)?;
        if let Some(filter) = self.filter.as_ref().filter(|_| !passing.is_empty()) {
            passing.intersect(&filter.evaluate(block)?);
        }
        Ok(passing)
    }

    fn reserve(&mut self, bytes: usize) -> Result<(), LogStoreError> {
        if bytes > 0 {
            self.memory.push(self.context.memory.reserve(bytes as u64)?);
        }
        Ok(())
    }
}

/// Values of a field and how many records have each.
#[derive(Debug, Default)]
struct Values {
    records: u64,
    counts: HashMap<String, u64>,
    overflowed: bool,
}

impl Values {
    /// Adds records that have the value; answers the bytes that took.
    fn add(&mut self, value: &str, records: u64) -> usize {
        if let Some(count) = self.counts.get_mut(value) {
            *count += records;
            return 0;
        }
        if self.counts.len() >= MAX_COUNTED_VALUES {
            self.overflowed = true;
            return 0;
        }
        self.counts.insert(value.to_owned(), records);
        value.len() + VALUE_BYTES
    }

    fn summary(self, name: String, top: usize) -> FieldSummary {
        let distinct = (!self.overflowed).then_some(self.counts.len() as u64);
        let mut values: Vec<ValueCount> =
            self.counts.into_iter().map(|(value, records)| ValueCount { value, records }).collect();
        values.sort_by(|a, b| b.records.cmp(&a.records).then_with(|| a.value.cmp(&b.value)));
        values.truncate(top);
        FieldSummary { name, records: self.records, distinct, top: values }
    }
}

struct AllFields<'a> {
    common: Common<'a>,
    fields: HashMap<String, Values>,
}

impl Visitor for AllFields<'_> {
    fn wants(&self, _: UnixNanos) -> bool {
        true
    }

    fn visit(&mut self, block: &LogBlock) -> Result<(), LogStoreError> {
        let passing = self.common.passing(block)?;
        if passing.is_empty() {
            return Ok(());
        }
        let counts = block.count_fields(&passing)?;
        let mut bytes = 0;
        for field in &counts {
            let known = self.fields.len();
            let values = self.fields.entry_ref(field.name.as_str()).or_default();
            values.records += field.records;
            bytes += field.values.iter().map(|(value, records)| values.add(value, *records)).sum::<usize>();
            bytes += if self.fields.len() > known { field.name.len() + VALUE_BYTES } else { 0 };
        }
        self.common.reserve(bytes)
    }
}

struct OneField<'a> {
    common: Common<'a>,
    name: &'a str,
    values: Values,
}

impl Visitor for OneField<'_> {
    fn wants(&self, _: UnixNanos) -> bool {
        true
    }

    fn visit(&mut self, block: &LogBlock) -> Result<(), LogStoreError> {
        let passing = self.common.passing(block)?;
        if passing.is_empty() {
            return Ok(());
        }
        let counts = block.count_values(self.name, &passing)?;
        self.values.records += counts.records;
        let bytes = counts.values.iter().map(|(value, records)| self.values.add(value, *records)).sum();
        self.common.reserve(bytes)
    }
}
