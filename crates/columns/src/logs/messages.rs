//! The column of bodies: strings as templates and variables (or as they are, where templates do not repeat), other
//! values by reference.
//!
//! Templates stand in three sections, since most questions need only the first two: the hash of each, by which what a
//! template says to a test is known from other blocks; which string has which; their texts and variables.
//!
//! Variables are gathered into columns by their kind and the two bytes of template before them, so that the durations
//! behind `took ` share one column whatever the template.

use super::bodies::is_structured;
use super::opaque::{Opaque, OpaqueBuilder};
use super::template::{NUMBER, TEXT, Variable, split};
use super::words::for_each_word;
use super::{WHAT, section};
use crate::bits::{put_flags, put_unsigned, read_flags, read_unsigned};
use crate::bytes::{Problem, Reader, put_u64, put_varint};
use crate::dictionary::{Interner, TextColumn, put_ids, read_ids, read_text_column};
use crate::error::ColumnsError;
use crate::limits::MAX_EXPANDED_BYTES;
use crate::strings::{Texts, push_number, put_texts, read_texts};
use clew_model::Value;
use clew_model::logs::plain_text;
use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

const ALL_STRINGS: u8 = 0;
const SOME_STRINGS: u8 = 1;
const PLAIN: u8 = 0;
const TEMPLATES: u8 = 1;

/// After so many rows templates are given up if more than so many eighths of them have one of their own. Hundreds of
/// templates begin to repeat late.
const TRIALS: [(usize, usize); 2] = [(128, 7), (512, 5)];

/// Kind of placeholder and the two bytes before it.
type Context = (char, [u8; 2]);

/// Collects bodies.
#[derive(Debug, Default)]
pub(super) struct MessagesBuilder {
    texts: Texts,
    others: OpaqueBuilder,
    is_string: Vec<bool>,
}

/// A column of bodies as it is written.
#[derive(Debug)]
pub(super) struct BuiltMessages {
    pub strings: BuiltStrings,
    pub others: Opaque,
    is_string: Vec<bool>,
    /// The bytes of the section of bodies.
    body: Vec<u8>,
}

/// The bodies that are strings, as they are written.
#[derive(Debug)]
pub(super) enum BuiltStrings {
    Column(TextColumn),
    /// Templates, which string has which, and the strings as they came.
    Templates(Templates, Vec<u32>, Texts),
}

impl MessagesBuilder {
    pub(super) fn push(&mut self, body: &Value) {
        match body {
            Value::String(text) => self.push_text(text),
            other => {
                self.is_string.push(false);
                self.others.push(other);
            }
        }
    }

    pub(super) fn push_text(&mut self, text: &str) {
        self.is_string.push(true);
        self.texts.push(text);
    }

    /// Takes the column apart; [`BuiltMessages::sections`] gives the bytes.
    pub(super) fn finish(self) -> BuiltMessages {
        let Self { texts, others, is_string } = self;
        let mut body = Vec::new();
        let others = if texts.len() == is_string.len() {
            body.push(ALL_STRINGS);
            Opaque::default()
        } else {
            body.push(SOME_STRINGS);
            put_flags(&mut body, is_string.iter().copied());
            others.finish(&mut body)
        };
        let strings = if texts.is_empty() {
            BuiltStrings::Column(TextColumn::Plain(texts))
        } else if let Some(builder) = TemplateBuilder::split_all(&texts) {
            body.push(TEMPLATES);
            put_varint(&mut body, builder.templates.len() as u64);
            put_ids(&mut body, &builder.ids, builder.templates.len());
            let (templates, ids) = builder.finish();
            BuiltStrings::Templates(templates, ids, texts)
        } else {
            body.push(PLAIN);
            let column = TextColumn::of(texts);
            column.put(&mut body);
            BuiltStrings::Column(column)
        };
        BuiltMessages { strings, others, is_string, body }
    }
}

impl BuiltMessages {
    /// Whether a body is a map or list.
    pub(super) fn are_structured(&self) -> bool {
        self.others.entries.iter().any(is_structured)
    }

    /// The column as if it had been read, but for its strings.
    pub(super) fn into_others(self) -> Messages {
        let strings = Strings::Column(TextColumn::Plain(Texts::new()));
        Messages { places: places(self.is_string), strings, others: self.others }
    }

    /// Calls `add` with the sections, whose numbers grow.
    pub(super) fn sections(&self, mut add: impl FnMut(u32, &[u8])) {
        if let BuiltStrings::Templates(templates, ..) = &self.strings {
            let mut hashes = Vec::with_capacity(templates.templates.len() * 8);
            templates.templates.iter().for_each(|template| put_u64(&mut hashes, template_hash(template)));
            add(section::TEMPLATE_HASHES, &hashes);
        }
        add(section::BODY, &self.body);
        if let BuiltStrings::Templates(templates, ..) = &self.strings {
            let mut texts = Vec::new();
            templates.put(&mut texts);
            add(section::TEMPLATES, &texts);
        }
    }
}

/// Stands for a template: the first eight bytes of its SHA-256 as a little-endian number. What one template said to a
/// test is taken for what another of the same hash says, so nobody may be able to make a second one to a given hash. (Who
/// makes both may hide the one behind the other, for some 2^32 hashes, in a search that meets both: that hides what is
/// their own.)
fn template_hash(template: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(Sha256::digest(template.as_bytes()));
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[derive(Default)]
struct TemplateBuilder {
    templates: Interner,
    ids: Vec<u32>,
    slots: Slots,
    /// Of each template, the columns of its placeholders.
    columns_of: Vec<Vec<usize>>,
    columns: Vec<Variables>,
}

enum Variables {
    Numbers(Vec<u64>),
    Texts(Texts),
}

impl TemplateBuilder {
    /// `None` when a message cannot be split, or too few share their template.
    fn split_all(texts: &Texts) -> Option<Self> {
        let mut builder = Self::default();
        let mut template = String::new();
        for (row, text) in texts.iter().enumerate() {
            template.clear();
            let mut variables: [Variable<'_>; 16] = [Variable::Number(0); 16];
            let mut more = Vec::new();
            let mut count = 0;
            let splits = split(text, &mut template, &mut |variable| {
                match variables.get_mut(count) {
                    Some(place) => *place = variable,
                    None => more.push(variable),
                }
                count += 1;
            });
            if !splits {
                return None;
            }
            let first = variables.get(..count.min(variables.len())).unwrap_or_default();
            builder.add(&template, first.iter().chain(&more));
            let templates = builder.templates.len();
            if TRIALS.iter().any(|(rows, eighths)| row == *rows && templates > rows / 8 * eighths) {
                return None;
            }
        }
        // Few messages: as they are, they compress as well and are read faster.
        (builder.templates.len() <= texts.len() / 2).then_some(builder)
    }

    fn add<'a>(&mut self, template: &str, variables: impl Iterator<Item = &'a Variable<'a>>) {
        let id = self.templates.intern(template);
        if id as usize == self.columns_of.len() {
            let columns = self.slots.of_template(template);
            self.columns_of.push(columns);
        }
        self.ids.push(id);
        let columns = self.columns_of.get(id as usize).map_or(&[][..], Vec::as_slice);
        for (variable, column) in variables.zip(columns) {
            if *column == self.columns.len() {
                self.columns.push(match variable {
                    Variable::Number(_) => Variables::Numbers(Vec::new()),
                    Variable::Text(_) => Variables::Texts(Texts::new()),
                });
            }
            match (self.columns.get_mut(*column), variable) {
                (Some(Variables::Numbers(numbers)), Variable::Number(number)) => numbers.push(*number),
                (Some(Variables::Texts(texts)), Variable::Text(text)) => texts.push(text),
                // A column's kind is part of its context, so the two always agree.
                _ => {}
            }
        }
    }

    /// The templates, and which string has which.
    fn finish(self) -> (Templates, Vec<u32>) {
        let column = |column| match column {
            Variables::Numbers(numbers) => VariableColumn::Numbers(numbers),
            Variables::Texts(texts) => VariableColumn::Texts(TextColumn::of(texts)),
        };
        let columns = self.columns.into_iter().map(column).collect();
        let templates = Templates { templates: self.templates.into_entries(), columns_of: self.columns_of, columns };
        (templates, self.ids)
    }
}

/// Numbers the columns of variables in the order in which templates first need them.
#[derive(Default)]
struct Slots {
    known: HashMap<Context, usize>,
    kinds: Vec<char>,
}

impl Slots {
    fn of_template(&mut self, template: &str) -> Vec<usize> {
        let bytes = template.as_bytes();
        let before = |at: usize, back: usize| at.checked_sub(back).and_then(|at| bytes.get(at)).copied().unwrap_or(0);
        let mut columns = Vec::new();
        for (at, kind) in template.match_indices([NUMBER, TEXT]) {
            let kind = if kind.starts_with(NUMBER) { NUMBER } else { TEXT };
            let context = (kind, [before(at, 2), before(at, 1)]);
            let next = self.kinds.len();
            let column = *self.known.entry(context).or_insert(next);
            if column == next {
                self.kinds.push(kind);
            }
            columns.push(column);
        }
        columns
    }
}

/// A decoded column of bodies.
#[derive(Debug)]
pub(super) struct Messages {
    /// Of each row, its place among the strings, or among the others.
    pub places: Vec<Place>,
    pub strings: Strings,
    pub others: Opaque,
}

/// Where the body of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    String(u32),
    Other(u32),
}

/// The bodies that are strings.
#[derive(Debug)]
pub(super) enum Strings {
    Column(TextColumn),
    Templates(TemplateIds),
}

/// Which string has which template.
#[derive(Debug)]
pub(super) struct TemplateIds {
    pub ids: Vec<u32>,
    /// How many templates there are: all numbers below it.
    pub distinct: usize,
}

/// The texts of templates, and the variables of the strings that have them.
#[derive(Debug)]
pub(super) struct Templates {
    pub templates: Texts,
    columns_of: Vec<Vec<usize>>,
    columns: Vec<VariableColumn>,
}

#[derive(Debug)]
enum VariableColumn {
    Numbers(Vec<u64>),
    Texts(TextColumn),
}

/// The place of each row, by whether its body is a string.
fn places(is_string: Vec<bool>) -> Vec<Place> {
    let (mut strings, mut rest) = (0u32, 0u32);
    let next = |counter: &mut u32| {
        *counter += 1;
        *counter - 1
    };
    let place = |is_string: bool| match is_string {
        true => Place::String(next(&mut strings)),
        false => Place::Other(next(&mut rest)),
    };
    is_string.into_iter().map(place).collect()
}

impl Messages {
    pub(super) fn read(bytes: &[u8], rows: usize) -> Result<Self, ColumnsError> {
        let mut reader = Reader::new(bytes);
        let (flags, others) = match reader.u8(WHAT)? {
            ALL_STRINGS => (vec![true; rows], Opaque::default()),
            SOME_STRINGS => {
                let flags = read_flags(&mut reader, rows)?;
                let count = flags.iter().filter(|is_string| !**is_string).count();
                (flags, Opaque::read(&mut reader, count)?)
            }
            other => return Err(reader.error(WHAT, Problem::BadValue(u64::from(other))).into()),
        };
        let strings = flags.iter().filter(|is_string| **is_string).count();
        let places = places(flags);
        let strings = match strings {
            0 => Strings::Column(TextColumn::Plain(Texts::new())),
            count => Strings::read(&mut reader, count)?,
        };
        reader.finish(WHAT)?;
        Ok(Self { places, strings, others })
    }
}

impl Strings {
    fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self, ColumnsError> {
        match reader.u8(WHAT)? {
            PLAIN => read_text_column(reader, count).map(Strings::Column),
            TEMPLATES => TemplateIds::read(reader, count).map(Strings::Templates),
            other => Err(reader.error(WHAT, Problem::BadValue(u64::from(other))).into()),
        }
    }
}

impl TemplateIds {
    fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self, ColumnsError> {
        let distinct = reader.varint(WHAT)?;
        let distinct = usize::try_from(distinct).ok().filter(|distinct| *distinct <= count);
        let distinct =
            distinct.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "there are too many templates" })?;
        Ok(Self { ids: read_ids(reader, count, distinct)?, distinct })
    }

    /// The hashes of the templates, out of their section.
    pub(super) fn read_hashes(&self, bytes: &[u8]) -> Result<Vec<u64>, ColumnsError> {
        let mut reader = Reader::new(bytes);
        let hashes = (0..self.distinct).map(|_| reader.u64(WHAT)).collect::<Result<Vec<u64>, _>>()?;
        reader.finish(WHAT)?;
        Ok(hashes)
    }
}

impl Templates {
    fn put(&self, out: &mut Vec<u8>) {
        put_texts(out, &self.templates);
        for column in &self.columns {
            match column {
                VariableColumn::Numbers(numbers) => put_unsigned(out, numbers),
                VariableColumn::Texts(column) => column.put(out),
            }
        }
    }

    /// Reads their section.
    pub(super) fn read(bytes: &[u8], own: &TemplateIds) -> Result<Self, ColumnsError> {
        let mut reader = Reader::new(bytes);
        let templates = read_texts(&mut reader, own.distinct)?;
        let mut slots = Slots::default();
        let columns_of: Vec<Vec<usize>> = templates.iter().map(|template| slots.of_template(template)).collect();
        let mut counts = vec![0usize; slots.kinds.len()];
        for column in own.ids.iter().filter_map(|id| columns_of.get(*id as usize)).flatten() {
            if let Some(count) = counts.get_mut(*column) {
                *count += 1;
            }
        }
        let mut columns = Vec::with_capacity(counts.len());
        for (kind, count) in slots.kinds.iter().zip(counts) {
            columns.push(match *kind {
                NUMBER => VariableColumn::Numbers(read_unsigned(&mut reader, count)?),
                _ => VariableColumn::Texts(read_text_column(&mut reader, count)?),
            });
        }
        reader.finish(WHAT)?;
        Ok(Self { templates, columns_of, columns })
    }

    /// All strings.
    pub(super) fn render(&self, ids: &[u32]) -> Result<Texts, ColumnsError> {
        self.render_those(ids, |_, _| true)
    }

    /// The strings that are wanted by their place and template, in their order.
    pub(super) fn render_those(
        &self,
        ids: &[u32],
        is_wanted: impl Fn(usize, u32) -> bool,
    ) -> Result<Texts, ColumnsError> {
        let mut cursors = vec![0usize; self.columns.len()];
        let mut texts = Texts::new();
        let mut text = String::new();
        for (string, id) in ids.iter().enumerate() {
            let columns = self.columns_of.get(*id as usize).map_or(&[][..], Vec::as_slice);
            if !is_wanted(string, *id) {
                for column in columns {
                    cursors.get_mut(*column).into_iter().for_each(|cursor| *cursor += 1);
                }
                continue;
            }
            text.clear();
            self.fill(self.templates.get(*id as usize), columns, &mut cursors, &mut text);
            texts.push(&text);
            if texts.joined().len() > MAX_EXPANDED_BYTES {
                return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the messages are too long" });
            }
        }
        Ok(texts)
    }

    /// Calls `visit` with every word of every string, lowercased: those without variables once a template.
    pub(super) fn for_each_word(&self, ids: &[u32], mut visit: impl FnMut(&str)) {
        let mut scratch = String::new();
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | NUMBER | TEXT);
        let shown: Vec<Cow<'_, str>> = self.templates.iter().map(plain_text).collect();
        let mut varying: Vec<Vec<&str>> = Vec::with_capacity(self.templates.len());
        for template in &shown {
            let runs = || template.split(|c| !in_word(c)).filter(|run| !run.is_empty());
            let varies = |run: &&str| run.contains([NUMBER, TEXT]);
            runs().filter(|run| !varies(run)).for_each(|run| for_each_word(run, &mut scratch, &mut visit));
            varying.push(runs().filter(varies).collect());
        }
        let mut cursors = vec![0usize; self.columns.len()];
        let mut word = String::new();
        for id in ids {
            let mut columns = self.columns_of.get(*id as usize).map_or(&[][..], Vec::as_slice);
            for run in varying.get(*id as usize).into_iter().flatten() {
                let (own, rest) = columns.split_at(run.matches([NUMBER, TEXT]).count().min(columns.len()));
                columns = rest;
                word.clear();
                self.fill(run, own, &mut cursors, &mut word);
                // Words with variables are never so long that they are cut.
                for_each_word(&word, &mut scratch, &mut visit);
            }
        }
    }

    fn fill(&self, template: &str, columns: &[usize], cursors: &mut [usize], text: &mut String) {
        let mut from = 0;
        for ((at, placeholder), column) in template.match_indices([NUMBER, TEXT]).zip(columns) {
            text.push_str(template.get(from..at).unwrap_or_default());
            from = at + placeholder.len();
            let cursor = cursors.get_mut(*column).map_or(0, |cursor| {
                *cursor += 1;
                *cursor - 1
            });
            match self.columns.get(*column) {
                Some(VariableColumn::Numbers(numbers)) => {
                    push_number(text, numbers.get(cursor).copied().unwrap_or(0));
                }
                Some(VariableColumn::Texts(texts)) => text.push_str(texts.get(cursor)),
                None => {}
            }
        }
        text.push_str(template.get(from..).unwrap_or_default());
    }
}
