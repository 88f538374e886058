//! Reading attribute columns back: alone, or as lists in their order.

use super::dictionary::{Form, SpanDictionary};
use super::section::{Owner, StringColumn, WHAT, column_section, read_numbers, read_strings};
use crate::bytes::{Reader, unzigzag};
use crate::compress::read_compressed;
use crate::container::Container;
use crate::error::ColumnsError;
use crate::values::read_value;
use clew_model::{Attribute, Attributes, Number, Value};
use std::ops::Range;

/// The values of one attribute column, in the order of the lists that have it.
#[derive(Debug)]
pub(super) enum Cells {
    Null,
    Bool(Vec<u64>),
    Int(Vec<u64>),
    Double(Vec<u64>),
    Number(StringColumn),
    Text(StringColumn),
    Other(Vec<Value>),
}

impl Cells {
    /// Reads a column whose values belong to these traces.
    pub(super) fn read<B: AsRef<[u8]>>(
        container: &Container<B>,
        dictionary: &SpanDictionary,
        column: u32,
        owner: Owner,
        runs: &[u32],
    ) -> Result<Self, ColumnsError> {
        let id = column_section(column, owner);
        let form = dictionary.columns.get(column as usize).map_or(Form::Null, |column| column.form);
        Ok(match form {
            Form::Null => Cells::Null,
            Form::Bool => Cells::Bool(read_numbers(container, id, runs)?),
            Form::Int => Cells::Int(read_numbers(container, id, runs)?),
            Form::Double => Cells::Double(read_numbers(container, id, runs)?),
            Form::Number => Cells::Number(read_strings(container, id, runs, dictionary.strings.len())?),
            Form::Text => Cells::Text(read_strings(container, id, runs, dictionary.strings.len())?),
            Form::Other => {
                let plain = read_compressed(&mut Reader::new(container.required(id)?))?;
                let mut reader = Reader::new(&plain);
                let values = runs.iter().map(|_| read_value(&mut reader)).collect::<Result<Vec<Value>, _>>()?;
                reader.finish(WHAT)?;
                Cells::Other(values)
            }
        })
    }

    /// The value at `index`.
    pub(super) fn value(&self, index: usize, dictionary: &SpanDictionary) -> Value {
        let number = |values: &[u64]| values.get(index).copied().unwrap_or(0);
        match self {
            Cells::Null => Value::Null,
            Cells::Bool(values) => Value::Bool(number(values) != 0),
            Cells::Int(values) => Value::Int(unzigzag(number(values))),
            Cells::Double(values) => Value::Double(f64::from_bits(number(values))),
            Cells::Number(column) => Value::Number(Number(column.get(index, &dictionary.strings).into())),
            Cells::Text(column) => Value::String(column.get(index, &dictionary.strings).into()),
            Cells::Other(values) => values.get(index).cloned().unwrap_or_default(),
        }
    }
}

/// The attribute lists of rows, with the columns that a range of them needs.
#[derive(Debug)]
pub(super) struct Lists<'d> {
    dictionary: &'d SpanDictionary,
    shapes: Vec<u32>,
    /// For each column of the dictionary its place in `columns` plus one; zero where it is not needed.
    places: Vec<u32>,
    columns: Vec<Cells>,
    /// Values already passed in each column.
    passed: Vec<usize>,
}

impl<'d> Lists<'d> {
    /// Reads what the lists of `wanted` rows need. `shapes` and `runs` are those of all rows of the block.
    pub(super) fn read<B: AsRef<[u8]>>(
        container: &Container<B>,
        dictionary: &'d SpanDictionary,
        owner: Owner,
        shapes: Vec<u32>,
        runs: &[u32],
        wanted: Range<usize>,
    ) -> Result<Self, ColumnsError> {
        let mut places = vec![0u32; dictionary.columns.len()];
        let mut needed: Vec<(u32, Vec<u32>)> = Vec::new();
        for shape in shapes.get(wanted.clone()).unwrap_or_default() {
            for column in columns_of(dictionary, *shape) {
                if let Some(place) = places.get_mut(*column as usize).filter(|place| **place == 0) {
                    needed.push((*column, Vec::new()));
                    *place = needed.len() as u32;
                }
            }
        }
        let mut passed = vec![0usize; needed.len()];
        for (row, (shape, run)) in shapes.iter().zip(runs).enumerate() {
            for column in columns_of(dictionary, *shape) {
                let Some(place) = place_of(&places, *column) else { continue };
                if let Some((_, own)) = needed.get_mut(place) {
                    own.push(*run);
                }
                if row < wanted.start
                    && let Some(count) = passed.get_mut(place)
                {
                    *count += 1;
                }
            }
        }
        let read = |(column, runs): (u32, Vec<u32>)| Cells::read(container, dictionary, column, owner, &runs);
        let columns = needed.into_iter().map(read).collect::<Result<Vec<Cells>, _>>()?;
        Ok(Self { dictionary, shapes, places, columns, passed })
    }

    /// The list of a row. Rows must be asked in order, from the first wanted one on.
    pub(super) fn take(&mut self, row: usize) -> Attributes {
        let Some(shape) = self.shapes.get(row) else { return Attributes::new() };
        let columns = columns_of(self.dictionary, *shape);
        let mut attributes = Attributes::with_capacity(columns.len());
        for column in columns {
            let Some(place) = place_of(&self.places, *column) else { continue };
            let (Some(cells), Some(next)) = (self.columns.get(place), self.passed.get_mut(place)) else { continue };
            let value = cells.value(*next, self.dictionary);
            *next += 1;
            let key = self.dictionary.columns.get(*column as usize).map(|column| column.key.clone());
            attributes.push(Attribute { key: key.unwrap_or_default(), value });
        }
        attributes
    }
}

fn place_of(places: &[u32], column: u32) -> Option<usize> {
    places.get(column as usize).and_then(|place| place.checked_sub(1)).map(|place| place as usize)
}

/// The columns of a shape, in the order of the list.
pub(super) fn columns_of(dictionary: &SpanDictionary, shape: u32) -> &[u32] {
    dictionary.shapes.get(shape as usize).map_or(&[], Vec::as_slice)
}
