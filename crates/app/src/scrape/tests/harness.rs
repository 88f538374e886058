//! A manager with a sink that records.

use super::super::discovery::DnsServers;
use super::super::{ActiveTarget, MetricSink, Refused, ScrapeManager, SinkError};
use crate::outbound::Outbound;
use clew_config::prometheus::parse;
use clew_host::SystemClock;
use clew_model::MemoryShare;
use clew_model::metrics::{MetricBatch, is_stale};
use clew_telemetry::{BuildInfo, Registry};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

/// Longest wait for something to happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps every batch.
#[derive(Default)]
pub(super) struct Recorder {
    batches: Mutex<Vec<MetricBatch>>,
    pub(super) fail: Mutex<Option<SinkError>>,
    pub(super) refuse: Mutex<Refused>,
}

impl MetricSink for Recorder {
    fn write(&self, batch: MetricBatch) -> BoxFuture<'_, Result<Refused, SinkError>> {
        let result = match self.fail.lock().clone() {
            Some(error) => Err(error),
            None => {
                self.batches.lock().push(batch);
                Ok(self.refuse.lock().clone())
            }
        };
        Box::pin(async move { result })
    }
}

/// A sample as text: the series, and its value or `stale`.
pub(super) fn shown(batch: &MetricBatch) -> Vec<String> {
    let series = |index: u32| batch.series.labels(index as usize).unwrap().to_string();
    let value = |value: f64| if is_stale(value) { "stale".to_owned() } else { value.to_string() };
    batch.samples.iter().map(|sample| format!("{} {}", series(sample.series), value(sample.value))).collect()
}

/// A subscriber that hears nothing. While there is one alone, a line that another thread comes to first is off for ever where
/// that thread has none: tracing asks the thread's own.
static SECOND: LazyLock<tracing::Dispatch> =
    LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(std::io::sink).finish()));

/// What is logged while it is the subscriber of a thread.
#[derive(Clone, Default)]
pub(super) struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    /// Takes every line but those that trace what connections do.
    pub(super) fn subscriber(&self) -> impl tracing::Subscriber + Send + Sync + use<> {
        LazyLock::force(&SECOND);
        let log = self.clone();
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_writer(move || log.clone()).finish()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }
}

impl std::io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(super) struct Harness {
    pub(super) manager: ScrapeManager,
    pub(super) sink: Arc<Recorder>,
}

impl Harness {
    /// A manager that runs this configuration.
    pub(super) async fn start(config: &str) -> Self {
        Self::asking(config, DnsServers::default()).await
    }

    /// A manager that asks these servers of the DNS.
    pub(super) async fn asking(config: &str, dns: DnsServers) -> Self {
        Self::confined(config, dns, Outbound::default()).await
    }

    /// A manager that reaches these networks.
    pub(super) async fn confined(config: &str, dns: DnsServers, outbound: Outbound) -> Self {
        let sink = Arc::new(Recorder::default());
        let registry = Arc::new(Registry::new(BuildInfo { version: "0", revision: "test" }));
        let (clock, memory) = (Arc::new(SystemClock::new()), MemoryShare::new(64 << 20));
        let manager = ScrapeManager::asking(sink.clone(), clock, registry, memory, dns, outbound);
        let harness = Self { manager, sink };
        harness.apply(config).await;
        harness
    }

    pub(super) async fn apply(&self, config: &str) {
        let loaded = parse(Path::new("p.yml"), config, &|_| None).unwrap_or_else(|faults| panic!("{faults:?}"));
        self.manager.apply(&loaded.config).await;
    }

    pub(super) fn batches(&self) -> Vec<MetricBatch> {
        self.sink.batches.lock().clone()
    }

    /// Waits for a batch that was written at or after place `from` and passes; answers it and its place.
    pub(super) async fn batch(
        &self,
        from: usize,
        what: &str,
        pass: impl Fn(&[String]) -> bool,
    ) -> (usize, MetricBatch) {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let found = self.batches().into_iter().enumerate().skip(from).find(|(_, batch)| pass(&shown(batch)));
            if let Some(found) = found {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no batch {what} among {:#?}", self.batches().iter().map(shown).collect::<Vec<_>>());
    }

    /// Waits for the first batch that says whether a target is up.
    pub(super) async fn scraped(&self, from: usize, up: bool) -> (usize, MetricBatch) {
        let value = if up { " 1" } else { " 0" };
        let has = |line: &String| line.starts_with("up{") && line.ends_with(value);
        self.batch(from, if up { "up" } else { "down" }, |lines| lines.iter().any(has)).await
    }

    /// Waits until the problems of the first job are these, a text for each.
    pub(super) async fn problems(&self, what: &str, pass: impl Fn(&[String]) -> bool) -> Vec<String> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let status = self.manager.status();
            if let Some(job) = status.jobs.first().filter(|job| pass(&job.problems)) {
                return job.problems.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no problems {what}: {:#?}", self.manager.status());
    }

    /// Waits until the targets that are scraped are these, by URL.
    pub(super) async fn targets(&self, urls: &[String]) -> Vec<ActiveTarget> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let active = self.manager.status().active;
            if active.iter().map(|target| &target.scrape_url).eq(urls) {
                return active;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("not the targets {urls:?}: {:#?}", self.manager.status());
    }

    /// Waits until the only target is in a state.
    pub(super) async fn target(&self, what: &str, pass: impl Fn(&ActiveTarget) -> bool) -> ActiveTarget {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let [target] = self.manager.status().active.as_slice()
                && pass(target)
            {
                return target.clone();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no target {what}: {:#?}", self.manager.status());
    }
}

/// A job that scrapes this address five times in two seconds; `keys` are further keys of the job, indented by four.
pub(super) fn job(name: &str, address: &str, keys: &str) -> String {
    format!(
        "  - job_name: {name}\n    scrape_interval: 400ms\n    scrape_timeout: 400ms\n{keys}    static_configs: [{{targets: ['{address}']}}]\n"
    )
}

/// A configuration of jobs.
pub(super) fn config(jobs: &[String]) -> String {
    format!("scrape_configs:\n{}", jobs.concat())
}

/// The lines about this metric.
pub(super) fn of<'a>(lines: &'a [String], metric: &str) -> Vec<&'a str> {
    let is = |line: &&String| line.split(['{', ' ']).next() == Some(metric);
    lines.iter().filter(is).map(String::as_str).collect()
}
