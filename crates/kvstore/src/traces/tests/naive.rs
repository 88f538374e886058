//! The definition: what every call answers over a plain list of spans.

use clew_model::correlation::CorrelationRules;
use clew_model::traces::{
    OperationSummary, ServiceBucket, ServiceDetails, ServiceEdge, ServiceSummary, Span, SpanKind, StatusCode, TraceKey,
    TraceQuery,
};
use clew_model::{CanonicalId, SpanId, TimeRange, TraceId};
use std::collections::{BTreeMap, BTreeSet};

/// All spans, as often as they came.
#[derive(Default)]
pub(super) struct Naive {
    pub arrived: Vec<Span>,
    pub bound: i64,
}

impl Naive {
    /// Each span once; of versions that differ in their end, the one that ended first.
    pub(super) fn spans(&self) -> Vec<Span> {
        let mut kept: BTreeMap<(TraceId, SpanId, SpanKind), &Span> = BTreeMap::new();
        for span in self.arrived.iter().filter(|span| span.start >= self.bound) {
            let slot = kept.entry((span.trace_id, span.span_id, span.kind)).or_insert(span);
            if span.end < slot.end {
                *slot = span;
            }
        }
        let mut spans: Vec<Span> = kept.into_values().cloned().collect();
        spans.sort_by_key(|span| (span.start, span.trace_id, span.span_id, span.kind));
        spans
    }

    pub(super) fn in_range(&self, range: TimeRange) -> Vec<Span> {
        self.spans().into_iter().filter(|span| range.contains(span.start)).collect()
    }

    /// (trace, newest match, matched, spans, errors, start, root operation) in the order of the answer.
    pub(super) fn search(&self, query: &TraceQuery) -> Vec<Hit> {
        let spans = self.spans();
        let mut traces: BTreeMap<TraceId, Vec<&Span>> = BTreeMap::new();
        spans.iter().for_each(|span| traces.entry(span.trace_id).or_default().push(span));
        let mut hits: Vec<Hit> = traces.into_iter().filter_map(|(id, spans)| hit(query, id, &spans)).collect();
        hits.retain(|hit| query.bounds.hold(hit.start, hit.duration, hit.errors));
        let value = |hit: &Hit| match query.order.key {
            TraceKey::Time => hit.newest,
            TraceKey::Duration => hit.duration,
            TraceKey::Spans => hit.spans as i64,
            TraceKey::Errors => hit.errors as i64,
        };
        hits.sort_by_key(|hit| (value(hit), hit.newest, hit.id));
        if !query.order.ascending {
            hits.reverse();
        }
        if let Some(after) = query.after {
            let after = (after.value, after.newest_match, after.trace_id);
            let place = |hit: &Hit| (value(hit), hit.newest, hit.id);
            hits.retain(|hit| if query.order.ascending { place(hit) > after } else { place(hit) < after });
        }
        hits.truncate(query.limit);
        hits
    }

    pub(super) fn services(&self, range: TimeRange) -> Vec<ServiceSummary> {
        let mut services: BTreeMap<String, Vec<Span>> = BTreeMap::new();
        for span in self.in_range(range) {
            services.entry(span.service().to_owned()).or_default().push(span);
        }
        let summary = |(name, spans): (String, Vec<Span>)| ServiceSummary {
            name,
            spans: spans.len() as u64,
            errors: errors(&spans),
            last_seen: spans.iter().map(|span| span.start).max().unwrap(),
            duration_quantiles: quantiles(&spans),
        };
        services.into_iter().map(summary).collect()
    }

    pub(super) fn operations(&self, service: &str, range: TimeRange) -> Vec<OperationSummary> {
        let mut operations: BTreeMap<(String, SpanKind), Vec<Span>> = BTreeMap::new();
        for span in self.in_range(range).into_iter().filter(|span| span.service() == service) {
            operations.entry((span.name.to_string(), span.kind)).or_default().push(span);
        }
        let summary = |((name, kind), spans): ((String, SpanKind), Vec<Span>)| OperationSummary {
            name,
            kind,
            spans: spans.len() as u64,
            errors: errors(&spans),
            duration_quantiles: quantiles(&spans),
        };
        operations.into_iter().map(summary).collect()
    }

    pub(super) fn service(&self, name: &str, range: TimeRange, step: i64) -> ServiceDetails {
        let none = ServiceSummary { name: name.to_owned(), last_seen: i64::MIN, ..ServiceSummary::default() };
        let bucket = |number: i64| {
            let start = number * step;
            let mut spans = self.in_range(range);
            spans.retain(|span| span.service() == name && start <= span.start && span.start < start + step);
            ServiceBucket {
                start,
                spans: spans.len() as u64,
                errors: errors(&spans),
                duration_quantiles: if spans.is_empty() { [0; 3] } else { quantiles(&spans) },
            }
        };
        ServiceDetails {
            summary: self.services(range).into_iter().find(|service| service.name == name).unwrap_or(none),
            operations: self.operations(name, range),
            series: (range.start.div_euclid(step)..=range.end.div_euclid(step)).map(bucket).collect(),
        }
    }

    pub(super) fn edges(&self, range: TimeRange) -> Vec<ServiceEdge> {
        let all = self.spans();
        let mut edges: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
        for span in all.iter().filter(|span| range.contains(span.start)) {
            let parents = all
                .iter()
                .filter(|other| other.trace_id == span.trace_id && Some(other.span_id) == span.parent_span_id);
            let mut callers: Vec<(bool, &str)> = parents
                .map(|parent| (!matches!(parent.kind, SpanKind::Server | SpanKind::Consumer), parent.service()))
                .collect();
            callers.sort_unstable();
            if callers.iter().any(|(_, service)| *service == span.service()) {
                continue;
            }
            if let Some((_, client)) = callers.first() {
                let edge = edges.entry(((*client).to_owned(), span.service().to_owned())).or_default();
                edge.0 += 1;
                edge.1 += u64::from(span.status.code == StatusCode::Error);
            }
        }
        let edge = |((client, server), (calls, errors))| ServiceEdge { client, server, calls, errors };
        edges.into_iter().map(edge).collect()
    }

    pub(super) fn find_ids(&self, rules: &CorrelationRules, ids: &[CanonicalId], range: TimeRange) -> Vec<Span> {
        let mut spans = self.in_range(range);
        spans.retain(|span| {
            let mut carried = BTreeSet::new();
            rules.visit_span(span, &mut |found| {
                carried.insert(found.id.clone());
            });
            ids.iter().any(|id| carried.contains(id))
        });
        spans
    }
}

/// What a search tells of a trace.
#[derive(Debug, PartialEq)]
pub(super) struct Hit {
    pub id: TraceId,
    pub newest: i64,
    pub matched: u64,
    pub spans: u64,
    pub errors: u64,
    pub start: i64,
    pub duration: i64,
    pub root: (String, bool),
    pub services: Vec<(String, u64)>,
}

fn hit(query: &TraceQuery, id: TraceId, spans: &[&Span]) -> Option<Hit> {
    let matching: Vec<&&Span> =
        spans.iter().filter(|span| query.range.contains(span.start) && query.filter.matches(span)).collect();
    let newest = matching.iter().map(|span| span.start).max()?;
    let root = spans.iter().find(|span| span.parent_span_id.is_none());
    let start = spans.iter().map(|span| span.start).min()?;
    let mut services: BTreeMap<String, u64> = BTreeMap::new();
    spans.iter().for_each(|span| *services.entry(span.service().to_owned()).or_default() += 1);
    Some(Hit {
        id,
        newest,
        matched: matching.len() as u64,
        spans: spans.len() as u64,
        errors: spans.iter().filter(|span| span.status.code == StatusCode::Error).count() as u64,
        start,
        duration: (spans.iter().map(|span| span.end).max()? - start).max(0),
        root: (root.unwrap_or(&spans[0]).name.to_string(), root.is_some()),
        services: services.into_iter().collect(),
    })
}

fn errors(spans: &[Span]) -> u64 {
    spans.iter().filter(|span| span.status.code == StatusCode::Error).count() as u64
}

/// By nearest rank over the sorted list. The durations of these tests are below 128 ns, where the store is exact.
fn quantiles(spans: &[Span]) -> [i64; 3] {
    let mut durations: Vec<i64> = spans.iter().map(Span::duration).collect();
    durations.sort_unstable();
    [50, 95, 99].map(|percent| durations[(durations.len() * percent).div_ceil(100) - 1])
}
