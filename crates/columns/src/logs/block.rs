//! A block opened for reading: columns are decoded when they are first asked for.

use super::bodies::is_structured;
use super::id_column::IdColumn;
use super::leaves::Leaf;
use super::messages::{Messages, Place, Strings, TemplateIds, Templates};
use super::sections::{Sections, StoredBytes};
use super::shapes::Shapes;
use super::value_counts::ValueCounts;
use super::{MAGIC, WHAT, section};
use crate::bits::{read_integers, read_numbers, read_unsigned};
use crate::bytes::{BytesError, Reader};
use crate::compress::read_compressed;
use crate::container::ContainerBuilder;
use crate::dictionary::{TextColumn, read_ids, read_text_column};
use crate::error::ColumnsError;
use crate::frames::logs::{read_resource, read_scope};
use crate::limits::MAX_BLOCK_ROWS;
use crate::strings::Texts;
use clew_model::RowSet;
use clew_model::logs::{LogRecord, LogRow, Severity};
use clew_model::{RecordId, Resource, Scope, SpanId, TraceId, UnixNanos, Value};
use std::cell::OnceCell;
use std::sync::Arc;

/// First and last time of a block's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeSpan {
    /// The earliest.
    pub first: UnixNanos,
    /// The latest.
    pub last: UnixNanos,
}

/// A block of log records.
#[derive(Debug)]
pub struct LogBlock {
    sections: Sections,
    rows: usize,
    span: TimeSpan,
    /// Whether a body is a map or list.
    has_structured_bodies: bool,
    times: OnceCell<Vec<i64>>,
    numbers: OnceCell<Vec<u64>>,
    observed: OnceCell<Option<Vec<i64>>>,
    value_counts: OnceCell<Option<ValueCounts>>,
    severities: OnceCell<Vec<u8>>,
    severity_texts: OnceCell<TextColumn>,
    services: OnceCell<TextColumn>,
    traces: OnceCell<IdColumn<16>>,
    spans: OnceCell<IdColumn<8>>,
    flags: OnceCell<Vec<u64>>,
    event_names: OnceCell<TextColumn>,
    dropped: OnceCell<Vec<u64>>,
    resources: OnceCell<Shared<Resource>>,
    scopes: OnceCell<Shared<Scope>>,
    messages: OnceCell<Messages>,
    template_hashes: OnceCell<Vec<u64>>,
    templates: OnceCell<Templates>,
    rendered: OnceCell<Texts>,
    shapes: OnceCell<Shapes>,
    leaves: OnceCell<Vec<OnceCell<Leaf>>>,
}

/// Columns as the builder of a block has them.
pub(super) struct MadeColumns {
    pub severities: Vec<u8>,
    pub severity_texts: Option<TextColumn>,
    pub services: Option<TextColumn>,
    pub messages: Messages,
    pub traces: IdColumn<16>,
    pub spans: IdColumn<8>,
    pub resources: Shared<Resource>,
    pub scopes: Shared<Scope>,
    pub shapes: Shapes,
    pub leaves: Vec<Leaf>,
}

/// Distinct items, and which one each row has.
#[derive(Debug)]
pub(super) struct Shared<T> {
    pub entries: Vec<Arc<T>>,
    pub ids: Vec<u32>,
}

impl<T> Shared<T> {
    fn get(&self, row: usize) -> Option<&Arc<T>> {
        self.entries.get(*self.ids.get(row)? as usize)
    }

    fn read(
        bytes: &[u8],
        rows: usize,
        read: fn(&mut Reader<'_>) -> Result<T, BytesError>,
    ) -> Result<Self, ColumnsError> {
        let mut outer = Reader::new(bytes);
        let plain = read_compressed(&mut outer)?;
        let mut reader = Reader::new(&plain);
        let count = reader.count(1, WHAT)?;
        let mut entries = Vec::with_capacity(count);
        for _ in 0..count {
            entries.push(Arc::new(read(&mut reader)?));
        }
        reader.finish(WHAT)?;
        let ids = read_ids(&mut outer, rows, count)?;
        outer.finish(WHAT)?;
        Ok(Self { entries, ids })
    }
}

/// A severity number as it is stored; 0 for numbers that there are not.
pub(super) fn severity_number(stored: u64) -> u8 {
    u8::try_from(stored).ok().filter(|number| *number <= 24).unwrap_or(0)
}

/// What a cell holds, decoded now if it is empty.
fn cached<T>(cell: &OnceCell<T>, decode: impl FnOnce() -> Result<T, ColumnsError>) -> Result<&T, ColumnsError> {
    if cell.get().is_none() {
        let value = decode()?;
        // One thread owns the block, so nobody set it meanwhile.
        let _ = cell.set(value);
    }
    cell.get().ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "a column vanished" })
}

impl LogBlock {
    /// Reads the directory and the head; columns follow when asked for.
    ///
    /// # Errors
    /// Damaged, or of a newer version.
    pub fn open(bytes: Arc<[u8]>) -> Result<Self, ColumnsError> {
        Self::of_sections(Sections::of_memory(bytes)?)
    }

    /// As [`LogBlock::open`], for a block whose bytes are not in memory: sections are read when their column is asked
    /// for, each alone.
    ///
    /// # Errors
    /// As [`LogBlock::open`]; the bytes cannot be read now.
    pub fn open_stored(bytes: Box<dyn StoredBytes>) -> Result<Self, ColumnsError> {
        Self::of_sections(Sections::of_stored(bytes)?)
    }

    fn of_sections(sections: Sections) -> Result<Self, ColumnsError> {
        let head = sections.required(section::HEAD)?;
        let mut reader = Reader::new(&head);
        let rows = reader.varint(WHAT)?;
        let rows = usize::try_from(rows).ok().filter(|rows| *rows <= MAX_BLOCK_ROWS);
        let rows = rows.ok_or(ColumnsError::Inconsistent { what: WHAT, reason: "there are too many rows" })?;
        let span = TimeSpan { first: reader.signed(WHAT)?, last: reader.signed(WHAT)? };
        let has_structured_bodies = reader.u8(WHAT)? != 0;
        reader.finish(WHAT)?;
        drop(head);
        Ok(Self { has_structured_bodies, ..Self::unread(sections, rows, span) })
    }

    /// A block of which no column is decoded.
    fn unread(sections: Sections, rows: usize, span: TimeSpan) -> Self {
        Self {
            sections,
            rows,
            span,
            has_structured_bodies: false,
            times: OnceCell::new(),
            numbers: OnceCell::new(),
            observed: OnceCell::new(),
            severities: OnceCell::new(),
            severity_texts: OnceCell::new(),
            services: OnceCell::new(),
            traces: OnceCell::new(),
            spans: OnceCell::new(),
            flags: OnceCell::new(),
            event_names: OnceCell::new(),
            dropped: OnceCell::new(),
            resources: OnceCell::new(),
            scopes: OnceCell::new(),
            messages: OnceCell::new(),
            template_hashes: OnceCell::new(),
            templates: OnceCell::new(),
            rendered: OnceCell::new(),
            shapes: OnceCell::new(),
            leaves: OnceCell::new(),
            value_counts: OnceCell::new(),
        }
    }

    /// A block of the columns whose fields are counted, while it is made.
    pub(super) fn of_columns(rows: usize, columns: MadeColumns) -> Result<Self, ColumnsError> {
        let nothing = Sections::of_memory(ContainerBuilder::new(MAGIC).finish().into())?;
        let mut block = Self::unread(nothing, rows, TimeSpan { first: 0, last: 0 });
        let MadeColumns { severities, severity_texts, services, messages, .. } = columns;
        let MadeColumns { traces, spans, resources, scopes, shapes, leaves, .. } = columns;
        block.severities = OnceCell::from(severities);
        block.severity_texts = severity_texts.map(OnceCell::from).unwrap_or_default();
        block.services = services.map(OnceCell::from).unwrap_or_default();
        block.has_structured_bodies = messages.others.entries.iter().any(is_structured);
        block.messages = OnceCell::from(messages);
        block.traces = OnceCell::from(traces);
        block.spans = OnceCell::from(spans);
        block.resources = OnceCell::from(resources);
        block.scopes = OnceCell::from(scopes);
        block.shapes = OnceCell::from(shapes);
        block.leaves = OnceCell::from(leaves.into_iter().map(OnceCell::from).collect::<Vec<_>>());
        Ok(block)
    }

    /// Bytes of it, as it is stored, that were read so far; of a block in memory all.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.sections.bytes_read()
    }

    /// Whether a body is a map or list, which has fields.
    pub(super) fn has_structured_bodies(&self) -> bool {
        self.has_structured_bodies
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The times between which its rows lie.
    #[must_use]
    pub fn time_span(&self) -> TimeSpan {
        self.span
    }

    /// Of each row, its time.
    ///
    /// # Errors
    /// The column is damaged.
    pub fn times(&self) -> Result<&[UnixNanos], ColumnsError> {
        let decode = || self.whole(section::TIME, |reader| Ok(read_numbers(reader, self.rows)?));
        cached(&self.times, decode).map(Vec::as_slice)
    }

    /// Of each row, its severity.
    ///
    /// # Errors
    /// The column is damaged.
    pub fn severities(&self) -> Result<impl Iterator<Item = Severity> + '_, ColumnsError> {
        let numbers = self.severity_numbers()?;
        Ok(numbers.iter().map(|number| Severity::from_number(i64::from(*number))))
    }

    /// The ID of a row.
    ///
    /// # Errors
    /// A column is damaged, or there is no such row.
    pub fn record_id(&self, row: usize) -> Result<RecordId, ColumnsError> {
        let missing = ColumnsError::Inconsistent { what: WHAT, reason: "there is no such row" };
        let time = self.times()?.get(row).copied().ok_or(missing.clone())?;
        let number = self.numbers()?.get(row).copied().ok_or(missing)?;
        Ok(RecordId { time, number })
    }

    /// Every row.
    ///
    /// # Errors
    /// A section is damaged, be it one that the rows do not need.
    pub fn decode_all(&self) -> Result<Vec<LogRow>, ColumnsError> {
        self.sections.load()?;
        self.sections.check()?;
        self.decode(&RowSet::all(self.rows))
    }

    /// The rows of the set, in the order of the block.
    ///
    /// # Errors
    /// A column is damaged.
    pub fn decode(&self, wanted: &RowSet) -> Result<Vec<LogRow>, ColumnsError> {
        self.sections.load()?;
        let shapes = self.shapes()?;
        let mut cursors = vec![0; shapes.columns.len()];
        let templated = self.templated(wanted)?;
        let mut templated = templated.iter();
        let mut rows = Vec::with_capacity(wanted.len());
        for (row, shape) in shapes.rows.iter().enumerate() {
            if wanted.contains(row) {
                let mut value = |column: usize, place: usize| self.leaf(column).map(|leaf| leaf.value(place));
                let attributes = shapes.attributes(row, &mut cursors, &mut value)?;
                rows.push(self.row(row, attributes, &mut templated)?);
            } else {
                shapes.advance(*shape, &mut cursors);
            }
        }
        Ok(rows)
    }

    /// The strings of these rows that are stored as templates, in their order.
    fn templated(&self, wanted: &RowSet) -> Result<Texts, ColumnsError> {
        let messages = self.messages()?;
        let Strings::Templates(own) = &messages.strings else { return Ok(Texts::new()) };
        let mut strings = RowSet::none(own.ids.len());
        for row in wanted.iter() {
            if let Some(Place::String(place)) = messages.places.get(row) {
                strings.insert(*place as usize);
            }
        }
        self.templates(own)?.render_those(&own.ids, |string, _| strings.contains(string))
    }

    /// `templated` gives the strings that are stored as templates.
    fn row<'t>(
        &self,
        row: usize,
        attributes: clew_model::Attributes,
        templated: &mut impl Iterator<Item = &'t str>,
    ) -> Result<LogRow, ColumnsError> {
        let id = self.record_id(row)?;
        let after = |times: &[i64]| id.time.wrapping_add(times.get(row).copied().unwrap_or(0));
        let number = |numbers: &[u64]| numbers.get(row).map_or(0, |number| *number as u32);
        let severity = self.severity_numbers()?.get(row).map_or(0, |number| i64::from(*number));
        let record = LogRecord {
            time: id.time,
            observed_time: self.observed()?.map_or(0, after),
            severity: Severity::from_number(severity),
            severity_text: self.severity_texts()?.get(row).into(),
            body: self.body(row, templated)?,
            service: self.services()?.get(row).into(),
            trace_id: self.traces()?.get(row).map(TraceId),
            span_id: self.spans()?.get(row).map(SpanId),
            flags: number(self.flags()?),
            event_name: self.event_names()?.get(row).into(),
            attributes,
            dropped_attributes_count: number(self.dropped()?),
            resource: self.resources()?.get(row).cloned().unwrap_or_default(),
            scope: self.scopes()?.get(row).cloned().unwrap_or_default(),
        };
        Ok(LogRow { id, record })
    }

    fn body<'t>(&self, row: usize, templated: &mut impl Iterator<Item = &'t str>) -> Result<Value, ColumnsError> {
        let messages = self.messages()?;
        Ok(match (messages.places.get(row), &messages.strings) {
            (Some(Place::String(place)), Strings::Column(column)) => Value::from(column.get(*place as usize)),
            (Some(Place::String(_)), Strings::Templates(_)) => Value::from(templated.next().unwrap_or_default()),
            (Some(Place::Other(place)), _) => messages.others.get(*place as usize).cloned().unwrap_or_default(),
            (None, _) => Value::Null,
        })
    }

    fn whole<T>(
        &self,
        id: u32,
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, ColumnsError>,
    ) -> Result<T, ColumnsError> {
        let bytes = self.sections.required(id)?;
        let mut reader = Reader::new(&bytes);
        let value = read(&mut reader)?;
        reader.finish(WHAT)?;
        Ok(value)
    }

    fn texts<'a>(&'a self, cell: &'a OnceCell<TextColumn>, id: u32) -> Result<&'a TextColumn, ColumnsError> {
        cached(cell, || match self.sections.section(id)? {
            None => Ok(TextColumn::Dictionary { entries: Texts::from_iter([""]), ids: vec![0; self.rows] }),
            Some(bytes) => {
                let mut reader = Reader::new(&bytes);
                let column = read_text_column(&mut reader, self.rows)?;
                reader.finish(WHAT)?;
                Ok(column)
            }
        })
    }

    fn counts<'a>(&'a self, cell: &'a OnceCell<Vec<u64>>, id: u32) -> Result<&'a [u64], ColumnsError> {
        let decode = || match self.sections.section(id)? {
            None => Ok(vec![0; self.rows]),
            Some(bytes) => Ok(read_unsigned(&mut Reader::new(&bytes), self.rows)?),
        };
        cached(cell, decode).map(Vec::as_slice)
    }

    /// Of each row, its number.
    ///
    /// # Errors
    /// The column is damaged.
    pub fn numbers(&self) -> Result<&[u64], ColumnsError> {
        let decode = || {
            let base = self.whole(section::BASE, |reader| Ok(u64::from_le_bytes(reader.array(WHAT)?)))?;
            let numbers = self.whole(section::NUMBER, |reader| Ok(read_numbers(reader, self.rows)?))?;
            Ok(numbers.into_iter().map(|number| base.wrapping_add(number as u64)).collect())
        };
        cached(&self.numbers, decode).map(Vec::as_slice)
    }

    /// Of each row, how long after its time it was observed; `None` where no row says when.
    fn observed(&self) -> Result<Option<&[i64]>, ColumnsError> {
        let decode = || match self.sections.section(section::OBSERVED)? {
            None => Ok(None),
            Some(bytes) => Ok(Some(read_integers(&mut Reader::new(&bytes), self.rows)?)),
        };
        cached(&self.observed, decode).map(Option::as_deref)
    }

    /// The counts of the fields; `None` where they were not made.
    pub(super) fn value_counts(&self) -> Result<Option<&ValueCounts>, ColumnsError> {
        let read = || match self.sections.section(section::VALUE_COUNTS)? {
            None => Ok(None),
            Some(bytes) => ValueCounts::read(&bytes, self.rows).map(Some),
        };
        cached(&self.value_counts, read).map(Option::as_ref)
    }

    /// Of each row, the number of its severity; 0 for numbers that there are not.
    ///
    /// # Errors
    /// The column is damaged.
    pub fn severity_numbers(&self) -> Result<&[u8], ColumnsError> {
        let decode = || {
            let numbers = self.whole(section::SEVERITY, |reader| Ok(read_unsigned(reader, self.rows)?))?;
            Ok(numbers.into_iter().map(severity_number).collect())
        };
        cached(&self.severities, decode).map(Vec::as_slice)
    }

    pub(super) fn severity_texts(&self) -> Result<&TextColumn, ColumnsError> {
        self.texts(&self.severity_texts, section::SEVERITY_TEXT)
    }

    pub(super) fn services(&self) -> Result<&TextColumn, ColumnsError> {
        self.texts(&self.services, section::SERVICE)
    }

    fn event_names(&self) -> Result<&TextColumn, ColumnsError> {
        self.texts(&self.event_names, section::EVENT_NAME)
    }

    fn flags(&self) -> Result<&[u64], ColumnsError> {
        self.counts(&self.flags, section::FLAGS)
    }

    fn dropped(&self) -> Result<&[u64], ColumnsError> {
        self.counts(&self.dropped, section::DROPPED)
    }

    pub(super) fn traces(&self) -> Result<&IdColumn<16>, ColumnsError> {
        cached(&self.traces, || IdColumn::read(self.sections.section(section::TRACE)?.as_deref(), self.rows))
    }

    pub(super) fn spans(&self) -> Result<&IdColumn<8>, ColumnsError> {
        cached(&self.spans, || IdColumn::read(self.sections.section(section::SPAN)?.as_deref(), self.rows))
    }

    pub(super) fn resources(&self) -> Result<&Shared<Resource>, ColumnsError> {
        cached(&self.resources, || Shared::read(&self.sections.required(section::RESOURCE)?, self.rows, read_resource))
    }

    pub(super) fn scopes(&self) -> Result<&Shared<Scope>, ColumnsError> {
        cached(&self.scopes, || Shared::read(&self.sections.required(section::SCOPE)?, self.rows, read_scope))
    }

    pub(super) fn messages(&self) -> Result<&Messages, ColumnsError> {
        cached(&self.messages, || Messages::read(&self.sections.required(section::BODY)?, self.rows))
    }

    /// Of each template its hash.
    pub(super) fn template_hashes(&self, own: &TemplateIds) -> Result<&[u64], ColumnsError> {
        let read = || own.read_hashes(&self.sections.required(section::TEMPLATE_HASHES)?);
        cached(&self.template_hashes, read).map(Vec::as_slice)
    }

    /// The texts of the templates and the variables of the strings.
    pub(super) fn templates(&self, own: &TemplateIds) -> Result<&Templates, ColumnsError> {
        cached(&self.templates, || Templates::read(&self.sections.required(section::TEMPLATES)?, own))
    }

    /// The bodies that are strings, where they are stored as templates.
    pub(super) fn rendered(&self) -> Result<&Texts, ColumnsError> {
        cached(&self.rendered, || match &self.messages()?.strings {
            Strings::Templates(own) => self.templates(own)?.render(&own.ids),
            Strings::Column(_) => Ok(Texts::new()),
        })
    }

    pub(super) fn shapes(&self) -> Result<&Shapes, ColumnsError> {
        cached(&self.shapes, || Shapes::read(&self.sections.required(section::SHAPES)?, self.rows))
    }

    pub(super) fn leaf(&self, column: usize) -> Result<&Leaf, ColumnsError> {
        let shapes = self.shapes()?;
        let leaves = self.leaves.get_or_init(|| shapes.columns.iter().map(|_| OnceCell::new()).collect());
        let missing = ColumnsError::Inconsistent { what: WHAT, reason: "a column is missing" };
        let (cell, column) =
            leaves.get(column).zip(shapes.columns.get(column).map(|own| (column, own))).ok_or(missing)?;
        let (index, column) = column;
        cached(cell, || {
            // A column without bytes (nulls) has no section.
            let bytes = self.sections.section(section::LEAVES.saturating_add(index as u32))?.unwrap_or_default();
            Leaf::read(column.kind, &bytes, column.count)
        })
    }
}
