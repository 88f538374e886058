//! The threads of each signal that keep it in order: one seals the hot tail and trims the journal, the other compacts
//! parts and keeps retention, so that a long merge never holds up a seal.

use crate::data_folder::DataFolder;
use crate::ingest::Ledger;
use crate::inventory::Entry;
use crate::limits::{RETENTION_INTERVAL, STOP_SEAL_BYTES};
use crate::observe::Observer;
use crate::signal::{Retention, Sealed, SignalStore, StoreError};
use clew_host::Clock;
use clew_journal::{Journal, JournalPosition};
use clew_model::ErrorKind;
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
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

/// The state shared by the keeping threads, the commit thread and whoever stops them.
pub struct Maintenance<S: SignalStore> {
    store: Arc<S>,
    journal: Arc<Journal>,
    ledger: Arc<Ledger<S>>,
    clock: Arc<dyn Clock>,
    observer: Arc<Observer>,
    options: MaintenanceOptions,
    folder: Arc<DataFolder>,
    /// When the store was opened, by monotonic time.
    opened: Duration,
    /// What the store says, known here without its locks; retention alone changes it.
    kept_from: AtomicI64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopping: bool,
    /// Monotonic time at which the oldest hot record arrived.
    hot_since: Option<Duration>,
    /// Calls of `seal_now`; the last of them that the seal going on answers; the last that one answered well; the last
    /// that one answered by a failure.
    asked: u64,
    taken: u64,
    sealed: u64,
    failed: u64,
    /// Calls of `tidy_now`, and the last of them that is answered.
    tidy_asked: u64,
    tidied: u64,
    /// Seals since parts were last looked at for compaction.
    seals: u32,
    /// Why the last seal failed, until one succeeds.
    trouble: Option<Unsealable>,
    /// A thread of the write path is gone by a panic.
    broken: bool,
}

/// Why the hot tail cannot be sealed.
#[derive(Debug, Clone)]
pub(crate) struct Unsealable {
    /// What a caller may do.
    pub(crate) kind: ErrorKind,
    /// The cause.
    pub(crate) cause: Arc<str>,
}

impl From<&StoreError> for Unsealable {
    fn from(error: &StoreError) -> Self {
        // What is refused for it was never looked at: the sender may try again, whatever ails the store.
        let kind = if error.kind.is_retryable() { error.kind } else { ErrorKind::Unavailable };
        Self { kind, cause: error.source.to_string().into() }
    }
}

impl<S: SignalStore> Maintenance<S> {
    pub(crate) fn new(
        store: Arc<S>,
        journal: Arc<Journal>,
        ledger: Arc<Ledger<S>>,
        clock: Arc<dyn Clock>,
        observer: Arc<Observer>,
        options: MaintenanceOptions,
        folder: Arc<DataFolder>,
    ) -> Self {
        let hot_since = store.hot().needs_seal.then(|| clock.monotonic());
        let state = Mutex::new(State { hot_since, ..State::default() });
        let kept_from = AtomicI64::new(store.kept_from());
        let changed = Condvar::new();
        let opened = clock.monotonic();
        Self { store, journal, ledger, clock, observer, options, folder, opened, kept_from, state, changed }
    }

    /// Nothing before this instant is kept: what retention by age allows, unless the clock is not believed, and what the
    /// store has removed already, by size or under a clock that went ahead.
    #[must_use]
    pub fn oldest_kept(&self) -> i64 {
        let age = self.options.retention.age.filter(|_| !self.folder.clock.is_doubted());
        let by_age = age.map_or(i64::MIN, |age| self.clock.now().saturating_sub(age));
        by_age.max(self.kept_from.load(Ordering::Relaxed))
    }

    /// Tells the thread that seals that records arrived.
    pub(crate) fn nudge(&self) {
        let hot = self.store.hot();
        let mut state = self.state.lock();
        let first = state.hot_since.is_none() && hot.needs_seal;
        if first {
            state.hot_since = Some(self.clock.monotonic());
        }
        if first || hot.bytes >= self.options.seal_bytes {
            self.changed.notify_all();
        }
    }

    /// Waits until the hot tail is below `limit` bytes, so that memory stays bounded when sealing is slow.
    ///
    /// # Errors
    /// It is above the limit and sealing fails, so waiting would not help.
    pub(crate) fn wait_below(&self, limit: u64) -> Result<(), Unsealable> {
        let mut state = self.state.lock();
        loop {
            if state.broken {
                let cause = "the thread that seals panicked".into();
                return Err(Unsealable { kind: ErrorKind::Unavailable, cause });
            }
            if state.stopping || self.store.hot().bytes <= limit {
                return Ok(());
            }
            if let Some(trouble) = &state.trouble {
                return Err(trouble.clone());
            }
            self.changed.notify_all();
            self.changed.wait_for(&mut state, Duration::from_millis(50));
        }
    }

    /// Seals everything acknowledged before the call and waits for it; for tests, backups and clients that ask for it.
    /// Answers false when it failed.
    pub fn seal_now(&self) -> bool {
        let mut state = self.state.lock();
        // A seal that is going on may have begun before the last records came: only one that begins later counts.
        state.asked += 1;
        let asked = state.asked;
        self.changed.notify_all();
        while !state.stopping && !state.broken && state.sealed < asked && state.failed < asked {
            self.changed.wait_for(&mut state, Duration::from_millis(50));
        }
        state.sealed >= asked
    }

    /// Compacts and keeps retention as far as either is due, and waits for it; for tests.
    pub fn tidy_now(&self) {
        let mut state = self.state.lock();
        state.tidy_asked += 1;
        let asked = state.tidy_asked;
        self.changed.notify_all();
        while !state.stopping && !state.broken && state.tidied < asked {
            self.changed.wait_for(&mut state, Duration::from_millis(50));
        }
    }

    /// The keeper or the commit thread panicked: nobody may wait for a seal any more.
    pub(crate) fn break_down(&self) {
        self.state.lock().broken = true;
        self.changed.notify_all();
    }

    pub(crate) fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Seals whenever it is due, until stopped.
    pub(crate) fn run_seals(&self) {
        while self.wait_for_seal() {
            self.seal();
        }
    }

    /// Compacts parts and keeps retention, until stopped.
    pub(crate) fn run_tidying(&self) {
        let mut retained = self.opened;
        self.tell_usage();
        self.write_down();
        while let Some(work) = self.wait_for_tidying(retained) {
            match work {
                Work::Compact => self.compact(retained),
                Work::Retain => {
                    retained = self.clock.monotonic();
                    self.retain();
                }
            }
        }
        // What would take long to read back from the journal is sealed now, so that the next start is quick.
        if !self.state.lock().broken && self.store.hot().bytes >= STOP_SEAL_BYTES {
            self.seal();
        }
    }

    /// Sleeps until a seal is due; false when stopping.
    fn wait_for_seal(&self) -> bool {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return false;
            }
            let now = self.clock.monotonic();
            let due = state.hot_since.map(|since| since + self.options.seal_age);
            if state.asked > state.taken || self.is_seal_worth_it() || due.is_some_and(|due| due <= now) {
                return true;
            }
            match due {
                Some(due) => {
                    self.changed.wait_for(&mut state, due.saturating_sub(now).max(Duration::from_millis(1)));
                }
                None => self.changed.wait(&mut state),
            }
        }
    }

    /// Sleeps until there is something to tidy up; `None` when stopping.
    fn wait_for_tidying(&self, retained: Duration) -> Option<Work> {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            let now = self.clock.monotonic();
            let due = retained + RETENTION_INTERVAL;
            // First: under load there may always be something to compact.
            if due <= now {
                return Some(Work::Retain);
            }
            if state.seals >= SEALS_PER_COMPACTION {
                state.seals = 0;
                return Some(Work::Compact);
            }
            if state.tidied < state.tidy_asked {
                state.tidied = state.tidy_asked;
                self.changed.notify_all();
            }
            self.changed.wait_for(&mut state, due.saturating_sub(now).max(Duration::from_millis(1)));
        }
    }

    fn is_seal_worth_it(&self) -> bool {
        self.store.hot().bytes >= self.options.seal_bytes
    }

    fn seal(&self) {
        {
            let mut state = self.state.lock();
            state.taken = state.asked;
            state.hot_since = None;
        }
        let started = std::time::Instant::now();
        let result = self.seal_with_room();
        let sealed = match result {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::error!(signal = S::SIGNAL.as_str(), error = %error.source, "cannot seal; the records stay in the journal");
                self.observer.seal_failed(S::SIGNAL);
                self.after_failed_seal(&error);
                return;
            }
        };
        self.observer.sealed(S::SIGNAL, &sealed, started.elapsed());
        self.trim(sealed.position);
        self.write_down();
        let hot = self.store.hot();
        let mut state = self.state.lock();
        state.sealed = state.taken;
        state.seals = state.seals.saturating_add(1);
        state.trouble = None;
        if hot.needs_seal && state.hot_since.is_none() {
            state.hot_since = Some(self.clock.monotonic());
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Seals; where the disk is full once more with the reserve. What is sealed gives back the room of its journal.
    fn seal_with_room(&self) -> Result<Sealed, StoreError> {
        match self.store.seal() {
            Err(error) if error.kind == ErrorKind::StorageFull && self.folder.room.release() => self.store.seal(),
            sealed => sealed,
        }
    }

    /// Writes down what there is of the signal, by which a start knows what is missing.
    fn write_down(&self) {
        let (sealed, on_disk) = (self.store.sealed_position(), self.store.on_disk());
        let entry = Entry {
            journal: Some(self.journal.identity()),
            sealed,
            files: on_disk.parts,
            records: on_disk.records,
            checkpoints: self.ledger.has_checkpoints(),
        };
        self.folder.inventory.set(S::SIGNAL, entry);
    }

    /// Tells what the signal takes on disk.
    fn tell_usage(&self) {
        self.folder.usage.set(S::SIGNAL, self.store.on_disk().bytes, self.journal.stats().bytes);
    }

    /// Drops what neither the store nor an accumulator needs of the journal any more.
    fn trim(&self, sealed: u64) {
        let needed = match self.ledger.write() {
            Ok(reached) => reached.map_or(sealed, |reached| reached.min(sealed)),
            Err(error) => {
                tracing::error!(signal = S::SIGNAL.as_str(), error = %error.source, "cannot write a checkpoint; the journal keeps what it needs");
                return;
            }
        };
        if let Err(error) = self.journal.trim(JournalPosition(needed)) {
            tracing::warn!(signal = S::SIGNAL.as_str(), %error, "cannot drop journal segments that are sealed");
        }
    }

    /// Pauses before the next attempt, however many writers call for one; `seal_now` alone is heard.
    fn after_failed_seal(&self, error: &StoreError) {
        let mut state = self.state.lock();
        state.failed = state.taken;
        state.trouble = Some(error.into());
        state.hot_since = Some(self.clock.monotonic());
        self.changed.notify_all();
        let until = std::time::Instant::now() + RETRY_AFTER_FAILURE;
        while !state.stopping && state.asked == state.taken {
            if self.changed.wait_until(&mut state, until).timed_out() {
                return;
            }
        }
    }

    /// Merges until there is nothing more to do, or retention is due.
    fn compact(&self, retained: Duration) {
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
            self.write_down();
            if retained + RETENTION_INTERVAL <= self.clock.monotonic() {
                // What is left is looked at again after it.
                self.state.lock().seals = SEALS_PER_COMPACTION;
                return;
            }
        }
    }

    /// Applies retention; by size alone while the clock is not believed.
    fn retain(&self) {
        let doubt = self.folder.clock.look();
        self.folder.room.make_reserve();
        let Retention { age, bytes } = self.options.retention;
        let cutoff = age.filter(|_| doubt.is_none()).map_or(i64::MIN, |age| self.clock.now().saturating_sub(age));
        self.tell_usage();
        let most = [bytes, self.folder.usage.allowance(S::SIGNAL)].into_iter().flatten().min();
        let retained = match self.store.retain(cutoff, most) {
            // What it removes is more than what it writes.
            Err(error) if error.kind == ErrorKind::StorageFull && self.folder.room.release() => {
                self.store.retain(cutoff, most)
            }
            retained => retained,
        };
        self.kept_from.store(self.store.kept_from(), Ordering::Relaxed);
        match retained {
            Ok(removed) => {
                self.observer.retained(S::SIGNAL, &removed);
                self.tell_usage();
                self.write_down();
            }
            Err(error) => {
                tracing::error!(signal = S::SIGNAL.as_str(), error = %error.source, "cannot remove what is older than retention keeps");
            }
        }
    }
}

enum Work {
    Compact,
    Retain,
}
