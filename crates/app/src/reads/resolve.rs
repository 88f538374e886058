//! What a pasted text could be: how many records of each signal carry it.

use super::{About, Period, Plan, Question, Stores};
use crate::error::AppError;
use crate::limits::RESOLVE_RECORDS;
use clew_model::{CanonicalId, Context, TimeRange, UnixNanos};
use clew_query::logs::sinks;
use clew_query::{metrics, traces};

/// How many records carry an ID.
#[derive(Debug, Clone)]
pub struct Resolve {
    /// The ID.
    pub id: CanonicalId,
    /// When; everything that is kept by default.
    pub period: Period,
}

impl Question for Resolve {
    type Answer = Resolution;

    fn plan(self, _now: UnixNanos) -> Result<Plan<Resolution>, AppError> {
        let range = self.period.or_all()?;
        let about = About::new("resolve").text("id", self.id.to_string()).during(range);
        Ok(Plan::new(about, move |context, stores| resolve(context, stores, self.id, range, RESOLVE_RECORDS)))
    }
}

/// What an ID looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// 32 hex digits.
    Trace,
    /// 16 hex digits.
    Span,
    /// Anything else.
    Correlation,
}

/// How many records carry an ID. Counts stop at the limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// Its canonical form.
    pub id: CanonicalId,
    /// What it looks like.
    pub kind: IdKind,
    /// Log records that carry it.
    pub logs: u64,
    /// Spans that carry it.
    pub spans: u64,
    /// Exemplars that carry it.
    pub exemplars: u64,
    /// Whether one of the counts stopped at the limit.
    pub truncated: bool,
}

/// Counts the records that carry an ID, each signal up to `limit`.
fn resolve(
    context: &Context,
    stores: &Stores<'_>,
    id: CanonicalId,
    range: TimeRange,
    limit: usize,
) -> Result<Resolution, AppError> {
    let ids = [id];
    let logs = sinks::find_ids(context, &*stores.logs.view(context), &ids, range, limit)?;
    let view = stores.traces.view(context);
    let spans = traces::find_ids(context, &*view, &ids, range, limit)?;
    let (exemplars, more) = metrics::find_ids(context, &*stores.metrics.view(context), &ids, range, limit)?;
    let [id] = ids;
    let kind = if id.as_trace_id().is_some() {
        IdKind::Trace
    } else if id.as_span_id().is_some() {
        IdKind::Span
    } else {
        IdKind::Correlation
    };
    Ok(Resolution {
        kind,
        logs: logs.rows.len() as u64,
        spans: spans.spans.len() as u64,
        exemplars: exemplars.len() as u64,
        truncated: logs.next.is_some() || spans.truncated || more,
        id,
    })
}
