//! Columns as dictionaries and codes.

use super::id_column::IdColumn;
use super::leaves::Leaf;
use super::shapes::Shapes;
use crate::dictionary::{Interner, TextColumn};
use crate::strings::{Texts, push_hex};
use clew_model::RowSet;
use clew_model::logs::{Codes, Dictionary, FieldValues, Severity, counted_level};
use hashbrown::HashMap;
use std::borrow::Cow;

/// Texts of a column.
pub(super) struct Entries<'b>(pub &'b Texts);

impl Dictionary for Entries<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn text<'s>(&'s self, code: usize, _scratch: &'s mut String) -> &'s str {
        self.0.get(code)
    }
}

/// Texts made for the occasion.
struct Own(Texts);

impl Dictionary for Own {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn text<'s>(&'s self, code: usize, _scratch: &'s mut String) -> &'s str {
        self.0.get(code)
    }
}

/// Numbers, each once, written out when they are asked for.
struct Distinct<T>(Vec<T>, fn(&T, &mut String));

impl<T> Dictionary for Distinct<T> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn text<'s>(&'s self, code: usize, scratch: &'s mut String) -> &'s str {
        scratch.clear();
        if let Some(value) = self.0.get(code) {
            (self.1)(value, scratch);
        }
        scratch
    }
}

struct Ids<'b, const N: usize>(&'b [[u8; N]]);

impl<const N: usize> Dictionary for Ids<'_, N> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn text<'s>(&'s self, code: usize, scratch: &'s mut String) -> &'s str {
        scratch.clear();
        if let Some(id) = self.0.get(code) {
            push_hex(scratch, id);
        }
        scratch
    }
}

impl<const N: usize> IdColumn<N> {
    /// The IDs of the rows.
    pub(super) fn values(&self) -> FieldValues<'_> {
        let codes = self.rows.iter().map(|place| place.unwrap_or(Codes::NONE)).collect();
        FieldValues { dictionary: Box::new(Ids(&self.entries)), codes: Codes::Single(Cow::Owned(codes)) }
    }

    /// How many of the rows have an ID.
    pub(super) fn rows_with(&self, rows: &RowSet) -> u64 {
        rows.iter().filter(|row| self.rows.get(*row).is_some_and(Option::is_some)).count() as u64
    }
}

/// Which rows have which texts, given one by one; a pair given twice counts once.
#[derive(Debug, Default)]
pub(super) struct Texted {
    texts: Interner,
    pairs: Vec<(u32, u32)>,
}

impl Texted {
    pub(super) fn add(&mut self, row: usize, text: &str) {
        self.pairs.push((row as u32, self.texts.intern(text)));
    }

    pub(super) fn into_values(mut self) -> FieldValues<'static> {
        self.pairs.sort_unstable();
        self.pairs.dedup();
        FieldValues { dictionary: Box::new(Own(self.texts.into_entries())), codes: Codes::Several(self.pairs) }
    }
}

/// The values of a leaf column.
pub(super) fn leaf_values<'b>(leaf: &'b Leaf, index: usize, shapes: &Shapes, rows: &RowSet) -> FieldValues<'b> {
    if !shapes.is_single(index) {
        let mut texted = Texted::default();
        shapes.for_each_value(index, |row, place| {
            if rows.contains(row) {
                texted.add(row, &leaf.value(place).display_text());
            }
        });
        return texted.into_values();
    }
    let scatter = |ids: Cow<'b, [u32]>| -> Codes<'b> {
        if shapes.is_in_every_row(index) {
            return Codes::Single(ids);
        }
        let mut codes = vec![Codes::NONE; shapes.rows.len()];
        shapes.for_each_value(index, |row, place| {
            if let (Some(code), Some(id)) = (codes.get_mut(row), ids.get(place)) {
                *code = *id;
            }
        });
        Codes::Single(Cow::Owned(codes))
    };
    let count = shapes.columns.get(index).map_or(0, |column| column.count);
    let (dictionary, ids): (Box<dyn Dictionary + 'b>, Cow<'b, [u32]>) = match leaf {
        Leaf::Text(TextColumn::Dictionary { entries, ids }) | Leaf::Number(TextColumn::Dictionary { entries, ids }) => {
            (Box::new(Entries(entries)), Cow::Borrowed(ids.as_slice()))
        }
        Leaf::Text(TextColumn::Plain(texts)) | Leaf::Number(TextColumn::Plain(texts)) => {
            (Box::new(Entries(texts)), Cow::Owned((0..texts.len() as u32).collect()))
        }
        Leaf::Null => (Box::new(Own(Texts::from_iter(["null"]))), Cow::Owned(vec![0; count])),
        Leaf::Bool(flags) => {
            let codes = flags.iter().map(|flag| u32::from(*flag)).collect();
            (Box::new(Own(Texts::from_iter(["false", "true"]))), Cow::Owned(codes))
        }
        Leaf::Int(numbers) => {
            let (distinct, codes) = distinct(numbers.iter().copied());
            (Box::new(Distinct(distinct, |number, out| out.push_str(&number.to_string()))), Cow::Owned(codes))
        }
        Leaf::Double(numbers) => {
            // By bits: what looks alike is alike, NaN too.
            let (distinct, codes) = distinct(numbers.iter().map(|number| number.to_bits()));
            let write = |bits: &u64, out: &mut String| {
                out.push_str(&clew_model::Value::Double(f64::from_bits(*bits)).display_text());
            };
            (Box::new(Distinct(distinct, write)), Cow::Owned(codes))
        }
        Leaf::Opaque(values) => {
            let texts: Vec<Cow<'_, str>> = values.entries.iter().map(|value| value.display_text()).collect();
            (Box::new(Own(texts.iter().map(AsRef::as_ref).collect())), Cow::Borrowed(values.ids.as_slice()))
        }
    };
    FieldValues { dictionary, codes: scatter(ids) }
}

/// Each value once, and of each place which it has.
fn distinct<T: Copy + Eq + std::hash::Hash>(values: impl Iterator<Item = T>) -> (Vec<T>, Vec<u32>) {
    let mut known: HashMap<T, u32> = HashMap::new();
    let mut distinct = Vec::new();
    let codes = values.map(|value| {
        *known.entry(value).or_insert_with(|| {
            distinct.push(value);
            distinct.len() as u32 - 1
        })
    });
    let codes = codes.collect();
    (distinct, codes)
}

/// The texts of the item that each row refers to; `None` where no item has any.
pub(super) fn by_entry(ids: &[u32], rows: &RowSet, texts: &[Vec<String>]) -> Option<FieldValues<'static>> {
    if texts.iter().all(Vec::is_empty) {
        return None;
    }
    if texts.iter().all(|texts| texts.len() <= 1) {
        let codes = |id: &u32| texts.get(*id as usize).is_some_and(|texts| !texts.is_empty());
        let codes = ids.iter().map(|id| if codes(id) { *id } else { Codes::NONE }).collect();
        let entries = texts.iter().map(|texts| texts.first().map_or("", String::as_str)).collect();
        return Some(FieldValues { dictionary: Box::new(Own(entries)), codes: Codes::Single(Cow::Owned(codes)) });
    }
    let mut texted = Texted::default();
    for row in rows.iter() {
        let texts = ids.get(row).and_then(|id| texts.get(*id as usize));
        texts.into_iter().flatten().for_each(|text| texted.add(row, text));
    }
    Some(texted.into_values())
}

/// The services of the rows that have one.
pub(super) fn service_values(services: &TextColumn) -> FieldValues<'_> {
    let entries = services.candidates();
    let code = |id: u32| if entries.get(id as usize).is_empty() { Codes::NONE } else { id };
    let codes = match services {
        TextColumn::Dictionary { ids, .. } if entries.iter().all(|entry| !entry.is_empty()) => {
            Cow::Borrowed(ids.as_slice())
        }
        TextColumn::Dictionary { ids, .. } => ids.iter().map(|id| code(*id)).collect(),
        TextColumn::Plain(texts) => (0..texts.len() as u32).map(code).collect(),
    };
    FieldValues { dictionary: Box::new(Entries(entries)), codes: Codes::Single(codes) }
}

/// The levels of the rows that have one: the name of the range, or the text as sent where that is none.
pub(super) fn severity_values<'b>(numbers: &[u8], texts: &TextColumn) -> FieldValues<'b> {
    let candidates = texts.candidates();
    let mut entries: Texts = candidates.iter().collect();
    let ranges = entries.len() as u32;
    // The first number of each range.
    (1..=24).step_by(4).for_each(|number| entries.push(Severity::from_number(number).range_name()));
    let mut codes = vec![Codes::NONE; numbers.len()];
    texts.for_each_row(|row, candidate| {
        let Some(code) = codes.get_mut(row) else { return };
        let number = numbers.get(row).copied().unwrap_or(0);
        if let Some(range) = clew_model::logs::severity_range(number).checked_sub(1) {
            *code = ranges + range as u32;
        } else if !candidates.get(candidate).is_empty() {
            *code = candidate as u32;
        }
    });
    FieldValues { dictionary: Box::new(Own(entries)), codes: Codes::Single(Cow::Owned(codes)) }
}

/// The values of a field that says levels, as they are counted.
pub(super) fn counted_levels(values: &FieldValues<'_>) -> FieldValues<'static> {
    let (mut texts, mut scratch) = (Interner::new(), String::new());
    let mut code_of = |code: usize| match counted_level(values.dictionary.text(code, &mut scratch)) {
        Some(text) => texts.intern(&text),
        None => Codes::NONE,
    };
    let codes_of: Vec<u32> = (0..values.dictionary.len()).map(&mut code_of).collect();
    let code_of = |code: u32| codes_of.get(code as usize).copied().unwrap_or(Codes::NONE);
    let codes = match &values.codes {
        Codes::Single(codes) => Codes::Single(codes.iter().map(|code| code_of(*code)).collect()),
        Codes::Several(pairs) => {
            let pairs = pairs.iter().map(|(row, code)| (*row, code_of(*code)));
            let mut pairs: Vec<(u32, u32)> = pairs.filter(|(_, code)| *code != Codes::NONE).collect();
            pairs.sort_unstable();
            pairs.dedup();
            Codes::Several(pairs)
        }
    };
    FieldValues { dictionary: Box::new(Own(texts.into_entries())), codes }
}

/// The values of several columns under one name: of a text that a row has in two of them, one.
pub(super) fn merged<'b>(block_rows: usize, rows: &RowSet, mut values: Vec<FieldValues<'b>>) -> FieldValues<'b> {
    if values.len() <= 1 {
        return values.pop().unwrap_or_else(|| Texted::default().into_values());
    }
    let mut merge = Merge { texts: Interner::new(), first: vec![Codes::NONE; block_rows], more: Vec::new() };
    values.iter().for_each(|values| merge.add(values, rows));
    let codes = if merge.more.is_empty() {
        Codes::Single(Cow::Owned(merge.first))
    } else {
        let first = (0u32..).zip(merge.first).filter(|(_, code)| *code != Codes::NONE);
        let mut pairs: Vec<(u32, u32)> = first.chain(merge.more).collect();
        pairs.sort_unstable();
        pairs.dedup();
        Codes::Several(pairs)
    };
    FieldValues { dictionary: Box::new(Own(merge.texts.into_entries())), codes }
}

struct Merge {
    texts: Interner,
    first: Vec<u32>,
    more: Vec<(u32, u32)>,
}

impl Merge {
    fn add(&mut self, values: &FieldValues<'_>, rows: &RowSet) {
        // Codes of the merged dictionary, found when they are first met.
        let mut own = vec![Codes::NONE; values.dictionary.len()];
        let mut scratch = String::new();
        match &values.codes {
            Codes::Single(codes) => {
                for row in rows.iter() {
                    let code = codes.get(row).copied().filter(|code| *code != Codes::NONE);
                    code.into_iter().for_each(|code| self.pair(row, code, values, &mut own, &mut scratch));
                }
            }
            Codes::Several(pairs) => {
                for (row, code) in pairs.iter().filter(|(row, _)| rows.contains(*row as usize)) {
                    self.pair(*row as usize, *code, values, &mut own, &mut scratch);
                }
            }
        }
    }

    fn pair(&mut self, row: usize, code: u32, values: &FieldValues<'_>, own: &mut [u32], scratch: &mut String) {
        let Some(own) = own.get_mut(code as usize) else { return };
        if *own == Codes::NONE {
            *own = self.texts.intern(values.dictionary.text(code as usize, scratch));
        }
        match self.first.get_mut(row) {
            Some(first) if *first == Codes::NONE => *first = *own,
            Some(first) if *first != *own => self.more.push((row as u32, *own)),
            _ => {}
        }
    }
}
