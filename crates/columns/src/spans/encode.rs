//! From spans in order to a dictionary and blocks.

use super::dictionary::{Form, SpanDictionary};
use super::intern::{Interned, List, Row};
use super::limits::{BLOCK_BYTES, BLOCK_SPANS, LINEAR_PARENTS, MAX_BLOCK_SPANS};
use super::numbers::{put, put_by_run};
use super::scan_columns::has_shared_ids;
use super::section::{self, Owner, Sections, column_section};
use super::terms::{
    id_term, key_seed, operation_term, outcome_term, service_term, span_term, trace_term, value_term, visit_elements,
};
use super::zone::BlockZone;
use crate::bits::{put_numbers, width_of};
use crate::bytes::{put_varint, zigzag};
use crate::compress::put_compressed;
use crate::values::put_value;
use clew_model::correlation::{CorrelationRules, IdField};
use clew_model::logs::{has_escapes, plain_text};
use clew_model::traces::{Span, SpanLink};
use clew_model::{CanonicalId, SpanId, Value};
use hashbrown::HashMap;
use std::ops::Range;

/// A dictionary and the blocks that need it.
#[derive(Debug)]
pub struct EncodedGroup {
    /// The bytes of the [`SpanDictionary`].
    pub dictionary: Vec<u8>,
    /// The blocks in order.
    pub blocks: Vec<EncodedBlock>,
}

/// A block with what an index needs to know of it.
#[derive(Debug)]
pub struct EncodedBlock {
    /// The block.
    pub bytes: Vec<u8>,
    /// Bounds of its spans.
    pub zone: BlockZone,
    /// The terms of its services, operations, attribute values and the IDs among them; each once.
    pub terms: Vec<u64>,
    /// The terms of its trace IDs and span IDs: in few blocks each.
    pub id_terms: Vec<u64>,
}

/// Makes blocks of spans that are in order: traces together, by first start; inside a trace by start. At most
/// [`super::limits::GROUP_SPANS`] should come at once.
///
/// `weights` are the spans' bytes ([`super::weights_of`]), by which blocks are cut; `rules` say which attribute values are IDs, hence findable by their canonical form.
#[must_use]
pub fn encode_group(spans: &[&Span], weights: &[usize], rules: &CorrelationRules) -> EncodedGroup {
    let interned = Interned::of(spans);
    let (kept, places) = interned.strings.dictionary();
    let dictionary = SpanDictionary::encode(
        &kept,
        &interned.resources.items,
        &interned.scopes.items,
        &interned.columns,
        &interned.shapes,
    );
    let mut encoder = Encoder {
        spans,
        places,
        resource_terms: interned.resources.items.iter().map(|resource| ResourceTerms::of(resource, rules)).collect(),
        keys: interned.columns.iter().map(|column| Key::of(&column.key, rules)).collect(),
        buffers: interned.columns.iter().map(|_| Buffer::default()).collect(),
        touched: Vec::new(),
        terms: Vec::new(),
        interned,
    };
    let blocks = cuts(spans, weights).into_iter().map(|rows| encoder.block(rows)).collect();
    EncodedGroup { dictionary, blocks }
}

/// Where blocks begin and end.
fn cuts(spans: &[&Span], weights: &[usize]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut start = 0;
    let weight = |row: usize| weights.get(row).copied().unwrap_or(0);
    let mut bytes = weight(0);
    for (row, (before, after)) in spans.iter().zip(spans.iter().skip(1)).enumerate() {
        let length = row + 1 - start;
        let is_full = length >= MAX_BLOCK_SPANS || bytes >= BLOCK_BYTES;
        if is_full || (length >= BLOCK_SPANS && before.trace_id != after.trace_id) {
            ranges.push(start..row + 1);
            (start, bytes) = (row + 1, 0);
        }
        bytes += weight(row + 1);
    }
    if start < spans.len() {
        ranges.push(start..spans.len());
    }
    ranges
}

/// The terms that every span of a resource brings.
struct ResourceTerms {
    service: u64,
    terms: Vec<u64>,
}

impl ResourceTerms {
    fn of(resource: &clew_model::Resource, rules: &CorrelationRules) -> Self {
        let service = service_term(resource.service_name());
        let mut terms = vec![service];
        for attribute in &resource.attributes {
            let key = Key::in_resource(&attribute.key, rules);
            key.visit_terms(&attribute.value, &mut |term| terms.push(term));
        }
        Self { service, terms }
    }
}

/// What the terms of a key's values depend on.
struct Key {
    seed: u64,
    field: Option<IdField>,
}

impl Key {
    fn of(key: &str, rules: &CorrelationRules) -> Self {
        Self { seed: key_seed(key, false), field: rules.field(key) }
    }

    fn in_resource(key: &str, rules: &CorrelationRules) -> Self {
        Self { seed: key_seed(key, true), field: rules.field(key) }
    }

    /// A value is found by its ID where [`CorrelationRules::carried`] calls it one, else by key and text: one entry
    /// for each, and readers look under both.
    fn visit_terms(&self, value: &Value, visit: &mut dyn FnMut(u64)) {
        visit_elements(value, &mut |element| {
            let (text, id) = (element.display_text(), self.id_of(element));
            // Tests see what a terminal shows of a value, IDs are made of all of it.
            if id.is_none() || has_escapes(&text) {
                visit(value_term(self.seed, &plain_text(&text)));
            }
            id.iter().for_each(|id| visit(id_term(id)));
        });
    }

    fn visit_ids(&self, value: &Value, visit: &mut dyn FnMut(u64)) {
        visit_elements(value, &mut |element| self.id_of(element).iter().for_each(|id| visit(id_term(id))));
    }

    fn id_of(&self, value: &Value) -> Option<CanonicalId> {
        CorrelationRules::carried_in(self.field, "", value).map(|carried| carried.id)
    }
}

/// The values of one attribute column in a block, with the trace of each.
#[derive(Default)]
struct Buffer {
    cells: Vec<u64>,
    runs: Vec<u32>,
}

struct Encoder<'a> {
    spans: &'a [&'a Span],
    interned: Interned<'a>,
    places: Vec<u32>,
    resource_terms: Vec<ResourceTerms>,
    keys: Vec<Key>,
    buffers: Vec<Buffer>,
    touched: Vec<u32>,
    terms: Vec<u64>,
}

impl<'a> Encoder<'a> {
    fn block(&mut self, range: Range<usize>) -> EncodedBlock {
        let spans = self.spans.get(range.clone()).unwrap_or_default();
        let rows: Vec<Row> = self.interned.rows.get(range).unwrap_or_default().to_vec();
        let lengths = run_lengths(spans);
        let runs: Vec<u32> =
            lengths.iter().zip(0u32..).flat_map(|(length, run)| std::iter::repeat_n(run, *length as usize)).collect();
        let mut sections = Sections::default();
        let mut counts = Vec::new();
        put_varint(&mut counts, spans.len() as u64);
        put_varint(&mut counts, lengths.len() as u64);
        sections.bytes(section::COUNTS, counts);
        put_identity(&mut sections, spans, &lengths);
        put_times(&mut sections, spans, &lengths);
        self.put_columns(&mut sections, spans, &rows, &runs);
        self.put_events(&mut sections, spans, &rows, &runs);
        self.put_links(&mut sections, spans, &rows, &runs);
        let zone = self.zone(spans, &rows);
        let id_terms = id_terms(spans);
        self.add_row_terms(spans, &rows);
        let mut terms = std::mem::take(&mut self.terms);
        terms.sort_unstable();
        terms.dedup();
        EncodedBlock { bytes: sections.finish(), zone, terms, id_terms }
    }

    fn put_columns(&mut self, sections: &mut Sections, spans: &[&Span], rows: &[Row], runs: &[u32]) {
        let numbers = |of: &dyn Fn(&Row) -> u32| rows.iter().map(|row| u64::from(of(row))).collect::<Vec<u64>>();
        let codes: Vec<u64> = spans.iter().map(|span| u64::from(code_of(span))).collect();
        sections.numbers(section::CODES, &codes, runs);
        sections.numbers(section::RESOURCES, &numbers(&|row| row.resource), runs);
        sections.numbers(section::SCOPES, &numbers(&|row| row.scope), runs);
        sections.numbers(section::SHAPES, &numbers(&|row| row.attributes.shape), runs);
        let rare: [Section<Span>; 4] = [
            (section::FLAGS, |span| span.flags),
            (section::DROPPED_ATTRIBUTES, |span| span.dropped_attributes_count),
            (section::DROPPED_EVENTS, |span| span.dropped_events_count),
            (section::DROPPED_LINKS, |span| span.dropped_links_count),
        ];
        for (id, of) in rare {
            let values: Vec<u64> = spans.iter().map(|span| u64::from(of(span))).collect();
            sections.numbers(id, &values, runs);
        }
        let texts: [Section<Row>; 3] = [
            (section::NAMES, |row| row.name),
            (section::STATES, |row| row.state),
            (section::MESSAGES, |row| row.message),
        ];
        for (id, of) in texts {
            let strings: Vec<u32> = rows.iter().map(of).collect();
            sections.strings(id, &strings, runs, &self.interned.strings.texts, &self.places);
        }
        rows.iter().zip(runs).for_each(|(row, run)| self.collect(row.attributes, *run));
        self.flush(sections, Owner::Span);
    }

    fn put_events(&mut self, sections: &mut Sections, spans: &[&Span], rows: &[Row], runs: &[u32]) {
        let counts: Vec<u64> = spans.iter().map(|span| span.events.len() as u64).collect();
        sections.numbers(section::EVENT_COUNTS, &counts, runs);
        let Some(first) = rows.first().map(|row| row.event) else { return };
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return;
        }
        let sub_rows = self.interned.events.get(first..first + total as usize).unwrap_or_default().to_vec();
        let sub_runs = spread(runs, &counts);
        let events = || spans.iter().flat_map(|span| span.events.iter().map(move |event| (span.start, event)));
        let times: Vec<u64> = events().map(|(start, event)| zigzag(event.time.wrapping_sub(start))).collect();
        sections.numbers(section::EVENT_TIMES, &times, &sub_runs);
        let dropped: Vec<u64> = events().map(|(_, event)| u64::from(event.dropped_attributes_count)).collect();
        sections.numbers(section::EVENT_DROPPED, &dropped, &sub_runs);
        let names: Vec<u32> = sub_rows.iter().map(|row| row.text).collect();
        sections.strings(section::EVENT_NAMES, &names, &sub_runs, &self.interned.strings.texts, &self.places);
        let shapes: Vec<u64> = sub_rows.iter().map(|row| u64::from(row.attributes.shape)).collect();
        sections.numbers(section::EVENT_SHAPES, &shapes, &sub_runs);
        sub_rows.iter().zip(&sub_runs).for_each(|(row, run)| self.collect(row.attributes, *run));
        self.flush(sections, Owner::Event);
    }

    fn put_links(&mut self, sections: &mut Sections, spans: &[&Span], rows: &[Row], runs: &[u32]) {
        let counts: Vec<u64> = spans.iter().map(|span| span.links.len() as u64).collect();
        sections.numbers(section::LINK_COUNTS, &counts, runs);
        let Some(first) = rows.first().map(|row| row.link) else { return };
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return;
        }
        let sub_rows = self.interned.links.get(first..first + total as usize).unwrap_or_default().to_vec();
        let sub_runs = spread(runs, &counts);
        let links: Vec<&SpanLink> = spans.iter().flat_map(|span| &span.links).collect();
        let ids = links.iter().flat_map(|link| link.trace_id.0.into_iter().chain(link.span_id.0)).collect();
        sections.bytes(section::LINK_IDS, ids);
        let flags: Vec<u64> = links.iter().map(|link| u64::from(link.flags)).collect();
        sections.numbers(section::LINK_FLAGS, &flags, &sub_runs);
        let dropped: Vec<u64> = links.iter().map(|link| u64::from(link.dropped_attributes_count)).collect();
        sections.numbers(section::LINK_DROPPED, &dropped, &sub_runs);
        let states: Vec<u32> = sub_rows.iter().map(|row| row.text).collect();
        sections.strings(section::LINK_STATES, &states, &sub_runs, &self.interned.strings.texts, &self.places);
        let shapes: Vec<u64> = sub_rows.iter().map(|row| u64::from(row.attributes.shape)).collect();
        sections.numbers(section::LINK_SHAPES, &shapes, &sub_runs);
        sub_rows.iter().zip(&sub_runs).for_each(|(row, run)| self.collect(row.attributes, *run));
        self.flush(sections, Owner::Link);
        let pointed = links.iter().filter(|link| link.trace_id.0 != [0; 16]);
        self.terms.extend(pointed.map(|link| trace_term(link.trace_id)));
    }

    /// Hands the cells of a list to the buffers of their columns.
    fn collect(&mut self, list: List, run: u32) {
        let Some(shape) = self.interned.shapes.get(list.shape as usize) else { return };
        let cells = self.interned.cells.get(list.cell..).unwrap_or_default();
        for (column, cell) in shape.iter().zip(cells) {
            if let Some(buffer) = self.buffers.get_mut(*column as usize) {
                if buffer.cells.is_empty() {
                    self.touched.push(*column);
                }
                buffer.cells.push(*cell);
                buffer.runs.push(run);
            }
        }
    }

    /// Writes the collected columns and empties the buffers.
    fn flush(&mut self, sections: &mut Sections, owner: Owner) {
        for column in std::mem::take(&mut self.touched) {
            let Some(buffer) = self.buffers.get_mut(column as usize) else { continue };
            let buffer = std::mem::take(buffer);
            self.put_column(sections, column, owner, &buffer);
            self.add_column_terms(column, owner, buffer.cells);
        }
    }

    fn put_column(&self, sections: &mut Sections, column: u32, owner: Owner, buffer: &Buffer) {
        let id = column_section(column, owner);
        match self.form_of(column) {
            Form::Null => {}
            Form::Bool | Form::Int | Form::Double => sections.numbers(id, &buffer.cells, &buffer.runs),
            Form::Number | Form::Text => {
                let strings: Vec<u32> = buffer.cells.iter().map(|cell| *cell as u32).collect();
                sections.strings(id, &strings, &buffer.runs, &self.interned.strings.texts, &self.places);
            }
            Form::Other => {
                let mut plain = Vec::new();
                buffer.cells.iter().filter_map(|cell| self.other(*cell)).for_each(|value| put_value(&mut plain, value));
                let mut out = Vec::new();
                put_compressed(&mut out, &plain);
                sections.bytes(id, out);
            }
        }
    }

    fn form_of(&self, column: u32) -> Form {
        self.interned.columns.get(column as usize).map_or(Form::Null, |column| column.form)
    }

    fn other(&self, cell: u64) -> Option<&'a Value> {
        usize::try_from(cell).ok().and_then(|index| self.interned.others.get(index).copied())
    }

    fn add_column_terms(&mut self, column: u32, owner: Owner, mut cells: Vec<u64>) {
        // Links are found by the trace they point to; their attributes carry no IDs.
        if owner == Owner::Link {
            return;
        }
        let (form, Some(key)) = (self.form_of(column), self.keys.get(column as usize)) else { return };
        cells.sort_unstable();
        cells.dedup();
        for cell in cells {
            let text = |cell: u64| self.interned.strings.texts.get(cell as usize).copied().unwrap_or_default();
            let value = match form {
                Form::Null => Value::Null,
                Form::Bool => Value::Bool(cell != 0),
                Form::Int => Value::Int(crate::bytes::unzigzag(cell)),
                Form::Double => Value::Double(f64::from_bits(cell)),
                Form::Number => Value::Number(clew_model::Number(text(cell).into())),
                Form::Text => Value::from(text(cell)),
                Form::Other => self.other(cell).cloned().unwrap_or_default(),
            };
            let terms = &mut self.terms;
            match owner {
                Owner::Span => key.visit_terms(&value, &mut |term| terms.push(term)),
                Owner::Event | Owner::Link => key.visit_ids(&value, &mut |term| terms.push(term)),
            }
        }
    }

    fn zone(&self, spans: &[&Span], rows: &[Row]) -> BlockZone {
        let mut zone = BlockZone::default();
        for (span, row) in spans.iter().zip(rows) {
            let service = self.resource_terms.get(row.resource as usize).map_or(0, |resource| resource.service);
            zone.add(span, service as u32);
        }
        zone.services.sort_unstable();
        zone
    }

    /// The terms of resources, operations and outcomes; each combination is hashed once.
    fn add_row_terms(&mut self, spans: &[&Span], rows: &[Row]) {
        let mut met: HashMap<(u32, u32, u8), ()> = HashMap::new();
        let mut resources: Vec<u32> = rows.iter().map(|row| row.resource).collect();
        resources.sort_unstable();
        resources.dedup();
        for resource in resources {
            if let Some(terms) = self.resource_terms.get(resource as usize) {
                self.terms.extend_from_slice(&terms.terms);
            }
        }
        for (span, row) in spans.iter().zip(rows) {
            if met.insert((row.resource, row.name, span.status.code.number()), ()).is_none() {
                let service = self.resource_terms.get(row.resource as usize).map_or(0, |resource| resource.service);
                let operation = operation_term(&span.name);
                self.terms.push(operation);
                self.terms.push(outcome_term(service, operation, span.status.code));
            }
        }
    }
}

/// A section and the number it keeps of each row.
type Section<T> = (u32, fn(&T) -> u32);

/// Kind and status in one number.
pub(super) fn code_of(span: &Span) -> u8 {
    span.kind.number() | span.status.code.number() << 3
}

fn run_lengths(spans: &[&Span]) -> Vec<u32> {
    spans.chunk_by(|before, after| before.trace_id == after.trace_id).map(|run| run.len() as u32).collect()
}

/// The trace of each event or link.
fn spread(runs: &[u32], counts: &[u64]) -> Vec<u32> {
    runs.iter().zip(counts).flat_map(|(run, count)| std::iter::repeat_n(*run, *count as usize)).collect()
}

fn id_terms(spans: &[&Span]) -> Vec<u64> {
    let traces = spans.chunk_by(|before, after| before.trace_id == after.trace_id).filter_map(<[_]>::first);
    traces.map(|span| trace_term(span.trace_id)).chain(spans.iter().map(|span| span_term(span.span_id))).collect()
}

fn put_identity(sections: &mut Sections, spans: &[&Span], lengths: &[u32]) {
    let mut traces = Vec::with_capacity(lengths.len() * 18);
    let runs = || spans.chunk_by(|before, after| before.trace_id == after.trace_id);
    runs().filter_map(<[_]>::first).for_each(|span| traces.extend_from_slice(&span.trace_id.0));
    let lengths: Vec<u64> = lengths.iter().map(|length| u64::from(*length)).collect();
    put(&mut traces, &lengths, &[]);
    sections.bytes(section::TRACES, traces);
    sections.bytes(section::SPAN_IDS, spans.iter().flat_map(|span| span.span_id.0).collect());
    let mut out = Vec::new();
    let mut raw: Vec<u8> = Vec::new();
    let mut widths = Vec::with_capacity(lengths.len());
    if runs().any(has_shared_ids) {
        sections.bytes(section::SHARED_IDS, vec![1]);
    }
    for run in runs() {
        let codes = parent_codes(run, &mut raw);
        let width = width_of(codes.iter().copied().max().unwrap_or(0));
        widths.push(u64::from(width));
        crate::bits::pack(&mut out, codes, width);
    }
    let mut parents = Vec::with_capacity(out.len() + raw.len() + 16);
    put(&mut parents, &widths, &[]);
    parents.extend_from_slice(&out);
    parents.extend_from_slice(&raw);
    sections.bytes(section::PARENTS, parents);
}

/// 0 = no parent, 1 = a parent that is not in this run (its ID goes to `raw`), else the parent's row in the run + 2.
fn parent_codes(run: &[&Span], raw: &mut Vec<u8>) -> Vec<u64> {
    let table: Option<HashMap<SpanId, u64>> = (run.len() > LINEAR_PARENTS).then(|| {
        // The first row of an ID wins, as in the linear walk.
        run.iter().enumerate().rev().map(|(row, span)| (span.span_id, row as u64)).collect()
    });
    let find = |parent: SpanId| match &table {
        Some(table) => table.get(&parent).copied(),
        None => run.iter().position(|span| span.span_id == parent).map(|row| row as u64),
    };
    let mut code = |span: &&Span| match span.parent_span_id {
        None => 0,
        Some(parent) => find(parent).map_or_else(
            || {
                raw.extend_from_slice(&parent.0);
                1
            },
            |row| row + 2,
        ),
    };
    run.iter().map(&mut code).collect()
}

/// Starts: the base of each trace, then what each span lies after it. Durations: widths by trace, signed only where a
/// clock ran backwards.
fn put_times(sections: &mut Sections, spans: &[&Span], lengths: &[u32]) {
    let mut bases = Vec::with_capacity(lengths.len());
    let mut offsets = Vec::with_capacity(spans.len());
    for run in spans.chunk_by(|before, after| before.trace_id == after.trace_id) {
        let base = run.iter().map(|span| span.start).min().unwrap_or(0);
        bases.push(base);
        offsets.extend(run.iter().map(|span| span.start.wrapping_sub(base) as u64));
    }
    let mut starts = Vec::with_capacity(spans.len() * 4);
    put_numbers(&mut starts, &bases);
    put_by_run(&mut starts, &offsets, lengths);
    sections.bytes(section::STARTS, starts);
    let lasting = || spans.iter().map(|span| span.end.wrapping_sub(span.start));
    let signed = lasting().any(|duration| duration < 0);
    let durations: Vec<u64> =
        lasting().map(|duration| if signed { zigzag(duration) } else { duration as u64 }).collect();
    let mut out = vec![u8::from(signed)];
    put_by_run(&mut out, &durations, lengths);
    sections.bytes(section::DURATIONS, out);
}
