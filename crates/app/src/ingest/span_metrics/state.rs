//! What is counted of one tenant. Time is when batches arrived, which stands in their frames: a fold asks no clock.

use super::aging::Farewell;
use super::duration::Durations;
use super::edges::{Call, CallId, Half, Waiting};
use super::names::{NameId, Names, OTHER};
use super::recent::Recent;
use crate::limits::{SPAN_METRIC_EDGES, SPAN_METRIC_SERIES, SPAN_METRIC_SWEEP_MILLIS};
use clew_model::traces::Span;
use clew_model::{Resource, SpanId, TraceId, UnixMillis, UnixNanos};
use hashbrown::HashMap;
use std::collections::VecDeque;
use std::sync::Arc;

/// Service, operation, kind and status of spans (OTLP numbers).
pub(super) type SpanKey = (NameId, NameId, u8, u8);

/// The calling and the called service, and whether they talk by messages.
pub(super) type EdgeKey = (NameId, NameId, bool);

/// An example: the last span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Example {
    pub trace: TraceId,
    pub span: SpanId,
    pub nanos: u64,
    pub time: UnixNanos,
}

/// When a series was told last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    pub count: u64,
    pub at: UnixMillis,
}

#[derive(Debug, Default)]
pub(super) struct Spans {
    pub durations: Durations,
    pub example: Option<Example>,
    pub told: Told,
    /// When the last span arrived.
    pub seen: UnixMillis,
}

/// Calls between two services.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Calls {
    pub failed: u64,
    /// As the calling service saw them.
    pub caller: Durations,
    /// As the called service saw them.
    pub called: Durations,
}

#[derive(Debug, Default)]
pub(super) struct Edge {
    pub calls: Calls,
    pub told: Told,
    /// When the last call was whole.
    pub seen: UnixMillis,
}

/// What is counted of one tenant.
#[derive(Debug, Default)]
pub(super) struct Tenant {
    pub names: Names,
    pub recent: Recent,
    pub spans: HashMap<SpanKey, Spans>,
    pub edges: HashMap<EdgeKey, Edge>,
    pub waiting: Waiting,
    /// Spans counted, those of series that are forgotten too.
    pub counted: u64,
    /// The newest arrival.
    pub now: UnixMillis,
    /// When idle series were looked for last.
    pub swept: UnixMillis,
    /// Series that ended, the oldest first.
    pub farewells: VecDeque<Farewell>,
    /// Of these, how many are in what was handed out to be written last.
    pub told_farewells: usize,
    /// When that was.
    pub told_at: UnixMillis,
}

impl Tenant {
    pub(super) fn add(&mut self, spans: &[Span], arrived: UnixMillis) {
        if self.now.saturating_sub(arrived) > SPAN_METRIC_SWEEP_MILLIS {
            self.turn_back(arrived);
        }
        self.now = self.now.max(arrived);
        if self.now.saturating_sub(self.swept) >= SPAN_METRIC_SWEEP_MILLIS {
            self.swept = self.now;
            self.forget_idle();
        }
        if !self.recent.is_new(spans) {
            return;
        }
        // Spans come by resource.
        let mut last: Option<(&Arc<Resource>, NameId)> = None;
        for span in spans {
            let service = match last {
                Some((resource, id)) if Arc::ptr_eq(resource, &span.resource) => id,
                _ => self.names.id(span.resource.service_name()),
            };
            last = Some((&span.resource, service));
            self.add_span(span, service);
        }
    }

    /// The clock was ahead and was set right: what was seen under it was seen now, or nothing would grow old before it
    /// comes there again.
    fn turn_back(&mut self, now: UnixMillis) {
        (self.now, self.swept) = (now, self.swept.min(now));
        self.spans.values_mut().for_each(|own| own.seen = own.seen.min(now));
        self.edges.values_mut().for_each(|own| own.seen = own.seen.min(now));
    }

    /// What was handed out last did not become durable: it counts as not told.
    pub(super) fn take_back(&mut self) {
        let at = self.told_at;
        let told =
            self.spans.values_mut().map(|own| &mut own.told).chain(self.edges.values_mut().map(|own| &mut own.told));
        told.filter(|told| told.at == at).for_each(|told| *told = Told::default());
    }

    fn add_span(&mut self, span: &Span, service: NameId) {
        let nanos = u64::try_from(span.end.saturating_sub(span.start)).unwrap_or(0);
        let (kind, status) = (span.kind.number(), span.status.code.number());
        let operation = self.names.id(&span.name);
        let key = self.admitted((service, operation, kind, status));
        self.counted += 1;
        let own = self.spans.entry(key).or_default();
        own.seen = self.now;
        own.durations.add(nanos);
        own.example = Some(Example { trace: span.trace_id, span: span.span_id, nanos, time: span.end });
        if let Some((id, half)) = Half::of(span, service, nanos) {
            self.meet(id, half);
        }
    }

    fn meet(&mut self, id: CallId, half: Half) {
        let Some((caller, called)): Option<Call> = self.waiting.meet(id, half) else { return };
        let key = (caller.service, called.service, caller.is_message);
        let is_known = self.edges.contains_key(&key) || self.edges.len() < SPAN_METRIC_EDGES;
        let key = if is_known { key } else { (OTHER, OTHER, caller.is_message) };
        let edge = self.edges.entry(key).or_default();
        edge.seen = self.now;
        edge.calls.failed += u64::from(caller.has_failed || called.has_failed);
        edge.calls.caller.add(caller.nanos);
        edge.calls.called.add(called.nanos);
    }

    /// The key under which a span is counted: beyond the bound its operation is another, then its service too.
    fn admitted(&self, key: SpanKey) -> SpanKey {
        let has_room = |most: usize| self.spans.len() < most;
        if self.spans.contains_key(&key) || has_room(SPAN_METRIC_SERIES) {
            return key;
        }
        let (service, _, kind, status) = key;
        let key = (service, OTHER, kind, status);
        // A quarter more for what is other of services that are known.
        if self.spans.contains_key(&key) || has_room(SPAN_METRIC_SERIES + SPAN_METRIC_SERIES / 4) {
            return key;
        }
        (OTHER, OTHER, kind, status)
    }
}
