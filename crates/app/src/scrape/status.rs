//! What is known of targets, in the terms of Prometheus' targets API.

use clew_model::UnixNanos;
use std::collections::BTreeMap;
use std::time::Duration;

/// How the last scrape went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Health {
    /// There was none yet.
    #[default]
    Unknown,
    /// Well.
    Up,
    /// Badly; the target's last error says why.
    Down,
}

impl Health {
    /// All of them.
    pub const ALL: [Health; 3] = [Health::Unknown, Health::Up, Health::Down];

    /// The name that the API uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Health::Unknown => "unknown",
            Health::Up => "up",
            Health::Down => "down",
        }
    }
}

/// A target that is scraped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveTarget {
    /// Labels before relabelling, sorted by name.
    pub discovered_labels: Vec<(String, String)>,
    /// Labels that its series get, sorted by name.
    pub labels: Vec<(String, String)>,
    /// Name of the job's configuration.
    pub scrape_pool: String,
    /// What is requested.
    pub scrape_url: String,
    /// The same as others may reach it; the host as it is configured.
    pub global_url: String,
    /// Why the last scrape failed, or why some of its samples were refused though it went well; empty when neither.
    pub last_error: String,
    /// When the last scrape began.
    pub last_scrape: Option<UnixNanos>,
    /// How long it took.
    pub last_scrape_duration: Duration,
    /// How it went.
    pub health: Health,
    /// Time between scrapes, as Prometheus writes it (`1m30s`).
    pub scrape_interval: String,
    /// Longest time of a scrape, written in the same way.
    pub scrape_timeout: String,
}

/// A target that relabelling dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedTarget {
    /// Labels before relabelling, sorted by name.
    pub discovered_labels: Vec<(String, String)>,
    /// Name of the job's configuration.
    pub scrape_pool: String,
}

/// All targets at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrapeStatus {
    /// Targets that are scraped, by job and URL.
    pub active: Vec<ActiveTarget>,
    /// Targets that relabelling dropped, as many as are kept.
    pub dropped: Vec<DroppedTarget>,
    /// How many were dropped in each job.
    pub dropped_counts: BTreeMap<String, u64>,
    /// The jobs, in the order of the configuration.
    pub jobs: Vec<JobStatus>,
}

/// What is known of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobStatus {
    /// Its name.
    pub name: String,
    /// How many targets it scrapes.
    pub targets: usize,
    /// How many of them are up.
    pub up: usize,
    /// What is wrong with finding its targets.
    pub problems: Vec<String>,
}

/// What a target's task tells about its last scrape.
#[derive(Debug, Clone, Default)]
pub(super) struct LastScrape {
    pub(super) health: Health,
    pub(super) error: String,
    pub(super) started: Option<UnixNanos>,
    pub(super) duration: Duration,
}
