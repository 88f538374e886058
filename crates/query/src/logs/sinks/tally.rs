//! Values of a field and how many records have each.

use clew_model::logs::{FieldSummary, FieldValue, ValueCount};
use clew_model::{Context, ReadError, Reservation};
use hashbrown::{HashMap, HashSet};

/// Bytes that a counted value takes beside its text, an estimate.
const VALUE_BYTES: usize = 64;

/// Counts of one field.
#[derive(Debug)]
pub(super) struct Tally {
    pub records: u64,
    counts: HashMap<Box<str>, u64>,
    /// Integers apart, so that they need no text before the end.
    numbers: HashMap<i64, u64>,
    /// Most values that are counted.
    most: usize,
    overflowed: bool,
    is_varied: bool,
    memory: Vec<Reservation>,
}

impl Tally {
    /// Counts up to so many values exactly; of the others only how many records have them.
    pub(super) fn of(most: usize) -> Self {
        let (counts, numbers) = (HashMap::new(), HashMap::new());
        Self { records: 0, counts, numbers, most, overflowed: false, is_varied: false, memory: Vec::new() }
    }

    /// Whether there are more values than are counted and hardly one comes twice, as of an ID: then only the records are
    /// worth counting.
    pub(super) fn is_varied(&self) -> bool {
        self.is_varied
    }

    /// Adds the values that `visit` gives with how many records have each; it answers how many have any.
    ///
    /// # Errors
    /// The question may not hold more; what `visit` answers.
    pub(super) fn add(
        &mut self,
        context: &Context,
        visit: impl FnOnce(&mut dyn FnMut(FieldValue<'_>, u64)) -> Result<u64, ReadError>,
    ) -> Result<(), ReadError> {
        let (mut bytes, mut distinct) = (0, 0u64);
        // Numbers may come once a record. How many are distinct matters only where not all of them are counted.
        let mut numbers = self.overflowed.then(HashSet::new);
        let records = visit(&mut |value, records| {
            let is_new = match (value, &mut numbers) {
                (FieldValue::Int(number), Some(numbers)) => numbers.insert(number),
                _ => true,
            };
            distinct += u64::from(is_new);
            bytes += match value {
                FieldValue::Text(text) => self.add_text(text, records),
                FieldValue::Int(number) => self.add_number(number, records),
            };
        })?;
        self.is_varied = numbers.is_some() && distinct.saturating_mul(10) >= records.saturating_mul(9);
        self.records += records;
        self.reserve(context, bytes)
    }

    /// Adds what another worker counted.
    ///
    /// # Errors
    /// The question may not hold more.
    pub(super) fn merge(&mut self, context: &Context, other: Tally) -> Result<(), ReadError> {
        if self.records == 0 && !self.overflowed {
            *self = other;
            return Ok(());
        }
        let texts: usize = other.counts.iter().map(|(value, count)| self.add_text(value, *count)).sum();
        let numbers: usize = other.numbers.iter().map(|(value, count)| self.add_number(*value, *count)).sum();
        self.records += other.records;
        self.overflowed |= other.overflowed;
        self.reserve(context, texts.saturating_add(numbers))
    }

    /// Answers the bytes that took.
    fn add_text(&mut self, value: &str, records: u64) -> usize {
        if let Some(number) = integer(value) {
            return self.add_number(number, records);
        }
        if let Some(count) = self.counts.get_mut(value) {
            *count += records;
            return 0;
        }
        if self.is_full() {
            return 0;
        }
        self.counts.insert(value.into(), records);
        value.len() + VALUE_BYTES
    }

    /// Answers the bytes that took.
    fn add_number(&mut self, value: i64, records: u64) -> usize {
        if let Some(count) = self.numbers.get_mut(&value) {
            *count += records;
            return 0;
        }
        if self.is_full() {
            return 0;
        }
        self.numbers.insert(value, records);
        VALUE_BYTES
    }

    /// Whether no further value is counted; then one is left out.
    fn is_full(&mut self) -> bool {
        let is_full = self.counts.len().saturating_add(self.numbers.len()) >= self.most;
        self.overflowed |= is_full;
        is_full
    }

    fn reserve(&mut self, context: &Context, bytes: usize) -> Result<(), ReadError> {
        if bytes > 0 {
            self.memory.push(context.memory.reserve(bytes as u64)?);
        }
        Ok(())
    }

    /// The most frequent values, equally frequent ones by their text.
    pub(super) fn summary(mut self, name: String, top: usize) -> FieldSummary {
        for (number, records) in self.numbers {
            *self.counts.entry(number.to_string().into()).or_default() += records;
        }
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

/// The integer that is written so, and in no other way.
fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_plain = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if is_plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::samples::context;
    use super::*;

    #[test]
    fn a_number_counts_as_one_value_whichever_way_it_is_given() {
        let mut tally = Tally::of(5);
        let add = |tally: &mut Tally, value: FieldValue<'_>| {
            let given = |each: &mut dyn FnMut(FieldValue<'_>, u64)| {
                each(value, 1);
                Ok(1)
            };
            tally.add(&context(), given).unwrap();
        };
        for value in ["200", "-7", "0", "9223372036854775807"] {
            add(&mut tally, FieldValue::Text(value));
            add(&mut tally, FieldValue::Int(value.parse().unwrap()));
        }
        add(&mut tally, FieldValue::Text("007"));
        let summary = tally.summary("code".to_owned(), 9);
        let counts: Vec<(&str, u64)> = summary.top.iter().map(|own| (own.value.as_str(), own.records)).collect();
        assert_eq!(counts, [("-7", 2), ("0", 2), ("200", 2), ("9223372036854775807", 2), ("007", 1)]);
        assert_eq!((summary.records, summary.distinct), (9, Some(5)));
    }

    #[test]
    fn texts_that_look_like_numbers_stay_texts() {
        for text in ["", "-", "-0", "+1", "01", "1.0", "1e3", " 1", "9223372036854775808"] {
            assert_eq!(integer(text), None, "{text:?}");
        }
        assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
    }
}
