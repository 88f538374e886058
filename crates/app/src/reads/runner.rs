//! Runs blocking queries on their own bounded pool, so that ingest never waits for them.

use super::workers::QueryThreads;
use crate::error::AppError;
use clew_model::{Caller, Cancel, CancelReason, Context, MemoryBudget, ReadMeter, Warnings};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Queries that may wait for each one that runs.
const WAITING_PER_RUNNING: usize = 64;

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
    permits: Arc<Semaphore>,
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
    /// A pool with these limits.
    #[must_use]
    pub fn new(limits: QueryLimits) -> Self {
        Self {
            limits,
            permits: Arc::new(Semaphore::new(limits.concurrent)),
            threads: Arc::new(QueryThreads::new(limits.concurrent.saturating_sub(1))),
            present: AtomicUsize::new(0),
        }
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> QueryLimits {
        self.limits
    }

    /// What a caller's query may use. `timeout` may shorten the limit, never lengthen it.
    #[must_use]
    pub fn context(&self, caller: &Caller, timeout: Option<Duration>) -> Context {
        Context {
            tenant: caller.tenant.clone(),
            principal: Arc::clone(&caller.principal),
            scopes: caller.scopes,
            timeout: timeout.map_or(self.limits.timeout, |asked| asked.min(self.limits.timeout)),
            cancel: Cancel::default(),
            memory: MemoryBudget::new(self.limits.memory),
            read: ReadMeter::default(),
            warnings: Warnings::default(),
            executor: Arc::clone(&self.threads) as Arc<dyn clew_model::Executor>,
        }
    }

    /// Runs a query. Dropping the future cancels it; so does its deadline, which counts from now, waiting included.
    ///
    /// # Errors
    /// What the query answers; too many queries; the deadline; a panic of the query.
    pub async fn run<T: Send + 'static>(
        &self,
        context: Context,
        query: impl FnOnce(&Context) -> Result<T, AppError> + Send + 'static,
    ) -> Result<T, AppError> {
        let waiting = self.present.fetch_add(1, Ordering::Relaxed);
        let _present = Present(&self.present);
        if waiting >= self.limits.concurrent.saturating_mul(WAITING_PER_RUNNING) {
            return Err(AppError::TooManyQueries(waiting));
        }
        let timeout = context.timeout;
        let _guard = CancelOnDrop { cancel: context.cancel.clone() };
        let cancel = context.cancel.clone();
        let work = async {
            let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| AppError::Stopping)?;
            let task = tokio::task::spawn_blocking(move || {
                let _permit = permit;
                context.check().map_err(AppError::from).and_then(|()| query(&context))
            });
            task.await.unwrap_or_else(|error| {
                tracing::error!(%error, "a query panicked");
                Err(AppError::Panicked)
            })
        };
        match tokio::time::timeout(timeout, work).await {
            Ok(answer) => answer,
            Err(_) => {
                cancel.cancel(CancelReason::Deadline);
                let late = Context { cancel, ..Context::new(timeout, 0) };
                Err(late.check().err().map_or(AppError::Panicked, AppError::from))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::ErrorKind;

    fn runner(timeout: Duration) -> QueryRunner {
        QueryRunner::new(QueryLimits { concurrent: 2, timeout, memory: 1 << 20, slow: None })
    }

    fn context(runner: &QueryRunner) -> Context {
        runner.context(&Caller::anonymous(), None)
    }

    fn spin(context: &Context) -> Result<(), AppError> {
        loop {
            context.check()?;
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
        let query = runner.run(context(&runner), move |context| {
            let outcome = spin(context);
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
}
