//! Values that are no plain scalars (arrays, bytes, structured bodies), each distinct one written once.

use super::WHAT;
use crate::bytes::{Reader, put_varint};
use crate::compress::{put_compressed, read_compressed};
use crate::dictionary::{put_ids, read_ids};
use crate::error::ColumnsError;
use crate::values::{put_value, read_value};
use clew_model::Value;
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// Collects values.
#[derive(Debug, Default)]
pub(super) struct OpaqueBuilder {
    entries: Vec<Vec<u8>>,
    /// The same entries as values.
    values: Vec<Value>,
    table: HashTable<u32>,
    ids: Vec<u32>,
}

impl OpaqueBuilder {
    pub(super) fn push(&mut self, value: &Value) {
        let mut bytes = Vec::new();
        put_value(&mut bytes, value);
        let Self { entries, values, table, ids } = self;
        let next = entries.len() as u32;
        let same = |id: &u32| entries.get(*id as usize) == Some(&bytes);
        let rehash = |id: &u32| entries.get(*id as usize).map_or(0, |bytes| xxh3_64(bytes));
        let id = *table.entry(xxh3_64(&bytes), same, rehash).or_insert(next).get();
        if id == next {
            entries.push(bytes);
            values.push(value.clone());
        }
        ids.push(id);
    }

    /// Appends the column; answers it as if it had been read.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Opaque {
        put_varint(out, self.entries.len() as u64);
        put_compressed(out, &self.entries.concat());
        put_ids(out, &self.ids, self.entries.len());
        Opaque { entries: self.values, ids: self.ids }
    }
}

/// A value a row, by reference to the distinct ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Opaque {
    pub entries: Vec<Value>,
    pub ids: Vec<u32>,
}

impl Opaque {
    pub(super) fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self, ColumnsError> {
        let distinct = reader.varint(WHAT)?;
        let bytes = read_compressed(reader)?;
        let distinct = usize::try_from(distinct).ok().filter(|distinct| *distinct <= bytes.len());
        let distinct =
            distinct.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "there are too many values" })?;
        let mut values = Reader::new(&bytes);
        let mut entries = Vec::with_capacity(distinct);
        for _ in 0..distinct {
            entries.push(read_value(&mut values)?);
        }
        values.finish(WHAT)?;
        let ids = read_ids(reader, count, distinct)?;
        Ok(Self { entries, ids })
    }

    pub(super) fn get(&self, index: usize) -> Option<&Value> {
        self.entries.get(*self.ids.get(index)? as usize)
    }
}
