//! What a pasted text names: IDs with how many records of each signal carry them, a service, a metric.

use super::{About, Period, Plan, Question, Stores};
use crate::error::AppError;
use crate::limits::{MAX_SHOWN_CHARS, RESOLVE_RECORDS};
use clew_model::logs::{FieldTest, LogFilter, LogQuery, Order};
use clew_model::metrics::{METRIC_NAME, MatchOp, Matcher};
use clew_model::traces::{TraceBounds, TraceFilter, TraceOrder, TraceQuery};
use clew_model::{CanonicalId, Context, TimeRange, UnixNanos};
use clew_query::logs::sinks;
use clew_query::pasted::{Candidate, Rank, candidates, service_names};
use clew_query::{metrics, traces};

/// What a text names of what is stored.
#[derive(Debug, Clone)]
pub struct Resolve {
    /// The text, as it was pasted.
    pub text: String,
    /// When; everything that is kept by default.
    pub period: Period,
}

impl Question for Resolve {
    type Answer = Resolution;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Resolution>, AppError> {
        let range = self.period.or_all()?;
        let about = About::new("resolve").text("text", shown(&self.text)).during(range);
        let plan =
            Plan::new(about, move |context, stores| resolve(context, stores, &self.text, range, RESOLVE_RECORDS));
        Ok(plan.across_signals())
    }
}

/// What a part of a text names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamedKind {
    /// A trace, by its ID.
    Trace,
    /// A span, by its ID.
    Span,
    /// Any other ID.
    Correlation,
    /// A service.
    Service,
    /// A metric.
    Metric,
}

/// Something that a text names. Counts stop at the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The ID in canonical form, or the name.
    pub id: String,
    /// What it is; for an ID that nothing carries, what it looks like.
    pub kind: NamedKind,
    /// Log records that carry it.
    pub logs: u64,
    /// Spans that carry it.
    pub spans: u64,
    /// Exemplars that carry it; series of a metric.
    pub exemplars: u64,
    /// Whether one of the counts stopped at the limit.
    pub truncated: bool,
}

impl Named {
    /// Whether anything that is stored carries it.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.logs + self.spans + self.exemplars > 0
    }
}

/// What a text names: what exists first, then what looks most like an ID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// What it most likely names.
    pub best: Named,
    /// All that it names, the best first, each once.
    pub named: Vec<Named>,
    /// What the asker must know.
    pub warnings: Vec<String>,
}

/// A text for the log of slow queries.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN_CHARS).collect()
}

/// Nothing in a text can be an ID.
pub(super) fn no_id() -> AppError {
    AppError::refused(
        "there is no ID in this text: it is empty, a placeholder such as `none` or zeros, or longer than 512 bytes"
            .to_owned(),
    )
}

/// The readings of the first candidate in a text that any record carries, or of the likeliest.
pub(super) fn first_existing(
    context: &Context,
    stores: &Stores<'_>,
    text: &str,
    range: TimeRange,
) -> Result<Vec<CanonicalId>, AppError> {
    let mut candidates = candidates(text, stores.rules);
    let lookup = Lookup { context, stores, range, limit: 1 };
    let mut best = 0;
    // One that stands alone needs no look whether it exists.
    if candidates.len() > 1 {
        for (index, candidate) in candidates.iter().enumerate() {
            context.check()?;
            if lookup.id(candidate)?.exists() {
                best = index;
                break;
            }
        }
    }
    if best < candidates.len() { Ok(candidates.swap_remove(best).ids) } else { Err(no_id()) }
}

/// Looks up all that a text may name, counting each signal up to `limit`.
fn resolve(
    context: &Context,
    stores: &Stores<'_>,
    text: &str,
    range: TimeRange,
    limit: usize,
) -> Result<Resolution, AppError> {
    let candidates = candidates(text, stores.rules);
    let lookup = Lookup { context, stores, range, limit };
    let mut named: Vec<(Named, Rank)> = Vec::new();
    for candidate in &candidates {
        context.check()?;
        let found = lookup.id(candidate)?;
        // A guess that nothing confirms is not worth a line.
        if found.exists() || candidate.rank <= Rank::TraceShaped {
            named.push((found, candidate.rank));
        }
    }
    // What is a trace or span by its form names no service.
    let is_context = |name: &str| CanonicalId::new(name).is_some_and(|id| id.as_trace_id().is_some());
    for name in service_names(text).iter().filter(|name| !is_context(name)) {
        context.check()?;
        named.extend(lookup.service(name)?.map(|found| (found, Rank::Whole)));
    }
    named.extend(lookup.metric(text)?.map(|found| (found, Rank::Whole)));
    if named.is_empty() {
        let first = candidates.first().ok_or_else(no_id)?;
        named.push((lookup.id(first)?, first.rank));
    }
    named.sort_by_key(|(named, rank)| (!named.exists(), *rank));
    let named: Vec<Named> = named.into_iter().map(|(named, _)| named).collect();
    Ok(Resolution { best: named.first().cloned().ok_or_else(no_id)?, named, warnings: Vec::new() })
}

struct Lookup<'a> {
    context: &'a Context,
    stores: &'a Stores<'a>,
    range: TimeRange,
    limit: usize,
}

impl Lookup<'_> {
    fn id(&self, candidate: &Candidate) -> Result<Named, AppError> {
        let Self { context, stores, range, limit } = *self;
        let ids = candidate.ids.as_slice();
        let logs = sinks::find_ids(context, &*stores.logs.view(context), ids, range, limit)?;
        let page = traces::find_ids(context, &*stores.traces.view(context), ids, range, limit)?;
        let (spans, more_spans) = (page.spans, page.truncated);
        let (exemplars, more) = metrics::find_ids(context, &*stores.metrics.view(context), ids, range, limit)?;
        let of_trace = ids.iter().find(|id| {
            let id = id.as_trace_id();
            id.is_some() && spans.iter().any(|span| Some(span.trace_id) == id)
        });
        let of_span = ids.iter().find(|id| {
            let id = id.as_span_id();
            id.is_some() && spans.iter().any(|span| Some(span.span_id) == id)
        });
        let (id, kind) = match (of_trace, of_span, ids.first()) {
            (Some(id), ..) => (id.to_string(), NamedKind::Trace),
            (None, Some(id), _) => (id.to_string(), NamedKind::Span),
            (None, None, Some(id)) => (id.to_string(), looks_like(id)),
            (None, None, None) => (candidate.text.clone(), NamedKind::Correlation),
        };
        Ok(Named {
            id,
            kind,
            logs: logs.rows.len() as u64,
            spans: spans.len() as u64,
            exemplars: exemplars.len() as u64,
            truncated: logs.next.is_some() || more_spans || more,
        })
    }

    fn service(&self, name: &str) -> Result<Option<Named>, AppError> {
        let Self { context, stores, range, limit } = *self;
        let view = stores.traces.view(context);
        // Most names are none of a service, which an index tells sooner than the counts of all services.
        let filter = TraceFilter { service: Some(name.to_owned()), ..TraceFilter::default() };
        let (bounds, order) = (TraceBounds::default(), TraceOrder::default());
        let query = TraceQuery { filter, range, bounds, order, limit: 1, after: None };
        let one = traces::search(context, &*view, &query)?;
        let services = if one.traces.is_empty() { Vec::new() } else { traces::services(context, &*view, range)? };
        let spans = services.iter().find(|service| service.name == name).map_or(0, |service| service.spans);
        let filter = LogFilter::Field { name: "service".into(), test: FieldTest::Equals(name.to_owned()) };
        let query = LogQuery { filter, range, order: Order::Descending, limit, after: None };
        let logs = sinks::search(context, &*stores.logs.view(context), &query)?;
        let own = logs.rows.iter().filter(|row| row.record.service == name).count() as u64;
        let truncated = logs.next.is_some();
        Ok((spans + own > 0).then(|| Named {
            id: name.to_owned(),
            kind: NamedKind::Service,
            logs: own,
            spans,
            exemplars: 0,
            truncated,
        }))
    }

    /// A metric by the name that the text begins with, whatever selector stands behind it.
    fn metric(&self, text: &str) -> Result<Option<Named>, AppError> {
        let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`'));
        let name = text.split(|c: char| c.is_whitespace() || matches!(c, '{' | '[' | '(')).next().unwrap_or_default();
        // Pasted JSON begins with no name; the empty one would ask every series.
        if name.is_empty() {
            return Ok(None);
        }
        let view = self.stores.metrics.view(self.context);
        let Ok(matcher) = Matcher::new(METRIC_NAME, MatchOp::Equal, name) else { return Ok(None) };
        let series = metrics::series(self.context, &*view, &[matcher], self.range)?;
        Ok((!series.is_empty()).then(|| Named {
            id: name.to_owned(),
            kind: NamedKind::Metric,
            logs: 0,
            spans: 0,
            exemplars: series.len().min(self.limit) as u64,
            truncated: series.len() > self.limit,
        }))
    }
}

fn looks_like(id: &CanonicalId) -> NamedKind {
    match (id.as_span_id(), id.as_trace_id()) {
        (Some(_), _) => NamedKind::Span,
        (None, Some(_)) => NamedKind::Trace,
        (None, None) => NamedKind::Correlation,
    }
}
