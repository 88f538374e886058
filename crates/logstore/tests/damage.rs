//! Damaged files: reported, skipped, never fatal; and files really go when they are deleted.

// Helpers of tests may fail as tests do.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use clew_host::{DiskFiles, Fault, Files, Operation, SimFiles};
use clew_logstore::{LogStore, LogStoreOptions};
use clew_model::logs::{LogFilter, LogQuery, Order, TextTest};
use clew_model::{ErrorKind, TenantId, TimeRange};
use common::{DAY, Questions, context, record, rules};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn open(files: &Arc<dyn Files>, dir: &Path) -> Result<LogStore, clew_logstore::LogStoreError> {
    LogStore::open(Arc::clone(files), dir, LogStoreOptions::default(), rules())
}

fn query(filter: LogFilter, range: TimeRange) -> LogQuery {
    LogQuery { filter, range, order: Order::Descending, limit: 10_000, after: None }
}

/// A store with a part for each of three days, 100 records each.
fn three_days(files: &Arc<dyn Files>, dir: &Path) -> LogStore {
    let mut random = fastrand::Rng::with_seed(1);
    let store = open(files, dir).unwrap();
    for day in 0..3 {
        let mut next = |at: i64| record(&mut random, day * DAY + at);
        let records: Vec<_> = (0..100).map(&mut next).collect();
        store.apply(day as u64 + 1, &TenantId::default(), day as u64 * 100, records);
    }
    assert_eq!(store.seal().unwrap().parts, 3);
    store
}

fn parts(files: &dyn Files, dir: &Path) -> Vec<PathBuf> {
    let parts = dir.join("parts");
    files.list(&parts).unwrap().into_iter().map(|entry| parts.join(entry.name)).collect()
}

fn damage(files: &dyn Files, path: &Path, at: usize) {
    let file = files.open(path).unwrap();
    let mut bytes = file.read_at(0, usize::MAX >> 1).unwrap();
    let at = at % bytes.len();
    bytes[at] ^= 0x10;
    files.create(path).unwrap().write_all(&bytes).unwrap();
}

#[test]
fn a_damaged_byte_anywhere_costs_at_most_its_part_and_is_said() {
    let mut counted_less = 0;
    for seed in 0..120 {
        let files: Arc<dyn Files> = Arc::new(SimFiles::new());
        let dir = Path::new("logs");
        let store = three_days(&files, dir);
        let everything = store.search(&context(), &query(LogFilter::All, TimeRange::ALL)).unwrap().rows;
        let filter = LogFilter::AnyText(TextTest::words("request"));
        let matching = store.search(&context(), &query(filter.clone(), TimeRange::ALL)).unwrap().rows;
        let count_services = |store: &LogStore| {
            let values = store.field_values(&context(), "service", &LogFilter::All, TimeRange::ALL, 10).unwrap();
            let fields = store.fields(&context(), &LogFilter::All, TimeRange::ALL, 1).unwrap();
            let counts: u64 = fields.fields.iter().map(|field| field.records).sum();
            [(values.field.records, values.warnings.len()), (counts, fields.warnings.len())]
        };
        let whole = count_services(&store);
        drop(store);
        let middle = parts(&*files, dir)[1].clone();
        let length = files.open(&middle).unwrap().len().unwrap() as usize;
        damage(&*files, &middle, fastrand::Rng::with_seed(seed).usize(..length));
        let store = open(&files, dir).unwrap();
        for (filter, all) in [(LogFilter::All, &everything), (filter, &matching)] {
            let page = store.search(&context(), &query(filter, TimeRange::ALL)).unwrap();
            let lost = page.rows.len() < all.len();
            assert!(page.rows.iter().all(|row| all.contains(row)));
            let outside = |day: i64| all.iter().filter(|row| row.id.time / DAY == day).count();
            let found = |day: i64| page.rows.iter().filter(|row| row.id.time / DAY == day).count();
            assert_eq!((found(0), found(2)), (outside(0), outside(2)));
            assert!(!lost || !page.warnings.is_empty(), "seed {seed}: rows are missing without a word");
            // A second search says it again.
            let page = store.search(&context(), &query(LogFilter::All, TimeRange::ALL)).unwrap();
            assert!(!lost || !page.warnings.is_empty());
        }
        for ((records, warnings), (all, _)) in count_services(&store).into_iter().zip(whole) {
            counted_less += usize::from(records < all);
            assert!(records == all || warnings > 0, "seed {seed}: {records} of {all} are counted without a word");
        }
        let first_day = store.search(&context(), &query(LogFilter::All, TimeRange::new(0, DAY - 1))).unwrap();
        assert_eq!((first_day.rows.len(), first_day.warnings.len()), (100, 0));
        assert_eq!(store.part_stats().damaged.is_empty(), store.part_stats().damaged.len() != 1);
        // The rest of the store goes on.
        store.compact().unwrap();
        store.retain(2 * DAY, None).unwrap();
        assert_eq!(store.search(&context(), &query(LogFilter::All, TimeRange::ALL)).unwrap().rows.len(), 100);
    }
    assert!(counted_less > 0, "no damage reached what is counted");
}

#[test]
fn a_disk_that_fails_once_costs_one_query_its_part_and_no_more() {
    let simulated = SimFiles::new();
    let files: Arc<dyn Files> = Arc::new(simulated.clone());
    let dir = Path::new("logs");
    drop(three_days(&files, dir));
    // Opened afresh each time, so that something is read.
    for filter in [LogFilter::All, LogFilter::AnyText(TextTest::words("request"))] {
        let search = |store: &LogStore| store.search(&context(), &query(filter.clone(), TimeRange::ALL)).unwrap();
        let all = search(&open(&files, dir).unwrap()).rows;
        for operation in [Operation::Open, Operation::Read] {
            let store = open(&files, dir).unwrap();
            simulated.fail_next(operation, Fault::Device);
            let page = search(&store);
            assert!(page.rows.len() < all.len(), "a part was skipped");
            let [warning] = page.warnings.as_slice() else { panic!("{:?}", page.warnings) };
            assert!(warning.contains("could not be read this time"), "{warning}");
            assert_eq!(store.part_stats().damaged, Vec::<String>::new());
            let page = search(&store);
            assert_eq!((page.rows, page.warnings), (all.clone(), Vec::new()));
        }
    }
}

#[test]
fn a_part_that_is_gone_stays_damaged() {
    let files: Arc<dyn Files> = Arc::new(SimFiles::new());
    let dir = Path::new("logs");
    drop(three_days(&files, dir));
    let store = open(&files, dir).unwrap();
    files.remove_file(&parts(&*files, dir)[1]).unwrap();
    let page = store.search(&context(), &query(LogFilter::All, TimeRange::ALL)).unwrap();
    assert_eq!((page.rows.len(), page.warnings.len(), store.part_stats().damaged.len()), (200, 1, 1));
}

#[test]
fn a_damaged_or_missing_manifest_is_mended_by_its_copy_and_said() {
    let files: Arc<dyn Files> = Arc::new(SimFiles::new());
    let dir = Path::new("logs");
    drop(three_days(&files, dir));
    let spoil: [&dyn Fn(); 2] =
        [&|| damage(&*files, &dir.join("manifest"), 9), &|| files.remove_file(&dir.join("manifest")).unwrap()];
    for spoil in spoil {
        spoil();
        let store = open(&files, dir).unwrap();
        assert!(matches!(store.set_aside().as_slice(), [one] if one.records == Some(0)), "{:?}", store.set_aside());
        assert_eq!(store.search(&context(), &query(LogFilter::All, TimeRange::ALL)).unwrap().rows.len(), 300);
        drop(store);
        assert_eq!(open(&files, dir).unwrap().set_aside(), []);
    }
}

#[test]
fn parts_without_a_manifest_are_set_aside_and_not_removed() {
    let files: Arc<dyn Files> = Arc::new(SimFiles::new());
    let dir = Path::new("logs");
    drop(three_days(&files, dir));
    let names = |dir: &Path| files.list(dir).unwrap().into_iter().map(|entry| entry.name).collect::<Vec<_>>();
    let before = names(&dir.join("parts"));
    damage(&*files, &dir.join("manifest"), 9);
    files.remove_file(&dir.join("manifest.copy")).unwrap();
    let store = open(&files, dir).unwrap();
    let aside = store.set_aside();
    assert_eq!((aside.len(), aside[0].records), (1, None), "{aside:?}");
    assert_eq!(names(&aside[0].file), before);
    assert_eq!(store.part_stats().parts, 0);
}

#[test]
fn a_part_that_is_missing_cut_or_another_one_is_known_with_its_records() {
    type Spoil<'s> = &'s dyn Fn(&dyn Files, &Path);
    let spoil: [(&str, Spoil); 4] = [
        ("it is not there", &|files, path| files.remove_file(path).unwrap()),
        ("bytes, ", &|files, path| files.truncate(path, 1_000).unwrap()),
        ("bytes, ", &|files, path| files.truncate(path, 1 << 20).unwrap()),
        ("bytes, ", &|files, path| files.truncate(path, 0).unwrap()),
    ];
    for (reason, spoil) in spoil {
        let files: Arc<dyn Files> = Arc::new(SimFiles::new());
        let dir = Path::new("logs");
        drop(three_days(&files, dir));
        let path = parts(&*files, dir).remove(1);
        spoil(&*files, &path);
        let store = open(&files, dir).unwrap();
        let aside = store.set_aside();
        assert_eq!((aside.len(), aside[0].records, &aside[0].file), (1, Some(100), &path), "{aside:?}");
        assert!(aside[0].reason.contains(reason), "{aside:?}");
        let page = store.search(&context(), &query(LogFilter::All, TimeRange::ALL)).unwrap();
        assert_eq!((page.rows.len(), page.warnings.len()), (200, 1), "{:?}", page.warnings);
    }
    // Two parts in each other's place, whatever their lengths.
    let files: Arc<dyn Files> = Arc::new(SimFiles::new());
    let dir = Path::new("logs");
    drop(three_days(&files, dir));
    let paths = parts(&*files, dir);
    let (first, last, third) = (paths[0].as_path(), paths[2].as_path(), Path::new("logs/third"));
    for (from, to) in [(first, third), (last, first), (third, last)] {
        files.rename(from, to).unwrap();
    }
    let store = open(&files, dir).unwrap();
    let page = store.search(&context(), &query(LogFilter::All, TimeRange::ALL)).unwrap();
    assert_eq!((page.rows.len(), page.warnings.len()), (100, 2), "{:?}", page.warnings);
    assert_eq!(store.set_aside().iter().map(|aside| aside.records).collect::<Vec<_>>(), [Some(100), Some(100)]);
}

#[test]
fn retention_gives_the_disk_space_back() {
    let temporary = tempfile::tempdir().unwrap();
    let files: Arc<dyn Files> = Arc::new(DiskFiles);
    let dir = temporary.path().join("logs");
    let store = three_days(&files, &dir);
    let report = store.retain(DAY, None).unwrap();
    assert_eq!((report.parts, report.records), (1, 100));
    assert_eq!(parts(&*files, &dir).len(), 2);
    let bytes = store.part_stats().bytes;
    let report = store.retain(DAY, Some(bytes - 1)).unwrap();
    assert_eq!(report.parts, 1);
    let left: u64 = files.list(&dir.join("parts")).unwrap().iter().map(|entry| entry.len).sum();
    assert_eq!(left, store.part_stats().bytes);
    assert!(left < bytes);
    let rows = store.search(&context(), &query(LogFilter::All, TimeRange::ALL)).unwrap().rows;
    assert!(rows.len() == 100 && rows.iter().all(|row| row.id.time >= 2 * DAY));
}

#[test]
fn a_query_stops_when_it_is_cancelled_or_needs_too_much_memory() {
    let files: Arc<dyn Files> = Arc::new(SimFiles::new());
    let store = three_days(&files, Path::new("logs"));
    let cancelled = context();
    cancelled.cancel.cancel(clew_model::CancelReason::Caller);
    let error = store.search(&cancelled, &query(LogFilter::All, TimeRange::ALL)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::Cancelled);
    let small = clew_model::Context::new(std::time::Duration::from_secs(1), 10_000);
    let error = store.search(&small, &query(LogFilter::All, TimeRange::ALL)).unwrap_err();
    assert_eq!(error.kind, ErrorKind::LimitExceeded);
    assert_eq!(small.memory.used(), 0);
}

#[test]
fn readers_and_a_writer_at_once_always_see_a_whole_number_of_batches() {
    let files: Arc<dyn Files> = Arc::new(SimFiles::new());
    let store = open(&files, Path::new("logs")).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let maintain = scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                store.seal().unwrap();
                store.compact().unwrap();
            }
        });
        let read = scope.spawn(|| {
            let mut last = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let page = store.search(&context(), &query(LogFilter::All, TimeRange::ALL)).unwrap();
                let mut numbers: Vec<u64> = page.rows.iter().map(|row| row.id.number).collect();
                numbers.sort_unstable();
                assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "a record is missing or doubled");
                assert!(numbers.len().is_multiple_of(50) && numbers.len() >= last);
                last = numbers.len();
            }
        });
        let mut random = fastrand::Rng::with_seed(3);
        for batch in 0..60u64 {
            let mut next = |at: i64| record(&mut random, at * 100 + batch as i64);
            let records: Vec<_> = (0..50).map(&mut next).collect();
            store.apply(batch + 1, &TenantId::default(), batch * 50, records);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        maintain.join().unwrap();
        read.join().unwrap();
    });
}

#[test]
fn compaction_makes_no_part_that_is_larger_than_a_step_of_retention() {
    let files: Arc<dyn Files> = Arc::new(SimFiles::new());
    let options = LogStoreOptions { max_part_bytes: 200_000, ..LogStoreOptions::default() };
    let store = LogStore::open(Arc::clone(&files), Path::new("logs"), options, rules()).unwrap();
    let mut random = fastrand::Rng::with_seed(9);
    for batch in 0..40u64 {
        let records: Vec<_> = (0..200).map(|at| record(&mut random, batch as i64 * 1_000 + at)).collect();
        store.apply(batch + 1, &TenantId::default(), batch * 200, records);
        store.seal().unwrap();
        while store.compact().unwrap().merged > 0 {}
    }
    let sizes: Vec<u64> = files.list(Path::new("logs/parts")).unwrap().iter().map(|entry| entry.len).collect();
    assert!(sizes.iter().all(|bytes| *bytes <= 200_000) && sizes.len() < 40, "{sizes:?}");
    // By size whole parts go, the oldest first, and hardly more than must.
    let held: u64 = sizes.iter().sum();
    store.retain(i64::MIN, Some(held / 2)).unwrap();
    let left = store.part_stats().bytes;
    assert!(left <= held / 2 && left + 200_000 > held / 2, "{left} of {held}");
}
