//! Turning records into a block's bytes and terms.

use super::block::{LogBlock, MadeColumns, Shared, severity_number};
use super::block_terms::BlockTerms;
use super::id_column::IdColumn;
use super::messages::MessagesBuilder;
use super::shapes::{Shapes, ShapesBuilder};
use super::shared::SharedBuilder;
use super::terms::{Columns, terms_of};
use super::{MAGIC, section};
use crate::bits::{put_integers, put_numbers, put_unsigned};
use crate::bytes::{put_signed, put_varint};
use crate::container::{self, ContainerBuilder};
use crate::dictionary::TextColumn;
use crate::error::ColumnsError;
use crate::frames::logs::{put_resource, put_scope};
use crate::limits::MIN_COUNTED_ROWS;
use crate::strings::Texts;
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{LogRecord, LogRow};
use clew_model::{Resource, Scope, TimeRange, UnixNanos};
use std::sync::Arc;

/// A block as it is stored, and what an index or a search keeps of it beside.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedBlock {
    /// The block; `LogBlock::open` reads it.
    pub bytes: Arc<[u8]>,
    /// The earliest time.
    pub first: UnixNanos,
    /// The latest time.
    pub last: UnixNanos,
    /// How many rows it has.
    pub rows: usize,
    /// Its terms.
    pub terms: BlockTerms,
}

impl EncodedBlock {
    /// Lets the rows' numbers count from `base`, for a block that was made before its place in the journal was known.
    ///
    /// # Errors
    /// The bytes are no block.
    pub fn rebase(&mut self, base: u64) -> Result<(), ColumnsError> {
        // Nobody else holds the bytes yet, so that they are changed in place.
        container::overwrite(Arc::make_mut(&mut self.bytes), MAGIC, section::BASE, &base.to_le_bytes())
    }

    /// Whether a row may lie in the range.
    #[must_use]
    pub fn overlaps(&self, range: &TimeRange) -> bool {
        self.first <= range.end && range.start <= self.last
    }

    /// Bytes of memory held.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len() + self.terms.heap_bytes()
    }
}

impl AsRef<EncodedBlock> for EncodedBlock {
    fn as_ref(&self) -> &EncodedBlock {
        self
    }
}

/// A block with these rows, in their order. At most [`crate::limits::MAX_BLOCK_ROWS`] rows can be read back; about 1,024
/// is what the encodings are made for.
#[must_use]
pub fn encode_block(rows: &[LogRow], rules: &CorrelationRules) -> EncodedBlock {
    let mut builder = BlockBuilder::default();
    rows.iter().for_each(|row| builder.push(row.id.number, &row.record));
    builder.finish(rules)
}

/// Takes records apart into the columns of one block.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    times: Vec<i64>,
    numbers: Vec<i64>,
    /// How long after its time.
    observed: Vec<i64>,
    /// Whether any row says when it was observed.
    is_observed: bool,
    severities: Vec<u64>,
    severity_texts: Texts,
    services: Texts,
    traces: Vec<Option<[u8; 16]>>,
    spans: Vec<Option<[u8; 8]>>,
    flags: Vec<u64>,
    event_names: Texts,
    dropped: Vec<u64>,
    resources: SharedBuilder<Resource>,
    scopes: SharedBuilder<Scope>,
    bodies: MessagesBuilder,
    shapes: ShapesBuilder,
}

impl BlockBuilder {
    /// Adds a record at the end. `number` is its number, or what is to be added to the block's base.
    pub fn push(&mut self, number: u64, record: &LogRecord) {
        self.times.push(record.time);
        self.numbers.push(number as i64);
        self.is_observed |= record.observed_time != 0;
        self.observed.push(record.observed_time.wrapping_sub(record.time));
        self.severities.push(u64::from(record.severity.number()));
        self.severity_texts.push(&record.severity_text);
        self.services.push(&record.service);
        self.traces.push(record.trace_id.map(|id| id.0));
        self.spans.push(record.span_id.map(|id| id.0));
        self.flags.push(u64::from(record.flags));
        self.event_names.push(&record.event_name);
        self.dropped.push(u64::from(record.dropped_attributes_count));
        self.resources.push(&record.resource, put_resource);
        self.scopes.push(&record.scope, put_scope);
        self.bodies.push(&record.body);
        self.shapes.push(&record.attributes);
    }

    /// Records so far.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.times.len()
    }

    /// The block.
    #[must_use]
    pub fn finish(self, rules: &CorrelationRules) -> EncodedBlock {
        let mut container = Sections::new();
        let rows = self.times.len();
        let first = self.times.iter().copied().min().unwrap_or(0);
        let last = self.times.iter().copied().max().unwrap_or(0);
        let bodies = self.bodies.finish();
        container.add(section::HEAD, |out| {
            put_varint(out, rows as u64);
            put_signed(out, first);
            put_signed(out, last);
            out.push(u8::from(bodies.are_structured()));
        });
        container.add(section::SEVERITY, |out| put_unsigned(out, &self.severities));
        let severity_texts = container.texts(section::SEVERITY_TEXT, self.severity_texts);
        let services = container.texts(section::SERVICE, self.services);
        container.add(section::TIME, |out| put_numbers(out, &self.times));
        bodies.sections(|id, bytes| container.container.section(id, bytes));
        container.add(section::NUMBER, |out| put_numbers(out, &self.numbers));
        if self.is_observed {
            container.add(section::OBSERVED, |out| put_integers(out, &self.observed));
        }
        let traces = IdColumn::of(self.traces.into_iter());
        container.add(section::TRACE, |out| traces.put(out));
        let spans = IdColumn::of(self.spans.into_iter());
        container.add(section::SPAN, |out| spans.put(out));
        container.counts(section::FLAGS, &self.flags);
        container.texts(section::EVENT_NAME, self.event_names);
        container.counts(section::DROPPED, &self.dropped);
        container.add(section::RESOURCE, |out| self.resources.put(out));
        container.add(section::SCOPE, |out| self.scopes.put(out));
        let columns = container.add(section::SHAPES, |out| self.shapes.put(out));
        let shapes = Shapes::read(&container.scratch, rows);
        container.add(section::BASE, |out| out.extend_from_slice(&[0; 8]));
        let mut leaves = Vec::with_capacity(columns.len());
        for (id, (column, leaf)) in (section::LEAVES..).zip(columns) {
            leaves.push((column, container.add(id, |out| leaf.finish(out))));
        }
        let terms = terms_of(
            &Columns {
                bodies: &bodies,
                services: services.as_ref(),
                severity_texts: severity_texts.as_ref(),
                severities: &self.severities,
                traces: &traces.entries,
                spans: &spans.entries,
                leaves: &leaves,
                resources: &self.resources.distinct,
                scopes: &self.scopes.distinct,
            },
            rules,
        );
        // A block that can be read has shapes that can: they were written above.
        if rows >= MIN_COUNTED_ROWS
            && let Ok(shapes) = shapes
        {
            let columns = MadeColumns {
                severities: self.severities.into_iter().map(severity_number).collect(),
                severity_texts,
                services,
                messages: bodies.into_others(),
                traces,
                spans,
                resources: Shared { entries: self.resources.distinct, ids: self.resources.ids },
                scopes: Shared { entries: self.scopes.distinct, ids: self.scopes.ids },
                shapes,
                leaves: leaves.into_iter().map(|(_, leaf)| leaf).collect(),
            };
            let counts = LogBlock::of_columns(rows, columns).and_then(|block| block.count_fields());
            if let Ok(counts) = counts {
                container.add(section::VALUE_COUNTS, |out| counts.put(out));
            }
        }
        EncodedBlock { bytes: container.container.finish().into(), first, last, rows, terms }
    }
}

/// A container and the bytes of the section that is being written.
struct Sections {
    container: ContainerBuilder,
    scratch: Vec<u8>,
}

impl Sections {
    fn new() -> Self {
        Self { container: ContainerBuilder::new(MAGIC), scratch: Vec::new() }
    }

    fn add<T>(&mut self, id: u32, put: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.scratch.clear();
        let made = put(&mut self.scratch);
        self.container.section(id, &self.scratch);
        made
    }

    /// A column of texts, left out where all are empty.
    fn texts(&mut self, id: u32, texts: Texts) -> Option<TextColumn> {
        if texts.joined().is_empty() {
            return None;
        }
        let column = TextColumn::of(texts);
        self.add(id, |out| column.put(out));
        Some(column)
    }

    /// A column of counts, left out where all are zero.
    fn counts(&mut self, id: u32, counts: &[u64]) {
        if counts.iter().any(|count| *count != 0) {
            self.add(id, |out| put_unsigned(out, counts));
        }
    }
}
