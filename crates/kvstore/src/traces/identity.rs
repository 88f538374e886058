//! Which spans are the same span, and which version of one is kept.
//!
//! The identity is (trace ID, span ID, kind). Should a sender send two versions of one span, the least by content is
//! kept: the choice depends on neither the order of arrival nor on what was sealed together.

use clew_columns::frames::traces::content_bytes;
use clew_model::traces::{Span, SpanKind};
use clew_model::{SpanId, TraceId};
use std::borrow::Borrow;
use std::cmp::Ordering;

/// What identifies a span.
pub(super) type Identity = (TraceId, SpanId, SpanKind);

/// The identity of a span.
#[must_use]
pub(super) fn identity(span: &Span) -> Identity {
    (span.trace_id, span.span_id, span.kind)
}

/// The order of versions of one span; what aggregates look at comes first, so that they agree with whole spans.
fn by_content(left: &Span, right: &Span) -> Ordering {
    let head = |span: &Span| (span.start, span.end, span.status.code, span.parent_span_id);
    head(left)
        .cmp(&head(right))
        .then_with(|| left.name.cmp(&right.name))
        .then_with(|| left.service().cmp(right.service()))
        .then_with(|| if left == right { Ordering::Equal } else { content_bytes(left).cmp(&content_bytes(right)) })
}

/// Whether of two versions of a span this one is kept.
pub(super) fn is_kept_before(one: &Span, other: &Span) -> bool {
    by_content(one, other).is_lt()
}

/// Each span once, in order of (start, span ID, kind).
#[must_use]
pub(super) fn unique<S: Borrow<Span>>(mut spans: Vec<S>) -> Vec<S> {
    let order = |left: &S, right: &S| {
        let (left, right) = (left.borrow(), right.borrow());
        identity(left).cmp(&identity(right)).then_with(|| by_content(left, right))
    };
    spans.sort_by(order);
    spans.dedup_by(|later, first| identity((*later).borrow()) == identity((*first).borrow()));
    spans.sort_by_key(|span| {
        let span: &Span = span.borrow();
        (span.start, span.span_id, span.kind)
    });
    spans
}
