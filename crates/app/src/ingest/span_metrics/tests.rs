//! The counts against spans counted by hand, and across checkpoints.

use super::*;
use crate::limits::{SPAN_METRIC_HALVES, SPAN_METRIC_SERIES};
use clew_model::traces::{Span, SpanKind, SpanStatus, StatusCode};
use clew_model::{Attribute, Resource, SpanId, TraceId};
use std::collections::BTreeMap;
use std::sync::Arc;

fn service(name: &str) -> Arc<Resource> {
    Arc::new(Resource { attributes: vec![Attribute::new("service.name", name)], ..Resource::default() })
}

fn span(own: &str, number: u64, parent: Option<u64>, kind: SpanKind, millis: i64) -> Span {
    let id = |number: u64| SpanId(number.to_be_bytes());
    let new = Span::new(TraceId([7; 16]), id(number));
    let name = format!("op {}", number % 3).as_str().into();
    Span {
        parent_span_id: parent.map(id),
        kind,
        name,
        start: 1_000,
        end: 1_000 + millis * 1_000_000,
        resource: service(own),
        ..new
    }
}

fn batch(spans: Vec<Span>) -> TraceBatch {
    TraceBatch::of(TenantId::default(), spans)
}

/// Of each series without the name of its metric, the value; of histograms the count.
fn told(metrics: &SpanMetrics, now: i64) -> BTreeMap<String, f64> {
    let mut told = BTreeMap::new();
    for (_, batch) in metrics.samples(now) {
        let name = |series: u32| batch.series.labels(series as usize).unwrap().to_string();
        told.extend(batch.samples.iter().map(|sample| (name(sample.series), sample.value)));
        told.extend(batch.histograms.iter().map(|sample| (name(sample.series), sample.histogram.count)));
    }
    told
}

#[test]
fn spans_are_counted_by_service_operation_kind_and_status_and_calls_between_services() {
    let metrics = SpanMetrics::default();
    let failed = SpanStatus { code: StatusCode::Error, ..SpanStatus::default() };
    let spans = [
        span("shop", 1, None, SpanKind::Server, 30),
        span("shop", 4, Some(1), SpanKind::Client, 20),
        span("shop", 5, Some(1), SpanKind::Internal, 1),
        Span { status: failed, ..span("stock", 7, Some(4), SpanKind::Server, 10) },
    ];
    let (callers, called) = spans.split_at(3);
    metrics.add(&batch(called.to_vec()));
    metrics.add(&batch(callers.to_vec()));
    let all = told(&metrics, 1_000);
    let calls = |service: &str, name: &str, kind: &str, status: &str| {
        format!(
            "traces_spanmetrics_calls_total{{service=\"{service}\", span_kind=\"SPAN_KIND_{kind}\", span_name=\"{name}\", \
             status_code=\"STATUS_CODE_{status}\"}}"
        )
    };
    assert_eq!(all.get(&calls("shop", "op 1", "SERVER", "UNSET")), Some(&1.0), "{all:#?}");
    assert_eq!(all.get(&calls("stock", "op 1", "SERVER", "ERROR")), Some(&1.0));
    assert_eq!(all.keys().filter(|name| name.starts_with("traces_spanmetrics_latency{")).count(), 4);
    let edge = |name: &str| format!("traces_service_graph_request_{name}{{client=\"shop\", server=\"stock\"}}");
    for name in ["total", "failed_total", "client_seconds", "server_seconds"] {
        assert_eq!(all.get(&edge(name)), Some(&1.0), "{name}: {all:#?}");
    }
    let exemplars: Vec<_> = metrics.samples(9_000_000).into_iter().flat_map(|(_, batch)| batch.exemplars).collect();
    assert!(exemplars.is_empty(), "an example is told once");
}

#[test]
fn a_batch_that_is_sent_again_counts_once() {
    let metrics = SpanMetrics::default();
    let spans = || vec![span("a", 1, None, SpanKind::Server, 1), span("a", 2, None, SpanKind::Server, 1)];
    metrics.add(&batch(spans()));
    metrics.add(&batch(vec![span("a", 3, None, SpanKind::Server, 1)]));
    metrics.add(&batch(spans()));
    assert_eq!(metrics.spans(), 3);
}

#[test]
fn what_stands_still_is_told_less_often_and_then_no_more() {
    let metrics = SpanMetrics::default();
    metrics.add(&batch(vec![span("a", 1, None, SpanKind::Server, 1)]));
    assert_eq!(told(&metrics, 1_000).len(), 2);
    assert!(told(&metrics, 16_000).is_empty());
    assert_eq!(told(&metrics, 70_000).len(), 2);
    metrics.add(&batch(vec![span("a", 4, None, SpanKind::Server, 1)]));
    assert_eq!(told(&metrics, 71_000).len(), 2);
    assert!(told(&metrics, 100_000_000).is_empty());
}

#[test]
fn a_flood_of_names_ends_in_other_and_no_span_is_lost() {
    let metrics = SpanMetrics::default();
    let flood = SPAN_METRIC_SERIES as u64 * 2;
    let named = |n: u64| Span { name: format!("op {n}").as_str().into(), ..span("a", n, None, SpanKind::Internal, 1) };
    metrics.add(&batch((0..flood).map(named).collect()));
    let own = |n: u64| span(&format!("service {n}"), n, None, SpanKind::Internal, 1);
    metrics.add(&batch((flood..2 * flood).map(own).collect()));
    let all = told(&metrics, 1_000);
    assert!(all.len() <= 2 * (SPAN_METRIC_SERIES + SPAN_METRIC_SERIES / 4 + 20), "{} series", all.len());
    let calls = all.iter().filter(|(name, _)| name.starts_with("traces_spanmetrics_calls_total"));
    assert_eq!(calls.map(|(_, count)| count).sum::<f64>(), (2 * flood) as f64);
    assert!(all.keys().any(|name| name.contains("service=\"a\"") && name.contains("span_name=\"other\"")));
    assert!(all.keys().any(|name| name.contains("service=\"other\"")));
}

/// Spans of some services that call each other, now and then resent, with more calls open than may wait.
fn history(random: &mut fastrand::Rng) -> Vec<Vec<Span>> {
    let mut batches: Vec<Vec<Span>> = Vec::new();
    let mut open = Vec::new();
    for number in 0..60u64 {
        if number > 3 && random.u8(..8) == 0 {
            let again = batches[random.usize(..batches.len())].clone();
            batches.push(again);
            continue;
        }
        let mut spans = Vec::new();
        for place in 0..random.u64(1..600) {
            let id = number * 1_000 + place;
            let own = format!("s{}", random.u8(..4));
            if !open.is_empty() && random.bool() {
                let call = open.swap_remove(random.usize(..open.len()));
                spans.push(span(&own, id, Some(call), SpanKind::Server, random.i64(0..5_000)));
            } else {
                open.push(id);
                spans.push(span(&own, id, None, SpanKind::Client, random.i64(0..5_000)));
            }
        }
        batches.push(spans);
    }
    batches
}

#[test]
fn a_start_from_any_checkpoint_continues_as_if_there_had_been_none() {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..4 {
        let batches = history(&mut random);
        let whole = SpanMetrics::default();
        batches.iter().for_each(|spans| whole.add(&batch(spans.clone())));
        let mut own = SpanMetrics::default();
        for spans in &batches {
            if random.u8(..6) == 0 {
                let restored = SpanMetrics::default();
                restored.restore(&own.checkpoint()).unwrap();
                own = restored;
            }
            own.add(&batch(spans.clone()));
        }
        assert_eq!(told(&own, 1_000), told(&whole, 1_000));
        assert!(own.tenants.lock().values().all(|tenant| tenant.waiting.iter().count() <= SPAN_METRIC_HALVES));
    }
}

#[test]
fn damage_is_an_error_and_a_newer_version_says_so() {
    let metrics = SpanMetrics::default();
    metrics.add(&batch(vec![span("a", 1, None, SpanKind::Client, 1)]));
    let bytes = metrics.checkpoint();
    for length in 0..bytes.len() {
        assert_eq!(SpanMetrics::default().restore(&bytes[..length]).unwrap_err().kind, ErrorKind::Corrupt, "{length}");
    }
    assert_eq!(metrics.restore(&[1]).unwrap_err().kind, ErrorKind::Unsupported);
    assert_eq!(metrics.spans(), 1, "what was there stays");
}
