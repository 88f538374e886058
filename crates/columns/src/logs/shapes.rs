//! The nesting of attributes: which keys in which order hold which kinds of values.
//!
//! Rows with the same structure share a *shape*: a list of codes, each a node of the tree of paths with the kind of
//! value there, or a map with the number of its children. The values themselves stand in leaf columns, in the order in
//! which a walk through the rows' shapes meets them; so a row is put together again exactly.

use super::WHAT;
use super::leaves::{Kind, LeafBuilder};
use crate::bytes::{Reader, put_text, put_varint};
use crate::compress::{put_compressed, read_compressed};
use crate::dictionary::{put_ids, read_ids};
use crate::error::ColumnsError;
use clew_model::limits::MAX_VALUE_DEPTH;
use clew_model::logs::CONTAINER_FIELDS;
use clew_model::{Attribute, Attributes, RowSet, Value};
use compact_str::CompactString;
use hashbrown::{HashMap, HashTable};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The code of a map, in place of a kind.
const MAP: u32 = 7;
/// Bits of a code that say the kind.
const KIND_BITS: u32 = 3;
const KIND_MASK: u32 = (1 << KIND_BITS) - 1;
/// The parent of top-level keys.
const ROOT: u32 = u32::MAX;
/// Attributes at the deepest level a value may have, and some more, since decoders and not this crate set the limit.
const MAX_DEPTH: usize = MAX_VALUE_DEPTH + 8;

/// Takes attributes apart.
#[derive(Debug, Default)]
pub(super) struct ShapesBuilder {
    nodes: Vec<(u32, CompactString)>,
    node_table: HashTable<u32>,
    columns: Vec<(u32, LeafBuilder)>,
    /// Of each node and kind, its column + 1; 0 where there is none yet.
    column_of: Vec<[u32; 7]>,
    shapes: Vec<Vec<u32>>,
    shape_table: HashTable<u32>,
    rows: Vec<u32>,
    codes: Vec<u32>,
    /// The codes of the row before: most rows resemble it, and a guess saves the search.
    previous: Vec<u32>,
}

impl ShapesBuilder {
    pub(super) fn push(&mut self, attributes: &[Attribute]) {
        self.codes.clear();
        self.walk(ROOT, attributes);
        let same_as_before = self.codes == self.previous && !self.rows.is_empty();
        let shape = match self.rows.last() {
            Some(last) if same_as_before => *last,
            _ => self.shape_of_codes(),
        };
        self.rows.push(shape);
        std::mem::swap(&mut self.codes, &mut self.previous);
    }

    fn walk(&mut self, parent: u32, attributes: &[Attribute]) {
        for attribute in attributes {
            let node = self.node(parent, &attribute.key);
            match (&attribute.value, Kind::of(&attribute.value)) {
                (value, Some(kind)) => {
                    self.codes.push(node << KIND_BITS | kind as u32);
                    self.push_leaf(node, kind, value);
                }
                (Value::Map(inner), None) => {
                    self.codes.push(node << KIND_BITS | MAP);
                    self.codes.push(inner.len() as u32);
                    self.walk(node, inner);
                }
                // Every value but a map has a kind.
                (_, None) => {}
            }
        }
    }

    fn node(&mut self, parent: u32, key: &str) -> u32 {
        let is_it = |node: &(u32, CompactString)| node.0 == parent && node.1 == key;
        let guess = self.previous.get(self.codes.len()).map(|code| code >> KIND_BITS);
        if let Some(guess) = guess
            && self.nodes.get(guess as usize).is_some_and(is_it)
        {
            return guess;
        }
        let Self { nodes, node_table, column_of, .. } = self;
        let next = nodes.len() as u32;
        let same = |id: &u32| nodes.get(*id as usize).is_some_and(is_it);
        let rehash = |id: &u32| nodes.get(*id as usize).map_or(0, |(parent, key)| node_hash(*parent, key));
        let id = *node_table.entry(node_hash(parent, key), same, rehash).or_insert(next).get();
        if id == next {
            nodes.push((parent, key.into()));
            column_of.push([0; 7]);
        }
        id
    }

    fn push_leaf(&mut self, node: u32, kind: Kind, value: &Value) {
        let next = self.columns.len() as u32 + 1;
        let Some(place) = self.column_of.get_mut(node as usize).and_then(|kinds| kinds.get_mut(kind as usize)) else {
            return;
        };
        if *place == 0 {
            *place = next;
            self.columns.push((node << KIND_BITS | kind as u32, LeafBuilder::new(kind)));
        }
        if let Some((_, column)) = self.columns.get_mut(*place as usize - 1) {
            column.push(value);
        }
    }

    fn shape_of_codes(&mut self) -> u32 {
        let Self { shapes, shape_table, codes, .. } = self;
        let next = shapes.len() as u32;
        let same = |id: &u32| shapes.get(*id as usize) == Some(codes);
        let rehash = |id: &u32| shapes.get(*id as usize).map_or(0, |codes| codes_hash(codes));
        let id = *shape_table.entry(codes_hash(codes), same, rehash).or_insert(next).get();
        if id == next {
            shapes.push(codes.clone());
        }
        id
    }

    /// Appends the section of shapes; answers the columns in order, as a reader knows them but for their counts.
    pub(super) fn put(self, out: &mut Vec<u8>) -> Vec<(Column, LeafBuilder)> {
        let mut plain = Vec::new();
        put_varint(&mut plain, self.nodes.len() as u64);
        for (parent, key) in &self.nodes {
            put_varint(&mut plain, u64::from(parent.wrapping_add(1)));
            put_text(&mut plain, key);
        }
        put_varint(&mut plain, self.columns.len() as u64);
        self.columns.iter().for_each(|(code, _)| put_varint(&mut plain, u64::from(*code)));
        put_varint(&mut plain, self.shapes.len() as u64);
        for codes in &self.shapes {
            put_varint(&mut plain, codes.len() as u64);
            codes.iter().for_each(|code| put_varint(&mut plain, u64::from(*code)));
        }
        put_compressed(out, &plain);
        put_ids(out, &self.rows, self.shapes.len());
        let nodes = &self.nodes;
        // The nodes are those that the codes were made of, so that every column has a path.
        let known = |(code, leaf)| Some((column(nodes, code).ok()?, leaf));
        self.columns.into_iter().filter_map(known).collect()
    }
}

fn node_hash(parent: u32, key: &str) -> u64 {
    xxh3_64_with_seed(key.as_bytes(), u64::from(parent))
}

fn codes_hash(codes: &[u32]) -> u64 {
    // A table of one block's shapes, which only leads to where they are compared.
    let mixed = codes
        .iter()
        .fold(0u64, |hash, code| (hash.rotate_left(5) ^ u64::from(*code)).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed ^ (mixed >> 32)
}

/// The decoded section of shapes.
#[derive(Debug)]
pub(super) struct Shapes {
    pub columns: Vec<Column>,
    /// Of each row, its shape.
    pub rows: Vec<u32>,
    nodes: Vec<(u32, CompactString)>,
    shapes: Vec<Vec<Step>>,
    /// Of each shape, (column, how many values a row takes from it).
    takes: Vec<Vec<(u32, u32)>>,
    /// Of each column, (shape, how many values a row of it takes): a block may have as many columns as values, so that
    /// no column may cost a walk over all shapes.
    takers: Vec<Vec<(u32, u32)>>,
    /// Of each shape, its rows.
    rows_of: Vec<Vec<u32>>,
}

/// A leaf column: what a row's shape refers to.
#[derive(Debug)]
pub(super) struct Column {
    pub kind: Kind,
    /// The dotted path.
    pub path: String,
    /// The rest of the path inside a container field, if the first key is one that holds a map here.
    pub inside_container: Option<usize>,
    /// Values in the column.
    pub count: usize,
}

impl Column {
    /// The path without its container, by which the field can be named too.
    pub(super) fn short_path(&self) -> Option<&str> {
        self.inside_container.and_then(|from| self.path.get(from..))
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Leaf { node: u32, column: u32 },
    Map { node: u32, children: u32 },
}

fn inconsistent(reason: &'static str) -> ColumnsError {
    ColumnsError::Inconsistent { what: WHAT, reason }
}

impl Shapes {
    pub(super) fn read(bytes: &[u8], rows: usize) -> Result<Self, ColumnsError> {
        let mut outer = Reader::new(bytes);
        let plain = read_compressed(&mut outer)?;
        let mut reader = Reader::new(&plain);
        let nodes = read_nodes(&mut reader)?;
        let codes = read_codes(&mut reader)?;
        let mut columns = Vec::with_capacity(codes.len());
        for code in &codes {
            columns.push(column(&nodes, *code)?);
        }
        let column_of: HashMap<u32, u32> = codes.iter().copied().zip(0u32..).collect();
        let count = reader.count(1, WHAT)?;
        let (mut shapes, mut takes) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let shape = steps(&read_codes(&mut reader)?, &column_of, &nodes)?;
            takes.push(taken(&shape));
            shapes.push(shape);
        }
        reader.finish(WHAT)?;
        let rows = read_ids(&mut outer, rows, count)?;
        outer.finish(WHAT)?;
        let rows_of = by_shape(&rows, count);
        let takers = by_column(&takes, columns.len());
        for (column, takers) in columns.iter_mut().zip(&takers) {
            let rows = |shape: u32| rows_of.get(shape as usize).map_or(0, Vec::len);
            column.count = takers.iter().map(|(shape, count)| rows(*shape).saturating_mul(*count as usize)).sum();
        }
        Ok(Self { columns, rows, nodes, shapes, takes, takers, rows_of })
    }

    /// Calls `visit` with each row and the place in the column of each value it takes from it.
    pub(super) fn for_each_value(&self, column: usize, mut visit: impl FnMut(usize, usize)) {
        let takers = self.takers.get(column).map_or(&[][..], Vec::as_slice);
        let rows = |shape: u32| self.rows_of.get(shape as usize).into_iter().flatten().copied();
        let mut rows: Vec<(u32, u32)> =
            takers.iter().flat_map(|(shape, count)| rows(*shape).map(move |row| (row, *count))).collect();
        if takers.len() > 1 {
            rows.sort_unstable();
        }
        let mut next = 0usize;
        for (row, count) in rows {
            for _ in 0..count {
                visit(row as usize, next);
                next += 1;
            }
        }
    }

    /// Whether no row takes more than one value from the column.
    pub(super) fn is_single(&self, column: usize) -> bool {
        self.takers.get(column).is_some_and(|takers| takers.iter().all(|(_, count)| *count == 1))
    }

    /// Whether every row takes one value from the column: then the places in it are the rows.
    pub(super) fn is_in_every_row(&self, column: usize) -> bool {
        self.is_single(column) && self.columns.get(column).is_some_and(|column| column.count == self.rows.len())
    }

    /// How many of the rows take a value from the column.
    pub(super) fn rows_with(&self, column: usize, rows: &RowSet) -> u64 {
        let takers = self.takers.get(column).into_iter().flatten();
        let of = |shape: u32| self.rows_of.get(shape as usize).map_or(&[][..], Vec::as_slice);
        let all = rows.len() == self.rows.len();
        let selected = |rows_of: &[u32]| match all {
            true => rows_of.len(),
            false => rows_of.iter().filter(|row| rows.contains(**row as usize)).count(),
        };
        takers.map(|(shape, _)| selected(of(*shape)) as u64).sum()
    }

    /// Moves the cursors over the values of a row with this shape.
    pub(super) fn advance(&self, shape: u32, cursors: &mut [usize]) {
        for (column, count) in self.takes.get(shape as usize).map_or(&[][..], Vec::as_slice) {
            if let Some(cursor) = cursors.get_mut(*column as usize) {
                *cursor += *count as usize;
            }
        }
    }

    /// Puts the attributes of a row together; `value` gives the values at (column, place). Moves the cursors.
    pub(super) fn attributes<E>(
        &self,
        row: usize,
        cursors: &mut [usize],
        value: &mut impl FnMut(usize, usize) -> Result<Value, E>,
    ) -> Result<Attributes, E> {
        let shape = self.rows.get(row).and_then(|shape| self.shapes.get(*shape as usize));
        let steps = shape.map_or(&[][..], Vec::as_slice);
        self.build(&mut steps.iter(), usize::MAX, cursors, value)
    }

    fn build<E>(
        &self,
        steps: &mut std::slice::Iter<'_, Step>,
        count: usize,
        cursors: &mut [usize],
        value: &mut impl FnMut(usize, usize) -> Result<Value, E>,
    ) -> Result<Attributes, E> {
        let mut attributes = Attributes::with_capacity(count.min(steps.len()));
        while attributes.len() < count {
            let Some(step) = steps.next() else { break };
            let (node, value) = match *step {
                Step::Leaf { node, column } => {
                    let place = cursors.get_mut(column as usize).map_or(0, |cursor| {
                        *cursor += 1;
                        *cursor - 1
                    });
                    (node, value(column as usize, place)?)
                }
                Step::Map { node, children } => {
                    (node, Value::Map(self.build(steps, children as usize, cursors, value)?))
                }
            };
            let key = self.nodes.get(node as usize).map(|(_, key)| key.clone()).unwrap_or_default();
            attributes.push(Attribute { key, value });
        }
        Ok(attributes)
    }
}

fn read_nodes(reader: &mut Reader<'_>) -> Result<Vec<(u32, CompactString)>, ColumnsError> {
    let count = reader.count(2, WHAT)?;
    let mut nodes: Vec<(u32, CompactString)> = Vec::with_capacity(count);
    for index in 0..count as u64 {
        let parent = reader.varint(WHAT)?;
        if parent > index {
            return Err(inconsistent("a key stands before its parent"));
        }
        nodes.push(((parent as u32).wrapping_sub(1), reader.text(WHAT)?.into()));
    }
    Ok(nodes)
}

fn read_codes(reader: &mut Reader<'_>) -> Result<Vec<u32>, ColumnsError> {
    let count = reader.count(1, WHAT)?;
    let mut codes = Vec::with_capacity(count);
    for _ in 0..count {
        codes.push(u32::try_from(reader.varint(WHAT)?).map_err(|_| inconsistent("a code is too large"))?);
    }
    Ok(codes)
}

fn column(nodes: &[(u32, CompactString)], code: u32) -> Result<Column, ColumnsError> {
    let kind = Kind::from_code(code & KIND_MASK).ok_or(inconsistent("a column has no kind"))?;
    let mut keys: Vec<&str> = Vec::new();
    let mut node = code >> KIND_BITS;
    while node != ROOT {
        let Some((parent, key)) = nodes.get(node as usize) else { return Err(inconsistent("a key is missing")) };
        keys.push(key);
        node = *parent;
        if keys.len() > MAX_DEPTH {
            return Err(inconsistent("attributes are nested too deeply"));
        }
    }
    keys.reverse();
    let inside_container = match keys.as_slice() {
        [first, _, ..] if CONTAINER_FIELDS.contains(first) => Some(first.len() + 1),
        _ => None,
    };
    Ok(Column { kind, path: keys.join("."), inside_container, count: 0 })
}

fn steps(
    codes: &[u32],
    column_of: &HashMap<u32, u32>,
    nodes: &[(u32, CompactString)],
) -> Result<Vec<Step>, ColumnsError> {
    let mut rest = codes.iter().copied();
    let mut steps = Vec::with_capacity(codes.len());
    while let Some(code) = rest.next() {
        let node = code >> KIND_BITS;
        if node as usize >= nodes.len() {
            return Err(inconsistent("a shape names a missing key"));
        }
        steps.push(if code & KIND_MASK == MAP {
            Step::Map { node, children: rest.next().ok_or(inconsistent("a shape ends inside a map"))? }
        } else {
            let column = column_of.get(&code).copied();
            Step::Leaf { node, column: column.ok_or(inconsistent("a shape names a missing column"))? }
        });
    }
    Ok(steps)
}

fn taken(steps: &[Step]) -> Vec<(u32, u32)> {
    let mut columns: Vec<u32> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Leaf { column, .. } => Some(*column),
            Step::Map { .. } => None,
        })
        .collect();
    columns.sort_unstable();
    columns.chunk_by(|a, b| a == b).filter_map(|run| run.first().map(|column| (*column, run.len() as u32))).collect()
}

/// The rows of each shape.
fn by_shape(rows: &[u32], shapes: usize) -> Vec<Vec<u32>> {
    let mut rows_of = vec![Vec::new(); shapes];
    for (row, shape) in (0u32..).zip(rows) {
        if let Some(rows) = rows_of.get_mut(*shape as usize) {
            rows.push(row);
        }
    }
    rows_of
}

/// Of each column, the shapes that take from it.
fn by_column(takes: &[Vec<(u32, u32)>], columns: usize) -> Vec<Vec<(u32, u32)>> {
    let mut takers = vec![Vec::new(); columns];
    for (shape, takes) in (0u32..).zip(takes) {
        for (column, count) in takes {
            if let Some(takers) = takers.get_mut(*column as usize) {
                takers.push((shape, *count));
            }
        }
    }
    takers
}
