//! Going through a table in order of keys.

use super::block::Cursor;
use super::format::TableIndex;
use super::reader::Table;
use super::slice::Slice;
use crate::error::KvError;
use crate::limits::{CACHED_SCAN_BLOCKS, READ_AHEAD_BYTES};
use std::collections::VecDeque;
use std::sync::Arc;

/// One entry of a run.
#[derive(Debug)]
pub struct Entry {
    key: Vec<u8>,
    /// The value.
    pub value: Slice,
}

impl Entry {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }
}

/// The entries of a run, in order of keys. After an error those of the following blocks come: who can do without what
/// is damaged goes on, everybody else stops.
pub struct Entries {
    table: Arc<Table>,
    index: Arc<TableIndex>,
    from: Vec<u8>,
    to: Option<Vec<u8>>,
    /// The next block to be read, and the first that is none of ours.
    next: usize,
    end: usize,
    loaded: VecDeque<Result<Slice, KvError>>,
    /// Few blocks are looked up; more are gone through once, and would only drive those out of the cache.
    is_short: bool,
    cursor: Option<Cursor>,
}

impl Entries {
    /// The entries with keys in `from..to`, to the end without `to`.
    pub(in crate::engine) fn new(table: &Arc<Table>, from: &[u8], to: Option<&[u8]>) -> Result<Self, KvError> {
        let index = table.index()?;
        let blocks = if to.is_some_and(|to| to <= from) { 0..0 } else { index.range(from, to) };
        Ok(Self {
            table: Arc::clone(table),
            index,
            from: from.to_vec(),
            to: to.map(<[u8]>::to_vec),
            next: blocks.start,
            end: blocks.end,
            loaded: VecDeque::new(),
            is_short: blocks.len() <= CACHED_SCAN_BLOCKS,
            cursor: None,
        })
    }

    fn step(&mut self) -> Result<Option<Entry>, KvError> {
        loop {
            let Some(cursor) = &mut self.cursor else {
                match self.next_block()? {
                    Some(block) => self.cursor = Some(Cursor::new(block)),
                    None => return Ok(None),
                }
                continue;
            };
            let found = cursor.next();
            let found = found.inspect_err(|_| self.cursor = None).map_err(|error| self.table.damaged_by(error))?;
            match (found, &self.cursor) {
                (Some(value), Some(cursor)) => {
                    if self.to.as_ref().is_some_and(|to| cursor.key >= *to) {
                        self.stop();
                        return Ok(None);
                    }
                    if cursor.key >= self.from {
                        return Ok(Some(Entry { key: cursor.key.clone(), value }));
                    }
                }
                _ => self.cursor = None,
            }
        }
    }

    fn stop(&mut self) {
        self.next = self.end;
        self.loaded.clear();
        self.cursor = None;
    }

    fn next_block(&mut self) -> Result<Option<Slice>, KvError> {
        if let Some(block) = self.loaded.pop_front() {
            return block.map(Some);
        }
        if self.next >= self.end {
            return Ok(None);
        }
        let first = self.next;
        if self.is_short {
            self.next += 1;
            return self.table.block(&self.index, first).map(Some);
        }
        if let Some(block) = self.table.cached_block(first) {
            self.next += 1;
            return Ok(Some(block));
        }
        let most = self.index.place(first).map_or(0, |place| place.start.saturating_add(READ_AHEAD_BYTES));
        self.next += 1;
        while self.next < self.end && self.index.place(self.next).is_some_and(|place| place.end <= most) {
            self.next += 1;
        }
        self.loaded.extend(self.table.read_blocks(&self.index, first, self.next)?);
        self.loaded.pop_front().transpose()
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, KvError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
