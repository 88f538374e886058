//! Runs blocking queries on their own bounded pool, so that ingest never waits for them.

use super::pool::Pool;
use super::turn::{Pace, Turn};
use super::workers::QueryThreads;
use crate::error::AppError;
use clew_model::{
    Caller, Cancel, CancelReason, Context, ErrorKind, MemoryBudget, MemoryShare, ReadError, ReadMeter, Warnings,
};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Queries that may wait for each one that runs.
const WAITING_PER_RUNNING: usize = 256;

/// Queries that may wait for whoever reads their answers, a thread each, beside those that run. The runtime has some more
/// threads for other work.
const WAITING_FOR_READERS: usize = 48;

/// Queries that may wait for memory that others hold.
const WAITING_FOR_MEMORY: usize = 12;

/// The shortest time after which a deadline, or whether a query has run for long, is looked at again.
const LOOK_TICK: Duration = Duration::from_millis(5);

/// What a query may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// Queries that run at once.
    pub concurrent: usize,
    /// How long one may take (`limits.query_timeout`).
    pub timeout: Duration,
    /// Bytes one may hold (`limits.query_memory`).
    pub memory: u64,
    /// From when on one is slow enough to be told in the log (`limits.slow_query`): zero tells all, `None` none.
    pub slow: Option<Duration>,
}

/// The pool that queries run on.
#[derive(Debug)]
pub struct QueryRunner {
    limits: QueryLimits,
    /// What all queries may hold together.
    memory: MemoryShare,
    permits: Arc<Semaphore>,
    /// A thread for each query that runs, or waits for its reader: never more than there are.
    places: Arc<Semaphore>,
    /// Places of those that wait for memory, of the places above.
    short: Arc<Semaphore>,
    pool: Arc<Pool>,
    threads: Arc<QueryThreads>,
    present: AtomicUsize,
}

/// Stops the query when the caller goes away before the answer.
struct CancelOnDrop {
    cancel: Cancel,
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.cancel.cancel(CancelReason::Caller);
    }
}

/// Counts a query as present while it waits or runs.
struct Present<'a>(&'a AtomicUsize);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl QueryRunner {
    /// A pool with these limits, whose queries hold no more than the share together.
    #[must_use]
    pub fn new(limits: QueryLimits, memory: MemoryShare) -> Self {
        Self {
            limits,
            memory,
            permits: Arc::new(Semaphore::new(limits.concurrent)),
            places: Arc::new(Semaphore::new(limits.concurrent.saturating_add(WAITING_FOR_READERS))),
            short: Arc::new(Semaphore::new(WAITING_FOR_MEMORY)),
            pool: Arc::default(),
            threads: Arc::new(QueryThreads::new(limits.concurrent.saturating_sub(1))),
            present: AtomicUsize::new(0),
        }
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> QueryLimits {
        self.limits
    }

    /// What a caller's query may use. `timeout` may shorten the limit, never lengthen it; `part` is the part of the memory
    /// of all queries that those of its tenant share, where it has one.
    #[must_use]
    pub fn context(&self, caller: &Caller, timeout: Option<Duration>, part: Option<&MemoryShare>) -> Context {
        Context {
            tenant: caller.tenant.clone(),
            principal: Arc::clone(&caller.principal),
            scopes: caller.scopes,
            timeout: timeout.map_or(self.limits.timeout, |asked| asked.min(self.limits.timeout)),
            cancel: Cancel::default(),
            memory: MemoryBudget::within(part.unwrap_or(&self.memory), self.limits.memory),
            read: ReadMeter::default(),
            warnings: Warnings::default(),
            executor: Arc::clone(&self.threads) as Arc<dyn clew_model::Executor>,
        }
    }

    /// Queries that run now.
    #[must_use]
    pub fn running(&self) -> usize {
        self.limits.concurrent.saturating_sub(self.permits.available_permits())
    }

    /// Bytes that queries hold now.
    #[must_use]
    pub fn memory_used(&self) -> u64 {
        self.memory.used()
    }

    /// Runs a query. Dropping the future cancels it; so does its deadline, which counts from now, waiting for a turn
    /// included, waiting for whoever reads the answer ([`Turn::aside`]) not.
    ///
    /// # Errors
    /// What the query answers; too many queries; the deadline; a panic of the query.
    pub async fn run<T: Send + 'static>(
        &self,
        context: Context,
        query: impl FnOnce(&mut Turn) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        let waiting = self.present.fetch_add(1, Ordering::Relaxed);
        let _present = Present(&self.present);
        if waiting >= self.limits.concurrent.saturating_mul(WAITING_PER_RUNNING) {
            return Err(AppError::TooManyQueries(waiting));
        }
        let timeout = context.timeout;
        let _guard = CancelOnDrop { cancel: context.cancel.clone() };
        let cancel = context.cancel.clone();
        let (permits, short) = (Arc::clone(&self.permits), Arc::clone(&self.short));
        let running = self.pool.running();
        let own_pace = Arc::new(Pace::new(Arc::clone(&running)));
        let pace = Arc::clone(&own_pace);
        let work = async {
            let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| AppError::Stopping)?;
            let permit = Arc::clone(&permits).acquire_owned().await.map_err(|_| AppError::Stopping)?;
            let (tell, told) = tokio::sync::oneshot::channel();
            let runtime = tokio::runtime::Handle::current();
            let begun = self.pool.run(&running, move || {
                let _runtime = runtime.enter();
                let mut turn = Turn::new(context, permits, permit, short, own_pace);
                let answer = turn.context().check().map_err(AppError::from).and_then(|()| query(&mut turn));
                // Whoever hears the answer finds the place free. Nobody waits for what was stopped.
                drop((turn, place));
                let _ = tell.send(answer);
            });
            begun.map_err(no_thread)?;
            let mut told = pin!(told);
            let told = loop {
                let Some(look) = running.look() else { break told.await };
                if let Ok(told) = tokio::time::timeout(look.max(LOOK_TICK), &mut told).await {
                    break told;
                }
            };
            told.unwrap_or_else(|_| {
                tracing::error!("a query panicked");
                Err(AppError::Panicked)
            })
        };
        let mut work = pin!(work);
        loop {
            let left = pace.left(timeout);
            match tokio::time::timeout(left.max(LOOK_TICK), &mut work).await {
                Ok(answer) => return answer,
                Err(_) if !pace.left(timeout).is_zero() => {}
                Err(_) => {
                    cancel.cancel(CancelReason::Deadline);
                    let late = Context { cancel, ..Context::new(timeout, 0) };
                    return Err(late.check().err().map_or(AppError::Panicked, AppError::from));
                }
            }
        }
    }
}

fn no_thread(error: io::Error) -> AppError {
    ReadError::new(ErrorKind::Unavailable, format!("the system has no thread for the query: {error}; ask again")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runner(timeout: Duration) -> QueryRunner {
        let limits = QueryLimits { concurrent: 2, timeout, memory: 1 << 20, slow: None };
        QueryRunner::new(limits, MemoryShare::new(4 << 20))
    }

    fn context(runner: &QueryRunner) -> Context {
        runner.context(&Caller::anonymous(), None, None)
    }

    fn spin(turn: &mut Turn) -> Result<(), AppError> {
        loop {
            turn.context().check()?;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[tokio::test]
    async fn a_query_beyond_its_deadline_is_stopped_and_says_the_limit() {
        let runner = runner(Duration::from_millis(30));
        let error = runner.run(context(&runner), spin).await.expect_err("must time out");
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
        assert!(error.to_string().contains("limits.query_timeout"), "{error}");
    }

    #[tokio::test]
    async fn a_query_whose_caller_went_away_is_cancelled() {
        let (tell, told) = std::sync::mpsc::channel();
        let runner = runner(Duration::from_secs(60));
        let query = runner.run(context(&runner), move |turn| {
            let outcome = spin(turn);
            let _ = tell.send(outcome.map_err(|error| error.kind()));
            Ok(())
        });
        let _ = tokio::time::timeout(Duration::from_millis(30), query).await;
        let outcome = told.recv_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(outcome, Err(ErrorKind::Cancelled));
    }

    #[tokio::test]
    async fn queries_that_would_wait_too_long_are_refused_by_the_name_of_the_limit() {
        let runner = Arc::new(runner(Duration::from_secs(60)));
        let waiting: Vec<_> = (0..2 * WAITING_PER_RUNNING)
            .map(|_| {
                let runner = Arc::clone(&runner);
                tokio::spawn(async move { runner.run(context(&runner), spin).await })
            })
            .collect();
        while runner.present.load(Ordering::Relaxed) < waiting.len() {
            tokio::task::yield_now().await;
        }
        let error = runner.run(context(&runner), |_| Ok(())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("(limits.query_concurrency)"), "{error}");
        waiting.iter().for_each(tokio::task::JoinHandle::abort);
    }

    #[tokio::test]
    async fn a_panicking_query_is_one_failed_query() {
        let runner = runner(Duration::from_secs(60));
        let panicked = runner.run(context(&runner), |_| -> Result<(), AppError> { panic!("a bug") }).await;
        assert!(matches!(panicked, Err(AppError::Panicked)));
        assert_eq!(runner.run(context(&runner), |_| Ok(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn while_one_waits_for_its_reader_others_have_its_turn_and_its_time_stands_still() {
        let limits = QueryLimits { concurrent: 1, timeout: Duration::from_millis(200), memory: 1 << 20, slow: None };
        let runner = Arc::new(QueryRunner::new(limits, MemoryShare::new(4 << 20)));
        let (go_on, told) = std::sync::mpsc::channel();
        let (waits, waiting) = tokio::sync::oneshot::channel();
        let own = Arc::clone(&runner);
        let first = tokio::spawn(async move {
            let query = move |turn: &mut Turn| {
                let told = turn.aside(|_| {
                    let _ = waits.send(());
                    told.recv_timeout(Duration::from_secs(20)).is_ok()
                })?;
                // Its time goes on: a question that computes for ever is stopped all the same.
                spin(turn).map(|()| told)
            };
            own.run(context(&own), query).await
        });
        waiting.await.unwrap();
        assert_eq!(runner.running(), 0);
        tokio::time::sleep(Duration::from_millis(400)).await;
        assert_eq!(runner.run(context(&runner), |_| Ok(1)).await.unwrap(), 1);
        assert!(!first.is_finished(), "its time went on while it waited");
        go_on.send(()).unwrap();
        let late = first.await.unwrap().unwrap_err();
        assert_eq!(late.kind(), ErrorKind::DeadlineExceeded);
    }
}
