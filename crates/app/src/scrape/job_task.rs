//! The task of one job: it finds the job's targets and keeps a task for each.

use super::cache::SeriesCache;
use super::client::JobClient;
use super::files::{TargetFiles, refresh_interval};
use super::limits::{FILE_POLL_INTERVAL, MAX_DROPPED_TARGETS, MAX_TARGETS};
use super::sink::MetricSink;
use super::status::LastScrape;
use super::target::{Target, build_target, discovered_labels};
use super::target_task::{RunningTarget, Stop, TargetEntry, end_target};
use arc_swap::ArcSwap;
use clew_config::prometheus::{ScrapeConfig, TargetGroup};
use clew_config::relabel::LabelBuilder;
use clew_host::Clock;
use clew_telemetry::Registry;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// What all tasks share.
pub(super) struct Shared {
    pub(super) sink: Arc<dyn MetricSink>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) registry: Arc<Registry>,
    pub(super) running: Semaphore,
}

/// A job as its tasks and the status see it.
pub(super) struct Job {
    pub(super) config: Arc<ScrapeConfig>,
    pub(super) shared: Arc<Shared>,
    client: ArcSwap<JobClient>,
    pub(super) found: Mutex<Found>,
}

/// What the discovery of a job found last.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// How many targets there are; known before their tasks start, which look at it.
    target_count: u64,
    pub(super) active: Vec<Arc<TargetEntry>>,
    /// Labels of dropped targets, as many as are kept.
    pub(super) dropped: Vec<LabelBuilder>,
    pub(super) dropped_count: u64,
    pub(super) errors: Vec<String>,
}

impl Job {
    pub(super) fn new(config: Arc<ScrapeConfig>, shared: Arc<Shared>, client: Arc<JobClient>) -> Self {
        Self { config, shared, client: ArcSwap::new(client), found: Mutex::default() }
    }

    pub(super) fn client(&self) -> Arc<JobClient> {
        self.client.load_full()
    }

    /// Takes a new client, whose certificates are those of now.
    pub(super) fn set_client(&self, client: Arc<JobClient>) {
        self.client.store(client);
    }

    /// The number of targets and the limit, when the limit is exceeded.
    pub(super) fn over_target_limit(&self) -> Option<(u64, u64)> {
        let limit = self.config.limits.targets;
        let found = self.found.lock().target_count;
        (limit > 0 && found > limit).then_some((found, limit))
    }
}

/// What a target leaves to the one that takes its place.
pub(super) struct Legacy {
    target: Target,
    cache: SeriesCache,
    last: LastScrape,
}

/// What the targets of a job leave, by identity.
pub(super) type Legacies = HashMap<String, Legacy>;

/// A job that runs.
pub(super) struct RunningJob {
    pub(super) job: Arc<Job>,
    stop: oneshot::Sender<Stop>,
    task: JoinHandle<Legacies>,
}

impl RunningJob {
    /// Starts the job; `legacies` are what an earlier form of it left.
    pub(super) fn start(job: Arc<Job>, legacies: Legacies) -> Self {
        let (stop, stopped) = oneshot::channel();
        let task = JobTask { job: job.clone(), files: TargetFiles::default(), running: HashMap::new() };
        Self { job, stop, task: tokio::spawn(task.run(legacies, stopped)) }
    }

    /// Stops the job and all its targets.
    pub(super) async fn stop(self, how: Stop) -> Legacies {
        let _ = self.stop.send(how);
        self.task.await.unwrap_or_else(|error| {
            tracing::error!(job = %self.job.config.job_name, %error, "the task of a scrape job has failed");
            Legacies::default()
        })
    }
}

struct JobTask {
    job: Arc<Job>,
    files: TargetFiles,
    running: HashMap<String, RunningTarget>,
}

impl JobTask {
    async fn run(mut self, mut legacies: Legacies, stopped: oneshot::Receiver<Stop>) -> Legacies {
        self.refresh_files(true).await;
        self.sync(&mut legacies).await;
        for (_, legacy) in legacies {
            end_target(&self.job, &legacy.target, &legacy.cache).await;
        }
        let stop = match refresh_interval(&self.job.config.file_sd_configs) {
            None => stopped.await,
            Some(every) => self.follow_files(every, stopped).await,
        };
        self.stop_all(stop.unwrap_or(Stop::Quit)).await
    }

    /// Looks at the files of targets until the job must stop.
    async fn follow_files(
        &mut self,
        every: Duration,
        mut stopped: oneshot::Receiver<Stop>,
    ) -> Result<Stop, oneshot::error::RecvError> {
        let mut looks = interval(every.min(FILE_POLL_INTERVAL));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut read = Instant::now();
        loop {
            tokio::select! {
                biased;
                stop = &mut stopped => return stop,
                _ = looks.tick() => {}
            }
            let all = read.elapsed() >= every;
            if all {
                read = Instant::now();
            }
            if self.refresh_files(all).await {
                self.sync(&mut Legacies::default()).await;
            }
        }
    }

    async fn refresh_files(&mut self, all: bool) -> bool {
        let config = self.job.config.clone();
        if config.file_sd_configs.is_empty() {
            return false;
        }
        let mut files = std::mem::take(&mut self.files);
        let looked = tokio::task::spawn_blocking(move || {
            let changed = files.refresh(&config.file_sd_configs, all);
            (files, changed)
        });
        match looked.await {
            Ok((files, changed)) => {
                self.files = files;
                changed
            }
            Err(error) => {
                tracing::error!(job = %self.job.config.job_name, %error, "looking at files of targets has failed");
                false
            }
        }
    }

    /// Starts and stops tasks, so that those of the discovered targets run.
    async fn sync(&mut self, legacies: &mut Legacies) {
        let (targets, mut found) = self.discover();
        found.target_count = targets.len() as u64;
        self.job.found.lock().target_count = found.target_count;
        let mut before = std::mem::take(&mut self.running);
        for (identity, target) in targets {
            let running = match before.remove(&identity) {
                Some(running) if running.entry.target == target => running,
                // The same in another rhythm, or found in another way: a new task goes on with its series.
                Some(running) => self.start(target, stop_target(running, Stop::Replaced).await),
                None => self.start(target, legacies.remove(&identity)),
            };
            found.active.push(running.entry.clone());
            self.running.insert(identity, running);
        }
        for (_, gone) in before {
            // It ends by itself, once its markers are written.
            drop(gone.stop(Stop::Removed));
        }
        *self.job.found.lock() = found;
    }

    fn start(&self, target: Target, legacy: Option<Legacy>) -> RunningTarget {
        let (mut cache, last) = legacy.map(|legacy| (legacy.cache, legacy.last)).unwrap_or_default();
        // The rules may be others now.
        cache.forget_texts();
        RunningTarget::start(self.job.clone(), target, cache, last)
    }

    /// The targets by identity, and what goes to the status.
    fn discover(&self) -> (HashMap<String, Target>, Found) {
        let config = &self.job.config;
        let keep_dropped = match config.limits.dropped_targets {
            0 => MAX_DROPPED_TARGETS,
            limit => usize::try_from(limit).unwrap_or(usize::MAX).min(MAX_DROPPED_TARGETS),
        };
        let mut found = Found { errors: self.files.errors().map(str::to_owned).collect(), ..Found::default() };
        let mut targets = HashMap::new();
        let addresses = |group: &TargetGroup| group.targets.len();
        let groups = config.static_configs.iter().chain(self.files.groups());
        let total: usize = groups.clone().map(addresses).sum();
        if total > MAX_TARGETS {
            found.errors.push(format!(
                "{total} targets are more than the {MAX_TARGETS} that a job may have; the rest is left out"
            ));
        }
        let addresses = groups.flat_map(|group| group.targets.iter().map(|address| (address, &group.labels)));
        for (address, labels) in addresses.take(MAX_TARGETS) {
            let discovered = discovered_labels(config, address, labels);
            match build_target(config, &discovered) {
                Ok(Some(target)) => {
                    targets.insert(target.identity(), target);
                }
                Ok(None) => {
                    found.dropped_count += 1;
                    if found.dropped.len() < keep_dropped {
                        found.dropped.push(discovered);
                    }
                }
                Err(error) => {
                    tracing::warn!(job = %config.job_name, address, %error, "a target cannot be scraped");
                    found.errors.push(format!("target {address:?}: {error}"));
                }
            }
        }
        (targets, found)
    }

    async fn stop_all(self, how: Stop) -> Legacies {
        let stopping = self
            .running
            .into_iter()
            .map(|(identity, running)| async move { stop_target(running, how).await.map(|legacy| (identity, legacy)) });
        futures_util::future::join_all(stopping).await.into_iter().flatten().collect()
    }
}

/// Stops a target and takes what it leaves.
async fn stop_target(running: RunningTarget, how: Stop) -> Option<Legacy> {
    let entry = running.entry.clone();
    match running.stop(how).await {
        Ok(cache) => {
            let last = entry.last.lock().clone();
            Some(Legacy { target: entry.target.clone(), cache, last })
        }
        Err(error) => {
            tracing::error!(url = %entry.target.url, %error, "the task of a target has failed");
            None
        }
    }
}
