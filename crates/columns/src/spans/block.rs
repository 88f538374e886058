//! Reading a block: its traces, single columns, or whole spans.

use super::attributes::Lists;
use super::dictionary::SpanDictionary;
use super::limits::MAX_BLOCK_SPANS;
use super::numbers::{read_by_run, read_plain};
use super::section::{self, MAGIC, Owner, StringColumn, WHAT, read_numbers, read_small, read_strings};
use crate::bits::read_numbers as read_signed_numbers;
use crate::bytes::{Problem, Reader, unzigzag};
use crate::container::Container;
use crate::error::ColumnsError;
use clew_model::traces::{Span, SpanEvent, SpanKind, SpanLink, SpanStatus, StatusCode, TraceRows};
use clew_model::{SpanId, TraceId};
use std::ops::Range;

/// A block of spans whose directory was read. Columns are checked and decoded when they are asked for.
#[derive(Debug)]
pub struct SpanBlock<B> {
    pub(super) container: Container<B>,
    traces: Vec<TraceRows>,
    pub(super) lengths: Vec<u32>,
    /// For each row the number of its trace in the block.
    pub(super) runs: Vec<u32>,
}

/// The columns that aggregates read.
#[derive(Debug)]
pub struct SpanHead {
    /// Starts, nanoseconds since the epoch.
    pub starts: Vec<i64>,
    /// End less start, nanoseconds; negative where clocks were wrong.
    pub lasting: Vec<i64>,
    /// Numbers of the resources in the dictionary.
    pub resources: Vec<u32>,
    codes: Vec<u32>,
    names: StringColumn,
}

impl SpanHead {
    /// The role of the span in a row.
    #[must_use]
    pub fn kind(&self, row: usize) -> SpanKind {
        kind_of(self.codes.get(row).copied().unwrap_or(0))
    }

    /// The outcome of the span in a row.
    #[must_use]
    pub fn status(&self, row: usize) -> StatusCode {
        status_of(self.codes.get(row).copied().unwrap_or(0))
    }

    /// The name of the span in a row.
    #[must_use]
    pub fn name<'a>(&'a self, row: usize, dictionary: &'a SpanDictionary) -> &'a str {
        self.names.get(row, &dictionary.strings)
    }
}

pub(super) fn kind_of(code: u32) -> SpanKind {
    SpanKind::from_number(i64::from(code & 7))
}

pub(super) fn status_of(code: u32) -> StatusCode {
    StatusCode::from_number(i64::from(code >> 3))
}

impl<B: AsRef<[u8]>> SpanBlock<B> {
    /// Reads the directory and the traces of a block.
    ///
    /// # Errors
    /// Damaged, or written by a newer version.
    pub fn open(bytes: B) -> Result<Self, ColumnsError> {
        let container = Container::open(bytes, MAGIC)?;
        let mut counts = Reader::new(container.required(section::COUNTS)?);
        let (rows, run_count) = (counts.varint(WHAT)?, counts.varint(WHAT)?);
        if rows > MAX_BLOCK_SPANS as u64 || run_count > rows {
            return Err(counts.error(WHAT, Problem::BadValue(rows)).into());
        }
        let mut reader = Reader::new(container.required(section::TRACES)?);
        let ids: Vec<TraceId> =
            (0..run_count).map(|_| reader.array(WHAT).map(TraceId)).collect::<Result<Vec<_>, _>>()?;
        let mut lengths = Vec::with_capacity(ids.len());
        let mut traces = Vec::with_capacity(ids.len());
        let mut start = 0usize;
        for (trace_id, length) in ids.into_iter().zip(read_plain(&mut reader, run_count as usize)?) {
            let length = usize::try_from(length).ok().filter(|length| *length <= rows as usize - start);
            let length = length.ok_or_else(|| reader.error(WHAT, Problem::BadValue(rows)))?;
            lengths.push(length as u32);
            traces.push(TraceRows { trace_id, rows: start..start + length });
            start += length;
        }
        if start as u64 != rows {
            return Err(ColumnsError::Inconsistent { what: WHAT, reason: "the traces do not fill the block" });
        }
        let runs = lengths.iter().zip(0u32..).flat_map(|(length, run)| std::iter::repeat_n(run, *length as usize));
        Ok(Self { container, traces, runs: runs.collect(), lengths })
    }

    /// The number of spans.
    #[must_use]
    pub fn len(&self) -> usize {
        self.runs.len()
    }

    /// Whether the block holds no span.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Its traces in order.
    #[must_use]
    pub fn traces(&self) -> &[TraceRows] {
        &self.traces
    }

    /// The start of each span.
    ///
    /// # Errors
    /// Damaged.
    pub fn starts(&self) -> Result<Vec<i64>, ColumnsError> {
        let mut reader = Reader::new(self.container.required(section::STARTS)?);
        let bases = read_signed_numbers(&mut reader, self.lengths.len())?;
        let offsets = read_by_run(&mut reader, &self.lengths)?;
        reader.finish(WHAT)?;
        let base_of = |run: &u32| bases.get(*run as usize).copied().unwrap_or(0);
        Ok(self.runs.iter().zip(offsets).map(|(run, offset)| base_of(run).wrapping_add(offset as i64)).collect())
    }

    /// End less start of each span.
    ///
    /// # Errors
    /// Damaged.
    pub fn lasting(&self) -> Result<Vec<i64>, ColumnsError> {
        let mut reader = Reader::new(self.container.required(section::DURATIONS)?);
        let signed = reader.u8(WHAT)? != 0;
        let values = read_by_run(&mut reader, &self.lengths)?;
        reader.finish(WHAT)?;
        Ok(values.into_iter().map(|value| if signed { unzigzag(value) } else { value as i64 }).collect())
    }

    /// Kind and status of each span.
    pub(super) fn codes(&self) -> Result<Vec<u32>, ColumnsError> {
        read_small(&self.container, section::CODES, &self.runs, 63)
    }

    /// The number of each span's resource in the dictionary.
    pub(super) fn resources(&self, dictionary: &SpanDictionary) -> Result<Vec<u32>, ColumnsError> {
        read_small(&self.container, section::RESOURCES, &self.runs, dictionary.resources.len().saturating_sub(1))
    }

    /// The name of each span.
    pub(super) fn names(&self, dictionary: &SpanDictionary) -> Result<StringColumn, ColumnsError> {
        read_strings(&self.container, section::NAMES, &self.runs, dictionary.strings.len())
    }

    /// The number of each span's list of attributes in the dictionary.
    pub(super) fn shapes(&self, dictionary: &SpanDictionary) -> Result<Vec<u32>, ColumnsError> {
        read_small(&self.container, section::SHAPES, &self.runs, dictionary.shapes.len())
    }

    /// The columns that aggregates read.
    ///
    /// # Errors
    /// Damaged.
    pub fn heads(&self, dictionary: &SpanDictionary) -> Result<SpanHead, ColumnsError> {
        Ok(SpanHead {
            starts: self.starts()?,
            lasting: self.lasting()?,
            resources: self.resources(dictionary)?,
            codes: self.codes()?,
            names: self.names(dictionary)?,
        })
    }

    /// The ID of each span.
    ///
    /// # Errors
    /// Damaged.
    pub fn span_ids(&self) -> Result<Vec<SpanId>, ColumnsError> {
        let mut reader = Reader::new(self.container.required(section::SPAN_IDS)?);
        let ids = self.runs.iter().map(|_| reader.array(WHAT).map(SpanId)).collect::<Result<Vec<_>, _>>()?;
        reader.finish(WHAT)?;
        Ok(ids)
    }

    /// The parent of each span.
    ///
    /// # Errors
    /// Damaged.
    pub fn parents(&self, ids: &[SpanId]) -> Result<Vec<Option<SpanId>>, ColumnsError> {
        let (codes, mut reader) = self.parent_codes()?;
        let mut parents = Vec::with_capacity(codes.len());
        for (code, run) in codes.into_iter().zip(&self.runs) {
            parents.push(match code {
                0 => None,
                1 => Some(SpanId(reader.array(WHAT)?)),
                row => {
                    let first = self.traces.get(*run as usize).map_or(0, |trace| trace.rows.start);
                    let parent = usize::try_from(row - 2).ok().and_then(|row| ids.get(first.checked_add(row)?));
                    Some(*parent.ok_or_else(|| reader.error(WHAT, Problem::BadValue(row)))?)
                }
            });
        }
        reader.finish(WHAT)?;
        Ok(parents)
    }

    /// Whole spans: the rows of a range, in order.
    ///
    /// # Errors
    /// Damaged, or the dictionary belongs to other blocks.
    pub fn spans(&self, dictionary: &SpanDictionary, rows: Range<usize>) -> Result<Vec<Span>, ColumnsError> {
        let rows = rows.start.min(self.len())..rows.end.min(self.len());
        let heads = self.heads(dictionary)?;
        let ids = self.span_ids()?;
        let parents = self.parents(&ids)?;
        let scopes =
            read_small(&self.container, section::SCOPES, &self.runs, dictionary.scopes.len().saturating_sub(1))?;
        let number = |id: u32| read_small(&self.container, id, &self.runs, u32::MAX as usize);
        let text = |id: u32| read_strings(&self.container, id, &self.runs, dictionary.strings.len());
        let (flags, states, messages) = (number(section::FLAGS)?, text(section::STATES)?, text(section::MESSAGES)?);
        let dropped_attributes = number(section::DROPPED_ATTRIBUTES)?;
        let dropped_events = number(section::DROPPED_EVENTS)?;
        let dropped_links = number(section::DROPPED_LINKS)?;
        let shapes = self.shapes(dictionary)?;
        let mut lists = Lists::read(&self.container, dictionary, Owner::Span, shapes, &self.runs, rows.clone())?;
        let mut events = self.events(dictionary, &heads.starts, rows.clone())?.into_iter();
        let mut links = self.links(dictionary, rows.clone())?.into_iter();
        let traces = self.traces.iter().flat_map(|run| run.rows.clone().map(|_| run.trace_id));
        let at = |values: &[u32], row: usize| values.get(row).copied().unwrap_or(0);
        let mut spans = Vec::with_capacity(rows.len());
        for (row, trace_id) in traces.enumerate().skip(rows.start).take(rows.len()) {
            let start = heads.starts.get(row).copied().unwrap_or(0);
            let lasting = heads.lasting.get(row).copied().unwrap_or(0);
            spans.push(Span {
                trace_id,
                span_id: ids.get(row).copied().unwrap_or(SpanId([0; 8])),
                parent_span_id: parents.get(row).copied().flatten(),
                trace_state: states.get(row, &dictionary.strings).into(),
                flags: at(&flags, row),
                name: heads.name(row, dictionary).into(),
                kind: heads.kind(row),
                start,
                end: start.wrapping_add(lasting),
                attributes: lists.take(row),
                dropped_attributes_count: at(&dropped_attributes, row),
                events: events.next().unwrap_or_default(),
                dropped_events_count: at(&dropped_events, row),
                links: links.next().unwrap_or_default(),
                dropped_links_count: at(&dropped_links, row),
                status: SpanStatus { code: heads.status(row), message: messages.get(row, &dictionary.strings).into() },
                resource: dictionary.resources.get(at(&heads.resources, row) as usize).cloned().unwrap_or_default(),
                scope: dictionary.scopes.get(at(&scopes, row) as usize).cloned().unwrap_or_default(),
            });
        }
        Ok(spans)
    }

    /// The events of each span of a range; empty when the block has none.
    fn events(
        &self,
        dictionary: &SpanDictionary,
        starts: &[i64],
        rows: Range<usize>,
    ) -> Result<Vec<Vec<SpanEvent>>, ColumnsError> {
        let Some(sub) = self.sub_rows(section::EVENT_COUNTS, rows.clone(), MAX_SUB_ROWS)? else {
            return Ok(Vec::new());
        };
        let times = read_numbers(&self.container, section::EVENT_TIMES, &sub.runs)?;
        let names = read_strings(&self.container, section::EVENT_NAMES, &sub.runs, dictionary.strings.len())?;
        let dropped = read_small(&self.container, section::EVENT_DROPPED, &sub.runs, u32::MAX as usize)?;
        let shapes = read_small(&self.container, section::EVENT_SHAPES, &sub.runs, dictionary.shapes.len())?;
        let mut lists = Lists::read(&self.container, dictionary, Owner::Event, shapes, &sub.runs, sub.wanted.clone())?;
        let mut place = sub.wanted.start;
        let mut all = Vec::with_capacity(rows.len());
        for (count, start) in sub.counts.iter().zip(starts).skip(rows.start).take(rows.len()) {
            let mut events = Vec::with_capacity(*count as usize);
            for place in place..place + *count as usize {
                events.push(SpanEvent {
                    time: start.wrapping_add(unzigzag(times.get(place).copied().unwrap_or(0))),
                    name: names.get(place, &dictionary.strings).into(),
                    attributes: lists.take(place),
                    dropped_attributes_count: dropped.get(place).copied().unwrap_or(0),
                });
            }
            place += *count as usize;
            all.push(events);
        }
        Ok(all)
    }

    /// The links of each span of a range; empty when the block has none.
    fn links(&self, dictionary: &SpanDictionary, rows: Range<usize>) -> Result<Vec<Vec<SpanLink>>, ColumnsError> {
        let Some(sub) = self.sub_rows(section::LINK_COUNTS, rows.clone(), MAX_SUB_ROWS)? else {
            return Ok(Vec::new());
        };
        let mut ids = Reader::new(self.container.required(section::LINK_IDS)?);
        ids.take(sub.wanted.start.saturating_mul(24), WHAT)?;
        let number = |id: u32| read_small(&self.container, id, &sub.runs, u32::MAX as usize);
        let states = read_strings(&self.container, section::LINK_STATES, &sub.runs, dictionary.strings.len())?;
        let (flags, dropped) = (number(section::LINK_FLAGS)?, number(section::LINK_DROPPED)?);
        let shapes = read_small(&self.container, section::LINK_SHAPES, &sub.runs, dictionary.shapes.len())?;
        let mut lists = Lists::read(&self.container, dictionary, Owner::Link, shapes, &sub.runs, sub.wanted.clone())?;
        let mut place = sub.wanted.start;
        let mut all = Vec::with_capacity(rows.len());
        for count in sub.counts.iter().skip(rows.start).take(rows.len()) {
            let mut links = Vec::with_capacity(*count as usize);
            for place in place..place + *count as usize {
                links.push(SpanLink {
                    trace_id: TraceId(ids.array(WHAT)?),
                    span_id: SpanId(ids.array(WHAT)?),
                    trace_state: states.get(place, &dictionary.strings).into(),
                    attributes: lists.take(place),
                    dropped_attributes_count: dropped.get(place).copied().unwrap_or(0),
                    flags: flags.get(place).copied().unwrap_or(0),
                });
            }
            place += *count as usize;
            all.push(links);
        }
        Ok(all)
    }

    /// Where the events or links of a range of spans stand among those of the block.
    fn sub_rows(&self, id: u32, rows: Range<usize>, most: usize) -> Result<Option<SubRows>, ColumnsError> {
        if self.container.section(id)?.is_none() {
            return Ok(None);
        }
        let counts = read_small(&self.container, id, &self.runs, most)?;
        let total: usize = counts.iter().map(|count| *count as usize).sum();
        if total > most {
            return Err(ColumnsError::Inconsistent { what: WHAT, reason: "too many events or links" });
        }
        let before: usize = counts.iter().take(rows.start).map(|count| *count as usize).sum();
        let inside: usize = counts.iter().skip(rows.start).take(rows.len()).map(|count| *count as usize).sum();
        let runs =
            self.runs.iter().zip(&counts).flat_map(|(run, count)| std::iter::repeat_n(*run, *count as usize)).collect();
        Ok(Some(SubRows { counts, runs, wanted: before..before + inside }))
    }
}

/// Most events, and most links, a block may claim; more is damage.
const MAX_SUB_ROWS: usize = 1 << 24;

struct SubRows {
    counts: Vec<u32>,
    runs: Vec<u32>,
    wanted: Range<usize>,
}
