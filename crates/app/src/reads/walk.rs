//! The breadth-first walk from one ID over everything that carries it, in all signals.

use super::question::Stores;
use crate::error::AppError;
use crate::limits::{CORRELATE_DEPTH, CORRELATE_IDS, CORRELATE_RECORDS};
use clew_model::correlation::{CarriedId, IdSource};
use clew_model::logs::{LogRow, LogView};
use clew_model::metrics::{ExemplarRow, Labels, MetricView};
use clew_model::traces::{Span, SpanKind};
use clew_model::{CanonicalId, Context, RecordId, SpanId, TimeRange, TraceId};
use clew_query::logs::sinks;
use clew_query::{metrics, traces};
use std::collections::{BTreeMap, HashSet};

/// What a correlation asks.
#[derive(Debug, Clone)]
pub struct CorrelateQuery {
    /// What the ID asked for may be, the likeliest first (see [`CanonicalId::readings`]).
    pub ids: Vec<CanonicalId>,
    /// How often to follow what the records found carry; 0 answers only the records that carry the ID itself.
    pub depth: usize,
    /// Most records of each signal.
    pub limit: usize,
    /// When the records must lie.
    pub range: TimeRange,
}

impl CorrelateQuery {
    /// The query with its depth and limit brought within bounds.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.depth = self.depth.min(CORRELATE_DEPTH);
        self.limit = self.limit.clamp(1, CORRELATE_RECORDS);
        self
    }
}

/// How the walk came to a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// How many IDs were followed before this one; 0 for the ID asked.
    pub depth: usize,
    /// The ID that the record carries.
    pub id: CanonicalId,
    /// In which field.
    pub field: String,
}

/// A record that the walk found.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    /// The record.
    pub record: T,
    /// How it was reached.
    pub step: Step,
}

/// Everything the walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Log records.
    pub logs: Vec<Found<LogRow>>,
    /// Spans.
    pub spans: Vec<Found<Span>>,
    /// Exemplars.
    pub exemplars: Vec<Found<ExemplarRow>>,
    /// The IDs followed, with the depth at which each was met.
    pub ids: BTreeMap<CanonicalId, usize>,
    /// Signals of which not all records were read.
    pub truncated_logs: bool,
    /// See `truncated_logs`.
    pub truncated_spans: bool,
    /// See `truncated_logs`.
    pub truncated_exemplars: bool,
    /// Whether more IDs were met than the walk may follow.
    pub truncated_ids: bool,
    /// Whether IDs were met at the last depth that were not followed.
    pub stopped_at_depth: bool,
    /// What the stores had to say.
    pub warnings: Vec<String>,
}

impl Walk {
    /// Which of the IDs asked for the walk began with: the first one that a record carries.
    pub(super) fn origin(&self, asked: &[CanonicalId]) -> Option<CanonicalId> {
        let logs = self.logs.iter().map(|found| &found.step);
        let spans = self.spans.iter().map(|found| &found.step);
        let steps = logs.chain(spans).chain(self.exemplars.iter().map(|found| &found.step));
        let reached: HashSet<&CanonicalId> = steps.filter(|step| step.depth == 0).map(|step| &step.id).collect();
        asked.iter().find(|id| reached.contains(id)).or_else(|| asked.first()).cloned()
    }
}

/// Walks from the query's IDs.
///
/// # Errors
/// What the stores answer.
pub(super) fn walk(context: &Context, stores: &Stores<'_>, query: &CorrelateQuery) -> Result<Walk, AppError> {
    let (log_view, metric_view) = (stores.logs.view(context), stores.metrics.view(context));
    let mut walker = Walker { stores, log_view, metric_view, query, walk: Walk::default(), seen: Seen::default() };
    let mut frontier = query.ids.clone();
    for depth in 0..=query.depth {
        for id in &frontier {
            walker.walk.ids.entry(id.clone()).or_insert(depth);
        }
        let mut next = Vec::new();
        walker.level(context, depth, &frontier, &mut next)?;
        frontier = walker.unvisited(next);
        if frontier.is_empty() {
            break;
        }
        walker.walk.stopped_at_depth = depth == query.depth;
    }
    walker.walk.warnings.sort_unstable();
    walker.walk.warnings.dedup();
    Ok(walker.walk)
}

#[derive(Default)]
struct Seen {
    logs: HashSet<RecordId>,
    spans: HashSet<(TraceId, SpanId, SpanKind)>,
    /// Series, time, bits of the value, labels: one series may measure twice in a millisecond.
    exemplars: HashSet<(Labels, i64, u64, Labels)>,
}

struct Walker<'a> {
    stores: &'a Stores<'a>,
    log_view: Box<dyn LogView>,
    metric_view: Box<dyn MetricView + 'a>,
    query: &'a CorrelateQuery,
    walk: Walk,
    seen: Seen,
}

impl Walker<'_> {
    /// Reads every record that carries one of `ids`; pushes the IDs they lead to.
    fn level(
        &mut self,
        context: &Context,
        depth: usize,
        ids: &[CanonicalId],
        next: &mut Vec<CanonicalId>,
    ) -> Result<(), AppError> {
        self.logs(context, depth, ids, next)?;
        self.spans(context, depth, ids, next)?;
        self.exemplars(context, depth, ids, next)
    }

    fn logs(
        &mut self,
        context: &Context,
        depth: usize,
        ids: &[CanonicalId],
        next: &mut Vec<CanonicalId>,
    ) -> Result<(), AppError> {
        let page = sinks::find_ids(context, &*self.log_view, ids, self.query.range, self.query.limit)?;
        self.walk.truncated_logs |= page.next.is_some();
        self.walk.warnings.extend(page.warnings);
        for row in page.rows {
            if !self.seen.logs.insert(row.id) {
                continue;
            }
            if self.walk.logs.len() >= self.query.limit {
                self.walk.truncated_logs = true;
                break;
            }
            let mut meet = Meeting::new(ids, depth);
            self.stores.rules.visit_log(&row.record, &mut |carried| meet.carried(&carried, next));
            self.walk.logs.push(Found { record: row, step: meet.step() });
        }
        Ok(())
    }

    fn spans(
        &mut self,
        context: &Context,
        depth: usize,
        ids: &[CanonicalId],
        next: &mut Vec<CanonicalId>,
    ) -> Result<(), AppError> {
        let view = self.stores.traces.view(context);
        let page = traces::find_ids(context, &*view, ids, self.query.range, self.query.limit)?;
        self.walk.truncated_spans |= page.truncated;
        self.walk.warnings.extend(page.warnings);
        for span in page.spans {
            if !self.seen.spans.insert((span.trace_id, span.span_id, span.kind)) {
                continue;
            }
            if self.walk.spans.len() >= self.query.limit {
                self.walk.truncated_spans = true;
                break;
            }
            let mut meet = Meeting::new(ids, depth);
            self.stores.rules.visit_span(&span, &mut |carried| meet.carried(&carried, next));
            self.walk.spans.push(Found { record: span, step: meet.step() });
        }
        Ok(())
    }

    fn exemplars(
        &mut self,
        context: &Context,
        depth: usize,
        ids: &[CanonicalId],
        next: &mut Vec<CanonicalId>,
    ) -> Result<(), AppError> {
        let (rows, more) = metrics::find_ids(context, &*self.metric_view, ids, self.query.range, self.query.limit)?;
        self.walk.truncated_exemplars |= more;
        for row in rows {
            if !self.seen.exemplars.insert((row.series.clone(), row.time, row.value.to_bits(), row.labels.clone())) {
                continue;
            }
            if self.walk.exemplars.len() >= self.query.limit {
                self.walk.truncated_exemplars = true;
                break;
            }
            let mut meet = Meeting::new(ids, depth);
            self.stores.rules.visit_exemplar(&row.labels, &mut |carried| meet.carried(&carried, next));
            self.walk.exemplars.push(Found { record: row, step: meet.step() });
        }
        Ok(())
    }

    /// The IDs not visited yet, each once, as many as may still be followed.
    fn unvisited(&mut self, mut ids: Vec<CanonicalId>) -> Vec<CanonicalId> {
        ids.sort_unstable();
        ids.dedup();
        ids.retain(|id| !self.walk.ids.contains_key(id));
        let room = CORRELATE_IDS.saturating_sub(self.walk.ids.len());
        if ids.len() > room {
            self.walk.truncated_ids = true;
            ids.truncate(room);
        }
        ids
    }
}

/// What one record's IDs say: by which of the wanted ones it was reached, and where it leads.
struct Meeting<'a> {
    wanted: &'a [CanonicalId],
    depth: usize,
    reached: Option<(CanonicalId, String)>,
}

impl<'a> Meeting<'a> {
    fn new(wanted: &'a [CanonicalId], depth: usize) -> Self {
        Self { wanted, depth, reached: None }
    }

    fn carried(&mut self, carried: &CarriedId<'_>, next: &mut Vec<CanonicalId>) {
        if self.wanted.contains(&carried.id) {
            if self.reached.is_none() {
                self.reached = Some((carried.id.clone(), carried.field.to_owned()));
            }
        } else if carried.source.is_followed() && !is_span_field(carried) {
            next.push(carried.id.clone());
        }
    }

    fn step(self) -> Step {
        // A store answers by the same rules, so a record that carries none of the IDs is one whose rules changed since
        // it was written; it is kept, reached by the first ID.
        let (id, field) = self
            .reached
            .or_else(|| self.wanted.first().map(|id| (id.clone(), String::new())))
            .unwrap_or_else(|| (CanonicalId::from(TraceId([0; 16])), String::new()));
        Step { depth: self.depth, id, field }
    }
}

/// A span ID in a log's attributes leads to that one span only, which its trace ID leads to anyway.
fn is_span_field(carried: &CarriedId<'_>) -> bool {
    carried.source == IdSource::Field && {
        let name = carried.field.to_ascii_lowercase();
        name.ends_with("span_id") || name.ends_with("spanid") || name.ends_with("span.id")
    }
}
