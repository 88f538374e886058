//! Calls between services: the two halves of a call, a client's span and the server's span below it, find each other by
//! trace and span ID. A half waits until the other comes, at most [`SPAN_METRIC_HALVES`] at once; the oldest go first.

use super::names::NameId;
use crate::limits::SPAN_METRIC_HALVES;
use clew_model::traces::{Span, SpanKind, StatusCode};
use clew_model::{SpanId, TraceId};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use std::collections::VecDeque;

/// Which two spans belong together: the trace, and the caller's span ID.
pub(super) type CallId = (TraceId, SpanId);

/// What one side knows of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Half {
    pub service: NameId,
    pub is_caller: bool,
    pub is_message: bool,
    pub has_failed: bool,
    pub nanos: u64,
}

/// A call whose two sides are known: the caller's, then the other.
pub(super) type Call = (Half, Half);

#[derive(Debug, Default)]
pub(super) struct Waiting {
    halves: HashMap<CallId, (u64, Half)>,
    /// By arrival; those that found their other half, or came anew, are left in and passed over.
    order: VecDeque<(u64, CallId)>,
    next: u64,
}

impl Half {
    /// `None` for a span that is no side of a call.
    pub(super) fn of(span: &Span, service: NameId, nanos: u64) -> Option<(CallId, Self)> {
        let (is_caller, is_message) = match span.kind {
            SpanKind::Client => (true, false),
            SpanKind::Server => (false, false),
            SpanKind::Producer => (true, true),
            SpanKind::Consumer => (false, true),
            SpanKind::Internal | SpanKind::Unspecified => return None,
        };
        let call = if is_caller { span.span_id } else { span.parent_span_id? };
        let has_failed = span.status.code == StatusCode::Error;
        let half = Self { service, is_caller, is_message, has_failed, nanos };
        Some(((span.trace_id, call), half))
    }
}

impl Waiting {
    /// The call, when the other half has come before.
    pub(super) fn meet(&mut self, id: CallId, half: Half) -> Option<Call> {
        match self.halves.entry(id) {
            Entry::Occupied(entry) if entry.get().1.is_caller != half.is_caller => {
                let (_, other) = entry.remove();
                Some(if half.is_caller { (half, other) } else { (other, half) })
            }
            // The same side again: the first stays.
            Entry::Occupied(_) => None,
            Entry::Vacant(entry) => {
                entry.insert((self.next, half));
                self.order.push_back((self.next, id));
                self.next += 1;
                self.shrink();
                None
            }
        }
    }

    fn shrink(&mut self) {
        while self.halves.len() > SPAN_METRIC_HALVES
            && let Some((number, id)) = self.order.pop_front()
        {
            if self.halves.get(&id).is_some_and(|(own, _)| *own == number) {
                self.halves.remove(&id);
            }
        }
        // Mostly halves meet, so that what is passed over would outgrow what waits.
        if self.order.len() > 2 * SPAN_METRIC_HALVES {
            let halves = &self.halves;
            self.order.retain(|(number, id)| halves.get(id).is_some_and(|(own, _)| own == number));
        }
    }

    /// Gives the services their new names.
    pub(super) fn rename(&mut self, rename: impl Fn(NameId) -> NameId) {
        self.halves.values_mut().for_each(|(_, half)| half.service = rename(half.service));
    }

    /// The oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (CallId, Half)> {
        let waiting = |(number, id): &(u64, CallId)| {
            self.halves.get(id).filter(|(own, _)| own == number).map(|(_, half)| (*id, *half))
        };
        self.order.iter().filter_map(waiting)
    }
}
