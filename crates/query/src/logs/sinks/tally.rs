//! Values of a field and how many records have each.

use clew_model::logs::{FieldSummary, FieldValues, ValueCount};
use clew_model::{Context, ReadError, Reservation, RowSet};
use hashbrown::HashMap;

/// Bytes that a counted value takes beside its text, an estimate.
const VALUE_BYTES: usize = 64;

/// Counts of one field.
#[derive(Debug)]
pub(super) struct Tally {
    pub records: u64,
    counts: HashMap<Box<str>, u64>,
    /// Most values that are counted.
    most: usize,
    overflowed: bool,
    is_varied: bool,
    memory: Vec<Reservation>,
}

impl Tally {
    /// Counts up to so many values exactly; of the others only how many records have them.
    pub fn of(most: usize) -> Self {
        Self { records: 0, counts: HashMap::new(), most, overflowed: false, is_varied: false, memory: Vec::new() }
    }

    /// Whether there are more values than are counted and hardly one comes twice, as of an ID: then only the records are
    /// worth counting.
    pub fn is_varied(&self) -> bool {
        self.is_varied
    }

    /// Adds the values of the rows.
    ///
    /// # Errors
    /// The question may not hold more.
    pub fn add(&mut self, context: &Context, values: &FieldValues<'_>, rows: &RowSet) -> Result<(), ReadError> {
        let (records, counts) = values.count(rows);
        let distinct = counts.iter().filter(|count| **count > 0).count() as u64;
        self.is_varied = self.overflowed && distinct.saturating_mul(10) >= records.saturating_mul(9);
        let mut scratch = String::new();
        let mut bytes = 0;
        for (code, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            bytes += self.add_value(values.dictionary.text(code, &mut scratch), count);
        }
        self.records += records;
        self.reserve(context, bytes)
    }

    /// Adds what another worker counted.
    ///
    /// # Errors
    /// The question may not hold more.
    pub fn merge(&mut self, context: &Context, other: Tally) -> Result<(), ReadError> {
        if self.records == 0 && !self.overflowed {
            *self = other;
            return Ok(());
        }
        let bytes = other.counts.iter().map(|(value, count)| self.add_value(value, *count)).sum();
        self.records += other.records;
        self.overflowed |= other.overflowed;
        self.reserve(context, bytes)
    }

    /// Answers the bytes that took.
    fn add_value(&mut self, value: &str, records: u64) -> usize {
        if let Some(count) = self.counts.get_mut(value) {
            *count += records;
            return 0;
        }
        if self.counts.len() >= self.most {
            self.overflowed = true;
            return 0;
        }
        self.counts.insert(value.into(), records);
        value.len() + VALUE_BYTES
    }

    fn reserve(&mut self, context: &Context, bytes: usize) -> Result<(), ReadError> {
        if bytes > 0 {
            self.memory.push(context.memory.reserve(bytes as u64)?);
        }
        Ok(())
    }

    /// The most frequent values, equally frequent ones by their text.
    pub fn summary(self, name: String, top: usize) -> FieldSummary {
        let distinct = (!self.overflowed).then_some(self.counts.len() as u64);
        let mut values: Vec<(Box<str>, u64)> = self.counts.into_iter().collect();
        let first = |a: &(Box<str>, u64), b: &(Box<str>, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0));
        if top < values.len() {
            values.select_nth_unstable_by(top, first);
            values.truncate(top);
        }
        values.sort_unstable_by(first);
        let top = values.into_iter().map(|(value, records)| ValueCount { value: value.into(), records }).collect();
        FieldSummary { name, records: self.records, distinct, top }
    }
}
