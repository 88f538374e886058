//! Tails of logs beside the stores: what they tell, what they count, and where they go on.

use super::signals::start;
use clew_app::limits::{TAIL_BATCH_ROWS, TAIL_PENDING_ROWS};
use clew_app::reads::Period;
use clew_app::reads::logs::{ContextScope, LogContextQuery, LogTail, SearchLogs, TailEvent, TailLogs};
use clew_app::{App, AppError, Protocol};
use clew_codec::error::Decoded;
use clew_host::{Files, SimClock, SimFiles};
use clew_model::logs::{LogRecord, LogRow};
use clew_model::{Caller, ErrorKind, RecordId};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const NOW: i64 = 1_800_000_000_000_000_000;

async fn send(app: &App, times: impl IntoIterator<Item = i64>, text: &str) {
    let record = |time| LogRecord { time, body: text.into(), ..LogRecord::default() };
    let records: Vec<LogRecord> = times.into_iter().map(record).collect();
    let decoded = Decoded::of(records);
    let outcome = app.ingest_logs(&Caller::anonymous(), Protocol::JsonLogs, decoded).await.unwrap();
    assert_eq!(outcome.rejected, 0);
}

async fn tail(app: &Arc<App>, word: &str, after: Option<RecordId>) -> Result<LogTail, AppError> {
    app.tail_logs(&Caller::anonymous(), TailLogs { query: Some(word.to_owned()), after }).await
}

/// Reads until `rows` rows came; the rows, the size of the largest batch, and how many were counted instead.
async fn read(tail: &mut LogTail, rows: usize) -> (Vec<LogRow>, usize, u64) {
    let (mut all, mut largest, mut missed) = (Vec::new(), 0, 0);
    while all.len() < rows {
        let event =
            tokio::time::timeout(Duration::from_secs(20), tail.next()).await.expect("an event in time").unwrap();
        match event {
            TailEvent::Ready => {}
            TailEvent::Logs(rows) => {
                largest = largest.max(rows.len());
                all.extend(rows);
            }
            TailEvent::Dropped(count) => missed += count.matching + count.unchecked,
            TailEvent::Warning(warnings) => assert!(warnings.is_empty(), "{warnings:?}"),
        }
    }
    (all, largest, missed)
}

fn times(rows: &[LogRow]) -> Vec<i64> {
    rows.iter().map(|row| row.record.time - NOW).collect()
}

fn app(dir: &tempfile::TempDir) -> Arc<App> {
    start(dir.path(), &SimFiles::new(), &SimClock::new(NOW))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_tells_what_matches_in_the_order_of_arrival_and_nothing_from_before() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(&dir);
    send(&app, [NOW], "needle before").await;
    let mut tail = tail(&app, "needle", None).await.unwrap();
    assert_eq!(tail.next().await.unwrap(), TailEvent::Ready);
    send(&app, [NOW + 5, NOW + 3], "needle one").await;
    send(&app, [NOW + 4], "hay").await;
    send(&app, [NOW + 1], "needle two").await;
    let (rows, _, missed) = read(&mut tail, 3).await;
    assert_eq!((times(&rows), missed), (vec![5, 3, 1], 0));
    // The IDs are those that a search answers.
    let numbers: Vec<u64> = rows.iter().map(|row| row.id.number - rows[0].id.number).collect();
    assert_eq!(numbers, [0, 1, 3]);
    app.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_comes_in_batches_and_what_is_too_much_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(&dir);
    let mut tail = tail(&app, "x", None).await.unwrap();
    let sent = TAIL_PENDING_ROWS + 700;
    send(&app, (0..sent as i64).map(|n| NOW + n), "x").await;
    let (rows, largest, missed) = read(&mut tail, TAIL_PENDING_ROWS).await;
    assert_eq!((rows.len(), largest, missed), (TAIL_PENDING_ROWS, TAIL_BATCH_ROWS, 700));
    assert_eq!(times(&rows), (700..sent as i64).collect::<Vec<_>>());
    app.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_goes_on_after_the_last_record_that_was_seen() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(&dir);
    send(&app, [NOW, NOW + 1, NOW + 2], "seen x").await;
    let mut first = tail(&app, "x", None).await.unwrap();
    send(&app, [NOW + 10], "seen x").await;
    let last = read(&mut first, 1).await.0[0].id;
    drop(first);
    // One of these is older than the last seen, though it came later.
    send(&app, [NOW + 11, NOW - 5], "x").await;
    send(&app, [NOW + 12], "y").await;
    let mut second = tail(&app, "x", Some(last)).await.unwrap();
    send(&app, [NOW + 13], "x").await;
    let (rows, _, missed) = read(&mut second, 3).await;
    assert_eq!((times(&rows), missed), (vec![11, -5, 13], 0));
    app.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_goes_on_after_a_record_of_the_future_and_with_one_that_comes_late() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(&dir);
    let minute = 60_000_000_000;
    let mut first = tail(&app, "x", None).await.unwrap();
    send(&app, [NOW + 5 * minute], "x").await;
    let last = read(&mut first, 1).await.0[0].id;
    drop(first);
    send(&app, [NOW], "x").await;
    send(&app, [NOW - 120 * minute], "x").await;
    let mut second = tail(&app, "x", Some(last)).await.unwrap();
    let (rows, _, missed) = read(&mut second, 2).await;
    assert_eq!((times(&rows), missed), (vec![0, -120 * minute], 0));
    app.stop();
}

/// Turns a bit in the middle of each part of the logs.
fn damage_parts(files: &SimFiles, dir: &Path) {
    let parts = dir.join("logs/store/parts");
    for entry in files.list(&parts).unwrap() {
        let path = parts.join(entry.name);
        let mut bytes = files.open(&path).unwrap().read_at(0, usize::MAX >> 1).unwrap();
        bytes[20] ^= 0x10;
        files.create(&path).unwrap().write_all(&bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_damage_hides_is_said_and_not_taken_for_absent() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start(dir.path(), &files, &clock);
    send(&app, [NOW, NOW + 1], "x").await;
    assert!(app.logs().maintenance().seal_now());
    damage_parts(&files, dir.path());
    let first = RecordId { time: NOW, number: 0 };
    let mut resumed = tail(&app, "x", Some(first)).await.unwrap();
    assert_eq!(resumed.next().await.unwrap(), TailEvent::Ready);
    let warned = resumed.next().await.unwrap();
    assert!(
        matches!(&warned, TailEvent::Warning(list) if list.iter().any(|text| text.contains("damaged"))),
        "{warned:?}"
    );
    let ask = |id| {
        let question = LogContextQuery { id, before: Some(1), after: Some(1), scope: ContextScope::All };
        let app = Arc::clone(&app);
        async move { app.ask(&Caller::anonymous(), question).await }
    };
    assert_eq!(ask(first).await.unwrap_err().kind(), ErrorKind::Corrupt);
    // Where nothing is damaged, what is not found is not there.
    assert_eq!(ask(RecordId { time: NOW - 1, number: 0 }).await.unwrap(), None);
    app.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_that_resumes_too_far_back_counts_what_it_leaves_out() {
    let dir = tempfile::tempdir().unwrap();
    let app = app(&dir);
    let sent = TAIL_PENDING_ROWS as i64 + 300;
    send(&app, (0..=sent).map(|n| NOW + n), "x").await;
    // The first record is the one that was seen last.
    let seen = RecordId { time: NOW, number: 0 };
    let period = Period { start: Some(NOW), end: Some(NOW) };
    let question = SearchLogs { period, limit: Some(1), ..SearchLogs::default() };
    let all = app.ask(&Caller::anonymous(), question).await.unwrap().rows;
    let mut tail = tail(&app, "x", Some(RecordId { number: all[0].id.number, ..seen })).await.unwrap();
    let (rows, _, missed) = read(&mut tail, TAIL_PENDING_ROWS).await;
    assert_eq!(missed, 300);
    assert_eq!(times(&rows), (301..=sent).collect::<Vec<_>>());
    app.stop();
}
