//! Finding the spans that carry an ID.

use super::identity::unique;
use super::run::OpenRun;
use super::view::View;
use clew_columns::spans::id_term;
use clew_model::correlation::CorrelationRules;
use clew_model::traces::{Span, SpanPage};
use clew_model::{CanonicalId, Context, ReadError, TimeRange};

/// The spans in the range that carry one of the IDs; see [`clew_model::traces::TraceReader::find_ids`].
pub fn find_ids(
    view: &View,
    context: &Context,
    ids: &[CanonicalId],
    range: TimeRange,
    limit: usize,
) -> Result<SpanPage, ReadError> {
    let wanted = Wanted { ids, terms: ids.iter().map(id_term).collect(), range, rules: &view.rules };
    let mut found = Vec::new();
    let mut memory = Vec::new();
    let mut take = |spans: Vec<Span>| -> Result<(), ReadError> {
        memory.push(context.memory.reserve(spans.iter().map(|span| span.memory_bytes() as u64).sum())?);
        found.extend(spans);
        Ok(())
    };
    for run in view.runs(&context.tenant, range)? {
        for number in wanted.blocks(&run)? {
            context.check()?;
            take(wanted.in_block(&run, number)?)?;
        }
    }
    for batch in view.batches(&context.tenant) {
        context.check()?;
        if batch.range.overlaps(&range) && batch.may_carry(&wanted.terms, &view.rules) {
            let spans = batch.spans.iter().filter(|span| view.is_kept(span) && wanted.holds(span));
            take(spans.cloned().collect())?;
        }
    }
    let mut spans = unique(found);
    // Several traces may meet here, so that the order needs the trace ID too.
    spans.sort_by_key(|span| (span.start, span.trace_id, span.span_id, span.kind));
    let truncated = spans.len() > limit;
    spans.truncate(limit);
    Ok(SpanPage { spans, truncated, warnings: Vec::new() })
}

struct Wanted<'a> {
    ids: &'a [CanonicalId],
    terms: Vec<u64>,
    range: TimeRange,
    rules: &'a CorrelationRules,
}

impl Wanted<'_> {
    fn blocks(&self, run: &OpenRun<'_>) -> Result<Vec<u32>, ReadError> {
        let mut blocks = Vec::new();
        for term in &self.terms {
            blocks.extend(run.find(*term)?);
        }
        blocks.sort_unstable();
        blocks.dedup();
        if !blocks.is_empty() {
            let zones = run.zones()?;
            blocks.retain(|block| zones.get(*block as usize).is_some_and(|zone| zone.overlaps(&self.range)));
        }
        Ok(blocks)
    }

    fn in_block(&self, run: &OpenRun<'_>, number: u32) -> Result<Vec<Span>, ReadError> {
        let block = run.block(number)?;
        let dictionary = run.dictionary(number)?;
        let mut spans = block.spans(&dictionary, 0..block.len()).map_err(|error| run.damaged(&error))?;
        spans.retain(|span| self.holds(span));
        Ok(spans)
    }

    fn holds(&self, span: &Span) -> bool {
        let mut carries = false;
        if self.range.contains(span.start) {
            self.rules.visit_span(span, &mut |carried| carries |= self.ids.contains(&carried.id));
        }
        carries
    }
}
