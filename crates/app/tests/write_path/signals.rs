//! The real stores behind their write paths, as a server runs them.

use crate::Whole;
use clew_app::memory::MemoryShares;
use clew_app::reads::{About, Plan, QueryLimits};
use clew_app::signal::Retention;
use clew_app::signal::SignalStore as _;
use clew_app::{App, AppOptions, Protocol, SignalOptions};
use clew_codec::error::Decoded;
use clew_host::{SeededRandom, SimClock, SimFiles};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{LogFilter, LogQuery, LogRecord, Order};
use clew_model::metrics::{Exemplar, Labels, Metadata, MetricBatch, Sample};
use clew_model::traces::{Span, SpanKind};
use clew_model::{Caller, SpanId, TimeRange, TraceId};
use clew_telemetry::{BuildInfo, Registry, table};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const NOW: i64 = 1_800_000_000_000_000_000;
const DAY: i64 = 86_400_000_000_000;

pub(crate) fn start(dir: &Path, files: &SimFiles, clock: &SimClock) -> Arc<App> {
    start_with(dir, files, clock, |_| {})
}

pub(crate) fn start_with(
    dir: &Path,
    files: &SimFiles,
    clock: &SimClock,
    change: impl FnOnce(&mut AppOptions),
) -> Arc<App> {
    let signal = SignalOptions {
        retention: Retention { age: Some(30 * DAY), bytes: None },
        floor: None,
        seal_bytes: 1 << 20,
        seal_age: Duration::from_secs(3600),
    };
    let mut options = AppOptions {
        data_dir: dir.to_owned(),
        max_bytes: None,
        max_series: 100_000,
        query_series: None,
        query_samples: None,
        logs: signal,
        metrics: signal,
        traces: signal,
        rules: Arc::new(CorrelationRules::default()),
        queries: QueryLimits { concurrent: 2, timeout: Duration::from_secs(10), memory: 64 << 20, slow: None },
        memory: MemoryShares::of(2 << 30),
        keeps_reserve: false,
        span_metrics: true,
        tenants: None,
    };
    change(&mut options);
    let registry = Arc::new(Registry::new(BuildInfo { version: "0", revision: "0" }));
    let random = Arc::new(SeededRandom::new(1));
    App::start(options, Arc::new(files.clone()), Arc::new(clock.clone()), random, registry).expect("a start")
}

fn decoded<T>(records: T) -> Decoded<T> {
    Decoded::of(records)
}

fn batch(name: &str, millis: i64, series: usize) -> MetricBatch {
    let labels = |n: usize| Labels::new([("__name__", name), ("n", &n.to_string())]).unwrap();
    MetricBatch {
        series: (0..series).map(labels).collect(),
        samples: (0..series).map(|n| Sample { series: n as u32, time: millis, value: n as f64 }).collect(),
        ..MetricBatch::default()
    }
}

pub(crate) async fn send_metrics(app: &App, batch: MetricBatch) -> Result<(u64, u64), clew_app::AppError> {
    let outcome = app.ingest_metrics(&Caller::anonymous(), Protocol::OtlpHttp, decoded(batch)).await?;
    Ok((outcome.accepted, outcome.rejected))
}

pub(crate) async fn send_log(app: &App, time: i64) -> (u64, u64) {
    let record = LogRecord { time, body: "hello".into(), ..LogRecord::default() };
    let outcome = app.ingest_logs(&Caller::anonymous(), Protocol::JsonLogs, decoded(vec![record])).await.unwrap();
    (outcome.accepted, outcome.rejected)
}

pub(crate) async fn send_span(app: &App, start: i64) -> (u64, u64) {
    let new = Span::new(TraceId([7; 16]), SpanId(start.to_be_bytes()));
    let span = Span { kind: SpanKind::Server, start, end: start + 1, ..new };
    let outcome = app.ingest_traces(&Caller::anonymous(), Protocol::OtlpHttp, decoded(vec![span])).await.unwrap();
    (outcome.accepted, outcome.rejected)
}

/// Samples, log records and spans that can be read.
pub(crate) async fn counts(app: &Arc<App>) -> (usize, usize, usize) {
    let plan = Plan::new(About::new("test"), |context, stores| {
        let samples = clew_query::metrics::samples(context, &*stores.metrics.view(context), &[], TimeRange::ALL)?;
        let samples = samples.iter().map(|series| series.times.len()).sum();
        let query = LogQuery {
            filter: LogFilter::All,
            range: TimeRange::ALL,
            order: Order::Ascending,
            limit: 10_000,
            after: None,
        };
        let logs = clew_query::logs::sinks::search(context, &*stores.logs.view(context), &query)?.rows.len();
        let view = stores.traces.view(context);
        let trace = clew_query::traces::trace(context, &*view, TraceId([7; 16]))?;
        Ok(Whole((samples, logs, trace.spans.len())))
    });
    app.ask(&Caller::anonymous(), plan).await.unwrap().0
}

/// Runs what is due: the threads look at the clock when they are called.
fn keep(app: &App) {
    assert!(app.logs().maintenance().seal_now());
    app.logs().maintenance().tidy_now();
    assert!(app.metrics().maintenance().seal_now());
    app.metrics().maintenance().tidy_now();
    assert!(app.traces().maintenance().seal_now());
    app.traces().maintenance().tidy_now();
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_removes_what_is_old_in_every_signal_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start(dir.path(), &files, &clock);
    for age in [29 * DAY, 0] {
        assert_eq!(send_metrics(&app, batch("m", (NOW - age) / 1_000_000, 3)).await.unwrap(), (3, 0));
        assert_eq!(send_log(&app, NOW - age).await, (1, 0));
        assert_eq!(send_span(&app, NOW - age).await, (1, 0));
    }
    keep(&app);
    assert_eq!(counts(&app).await, (6, 2, 2));
    clock.advance(Duration::from_secs(3 * 86_400));
    keep(&app);
    assert_eq!(counts(&app).await, (3, 1, 1));
    let registry = app.observer().registry();
    for signal in ["logs", "metrics", "traces"] {
        assert!(registry.counter(&table::RETENTION_DELETED_PARTS, [signal, "retention"]).get() >= 1, "{signal}");
        assert!(registry.counter(&table::RETENTION_DELETED_BYTES, [signal, "retention"]).get() > 100, "{signal}");
    }
    let removed = NOW - 29 * DAY;
    assert_eq!(send_metrics(&app, batch("m", removed / 1_000_000, 3)).await.unwrap(), (0, 3));
    assert_eq!(send_log(&app, removed).await, (0, 1));
    assert_eq!(send_span(&app, removed).await, (0, 1));
    app.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn churn_is_refused_at_the_limit_of_series_while_known_series_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start_with(dir.path(), &files, &clock, |options| options.max_series = 1_000);
    let millis = NOW / 1_000_000;
    assert_eq!(send_metrics(&app, batch("m", millis, 990)).await.unwrap(), (990, 0));
    let outcome =
        app.ingest_metrics(&Caller::anonymous(), Protocol::OtlpHttp, decoded(batch("churn", millis, 25))).await;
    let outcome = outcome.unwrap();
    assert_eq!((outcome.accepted, outcome.rejected), (10, 15));
    assert!(outcome.message().contains("1000 active series (limits.series)"), "{}", outcome.message());
    assert_eq!(outcome.rejections[0].index, 10);
    assert_eq!(send_metrics(&app, batch("m", millis + 1, 990)).await.unwrap(), (990, 0));
    let text = app.observer().registry().render(clew_telemetry::Format::from_accept(""));
    assert!(text.contains("clew_store_active_series 1000\n"), "{text}");
    assert!(text.contains("clew_limit_hits_total{limit=\"series\"} 1\n"), "{text}");
    assert_eq!(counts(&app).await.0, 990 * 2 + 10);
    app.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_beyond_what_it_may_read_is_refused_by_the_name_of_its_limit() {
    for (series, samples, key) in [(5, 1_000, "limits.query_series"), (1_000, 5, "limits.query_samples")] {
        let dir = tempfile::tempdir().unwrap();
        let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
        let app = start_with(dir.path(), &files, &clock, |options| {
            options.query_series = Some(series);
            options.query_samples = Some(samples);
        });
        assert_eq!(send_metrics(&app, batch("m", NOW / 1_000_000, 10)).await.unwrap(), (10, 0));
        let all = Plan::new(About::new("test"), |context, stores| {
            Ok(Whole(clew_query::metrics::samples(context, &*stores.metrics.view(context), &[], TimeRange::ALL)?))
        });
        let error = app.ask(&Caller::anonymous(), all).await.err().unwrap();
        assert_eq!(error.kind(), clew_model::ErrorKind::LimitExceeded);
        assert!(error.to_string().contains(key), "{error}");
        let text = app.observer().registry().render(clew_telemetry::Format::from_accept(""));
        let counted = format!("clew_limit_hits_total{{limit=\"{}\"}} 1\n", key.trim_start_matches("limits."));
        assert!(text.contains(&counted), "{text}");
        app.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn series_refused_for_their_labels_take_no_room_from_others() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start_with(dir.path(), &files, &clock, |options| options.max_series = 100);
    let millis = NOW / 1_000_000;
    let mut sent = batch("m", millis, 150);
    // The first 50 have a label value beyond 64 KiB; the other 100 are as many as the limit allows.
    let wide = |n: usize| Labels::new([("__name__", "wide"), ("n", &"x".repeat(65_537 + n))]).unwrap();
    sent.series = sent.series.iter().enumerate().map(|(n, labels)| if n < 50 { wide(n) } else { labels }).collect();
    assert_eq!(send_metrics(&app, sent).await.unwrap(), (100, 50));
    let text = app.observer().registry().render(clew_telemetry::Format::from_accept(""));
    assert!(!text.contains("clew_limit_hits_total{limit=\"series\"} 1\n"), "{text}");
    app.stop();
}

/// Lets time pass until nothing is unsealed, for as long as a slow machine may need.
fn pass_time_until_sealed(app: &App, clock: &SimClock, seal_age: Duration) -> bool {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while std::time::Instant::now() < deadline {
        // The keeper may hear of the records only after their sender does: their age counts from then.
        clock.advance(seal_age);
        if !app.metrics().store().hot().needs_seal {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_metadata_and_repeated_samples_alone_are_sealed_by_age() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    // The keeper sleeps so long by the real clock before it looks at the simulated one again.
    let seal_age = Duration::from_millis(20);
    let app = start_with(dir.path(), &files, &clock, |options| options.metrics.seal_age = seal_age);
    let millis = NOW / 1_000_000;
    let series = [Labels::new([("__name__", "m"), ("n", "0")]).unwrap()].into();
    let labels = Labels::new([("trace_id", "00000000000000000000000000000007")]).unwrap();
    let exemplars = vec![Exemplar { series: 0, time: millis, value: 1.0, labels }];
    let metadata = Metadata { metric: "m".into(), help: "what m is".into(), ..Metadata::default() };
    let batches = [
        MetricBatch { series, exemplars, ..MetricBatch::default() },
        MetricBatch { metadata: vec![metadata], ..MetricBatch::default() },
        batch("m", millis, 1),
        batch("m", millis, 1),
    ];
    for (number, batch) in batches.into_iter().enumerate() {
        let before = app.metrics().store().sealed_position();
        let samples = batch.samples.len() as u64;
        send_metrics(&app, batch).await.unwrap();
        let hot = app.metrics().store().hot();
        // A frame without samples calls for a seal, but counts as no record; nor does a sample that is repeated.
        assert!(hot.needs_seal && hot.records <= samples, "batch {number}: {hot:?}");
        assert_eq!(app.metrics().store().sealed_position(), before, "batch {number} is too young");
        assert!(pass_time_until_sealed(&app, &clock, seal_age), "batch {number} is never sealed");
        assert!(app.metrics().store().sealed_position() > before, "batch {number}");
    }
    app.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_ahead_removes_nothing_at_once_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start(dir.path(), &files, &clock);
    send_metrics(&app, batch("m", NOW / 1_000_000, 3)).await.unwrap();
    send_log(&app, NOW).await;
    send_span(&app, NOW).await;
    clock.set(NOW + 3650 * DAY);
    clock.advance(Duration::from_secs(301));
    keep(&app);
    clock.advance(Duration::from_secs(301));
    keep(&app);
    assert_eq!(counts(&app).await, (3, 1, 1));
    app.stop();
    drop(app);
    let again = start(dir.path(), &files, &clock);
    keep(&again);
    clock.set(NOW);
    clock.advance(Duration::from_secs(301));
    keep(&again);
    assert_eq!(counts(&again).await, (3, 1, 1));
    again.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_under_a_clock_that_is_ahead_removes_nothing_for_a_day_and_takes_what_is_of_the_right_time() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start(dir.path(), &files, &clock);
    send_metrics(&app, batch("m", NOW / 1_000_000, 3)).await.unwrap();
    send_log(&app, NOW).await;
    send_span(&app, NOW).await;
    for sealed in [
        app.logs().maintenance().seal_now(),
        app.metrics().maintenance().seal_now(),
        app.traces().maintenance().seal_now(),
    ] {
        assert!(sealed);
    }
    app.stop();
    drop(app);
    let clock = SimClock::new(NOW + 60 * DAY);
    for _ in 0..2 {
        let app = start(dir.path(), &files, &clock);
        assert!(app.clock_doubt().is_some_and(|doubt| doubt.ahead >= 59 * DAY));
        clock.advance(Duration::from_secs(10 * 3600));
        keep(&app);
        // Senders with clocks that are right are not refused.
        assert_eq!(send_log(&app, NOW).await, (1, 0));
        assert_eq!(app.metrics().store().on_disk().records, 3);
        app.stop();
    }
    let app = start(dir.path(), &files, &clock);
    clock.advance(Duration::from_secs(5 * 3600));
    keep(&app);
    assert_eq!(app.clock_doubt(), None);
    assert_eq!(counts(&app).await, (0, 0, 0));
    app.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn records_older_than_what_is_removed_are_refused_and_not_lost_in_silence() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start(dir.path(), &files, &clock);
    // A clock that is 60 days ahead, of which somebody said that it is right.
    clock.set(NOW + 60 * DAY);
    clock.advance(Duration::from_secs(301));
    keep(&app);
    app.trust_clock();
    clock.advance(Duration::from_secs(301));
    keep(&app);
    clock.set(NOW);
    assert_eq!(send_metrics(&app, batch("m", NOW / 1_000_000, 3)).await.unwrap(), (0, 3));
    assert_eq!(send_log(&app, NOW).await, (0, 1));
    assert_eq!(send_span(&app, NOW).await, (0, 1));
    app.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_taken_after_a_full_disk_are_replayed() {
    let dir = tempfile::tempdir().unwrap();
    let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
    let app = start(dir.path(), &files, &clock);
    files.set_capacity(Some(8 << 10));
    assert!(send_metrics(&app, batch("big", NOW / 1_000_000, 20_000)).await.is_err());
    files.set_capacity(None);
    assert_eq!(send_metrics(&app, batch("big", NOW / 1_000_000, 3)).await.unwrap(), (3, 0));
    app.stop();
    drop(app);
    let again = start(dir.path(), &files.crash(1), &clock);
    assert_eq!(counts(&again).await, (3, 0, 0));
    again.stop();
}
