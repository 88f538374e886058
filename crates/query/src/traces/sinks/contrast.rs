//! Which attributes the traces of two groups have: what sets one group apart from the other.

use super::extents::selected_traces;
use super::locked;
use crate::limits::{MAX_CONTRAST_ITEMS, MAX_CONTRAST_VALUE_BYTES};
use clew_model::traces::{Span, SpanBatch, StatusCode};
use clew_model::{Context, Flow, ReadError, Reservation, Sink, SinkWorker, TraceId, Value};
use compact_str::CompactString;
use hashbrown::{HashMap, HashSet};
use std::collections::HashMap as StdMap;
use std::sync::Mutex;

/// Bytes that an item takes, an estimate.
const ITEM_BYTES: usize = 160;

/// Something that a trace has: a span of a service with this attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Item {
    /// The service of the span.
    pub service: CompactString,
    /// The attribute's key; `resource.` before it where it is one of the resource, `operation` and `status` for the span's
    /// own.
    pub key: CompactString,
    /// The text of its value.
    pub value: CompactString,
}

/// How many traces of each group have an item.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Of those selected.
    pub selected: u64,
    /// Of the others.
    pub rest: u64,
}

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    /// Of each item.
    pub items: HashMap<Item, Counts>,
    /// Whether there were more items than are told apart: those met later are missing.
    pub truncated: bool,
    memory: Vec<Reservation>,
}

/// Counts items in the traces of two groups; those in neither are passed over.
pub(crate) struct Contrast<'c> {
    context: &'c Context,
    /// Of each trace whether it is selected.
    groups: &'c HashMap<TraceId, bool>,
    found: Mutex<Counted>,
}

impl<'c> Contrast<'c> {
    /// Nothing yet.
    pub(crate) fn new(context: &'c Context, groups: &'c HashMap<TraceId, bool>) -> Self {
        Self { context, groups, found: Mutex::default() }
    }

    /// What was counted.
    pub(crate) fn found(self) -> Counted {
        self.found.into_inner().unwrap_or_default()
    }
}

impl Counted {
    /// Adds what was counted of other traces.
    pub(crate) fn merge(&mut self, other: Counted) {
        self.truncated |= other.truncated;
        for (item, counts) in other.items {
            self.add(item, counts);
        }
        self.memory.extend(other.memory);
    }

    fn add(&mut self, item: Item, counts: Counts) {
        if let Some(own) = self.items.get_mut(&item) {
            own.selected += counts.selected;
            own.rest += counts.rest;
        } else if self.items.len() < MAX_CONTRAST_ITEMS {
            self.items.insert(item, counts);
        } else {
            self.truncated = true;
        }
    }
}

impl Sink<dyn SpanBatch> for Contrast<'_> {
    fn worker(&self) -> Box<dyn SinkWorker<dyn SpanBatch> + '_> {
        Box::new(Worker { sink: self, found: Counted::default() })
    }
}

struct Worker<'s> {
    sink: &'s Contrast<'s>,
    found: Counted,
}

impl SinkWorker<dyn SpanBatch> for Worker<'_> {
    fn take(&mut self, batch: &dyn SpanBatch) -> Result<Flow, ReadError> {
        let mut rows = Vec::new();
        selected_traces(batch, |trace, _| {
            if self.sink.groups.contains_key(&trace.trace_id) {
                rows.extend(trace.rows.clone());
            }
        });
        if rows.is_empty() {
            return Ok(Flow::Continue);
        }
        let spans = batch.spans(&rows)?;
        let before = self.found.items.len();
        let mut of_resources: StdMap<*const clew_model::Resource, Vec<Item>> = StdMap::new();
        for trace in spans.chunk_by(|one, other| one.trace_id == other.trace_id) {
            let Some(is_selected) = trace.first().and_then(|span| self.sink.groups.get(&span.trace_id)) else {
                continue;
            };
            let mut items: HashSet<Item> = HashSet::new();
            for span in trace {
                let key = std::sync::Arc::as_ptr(&span.resource);
                items.extend(of_resources.entry(key).or_insert_with(|| resource_items(span)).iter().cloned());
                add_span(&mut items, span);
            }
            let counts = Counts { selected: u64::from(*is_selected), rest: u64::from(!*is_selected) };
            items.into_iter().for_each(|item| self.found.add(item, counts));
        }
        let new = (self.found.items.len() - before) * ITEM_BYTES;
        self.found.memory.push(self.sink.context.memory.reserve(new as u64)?);
        Ok(Flow::Continue)
    }

    fn merge(self: Box<Self>) -> Result<(), ReadError> {
        locked(&self.sink.found).merge(self.found);
        Ok(())
    }
}

fn resource_items(span: &Span) -> Vec<Item> {
    let service = CompactString::from(span.service());
    let attributes = span.resource.attributes.iter().filter(|one| one.key != "service.name");
    attributes.filter_map(|one| item(&service, &format!("resource.{}", one.key), &one.value)).collect()
}

fn add_span(items: &mut HashSet<Item>, span: &Span) {
    let service = CompactString::from(span.service());
    for attribute in &span.attributes {
        match &attribute.value {
            Value::Array(values) => items.extend(values.iter().filter_map(|one| item(&service, &attribute.key, one))),
            value => items.extend(item(&service, &attribute.key, value)),
        }
    }
    items.insert(Item { service: service.clone(), key: "operation".into(), value: span.name.as_str().into() });
    if span.status.code != StatusCode::Unset {
        items.insert(Item { service, key: "status".into(), value: span.status.code.as_str().into() });
    }
}

/// Scalars alone, and no texts so long that no two are alike.
fn item(service: &CompactString, key: &str, value: &Value) -> Option<Item> {
    let text = value.scalar_text()?;
    let fits = text.len() <= MAX_CONTRAST_VALUE_BYTES;
    fits.then(|| Item { service: service.clone(), key: key.into(), value: text.as_ref().into() })
}
