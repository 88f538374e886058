//! Reading while samples are applied, sealed and merged; and being killed.

use super::*;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

const SERIES: usize = 40;

fn all() -> Vec<Labels> {
    (0..SERIES).map(|at| labels(&[("__name__", "m"), ("i", &format!("{at:02}"))])).collect()
}

/// The batch at a position: one sample a series at time `position`.
fn batch_at(position: u64, all: &[Labels]) -> MetricBatch {
    let samples: Vec<_> = all.iter().map(|labels| (labels, position as i64 * 20_000, position as f64)).collect();
    batch(&samples)
}

/// Every series has exactly the times 1..=n, for one n.
fn check_whole(found: &[SeriesData]) -> i64 {
    let last = found.first().map_or(0, |one| one.times.len() as i64);
    for one in found {
        let expected: Vec<i64> = (1..=last).map(|at| at * 20_000).collect();
        assert_eq!(one.times.to_vec(), expected, "{}", one.labels);
    }
    last
}

#[test]
fn readers_see_each_sample_exactly_once_at_every_moment() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let (done, applied) = (AtomicBool::new(false), AtomicI64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let all = all();
            for position in 1..=400 {
                store.apply(position, &TenantId::default(), &batch_at(position, &all)).unwrap();
                applied.store(position as i64, Ordering::SeqCst);
                std::thread::sleep(Duration::from_micros(500));
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                store.seal().unwrap();
                store.compact().unwrap();
            }
        });
        let mut reads = 0;
        while !done.load(Ordering::SeqCst) {
            let before = applied.load(Ordering::SeqCst);
            let found = select(&store, &[], 0, i64::MAX / 2_000_000);
            let after = applied.load(Ordering::SeqCst);
            let seen = check_whole(&found);
            assert!(before <= seen && seen <= after + 1, "{before} {seen} {after}");
            reads += 1;
        }
        assert!(reads > 5);
    });
    assert_eq!(check_whole(&select(&store, &[], 0, i64::MAX / 2_000_000)), 400);
}

/// Runs only as the child of the next test.
#[test]
#[ignore = "applies and seals until it is killed; started by the test below"]
fn work_for_ever() {
    let Ok(dir) = std::env::var("CLEW_TEST_METRICS_DIR") else { return };
    let store = open(Path::new(&dir));
    let all = all();
    let mut position = store.sealed_position();
    loop {
        position += 1;
        store.apply(position, &TenantId::default(), &batch_at(position, &all)).unwrap();
        if position.is_multiple_of(3) {
            store.seal().unwrap();
        }
        if position.is_multiple_of(20) {
            store.compact().unwrap();
        }
    }
}

#[test]
fn after_a_kill_replaying_from_the_sealed_position_gives_every_sample_once() {
    let dir = tempfile::tempdir().unwrap();
    let all = all();
    let mut last = 0;
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "metrics::tests::concurrent::work_for_ever", "--ignored"])
            .env("CLEW_TEST_METRICS_DIR", dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(200 + round * 61));
        child.kill().unwrap();
        child.wait().unwrap();
        let store = open(dir.path());
        let sealed = store.sealed_position();
        assert!(sealed >= last, "{sealed} after {last}");
        assert_eq!(check_whole(&select(&store, &[], 0, i64::MAX / 2_000_000)) as u64, sealed);
        for position in 1..=sealed + 4 {
            store.apply(position, &TenantId::default(), &batch_at(position, &all)).unwrap();
        }
        assert_eq!(check_whole(&select(&store, &[], 0, i64::MAX / 2_000_000)) as u64, sealed + 4);
        store.seal().unwrap();
        assert_eq!(check_whole(&select(&store, &[], 0, i64::MAX / 2_000_000)) as u64, sealed + 4);
        last = sealed + 4;
    }
    assert!(last > 25, "no child sealed anything");
}

/// As many threads as a question may use.
#[derive(Debug)]
struct Threads(usize);

impl clew_model::Executor for Threads {
    fn workers(&self) -> usize {
        self.0
    }

    fn run(&self, extra: usize, work: &(dyn Fn() + Sync)) {
        std::thread::scope(|scope| {
            (0..extra.min(self.0 - 1)).for_each(|_| {
                scope.spawn(work);
            });
            work();
        });
    }
}

#[test]
fn a_sum_over_thousands_of_series_is_the_same_on_any_number_of_threads_and_holds_none_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let all: Vec<Labels> = (0..4_000)
        .map(|at| labels(&[("__name__", "m_total"), ("i", &at.to_string()), ("g", &(at % 7).to_string())]))
        .collect();
    // Values whose sum depends on the order of adding.
    let value = |series: usize, round: i64| (series as f64 + 0.1).powi(3) * round as f64;
    for round in 0..60i64 {
        let samples: Vec<_> =
            all.iter().enumerate().map(|(at, labels)| (labels, round * 15_000, value(at, round))).collect();
        apply(&store, round as u64 + 1, &samples);
        if round == 30 {
            store.seal().unwrap();
        }
    }
    let ask = |query: &str, threads: usize| {
        // All samples take 3.8 MB.
        let mut context = Context::new(Duration::from_secs(60), 1 << 20);
        context.executor = Arc::new(Threads(threads));
        let expr = clew_query::promql::parse(query).unwrap();
        let options = clew_query::promql::PromqlOptions::default();
        let found = clew_query::promql::query_range(&store, &context, &expr, 0, 900_000, 60_000, &options).unwrap();
        assert_eq!(context.memory.used(), 0);
        let clew_query::promql::Value::Matrix(series) = found.value else { panic!("{:?}", found.value) };
        let bits = |(time, value): &(i64, f64)| (*time, value.to_bits());
        let shown = |one: &clew_query::promql::RangeSeries| {
            (one.labels.to_string(), one.floats.iter().map(bits).collect::<Vec<_>>())
        };
        (found.stats.samples, series.iter().map(shown).collect::<Vec<_>>())
    };
    for query in ["sum by (g) (rate(m_total[5m]))", "stdvar(m_total)"] {
        let alone = ask(query, 1);
        assert!(alone.0 >= 240_000 - 4_000, "{}", alone.0);
        (0..3).for_each(|_| assert_eq!(ask(query, 4), alone, "{query}"));
    }
}
