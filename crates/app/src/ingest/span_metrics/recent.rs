//! The batches that came last, known by the identities of their spans.

use crate::limits::SPAN_METRIC_BATCHES;
use clew_model::traces::Span;
use hashbrown::HashSet;
use std::collections::VecDeque;
use xxhash_rust::xxh3::xxh3_128;

/// Digests of the last [`SPAN_METRIC_BATCHES`] batches.
#[derive(Debug, Default)]
pub(super) struct Recent {
    order: VecDeque<u128>,
    known: HashSet<u128>,
    scratch: Vec<u8>,
}

impl Recent {
    /// Notes a batch; false when it is one of the last.
    pub(super) fn is_new(&mut self, spans: &[Span]) -> bool {
        self.scratch.clear();
        for span in spans {
            self.scratch.extend_from_slice(&span.trace_id.0);
            self.scratch.extend_from_slice(&span.span_id.0);
            self.scratch.push(span.kind.number());
        }
        let digest = xxh3_128(&self.scratch);
        self.push(digest)
    }

    pub(super) fn push(&mut self, digest: u128) -> bool {
        if !self.known.insert(digest) {
            return false;
        }
        self.order.push_back(digest);
        if self.order.len() > SPAN_METRIC_BATCHES
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// The oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = u128> {
        self.order.iter().copied()
    }
}
