//! What the program holds and what it took since its start.

use crate::ingest::{Pipeline, Source};
use crate::limits::HOT_HARD_FACTOR;
use crate::memory::ShareUse;
use crate::server::App;
use crate::signal::{Hot, OnDisk, Retention, SignalStore};
use crate::trusted_clock::Doubt;
use clew_model::{MemoryShare, SetAside, Signal};

/// One signal: what came since the start of the process, and what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignalStatus {
    /// The signal.
    pub signal: Signal,
    /// Records taken since the start of the process.
    pub accepted: u64,
    /// Records refused since the start of the process; a request that could not be read at all counts as one.
    pub rejected: u64,
    /// What is in memory, in the journal too, but in no part yet.
    pub hot: Hot,
    /// What is in sealed parts.
    pub on_disk: OnDisk,
    /// How long and how much is kept.
    pub retention: Retention,
    /// Whether nothing more is taken until a restart.
    pub failed: bool,
    /// Why it takes and answers nothing until a restart, where its disk could not be used at the start.
    pub closed: Option<String>,
    /// Its files that are not read because they are damaged or missing.
    pub set_aside: Vec<SetAside>,
}

/// All signals and their sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Logs, metrics, traces.
    pub signals: Vec<SignalStatus>,
    /// Who brought something since the start of the process.
    pub sources: Vec<Source>,
    /// Files of the data directory itself that were damaged or missing at the start.
    pub set_aside: Vec<SetAside>,
    /// Whether there is no room on the disk.
    pub disk_full: bool,
    /// Why the clock is not believed, if it is not.
    pub clock_doubt: Option<Doubt>,
}

impl App {
    /// How much of each share of the memory is held.
    #[must_use]
    pub fn memory_use(&self) -> Vec<ShareUse> {
        let shares = &self.options().memory;
        let stores = [parts(self.logs()), parts(self.metrics()), parts(self.traces())];
        let [hot, cached] = [stores.map(|own| own.0), stores.map(|own| own.1)].map(|own| own.into_iter().sum());
        let hot_limit = (shares.logs_hot + shares.metrics_hot + shares.traces_hot).saturating_mul(HOT_HARD_FACTOR);
        let of = |name, share: &MemoryShare| ShareUse { name, limit: share.limit(), used: share.used() };
        vec![
            of("ingest", &self.memory().ingest),
            ShareUse { name: "hot", limit: hot_limit, used: hot },
            of("queries", &self.memory().queries),
            of("answers", &self.memory().answers),
            of("scraping", &self.memory().scraping),
            ShareUse { name: "caches", limit: shares.caches, used: cached },
        ]
    }

    /// What is held and what came. Asks the stores and the disk: blocks for a moment.
    #[must_use]
    pub fn status(&self) -> Status {
        let sources = self.observer().sources();
        let options = self.options();
        let signals = vec![
            signal(self.logs(), options.logs.retention, &sources),
            signal(self.metrics(), options.metrics.retention, &sources),
            signal(self.traces(), options.traces.retention, &sources),
        ];
        let set_aside = self.set_aside().to_vec();
        Status { signals, sources, set_aside, disk_full: self.is_disk_full(), clock_doubt: self.clock_doubt() }
    }
}

/// Bytes that a signal's hot tail and its caches hold.
fn parts<S: SignalStore>(pipeline: &Pipeline<S>) -> (u64, u64) {
    (pipeline.store().hot().bytes, pipeline.store().cached_bytes())
}

fn signal<S: SignalStore>(pipeline: &Pipeline<S>, retention: Retention, sources: &[Source]) -> SignalStatus {
    pipeline.tell_damage();
    let own = || sources.iter().filter(|source| source.signal == S::SIGNAL);
    SignalStatus {
        signal: S::SIGNAL,
        accepted: own().map(|source| source.accepted).sum(),
        rejected: own().map(|source| source.rejected).sum(),
        hot: pipeline.store().hot(),
        on_disk: pipeline.store().on_disk(),
        retention,
        failed: pipeline.status().failed,
        closed: pipeline.closed().map(|reason| reason.to_string()),
        set_aside: pipeline.set_aside(),
    }
}
