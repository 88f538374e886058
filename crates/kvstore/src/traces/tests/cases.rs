//! Single situations that must hold.

use super::*;
use clew_model::traces::{TraceBounds, TraceFilter, TraceOrder, TraceQuery};
use clew_model::{CanonicalId, ErrorKind, TenantId, TimeRange};
use std::sync::atomic::{AtomicBool, Ordering};

fn all() -> TraceQuery {
    TraceQuery {
        filter: TraceFilter::default(),
        range: TimeRange::ALL,
        bounds: TraceBounds::default(),
        order: TraceOrder::default(),
        limit: 10,
        after: None,
    }
}

#[test]
fn a_trace_of_seventy_thousand_spans_is_kept_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let spans: Vec<Span> = (0..70_000).map(|number| span(1, number, i64::from(number))).collect();
    store.apply(1, &TenantId::default(), spans.clone());
    assert_eq!(store.seal().unwrap().spans, 70_000);
    let found = ask(&store, &context()).trace(trace_id(1)).unwrap().spans;
    assert!(found == spans);
    let page = ask(&store, &context()).search(&all()).unwrap();
    assert_eq!((page.traces[0].spans, page.traces[0].duration), (70_000, 70_009));
}

#[test]
fn a_trace_over_several_seals_and_partitions_is_one_trace() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 0..5u32 {
        store.apply(u64::from(number) + 1, &TenantId::default(), vec![span(1, number, i64::from(number) * WIDTH / 2)]);
        if number < 4 {
            store.seal().unwrap();
        }
    }
    let page = ask(&store, &context()).search(&all()).unwrap();
    assert_eq!(page.traces.len(), 1);
    assert_eq!((page.traces[0].spans, page.traces[0].start, page.traces[0].duration), (5, 0, 2 * WIDTH + 10));
}

#[test]
fn a_clock_that_ran_backwards_is_kept_as_it_was_sent() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let skewed = Span { end: 40, ..span(1, 1, 100) };
    store.apply(1, &TenantId::default(), vec![skewed.clone()]);
    store.seal().unwrap();
    assert_eq!(ask(&store, &context()).trace(trace_id(1)).unwrap().spans, [skewed]);
    let page = ask(&store, &context()).search(&all()).unwrap();
    assert_eq!(page.traces[0].duration, 0);
}

#[test]
fn a_span_sent_again_is_dropped_by_the_seal_and_by_the_merge() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.apply(1, &TenantId::default(), vec![span(1, 1, 5), span(1, 1, 5)]);
    assert_eq!(store.seal().unwrap().duplicates, 1);
    for position in 2..10 {
        store.apply(position, &TenantId::default(), vec![span(1, 1, 5)]);
        store.seal().unwrap();
    }
    assert_eq!(ask(&store, &context()).services(TimeRange::ALL).unwrap()[0].spans, 1);
    let report = store.compact().unwrap();
    assert_eq!((report.merged, report.spans, report.duplicates), (9, 1, 8));
    assert_eq!(ask(&store, &context()).trace(trace_id(1)).unwrap().spans, [span(1, 1, 5)]);
}

#[test]
fn retention_gives_the_space_back_and_late_spans_do_not_return() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for partition in 0..6 {
        let spans = (0..5000u32).map(|number| {
            let mut span = span(partition, number, i64::from(partition) * WIDTH + i64::from(number));
            span.attributes = vec![Attribute::new("noise", format!("{:x}", fastrand::u128(..)))];
            span
        });
        store.apply(u64::from(partition) + 1, &TenantId::default(), spans.collect::<Vec<_>>());
        store.seal().unwrap();
    }
    let before = store.disk_bytes();
    let report = store.retain(3 * WIDTH + 500_000, None).unwrap();
    assert_eq!((report.partitions, report.spans), (3, 15_000));
    assert_eq!(before - store.disk_bytes(), report.bytes);
    store.apply(7, &TenantId::default(), vec![span(9, 1, WIDTH), span(9, 2, 3 * WIDTH)]);
    assert_eq!(ask(&store, &context()).trace(trace_id(9)).unwrap().spans.len(), 1);
    assert_eq!(store.seal().unwrap().expired, 1);
    let left = store.retain(0, Some(1)).unwrap();
    assert_eq!(left.partitions, 2, "the newest partition stays");
    assert_eq!(ask(&store, &context()).search(&all()).unwrap().traces.len(), 1);
}

#[test]
fn tenants_do_not_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let other = TenantId::new("other").unwrap();
    store.apply(1, &TenantId::default(), vec![span(1, 1, 5)]);
    store.apply(2, &other, vec![span(2, 1, 5)]);
    for _ in 0..2 {
        let context = Context { tenant: other.clone(), ..context() };
        let page = ask(&store, &context).search(&all()).unwrap();
        assert_eq!(page.traces.iter().map(|trace| trace.trace_id).collect::<Vec<_>>(), [trace_id(2)]);
        assert!(ask(&store, &context).trace(trace_id(1)).unwrap().spans.is_empty());
        let id = [CanonicalId::from(trace_id(1))];
        assert!(ask(&store, &context).find_ids(&id, TimeRange::ALL, 10).unwrap().spans.is_empty());
        store.seal().unwrap();
    }
}

#[test]
fn a_stopped_or_too_large_read_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.apply(1, &TenantId::default(), (0..2000).map(|number| span(number % 50, number, 5)).collect::<Vec<_>>());
    let small = Context::new(Duration::from_secs(1), 1000);
    // What is sealed is counted already, and takes less.
    assert_eq!(ask(&store, &small).services(TimeRange::ALL).unwrap_err().kind, ErrorKind::LimitExceeded);
    store.seal().unwrap();
    assert_eq!(ask(&store, &small).trace(trace_id(1)).unwrap_err().kind, ErrorKind::LimitExceeded);
    let stopped = context();
    stopped.cancel.cancel(clew_model::CancelReason::Deadline);
    assert_eq!(ask(&store, &stopped).search(&all()).unwrap_err().kind, ErrorKind::DeadlineExceeded);
}

#[test]
fn readers_see_each_span_once_while_seals_and_merges_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let done = AtomicBool::new(false);
    store.apply(1, &TenantId::default(), vec![span(1, 0, 0)]);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1..300u32 {
                store.apply(u64::from(number) + 1, &TenantId::default(), vec![span(1, number, i64::from(number))]);
            }
            done.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !done.load(Ordering::Acquire) {
                store.seal().unwrap();
                store.compact().unwrap();
            }
        });
        let mut seen = 1;
        while !done.load(Ordering::Acquire) {
            let found = ask(&store, &context()).trace(trace_id(1)).unwrap().spans.len();
            let counted = ask(&store, &context()).services(TimeRange::ALL).unwrap()[0].spans as usize;
            assert!(seen <= found && found <= counted, "{seen} {found} {counted}");
            seen = counted;
        }
    });
    assert_eq!(ask(&store, &context()).trace(trace_id(1)).unwrap().spans.len(), 300);
}

#[test]
fn memory_of_the_hot_tail_is_accounted_and_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.apply(7, &TenantId::default(), (0..100).map(|number| span(1, number, 5)).collect::<Vec<_>>());
    let stats = store.hot_stats();
    assert_eq!((stats.spans, stats.position), (100, 7));
    assert!(stats.bytes as usize > 100 * size_of::<Span>());
    assert_eq!(store.sealed_position(), 0);
    store.seal().unwrap();
    assert_eq!((store.hot_stats().bytes, store.hot_stats().position, store.sealed_position()), (0, 7, 7));
}

#[test]
fn spans_of_megabytes_stand_in_many_blocks_and_survive_merging() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut random = fastrand::Rng::with_seed(5);
    let mut all = Vec::new();
    for seal in 0..8u32 {
        let large = |number: u32, random: &mut fastrand::Rng| {
            let text: String = (0..1 << 20).map(|_| random.alphanumeric()).collect();
            let attributes = vec![Attribute::new("http.request.body", text)];
            Span { attributes, ..span(1, number, i64::from(number)) }
        };
        let spans: Vec<Span> = (seal * 10..seal * 10 + 10).map(|number| large(number, &mut random)).collect();
        all.extend(spans.iter().cloned());
        store.apply(u64::from(seal) + 1, &TenantId::default(), spans);
        store.seal().unwrap();
    }
    assert_eq!(store.compact().unwrap().merged, 8);
    let view = store.snapshot();
    let runs = view.all_runs(&TenantId::default()).unwrap();
    assert_eq!(runs.len(), 1);
    assert!(runs[0].blocks() >= 16, "{} blocks of {} MiB", runs[0].blocks(), all.len());
    assert!(ask(&store, &context()).trace(trace_id(1)).unwrap().spans == all);
}

#[test]
fn retention_by_size_takes_the_oldest_runs_of_a_day_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for run in 0..10u32 {
        let spans = (0..500u32).map(|number| {
            let mut span = span(run * 1_000 + number, 1, i64::from(run * 1_000 + number));
            span.attributes = vec![Attribute::new("noise", format!("{:x}", fastrand::u128(..)))];
            span
        });
        store.apply(u64::from(run) + 1, &TenantId::default(), spans.collect::<Vec<_>>());
        store.seal().unwrap();
    }
    let full = store.disk_bytes();
    let report = store.retain(0, Some(full * 65 / 100)).unwrap();
    assert_eq!((report.partitions, report.runs, report.spans), (0, 4, 2_000));
    assert!(store.disk_bytes() > full * 50 / 100);
    let found = |store: &TraceStore, number: u32| ask(store, &context()).trace(trace_id(number)).unwrap().spans.len();
    let check = |store: &TraceStore| {
        assert_eq!([found(store, 3_499), found(store, 4_000), found(store, 9_499)], [0, 1, 1]);
    };
    check(&store);
    drop(store);
    check(&open(dir.path()));
}
