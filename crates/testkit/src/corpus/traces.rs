//! Traces of 8 spans over 4 services, about 220 bytes of OTLP a span, batches a service as they arrive.

use super::{HOSTS, SERVICES, attribute, integer, request, resource, scope, text, time_of};
use fastrand::Rng;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use std::collections::BTreeMap;

/// Spans of each trace.
pub const SPANS_PER_TRACE: usize = 8;

const ROUTES: [&str; 12] = [
    "/cart",
    "/checkout",
    "/orders/{id}",
    "/search",
    "/login",
    "/items/{id}",
    "/pay",
    "/refund",
    "/plan",
    "/tools/run",
    "/memory/get",
    "/report",
];

/// OTLP requests of `per_body` spans each, `count` spans in all, of the hour before `end`. Trace `n` is request `n` of
/// the corpus with the same seed.
#[must_use]
pub fn otlp(seed: u64, count: usize, per_body: usize, end: u64) -> Vec<Vec<u8>> {
    let mut rng = Rng::with_seed(seed);
    let traces = count / SPANS_PER_TRACE;
    let per_body = (per_body / SPANS_PER_TRACE).max(1);
    let numbers: Vec<usize> = (0..traces).collect();
    numbers.chunks(per_body).map(|chunk| body(seed, chunk, traces, end, &mut rng)).collect()
}

fn body(seed: u64, numbers: &[usize], traces: usize, end: u64, rng: &mut Rng) -> Vec<u8> {
    let mut groups: BTreeMap<&str, Vec<Span>> = BTreeMap::new();
    for number in numbers {
        let start = time_of(*number, traces, end - 10_000_000_000, rng);
        trace(seed, *number as u64, start, rng, &mut groups);
    }
    let resource_spans = groups
        .into_iter()
        .map(|(service, spans)| ResourceSpans {
            resource: Some(resource(service, service.len() % HOSTS)),
            scope_spans: vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        })
        .collect();
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// A chain of calls through four services, each with a server span and a client span below it.
fn trace(seed: u64, number: u64, start: u64, rng: &mut Rng, groups: &mut BTreeMap<&'static str, Vec<Span>>) {
    let ids = request(seed, number);
    let mut parent = Vec::new();
    let mut start = start;
    let mut duration = rng.u64(2_000_000..400_000_000);
    let failed = rng.u8(..100) < 3;
    for depth in 0..SPANS_PER_TRACE {
        let service = SERVICES[(number as usize + depth / 2 * 7) % SERVICES.len()];
        let route = ROUTES[rng.usize(..ROUTES.len())];
        let is_server = depth % 2 == 0;
        let id = rng.u64(1..).to_be_bytes().to_vec();
        let mut attributes = vec![
            attribute("http.request.method", text(if depth < 6 { "GET" } else { "POST" })),
            attribute("http.route", text(route)),
            attribute("http.response.status_code", integer(if failed && depth > 5 { 503 } else { 200 })),
            attribute("net.peer.port", integer(rng.i64(30_000..60_000))),
        ];
        if depth == 0 {
            attributes.push(attribute("correlation_id", text(ids.correlation.as_str())));
        }
        if rng.bool() {
            attributes.push(attribute("thread.id", integer(rng.i64(..64))));
        }
        groups.entry(service).or_default().push(Span {
            trace_id: ids.trace.to_vec(),
            span_id: id.clone(),
            parent_span_id: std::mem::replace(&mut parent, id),
            flags: 0x101,
            name: format!("{} {route}", if is_server { "serve" } else { "call" }),
            kind: if is_server { 2 } else { 3 },
            start_time_unix_nano: start,
            end_time_unix_nano: start + duration,
            attributes,
            status: (failed && depth > 5).then(|| Status { message: "unavailable".to_owned(), code: 2 }),
            ..Span::default()
        });
        start += rng.u64(..duration / 8 + 1);
        duration = duration / 4 * 3;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trace_is_whole_in_its_body_and_spans_have_the_stated_size() {
        let bodies = otlp(3, 4_000, 500, 1_800_000_000_000_000_000);
        let mut spans = 0;
        for body in &bodies {
            let request = ExportTraceServiceRequest::decode(&**body).unwrap();
            let all: Vec<_> =
                request.resource_spans.iter().flat_map(|one| &one.scope_spans).flat_map(|one| &one.spans).collect();
            assert_eq!(all.iter().filter(|span| span.parent_span_id.is_empty()).count() * SPANS_PER_TRACE, all.len());
            spans += all.len();
        }
        assert_eq!(spans, 4_000);
        let bytes: usize = bodies.iter().map(Vec::len).sum();
        assert!((220..330).contains(&(bytes / spans)), "{} bytes a span", bytes / spans);
    }
}
