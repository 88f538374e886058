//! The column of bodies: strings as templates and variables (or as they are, where templates do not repeat), other
//! values by reference.
//!
//! Variables are gathered into columns by their kind and the two bytes of template before them, so that the durations
//! behind `took ` share one column whatever the template.

use super::WHAT;
use super::opaque::{Opaque, OpaqueBuilder};
use super::template::{NUMBER, TEXT, Variable, split};
use super::words::for_each_word;
use crate::bits::{put_flags, put_unsigned, read_flags, read_unsigned};
use crate::bytes::{Problem, Reader, put_varint};
use crate::dictionary::{Interner, TextColumn, put_ids, read_ids, read_text_column};
use crate::error::ColumnsError;
use crate::limits::MAX_EXPANDED_BYTES;
use crate::strings::{Texts, push_number, put_texts, read_texts};
use clew_model::Value;
use hashbrown::HashMap;

const ALL_STRINGS: u8 = 0;
const SOME_STRINGS: u8 = 1;
const PLAIN: u8 = 0;
const TEMPLATES: u8 = 1;

/// Rows after which templates that hardly repeat are given up.
const TRIAL_ROWS: usize = 128;

/// Kind of placeholder and the two bytes before it.
type Context = (char, [u8; 2]);

/// Collects bodies.
#[derive(Debug, Default)]
pub(super) struct MessagesBuilder {
    texts: Texts,
    others: OpaqueBuilder,
    is_string: Vec<bool>,
}

/// A column of bodies as it was written.
#[derive(Debug)]
pub(super) struct BuiltMessages {
    pub strings: Strings,
    /// The strings as they came, where they are stored as templates.
    pub rendered: Texts,
    pub others: Opaque,
}

impl MessagesBuilder {
    pub fn push(&mut self, body: &Value) {
        match body {
            Value::String(text) => self.push_text(text),
            other => {
                self.is_string.push(false);
                self.others.push(other);
            }
        }
    }

    pub fn push_text(&mut self, text: &str) {
        self.is_string.push(true);
        self.texts.push(text);
    }

    /// Appends the column; answers what it holds.
    pub fn finish(self, out: &mut Vec<u8>) -> BuiltMessages {
        let Self { texts, others, is_string } = self;
        let others = if texts.len() == is_string.len() {
            out.push(ALL_STRINGS);
            Opaque::default()
        } else {
            out.push(SOME_STRINGS);
            put_flags(out, is_string);
            others.finish(out)
        };
        if texts.is_empty() {
            return BuiltMessages {
                strings: Strings::Column(TextColumn::Plain(Texts::new())),
                rendered: texts,
                others,
            };
        }
        match TemplateBuilder::split_all(&texts) {
            Some(templates) => {
                out.push(TEMPLATES);
                BuiltMessages { strings: Strings::Templates(templates.finish(out)), rendered: texts, others }
            }
            None => {
                out.push(PLAIN);
                let column = TextColumn::of(texts);
                column.put(out);
                BuiltMessages { strings: Strings::Column(column), rendered: Texts::new(), others }
            }
        }
    }
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
            let hardly_repeats = |rows: usize| builder.templates.len() > rows / 2 + 1;
            if row == TRIAL_ROWS && hardly_repeats(row) {
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

    fn finish(self, out: &mut Vec<u8>) -> Templates {
        let templates = self.templates.into_entries();
        put_varint(out, templates.len() as u64);
        put_ids(out, &self.ids, templates.len());
        put_texts(out, &templates);
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in self.columns {
            columns.push(match column {
                Variables::Numbers(numbers) => {
                    put_unsigned(out, &numbers);
                    VariableColumn::Numbers(numbers)
                }
                Variables::Texts(texts) => {
                    let column = TextColumn::of(texts);
                    column.put(out);
                    VariableColumn::Texts(column)
                }
            });
        }
        Templates { templates, ids: self.ids, columns_of: self.columns_of, columns }
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
    Templates(Templates),
}

/// Strings as templates and variables.
#[derive(Debug)]
pub(super) struct Templates {
    pub templates: Texts,
    pub ids: Vec<u32>,
    columns_of: Vec<Vec<usize>>,
    columns: Vec<VariableColumn>,
}

#[derive(Debug)]
enum VariableColumn {
    Numbers(Vec<u64>),
    Texts(TextColumn),
}

impl Messages {
    pub fn read(bytes: &[u8], rows: usize) -> Result<Self, ColumnsError> {
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
        let (mut strings, mut rest) = (0u32, 0u32);
        let next = |counter: &mut u32| {
            *counter += 1;
            *counter - 1
        };
        let place = |is_string: bool| match is_string {
            true => Place::String(next(&mut strings)),
            false => Place::Other(next(&mut rest)),
        };
        let places: Vec<Place> = flags.into_iter().map(place).collect();
        let strings = match strings as usize {
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
            TEMPLATES => Templates::read(reader, count).map(Strings::Templates),
            other => Err(reader.error(WHAT, Problem::BadValue(u64::from(other))).into()),
        }
    }
}

impl Templates {
    fn read(reader: &mut Reader<'_>, count: usize) -> Result<Self, ColumnsError> {
        let distinct = reader.varint(WHAT)?;
        let distinct = usize::try_from(distinct).ok().filter(|distinct| *distinct <= count);
        let distinct =
            distinct.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "there are too many templates" })?;
        let ids = read_ids(reader, count, distinct)?;
        let templates = read_texts(reader, distinct)?;
        let mut slots = Slots::default();
        let columns_of: Vec<Vec<usize>> = templates.iter().map(|template| slots.of_template(template)).collect();
        let mut counts = vec![0usize; slots.kinds.len()];
        for column in ids.iter().filter_map(|id| columns_of.get(*id as usize)).flatten() {
            if let Some(count) = counts.get_mut(*column) {
                *count += 1;
            }
        }
        let mut columns = Vec::with_capacity(counts.len());
        for (kind, count) in slots.kinds.iter().zip(counts) {
            columns.push(match *kind {
                NUMBER => VariableColumn::Numbers(read_unsigned(reader, count)?),
                _ => VariableColumn::Texts(read_text_column(reader, count)?),
            });
        }
        Ok(Self { templates, ids, columns_of, columns })
    }

    /// All strings.
    pub fn render(&self) -> Result<Texts, ColumnsError> {
        let mut cursors = vec![0usize; self.columns.len()];
        let mut texts = Texts::new();
        let mut text = String::new();
        for id in &self.ids {
            text.clear();
            let columns = self.columns_of.get(*id as usize).map_or(&[][..], Vec::as_slice);
            self.fill(self.templates.get(*id as usize), columns, &mut cursors, &mut text);
            texts.push(&text);
            if texts.joined().len() > MAX_EXPANDED_BYTES {
                return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the messages are too long" });
            }
        }
        Ok(texts)
    }

    /// Calls `visit` with every word of every string, lowercased: those without variables once a template.
    pub fn for_each_word(&self, mut visit: impl FnMut(&str)) {
        let mut scratch = String::new();
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | NUMBER | TEXT);
        let mut varying: Vec<Vec<&str>> = Vec::with_capacity(self.templates.len());
        for template in self.templates.iter() {
            let runs = || template.split(|c| !in_word(c)).filter(|run| !run.is_empty());
            let varies = |run: &&str| run.contains([NUMBER, TEXT]);
            runs().filter(|run| !varies(run)).for_each(|run| for_each_word(run, &mut scratch, &mut visit));
            varying.push(runs().filter(varies).collect());
        }
        let mut cursors = vec![0usize; self.columns.len()];
        let mut word = String::new();
        for id in &self.ids {
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
