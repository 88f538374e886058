//! What a pasted text could be: how many records of each signal carry it.

use super::walk::Stores;
use crate::error::AppError;
use clew_model::{CanonicalId, Context, TimeRange};
use clew_query::logs::sinks;
use clew_query::traces;

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
///
/// # Errors
/// What the stores answer.
pub fn resolve(
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
    let (exemplars, more) = stores.metrics.find_ids(context, &ids, range, limit)?;
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
