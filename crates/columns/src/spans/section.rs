//! The sections of a block, and columns of strings.
//!
//! A section that is not there stands for zeros or empty strings.

use super::numbers;
use crate::bytes::{Problem, Reader};
use crate::container::{Container, ContainerBuilder};
use crate::error::ColumnsError;
use crate::strings::{Texts, put_texts, read_texts};
use std::collections::BTreeMap;

/// The four bytes a block begins with.
pub(super) const MAGIC: [u8; 4] = *b"CSB0";
pub(super) const WHAT: &str = "block of spans";

pub(super) const COUNTS: u32 = 1;
pub(super) const TRACES: u32 = 2;
pub(super) const STARTS: u32 = 3;
pub(super) const DURATIONS: u32 = 4;
pub(super) const SPAN_IDS: u32 = 5;
pub(super) const PARENTS: u32 = 6;
pub(super) const CODES: u32 = 7;
pub(super) const NAMES: u32 = 8;
pub(super) const RESOURCES: u32 = 9;
pub(super) const SCOPES: u32 = 10;
pub(super) const SHAPES: u32 = 11;
pub(super) const FLAGS: u32 = 12;
pub(super) const STATES: u32 = 13;
pub(super) const MESSAGES: u32 = 14;
pub(super) const DROPPED_ATTRIBUTES: u32 = 15;
pub(super) const DROPPED_EVENTS: u32 = 16;
pub(super) const DROPPED_LINKS: u32 = 17;
pub(super) const EVENT_COUNTS: u32 = 18;
pub(super) const EVENT_TIMES: u32 = 19;
pub(super) const EVENT_NAMES: u32 = 20;
pub(super) const EVENT_DROPPED: u32 = 21;
pub(super) const EVENT_SHAPES: u32 = 22;
pub(super) const LINK_COUNTS: u32 = 23;
pub(super) const LINK_IDS: u32 = 24;
pub(super) const LINK_STATES: u32 = 25;
pub(super) const LINK_FLAGS: u32 = 26;
pub(super) const LINK_DROPPED: u32 = 27;
pub(super) const LINK_SHAPES: u32 = 28;
/// There when a trace has several spans with one ID.
pub(super) const SHARED_IDS: u32 = 29;
const FIRST_COLUMN: u32 = 32;

/// Whose attributes a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Span = 0,
    Event = 1,
    Link = 2,
}

/// The section of an attribute column.
pub(super) fn column_section(column: u32, owner: Owner) -> u32 {
    FIRST_COLUMN.saturating_add(column.saturating_mul(3)).saturating_add(owner as u32)
}

/// Collects the sections of a block.
#[derive(Default)]
pub(super) struct Sections(BTreeMap<u32, Vec<u8>>);

impl Sections {
    pub(super) fn bytes(&mut self, id: u32, bytes: Vec<u8>) {
        self.0.insert(id, bytes);
    }

    pub(super) fn numbers(&mut self, id: u32, values: &[u64], runs: &[u32]) {
        if values.iter().any(|value| *value != 0) {
            let mut out = Vec::new();
            numbers::put(&mut out, values, runs);
            self.bytes(id, out);
        }
    }

    /// A column of strings by their numbers in the group; `places` are their places in the dictionary plus one.
    pub(super) fn strings(&mut self, id: u32, strings: &[u32], runs: &[u32], texts: &[&str], places: &[u32]) {
        let text_of = |string: u32| texts.get(string as usize).copied().unwrap_or_default();
        if strings.iter().all(|string| text_of(*string).is_empty()) {
            return;
        }
        let place_of = |string: &u32| u64::from(places.get(*string as usize).copied().unwrap_or(0));
        let codes: Vec<u64> = strings.iter().map(place_of).collect();
        let mut out = Vec::new();
        numbers::put(&mut out, &codes, runs);
        let raw: Texts = strings.iter().filter(|string| place_of(string) == 0).map(|string| text_of(*string)).collect();
        if !raw.is_empty() {
            put_texts(&mut out, &raw);
        }
        self.bytes(id, out);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        let mut builder = ContainerBuilder::new(MAGIC);
        self.0.iter().for_each(|(id, bytes)| builder.section(*id, bytes));
        builder.finish()
    }
}

/// A decoded column of strings: each value a place in the dictionary, a raw text, or nothing.
#[derive(Debug)]
pub(super) struct StringColumn {
    codes: Vec<Code>,
    pub raw: Texts,
}

/// Where the text of a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Empty,
    Known(u32),
    Raw(u32),
}

impl StringColumn {
    pub(super) fn code(&self, row: usize) -> Code {
        self.codes.get(row).copied().unwrap_or(Code::Empty)
    }

    pub(super) fn get<'a>(&'a self, row: usize, dictionary: &'a [compact_str::CompactString]) -> &'a str {
        match self.code(row) {
            Code::Empty => "",
            Code::Known(place) => dictionary.get(place as usize).map_or("", |text| text.as_str()),
            Code::Raw(place) => self.raw.get(place as usize),
        }
    }
}

/// Reads a column of numbers; zeros where there is no section.
pub(super) fn read_numbers<B: AsRef<[u8]>>(
    container: &Container<B>,
    id: u32,
    runs: &[u32],
) -> Result<Vec<u64>, ColumnsError> {
    let Some(bytes) = container.section(id)? else { return Ok(vec![0; runs.len()]) };
    let mut reader = Reader::new(bytes);
    let values = numbers::read(&mut reader, runs)?;
    reader.finish(WHAT)?;
    Ok(values)
}

/// Reads a column of numbers that count or point; each at most `most`.
pub(super) fn read_small<B: AsRef<[u8]>>(
    container: &Container<B>,
    id: u32,
    runs: &[u32],
    most: usize,
) -> Result<Vec<u32>, ColumnsError> {
    let small = |value: u64| u32::try_from(value).ok().filter(|value| *value as usize <= most);
    let values = read_numbers(container, id, runs)?;
    let checked = values.into_iter().map(small).collect::<Option<Vec<u32>>>();
    checked.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "a number points beyond what is there" })
}

/// Reads a column of strings.
pub(super) fn read_strings<B: AsRef<[u8]>>(
    container: &Container<B>,
    id: u32,
    runs: &[u32],
    dictionary: usize,
) -> Result<StringColumn, ColumnsError> {
    let Some(bytes) = container.section(id)? else {
        return Ok(StringColumn { codes: vec![Code::Empty; runs.len()], raw: Texts::new() });
    };
    let mut reader = Reader::new(bytes);
    let values = numbers::read(&mut reader, runs)?;
    let mut codes = Vec::with_capacity(values.len());
    let mut raw_count = 0u32;
    for value in values {
        codes.push(match value {
            0 => {
                raw_count += 1;
                Code::Raw(raw_count - 1)
            }
            place if place <= dictionary as u64 => Code::Known(place as u32 - 1),
            other => return Err(reader.error(WHAT, Problem::BadValue(other)).into()),
        });
    }
    let raw = if raw_count == 0 { Texts::new() } else { read_texts(&mut reader, raw_count as usize)? };
    reader.finish(WHAT)?;
    Ok(StringColumn { codes, raw })
}
