//! Which spans a scan selects, and which blocks may hold one.

use crate::engine::Slice;
use crate::traces::hot::Batch;
use crate::traces::run::OpenRun;
use clew_columns::spans::{
    BlockZone, FilterPlan, SpanBlock, SpanDictionary, key_seed, operation_term, outcome_term, service_term,
    terms_of_id, value_term,
};
use clew_model::logs::FieldTest;
use clew_model::traces::{AttributeTest, Grain, Span, StatusCode, TraceFilter};
use clew_model::{CanonicalId, ReadError, TimeRange};

/// A filter and a range of starts.
pub(super) struct Selection<'q> {
    /// What a span satisfies.
    pub filter: &'q TraceFilter,
    /// When it started.
    pub range: TimeRange,
    takes_all: bool,
}

impl<'q> Selection<'q> {
    /// A selection.
    pub(super) fn new(filter: &'q TraceFilter, range: TimeRange) -> Self {
        Self { filter, range, takes_all: *filter == TraceFilter::default() }
    }

    /// Whether a whole span is selected.
    pub(super) fn holds(&self, span: &Span) -> bool {
        self.range.contains(span.start) && (self.takes_all || self.filter.matches(span))
    }

    /// The selected rows of a batch of the hot tail.
    pub(super) fn rows_of_batch(&self, batch: &Batch) -> Vec<u32> {
        (0u32..).zip(batch.spans.iter()).filter(|(_, span)| self.holds(span)).map(|(row, _)| row).collect()
    }

    /// The selected rows of a block; `None` when all are.
    pub(super) fn rows_of_block(
        &self,
        run: &OpenRun,
        block: &SpanBlock<Slice>,
        dictionary: &SpanDictionary,
        zone: &BlockZone,
    ) -> Result<Option<Vec<u32>>, ReadError> {
        let all_in_range = self.range.start <= zone.min_start && zone.max_start <= self.range.end;
        if all_in_range && self.takes_all {
            return Ok(None);
        }
        let mut plan = FilterPlan::new(self.filter, dictionary);
        if plan.is_impossible() {
            return Ok(Some(Vec::new()));
        }
        let range = (!all_in_range).then_some(&self.range);
        let rows = plan.rows(block, range).map_err(|error| run.damaged(&error))?;
        Ok((rows.len() < block.len()).then_some(rows))
    }

    /// The blocks of a run that may hold a selected span, ascending.
    pub(super) fn blocks(&self, run: &OpenRun) -> Result<Vec<u32>, ReadError> {
        let candidates = self.candidates(run)?;
        if candidates.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let (service, least) = (self.filter.service.as_deref(), self.filter.min_duration.unwrap_or(0));
        let zones = run.zones()?;
        let may_hold = |number: &u32| {
            let zone = zones.get(*number as usize);
            zone.is_some_and(|zone| zone.overlaps(&self.range) && zone.may_last(service, least))
        };
        Ok(candidates.unwrap_or_else(|| (0..run.blocks()).collect()).into_iter().filter(may_hold).collect())
    }

    /// The blocks that the index leaves; `None` when the filter asks nothing the index knows.
    fn candidates(&self, run: &OpenRun) -> Result<Option<Vec<u32>>, ReadError> {
        let mut left: Option<Vec<u32>> = None;
        for terms in terms_of(self.filter) {
            let mut blocks = Vec::new();
            for term in terms {
                blocks.extend(run.find(term)?);
            }
            blocks.sort_unstable();
            blocks.dedup();
            if let Some(before) = left {
                blocks.retain(|block| before.binary_search(block).is_ok());
            }
            let done = blocks.is_empty();
            left = Some(blocks);
            if done {
                break;
            }
        }
        Ok(left)
    }

    /// Whether what was counted of spans answers such a scan.
    pub(super) fn allows(&self, grain: Grain) -> bool {
        match grain {
            Grain::Span => false,
            Grain::Service | Grain::Calls => self.takes_all,
            Grain::Operation { step } => {
                let alone = TraceFilter { service: self.filter.service.clone(), ..TraceFilter::default() };
                step > 0 && self.filter.service.is_some() && *self.filter == alone
            }
        }
    }

    /// Whether the filter asks anything, so that not all blocks of the range may do.
    pub(super) fn is_narrow(&self) -> bool {
        !self.takes_all
    }
}

/// Sets of terms: a block with a match holds one of each set.
fn terms_of(filter: &TraceFilter) -> Vec<Vec<u64>> {
    let service = filter.service.as_deref().map(service_term);
    let operation = filter.operation.as_deref().map(operation_term);
    let mut sets: Vec<Vec<u64>> = match (service, operation, filter.status) {
        (Some(service), Some(operation), Some(status)) => vec![vec![outcome_term(service, operation, status)]],
        (Some(service), Some(operation), None) => {
            let outcomes = [StatusCode::Unset, StatusCode::Ok, StatusCode::Error];
            vec![outcomes.map(|status| outcome_term(service, operation, status)).to_vec()]
        }
        (service, operation, _) => service.into_iter().chain(operation).map(|term| vec![term]).collect(),
    };
    sets.extend(filter.attributes.iter().filter_map(attribute_terms));
    sets
}

/// A value is indexed as an ID where the rules of that time called it one, else under its key: all are looked up.
fn attribute_terms(test: &AttributeTest) -> Option<Vec<u64>> {
    let FieldTest::Equals(text) = &test.test else { return None };
    let in_resource = test.key.strip_prefix("resource.").unwrap_or(&test.key);
    let mut terms = vec![value_term(key_seed(&test.key, false), text), value_term(key_seed(in_resource, true), text)];
    terms.extend(CanonicalId::readings(text).iter().flat_map(terms_of_id));
    Some(terms)
}
