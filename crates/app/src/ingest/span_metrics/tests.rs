//! The counts against spans counted by hand, and across checkpoints.

use super::*;
use crate::limits::{
    SPAN_METRIC_HALVES, SPAN_METRIC_IDLE_MILLIS, SPAN_METRIC_NAMES, SPAN_METRIC_QUIET_MILLIS,
    SPAN_METRIC_REPEAT_MILLIS, SPAN_METRIC_SERIES, SPAN_METRIC_SWEEP_MILLIS,
};
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
    arrived(0, spans)
}

fn arrived(at: i64, spans: Vec<Span>) -> TraceBatch {
    TraceBatch::of(TenantId::default(), at, spans)
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
fn what_was_never_told_is_told_however_late() {
    let metrics = SpanMetrics::default();
    metrics.add(&arrived(1, vec![span("shop", 1, None, SpanKind::Server, 30)]));
    // The server was stopped, or could not write, for longer than what stands still is repeated.
    let late = SPAN_METRIC_QUIET_MILLIS + 1_000;
    assert_eq!(told(&metrics, late).values().copied().collect::<Vec<_>>(), [1.0, 1.0]);
    assert!(told(&metrics, late + SPAN_METRIC_REPEAT_MILLIS).is_empty());
}

#[test]
fn a_clock_that_was_ahead_and_is_set_right_lets_series_grow_old_again() {
    let metrics = SpanMetrics::default();
    let ahead = 1_000 * SPAN_METRIC_IDLE_MILLIS;
    metrics.add(&arrived(ahead, vec![span("shop", 1, None, SpanKind::Server, 30)]));
    metrics.add(&arrived(1, vec![span("stock", 2, None, SpanKind::Server, 30)]));
    assert_eq!(told(&metrics, 1).len(), 4, "calls and durations of two services");
    // Long after the clock was set right, and long before it comes to where it was.
    let later = 2 * SPAN_METRIC_IDLE_MILLIS;
    metrics.add(&arrived(later, vec![span("auth", 3, None, SpanKind::Server, 30)]));
    let zeros = told(&metrics, later).values().filter(|value| **value == 0.0).count();
    assert_eq!(zeros, 4, "both services ended");
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
        let mut now = 0;
        let batches: Vec<TraceBatch> = history(&mut random)
            .into_iter()
            .map(|spans| {
                now += random.i64(0..SPAN_METRIC_SWEEP_MILLIS);
                arrived(now, spans)
            })
            .collect();
        let whole = SpanMetrics::default();
        batches.iter().for_each(|batch| whole.add(batch));
        let mut own = SpanMetrics::default();
        for batch in &batches {
            if random.u8(..6) == 0 {
                let restored = SpanMetrics::default();
                restored.restore(&own.checkpoint()).unwrap();
                own = restored;
            }
            own.add(batch);
        }
        assert_eq!(told(&own, now), told(&whole, now));
        assert_eq!(own.spans(), whole.spans());
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

#[test]
fn what_is_no_longer_seen_gives_its_place_back() {
    let metrics = SpanMetrics::default();
    let flood = |service: &str| {
        let named = |n: u64| Span {
            name: format!("{service} {n}").as_str().into(),
            ..span(service, n, None, SpanKind::Internal, 1)
        };
        (0..SPAN_METRIC_NAMES as u64).map(named).collect::<Vec<_>>()
    };
    metrics.add(&arrived(0, flood("a")));
    let later = SPAN_METRIC_IDLE_MILLIS + SPAN_METRIC_SWEEP_MILLIS;
    metrics.add(&arrived(later, vec![span("fresh", 1, None, SpanKind::Server, 1)]));
    let all = told(&metrics, later);
    let fresh = "traces_spanmetrics_calls_total{service=\"fresh\", span_kind=\"SPAN_KIND_SERVER\", span_name=\"op 1\", \
                 status_code=\"STATUS_CODE_UNSET\"}";
    assert_eq!(all.get(fresh), Some(&1.0));
    assert!(all.iter().filter(|(name, _)| !name.contains("fresh")).all(|(_, value)| *value == 0.0));
    let (names, series) = metrics.tenants.lock().values().map(|own| (own.names.len(), own.spans.len())).next().unwrap();
    assert_eq!((names, series), (3, 1), "`other`, the service, its operation");
    assert_eq!(metrics.spans(), SPAN_METRIC_NAMES as u64 + 1);
}

/// How much a counter rose over all its samples as Prometheus reads them: a value below the one before begins at zero.
fn risen(samples: &BTreeMap<i64, f64>) -> f64 {
    let mut before = 0.0;
    let mut risen = 0.0;
    for value in samples.values() {
        risen += if *value < before { *value } else { *value - before };
        before = *value;
    }
    risen
}

/// Takes the present values as the store of metrics does: of two samples of one time the first stays.
fn flush(metrics: &SpanMetrics, now: i64, is_written: bool, stored: &mut BTreeMap<String, BTreeMap<i64, f64>>) {
    for (tenant, batch) in metrics.samples(now) {
        metrics.were_written(&tenant, is_written);
        if !is_written {
            continue;
        }
        let name = |series: u32| batch.series.labels(series as usize).unwrap().to_string();
        let counts = batch.samples.iter().map(|sample| (name(sample.series), sample.time, sample.value));
        let durations = batch.histograms.iter().map(|own| (name(own.series), own.time, own.histogram.count));
        for (series, time, value) in counts.chain(durations) {
            stored.entry(series).or_default().entry(time).or_insert(value);
        }
    }
}

#[test]
fn counters_that_go_and_return_rise_by_what_came_across_crashes_and_writes_that_fail() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut stored = BTreeMap::new();
        let mut sent: BTreeMap<String, f64> = BTreeMap::new();
        let mut metrics = SpanMetrics::default();
        // What a start begins from: a checkpoint, and the batches after it.
        let (mut kept, mut journal) = (metrics.checkpoint(), Vec::<TraceBatch>::new());
        let (mut now, mut number) = (1_000, 0);
        for _ in 0..120 {
            if random.u8(..4) == 0 {
                // Nothing comes for long, and what could not be written stays so: the server is down, say.
                now += random.i64(0..5 * 3_600_000);
            } else {
                now += random.i64(0..20_000);
            }
            let calls = (0..random.u64(1..4)).flat_map(|_| {
                number += 10;
                let (caller, called) = (format!("c{}", random.u8(..3)), format!("s{}", random.u8(..3)));
                *sent.entry(format!("client=\"{caller}\", server=\"{called}\"")).or_default() += 1.0;
                let client = span(&caller, number, None, SpanKind::Client, 3);
                [client, span(&called, number + 1, Some(number), SpanKind::Server, 2)]
            });
            journal.push(arrived(now, calls.collect()));
            metrics.add(journal.last().unwrap());
            match random.u8(..12) {
                0 => (kept, journal) = (metrics.checkpoint(), Vec::new()),
                1 => {
                    metrics = SpanMetrics::default();
                    metrics.restore(&kept).unwrap();
                    journal.iter().for_each(|batch| metrics.add(batch));
                }
                _ => {}
            }
            // The writer's clock never stands behind the arrivals that it tells of.
            now += random.i64(0..15_000);
            flush(&metrics, now, random.u8(..4) > 0, &mut stored);
        }
        flush(&metrics, now + SPAN_METRIC_REPEAT_MILLIS, true, &mut stored);
        for (pair, calls) in &sent {
            for name in ["request_total", "request_client_seconds"] {
                let series = format!("traces_service_graph_{name}{{{pair}}}");
                assert_eq!(risen(&stored[&series]), *calls, "seed {seed}: {series}: {:?}", stored[&series]);
            }
        }
        let spans = stored.iter().filter(|(name, _)| name.starts_with("traces_spanmetrics_calls_total"));
        assert_eq!(spans.map(|(_, own)| risen(own)).sum::<f64>(), metrics.spans() as f64, "seed {seed}");
    }
}
