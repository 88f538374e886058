//! The task of one target: scrape, write, tell how it went, until it is told to stop.

use super::cache::{Families, SeriesCache};
use super::client::{JobClient, TargetClient};
use super::error::ScrapeError;
use super::fetch::{Answer, fetch};
use super::job_task::{Job, Shared};
use super::limits::{INLINE_BODY_BYTES, MAX_ERROR_BYTES};
use super::offset::Schedule;
use super::round::{Counts, Round};
use super::sink::Refused;
use super::status::{Health, LastScrape};
use super::target::Target;
use clew_config::prometheus::ScrapeConfig;
use clew_config::relabel::LabelBuilder;
use clew_model::metrics::{LabelSets, Labels, METRIC_NAME, MetricBatch, STALE_NAN, Sample};
use clew_model::time::NANOS_PER_MILLI;
use clew_model::{UnixMillis, UnixNanos};
use clew_telemetry::table;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Why a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The target is gone: its series are marked stale.
    Removed,
    /// Another task goes on with its series.
    Replaced,
    /// The server stops: the series go on when it is back.
    Quit,
}

/// A target with what its task tells.
#[derive(Debug)]
pub(super) struct TargetEntry {
    pub(super) target: Target,
    pub(super) last: Mutex<LastScrape>,
    pub(super) families: Families,
}

/// A task that runs.
#[derive(Debug)]
pub(super) struct RunningTarget {
    pub(super) entry: Arc<TargetEntry>,
    stop: oneshot::Sender<Stop>,
    task: JoinHandle<SeriesCache>,
}

impl RunningTarget {
    /// Starts the task; `cache` is what an earlier task of the same target left.
    pub(super) fn start(job: Arc<Job>, target: Target, cache: SeriesCache, last: LastScrape) -> Self {
        let entry = Arc::new(TargetEntry { target, last: Mutex::new(last), families: Arc::clone(&cache.metadata) });
        let (stop, stopped) = oneshot::channel();
        let task = TargetTask::new(job, entry.clone(), cache);
        Self { entry, stop, task: tokio::spawn(task.run(stopped)) }
    }

    /// Tells the task to stop, and waits for it at the returned handle, which gives what it knew of its series.
    pub(super) fn stop(self, how: Stop) -> JoinHandle<SeriesCache> {
        // A task that has ended by itself hears nothing; its handle tells.
        let _ = self.stop.send(how);
        self.task
    }
}

struct TargetTask {
    job: Arc<Job>,
    entry: Arc<TargetEntry>,
    cache: SeriesCache,
    report: Report,
    schedule: Schedule,
    /// The client that was made last, and from what.
    client: Option<(Arc<JobClient>, Result<TargetClient, String>)>,
}

impl TargetTask {
    fn new(job: Arc<Job>, entry: Arc<TargetEntry>, cache: SeriesCache) -> Self {
        let target = &entry.target;
        let schedule = Schedule::new(target.identity().as_bytes(), target.interval);
        let report = Report::new(&job.config, &target.labels);
        Self { job, entry, cache, report, schedule, client: None }
    }

    async fn run(mut self, mut stopped: oneshot::Receiver<Stop>) -> SeriesCache {
        let wait = self.schedule.wait(self.shared().clock.now());
        let mut ticks = interval_at(Instant::now() + wait, self.entry.target.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let stop = loop {
            tokio::select! {
                biased;
                stop = &mut stopped => break stop,
                _ = ticks.tick() => {}
            }
            let began = self.shared().clock.now();
            let begun = self.shared().clock.monotonic();
            // Only the request is given up when the task must stop; what has been read is written.
            let answer = tokio::select! {
                biased;
                stop = &mut stopped => break stop,
                answer = self.ask() => answer,
            };
            let took = self.shared().clock.monotonic().saturating_sub(begun);
            self.take(answer, began, took).await;
        };
        // A sender that is gone means that everything stops.
        if stop.unwrap_or(Stop::Quit) == Stop::Removed {
            let now = self.shared().clock.now();
            let batch = end_markers(&self.cache, &self.report, now);
            write_end(self.shared(), batch, &self.entry.target).await;
        }
        self.cache
    }

    fn shared(&self) -> &Shared {
        &self.job.shared
    }

    async fn ask(&mut self) -> Result<Answer, ScrapeError> {
        if let Some((found, limit)) = self.job.over_target_limit() {
            return Err(ScrapeError::TargetLimit { found, limit });
        }
        let entry = self.entry.clone();
        let target = &entry.target;
        let client = self.job.client();
        let current = self.client.as_ref().is_some_and(|(made_from, _)| Arc::ptr_eq(made_from, &client));
        if !current {
            let (maker, url) = (client.clone(), target.url.clone());
            let made = tokio::task::spawn_blocking(move || maker.for_target(&url)).await;
            self.client = Some((client, made.unwrap_or_else(|error| Err(error.to_string()))));
        }
        let client = match &self.client {
            Some((_, Ok(client))) => client,
            Some((_, Err(error))) => return Err(ScrapeError::Client(error.clone())),
            None => return Err(ScrapeError::Client("there is none".to_owned())),
        };
        let asking = async {
            // The permit bounds requests; the semaphore is never closed.
            let _permit = self.job.shared.running.acquire().await;
            fetch(&self.job.config, target, client, &self.job.shared.pages).await
        };
        // Waiting for the permit counts as part of the timeout.
        let bound = target.timeout.saturating_add(Duration::from_millis(10));
        tokio::time::timeout(bound, asking).await.unwrap_or(Err(ScrapeError::Timeout(target.timeout)))
    }

    /// Writes what a scrape brought, or that it failed.
    async fn take(&mut self, mut answer: Result<Answer, ScrapeError>, began: UnixNanos, took: Duration) {
        let time = self.schedule.align(began).div_euclid(NANOS_PER_MILLI);
        let body_size = match &answer {
            Ok(answer) => answer.page.bytes.len() as f64,
            Err(ScrapeError::BodySize(_)) => -1.0,
            Err(_) => 0.0,
        };
        // Held until the samples are stored.
        let _memory = answer.as_mut().ok().and_then(|answer| answer.page.memory.take());
        let large = answer.as_ref().is_ok_and(|answer| answer.page.bytes.len() > INLINE_BODY_BYTES);
        let (job, entry, mut cache) = (self.job.clone(), self.entry.clone(), std::mem::take(&mut self.cache));
        let read = move || {
            let outcome = read_answer(&job.config, &entry.target, &mut cache, time, answer);
            (cache, outcome)
        };
        // A large body would keep a thread of the runtime from its other tasks.
        let read = if large { tokio::task::spawn_blocking(read).await } else { Ok(read()) };
        let (cache, (mut batch, counts, outcome)) = read.unwrap_or_else(|error| {
            (
                SeriesCache::default(),
                (MetricBatch::default(), Counts::default(), Err(ScrapeError::Reading(error.to_string()))),
            )
        });
        self.cache = cache;
        let (limit, timeout) = (self.job.config.limits.samples, self.entry.target.timeout);
        let own = [
            f64::from(u8::from(outcome.is_ok())),
            took.as_secs_f64(),
            counts.scraped as f64,
            counts.kept as f64,
            counts.added as f64,
            timeout.as_secs_f64(),
            limit as f64,
            body_size,
        ];
        self.report.append(&mut batch, time, own);
        let stored = self.job.shared.sink.write(batch).await;
        if stored.is_err() {
            // What was said about families did not arrive either.
            self.cache.metadata.lock().clear();
        }
        self.tell(outcome.and(stored.map_err(ScrapeError::from)), began, took, counts);
    }

    /// Notes and logs how a scrape went.
    fn tell(&self, outcome: Result<Refused, ScrapeError>, began: UnixNanos, took: Duration, counts: Counts) {
        let pool = self.job.config.job_name.as_str();
        let registry = &self.shared().registry;
        registry.counter(&table::SCRAPES, [pool, if outcome.is_ok() { "ok" } else { "failed" }]).inc();
        registry.histogram(&table::SCRAPE_DURATION, [pool]).observe_duration(took);
        let url = &self.entry.target.url;
        let mut last = self.entry.last.lock();
        match outcome {
            Ok(refused) => {
                if last.health == Health::Down {
                    tracing::info!(job = pool, %url, "target is up again");
                }
                if counts.duplicates > 0 {
                    tracing::debug!(job = pool, %url, duplicates = counts.duplicates, "samples left out: the series had one at that time");
                }
                let error = refusal(&refused);
                let was_refused = last.health == Health::Up && !last.error.is_empty();
                if !was_refused && !error.is_empty() {
                    tracing::warn!(job = pool, %url, %error, "target is up, but not all of its samples are taken");
                }
                *last = LastScrape { health: Health::Up, error, started: Some(began), duration: took };
            }
            Err(error) => {
                let error = shortened(error.to_string());
                if last.health != Health::Down {
                    tracing::warn!(job = pool, %url, %error, "target is down");
                }
                *last = LastScrape { health: Health::Down, error, started: Some(began), duration: took };
            }
        }
    }
}

/// What is told of samples that were not taken; empty when all were.
fn refusal(refused: &Refused) -> String {
    match refused.count {
        0 => String::new(),
        count => shortened(format!("{count} samples were refused: {}", refused.reason)),
    }
}

fn shortened(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_ERROR_BYTES));
    text
}

/// Turns an answer into samples; one that cannot be read, or that did not come, makes every series stale.
fn read_answer(
    job: &ScrapeConfig,
    target: &Target,
    cache: &mut SeriesCache,
    time: UnixMillis,
    answer: Result<Answer, ScrapeError>,
) -> (MetricBatch, Counts, Result<(), ScrapeError>) {
    let mut round = Round::begin(job, &target.labels, cache, time);
    match answer.and_then(|answer| round.read(&answer)) {
        Ok(()) => round.finish(),
        Err(error) => {
            let (batch, counts) = round.fail();
            (batch, counts, Err(error))
        }
    }
}

/// Marks everything of a target stale that another configuration has left.
pub(super) async fn end_target(job: &Job, target: &Target, cache: &SeriesCache) {
    let batch = end_markers(cache, &Report::new(&job.config, &target.labels), job.shared.clock.now());
    write_end(&job.shared, batch, target).await;
}

fn end_markers(cache: &SeriesCache, report: &Report, now: UnixNanos) -> MetricBatch {
    let mut batch = MetricBatch::default();
    if cache.round == 0 {
        return batch;
    }
    let now = now.div_euclid(NANOS_PER_MILLI);
    let time = cache.latest().unwrap_or(now).saturating_add(1).max(now);
    for labels in cache.live().chain(report.series()) {
        push(&mut batch, labels, time, f64::from_bits(STALE_NAN));
    }
    batch
}

async fn write_end(shared: &Shared, batch: MetricBatch, target: &Target) {
    if batch.is_empty() {
        return;
    }
    if let Err(error) = shared.sink.write(batch).await {
        tracing::warn!(url = %target.url, %error, "the series of a removed target could not be marked stale");
    }
}

fn push(batch: &mut MetricBatch, labels: &Labels, time: UnixMillis, value: f64) {
    let series = u32::try_from(batch.series.len()).unwrap_or(u32::MAX);
    batch.series.push(labels);
    batch.samples.push(Sample { series, time, value });
}

/// The series that tell about the scrape itself, in the order of their values.
const REPORT: [&str; 5] = [
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// Those that `extra_scrape_metrics` adds.
const EXTRA_REPORT: [&str; 3] = ["scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"];

/// The series that tell about the scrape itself.
#[derive(Debug)]
struct Report {
    series: Vec<Labels>,
}

impl Report {
    fn new(job: &ScrapeConfig, target: &[(String, String)]) -> Self {
        let extra: &[&str] = if job.extra_scrape_metrics { &EXTRA_REPORT } else { &[] };
        let named = |name: &&str| {
            let mut labels = LabelBuilder::new(target.iter().cloned());
            labels.set(METRIC_NAME, *name);
            // Names of target labels are not empty: the configuration's reader refuses that.
            labels.labels().unwrap_or_default()
        };
        Self { series: REPORT.iter().chain(extra).map(named).collect() }
    }

    fn series(&self) -> impl Iterator<Item = &Labels> {
        self.series.iter()
    }

    /// Adds a sample of each series, before the target's own: where room for new series is short, whether it is up must
    /// still be known.
    fn append(&self, batch: &mut MetricBatch, time: UnixMillis, values: [f64; REPORT.len() + EXTRA_REPORT.len()]) {
        let count = u32::try_from(self.series.len()).unwrap_or_default();
        let own = (0..count).zip(values);
        let shift = |series: &mut u32| *series = series.saturating_add(count);
        let mut series: LabelSets = self.series().collect();
        series.append(&batch.series);
        batch.series = series;
        batch.samples.iter_mut().for_each(|sample| shift(&mut sample.series));
        batch.histograms.iter_mut().for_each(|sample| shift(&mut sample.series));
        batch.exemplars.iter_mut().for_each(|exemplar| shift(&mut exemplar.series));
        batch.starts.iter_mut().for_each(|start| shift(&mut start.series));
        batch.samples.extend(own.map(|(series, value)| Sample { series, time, value }));
    }
}
