//! A batch of log records as columns, decoded when they are asked for.

use super::answers::{LogRow, SeverityCounts};
use crate::error::ReadError;
use crate::rows::RowSet;
use crate::time::{TimeRange, UnixNanos};
use std::borrow::Cow;
use std::fmt::Debug;

/// Records that a store pushes into a sink. Columns have a value for each row, selected or not. An error means that the
/// batch is damaged or cannot be read now: a sink hands it on, and the store goes on without the batch.
pub trait LogBatch: Debug {
    /// The rows that the scan asked for; never none. The others are there because they stand with them.
    fn selected(&self) -> &RowSet;

    /// The times of its rows lie in it.
    fn span(&self) -> TimeRange;

    /// The time of each row.
    ///
    /// # Errors
    /// The column cannot be read.
    fn times(&self) -> Result<&[UnixNanos], ReadError>;

    /// The number of each row, which tells the order of arrival.
    ///
    /// # Errors
    /// The column cannot be read.
    fn numbers(&self) -> Result<&[u64], ReadError>;

    /// The severity number of each row.
    ///
    /// # Errors
    /// The column cannot be read.
    fn severities(&self) -> Result<&[u8], ReadError>;

    /// The selected rows by severity range. Often known without reading a row.
    ///
    /// # Errors
    /// The column cannot be read.
    fn severity_counts(&self) -> Result<SeverityCounts, ReadError> {
        Ok(counts_of_severities(self.severities()?, self.selected()))
    }

    /// Calls `each` with the values of one field, by the rules of names (see `fields`), and how many of the selected rows have each (a
    /// value may come in several calls); answers how many have the field. Often known without reading a row.
    ///
    /// # Errors
    /// A column cannot be read.
    fn field_counts(&self, name: &str, each: &mut dyn FnMut(FieldValue<'_>, u64)) -> Result<u64, ReadError>;

    /// Calls `visit` with each field that a selected row has: attributes under their dotted paths (`resource.` and
    /// `scope.` before those of the resource and scope), and the well-known fields `level`, `service`, `trace_id` and
    /// `span_id`. Each name comes once. The values of the fields that are `wanted` are decoded before the first visit, so
    /// that damage is met before anything is taken; other values should not be asked for.
    ///
    /// # Errors
    /// A column cannot be read; what `visit` answers.
    fn fields(
        &self,
        wanted: &dyn Fn(&str) -> bool,
        visit: &mut dyn FnMut(&dyn LogField) -> Result<(), ReadError>,
    ) -> Result<(), ReadError>;

    /// Whole records: those of some rows, in the order of the batch.
    ///
    /// # Errors
    /// A column cannot be read.
    fn records(&self, rows: &RowSet) -> Result<Vec<LogRow>, ReadError>;
}

/// A field of a batch, its values decoded when they are asked for.
pub trait LogField {
    /// Its name.
    fn name(&self) -> &str;

    /// Selected rows that have it.
    ///
    /// # Errors
    /// A column cannot be read.
    fn records(&self) -> Result<u64, ReadError>;

    /// Calls `each` with its values and how many of the selected rows have each; a value may come in several calls.
    ///
    /// # Errors
    /// A column cannot be read.
    fn counts(&self, each: &mut dyn FnMut(FieldValue<'_>, u64)) -> Result<(), ReadError>;
}

/// A value of a field as it is counted: two are the same if their texts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldValue<'v> {
    /// By its text.
    Text(&'v str),
    /// An integer, whose text is its decimal digits.
    Int(i64),
}

/// Texts by the codes of a dictionary that one batch alone has. One text may stand under two codes.
pub trait Dictionary {
    /// How many codes there are: all numbers below it.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a code, which may be written into `scratch`; empty where there is no such code.
    fn text<'s>(&'s self, code: usize, scratch: &'s mut String) -> &'s str;
}

/// The values of a field in a batch.
pub struct FieldValues<'b> {
    /// The texts of the values.
    pub dictionary: Box<dyn Dictionary + 'b>,
    /// Which rows have which.
    pub codes: Codes<'b>,
}

/// Which rows have which values.
#[derive(Debug, Clone)]
pub enum Codes<'b> {
    /// One for each row of the batch, [`Codes::NONE`] where it has none.
    Single(Cow<'b, [u32]>),
    /// Pairs of row and code, by row; no row has one text twice. Rows that are not selected may be missing.
    Several(Vec<(u32, u32)>),
}

impl Codes<'_> {
    /// The code of a row without a value.
    pub const NONE: u32 = u32::MAX;
}

impl FieldValues<'_> {
    /// How many of the rows have the field, and of each code how many have it.
    #[must_use]
    pub fn count(&self, rows: &RowSet) -> (u64, Vec<u64>) {
        let mut counts = vec![0u64; self.dictionary.len()];
        let mut records = 0;
        let mut add = |code: u32| {
            let count = counts.get_mut(code as usize);
            let known = count.is_some();
            if let Some(count) = count {
                *count += 1;
            }
            known
        };
        match &self.codes {
            Codes::Single(codes) if rows.len() == codes.len() => {
                codes.iter().for_each(|code| records += u64::from(add(*code)));
            }
            Codes::Single(codes) => {
                let codes = rows.iter().filter_map(|row| codes.get(row));
                codes.for_each(|code| records += u64::from(add(*code)));
            }
            Codes::Several(pairs) => {
                let mut last = None;
                for (row, code) in pairs.iter().filter(|(row, _)| rows.contains(*row as usize)) {
                    if add(*code) && last != Some(row) {
                        records += 1;
                        last = Some(row);
                    }
                }
            }
        }
        (records, counts)
    }
}

impl FieldValues<'_> {
    /// Calls `each` with each value that one of the rows has, and how many have it; answers how many have the field.
    pub fn visit_counts(&self, rows: &RowSet, each: &mut dyn FnMut(FieldValue<'_>, u64)) -> u64 {
        let (records, counts) = self.count(rows);
        let mut scratch = String::new();
        for (code, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            each(FieldValue::Text(self.dictionary.text(code, &mut scratch)), count);
        }
        records
    }
}

impl Debug for FieldValues<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let codes = self.dictionary.len();
        formatter.debug_struct("FieldValues").field("dictionary", &codes).finish_non_exhaustive()
    }
}

/// Rows by severity range; `severities` are the severity numbers of all rows of a batch.
#[must_use]
pub fn counts_of_severities(severities: &[u8], rows: &RowSet) -> SeverityCounts {
    let mut by_number = [0u64; 256];
    let mut add = |severity: u8| {
        if let Some(count) = by_number.get_mut(usize::from(severity)) {
            *count += 1;
        }
    };
    if rows.len() == severities.len() {
        severities.iter().for_each(|severity| add(*severity));
    } else {
        rows.iter().filter_map(|row| severities.get(row)).for_each(|severity| add(*severity));
    }
    let mut counts = SeverityCounts::default();
    for (severity, records) in (0..=u8::MAX).zip(by_number) {
        if let Some(count) = counts.get_mut(severity_range(severity)) {
            *count += records;
        }
    }
    counts
}

/// The place of a severity number in [`SeverityCounts`].
#[must_use]
pub fn severity_range(severity: u8) -> usize {
    usize::from(severity).div_ceil(4)
}
