//! Spans turned into numbers: every string, resource, scope, column and shape of a group by its number.

use super::dictionary::{Column, Form};
use super::limits::LEAST_OCCURRENCES;
use crate::bytes::zigzag;
use crate::frames::traces::{put_resource, put_scope};
use crate::strings::Texts;
use clew_model::traces::Span;
use clew_model::{Attribute, Resource, Scope, Value};
use hashbrown::HashMap;
use std::sync::Arc;

/// A list of attributes as its shape and the place of its first cell.
#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    pub shape: u32,
    pub cell: usize,
}

/// A span by numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub resource: u32,
    pub scope: u32,
    pub name: u32,
    pub state: u32,
    pub message: u32,
    pub attributes: List,
    /// Where its events and links begin among those of the group.
    pub event: usize,
    pub link: usize,
}

/// An event or a link by numbers: its text (name, trace state) and its attributes.
#[derive(Debug, Clone, Copy)]
pub(super) struct SubRow {
    pub text: u32,
    pub attributes: List,
}

/// A group of spans by numbers.
#[derive(Default)]
pub(super) struct Interned<'a> {
    pub rows: Vec<Row>,
    pub events: Vec<SubRow>,
    pub links: Vec<SubRow>,
    /// Values of attributes: numbers as they are, strings and other values by their number.
    pub cells: Vec<u64>,
    pub others: Vec<&'a Value>,
    pub strings: Strings<'a>,
    pub resources: Shared<'a, Resource>,
    pub scopes: Shared<'a, Scope>,
    pub columns: Vec<Column>,
    pub shapes: Vec<Vec<u32>>,
    column_numbers: HashMap<(&'a str, Form, u32), u32>,
    /// For the first column of a key and form: the list it was last met in, and how often there.
    met: Vec<(u64, u32)>,
    lists: u64,
    shape_numbers: HashMap<Vec<u32>, u32>,
    scratch: Vec<u32>,
}

impl<'a> Interned<'a> {
    /// Turns spans into numbers.
    pub(super) fn of(spans: &[&'a Span]) -> Self {
        let mut interned = Self::default();
        spans.iter().for_each(|span| interned.add(span));
        interned
    }

    fn add(&mut self, span: &'a Span) {
        let (event, link) = (self.events.len(), self.links.len());
        for item in &span.events {
            let text = self.strings.number_of(&item.name);
            let attributes = self.list(&item.attributes);
            self.events.push(SubRow { text, attributes });
        }
        for item in &span.links {
            let text = self.strings.number_of(&item.trace_state);
            let attributes = self.list(&item.attributes);
            self.links.push(SubRow { text, attributes });
        }
        let row = Row {
            resource: self.resources.number_of(&span.resource, put_resource),
            scope: self.scopes.number_of(&span.scope, put_scope),
            name: self.strings.number_of(&span.name),
            state: self.strings.number_of(&span.trace_state),
            message: self.strings.number_of(&span.status.message),
            attributes: self.list(&span.attributes),
            event,
            link,
        };
        self.rows.push(row);
    }

    fn list(&mut self, attributes: &'a [Attribute]) -> List {
        let cell = self.cells.len();
        self.lists += 1;
        self.scratch.clear();
        for attribute in attributes {
            let (form, value) = self.cell_of(&attribute.value);
            self.cells.push(value);
            let column = self.column(&attribute.key, form);
            self.scratch.push(column);
        }
        let shape = match self.shape_numbers.get(self.scratch.as_slice()) {
            Some(number) => *number,
            None => {
                let number = self.shapes.len() as u32;
                self.shapes.push(self.scratch.clone());
                self.shape_numbers.insert(self.scratch.clone(), number);
                number
            }
        };
        List { shape, cell }
    }

    fn cell_of(&mut self, value: &'a Value) -> (Form, u64) {
        match value {
            Value::Null => (Form::Null, 0),
            Value::Bool(flag) => (Form::Bool, u64::from(*flag)),
            Value::Int(number) => (Form::Int, zigzag(*number)),
            Value::Double(number) => (Form::Double, number.to_bits()),
            Value::Number(number) => (Form::Number, u64::from(self.strings.number_of(&number.0))),
            Value::String(text) => (Form::Text, u64::from(self.strings.number_of(text))),
            Value::Bytes(_) | Value::Array(_) | Value::Map(_) => {
                self.others.push(value);
                (Form::Other, self.others.len() as u64 - 1)
            }
        }
    }

    fn column(&mut self, key: &'a str, form: Form) -> u32 {
        let first = self.numbered_column(key, form, 0);
        let lists = self.lists;
        let Some(met) = self.met.get_mut(first as usize) else { return first };
        if met.0 != lists {
            *met = (lists, 1);
            return first;
        }
        let repetition = met.1;
        met.1 += 1;
        self.numbered_column(key, form, repetition)
    }

    fn numbered_column(&mut self, key: &'a str, form: Form, repetition: u32) -> u32 {
        let next = self.columns.len() as u32;
        let number = *self.column_numbers.entry((key, form, repetition)).or_insert(next);
        if number == next {
            self.columns.push(Column { key: key.into(), form });
            self.met.push((0, 0));
        }
        number
    }
}

/// The strings of a group with how often each occurs.
#[derive(Default)]
pub(super) struct Strings<'a> {
    numbers: HashMap<&'a str, u32>,
    pub texts: Vec<&'a str>,
    counts: Vec<u32>,
}

impl<'a> Strings<'a> {
    fn number_of(&mut self, text: &'a str) -> u32 {
        let next = self.texts.len() as u32;
        let number = *self.numbers.entry(text).or_insert(next);
        if number == next {
            self.texts.push(text);
            self.counts.push(0);
        }
        if let Some(count) = self.counts.get_mut(number as usize) {
            *count += 1;
        }
        number
    }

    /// The strings worth a dictionary, and for each string its place there plus one, or zero.
    pub(super) fn dictionary(&self) -> (Texts, Vec<u32>) {
        let mut kept = Texts::new();
        let mut places = Vec::with_capacity(self.texts.len());
        for (text, count) in self.texts.iter().zip(&self.counts) {
            if *count >= LEAST_OCCURRENCES {
                kept.push(text);
                places.push(kept.len() as u32);
            } else {
                places.push(0);
            }
        }
        (kept, places)
    }
}

/// Resources or scopes, found again by address, else by their bytes.
pub(super) struct Shared<'a, T> {
    by_address: HashMap<*const T, u32>,
    by_bytes: HashMap<Vec<u8>, u32>,
    pub items: Vec<&'a T>,
}

impl<T> Default for Shared<'_, T> {
    fn default() -> Self {
        Self { by_address: HashMap::new(), by_bytes: HashMap::new(), items: Vec::new() }
    }
}

impl<'a, T> Shared<'a, T> {
    fn number_of(&mut self, item: &'a Arc<T>, put: fn(&mut Vec<u8>, &T)) -> u32 {
        if let Some(number) = self.by_address.get(&Arc::as_ptr(item)) {
            return *number;
        }
        let mut bytes = Vec::new();
        put(&mut bytes, item);
        let next = self.items.len() as u32;
        let number = *self.by_bytes.entry(bytes).or_insert(next);
        if number == next {
            self.items.push(item);
        }
        self.by_address.insert(Arc::as_ptr(item), number);
        number
    }
}
