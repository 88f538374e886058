//! Trace and span IDs: binary, optional, written once where they repeat.

use super::WHAT;
use crate::bits::{put_flags, read_flags};
use crate::bytes::{Problem, Reader, put_varint};
use crate::dictionary::{put_ids, read_ids};
use crate::error::ColumnsError;
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

const ALL_PRESENT: u8 = 0;
const SOME_PRESENT: u8 = 1;

/// An optional ID of `N` bytes a row.
#[derive(Debug, Clone)]
pub(super) struct IdColumn<const N: usize> {
    /// Distinct IDs, or one for each row that has one.
    pub entries: Vec<[u8; N]>,
    /// Of each row, the place among the entries.
    pub rows: Vec<Option<u32>>,
}

impl<const N: usize> IdColumn<N> {
    pub(super) fn of(ids: impl Iterator<Item = Option<[u8; N]>>) -> Self {
        let mut entries: Vec<[u8; N]> = Vec::new();
        let mut table: HashTable<u32> = HashTable::new();
        let mut place_of = |id: [u8; N]| {
            let next = entries.len() as u32;
            let same = |place: &u32| entries.get(*place as usize) == Some(&id);
            let rehash = |place: &u32| entries.get(*place as usize).map_or(0, |id| xxh3_64(id));
            let place = *table.entry(xxh3_64(&id), same, rehash).or_insert(next).get();
            if place == next {
                entries.push(id);
            }
            place
        };
        let rows = ids.map(|id| id.map(&mut place_of)).collect();
        Self { entries, rows }
    }

    pub(super) fn get(&self, row: usize) -> Option<[u8; N]> {
        let place = (*self.rows.get(row)?)?;
        self.entries.get(place as usize).copied()
    }

    /// Appends nothing when no row has an ID.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let present = self.rows.iter().flatten().count();
        if present == 0 {
            return;
        }
        if present == self.rows.len() {
            out.push(ALL_PRESENT);
        } else {
            out.push(SOME_PRESENT);
            put_flags(out, self.rows.iter().map(Option::is_some));
        }
        // A reference to an entry costs less than two bytes in blocks of usual size.
        let by_reference = self.entries.len() * N + present * 2 < present * N;
        let places = self.rows.iter().flatten().copied();
        if by_reference {
            put_varint(out, self.entries.len() as u64);
            self.entries.iter().for_each(|id| out.extend_from_slice(id));
            put_ids(out, &places.collect::<Vec<_>>(), self.entries.len());
        } else {
            put_varint(out, 0);
            places.filter_map(|place| self.entries.get(place as usize)).for_each(|id| out.extend_from_slice(id));
        }
    }

    /// Reads what [`IdColumn::put`] wrote; `None` stands for a column that was not written.
    pub(super) fn read(bytes: Option<&[u8]>, rows: usize) -> Result<Self, ColumnsError> {
        let Some(bytes) = bytes else { return Ok(Self { entries: Vec::new(), rows: vec![None; rows] }) };
        let mut reader = Reader::new(bytes);
        let present = match reader.u8(WHAT)? {
            ALL_PRESENT => vec![true; rows],
            SOME_PRESENT => read_flags(&mut reader, rows)?,
            other => return Err(reader.error(WHAT, Problem::BadValue(u64::from(other))).into()),
        };
        let count = present.iter().filter(|present| **present).count();
        let distinct = reader.count(N, WHAT)?;
        let stored = reader.take(if distinct == 0 { count.saturating_mul(N) } else { distinct * N }, WHAT)?;
        let entries: Vec<[u8; N]> = stored.chunks_exact(N).filter_map(|chunk| chunk.try_into().ok()).collect();
        let places = if distinct == 0 { (0..count as u32).collect() } else { read_ids(&mut reader, count, distinct)? };
        reader.finish(WHAT)?;
        let mut places = places.into_iter();
        let rows = present.into_iter().map(|present| if present { places.next() } else { None }).collect();
        Ok(Self { entries, rows })
    }
}
