//! Logs far out of the ordinary: keys that never repeat, lines of megabytes. They cost time and space in proportion.

#![allow(clippy::unwrap_used)]

use clew_host::{DiskFiles, Fault, Files, Operation, SimFiles};
use clew_logstore::{LogStore, LogStoreOptions};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{FieldTest, LogFilter, LogPage, LogQuery, LogReader, LogRecord, Order, TextTest};
use clew_model::{Attribute, Context, TenantId, TimeRange, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn store(dir: &std::path::Path) -> LogStore {
    let rules = Arc::new(CorrelationRules::new(["task_id"], []));
    LogStore::open(Arc::new(DiskFiles), dir, LogStoreOptions::default(), rules).unwrap()
}

fn search(store: &LogStore, query: &LogQuery) -> LogPage {
    let context = Context::new(Duration::from_secs(60), 1 << 30);
    clew_query::logs::sinks::search(&context, &*store.view(&context), query).unwrap()
}

fn found(store: &LogStore, filter: LogFilter) -> usize {
    let query = LogQuery { filter, range: TimeRange::ALL, order: Order::Descending, limit: 10, after: None };
    search(store, &query).rows.len()
}

/// Feeds records of which record `i` has the keys `i * keys .. (i + 1) * keys`, and asks for one of them before and
/// after sealing.
fn check_keys(records: usize, keys: usize, most: Duration) {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let started = Instant::now();
    for (position, start) in (1u64..).zip((0..records).step_by(1000)) {
        let record = |i: usize| LogRecord {
            time: i as i64,
            body: Value::from("an ordinary message"),
            attributes: (i * keys..(i + 1) * keys).map(|key| Attribute::new(format!("key{key}"), key as i64)).collect(),
            ..LogRecord::default()
        };
        let batch: Vec<LogRecord> = (start..records.min(start + 1000)).map(record).collect();
        store.apply(position, &TenantId::default(), start as u64, batch);
    }
    let middle = records * keys / 2;
    let ask = || {
        let field = |test| LogFilter::Field { name: format!("key{middle}"), test };
        assert_eq!(found(&store, field(FieldTest::Exists)), 1);
        assert_eq!(found(&store, field(FieldTest::Is(middle.to_string()))), 1);
        assert_eq!(found(&store, LogFilter::AnyText(TextTest::words(&format!("{}", records * keys - 1)))), 1);
        assert_eq!(found(&store, LogFilter::AnyText(TextTest::words("nowhere"))), 0);
    };
    ask();
    store.seal().unwrap();
    ask();
    assert!(started.elapsed() < most, "{:?}", started.elapsed());
}

/// Files below `dir` that this process has open, as the kernel says.
fn open_below(dir: &std::path::Path) -> usize {
    let names = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| entry.ok());
    names.filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|file| file.starts_with(dir))).count()
}

#[test]
#[cfg(target_os = "linux")]
fn many_parts_are_read_with_few_files_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().canonicalize().unwrap();
    let rules = Arc::new(CorrelationRules::new(["task_id"], []));
    let options = LogStoreOptions { open_part_files: 3, page_cache_bytes: 0, ..LogStoreOptions::default() };
    let store = LogStore::open(Arc::new(DiskFiles), &path, options, rules).unwrap();
    for day in 0..12 {
        let record =
            LogRecord { time: day * 86_400_000_000_000, body: format!("day {day}").into(), ..LogRecord::default() };
        store.apply(day as u64 + 1, &TenantId::default(), day as u64, vec![record]);
        store.seal().unwrap();
    }
    assert_eq!(store.part_stats().parts, 12);
    for day in (0..12).chain(0..12) {
        assert_eq!(found(&store, LogFilter::AnyText(TextTest::words(&format!("day {day}")))), 1);
        assert!(open_below(&path) <= 3, "{} files are open", open_below(&path));
    }
    assert_eq!(open_below(&path), 3);
    // A part that goes takes its open file along.
    store.retain(12 * 86_400_000_000_000, None).unwrap();
    assert_eq!((store.part_stats().parts, open_below(&path)), (0, 0));
}

#[test]
fn a_hundred_thousand_records_with_a_key_each() {
    check_keys(100_000, 1, Duration::from_secs(60));
}

#[test]
fn records_with_two_thousand_keys_each() {
    check_keys(100, 2_000, Duration::from_secs(60));
}

#[test]
fn lines_of_megabytes_survive_sealing_and_merging() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let mut random = fastrand::Rng::with_seed(3);
    let line = |random: &mut fastrand::Rng, bytes| -> String { (0..bytes).map(|_| random.alphanumeric()).collect() };
    let mut lines = Vec::new();
    for seal in 0..4u64 {
        for place in 0..4 {
            let number = seal * 4 + place;
            let text = line(&mut random, if number == 5 { 10 << 20 } else { 1 << 20 });
            // Parts overlap in time, so that merging holds rows of all of them.
            let time = (place * 4 + seal) as i64;
            let record = LogRecord { time, body: Value::from(text.as_str()), ..LogRecord::default() };
            store.apply(number + 1, &TenantId::default(), number, vec![record]);
            lines.push((time, text));
        }
        store.seal().unwrap();
    }
    assert_eq!(store.compact().unwrap().merged, 4);
    lines.sort_unstable();
    let query =
        LogQuery { filter: LogFilter::All, range: TimeRange::ALL, order: Order::Ascending, limit: 100, after: None };
    let page = search(&store, &query);
    assert_eq!(page.warnings, Vec::<String>::new());
    let read = page.rows.into_iter().map(|row| (row.record.time, row.record.body.display_text().into_owned()));
    assert!(read.eq(lines), "what was read is not what was written");
}

#[test]
fn attempts_to_seal_on_a_full_disk_leave_no_files() {
    let files = Arc::new(SimFiles::new());
    let rules = Arc::new(CorrelationRules::new(["task_id"], []));
    let dir = std::path::Path::new("/logs");
    let store = LogStore::open(files.clone(), dir, LogStoreOptions::default(), rules).unwrap();
    store.apply(1, &TenantId::default(), 0, vec![LogRecord::default()]);
    for _ in 0..3 {
        files.fail_next(Operation::Write, Fault::OutOfSpace);
        store.seal().unwrap_err();
        assert_eq!(files.list(&dir.join("parts")).unwrap().len(), 0);
    }
    store.seal().unwrap();
    assert_eq!(files.list(&dir.join("parts")).unwrap().len(), 1);
    assert_eq!(found(&store, LogFilter::All), 1);
}
