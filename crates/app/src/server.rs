//! The whole of Clew below its listeners: journals, stores, write paths, queries; started and stopped in order.

use crate::data_dir::{self, DataDir};
use crate::data_folder::DataFolder;
use crate::disk_usage::DiskUsage;
use crate::error::AppError;
use crate::ingest::{
    Accumulator, LogSignal, MetricSignal, Pipeline, Refusal, Rooms, SpanMetrics, TraceBatch, TraceSignal,
};
use crate::limits::{LEAST_STEP_BYTES, RETENTION_STEPS};
use crate::memory::{Memory, MemoryShares};
use crate::observe::Observer;
use crate::reads::{Closed, Lossy, QueryLimits, QueryRunner, Stores};
use crate::signal::{Retention, SignalStore};
use crate::start::Starter;
use crate::tenants::{TenantOptions, Tenants};
use crate::trusted_clock::Doubt;
use clew_host::{Clock, Files, Lock, Random};
use clew_model::correlation::CorrelationRules;
use clew_model::{ErrorKind, SetAside, Signal, UnixNanos};
use clew_telemetry::Registry;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How a signal is kept.
#[derive(Debug, Clone, Copy)]
pub struct SignalOptions {
    /// What is kept.
    pub retention: Retention,
    /// Bytes on disk that it keeps although other signals grow; `None` for its share.
    pub floor: Option<u64>,
    /// Bytes of hot tail that are worth a seal.
    pub seal_bytes: u64,
    /// Age of the oldest hot record at which it is sealed.
    pub seal_age: Duration,
}

/// How the program below the listeners runs.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Bytes that all signals may take together.
    pub max_bytes: Option<u64>,
    /// Logs.
    pub logs: SignalOptions,
    /// Metrics.
    pub metrics: SignalOptions,
    /// Traces.
    pub traces: SignalOptions,
    /// Active series beyond which new ones are refused (`limits.series`).
    pub max_series: usize,
    /// Series that one query may read (`limits.query_series`); `None` for the store's default.
    pub query_series: Option<usize>,
    /// Samples that one query may read (`limits.query_samples`); `None` for the store's default.
    pub query_samples: Option<u64>,
    /// What counts as an ID.
    pub rules: Arc<CorrelationRules>,
    /// What queries may use.
    pub queries: QueryLimits,
    /// How the memory is shared out.
    pub memory: MemoryShares,
    /// Whether some room on the disk is kept for the moment in which there is none.
    pub keeps_reserve: bool,
    /// Whether metrics are made of spans (`traces.span_metrics`).
    pub span_metrics: bool,
    /// How tenants are told apart; where not, everything is of the tenant `default`.
    pub tenants: Option<TenantOptions>,
}

/// By which protocol records came, for Clew's own metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over gRPC.
    OtlpGrpc,
    /// OTLP over HTTP.
    OtlpHttp,
    /// `POST /api/v1/logs`.
    JsonLogs,
    /// Prometheus remote write, 1.0 and 2.0.
    RemoteWrite,
    /// Scraped by ourselves.
    Scrape,
    /// Made up by `clew demo`.
    Demo,
    /// Derived from spans by ourselves.
    SpanMetrics,
}

impl Protocol {
    /// All of them, in the order of their declaration.
    pub const ALL: [Protocol; 7] = [
        Protocol::OtlpGrpc,
        Protocol::OtlpHttp,
        Protocol::JsonLogs,
        Protocol::RemoteWrite,
        Protocol::Scrape,
        Protocol::Demo,
        Protocol::SpanMetrics,
    ];

    /// Whether others send by it, who are told to come back later.
    #[must_use]
    pub fn is_sent(self) -> bool {
        matches!(self, Protocol::OtlpGrpc | Protocol::OtlpHttp | Protocol::JsonLogs | Protocol::RemoteWrite)
    }

    /// The label value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::OtlpGrpc => "otlp_grpc",
            Protocol::OtlpHttp => "otlp_http",
            Protocol::JsonLogs => "json_logs",
            Protocol::RemoteWrite => "remote_write",
            Protocol::Scrape => "scrape",
            Protocol::Demo => "demo",
            Protocol::SpanMetrics => "span_metrics",
        }
    }
}

/// Clew below its listeners.
pub struct App {
    options: AppOptions,
    clock: Arc<dyn Clock>,
    observer: Arc<Observer>,
    /// When the start was done, by the calendar and by monotonic time.
    started: (UnixNanos, Duration),
    memory: Memory,
    tenants: Option<Tenants>,
    queries: QueryRunner,
    logs: Pipeline<LogSignal>,
    metrics: Pipeline<MetricSignal>,
    traces: Pipeline<TraceSignal>,
    span_metrics: Arc<SpanMetrics>,
    folder: Arc<DataFolder>,
    /// Files of the data directory itself that were damaged or missing at the start.
    aside: Vec<SetAside>,
    _lock: Box<dyn Lock>,
}

impl App {
    /// Opens the data directory, replays the journals and starts the write paths. Blocks.
    ///
    /// # Errors
    /// A directory in use, of a newer format, or unreadable.
    pub fn start(
        options: AppOptions,
        files: Arc<dyn Files>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        registry: Arc<Registry>,
    ) -> Result<Arc<Self>, AppError> {
        let DataDir { lock, mut aside } = data_dir::open(&*files, &options.data_dir)?;
        let usage = DiskUsage::new(options.max_bytes, floors(&options));
        let (folder, faults) = DataFolder::open(&files, &options.data_dir, &clock, options.keeps_reserve, usage);
        let folder = Arc::new(folder);
        aside.extend(faults);
        let observer = Arc::new(Observer::new(registry));
        let start = Starter {
            files,
            random,
            clock: Arc::clone(&clock),
            observer: Arc::clone(&observer),
            folder: Arc::clone(&folder),
            options: &options,
        };
        let span_metrics = Arc::new(SpanMetrics::default());
        // Each signal replays its own journal; side by side they start as fast as the slowest.
        let (logs, metrics, traces) = std::thread::scope(|scope| {
            let logs = scope.spawn(|| start.signal_or_closed(options.logs, LogSignal::open, log_rooms));
            let metrics =
                scope.spawn(|| start.signal_or_closed(options.metrics, MetricSignal::open, |_| Rooms::default()));
            let open_traces =
                |files: _, dir: &Path, options: &_| TraceSignal::open(files, dir, options, Arc::clone(&clock));
            let counted = options.span_metrics.then_some(&span_metrics);
            let traces = start.signal_or_closed(options.traces, open_traces, |_| trace_rooms(counted));
            (joined(logs), joined(metrics), traces)
        });
        let (logs, metrics, traces) = (logs?, metrics?, traces?);
        if logs.closed().is_some() && metrics.closed().is_some() && traces.closed().is_some() {
            // There is nothing to serve.
            let reasons: BTreeSet<&str> = [logs.closed(), metrics.closed(), traces.closed()]
                .into_iter()
                .flatten()
                .map(|reason| &**reason)
                .collect();
            let reasons: Vec<&str> = reasons.into_iter().collect();
            return Err(AppError::start(format!("use {}", options.data_dir.display()), reasons.join("; ")));
        }
        // Whoever lets one query hold more than all were to hold means it.
        let queries = options.memory.queries.max(options.queries.memory);
        let memory = Memory::new(&MemoryShares { queries, ..options.memory });
        let tenants = options.tenants.clone().map(|options| {
            let usage = [logs.store().usage(), metrics.store().usage(), traces.store().usage()];
            let have = usage.into_iter().flat_map(|usage| usage.into_keys()).collect();
            Tenants::new(options, have, Arc::clone(observer.registry()), memory.queries.clone())
        });
        let app = Arc::new(Self {
            queries: QueryRunner::new(options.queries, memory.queries.clone()),
            memory,
            tenants,
            logs,
            metrics,
            traces,
            span_metrics,
            options,
            started: (clock.now(), clock.monotonic()),
            clock,
            observer,
            folder,
            aside,
            _lock: lock,
        });
        app.folder.clock.look();
        app.folder.room.make_reserve();
        for SetAside { file, reason, .. } in &app.aside {
            tracing::error!(file = %file.display(), reason, "a file of the data directory was damaged or missing");
        }
        app.watch_gauges();
        app.tell_damage();
        Ok(app)
    }

    /// The options it runs with.
    #[must_use]
    pub fn options(&self) -> &AppOptions {
        &self.options
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.clock
    }

    /// When the start was done.
    #[must_use]
    pub fn started(&self) -> UnixNanos {
        self.started.0
    }

    /// How long that is ago, whatever was done to the clock meanwhile.
    #[must_use]
    pub fn uptime(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.started.1)
    }

    /// What counts for Clew's own metrics.
    #[must_use]
    pub fn observer(&self) -> &Arc<Observer> {
        &self.observer
    }

    /// The memory that outside data may take, by who holds it.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The tenants that there are; none while they are not told apart.
    #[must_use]
    pub fn tenants(&self) -> Option<&Tenants> {
        self.tenants.as_ref()
    }

    /// The write path of logs.
    #[must_use]
    pub fn logs(&self) -> &Pipeline<LogSignal> {
        &self.logs
    }

    /// The write path of metrics.
    #[must_use]
    pub fn metrics(&self) -> &Pipeline<MetricSignal> {
        &self.metrics
    }

    /// The write path of traces.
    #[must_use]
    pub fn traces(&self) -> &Pipeline<TraceSignal> {
        &self.traces
    }

    /// Whether spans are counted.
    pub(crate) fn writes_span_metrics(&self) -> bool {
        self.options.span_metrics
    }

    /// What is counted of spans; nothing where [`AppOptions::span_metrics`] is off.
    #[must_use]
    pub fn span_metrics(&self) -> &Arc<SpanMetrics> {
        &self.span_metrics
    }

    /// The pool that queries run on.
    pub(crate) fn queries(&self) -> &QueryRunner {
        &self.queries
    }

    /// Lets a question read the stores. A signal whose disk could not be used is an error to it, or a warning where it is
    /// about several (`across`).
    pub(crate) fn with_stores<T>(&self, across: bool, ask: impl FnOnce(&Stores<'_>) -> T) -> T {
        let closed = |signal: Signal, reason: Option<&Arc<str>>| {
            reason.map(|reason| Closed { signal, reason: Arc::clone(reason), is_dispensable: across })
        };
        let logs = closed(Signal::Logs, self.logs.closed());
        let metrics = closed(Signal::Metrics, self.metrics.closed());
        let traces = closed(Signal::Traces, self.traces.closed());
        // Of the three only those that have lost something say so.
        let lossy_logs = Lossy { reader: self.logs.store().reader(), lost: self.logs.found_aside() };
        let lossy_metrics = Lossy { reader: self.metrics.store().reader(), lost: self.metrics.found_aside() };
        let lossy_traces = Lossy { reader: self.traces.store().reader(), lost: self.traces.found_aside() };
        ask(&Stores {
            logs: match &logs {
                Some(closed) => closed,
                None => &lossy_logs,
            },
            metrics: match &metrics {
                Some(closed) => closed,
                None => &lossy_metrics,
            },
            traces: match &traces {
                Some(closed) => closed,
                None => &lossy_traces,
            },
            rules: &self.options.rules,
        })
    }

    /// Tells in the log what is newly set aside; answers how many files were found.
    pub(crate) fn tell_damage(&self) -> usize {
        self.logs.tell_damage() + self.metrics.tell_damage() + self.traces.tell_damage()
    }

    /// Whether every signal can still be written.
    #[must_use]
    pub fn failed_signals(&self) -> Vec<Signal> {
        let states = [
            (Signal::Logs, self.logs.status().failed),
            (Signal::Metrics, self.metrics.status().failed),
            (Signal::Traces, self.traces.status().failed),
        ];
        states.into_iter().filter(|(_, failed)| *failed).map(|(signal, _)| signal).collect()
    }

    /// Whether there is no room to write: requests are refused, and taken again when there is.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        let is_full = |(_, refusal): &(Signal, Refusal)| refusal.kind == ErrorKind::StorageFull;
        self.folder.room.is_full() || self.refusals().iter().any(is_full)
    }

    /// Which signals' last requests were refused by the disk lately, and why; the next ones may be taken.
    #[must_use]
    pub fn refusals(&self) -> Vec<(Signal, Refusal)> {
        let last = [self.logs.status().refusal, self.metrics.status().refusal, self.traces.status().refusal];
        Signal::ALL.into_iter().zip(last).filter_map(|(signal, refusal)| Some((signal, refusal?))).collect()
    }

    /// Why the clock is not believed, if it is not: nothing is removed by its age then.
    #[must_use]
    pub fn clock_doubt(&self) -> Option<Doubt> {
        self.folder.clock.look()
    }

    /// Somebody says that the clock is right.
    pub fn trust_clock(&self) {
        self.folder.clock.believe();
    }

    /// Files of the data directory itself that were damaged or missing at the start.
    #[must_use]
    pub fn set_aside(&self) -> &[SetAside] {
        &self.aside
    }

    /// Where the disk is full the reserve is given up, so that what must be written before a stop has room.
    pub fn make_room(&self) {
        if self.is_disk_full() {
            self.folder.room.release();
        }
    }

    /// Finishes what was accepted and stops. Blocks.
    pub fn stop(&self) {
        self.make_room();
        // What senders wait for comes first: a keeper may be in the middle of a long merge.
        self.logs.close();
        self.metrics.close();
        self.traces.close();
        self.logs.finish_writes();
        self.metrics.finish_writes();
        self.traces.finish_writes();
        self.logs.stop();
        self.metrics.stop();
        self.traces.stop();
    }

    fn tenant_gauges(&self) {
        for tenant in self.tenants.iter().flat_map(Tenants::all) {
            let series = self.metrics.store().active_series_of(tenant.id());
            self.observer.tenant_gauges(&tenant, series);
        }
    }

    fn watch_gauges(self: &Arc<Self>) {
        let app = Arc::downgrade(self);
        self.observer.registry().before_render(move || {
            if let Some(app) = app.upgrade() {
                gauges(&app.observer, &app.logs);
                gauges(&app.observer, &app.metrics);
                gauges(&app.observer, &app.traces);
                app.observer.memory(&app.memory_use());
                app.observer.running(app.queries.running(), app.queries.memory_used());
                app.observer.active_series(app.metrics.store().active_series());
                app.tenant_gauges();
            }
        });
    }
}

/// The live tail is a tap.
fn log_rooms(store: &LogSignal) -> Rooms<LogSignal> {
    Rooms { taps: vec![store.feed()], ..Rooms::default() }
}

/// The metrics of spans are an accumulator, where they are wanted.
fn trace_rooms(metrics: Option<&Arc<SpanMetrics>>) -> Rooms<TraceSignal> {
    let accumulators =
        metrics.map(|metrics| Arc::clone(metrics) as Arc<dyn Accumulator<TraceBatch>>).into_iter().collect();
    Rooms { accumulators, ..Rooms::default() }
}

fn gauges<S: SignalStore>(observer: &Observer, pipeline: &Pipeline<S>) {
    observer.store_gauges(S::SIGNAL, pipeline.store().hot(), pipeline.store().on_disk());
    pipeline.tell_damage();
    observer.aside_gauges(S::SIGNAL, &pipeline.set_aside());
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, Result<T, AppError>>) -> Result<T, AppError> {
    thread.join().unwrap_or(Err(AppError::Panicked))
}

impl AppOptions {
    /// Bytes that a sealed file of a signal may have at most, so that retention by size removes little at once.
    pub(crate) fn step_bytes(&self, signal: &SignalOptions) -> u64 {
        let limit = [signal.retention.bytes, self.max_bytes].into_iter().flatten().min();
        limit.map_or(u64::MAX, |limit| (limit / RETENTION_STEPS).max(LEAST_STEP_BYTES))
    }
}

/// What logs, metrics and traces keep although others grow.
fn floors(options: &AppOptions) -> [Option<u64>; 3] {
    [options.logs.floor, options.metrics.floor, options.traces.floor]
}
