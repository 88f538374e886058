//! What the blocks of a group share: strings, resources, scopes, attribute columns and shapes.

use crate::bytes::{BytesError, Problem, Reader, put_text, put_varint};
use crate::compress::{put_compressed, read_compressed};
use crate::container::{Container, ContainerBuilder};
use crate::error::ColumnsError;
use crate::frames::traces::{put_resource, put_scope, read_resource, read_scope};
use crate::strings::{Texts, put_texts, read_texts};
use clew_model::{Resource, Scope};
use compact_str::CompactString;
use std::sync::Arc;

const MAGIC: [u8; 4] = *b"CSD0";
const WHAT: &str = "dictionary of spans";

const STRINGS: u32 = 1;
const RESOURCES: u32 = 2;
const SCOPES: u32 = 3;
const COLUMNS: u32 = 4;
const SHAPES: u32 = 5;

/// How the values of a column are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    Null,
    Bool,
    Int,
    Double,
    Number,
    Text,
    Other,
}

impl Form {
    const ALL: [Form; 7] = [Form::Null, Form::Bool, Form::Int, Form::Double, Form::Number, Form::Text, Form::Other];
}

/// One key with one form of values; a key repeated in one list has a column for each repetition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub key: CompactString,
    pub form: Form,
}

/// The dictionary of a group of blocks.
#[derive(Debug, Default)]
pub struct SpanDictionary {
    pub(crate) strings: Vec<CompactString>,
    pub(crate) resources: Vec<Arc<Resource>>,
    pub(crate) scopes: Vec<Arc<Scope>>,
    pub(crate) columns: Vec<Column>,
    /// The columns of a list of attributes, in the order of the list.
    pub(crate) shapes: Vec<Vec<u32>>,
    heap_bytes: usize,
}

impl SpanDictionary {
    /// Its bytes.
    pub(super) fn encode(
        strings: &Texts,
        resources: &[&Resource],
        scopes: &[&Scope],
        columns: &[Column],
        shapes: &[Vec<u32>],
    ) -> Vec<u8> {
        let mut builder = ContainerBuilder::new(MAGIC);
        let mut out = Vec::new();
        put_varint(&mut out, strings.len() as u64);
        put_texts(&mut out, strings);
        builder.section(STRINGS, &out);
        builder.section(RESOURCES, &compressed(resources.iter().copied(), put_resource));
        builder.section(SCOPES, &compressed(scopes.iter().copied(), put_scope));
        builder.section(
            COLUMNS,
            &compressed(columns.iter(), |out, column| {
                out.push(column.form as u8);
                put_text(out, &column.key);
            }),
        );
        builder.section(
            SHAPES,
            &compressed(shapes.iter(), |out, shape| {
                put_varint(out, shape.len() as u64);
                shape.iter().for_each(|column| put_varint(out, u64::from(*column)));
            }),
        );
        builder.finish()
    }

    /// Reads a dictionary.
    ///
    /// # Errors
    /// Damaged, or written by a newer version.
    pub fn open(bytes: &[u8]) -> Result<Self, ColumnsError> {
        let container = Container::open(bytes, MAGIC)?;
        let mut reader = Reader::new(container.required(STRINGS)?);
        let count = usize::try_from(reader.varint(WHAT)?).unwrap_or(usize::MAX);
        if count > MAX_STRINGS {
            return Err(reader.error(WHAT, Problem::BadValue(count as u64)).into());
        }
        let texts = read_texts(&mut reader, count)?;
        let strings: Vec<CompactString> = texts.iter().map(CompactString::from).collect();
        let resources = expanded(container.required(RESOURCES)?, |reader| read_resource(reader).map(Arc::new))?;
        let scopes = expanded(container.required(SCOPES)?, |reader| read_scope(reader).map(Arc::new))?;
        let columns = expanded(container.required(COLUMNS)?, read_column)?;
        let shapes = expanded(container.required(SHAPES)?, |reader| read_shape(reader, columns.len()))?;
        // Resources and scopes are few; the factor covers their attributes.
        let heap_bytes = texts.heap_bytes() * 3 + columns.len() * 48 + shapes.len() * 64 + bytes.len() * 8;
        Ok(Self { strings, resources, scopes, columns, shapes, heap_bytes })
    }

    /// Bytes of memory held; an estimate.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    /// The resources, by their number in the blocks' columns.
    #[must_use]
    pub fn resources(&self) -> &[Arc<Resource>] {
        &self.resources
    }
}

/// More strings than the spans of a group could bring is damage.
const MAX_STRINGS: usize = 1 << 26;

fn compressed<'a, T: 'a + ?Sized>(
    items: impl ExactSizeIterator<Item = &'a T>,
    put: impl Fn(&mut Vec<u8>, &T),
) -> Vec<u8> {
    let mut plain = Vec::new();
    put_varint(&mut plain, items.len() as u64);
    items.for_each(|item| put(&mut plain, item));
    let mut out = Vec::new();
    put_compressed(&mut out, &plain);
    out
}

fn expanded<T>(bytes: &[u8], read: impl Fn(&mut Reader<'_>) -> Result<T, BytesError>) -> Result<Vec<T>, ColumnsError> {
    let plain = read_compressed(&mut Reader::new(bytes))?;
    let mut reader = Reader::new(&plain);
    let count = reader.count(1, WHAT)?;
    let mut items = Vec::with_capacity(count.min(4096));
    for _ in 0..count {
        items.push(read(&mut reader)?);
    }
    reader.finish(WHAT)?;
    Ok(items)
}

fn read_column(reader: &mut Reader<'_>) -> Result<Column, BytesError> {
    let number = reader.u8(WHAT)?;
    let form = Form::ALL.get(usize::from(number)).copied();
    let form = form.ok_or_else(|| reader.error(WHAT, Problem::BadValue(u64::from(number))))?;
    Ok(Column { key: reader.text(WHAT)?.into(), form })
}

fn read_shape(reader: &mut Reader<'_>, columns: usize) -> Result<Vec<u32>, BytesError> {
    let count = reader.count(1, WHAT)?;
    let mut shape = Vec::with_capacity(count.min(4096));
    for _ in 0..count {
        let column = reader.varint(WHAT)?;
        if column >= columns as u64 {
            return Err(reader.error(WHAT, Problem::BadValue(column)));
        }
        shape.push(column as u32);
    }
    Ok(shape)
}
