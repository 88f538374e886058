//! The task of one job: it finds the job's targets and keeps a task for each.

use super::cache::SeriesCache;
use super::client::{JobClient, JobClients};
use super::discovery::{DnsServers, TargetFiles, TargetList, TargetLists, refresh_interval};
use super::limits::{FILE_POLL_INTERVAL, FIRST_LISTS_WAIT, MAX_DROPPED_TARGETS, MAX_TARGETS};
use super::pages::Pages;
use super::sink::MetricSink;
use super::status::LastScrape;
use super::target::{Target, build_target, discovered_labels};
use super::target_task::{RunningTarget, Stop, TargetEntry, end_target};
use crate::outbound::Outbound;
use arc_swap::ArcSwap;
use clew_config::prometheus::{ScrapeConfig, TargetGroup};
use clew_config::relabel::LabelBuilder;
use clew_host::Clock;
use clew_telemetry::Registry;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// What all tasks share.
pub(super) struct Shared {
    pub(super) sink: Arc<dyn MetricSink>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) registry: Arc<Registry>,
    pub(super) running: Semaphore,
    pub(super) dns: DnsServers,
    pub(super) outbound: Arc<Outbound>,
    pub(super) pages: Pages,
}

/// A job as its tasks and the status see it.
pub(super) struct Job {
    pub(super) config: Arc<ScrapeConfig>,
    pub(super) shared: Arc<Shared>,
    clients: ArcSwap<JobClients>,
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
    pub(super) fn new(config: Arc<ScrapeConfig>, shared: Arc<Shared>, clients: JobClients) -> Self {
        Self { config, shared, clients: ArcSwap::from_pointee(clients), found: Mutex::default() }
    }

    /// The client that asks targets.
    pub(super) fn client(&self) -> Arc<JobClient> {
        self.clients.load().targets.clone()
    }

    /// The client that asks the server of this place in `http_sd_configs`.
    pub(super) fn list_client(&self, place: usize) -> Option<Arc<JobClient>> {
        self.clients.load().lists.get(place).cloned()
    }

    /// Takes new clients, whose certificates are those of now.
    pub(super) fn set_clients(&self, clients: JobClients) {
        self.clients.store(Arc::new(clients));
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

/// What a job leaves to the form of it that takes its place.
#[derive(Default)]
pub(super) struct Legacies {
    /// What its targets leave, by identity.
    targets: HashMap<String, Legacy>,
    /// Lists of targets as they were answered last.
    lists: Vec<TargetList>,
}

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
        let task = JobTask::run(job.clone(), legacies, stopped);
        Self { job, stop, task: tokio::spawn(task) }
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
    lists: TargetLists,
    running: HashMap<String, RunningTarget>,
}

impl JobTask {
    async fn run(job: Arc<Job>, mut legacies: Legacies, mut stopped: oneshot::Receiver<Stop>) -> Legacies {
        let lists = TargetLists::start(&job, std::mem::take(&mut legacies.lists));
        let mut task = Self { job, files: TargetFiles::default(), lists, running: HashMap::new() };
        task.refresh_files(true).await;
        if !legacies.targets.is_empty()
            && let Some(stop) = task.await_lists(&mut stopped).await
        {
            return task.leave(stop, legacies).await;
        }
        task.sync(&mut legacies.targets).await;
        task.end(std::mem::take(&mut legacies.targets)).await;
        let stop = task.follow(stopped).await;
        task.stop_all(stop.unwrap_or(Stop::Quit)).await
    }

    /// Waits until every list is known, but not for ever. Answers how to stop, where the job must before that.
    async fn await_lists(&mut self, stopped: &mut oneshot::Receiver<Stop>) -> Option<Stop> {
        let until = Instant::now() + FIRST_LISTS_WAIT;
        while !self.lists.all_known() {
            tokio::select! {
                biased;
                stop = &mut *stopped => return Some(stop.unwrap_or(Stop::Quit)),
                () = tokio::time::sleep_until(until) => return None,
                () = self.lists.changed() => {}
            }
        }
        None
    }

    /// Hands on what was left to a job that stops before it has begun.
    async fn leave(self, how: Stop, mut legacies: Legacies) -> Legacies {
        if how == Stop::Removed {
            self.end(std::mem::take(&mut legacies.targets)).await;
        }
        legacies.lists = self.lists.end();
        legacies
    }

    /// Marks everything stale that nobody goes on with.
    async fn end(&self, left: HashMap<String, Legacy>) {
        for (_, legacy) in left {
            end_target(&self.job, &legacy.target, &legacy.cache).await;
        }
    }

    /// Looks at the files of targets, and takes what lists answer, until the job must stop.
    async fn follow(&mut self, mut stopped: oneshot::Receiver<Stop>) -> Result<Stop, oneshot::error::RecvError> {
        let every = refresh_interval(&self.job.config.file_sd_configs);
        let mut looks = interval(every.unwrap_or(FILE_POLL_INTERVAL).min(FILE_POLL_INTERVAL));
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut read = Instant::now();
        loop {
            tokio::select! {
                biased;
                stop = &mut stopped => return stop,
                () = self.lists.changed() => {
                    self.sync(&mut HashMap::new()).await;
                    continue;
                }
                _ = looks.tick(), if every.is_some() => {}
            }
            let all = every.is_some_and(|every| read.elapsed() >= every);
            if all {
                read = Instant::now();
            }
            if self.refresh_files(all).await {
                self.sync(&mut HashMap::new()).await;
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
    async fn sync(&mut self, legacies: &mut HashMap<String, Legacy>) {
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
        let mut found = Found::default();
        found.errors.extend(
            config
                .other_discoveries
                .iter()
                .map(|key| format!("{key} is not built: the targets that it would find are not scraped")),
        );
        found.errors.extend(self.files.errors().map(str::to_owned));
        found.errors.extend(self.lists.errors());
        let mut targets = HashMap::new();
        let addresses = |group: &TargetGroup| group.targets.len();
        let groups = config.static_configs.iter().chain(self.files.groups()).chain(self.lists.groups());
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
        let targets = futures_util::future::join_all(stopping).await.into_iter().flatten().collect();
        Legacies { targets, lists: self.lists.end() }
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
