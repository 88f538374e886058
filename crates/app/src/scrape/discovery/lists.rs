//! Lists of targets from elsewhere: each is asked for in its rhythm by a task of its own, and what it answered last
//! stays while it fails.

use super::super::job_task::Job;
use super::super::limits::{MAX_ERROR_BYTES, MAX_WAITING_LISTS};
use super::{dns, http};
use clew_config::prometheus::{DnsDiscovery, HttpDiscovery, ScrapeConfig, TargetGroup};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

/// Who is asked.
#[derive(Debug, Clone, PartialEq)]
enum ListSource {
    /// A server; its place among those of the job.
    Http(Box<HttpDiscovery>, usize),
    Dns(DnsDiscovery),
}

impl ListSource {
    fn interval(&self) -> Duration {
        match self {
            ListSource::Http(discovery, _) => discovery.refresh_interval,
            ListSource::Dns(discovery) => discovery.refresh_interval,
        }
    }

    /// Asks once. Answers each part of the list: the URL's, or a name's. Errors are as short as they may be told.
    async fn ask(&self, job: &Job) -> Vec<Part> {
        let mut parts = match self {
            ListSource::Http(discovery, place) => {
                let answer = match job.list_client(*place) {
                    Some(client) => http::ask(discovery, &client, &job.shared.pages).await,
                    None => Err("there is no client for it".to_owned()),
                };
                vec![(discovery.shown_url(), answer)]
            }
            ListSource::Dns(discovery) => dns::look_up(discovery, &job.shared.dns).await,
        };
        for error in parts.iter_mut().filter_map(|(_, answer)| answer.as_mut().err()) {
            error.truncate(error.floor_char_boundary(MAX_ERROR_BYTES));
        }
        parts
    }

    fn key(&self) -> &'static str {
        match self {
            ListSource::Http(..) => "http_sd_configs",
            ListSource::Dns(_) => "dns_sd_configs",
        }
    }
}

/// A part of a list with its name.
type Part = (String, Result<Vec<TargetGroup>, String>);

/// A list as it was answered last.
#[derive(Debug)]
pub(in super::super) struct TargetList {
    source: ListSource,
    /// The last good answer of each part.
    parts: BTreeMap<String, Vec<TargetGroup>>,
    /// Why parts could not be asked the last time.
    errors: BTreeMap<String, String>,
    asked: bool,
}

/// The lists of a job, and the tasks that ask for them. The tasks end with it.
pub(in super::super) struct TargetLists {
    lists: Vec<TargetList>,
    answers: mpsc::Receiver<(usize, Vec<Part>)>,
    tasks: Vec<JoinHandle<()>>,
}

impl TargetLists {
    /// Begins to ask. `known` are lists of an earlier form of the job: those that are still asked for stay until they
    /// are answered anew.
    pub(in super::super) fn start(job: &Arc<Job>, mut known: Vec<TargetList>) -> Self {
        let (sender, answers) = mpsc::channel(MAX_WAITING_LISTS);
        let (mut lists, mut tasks) = (Vec::new(), Vec::new());
        for (index, source) in sources(&job.config).into_iter().enumerate() {
            let same = known.iter().position(|list| list.source == source);
            let parts = same.map(|place| known.swap_remove(place).parts).unwrap_or_default();
            let asked = !parts.is_empty();
            tasks.push(tokio::spawn(ask_for_ever(job.clone(), source.clone(), index, sender.clone())));
            lists.push(TargetList { source, parts, errors: BTreeMap::new(), asked });
        }
        Self { lists, answers, tasks }
    }

    /// Waits for the next answer and takes it; for ever, where nobody is asked.
    pub(in super::super) async fn changed(&mut self) {
        if self.lists.is_empty() {
            return std::future::pending().await;
        }
        match self.answers.recv().await {
            Some((index, parts)) => {
                if let Some(list) = self.lists.get_mut(index) {
                    list.take(parts);
                }
            }
            // No task is left; that is told where they ended.
            None => std::future::pending().await,
        }
    }

    /// Whether each list is known, from now or from before.
    pub(in super::super) fn all_known(&self) -> bool {
        self.lists.iter().all(|list| list.asked)
    }

    /// The targets of all lists.
    pub(in super::super) fn groups(&self) -> impl Iterator<Item = &TargetGroup> + Clone {
        self.lists.iter().flat_map(|list| list.parts.values().flatten())
    }

    /// What is wrong with lists.
    pub(in super::super) fn errors(&self) -> impl Iterator<Item = String> {
        self.lists.iter().flat_map(TargetList::told)
    }

    /// Ends asking. Answers the lists as they are.
    pub(in super::super) fn end(mut self) -> Vec<TargetList> {
        std::mem::take(&mut self.lists)
    }
}

impl Drop for TargetLists {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl TargetList {
    fn take(&mut self, parts: Vec<Part>) {
        self.asked = true;
        for (name, answer) in parts {
            match answer {
                Ok(groups) => {
                    self.errors.remove(&name);
                    self.parts.insert(name, groups);
                }
                Err(error) => {
                    self.errors.insert(name, error);
                }
            }
        }
    }

    fn told(&self) -> impl Iterator<Item = String> {
        self.errors.iter().map(|(name, error)| {
            let kept: usize = self.parts.get(name).into_iter().flatten().map(|group| group.targets.len()).sum();
            let targets = if kept == 1 { "target" } else { "targets" };
            format!("{} of {name}: {error}; {kept} {targets} of the last good answer stay", self.source.key())
        })
    }
}

fn sources(config: &ScrapeConfig) -> Vec<ListSource> {
    let servers = config.http_sd_configs.iter().enumerate();
    let servers = servers.map(|(place, discovery)| ListSource::Http(Box::new(discovery.clone()), place));
    servers.chain(config.dns_sd_configs.iter().cloned().map(ListSource::Dns)).collect()
}

/// Asks until nobody listens any more.
async fn ask_for_ever(job: Arc<Job>, source: ListSource, index: usize, answers: mpsc::Sender<(usize, Vec<Part>)>) {
    let mut ticks = interval(source.interval());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failed = false;
    loop {
        ticks.tick().await;
        let parts = source.ask(&job).await;
        let error = parts.iter().find_map(|(name, answer)| answer.as_ref().err().map(|error| (name, error)));
        match error {
            Some((name, error)) if !failed => {
                let (job, key) = (&job.config.job_name, source.key());
                tracing::warn!(%job, list = %name, %error, "{key} cannot be asked, the last good answer stays");
            }
            None if failed => tracing::info!(job = %job.config.job_name, "{} is answered again", source.key()),
            _ => {}
        }
        failed = error.is_some();
        if answers.send((index, parts)).await.is_err() {
            return;
        }
    }
}
