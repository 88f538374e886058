//! The queue before a journal, the thread that commits groups, and the threads that seal and that tidy up.
//!
//! Records pass the stages and are encoded on the threads of the requests. One commit thread per signal takes what waits,
//! appends its bytes to the journal, syncs once, gives it to the accumulators, makes it readable, tells the taps, and only
//! then answers; all in journal order. So the journal's order, the hot tail's order and the order of acknowledgement agree,
//! and a seal that takes "everything up to position P" takes exactly that.

use super::ledger::Ledger;
use super::refusals::{Refusal, Refusals};
use super::replay::replay;
use super::rooms::{Rooms, Stage, Tap};
use crate::data_folder::DataFolder;
use crate::error::AppError;
use crate::limits::{COMMIT_BYTES, HOT_HARD_FACTOR, QUEUE_BYTES, QUEUE_REQUESTS, QUEUE_WAIT, RETRY_AFTER_SECONDS};
use crate::maintenance::{Maintenance, MaintenanceOptions, Unsealable};
use crate::observe::Observer;
use crate::signal::{Dropped, SignalStore, StoreError};
use clew_host::{Clock, Files};
use clew_journal::{Journal, JournalError, JournalPosition};
use clew_model::{ErrorKind, SetAside, Signal, TenantId};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// The kind byte of the frames that pipelines write: one request's decided records.
pub(super) const FRAME_KIND_RECORDS: u8 = 1;

/// Bytes that one permit of the queue's semaphore stands for.
const PERMIT_BYTES: usize = 1024;

/// How a pipeline runs.
#[derive(Debug, Clone, Copy)]
pub struct PipelineOptions {
    /// When sealing, compaction and retention happen.
    pub maintenance: MaintenanceOptions,
}

/// What a pipeline is put together from.
pub struct PipelineParts<S: SignalStore> {
    /// Where batches become readable.
    pub store: Arc<S>,
    /// Where they become durable.
    pub journal: Arc<Journal>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What counts.
    pub observer: Arc<Observer>,
    /// The disk, for checkpoints.
    pub files: Arc<dyn Files>,
    /// The directory of the accumulators' checkpoints.
    pub checkpoints: PathBuf,
    /// What stands along the way.
    pub rooms: Rooms<S>,
    /// What is shared of the data directory.
    pub folder: Arc<DataFolder>,
    /// Files beside the store's own that a start found damaged or missing.
    pub aside: Vec<SetAside>,
    /// Why the signal takes and answers nothing until a restart, where its disk could not be used.
    pub closed: Option<Arc<str>>,
}

/// What a pipeline is doing, for the status page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PipelineStatus {
    /// Requests that wait for the journal.
    pub waiting: usize,
    /// Whether the journal or a thread failed, so that nothing more is taken until a restart.
    pub failed: bool,
    /// Why the last request was refused, if the disk refused it lately; the next one may be taken.
    pub refusal: Option<Refusal>,
}

/// The write path of one signal.
pub struct Pipeline<S: SignalStore> {
    store: Arc<S>,
    observer: Arc<Observer>,
    stages: Vec<Arc<dyn Stage<S::Records>>>,
    sender: parking_lot::Mutex<Option<mpsc::Sender<Request<S>>>>,
    room: Arc<Semaphore>,
    queue_permits: u32,
    waiting: Arc<AtomicUsize>,
    failed: Arc<AtomicBool>,
    refusals: Arc<Refusals>,
    maintenance: Arc<Maintenance<S>>,
    aside: Vec<SetAside>,
    closed: Option<Arc<str>>,
    commit: parking_lot::Mutex<Option<JoinHandle<()>>>,
    keep: parking_lot::Mutex<Option<JoinHandle<()>>>,
    tidy: parking_lot::Mutex<Option<JoinHandle<()>>>,
}

struct Request<S: SignalStore> {
    batch: S::Batch,
    reply: oneshot::Sender<Result<Dropped, AppError>>,
    _room: OwnedSemaphorePermit,
}

/// A request whose frame stands in the journal, not yet synced.
struct Appended<S: SignalStore> {
    position: JournalPosition,
    request: Request<S>,
}

impl<S: SignalStore> Pipeline<S> {
    /// Replays what the journal holds beyond the store's sealed parts, then starts the threads.
    ///
    /// # Errors
    /// A journal, a store or a checkpoint that cannot be read, or threads that cannot be started.
    pub fn start(parts: PipelineParts<S>, options: PipelineOptions) -> Result<Self, AppError> {
        let PipelineParts { store, journal, clock, observer, files, checkpoints, rooms, folder, mut aside, closed } =
            parts;
        let Rooms { stages, taps, accumulators } = rooms;
        let known = folder.inventory.entry(S::SIGNAL);
        let sealed = store.sealed_position();
        let ledger = Ledger::open(files, checkpoints, accumulators, sealed, known.checkpoints, &mut aside)?;
        let ledger = Arc::new(ledger);
        // What a store held that is lost is told of the store.
        let missing = journal.missing_behind(JournalPosition(sealed.max(known.sealed)));
        let told: u64 = aside.iter().filter_map(|aside| aside.requests).sum();
        if missing > told {
            let reason = "segments that are needed are not there";
            aside.push(SetAside::of_requests(journal.dir(), reason, Some(missing - told)));
        }
        let lost = replay(&*store, &ledger, &journal, &observer, &options)?;
        if lost > 0 {
            let reason = "requests behind damage cannot be read without those before them";
            aside.push(SetAside::of_requests(journal.dir().join("*.journal"), reason, Some(lost)));
        }
        store.newest().into_iter().for_each(|newest| folder.clock.learn(newest));
        let refusals = Arc::new(Refusals::new(Arc::clone(&clock)));
        let maintenance = Arc::new(Maintenance::new(
            Arc::clone(&store),
            Arc::clone(&journal),
            Arc::clone(&ledger),
            clock,
            Arc::clone(&observer),
            options.maintenance,
            Arc::clone(&folder),
        ));
        let (sender, receiver) = mpsc::channel(QUEUE_REQUESTS);
        let waiting = Arc::new(AtomicUsize::new(0));
        let failed = Arc::new(AtomicBool::new(false));
        let mut committer = Committer {
            writer: store.writer(),
            store: Arc::clone(&store),
            ledger,
            taps,
            journal,
            receiver,
            waiting: Arc::clone(&waiting),
            failed: Arc::clone(&failed),
            refusals: Arc::clone(&refusals),
            maintenance: Arc::clone(&maintenance),
            hard_limit: options.maintenance.seal_bytes.saturating_mul(HOT_HARD_FACTOR),
        };
        let alarm = || PanicAlarm { failed: Arc::clone(&failed), maintenance: Arc::clone(&maintenance) };
        let (commit_alarm, keep_alarm, tidy_alarm) = (alarm(), alarm(), alarm());
        let commit = spawn(S::SIGNAL, "commit", move || {
            let _alarm = commit_alarm;
            committer.run();
        })?;
        let keep = spawn(S::SIGNAL, "keep", move || keep_alarm.maintenance.run_seals())?;
        let tidy = spawn(S::SIGNAL, "tidy", move || tidy_alarm.maintenance.run_tidying())?;
        let queue_permits = queue_permits(options.maintenance.seal_bytes);
        Ok(Self {
            store,
            observer,
            stages,
            sender: parking_lot::Mutex::new(Some(sender)),
            room: Arc::new(Semaphore::new(queue_permits as usize)),
            queue_permits,
            waiting,
            failed,
            refusals,
            maintenance,
            aside,
            closed,
            commit: parking_lot::Mutex::new(Some(commit)),
            keep: parking_lot::Mutex::new(Some(keep)),
            tidy: parking_lot::Mutex::new(Some(tidy)),
        })
    }

    /// The store behind this path.
    #[must_use]
    pub fn store(&self) -> &Arc<S> {
        &self.store
    }

    /// What the path is doing.
    #[must_use]
    pub fn status(&self) -> PipelineStatus {
        let failed = self.closed.is_some() || self.failed.load(Ordering::Relaxed);
        PipelineStatus { waiting: self.waiting.load(Ordering::Relaxed), failed, refusal: self.refusals.last() }
    }

    /// Why it takes and answers nothing until a restart, where its disk could not be used at the start.
    #[must_use]
    pub fn closed(&self) -> Option<&Arc<str>> {
        self.closed.as_ref()
    }

    /// Which of its files are damaged or missing, as far as is known.
    #[must_use]
    pub fn set_aside(&self) -> Vec<SetAside> {
        let mut aside = self.aside.clone();
        aside.extend(self.store.set_aside());
        aside
    }

    /// Files beside the store's own that the start found damaged or missing.
    pub(crate) fn found_aside(&self) -> &[SetAside] {
        &self.aside
    }

    /// Tells in the log what is newly set aside; answers how many files were found.
    pub(crate) fn tell_damage(&self) -> usize {
        let count = self.aside.len() + self.store.damage_count();
        self.observer.set_aside(S::SIGNAL, count, || self.set_aside());
        count
    }

    /// The thread that seals and keeps retention.
    #[must_use]
    pub fn maintenance(&self) -> &Arc<Maintenance<S>> {
        &self.maintenance
    }

    /// Writes a batch; answers when it is durable and readable, with what the store had to drop.
    ///
    /// # Errors
    /// Overload, a stopping server, a journal or a store that failed. After an error nothing of the batch was
    /// acknowledged, though after a failed sync it may be found later.
    pub async fn write(&self, tenant: TenantId, mut records: S::Records) -> Result<Dropped, AppError> {
        if let Some(reason) = &self.closed {
            return Err(AppError::Closed { signal: S::SIGNAL, reason: Arc::clone(reason) });
        }
        for stage in &self.stages {
            let dropped = stage.pass(&tenant, &mut records);
            self.observer.dropped_by_stage(S::SIGNAL, stage.name(), dropped);
        }
        if S::count(&records) == 0 {
            return Ok(Dropped::default());
        }
        let room = self.make_room(S::memory(&records)).await?;
        let batch = self.store.encode(tenant, records).map_err(|error| AppError::Store {
            signal: S::SIGNAL,
            operation: "encode records",
            kind: error.kind,
            source: error.source,
        })?;
        let sender = self.sender.lock().clone().ok_or(AppError::Stopping)?;
        let slot = match tokio::time::timeout(QUEUE_WAIT, sender.reserve_owned()).await {
            Ok(Ok(slot)) => slot,
            Ok(Err(_)) => return Err(self.ended()),
            Err(_) => return Err(self.overloaded()),
        };
        let (reply, answer) = oneshot::channel();
        // Counted once nothing can be cancelled any more, so that the count always comes down again.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        slot.send(Request { batch, reply, _room: room });
        answer.await.unwrap_or_else(|_| Err(self.ended()))
    }

    async fn make_room(&self, bytes: usize) -> Result<OwnedSemaphorePermit, AppError> {
        let permits = u32::try_from(bytes / PERMIT_BYTES).unwrap_or(u32::MAX).clamp(1, self.queue_permits);
        let acquire = Arc::clone(&self.room).acquire_many_owned(permits);
        match tokio::time::timeout(QUEUE_WAIT, acquire).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(_)) => Err(self.ended()),
            Err(_) => Err(self.overloaded()),
        }
    }

    fn overloaded(&self) -> AppError {
        AppError::Overloaded {
            signal: S::SIGNAL,
            waiting: self.waiting.load(Ordering::Relaxed),
            retry_after: RETRY_AFTER_SECONDS,
        }
    }

    /// Why the commit thread is gone.
    fn ended(&self) -> AppError {
        if self.failed.load(Ordering::Relaxed) {
            AppError::WritePathFailed { signal: S::SIGNAL }
        } else {
            AppError::Stopping
        }
    }

    /// Takes nothing more; what was accepted is still written.
    pub fn close(&self) {
        self.sender.lock().take();
        self.maintenance.stop();
    }

    /// Waits until everything accepted is written. Blocks; to be called after [`Self::close`].
    pub fn finish_writes(&self) {
        join::<S>(&self.commit);
    }

    /// Finishes what was accepted, then stops the threads. Blocks.
    pub fn stop(&self) {
        self.close();
        self.finish_writes();
        join::<S>(&self.keep);
        join::<S>(&self.tidy);
    }
}

/// The threads must not outlive a start that failed elsewhere.
impl<S: SignalStore> Drop for Pipeline<S> {
    fn drop(&mut self) {
        self.close();
    }
}

fn join<S: SignalStore>(thread: &parking_lot::Mutex<Option<JoinHandle<()>>>) {
    let thread = thread.lock().take();
    if thread.is_some_and(|thread| thread.join().is_err()) {
        tracing::error!(signal = S::SIGNAL.as_str(), "a thread of the write path panicked");
    }
}

/// What waits for the journal may take twice what is worth a seal, within bounds.
fn queue_permits(seal_bytes: u64) -> u32 {
    let bytes = seal_bytes.saturating_mul(2).clamp(*QUEUE_BYTES.start(), *QUEUE_BYTES.end());
    u32::try_from(bytes / PERMIT_BYTES as u64).unwrap_or(u32::MAX)
}

/// Held by a thread of the write path: if it panics, nothing more is taken, and nobody waits for it.
struct PanicAlarm<S: SignalStore> {
    failed: Arc<AtomicBool>,
    maintenance: Arc<Maintenance<S>>,
}

impl<S: SignalStore> Drop for PanicAlarm<S> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.failed.store(true, Ordering::Relaxed);
            self.maintenance.break_down();
        }
    }
}

fn spawn(signal: Signal, role: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, AppError> {
    std::thread::Builder::new()
        .name(format!("{signal}-{role}"))
        .spawn(run)
        .map_err(|error| AppError::start(format!("start the {role} thread of {signal}"), error))
}

struct Committer<S: SignalStore> {
    writer: S::Writer,
    store: Arc<S>,
    ledger: Arc<Ledger<S>>,
    taps: Vec<Arc<dyn Tap<S::Batch>>>,
    journal: Arc<Journal>,
    receiver: mpsc::Receiver<Request<S>>,
    waiting: Arc<AtomicUsize>,
    failed: Arc<AtomicBool>,
    refusals: Arc<Refusals>,
    maintenance: Arc<Maintenance<S>>,
    hard_limit: u64,
}

impl<S: SignalStore> Committer<S> {
    /// Commits groups until the senders are gone and the queue is empty.
    fn run(&mut self) {
        while let Some(first) = self.receiver.blocking_recv() {
            match self.maintenance.wait_below(self.hard_limit) {
                Ok(()) => {
                    let group = self.append_group(first);
                    self.finish_group(group);
                }
                Err(cause) => self.turn_away(first, cause),
            }
        }
    }

    /// Answers a request that has no room in memory, since what is there cannot be sealed.
    fn turn_away(&self, request: Request<S>, cause: Unsealable) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        let Unsealable { kind, cause } = cause;
        self.refusals.add(kind, &cause);
        let _ = request.reply.send(Err(AppError::Unsealable { signal: S::SIGNAL, kind, cause }));
    }

    fn append_group(&mut self, first: Request<S>) -> Vec<Appended<S>> {
        let mut group = Vec::new();
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(request) = next {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            bytes += self.append(request, &mut group);
            next = if bytes < COMMIT_BYTES { self.receiver.try_recv().ok() } else { None };
        }
        group
    }

    /// Appends one request's frame; answers its bytes. A request that cannot be written is answered here.
    fn append(&mut self, mut request: Request<S>, group: &mut Vec<Appended<S>>) -> usize {
        let mut length = 0;
        let (writer, batch) = (&mut self.writer, &mut request.batch);
        let appended = self.journal.append_with(FRAME_KIND_RECORDS, |slot, out| {
            let before = out.len();
            S::append(writer, slot, batch, out).map_err(|error| error.source)?;
            length = out.len() - before;
            Ok(())
        });
        match appended {
            Ok(position) => {
                group.push(Appended { position, request });
                length
            }
            Err(error) => {
                self.refuse(request, error);
                0
            }
        }
    }

    fn finish_group(&mut self, group: Vec<Appended<S>>) {
        if group.is_empty() {
            return;
        }
        if let Err(error) = self.journal.sync() {
            let error = Arc::new(error);
            group.into_iter().for_each(|one| self.refuse(one.request, Arc::clone(&error)));
            return;
        }
        self.refusals.clear();
        for Appended { position, request } in group {
            let Request { mut batch, reply, _room } = request;
            self.ledger.add(position.0, &batch);
            let answer = self.store.publish(position.0, &mut batch).map_err(|error| {
                tracing::error!(signal = S::SIGNAL.as_str(), error = %error.source, "cannot make journalled records readable");
                AppError::Store {
                    signal: S::SIGNAL,
                    operation: "take records",
                    kind: error.kind,
                    source: error.source,
                }
            });
            if answer.is_ok() {
                self.taps.iter().for_each(|tap| tap.published(&batch));
            }
            // A sender that went away does not undo what is durable.
            let _ = reply.send(answer);
        }
        self.maintenance.nudge();
    }

    fn refuse(&self, request: Request<S>, error: impl Into<RefusedBy>) {
        let RefusedBy { kind, source, poisoned } = error.into();
        if kind.is_retryable() {
            self.refusals.add(kind, &with_causes(&*source));
        }
        if poisoned && !self.failed.swap(true, Ordering::Relaxed) {
            tracing::error!(signal = S::SIGNAL.as_str(), %source, "the journal failed; nothing more is taken until a restart");
        }
        let _ = request.reply.send(Err(AppError::Journal { signal: S::SIGNAL, kind, source }));
    }
}

/// A journal's error, shared by the requests of a group.
struct RefusedBy {
    kind: ErrorKind,
    source: Box<dyn std::error::Error + Send + Sync>,
    poisoned: bool,
}

impl From<Arc<JournalError>> for RefusedBy {
    fn from(error: Arc<JournalError>) -> Self {
        // A sync that failed poisons the journal, whatever the cause.
        Self { kind: journal_kind(&error), poisoned: true, source: with_causes(&*error).into() }
    }
}

impl From<JournalError> for RefusedBy {
    fn from(error: JournalError) -> Self {
        let poisoned = matches!(error, JournalError::Poisoned { .. });
        Self { kind: journal_kind(&error), poisoned, source: Box::new(error) }
    }
}

impl From<JournalError> for StoreError {
    fn from(error: JournalError) -> Self {
        StoreError::new(journal_kind(&error), error)
    }
}

fn journal_kind(error: &JournalError) -> ErrorKind {
    match error {
        JournalError::StorageFull(_) => ErrorKind::StorageFull,
        JournalError::FrameTooLarge { .. } => ErrorKind::TooLarge,
        JournalError::Corrupt { .. } | JournalError::NewerFormat { .. } => ErrorKind::Corrupt,
        // A restart mends it: senders should keep what they have and come back.
        JournalError::Poisoned { .. } => ErrorKind::Unavailable,
        // Nothing was appended, and the next attempt may succeed.
        JournalError::Io(_) => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    }
}

/// The error's message with those of its causes.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
