//! Scans for the spans that carry an ID.

use super::selection::Selection;
use crate::traces::identity::unique;
use crate::traces::run::OpenRun;
use crate::traces::view::View;
use clew_columns::spans::terms_of_id;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::{Span, SpanBatch, SpanList};
use clew_model::{CanonicalId, Context, ReadError, Sink};

/// Hands out the selected spans that carry one of the IDs, in one batch.
pub(super) fn scan(
    view: &View,
    context: &Context,
    ids: &[CanonicalId],
    selection: &Selection<'_>,
    sink: &dyn Sink<dyn SpanBatch>,
) -> Result<(), ReadError> {
    let wanted = Wanted { ids, terms: ids.iter().flat_map(terms_of_id).collect(), selection, rules: &view.rules };
    let mut found = Vec::new();
    let mut memory = Vec::new();
    let mut take = |spans: Vec<Span>| -> Result<(), ReadError> {
        memory.push(context.memory.reserve(spans.iter().map(|span| span.memory_bytes() as u64).sum())?);
        found.extend(spans);
        Ok(())
    };
    for run in view.runs(&context.tenant, selection.range)? {
        for number in wanted.blocks(&run)? {
            context.check()?;
            take(wanted.in_block(&run, number)?)?;
        }
    }
    for batch in view.batches(&context.tenant) {
        context.check()?;
        if batch.range.overlaps(&selection.range) && batch.may_carry(&wanted.terms, &view.rules) {
            take(batch.spans.iter().filter(|span| wanted.holds(span)).cloned().collect())?;
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    let mut spans = unique(found);
    spans.sort_by_key(|span| (span.trace_id, span.start));
    let mut worker = sink.worker();
    worker.take(&SpanList::all(spans))?;
    worker.merge()
}

struct Wanted<'a> {
    ids: &'a [CanonicalId],
    terms: Vec<u64>,
    selection: &'a Selection<'a>,
    rules: &'a CorrelationRules,
}

impl Wanted<'_> {
    fn blocks(&self, run: &OpenRun) -> Result<Vec<u32>, ReadError> {
        let mut blocks = Vec::new();
        for term in &self.terms {
            blocks.extend(run.find(*term)?);
        }
        blocks.sort_unstable();
        blocks.dedup();
        if !blocks.is_empty() {
            let zones = run.zones()?;
            let overlaps =
                |block: &u32| zones.get(*block as usize).is_some_and(|zone| zone.overlaps(&self.selection.range));
            blocks.retain(overlaps);
        }
        Ok(blocks)
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
