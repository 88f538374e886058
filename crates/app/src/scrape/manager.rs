//! All jobs of a configuration.

use super::client::{Clients, JobClients};
use super::discovery::{DnsServers, URL_LABEL};
use super::job_task::{Job, Legacies, RunningJob, Shared};
use super::limits::MAX_CONCURRENT_SCRAPES;
use super::pages::Pages;
use super::sink::MetricSink;
use super::status::{ActiveTarget, DroppedTarget, Health, JobStatus, ScrapeStatus};
use super::target_task::{Stop, TargetEntry};
use crate::outbound::Outbound;
use clew_config::prometheus::{PrometheusConfig, ScrapeConfig, shown_url};
use clew_config::relabel::LabelBuilder;
use clew_config::yaml::render_duration;
use clew_host::Clock;
use clew_model::MemoryShare;
use clew_model::metrics::Metadata;
use clew_telemetry::{Registry, table};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Scrapes the targets of a configuration until it is told to stop.
pub struct ScrapeManager {
    shared: Arc<Shared>,
    /// Held while a configuration is applied, so that two never mix.
    running: Mutex<HashMap<String, RunningJob>>,
    /// The jobs, for the status, which must not wait for a configuration.
    jobs: parking_lot::Mutex<Vec<Arc<Job>>>,
}

impl ScrapeManager {
    /// A manager without jobs. Samples go to `sink`, with times of `clock`; pages are held within `memory`.
    /// Nothing beyond the networks of `outbound` is reached.
    pub fn new(
        sink: Arc<dyn MetricSink>,
        clock: Arc<dyn Clock>,
        registry: Arc<Registry>,
        memory: MemoryShare,
        outbound: Outbound,
    ) -> Self {
        Self::asking(sink, clock, registry, memory, DnsServers::default(), outbound)
    }

    /// A manager that asks these servers of the DNS.
    pub(super) fn asking(
        sink: Arc<dyn MetricSink>,
        clock: Arc<dyn Clock>,
        registry: Arc<Registry>,
        memory: MemoryShare,
        dns: DnsServers,
        outbound: Outbound,
    ) -> Self {
        let running = Semaphore::new(MAX_CONCURRENT_SCRAPES);
        let (outbound, pages) = (Arc::new(outbound), Pages::new(memory));
        let shared = Shared { sink, clock, registry, running, dns, outbound, pages };
        Self { shared: Arc::new(shared), running: Mutex::default(), jobs: parking_lot::Mutex::default() }
    }

    /// Makes the jobs those of `config`. Jobs that are unchanged go on undisturbed; targets that a changed job keeps go
    /// on with what is known of their series; the series of the others are marked stale. Answers when all that is done.
    /// Must be called on a Tokio runtime.
    pub async fn apply(&self, config: &PrometheusConfig) {
        let mut running = self.running.lock().await;
        let clients = self.clients(&config.jobs).await;
        let mut before = std::mem::take(&mut *running);
        let mut legacies: HashMap<String, Legacies> = HashMap::new();
        let mut next = HashMap::new();
        for wanted in &config.jobs {
            let Some(job) = before.remove(&wanted.job_name) else { continue };
            if job.job.config == *wanted {
                next.insert(wanted.job_name.clone(), job);
            } else {
                legacies.insert(wanted.job_name.clone(), job.stop(Stop::Replaced).await);
            }
        }
        for removed in before.keys() {
            for health in Health::ALL {
                self.shared.registry.remove_gauge(&table::SCRAPE_TARGETS, [removed, health.as_str()]);
            }
        }
        futures_util::future::join_all(before.into_values().map(|job| job.stop(Stop::Removed))).await;
        for (wanted, clients) in config.jobs.iter().zip(clients) {
            if let Some(job) = next.get(&wanted.job_name) {
                job.job.set_clients(clients);
                continue;
            }
            let job = Arc::new(Job::new(wanted.clone(), self.shared.clone(), clients));
            let left = legacies.remove(&wanted.job_name).unwrap_or_default();
            next.insert(wanted.job_name.clone(), RunningJob::start(job, left));
        }
        *self.jobs.lock() =
            config.jobs.iter().filter_map(|job| next.get(&job.job_name)).map(|job| job.job.clone()).collect();
        *running = next;
    }

    /// Stops all jobs, as at the end of the server: their series are not marked stale.
    pub async fn stop(&self) {
        let mut running = self.running.lock().await;
        let jobs = std::mem::take(&mut *running);
        futures_util::future::join_all(jobs.into_values().map(|job| job.stop(Stop::Quit))).await;
    }

    /// All targets as they are now.
    #[must_use]
    pub fn status(&self) -> ScrapeStatus {
        let mut status = ScrapeStatus::default();
        for job in self.jobs.lock().iter() {
            let pool = &job.config.job_name;
            let found = job.found.lock();
            status.active.extend(found.active.iter().map(|entry| active(pool, entry)));
            let dropped =
                |labels: &LabelBuilder| DroppedTarget { discovered_labels: told(labels), scrape_pool: pool.clone() };
            status.dropped.extend(found.dropped.iter().map(dropped));
            status.dropped_counts.insert(pool.clone(), found.dropped_count);
            let targets = found.active.len();
            let up = found.active.iter().filter(|entry| entry.last.lock().health == Health::Up).count();
            status.jobs.push(JobStatus { name: pool.clone(), targets, up, problems: found.errors.clone() });
        }
        status
            .active
            .sort_by(|left, right| (&left.scrape_pool, &left.scrape_url).cmp(&(&right.scrape_pool, &right.scrape_url)));
        status
    }

    /// What each target says of its families: the labels of its series, and the families by their names. Of each target at
    /// most `limit`, and of all together.
    #[must_use]
    pub fn families(&self, metric: Option<&str>, limit: usize) -> Vec<(Vec<(String, String)>, Metadata)> {
        let mut all = Vec::new();
        for job in self.jobs.lock().iter() {
            for entry in &job.found.lock().active {
                let families = entry.families.lock();
                let mut own: Vec<&Metadata> =
                    families.values().filter(|family| metric.is_none_or(|name| family.metric == name)).collect();
                own.sort_unstable_by(|left, right| left.metric.cmp(&right.metric));
                let left = limit.saturating_sub(all.len());
                all.extend(own.into_iter().take(left).map(|family| (entry.target.labels.clone(), family.clone())));
            }
        }
        all
    }

    /// Sets the gauges of targets by job and health; to be called before Clew's own metrics are shown.
    pub fn refresh_gauges(&self) {
        for job in self.jobs.lock().iter() {
            let found = job.found.lock();
            for health in Health::ALL {
                let count = found.active.iter().filter(|entry| entry.last.lock().health == health).count();
                let labels = [job.config.job_name.as_str(), health.as_str()];
                self.shared.registry.gauge(&table::SCRAPE_TARGETS, labels).set_count(count as u64);
            }
        }
    }

    /// Clients for jobs, one after the other; certificates are read, so a blocking thread makes them.
    async fn clients(&self, jobs: &[Arc<ScrapeConfig>]) -> Vec<JobClients> {
        let (owned, outbound) = (jobs.to_vec(), Arc::clone(&self.shared.outbound));
        let made = tokio::task::spawn_blocking(move || {
            let mut clients = Clients::confined(outbound);
            owned.iter().map(|job| clients.of(job)).collect::<Vec<_>>()
        });
        match made.await {
            Ok(made) => made,
            Err(error) => {
                tracing::error!(%error, "making clients for scraping has failed");
                jobs.iter().map(|job| Clients::none(job, "making it has failed, see the log")).collect()
            }
        }
    }
}

fn active(pool: &str, entry: &TargetEntry) -> ActiveTarget {
    let target = &entry.target;
    let last = entry.last.lock().clone();
    ActiveTarget {
        discovered_labels: told(&target.discovered),
        labels: target.labels.clone(),
        scrape_pool: pool.to_owned(),
        scrape_url: target.url.to_string(),
        global_url: target.url.to_string(),
        last_error: last.error,
        last_scrape: last.started,
        last_scrape_duration: last.duration,
        health: last.health,
        scrape_interval: render_duration(target.interval),
        scrape_timeout: render_duration(target.timeout),
    }
}

/// Labels as they may be told: the URL of a list keeps its query, in which a token may stand, for relabelling alone.
fn told(labels: &LabelBuilder) -> Vec<(String, String)> {
    let value = |name: &str, value: &str| if name == URL_LABEL { shown_url(value) } else { value.to_owned() };
    labels.iter().map(|(name, text)| (name.to_owned(), value(name, text))).collect()
}
