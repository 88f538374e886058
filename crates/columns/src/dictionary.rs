//! Text that repeats: interning by bytes, and columns of local ids.
//!
//! A dictionary column is: `1`, number of entries, the entries as a text column, the ids bit-packed; any other column
//! `0` and a text column.

use crate::bits::{pack, unpack, width_of};
use crate::bytes::{Problem, Reader, put_varint};
use crate::error::ColumnsError;
use crate::limits::{MAX_BLOCK_ROWS, MIN_DICTIONARY_ENTRIES, ROWS_PER_DICTIONARY_ENTRY};
use crate::strings::{Texts, put_texts, read_texts};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

const WHAT: &str = "dictionary column";

const PLAIN: u8 = 0;
const DICTIONARY: u8 = 1;

/// Rows after which a dictionary that hardly repeats is given up.
const TRIAL_ROWS: usize = 64;

/// Gives equal texts equal numbers, counted from 0 in order of first appearance. Equality is by bytes.
#[derive(Debug, Clone, Default)]
pub struct Interner {
    entries: Texts,
    /// Hash and number; the hash spares most comparisons, and reading the text again when the table grows.
    table: HashTable<(u64, u32)>,
}

impl Interner {
    /// Nothing interned.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing interned, with room for so many texts.
    #[must_use]
    pub fn with_capacity(texts: usize) -> Self {
        Self { entries: Texts::new(), table: HashTable::with_capacity(texts) }
    }

    /// The number of `text`, new if it was not there.
    pub fn intern(&mut self, text: &str) -> u32 {
        let Self { entries, table } = self;
        let next = entries.len() as u32;
        let hash = xxh3_64(text.as_bytes());
        let same = |(own, id): &(u64, u32)| *own == hash && entries.get(*id as usize) == text;
        let (_, id) = *table.entry(hash, same, |(hash, _)| *hash).or_insert((hash, next)).get();
        if id == next {
            entries.push(text);
        }
        id
    }

    /// The number of `text`, if it is there.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<u32> {
        let hash = xxh3_64(text.as_bytes());
        let same = |(own, id): &(u64, u32)| *own == hash && self.entries.get(*id as usize) == text;
        self.table.find(hash, same).map(|(_, id)| *id)
    }

    /// The text of a number; empty when there is none.
    #[must_use]
    pub fn get(&self, id: u32) -> &str {
        self.entries.get(id as usize)
    }

    /// Distinct texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing was interned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The texts in order of their numbers.
    #[must_use]
    pub fn entries(&self) -> &Texts {
        &self.entries
    }

    /// The texts in order of their numbers, without the table.
    #[must_use]
    pub fn into_entries(self) -> Texts {
        self.entries
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.entries.heap_bytes() + self.table.capacity() * (size_of::<(u64, u32)>() + 1)
    }
}

/// A decoded column of text: a dictionary with an id a row, or a text a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextColumn {
    /// Few distinct texts.
    Dictionary {
        /// Distinct texts.
        entries: Texts,
        /// Of each row, its place among the entries.
        ids: Vec<u32>,
    },
    /// A text a row.
    Plain(Texts),
}

impl TextColumn {
    /// Chooses a form: a dictionary if there are at most 32 distinct texts, or one for every 4 rows; a column that
    /// hardly repeats within its first rows is not tried further.
    #[must_use]
    pub fn of(texts: Texts) -> Self {
        match intern_all(&texts) {
            Some((entries, ids)) => TextColumn::Dictionary { entries, ids },
            None => TextColumn::Plain(texts),
        }
    }

    /// Rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            TextColumn::Dictionary { ids, .. } => ids.len(),
            TextColumn::Plain(texts) => texts.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a row; empty when there is no such row.
    #[must_use]
    pub fn get(&self, row: usize) -> &str {
        match self {
            TextColumn::Dictionary { entries, ids } => ids.get(row).map_or("", |id| entries.get(*id as usize)),
            TextColumn::Plain(texts) => texts.get(row),
        }
    }

    /// The texts to test: each distinct one of a dictionary once, all rows otherwise.
    #[must_use]
    pub fn candidates(&self) -> &Texts {
        match self {
            TextColumn::Dictionary { entries, .. } => entries,
            TextColumn::Plain(texts) => texts,
        }
    }

    /// Calls `visit` with every row and the index of its text among [`TextColumn::candidates`].
    pub fn for_each_row(&self, mut visit: impl FnMut(usize, usize)) {
        match self {
            TextColumn::Dictionary { ids, .. } => {
                ids.iter().enumerate().for_each(|(row, id)| visit(row, *id as usize));
            }
            TextColumn::Plain(texts) => (0..texts.len()).for_each(|row| visit(row, row)),
        }
    }

    /// Appends the column's bytes.
    pub fn put(&self, out: &mut Vec<u8>) {
        match self {
            TextColumn::Dictionary { entries, ids } => {
                out.push(DICTIONARY);
                put_varint(out, entries.len() as u64);
                put_texts(out, entries);
                put_ids(out, ids, entries.len());
            }
            TextColumn::Plain(texts) => {
                out.push(PLAIN);
                put_texts(out, texts);
            }
        }
    }
}

/// Appends ids below `distinct` in as many bits as the largest may need.
pub fn put_ids(out: &mut Vec<u8>, ids: &[u32], distinct: usize) {
    pack(out, ids.iter().map(|id| u64::from(*id)), id_width(distinct));
}

/// Reads what [`put_ids`] wrote and checks that every id is below `distinct`.
///
/// # Errors
/// Cut off, or an id out of range.
pub fn read_ids(reader: &mut Reader<'_>, count: usize, distinct: usize) -> Result<Vec<u32>, ColumnsError> {
    let ids = unpack(reader, count, id_width(distinct))?;
    if ids.iter().any(|id| *id >= distinct as u64) {
        return Err(ColumnsError::Inconsistent { what: WHAT, reason: "an id is out of range" });
    }
    Ok(ids.into_iter().map(|id| id as u32).collect())
}

/// Reads a column of `count` rows; the caller bounds the count.
///
/// # Errors
/// Cut off, not UTF-8, an unknown form, or an id out of range.
pub fn read_text_column(reader: &mut Reader<'_>, count: usize) -> Result<TextColumn, ColumnsError> {
    match reader.u8(WHAT)? {
        PLAIN => read_texts(reader, count).map(TextColumn::Plain),
        DICTIONARY => {
            let distinct = reader.varint(WHAT)?;
            let distinct = usize::try_from(distinct).ok().filter(|distinct| *distinct <= MAX_BLOCK_ROWS);
            let distinct =
                distinct.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "there are too many entries" })?;
            let entries = read_texts(reader, distinct)?;
            let ids = read_ids(reader, count, distinct)?;
            Ok(TextColumn::Dictionary { entries, ids })
        }
        other => Err(reader.error(WHAT, Problem::BadValue(u64::from(other))).into()),
    }
}

fn id_width(distinct: usize) -> u8 {
    width_of(distinct.saturating_sub(1) as u64)
}

fn intern_all(texts: &Texts) -> Option<(Texts, Vec<u32>)> {
    let cap = (texts.len() / ROWS_PER_DICTIONARY_ENTRY).max(MIN_DICTIONARY_ENTRIES);
    let mut interner = Interner::new();
    let mut ids = Vec::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        ids.push(interner.intern(text));
        let hardly_repeats = row == TRIAL_ROWS && interner.len() > TRIAL_ROWS / 4 * 3;
        if interner.len() > cap || hardly_repeats {
            return None;
        }
    }
    // A few rows that are all different are smaller plain.
    (interner.len() < texts.len() || texts.len() == 1).then(|| (interner.into_entries(), ids))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_repeats_becomes_a_dictionary() {
        let check = |texts: Texts, is_dictionary: bool| {
            let column = TextColumn::of(texts);
            assert_eq!(matches!(column, TextColumn::Dictionary { .. }), is_dictionary, "{column:?}");
        };
        check(["INFO", "WARN"].into_iter().cycle().take(100).collect(), true);
        let ids: Vec<String> = (0..500).map(|number| format!("id-{number}")).collect();
        check(ids.iter().map(String::as_str).collect(), false);
        check(["a", "b", "c"].into_iter().collect(), false);
    }

    #[test]
    fn interning_compares_bytes() {
        let mut interner = Interner::new();
        assert_eq!([interner.intern("a"), interner.intern("b"), interner.intern("a")], [0, 1, 0]);
        assert_eq!((interner.find("b"), interner.find("c")), (Some(1), None));
    }

    proptest! {
        #[test]
        fn columns_are_read_back(texts in proptest::collection::vec("[ab]{0,3}|.{0,5}", 0..200)) {
            let texts: Texts = texts.iter().map(String::as_str).collect();
            let mut out = Vec::new();
            TextColumn::of(texts.clone()).put(&mut out);
            let mut reader = Reader::new(&out);
            let column = read_text_column(&mut reader, texts.len()).unwrap();
            prop_assert!(reader.is_empty());
            prop_assert_eq!((0..texts.len()).map(|row| column.get(row)).collect::<Texts>(), texts);
        }

        #[test]
        fn garbage_never_panics(kind in 0u8..3, bytes: Vec<u8>, count in 0usize..100) {
            let all: Vec<u8> = std::iter::once(kind).chain(bytes).collect();
            let _ = read_text_column(&mut Reader::new(&all), count);
        }
    }
}
