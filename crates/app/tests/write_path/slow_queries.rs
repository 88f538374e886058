//! The log of slow queries: which are told, and what of them.

use super::signals::{NOW, start_with};
use crate::Whole;
use clew_app::reads::logs::SearchLogs;
use clew_app::reads::{About, Plan};
use clew_app::{App, Protocol};
use clew_codec::error::Decoded;
use clew_host::{SimClock, SimFiles};
use clew_model::Caller;
use clew_model::logs::LogRecord;
use serde_json::Value;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

/// A subscriber that hears nothing. While there is one alone, a line that another thread comes to first is off for ever where
/// that thread has none: tracing asks the thread's own.
static SECOND: LazyLock<tracing::Dispatch> =
    LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish()));

/// What was written to the log, a JSON object a line.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    pub(crate) fn install(&self) -> tracing::subscriber::DefaultGuard {
        LazyLock::force(&SECOND);
        let lines = self.clone();
        let subscriber = tracing_subscriber::fmt().json().flatten_event(true).with_writer(move || lines.clone());
        tracing::subscriber::set_default(subscriber.finish())
    }

    pub(crate) fn all(&self) -> Vec<Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect()
    }

    fn told(&self) -> Vec<Value> {
        self.all().into_iter().filter(|line| line["target"] == "slow_query").collect()
    }
}

/// A server with one log record, which tells queries that take so long.
async fn server(slow: Option<Duration>) -> (tempfile::TempDir, Arc<App>) {
    let dir = tempfile::tempdir().unwrap();
    let app = start_with(dir.path(), &SimFiles::new(), &SimClock::new(NOW), |options| options.queries.slow = slow);
    let record = LogRecord { time: NOW, body: "hello".into(), ..LogRecord::default() };
    let decoded = Decoded::of(vec![record]);
    app.ingest_logs(&Caller::anonymous(), Protocol::JsonLogs, decoded).await.unwrap();
    (dir, app)
}

async fn search(app: &Arc<App>, query: &str) {
    let question = SearchLogs { query: Some(query.to_owned()), ..SearchLogs::default() };
    let _ = app.ask(&Caller::server("test"), question).await;
}

#[tokio::test]
async fn a_slow_query_is_told_with_its_text_its_asker_and_what_it_took() {
    let lines = Lines::default();
    let _guard = lines.install();
    let (_dir, app) = server(Some(Duration::ZERO)).await;
    search(&app, "hello").await;
    let told = lines.told();
    assert_eq!(told.len(), 1, "{told:?}");
    let line = &told[0];
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    assert_eq!((text("question"), text("language"), text("query")), ("logs".into(), "search".into(), "hello".into()));
    assert_eq!((text("caller"), text("tenant"), text("outcome")), ("clew:test".into(), "default".into(), "ok".into()));
    assert_eq!(line["rows"], 1);
    assert!(line["bytes"].as_u64() > Some(0) && line["seconds"].as_f64() > Some(0.0), "{line}");
    app.stop();
}

#[tokio::test]
async fn only_what_takes_long_enough_is_told() {
    let lines = Lines::default();
    let _guard = lines.install();
    let least = Duration::from_millis(200);
    for slow in [Some(Duration::from_secs(3600)), None] {
        let (_dir, app) = server(slow).await;
        search(&app, "hello").await;
        app.stop();
    }
    assert_eq!(lines.told(), Vec::<Value>::new());
    let (_dir, app) = server(Some(least)).await;
    let sleepy = Plan::new(About::new("sleepy"), move |_, _| {
        std::thread::sleep(least);
        Ok(Whole(()))
    });
    app.ask(&Caller::anonymous(), sleepy).await.unwrap();
    search(&app, "hello").await;
    let told = lines.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["question"], "sleepy");
    app.stop();
}

#[tokio::test]
async fn a_query_whose_asker_went_away_is_told_and_counted_as_cancelled() {
    let lines = Lines::default();
    let _guard = lines.install();
    let (_dir, app) = server(Some(Duration::ZERO)).await;
    let endless: Plan<Whole<()>> = Plan::new(About::new("endless").text("test", "x".repeat(10_000)), |context, _| {
        loop {
            context.check()?;
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let caller = Caller::anonymous();
    let asked = app.ask(&caller, endless);
    assert!(tokio::time::timeout(Duration::from_millis(50), asked).await.is_err());
    let told = lines.told();
    assert_eq!((told.len(), &told[0]["outcome"]), (1, &Value::from("cancelled")));
    assert_eq!(told[0]["query"].as_str().unwrap().len(), 4096);
    let counted = app.observer().registry().render(clew_telemetry::Format::from_accept(""));
    assert!(counted.contains("clew_queries_total{api=\"endless\",outcome=\"cancelled\"} 1\n"), "{counted}");
    app.stop();
}
