//! The entries of a block: `shared (varint) | rest of the key (bytes) | value (bytes)`, where `shared` says how many
//! bytes of the key before it a key begins with.

use super::format::{next_key, shared_bytes};
use super::slice::Slice;
use clew_columns::bytes::{BytesError, Reader, put_bytes, put_varint};
use std::cmp::Ordering;

/// Appends an entry to a block.
pub(super) fn put_entry(out: &mut Vec<u8>, last_key: &[u8], key: &[u8], value: &[u8]) {
    let shared = shared_bytes(last_key, key);
    put_varint(out, shared as u64);
    put_bytes(out, key.get(shared..).unwrap_or_default());
    put_bytes(out, value);
}

/// The value of a key in a block.
pub(super) fn find(block: &Slice, key: &[u8]) -> Result<Option<Slice>, BytesError> {
    let mut cursor = Cursor::new(block.clone());
    while let Some(value) = cursor.next()? {
        match cursor.key.as_slice().cmp(key) {
            Ordering::Less => {}
            Ordering::Equal => return Ok(Some(value)),
            Ordering::Greater => break,
        }
    }
    Ok(None)
}

/// Goes through the entries of a block in order.
#[derive(Debug)]
pub(super) struct Cursor {
    block: Slice,
    at: usize,
    /// The key of the last entry.
    pub key: Vec<u8>,
}

impl Cursor {
    /// Before the first entry.
    pub(super) fn new(block: Slice) -> Self {
        Self { block, at: 0, key: Vec::new() }
    }

    /// The next value; its key stands in the cursor.
    pub(super) fn next(&mut self) -> Result<Option<Slice>, BytesError> {
        let rest = self.block.get(self.at..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let mut reader = Reader::new(rest);
        let shared = reader.varint("a key")?;
        next_key(&mut self.key, shared, &mut reader)?;
        let value = reader.bytes("a value")?.len();
        let end = self.at + reader.offset();
        self.at = end;
        Ok(Some(self.block.part(end - value..end)))
    }
}
