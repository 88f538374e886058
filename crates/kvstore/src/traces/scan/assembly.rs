//! Bringing together the spans of traces that stand in several places: each span once, those of a trace side by side.
//!
//! Only what scans look at in most questions is held; whole spans are fetched from where they stand when one is asked
//! for.

use super::selection::Selection;
use crate::limits::ASSEMBLED_ROWS;
use crate::traces::hot::Batch;
use crate::traces::run::OpenRun;
use clew_model::traces::{Parent, Span, SpanBatch, SpanKind, StatusCode, TraceRows};
use clew_model::{Context, ReadError, Reservation, SpanId, TraceId, UnixNanos};
use compact_str::CompactString;
use hashbrown::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

pub(super) use super::assembled_batch::AssembledBatch;

/// Where a span stands.
#[derive(Clone)]
pub(super) enum Source {
    /// A block of a run.
    Block(Arc<OpenRun>, u32),
    /// A batch of the hot tail.
    Batch(Arc<Batch>),
}

/// What is held of a span.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent: Option<SpanId>,
    pub start: UnixNanos,
    pub end: UnixNanos,
    /// Numbers of texts.
    pub name: u32,
    pub service: u32,
    pub source: u32,
    pub row: u32,
    pub kind: SpanKind,
    pub status: StatusCode,
    pub is_selected: bool,
}

/// Spans of one place.
#[derive(Default)]
pub(super) struct Parts {
    rows: Vec<Row>,
    texts: Texts,
    sources: Vec<Source>,
    memory: Vec<Reservation>,
}

/// Texts by their numbers.
#[derive(Default)]
pub(super) struct Texts {
    numbers: HashMap<CompactString, u32>,
    pub texts: Vec<CompactString>,
}

impl Texts {
    fn number_of(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len() as u32;
        self.numbers.insert(text.into(), number);
        self.texts.push(text.into());
        number
    }

    fn get(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", CompactString::as_str)
    }
}

impl Parts {
    /// The rows of some traces of a block, as far as retention keeps them.
    pub(super) fn of_block(
        context: &Context,
        batch: &dyn SpanBatch,
        source: Source,
        traces: &[TraceRows],
        kept_from: UnixNanos,
    ) -> Result<Self, ReadError> {
        let mut parts = Self::with_room(context, traces.iter().map(|trace| trace.rows.len()).sum())?;
        parts.sources.push(source);
        let (names, services) = (batch.operations()?, batch.services()?);
        let mut numbers = |texts: &[std::borrow::Cow<'_, str>]| -> Vec<u32> {
            texts.iter().map(|text| parts.texts.number_of(text)).collect()
        };
        let (name_numbers, service_numbers) = (numbers(&names.texts), numbers(&services.texts));
        let number = |numbers: &[u32], codes: &[u32], row: usize| {
            codes.get(row).and_then(|code| numbers.get(*code as usize)).copied().unwrap_or(u32::MAX)
        };
        let (ids, parents, outcomes) = (batch.span_ids()?, batch.parents()?.of, batch.outcomes()?);
        let (starts, lasting) = (batch.starts()?, batch.lasting()?);
        let selected = batch.selected().marks(batch.len());
        for trace in traces {
            for row in trace.rows.clone() {
                let (Some(span_id), Some(start), Some(outcome)) = (ids.get(row), starts.get(row), outcomes.get(row))
                else {
                    continue;
                };
                if *start < kept_from {
                    continue;
                }
                parts.rows.push(Row {
                    trace_id: trace.trace_id,
                    span_id: *span_id,
                    parent: match parents.get(row) {
                        Some(Parent::Row(parent)) => ids.get(*parent as usize).copied(),
                        Some(Parent::Elsewhere(id)) => Some(*id),
                        Some(Parent::None) | None => None,
                    },
                    start: *start,
                    end: start.wrapping_add(lasting.get(row).copied().unwrap_or(0)),
                    name: number(&name_numbers, &names.codes, row),
                    service: number(&service_numbers, &services.codes, row),
                    source: 0,
                    row: row as u32,
                    kind: outcome.0,
                    status: outcome.1,
                    is_selected: selected.get(row).copied().unwrap_or(false),
                });
            }
        }
        Ok(parts)
    }

    /// The spans of a batch of the hot tail that retention keeps.
    pub(super) fn of_batch(
        context: &Context,
        batch: Arc<Batch>,
        is_kept: impl Fn(&Span) -> bool,
        selection: &Selection<'_>,
    ) -> Result<Self, ReadError> {
        let mut parts = Self::with_room(context, batch.spans.len())?;
        parts.sources.push(Source::Batch(batch.clone()));
        // Spans of one resource stand together.
        let mut last: Option<(&Arc<clew_model::Resource>, u32)> = None;
        for (row, span) in (0u32..).zip(batch.spans.iter()).filter(|(_, span)| is_kept(span)) {
            let known = last.filter(|(resource, _)| Arc::ptr_eq(resource, &span.resource));
            let service = known.map_or_else(|| parts.texts.number_of(span.service()), |(_, service)| service);
            last = Some((&span.resource, service));
            parts.push(span, service, row, selection.holds(span));
        }
        Ok(parts)
    }

    /// Spans of the hot tail that retention keeps.
    pub(super) fn of_places(
        context: &Context,
        places: Vec<(Arc<Batch>, usize)>,
        is_kept: impl Fn(&Span) -> bool,
        selection: &Selection<'_>,
    ) -> Result<Option<Self>, ReadError> {
        if places.is_empty() {
            return Ok(None);
        }
        let mut parts = Self::with_room(context, places.len())?;
        for (batch, row) in places {
            if let Some(span) = batch.spans.get(row).filter(|span| is_kept(span)) {
                parts.sources.push(Source::Batch(batch.clone()));
                let service = parts.texts.number_of(span.service());
                parts.push(span, service, row as u32, selection.holds(span));
            }
        }
        Ok(Some(parts))
    }

    fn with_room(context: &Context, rows: usize) -> Result<Self, ReadError> {
        let memory = vec![context.memory.reserve((rows * size_of::<Row>()) as u64)?];
        Ok(Self { rows: Vec::with_capacity(rows), memory, ..Self::default() })
    }

    /// Adds a span of the newest source.
    fn push(&mut self, span: &Span, service: u32, row: u32, is_selected: bool) {
        self.rows.push(Row {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent: span.parent_span_id,
            start: span.start,
            end: span.end,
            name: self.texts.number_of(&span.name),
            service,
            source: self.sources.len() as u32 - 1,
            row,
            kind: span.kind,
            status: span.status.code,
            is_selected,
        });
    }
}

/// The spans of all parts.
pub(super) struct Assembly {
    /// All versions of all spans, by trace and identity, the version that is kept first.
    pub(super) rows: Vec<Row>,
    /// Where each span begins among the rows, and after the last of them their end.
    pub(super) firsts: Vec<u32>,
    pub(super) texts: Texts,
    pub(super) sources: Vec<Source>,
    _memory: Vec<Reservation>,
}

impl Assembly {
    /// Brings parts together.
    pub(super) fn of(parts: Vec<Parts>) -> Self {
        let mut texts = Texts::default();
        let (mut places, mut sources, mut memory) = (Vec::with_capacity(parts.len()), Vec::new(), Vec::new());
        let mut rows = Vec::with_capacity(parts.len());
        for part in parts {
            let numbers = part.texts.texts.iter().map(|text| texts.number_of(text)).collect();
            places.push(Place { numbers, source: sources.len() as u32 });
            rows.push(part.rows);
            sources.extend(part.sources);
            memory.extend(part.memory);
        }
        let rows = sorted(&rows, &places, &texts);
        let mut firsts: Vec<u32> = Vec::with_capacity(rows.len() + 1);
        let identity = |row: &Row| (row.trace_id, row.span_id, row.kind);
        for (place, row) in (0u32..).zip(&rows) {
            let before = place.checked_sub(1).and_then(|before| rows.get(before as usize));
            if before.is_none_or(|before| identity(before) != identity(row)) {
                firsts.push(place);
            }
        }
        firsts.push(rows.len() as u32);
        Self { rows, firsts, texts, sources, _memory: memory }
    }

    /// The spans as batches of whole traces; of the selected ones those of a service, where one is given.
    pub(super) fn batches(self: Arc<Self>, service: Option<&str>) -> Vec<AssembledBatch> {
        let service = service.map(|name| self.texts.numbers.get(name).copied().unwrap_or(u32::MAX));
        let mut batches = Vec::new();
        let (mut start, mut traces) = (0, Vec::new());
        let spans = self.firsts.len().saturating_sub(1);
        let mut trace_start = 0;
        for span in 0..spans {
            let own = self.kept(span).map(|row| row.trace_id);
            let next = (span + 1 < spans).then(|| self.kept(span + 1)).flatten().map(|row| row.trace_id);
            if next == own {
                continue;
            }
            if let Some(trace_id) = own {
                traces.push(TraceRows { trace_id, rows: trace_start - start..span + 1 - start });
            }
            trace_start = span + 1;
            if trace_start - start >= ASSEMBLED_ROWS || next.is_none() {
                let traces = std::mem::take(&mut traces);
                batches.push(AssembledBatch::new(self.clone(), start..trace_start, traces, service));
                start = trace_start;
            }
        }
        batches
    }

    /// The version that is kept of a span.
    pub(super) fn kept(&self, span: usize) -> Option<&Row> {
        self.firsts.get(span).and_then(|first| self.rows.get(*first as usize))
    }

    /// The rows of all versions of a span.
    pub(super) fn versions(&self, span: usize) -> &[Row] {
        let bound = |span: usize| self.firsts.get(span).map(|first| *first as usize);
        let range: Option<Range<usize>> = bound(span).zip(bound(span + 1)).map(|(first, end)| first..end);
        range.and_then(|range| self.rows.get(range)).unwrap_or_default()
    }

    /// The places of which spans came in versions that differ in what is held of them, by the numbers of their sources.
    pub(super) fn differing(&self) -> HashSet<u32> {
        let content = |row: &Row| (row.start, row.end, row.status, row.parent, row.name, row.service);
        let mut sources = HashSet::new();
        for versions in (0..self.firsts.len().saturating_sub(1)).map(|span| self.versions(span)) {
            let kept = versions.first().map(content);
            if versions.iter().any(|version| Some(content(version)) != kept) {
                sources.extend(versions.iter().map(|version| version.source));
            }
        }
        sources
    }

    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number)
    }
}

/// Where the texts and the sources of a part went.
struct Place {
    numbers: Vec<u32>,
    source: u32,
}

impl Place {
    fn moved(&self, row: Row) -> Row {
        let number = |own: u32| self.numbers.get(own as usize).copied().unwrap_or(u32::MAX);
        Row { name: number(row.name), service: number(row.service), source: self.source + row.source, ..row }
    }
}

/// By trace and identity, versions in the order in which they are chosen.
fn sorted(parts: &[Vec<Row>], places: &[Place], texts: &Texts) -> Vec<Row> {
    // Small keys of numbers sort several times as fast as rows; traces that share one are set apart below.
    let trace_key = |id: TraceId| {
        let id = u128::from_be_bytes(id.0);
        ((id >> 64) as u64 ^ id as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    let mut order: Vec<(u64, u64, u32, u32)> = Vec::with_capacity(parts.iter().map(Vec::len).sum());
    for (part, rows) in (0u32..).zip(parts) {
        let key = |(place, row): (u32, &Row)| (trace_key(row.trace_id), u64::from_be_bytes(row.span_id.0), part, place);
        order.extend((0u32..).zip(rows).map(key));
    }
    order.sort_unstable();
    let row = |(_, _, part, place): &(u64, u64, u32, u32)| {
        let row = parts.get(*part as usize).and_then(|rows| rows.get(*place as usize));
        places.get(*part as usize).zip(row).map(|(place, row)| place.moved(*row))
    };
    let mut sorted: Vec<Row> = order.iter().filter_map(row).collect();
    for same in sorted.chunk_by_mut(|left, right| trace_key(left.trace_id) == trace_key(right.trace_id)) {
        let Some(first) = same.first().map(|row| row.trace_id) else { continue };
        if same.iter().any(|row| row.trace_id != first) {
            same.sort_by_key(|row| (row.trace_id, row.span_id));
        }
    }
    let head = |row: &Row| (row.kind, row.start, row.end, row.status, row.parent);
    for same in sorted.chunk_by_mut(|left, right| left.span_id == right.span_id && left.trace_id == right.trace_id) {
        if same.len() > 1 {
            same.sort_unstable_by(|left, right| {
                head(left)
                    .cmp(&head(right))
                    .then_with(|| texts.get(left.name).cmp(texts.get(right.name)))
                    .then_with(|| texts.get(left.service).cmp(texts.get(right.service)))
            });
        }
    }
    sorted
}

/// The selected rows of a batch, by the spans of an assembly.
pub(super) fn selected_of(assembly: &Assembly, spans: Range<usize>, service: Option<u32>) -> (Vec<u32>, UnixNanos) {
    let (mut selected, mut newest) = (Vec::new(), UnixNanos::MIN);
    for (row, span) in (0u32..).zip(spans) {
        let is_selected = |kept: &&Row| kept.is_selected && service.is_none_or(|service| service == kept.service);
        if let Some(kept) = assembly.kept(span).filter(is_selected) {
            selected.push(row);
            newest = newest.max(kept.start);
        }
    }
    (selected, newest)
}
