//! A data directory, and what is served of it before and after the harm.

use crate::harm::Harm;
use clew_app::reads::{About, Plan, QueryLimits, Warned};
use clew_app::signal::Retention;
use clew_app::{App, AppOptions, Protocol, SignalOptions};
use clew_codec::error::Decoded;
use clew_host::{Clock, DiskFiles, Files, SeededRandom, SimClock, SimFiles};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{LogFilter, LogQuery, LogRecord, Order};
use clew_model::metrics::{Labels, MetricBatch, Sample};
use clew_model::traces::Span;
use clew_model::{Caller, SetAside, SpanId, TimeRange, TraceId, Value};
use clew_telemetry::{BuildInfo, Registry};
use fastrand::Rng;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

const NOW: i64 = 1_800_000_000_000_000_000;
const DAY: i64 = 86_400_000_000_000;
const MILLI: i64 = 1_000_000;

/// Requests of each signal.
const REQUESTS: u64 = 10;
/// Records of a request.
const RECORDS: u64 = 40;
const SERIES: u64 = 8;

/// One seed.
pub(crate) struct World {
    seed: u64,
    rng: Rng,
    files: Arc<dyn Files>,
    dir: PathBuf,
    clock: SimClock,
    /// The real folder, removed at the end.
    _folder: Option<tempfile::TempDir>,
}

/// What a seed met.
pub(crate) struct Trial {
    pub harm: String,
    pub lost: u64,
    pub served: u64,
}

/// What is served: the numbers of the records of each signal, each once.
#[derive(Debug, Default, PartialEq)]
struct Served {
    records: [BTreeMap<u64, u64>; 3],
    warnings: [Vec<String>; 3],
}

struct One<T>(T, Vec<String>);

impl<T> Warned for One<T> {
    fn warn(&mut self, mut warnings: Vec<String>) {
        self.1.append(&mut warnings);
    }
}

impl World {
    pub(crate) fn new(seed: u64, is_real: bool) -> Self {
        let folder = is_real.then(|| tempfile::tempdir().unwrap());
        let dir = folder.as_ref().map_or_else(|| PathBuf::from("/data"), |folder| folder.path().join("data"));
        let files: Arc<dyn Files> = if is_real { Arc::new(DiskFiles) } else { Arc::new(SimFiles::new()) };
        Self { seed, rng: Rng::with_seed(seed), files, dir, clock: SimClock::new(NOW), _folder: folder }
    }

    /// Fills the directory, does the harm, starts on what is left.
    pub(crate) async fn go_through(mut self) -> Trial {
        let app = self.start().unwrap();
        for round in 0..REQUESTS {
            self.send(&app, round).await;
            // What comes last is in the journals alone.
            if round < REQUESTS - 3 && self.rng.u8(..3) > 0 {
                seal(&app).await;
            }
        }
        let before = serve(&app).await;
        stop(app).await;
        let all: u64 = REQUESTS * RECORDS;
        assert!(before.records.iter().all(|records| records.len() as u64 == all), "seed {}", self.seed);

        let harm = Harm::of(&mut self.rng, &*self.files, &self.dir);
        let told = format!("seed {}, {}", self.seed, harm.name);
        let app = self.start().unwrap_or_else(|error| panic!("{told}: the start failed: {}", error.full_message()));
        let after = serve(&app).await;
        let lost = self.check(&app, &told, &harm, &before, &after);

        // Clew goes on: what comes now is taken, sealed and served beside the rest, by the next start too.
        self.send(&app, REQUESTS).await;
        seal(&app).await;
        let more = serve(&app).await;
        stop(app).await;
        let app = self.start().unwrap_or_else(|error| panic!("{told}: the second start: {}", error.full_message()));
        let again = serve(&app).await;
        stop(app).await;
        for signal in 0..3 {
            let expected = after.records[signal].len() as u64 + RECORDS;
            assert_eq!(more.records[signal].len() as u64, expected, "{told}: signal {signal} does not go on");
            assert_eq!(again.records[signal], more.records[signal], "{told}: signal {signal} after another start");
        }
        let served = after.records.iter().map(|records| records.len() as u64).sum();
        Trial { harm: harm.name, lost, served }
    }

    /// Checks what is served after the harm; answers how many records are lost.
    fn check(&self, app: &App, told: &str, harm: &Harm, before: &Served, after: &Served) -> u64 {
        let status = app.status();
        let mut lost = 0;
        for signal in 0..3 {
            let (was, is) = (&before.records[signal], &after.records[signal]);
            for (number, times) in is {
                assert!(was.contains_key(number), "{told}: record {number} of signal {signal} was never sent");
                assert_eq!(*times, 1, "{told}: record {number} of signal {signal} is served {times} times");
            }
            let missing = (was.len() - is.len()) as u64;
            lost += missing;
            let aside = &status.signals[signal].set_aside;
            if !harm.signals.contains(&signal) {
                assert_eq!(missing, 0, "{told}: signal {signal} was not harmed: {aside:?}");
            }
            if missing > 0 {
                let said = said(aside);
                assert!(
                    said.is_none_or(|said| said >= missing),
                    "{told}: {missing} are lost, {said:?} are said: {aside:?}"
                );
                assert!(
                    !after.warnings[signal].is_empty(),
                    "{told}: signal {signal} answers without a word: {aside:?}"
                );
                assert!(!status.signals[signal].failed, "{told}: signal {signal} is closed");
            }
        }
        lost
    }

    async fn send(&mut self, app: &App, round: u64) {
        let (caller, protocol) = (&Caller::anonymous(), Protocol::OtlpHttp);
        let numbers = || round * RECORDS..(round + 1) * RECORDS;
        // Most requests are of one day.
        let day = self.rng.i64(1..4);
        let time = |number: u64| NOW - day * DAY + number as i64 * MILLI;
        let log = |number: u64| LogRecord {
            time: time(number),
            body: format!("record {number} of many").as_str().into(),
            ..LogRecord::default()
        };
        let logs = app.ingest_logs(caller, protocol, Decoded::of(numbers().map(log).collect())).await.unwrap();
        let name = |number: u64| Labels::new([("__name__", "m"), ("n", &(number % SERIES).to_string())]).unwrap();
        let sample = |(place, number): (usize, u64)| Sample {
            series: place as u32,
            time: time(number) / MILLI,
            value: number as f64,
        };
        let batch = MetricBatch {
            series: numbers().map(name).collect(),
            samples: numbers().enumerate().map(sample).collect(),
            ..MetricBatch::default()
        };
        let metrics = app.ingest_metrics(caller, protocol, Decoded::of(batch)).await.unwrap();
        let span = |number: u64| {
            let new = Span::new(trace_id(number), SpanId((number + 1).to_be_bytes()));
            Span { start: time(number), end: time(number) + 5, ..new }
        };
        let spans = app.ingest_traces(caller, protocol, Decoded::of(numbers().map(span).collect())).await.unwrap();
        assert_eq!((logs.rejected, metrics.rejected, spans.rejected), (0, 0, 0));
    }

    fn start(&self) -> Result<Arc<App>, clew_app::AppError> {
        let signal = SignalOptions {
            retention: Retention { age: Some(30 * DAY), bytes: None },
            floor: None,
            seal_bytes: 1 << 20,
            seal_age: Duration::from_secs(3600),
        };
        let options = AppOptions {
            data_dir: self.dir.clone(),
            max_bytes: None,
            max_series: 100_000,
            query_series: None,
            query_samples: None,
            logs: signal,
            metrics: signal,
            traces: signal,
            rules: Arc::new(CorrelationRules::default()),
            queries: QueryLimits { concurrent: 2, timeout: Duration::from_secs(60), memory: 512 << 20, slow: None },
            memory: clew_app::memory::MemoryShares::of(2 << 30),
            keeps_reserve: false,
            span_metrics: true,
        };
        let registry = Arc::new(Registry::new(BuildInfo { version: "0", revision: "0" }));
        let random = Arc::new(SeededRandom::new(self.seed));
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        App::start(options, Arc::clone(&self.files), clock, random, registry)
    }
}

/// How many records are said to be lost at most; `None` where somebody says that nobody knows.
fn said(aside: &[SetAside]) -> Option<u64> {
    let of = |file: &SetAside| match (file.records, file.requests) {
        (Some(records), _) => Some(records),
        (None, Some(requests)) => Some(requests * RECORDS),
        (None, None) => None,
    };
    aside.iter().map(of).sum()
}

fn trace_id(number: u64) -> TraceId {
    let mut id = [9; 16];
    id[8..].copy_from_slice(&(number / 10).to_be_bytes());
    TraceId(id)
}

async fn seal(app: &Arc<App>) {
    let app = Arc::clone(app);
    let sealed = tokio::task::spawn_blocking(move || {
        let sealed = [
            app.logs().maintenance().seal_now(),
            app.metrics().maintenance().seal_now(),
            app.traces().maintenance().seal_now(),
        ];
        app.logs().maintenance().tidy_now();
        app.metrics().maintenance().tidy_now();
        app.traces().maintenance().tidy_now();
        sealed
    });
    assert_eq!(sealed.await.unwrap(), [true; 3]);
}

async fn stop(app: Arc<App>) {
    tokio::task::spawn_blocking(move || app.stop()).await.unwrap();
}

/// Everything that queries find, signal by signal.
async fn serve(app: &Arc<App>) -> Served {
    let caller = &Caller::anonymous();
    let mut served = Served::default();
    let logs = Plan::new(About::new("logs"), |context, stores| {
        let query = LogQuery {
            filter: LogFilter::All,
            range: TimeRange::ALL,
            order: Order::Ascending,
            limit: 1_000_000,
            after: None,
        };
        let page = clew_query::logs::sinks::search(context, &*stores.logs.view(context), &query)?;
        let mut found = BTreeMap::new();
        for row in page.rows {
            let Value::String(body) = &row.record.body else { panic!("a body is no text") };
            *found.entry(body.split(' ').nth(1).unwrap().parse().unwrap()).or_default() += 1;
        }
        Ok(One(found, page.warnings))
    });
    let metrics = Plan::new(About::new("metrics"), |context, stores| {
        let mut found = BTreeMap::new();
        for series in clew_query::metrics::samples(context, &*stores.metrics.view(context), &[], TimeRange::ALL)? {
            assert!(series.labels.get("n").is_some(), "a series without its labels");
            for value in &series.values {
                *found.entry(*value as u64).or_default() += 1;
            }
        }
        Ok(One(found, Vec::new()))
    });
    let traces = Plan::new(About::new("traces"), |context, stores| {
        let view = stores.traces.view(context);
        let mut found = BTreeMap::new();
        for number in (0..(REQUESTS + 1) * RECORDS).step_by(10) {
            for span in clew_query::traces::trace(context, &*view, trace_id(number))?.spans {
                *found.entry(u64::from_be_bytes(span.span_id.0) - 1).or_default() += 1;
            }
        }
        Ok(One(found, Vec::new()))
    });
    let answers = [
        app.ask(caller, logs).await.unwrap(),
        app.ask(caller, metrics).await.unwrap(),
        app.ask(caller, traces).await.unwrap(),
    ];
    for (signal, One(records, warnings)) in answers.into_iter().enumerate() {
        (served.records[signal], served.warnings[signal]) = (records, warnings);
    }
    served
}
