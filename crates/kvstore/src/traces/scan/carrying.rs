//! Scans for the spans that carry an ID.

use super::selection::Selection;
use crate::traces::identity::{Identity, identity, is_kept_before};
use crate::traces::run::OpenRun;
use crate::traces::view::View;
use clew_columns::spans::terms_of_id;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::{Span, SpanBatch, SpanList};
use clew_model::{CanonicalId, Context, ReadError, Reservation, Sink, UnixNanos};
use hashbrown::HashMap;
use std::collections::BTreeMap;

/// Hands out the first of the selected spans that carry one of the IDs, in one batch.
pub(super) fn scan(
    view: &View,
    context: &Context,
    ids: &[CanonicalId],
    first: usize,
    selection: &Selection<'_>,
    sink: &dyn Sink<dyn SpanBatch>,
) -> Result<(), ReadError> {
    let wanted = Wanted { ids, terms: ids.iter().flat_map(terms_of_id).collect(), selection, rules: &view.rules };
    let mut found = FirstSpans::new(context, first);
    for batch in view.batches(&context.tenant) {
        context.check()?;
        let may_be = found.may_take(batch.range.start) && batch.range.overlaps(&selection.range);
        if may_be && batch.may_carry(&wanted.terms, &view.rules) {
            batch.spans.iter().filter(|span| wanted.holds(span)).try_for_each(|span| found.take(span.clone()))?;
        }
    }
    let runs = view.runs(&context.tenant, selection.range)?;
    let mut blocks = Vec::new();
    for run in &runs {
        let starts = wanted.blocks(run)?.into_iter();
        blocks.extend(starts.map(|(start, number)| (start, run, number)));
    }
    // The earliest first: once enough is found, those that begin later need not be read.
    blocks.sort_unstable_by_key(|(start, _, number)| (*start, *number));
    for (start, run, number) in blocks {
        context.check()?;
        if !found.may_take(start) {
            break;
        }
        wanted.in_block(run, number)?.into_iter().try_for_each(|span| found.take(span))?;
    }
    let (mut spans, _memory) = found.into_spans();
    if spans.is_empty() {
        return Ok(());
    }
    spans.sort_by_key(|span| (span.trace_id, span.start));
    let mut worker = sink.worker();
    worker.take(&SpanList::all(spans))?;
    worker.merge()
}

/// The first spans by (start, identity), each once, and the memory they take.
struct FirstSpans<'c> {
    context: &'c Context,
    most: usize,
    starts: HashMap<Identity, UnixNanos>,
    spans: BTreeMap<(UnixNanos, Identity), (Span, Reservation)>,
}

impl<'c> FirstSpans<'c> {
    fn new(context: &'c Context, most: usize) -> Self {
        Self { context, most: most.max(1), starts: HashMap::new(), spans: BTreeMap::new() }
    }

    /// Whether a span that starts then may be among the first.
    fn may_take(&self, start: UnixNanos) -> bool {
        self.spans.len() < self.most || self.spans.last_key_value().is_some_and(|((last, _), _)| start <= *last)
    }

    fn take(&mut self, span: Span) -> Result<(), ReadError> {
        let key = (span.start, identity(&span));
        if let Some(known) = self.starts.get(&key.1).copied() {
            // Of two versions the one that starts first is kept: see `identity`.
            let keeps = known < key.0 || self.spans.get(&key).is_some_and(|(own, _)| !is_kept_before(&span, own));
            if keeps {
                return Ok(());
            }
            self.spans.remove(&(known, key.1));
        } else if self.spans.len() >= self.most && self.spans.last_key_value().is_some_and(|(last, _)| key > *last) {
            return Ok(());
        }
        let memory = self.context.memory.reserve((span.memory_bytes() + size_of::<(Span, Identity)>()) as u64)?;
        self.starts.insert(key.1, key.0);
        self.spans.insert(key, (span, memory));
        if self.spans.len() > self.most
            && let Some(((_, last), _)) = self.spans.pop_last()
        {
            self.starts.remove(&last);
        }
        Ok(())
    }

    fn into_spans(self) -> (Vec<Span>, Vec<Reservation>) {
        self.spans.into_values().unzip()
    }
}

struct Wanted<'a> {
    ids: &'a [CanonicalId],
    terms: Vec<u64>,
    selection: &'a Selection<'a>,
    rules: &'a CorrelationRules,
}

impl Wanted<'_> {
    /// The blocks of a run that may hold some, with the earliest start in each.
    fn blocks(&self, run: &OpenRun) -> Result<Vec<(UnixNanos, u32)>, ReadError> {
        let mut blocks = Vec::new();
        for term in &self.terms {
            blocks.extend(run.find(*term)?);
        }
        blocks.sort_unstable();
        blocks.dedup();
        if blocks.is_empty() {
            return Ok(Vec::new());
        }
        let zones = run.zones()?;
        let zone = |block: u32| zones.get(block as usize).filter(|zone| zone.overlaps(&self.selection.range));
        Ok(blocks.into_iter().filter_map(|block| Some((zone(block)?.min_start, block))).collect())
    }

    fn in_block(&self, run: &OpenRun, number: u32) -> Result<Vec<Span>, ReadError> {
        let (block, dictionary) = (run.block(number)?, run.dictionary(number)?);
        let mut spans = block.spans(&dictionary, 0..block.len()).map_err(|error| run.damaged(&error))?;
        spans.retain(|span| self.holds(span));
        Ok(spans)
    }

    fn holds(&self, span: &Span) -> bool {
        let mut carries = false;
        if self.selection.range.contains(span.start) {
            self.rules.visit_span(span, &mut |carried| carries |= self.ids.contains(&carried.id));
        }
        carries && self.selection.filter.matches(span)
    }
}
