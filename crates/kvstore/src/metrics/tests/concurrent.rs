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
