//! The thread of each signal that seals the hot tail, trims the journal, compacts parts and keeps retention.

use crate::disk_usage::DiskUsage;
use crate::limits::{CLOCK_JUMP, RETENTION_INTERVAL};
use crate::observe::Observer;
use crate::signal::{Retention, SignalStore};
use clew_host::Clock;
use clew_journal::{Journal, JournalPosition};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Duration;

/// Seals between two looks for parts to compact.
const SEALS_PER_COMPACTION: u32 = 4;

/// How long to wait after a seal that failed (a full disk, say) before the next attempt.
const RETRY_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// When the hot tail is sealed and what is kept.
#[derive(Debug, Clone, Copy)]
pub struct MaintenanceOptions {
    /// Bytes of hot tail that are worth a seal.
    pub seal_bytes: u64,
    /// Age of the oldest hot record at which it is sealed however little there is.
    pub seal_age: Duration,
    /// What is kept.
    pub retention: Retention,
}

/// The state shared by the keeper thread, the commit thread and whoever stops them.
pub struct Maintenance<S: SignalStore> {
    store: Arc<S>,
    journal: Arc<Journal>,
    clock: Arc<dyn Clock>,
    observer: Arc<Observer>,
    options: MaintenanceOptions,
    usage: Arc<DiskUsage>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    /// Monotonic time at which the oldest hot record arrived.
    hot_since: Option<Duration>,
    seal_asked: bool,
    seals_done: u64,
    seal_failures: u64,
}

/// The clock at the last retention, to notice jumps.
struct ClockWatch {
    wall: i64,
    monotonic: Duration,
}

impl<S: SignalStore> Maintenance<S> {
    pub(crate) fn new(
        store: Arc<S>,
        journal: Arc<Journal>,
        clock: Arc<dyn Clock>,
        observer: Arc<Observer>,
        options: MaintenanceOptions,
        usage: Arc<DiskUsage>,
    ) -> Self {
        let hot_since = (store.hot().records > 0).then(|| clock.monotonic());
        let state = Mutex::new(State { hot_since, ..State::default() });
        Self { store, journal, clock, observer, options, usage, state, changed: Condvar::new() }
    }

    /// Nothing before this instant is kept.
    #[must_use]
    pub fn oldest_kept(&self) -> i64 {
        self.options.retention.age.map_or(i64::MIN, |age| self.clock.now().saturating_sub(age))
    }

    /// Tells the keeper that records arrived.
    pub(crate) fn nudge(&self) {
        let hot = self.store.hot();
        let mut state = self.state.lock();
        let first = state.hot_since.is_none() && hot.records > 0;
        if first {
            state.hot_since = Some(self.clock.monotonic());
        }
        if first || hot.bytes >= self.options.seal_bytes {
            self.changed.notify_all();
        }
    }

    /// Waits until the hot tail is below `limit` bytes, so that memory stays bounded when sealing is slow.
    pub(crate) fn wait_below(&self, limit: u64) {
        let mut state = self.state.lock();
        while !state.stopping && self.store.hot().bytes > limit {
            self.changed.notify_all();
            self.changed.wait_for(&mut state, Duration::from_millis(50));
        }
    }

    /// Seals now and waits for it; for tests, backups and clients that ask for it. Answers false when it failed.
    pub fn seal_now(&self) -> bool {
        let mut state = self.state.lock();
        let (done, failed) = (state.seals_done, state.seal_failures);
        state.seal_asked = true;
        self.changed.notify_all();
        while !state.stopping && state.seals_done == done && state.seal_failures == failed {
            self.changed.wait_for(&mut state, Duration::from_millis(50));
        }
        state.seals_done > done
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Runs until stopped.
    pub(crate) fn run(&self) {
        let mut watch = ClockWatch { wall: self.clock.now(), monotonic: self.clock.monotonic() };
        self.retain(&mut watch, true);
        let mut seals = 0u32;
        while let Some(work) = self.wait(&watch) {
            match work {
                Work::Seal => {
                    self.seal();
                    seals = seals.wrapping_add(1);
                    if seals.is_multiple_of(SEALS_PER_COMPACTION) {
                        self.compact();
                    }
                }
                Work::Retain => self.retain(&mut watch, false),
            }
        }
    }

    /// Sleeps until there is something to do; `None` when stopping.
    fn wait(&self, watch: &ClockWatch) -> Option<Work> {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            let now = self.clock.monotonic();
            let seal_due = state.hot_since.map(|since| since + self.options.seal_age);
            if state.seal_asked
                || self.store.hot().bytes >= self.options.seal_bytes
                || seal_due.is_some_and(|due| due <= now)
            {
                return Some(Work::Seal);
            }
            let retain_due = watch.monotonic + RETENTION_INTERVAL;
            if retain_due <= now {
                return Some(Work::Retain);
            }
            let due = seal_due.map_or(retain_due, |seal| seal.min(retain_due));
            self.changed.wait_for(&mut state, due.saturating_sub(now).max(Duration::from_millis(1)));
        }
    }

    fn seal(&self) {
        {
            let mut state = self.state.lock();
            state.seal_asked = false;
            state.hot_since = None;
        }
        let started = std::time::Instant::now();
        let result = self.store.seal();
        let sealed = match result {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::error!(signal = S::SIGNAL.as_str(), error = %error.source, "cannot seal; the records stay in the journal");
                self.observer.seal_failed(S::SIGNAL);
                self.after_failed_seal();
                return;
            }
        };
        self.observer.sealed(S::SIGNAL, &sealed, started.elapsed());
        if let Err(error) = self.journal.trim(JournalPosition(sealed.position)) {
            tracing::warn!(signal = S::SIGNAL.as_str(), %error, "cannot drop journal segments that are sealed");
        }
        let hot = self.store.hot();
        let mut state = self.state.lock();
        state.seals_done += 1;
        if hot.records > 0 && state.hot_since.is_none() {
            state.hot_since = Some(self.clock.monotonic());
        }
        drop(state);
        self.changed.notify_all();
    }

    fn after_failed_seal(&self) {
        let mut state = self.state.lock();
        state.seal_failures += 1;
        state.hot_since = Some(self.clock.monotonic());
        self.changed.notify_all();
        if !state.stopping {
            self.changed.wait_for(&mut state, RETRY_AFTER_FAILURE);
        }
    }

    fn compact(&self) {
        loop {
            if self.state.lock().stopping {
                return;
            }
            let started = std::time::Instant::now();
            match self.store.compact() {
                Ok(true) => self.observer.compacted(S::SIGNAL, started.elapsed()),
                Ok(false) => return,
                Err(error) => {
                    tracing::error!(signal = S::SIGNAL.as_str(), error = %error.source, "cannot compact; the parts stay as they are");
                    return;
                }
            }
        }
    }

    /// Applies retention unless the clock jumped since the last time: then it only takes note of the new time.
    fn retain(&self, watch: &mut ClockWatch, at_start: bool) {
        let (wall, monotonic) = (self.clock.now(), self.clock.monotonic());
        let expected = i64::try_from(monotonic.saturating_sub(watch.monotonic).as_nanos()).unwrap_or(i64::MAX);
        let drift = wall.saturating_sub(watch.wall).saturating_sub(expected).unsigned_abs();
        *watch = ClockWatch { wall, monotonic };
        if !at_start && u128::from(drift) > CLOCK_JUMP.as_nanos() {
            tracing::warn!(signal = S::SIGNAL.as_str(), "the clock jumped; retention waits for the next round");
            return;
        }
        let Retention { age, bytes } = self.options.retention;
        let cutoff = age.map_or(i64::MIN, |age| wall.saturating_sub(age));
        self.usage.set(S::SIGNAL, self.store.on_disk().bytes);
        let most = [bytes, self.usage.allowance(S::SIGNAL)].into_iter().flatten().min();
        match self.store.retain(cutoff, most) {
            Ok(removed) => {
                self.observer.retained(S::SIGNAL, &removed);
                self.usage.set(S::SIGNAL, self.store.on_disk().bytes);
            }
            Err(error) => {
                tracing::error!(signal = S::SIGNAL.as_str(), error = %error.source, "cannot remove what is older than retention keeps");
            }
        }
    }
}

enum Work {
    Seal,
    Retain,
}
