//! What spans take in memory, by which blocks and groups are cut.

use clew_model::traces::Span;
use clew_model::value::attributes_heap_bytes;
use std::sync::Arc;

/// Bytes of a span in memory; those of its resource are counted where the span before has another.
#[must_use]
fn weight(span: &Span, before: Option<&Span>) -> usize {
    let is_shared = before.is_some_and(|before| Arc::ptr_eq(&before.resource, &span.resource));
    let resource = if is_shared { 0 } else { attributes_heap_bytes(&span.resource.attributes) };
    span.memory_bytes() + resource
}

/// Bytes of spans one after the other.
#[must_use]
pub fn weight_of_all(spans: &[Span]) -> usize {
    let before = std::iter::once(None).chain(spans.iter().map(Some));
    spans.iter().zip(before).map(|(span, before)| weight(span, before)).sum()
}

/// The bytes of each of some spans one after the other.
#[must_use]
pub fn weights_of(spans: &[&Span]) -> Vec<usize> {
    let before = std::iter::once(None).chain(spans.iter().copied().map(Some));
    spans.iter().zip(before).map(|(span, before)| weight(span, before)).collect()
}
