use super::*;
use crate::metrics::Beyond;
use clew_model::ErrorKind;
use clew_model::metrics::{STALE_NAN, is_stale};

#[test]
fn the_first_of_two_values_at_one_time_stays_and_the_second_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let up = labels(&[("__name__", "up")]);
    assert_eq!(apply(&store, 1, &[(&up, 10, 1.0), (&up, 20, 2.0)]).appended, 2);
    let report = apply(&store, 2, &[(&up, 20, 2.0), (&up, 20, 3.0), (&up, 10, 1.0), (&up, 10, 9.0), (&up, 15, 1.5)]);
    assert_eq!((report.appended, report.late, report.duplicates, report.conflicting), (1, 1, 2, 2));
    assert_eq!(report.first_conflict, Some((up.clone(), 20)));
    let expected = vec![("up".to_owned(), vec![(10, 1f64.to_bits()), (15, 1.5f64.to_bits()), (20, 2f64.to_bits())])];
    assert_eq!(everything(&store), expected);
    store.seal().unwrap();
    apply(&store, 3, &[(&up, 20, 4.0), (&up, 15, 4.0)]);
    assert_eq!(everything(&store), expected);
    store.seal().unwrap();
    apply(&store, 4, &[(&up, 15, 5.0)]);
    store.seal().unwrap();
    assert_eq!(everything(&store), expected);
    assert_eq!(store.compact().unwrap().partitions, 1);
    assert_eq!(everything(&store), expected);
}

#[test]
fn staleness_markers_keep_their_bits_through_seal_and_compaction() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let up = labels(&[("__name__", "up")]);
    for round in 0..3 {
        apply(
            &store,
            round + 1,
            &[(&up, round as i64 * 10, 1.0), (&up, round as i64 * 10 + 5, f64::from_bits(STALE_NAN))],
        );
        store.seal().unwrap();
    }
    assert_eq!(store.compact().unwrap().runs, 3);
    let found = select(&store, &[], 0, 100);
    let stale: Vec<bool> = found[0].values.iter().map(|value| is_stale(*value)).collect();
    assert_eq!(stale, [false, true, false, true, false, true]);
}

/// Which series are beyond a limit, whichever.
fn beyond_limit(store: &MetricStore, tenant: &TenantId, limit: Option<usize>, of: &[Labels]) -> Vec<bool> {
    store.beyond_limit(tenant, limit, &of.into(), |_| true).iter().map(Option::is_some).collect()
}

#[test]
fn the_series_of_a_tenant_have_a_limit_of_their_own_and_ended_ones_make_room_at_the_next_seals() {
    let dir = tempfile::tempdir().unwrap();
    let store = MetricStore::open(
        Arc::new(DiskFiles),
        dir.path(),
        MetricStoreOptions { max_series: 1_000, ..options() },
        Arc::default(),
    )
    .unwrap();
    let all: Vec<Labels> = (0..30).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    let (a, b) = (TenantId::new("a").unwrap(), TenantId::new("b").unwrap());
    let write = |position: u64, tenant: &TenantId, of: &[Labels]| {
        let samples: Vec<_> = of.iter().map(|labels| (labels, position as i64, 1.0)).collect();
        store.apply(position, tenant, &batch(&samples)).unwrap();
    };
    write(1, &a, &all[..20]);
    write(2, &b, &all[..5]);
    assert_eq!((store.active_series(), store.active_series_of(&a), store.active_series_of(&b)), (25, 20, 5));
    assert_eq!((store.has_room_of(&a, Some(20), 0), store.has_room_of(&a, Some(20), 1)), (true, false));
    assert!(store.has_room_of(&b, Some(20), 15) && store.has_room_of(&a, None, 900));
    let of_a = |of: &[Labels]| store.beyond_limit(&a, Some(20), &of.into(), |_| true);
    assert_eq!(of_a(&all[19..21]), [None, Some(Beyond::Tenant)]);
    assert!(beyond_limit(&store, &b, Some(20), &all[19..21]).is_empty());
    // One of twenty ends: too few to be worth it, were the tenant not at its limit.
    store.seal().unwrap();
    write(3, &a, &all[..19]);
    assert_eq!(of_a(&all[20..21]), [Some(Beyond::Tenant)]);
    store.seal().unwrap();
    assert_eq!(store.active_series_of(&a), 19);
    assert!(of_a(&all[20..21]).is_empty());
}

#[test]
fn series_beyond_the_limit_are_named_while_known_ones_go_on_and_ended_ones_make_room() {
    let dir = tempfile::tempdir().unwrap();
    let store = MetricStore::open(
        Arc::new(DiskFiles),
        dir.path(),
        MetricStoreOptions { max_series: 4, ..options() },
        Arc::default(),
    )
    .unwrap();
    let all: Vec<Labels> = (0..8).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    let beyond = |of: &[Labels]| beyond_limit(&store, &TenantId::default(), None, of);
    let write = |position: u64, of: &[Labels]| {
        let samples: Vec<_> = of.iter().map(|labels| (labels, position as i64, 1.0)).collect();
        apply(&store, position, &samples);
    };
    assert!(beyond(&all[..4]).is_empty());
    assert_eq!(beyond(&all[..5]), [false, false, false, false, true]);
    assert_eq!((store.has_room(4), store.has_room(5)), (true, false));
    // One that is not written anyway takes no room.
    assert!(store.beyond_limit(&TenantId::default(), None, &all[..5].into(), |place| place != 1).is_empty());
    write(1, &all[..3]);
    assert_eq!((store.active_series(), store.is_crowded()), (3, true));
    // Known ones take no room, wherever they stand.
    let mixed = [all[5].clone(), all[0].clone(), all[6].clone(), all[2].clone()];
    assert_eq!(beyond(&mixed), [false, false, true, false]);
    write(2, &all[3..4]);
    assert_eq!(beyond(&all), [false, false, false, false, true, true, true, true]);
    assert!(beyond(&all[..4]).is_empty());
    // Another tenant's series are others, and the limit is one for all.
    assert_eq!(beyond_limit(&store, &TenantId::new("other").unwrap(), None, &all[..1]), [true]);

    // Three go on, one ends: it is forgotten once a whole generation has passed without it.
    store.seal().unwrap();
    write(3, &all[..3]);
    assert_eq!(beyond(&all[4..5]), [true]);
    store.seal().unwrap();
    assert_eq!(beyond(&all[4..6]), [false, true]);
    // All end, and nothing but seals makes room for others.
    store.seal().unwrap();
    store.seal().unwrap();
    assert_eq!((store.active_series(), store.is_crowded()), (0, false));
    assert_eq!(everything(&store).len(), 4);
}

#[test]
fn one_ended_series_among_many_makes_room_once_the_limit_is_reached() {
    let dir = tempfile::tempdir().unwrap();
    let store = MetricStore::open(
        Arc::new(DiskFiles),
        dir.path(),
        MetricStoreOptions { max_series: 32, ..options() },
        Arc::default(),
    )
    .unwrap();
    let all: Vec<Labels> = (0..32).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    for (position, count) in [(1, 32), (2, 31)] {
        let samples: Vec<_> = all.iter().take(count).map(|labels| (labels, position, 1.0)).collect();
        apply(&store, position as u64, &samples);
        assert!(!store.has_room(1));
        store.seal().unwrap();
    }
    assert_eq!((store.active_series(), store.has_room(1)), (31, true));
}

#[test]
fn long_labels_count_for_several_series() {
    let dir = tempfile::tempdir().unwrap();
    let store = MetricStore::open(
        Arc::new(DiskFiles),
        dir.path(),
        MetricStoreOptions { max_series: 8, ..options() },
        Arc::default(),
    )
    .unwrap();
    let wide = labels(&[("__name__", "m"), ("wide", &"x".repeat(9 << 10))]);
    apply(&store, 1, &[(&wide, 1, 1.0)]);
    let both = [labels(&[("__name__", "other")]), wide];
    assert_eq!(beyond_limit(&store, &TenantId::default(), None, &both), [true, false]);
}

#[test]
fn series_scraped_together_share_their_times() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let all: Vec<Labels> = (0..10).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    for round in 0..40 {
        let samples: Vec<_> = all.iter().map(|labels| (labels, round * 15, round as f64)).collect();
        apply(&store, round as u64 + 1, &samples);
        if round == 25 {
            store.seal().unwrap();
        }
    }
    let found = select(&store, &[], 0, 10_000);
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|data| Arc::ptr_eq(&data.times, &found[0].times) && data.times.len() == 40));
}

#[test]
fn retention_drops_whole_partitions_for_good_and_gives_their_space_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let all: Vec<Labels> = (0..200).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    let mut random = fastrand::Rng::with_seed(1);
    for day in 0..6i64 {
        for step in 0..40 {
            let samples: Vec<_> = all.iter().map(|one| (one, day * WIDTH + step * 1000, random.f64())).collect();
            apply(&store, (day * 100 + step + 1) as u64, &samples);
        }
        store.seal().unwrap();
    }
    let before = folder_bytes(dir.path());
    let report = store.retain(3 * WIDTH + 5, None).unwrap();
    assert_eq!((report.partitions, report.bound), (3, 3 * WIDTH));
    assert!(report.bytes > 150_000, "{report:?}");
    let wait = std::time::Instant::now();
    while folder_bytes(dir.path()) > before - report.bytes * 9 / 10 {
        assert!(wait.elapsed() < Duration::from_secs(10), "{before} -> {}", folder_bytes(dir.path()));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(apply(&store, 1_000, &[(&all[0], 3 * WIDTH - 1, 1.0), (&all[0], 3 * WIDTH + 7, 1.0)]).too_old, 1);
    let first = |store: &MetricStore| select(store, &[], 0, 10 * WIDTH).iter().map(|one| one.times[0]).min();
    assert_eq!(first(&store), Some(3 * WIDTH));
    // By size: the oldest go until it fits, the newest stays whatever its size.
    let report = store.retain(0, Some(1)).unwrap();
    assert_eq!((report.partitions, report.bound), (2, 5 * WIDTH));
    drop(store);
    let store = open(dir.path());
    assert_eq!(first(&store), Some(5 * WIDTH));
    assert_eq!(apply(&store, 2_000, &[(&all[0], 4 * WIDTH, 1.0)]).too_old, 1);
}

#[test]
fn samples_of_retained_days_vanish_from_the_head_too() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let up = labels(&[("__name__", "up")]);
    apply(&store, 1, &[(&up, 5, 1.0), (&up, 5 * WIDTH, 1.0)]);
    store.retain(2 * WIDTH, None).unwrap();
    assert_eq!(select(&store, &[], 0, 9 * WIDTH)[0].times.to_vec(), [5 * WIDTH]);
    let report = store.seal().unwrap();
    assert_eq!((report.samples, report.too_old, report.partitions), (1, 1, 1));
    assert_eq!(select(&store, &[], 0, 9 * WIDTH)[0].times.to_vec(), [5 * WIDTH]);
}

#[test]
fn limits_are_named_and_cancelling_stops() {
    let dir = tempfile::tempdir().unwrap();
    let limited = MetricStoreOptions { query_series: 5, query_samples: 30, ..options() };
    let store = MetricStore::open(Arc::new(DiskFiles), dir.path(), limited, Arc::default()).unwrap();
    let all: Vec<Labels> = (0..8).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    for round in 0..10 {
        let samples: Vec<_> = all.iter().map(|labels| (labels, round, 1.0)).collect();
        apply(&store, round as u64 + 1, &samples);
    }
    for seal in [false, true] {
        if seal {
            store.seal().unwrap();
        }
        let error =
            |matchers: &[Matcher], context: &Context| ask(&store, context, matchers, TimeRange::ALL).unwrap_err();
        let too_many = error(&[], &context());
        assert_eq!(too_many.kind, ErrorKind::LimitExceeded);
        assert!(too_many.message.contains("limits.query_series"), "{}", too_many.message);
        let four = [matcher("i", MatchOp::Regex, "[0-3]")];
        assert!(error(&four, &context()).message.contains("limits.query_samples"));
        let two = [matcher("i", MatchOp::Regex, "[01]")];
        assert!(error(&two, &Context::new(Duration::from_secs(1), 10)).message.contains("limits.query_memory"));
        let cancelled = context();
        cancelled.cancel.cancel(clew_model::CancelReason::Caller);
        assert_eq!(error(&two, &cancelled).kind, ErrorKind::Cancelled);
        assert_eq!(select(&store, &two, 0, 100).len(), 2);
    }
}

#[test]
fn tenants_see_only_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let up = labels(&[("__name__", "up")]);
    let other = TenantId::new("other").unwrap();
    apply(&store, 1, &[(&up, 10, 1.0)]);
    store.apply(2, &other, &batch(&[(&up, 10, 2.0), (&up, 11, 3.0)])).unwrap();
    for _ in 0..2 {
        let theirs = Context { tenant: other.clone(), ..context() };
        assert_eq!(ask(&store, &theirs, &[], TimeRange::ALL).unwrap()[0].values, [2.0, 3.0]);
        assert_eq!(select(&store, &[], 0, 100)[0].values, [1.0]);
        store.seal().unwrap();
    }
}

#[test]
fn idle_series_leave_the_head_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let all: Vec<Labels> = (0..100).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    apply(&store, 1, &all.iter().map(|one| (one, 10, 1.0)).collect::<Vec<_>>());
    store.seal().unwrap();
    apply(&store, 2, &[(&all[70], 20, 2.0)]);
    store.seal().unwrap();
    assert_eq!(store.hot_stats().series, 1);
    assert_eq!(store.hot_stats().samples, 0);
    assert_eq!(apply(&store, 3, &[(&all[3], 30, 3.0), (&all[70], 30, 3.0)]).series_created, 1);
    let found = select(&store, &[matcher("i", MatchOp::Regex, "3|70")], 0, 100);
    let times: Vec<Vec<i64>> = found.iter().map(|one| one.times.to_vec()).collect();
    assert_eq!(times, [vec![10, 30], vec![10, 20, 30]]);
    assert_eq!(select(&store, &[], 0, 100).len(), 100);
}

#[test]
fn a_damaged_table_stops_neither_seals_into_its_partition_nor_reading_and_compacting_others() {
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<Labels> = (0..6).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    let write = |store: &MetricStore, position: u64, of: &[Labels], time: i64| {
        let samples: Vec<_> = of.iter().map(|labels| (labels, time, position as f64)).collect();
        apply(store, position, &samples);
        store.seal().unwrap();
    };
    {
        let store = open(dir.path());
        write(&store, 1, &all[..2], 10);
        write(&store, 2, &all[..4], 20);
        write(&store, 3, &all[2..5], 30);
    }
    // The second run is the first to have two of the series.
    let mut tables: Vec<_> =
        std::fs::read_dir(dir.path().join("tables")).unwrap().map(|entry| entry.unwrap().path()).collect();
    tables.sort();
    let bytes = std::fs::read(&tables[1]).unwrap();
    std::fs::write(&tables[1], vec![0x55; bytes.len()]).unwrap();
    let store = open(dir.path());
    write(&store, 4, &all, 40);
    assert_eq!(store.sealed_position(), 4);
    for round in 0..3 {
        write(&store, 5 + round, &all[..2], 2 * WIDTH + round as i64);
    }
    // What is asked about the partition is answered without the samples of that run, and says so.
    let whole = || all.iter().enumerate().map(|(at, labels)| (labels.clone(), TIMES[at].to_vec())).collect::<Vec<_>>();
    const TIMES: [&[i64]; 6] = [&[10, 40], &[10, 40], &[30, 40], &[30, 40], &[30, 40], &[40]];
    let context = context();
    let found = ask(&store, &context, &[], TimeRange::from_millis(0, 100)).unwrap();
    let shown = |found: &[SeriesData]| {
        let mut shown: Vec<_> = found.iter().map(|one| (one.labels.clone(), one.times.to_vec())).collect();
        shown.sort();
        shown
    };
    assert_eq!(shown(&found), whole());
    let warnings = context.warnings.take();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains("is set aside") && warnings[0].contains("4 records"), "{warnings:?}");
    let aside = store.set_aside();
    assert_eq!((aside[0].file.as_path(), aside[0].records), (tables[1].as_path(), Some(4)));
    let report = store.compact().unwrap();
    assert_eq!((report.partitions, report.runs), (1, 3));
    let found = select(&store, &[], 2 * WIDTH, 3 * WIDTH);
    assert!(found.iter().map(|one| (&one.labels, one.times.len())).eq([(&all[0], 3), (&all[1], 3)]));
    // The same after a start, which finds the numbers that the runs after the damage began with.
    drop(store);
    let store = open(dir.path());
    write(&store, 9, &all, 50);
    assert_eq!(store.sealed_position(), 9);
}

#[test]
fn retention_by_size_takes_the_oldest_runs_of_a_day_and_the_rest_keep_their_labels() {
    let dir = tempfile::tempdir().unwrap();
    let one_run = MetricStoreOptions { compact_runs: 100, ..options() };
    let open = || MetricStore::open(Arc::new(DiskFiles), dir.path(), one_run.clone(), Arc::default()).unwrap();
    let all: Vec<Labels> = (0..50).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    let store = open();
    let mut random = fastrand::Rng::with_seed(5);
    // Ten runs of one partition; the first names all series but one.
    for run in 0..10i64 {
        let of = if run < 5 { &all[..49] } else { &all[..] };
        for step in 0..20 {
            let samples: Vec<_> = of.iter().map(|one| (one, run * 1_000 + step, random.f64())).collect();
            apply(&store, (run * 100 + step + 1) as u64, &samples);
        }
        store.seal().unwrap();
    }
    let full = store.disk_bytes();
    let report = store.retain(0, Some(full * 65 / 100)).unwrap();
    assert_eq!((report.partitions, report.runs, report.bound), (0, 4, 3_020));
    assert!(store.disk_bytes() <= full * 65 / 100 && store.disk_bytes() > full * 50 / 100);
    let check = |store: &MetricStore| {
        let found = select(store, &[], 0, WIDTH);
        assert_eq!(found.len(), 50);
        for one in &found {
            let expected = if one.labels == all[49] { 100 } else { 120 };
            assert_eq!((one.times.len(), one.times[0] >= 4_000), (expected, true), "{:?}", one.labels);
        }
    };
    check(&store);
    drop(store);
    let store = open();
    check(&store);
    assert_eq!(store.set_aside(), []);
    // What comes later is sealed beside them, under the numbers that they have.
    apply(&store, 5_000, &[(&all[0], 20_000, 1.0)]);
    store.seal().unwrap();
    drop(store);
    let store = open();
    let found = select(&store, &[], 0, WIDTH);
    assert_eq!((found.len(), found.iter().map(|one| one.times.len()).max()), (50, Some(121)));
    // The newest run stays whatever its size.
    store.retain(0, Some(1)).unwrap();
    assert_eq!(select(&store, &[], 0, WIDTH).iter().map(|one| one.times.len()).sum::<usize>(), 1);
}

#[test]
fn compaction_makes_no_run_that_is_larger_than_a_step_of_retention() {
    let dir = tempfile::tempdir().unwrap();
    let small = MetricStoreOptions { max_run_bytes: 20_000, ..options() };
    let store = MetricStore::open(Arc::new(DiskFiles), dir.path(), small, Arc::default()).unwrap();
    let all: Vec<Labels> = (0..50).map(|at| labels(&[("__name__", "m"), ("i", &at.to_string())])).collect();
    let mut random = fastrand::Rng::with_seed(5);
    for run in 0..30i64 {
        let samples: Vec<_> = all.iter().map(|one| (one, run * 10, random.f64())).collect();
        apply(&store, run as u64 + 1, &samples);
        store.seal().unwrap();
        store.compact().unwrap();
    }
    let manifest = store.engine.snapshot();
    let runs: Vec<u64> =
        manifest.manifest().partitions.values().flat_map(|own| &own.runs).map(|run| run.bytes).collect();
    assert!(runs.iter().all(|bytes| *bytes <= 20_000) && runs.len() < 12, "{runs:?}");
    assert_eq!(select(&store, &[], 0, WIDTH)[0].times.len(), 30);
}
