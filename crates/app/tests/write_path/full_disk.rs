//! A full disk: what is stored is served, by a start on it too; nothing is taken until there is room, and then by itself.

use super::signals::{NOW, counts, send_log, send_metrics, send_span, start};
use super::slow_queries::Lines;
use clew_app::Protocol;
use clew_codec::error::Decoded;
use clew_host::{SimClock, SimFiles};
use clew_model::logs::LogRecord;
use clew_model::metrics::MetricBatch;
use clew_model::{Caller, ErrorKind};
use clew_telemetry::table;
use std::time::Duration;

fn one_log() -> Decoded<Vec<LogRecord>> {
    Decoded::of(vec![LogRecord { time: NOW, body: "hello".into(), ..LogRecord::default() }])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_full_disk_serves_what_is_stored_and_takes_what_comes_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start(dir.path(), &files, &clock);
    // One of each is sealed, one is in the journal alone.
    for _ in 0..2 {
        send_log(&app, NOW).await;
        send_span(&app, NOW).await;
        assert!(app.logs().maintenance().seal_now() && app.traces().maintenance().seal_now());
    }
    assert_eq!(send_log(&app, NOW).await, (1, 0));
    let before = counts(&app).await;
    assert_eq!(before.1, 3);
    app.stop();
    drop(app);
    files.set_capacity(Some(0));
    for _ in 0..2 {
        let app = start(dir.path(), &files, &clock);
        assert_eq!(counts(&app).await, before);
        assert!(app.is_disk_full() && app.failed_signals().is_empty());
        for _ in 0..3 {
            let refused = app.ingest_logs(&Caller::anonymous(), Protocol::JsonLogs, one_log()).await;
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::StorageFull);
        }
        assert!(!app.logs().maintenance().seal_now(), "there is no room for a part");
        assert_eq!(app.observer().registry().counter(&table::STORE_SEAL_FAILURES, ["logs"]).get(), 1);
        assert_eq!(counts(&app).await, before);
        app.stop();
    }
    let app = start(dir.path(), &files, &clock);
    assert!(app.is_disk_full());
    files.set_capacity(None);
    assert!(!app.is_disk_full());
    assert_eq!(send_log(&app, NOW).await, (1, 0));
    assert_eq!(send_metrics(&app, MetricBatch::default()).await.unwrap(), (0, 0));
    assert!(app.logs().maintenance().seal_now());
    assert_eq!(counts(&app).await, (before.0, before.1 + 1, before.2));
    app.stop();
    drop(app);
    let app = start(dir.path(), &files, &clock);
    assert_eq!(counts(&app).await, (before.0, before.1 + 1, before.2));
    app.stop();
}

#[tokio::test]
async fn refusals_are_told_once_a_minute_with_their_count() {
    let lines = Lines::default();
    let _guard = lines.install();
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start(dir.path(), &files, &clock);
    files.set_capacity(Some(0));
    let caller = Caller::anonymous();
    let send = || app.ingest_logs(&caller, Protocol::JsonLogs, one_log());
    for _ in 0..50 {
        assert!(send().await.is_err());
    }
    let counts = || -> Vec<u64> {
        let all = lines.all();
        all.iter()
            .filter(|line| line["message"].as_str().is_some_and(|text| text.contains("requests are refused")))
            .map(|line| line["count"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(counts(), [1]);
    clock.advance(Duration::from_secs(61));
    assert!(send().await.is_err());
    assert_eq!(counts(), [1, 50]);
    files.set_capacity(None);
    assert!(send().await.is_ok());
    let again = lines.all();
    assert!(again.iter().any(|line| line["refused"] == 51), "{again:?}");
    app.stop();
}
