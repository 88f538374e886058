//! A query's turn on the pool, and its time.

use super::pool::Running;
use crate::limits::MEMORY_LOOK;
use clew_model::{Context, ReadError};
use parking_lot::Mutex;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often a query that waits for its turn looks whether it was stopped.
const STOP_LOOK: Duration = Duration::from_millis(50);

/// A query's turn: its context, and its place among the queries that run.
#[derive(Debug)]
pub struct Turn {
    context: Context,
    permits: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    /// Places of those that wait for memory.
    short: Arc<Semaphore>,
    pace: Arc<Pace>,
}

impl Turn {
    pub(super) fn new(
        context: Context,
        permits: Arc<Semaphore>,
        permit: OwnedSemaphorePermit,
        short: Arc<Semaphore>,
        pace: Arc<Pace>,
    ) -> Self {
        Self { context, permits, permit: Some(permit), short, pace }
    }

    /// For whom the query is, what it may use, whether it may go on.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Gives back the memory that the query had and waits aside, no longer than `until`, for as much as it was
    /// refused. Whether there is; not where too many wait already. Blocks.
    ///
    /// # Errors
    /// The query was stopped in the meantime.
    pub(super) fn wait_for_memory(&mut self, until: Instant) -> Result<bool, ReadError> {
        let wanted = self.context.memory.begin_anew();
        let Ok(_place) = Arc::clone(&self.short).try_acquire_owned() else { return Ok(false) };
        self.aside(|context| {
            while Instant::now() < until && context.cancel.reason().is_none() {
                std::thread::sleep(MEMORY_LOOK);
                if context.memory.has_room_for(wanted) {
                    return true;
                }
            }
            false
        })
    }

    /// Waits for something outside, whoever reads the answer above all. Others have its turn until it comes back, and its
    /// time stands still. Blocks.
    ///
    /// # Errors
    /// The query was stopped in the meantime.
    pub fn aside<T>(&mut self, wait: impl FnOnce(&Context) -> T) -> Result<T, ReadError> {
        self.permit = None;
        self.pace.pause();
        let waited = wait(&self.context);
        self.pace.go_on();
        self.context.check()?;
        let (permits, context) = (Arc::clone(&self.permits), &self.context);
        // The pool is closed by nobody; without a permit the query would go on all the same.
        self.permit = tokio::runtime::Handle::current().block_on(async {
            let mut turn = pin!(permits.acquire_owned());
            loop {
                match tokio::time::timeout(STOP_LOOK, &mut turn).await {
                    Ok(permit) => return permit.ok(),
                    Err(_) if context.cancel.reason().is_some() => return None,
                    Err(_) => {}
                }
            }
        });
        self.context.check()?;
        Ok(waited)
    }
}

/// The time of a query, which stands still while it waits for whoever reads its answer.
#[derive(Debug)]
pub(super) struct Pace {
    started: Instant,
    /// What runs it, and is told.
    running: Arc<Running>,
    /// How long it stood still, and since when it does now.
    stood: Mutex<(Duration, Option<Instant>)>,
}

impl Pace {
    pub(super) fn new(running: Arc<Running>) -> Self {
        Self { started: Instant::now(), running, stood: Mutex::default() }
    }

    /// What is left of a time limit.
    pub(super) fn left(&self, timeout: Duration) -> Duration {
        let stood = self.stood.lock();
        let stands = stood.1.map_or(Duration::ZERO, |since| since.elapsed());
        timeout.saturating_add(stood.0).saturating_add(stands).saturating_sub(self.started.elapsed())
    }

    fn pause(&self) {
        self.running.pause();
        self.stood.lock().1 = Some(Instant::now());
    }

    fn go_on(&self) {
        self.running.go_on();
        let mut stood = self.stood.lock();
        if let Some(since) = stood.1.take() {
            stood.0 = stood.0.saturating_add(since.elapsed());
        }
    }
}
