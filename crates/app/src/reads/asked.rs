//! What becomes of a question: its place in Clew's own metrics, and in the log where it was slow.

use super::question::About;
use crate::error::{AppError, outcome};
use crate::limits::SLOW_QUERY_TEXT;
use crate::observe::Observer;
use clew_model::{Context, ErrorKind, MemoryBudget, ReadMeter, TenantId};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A question that is being answered. However it ends, it is counted once: one that is dropped, because whoever asked
/// went away, was cancelled.
pub(super) struct Asked<'a> {
    observer: &'a Observer,
    slow: Option<Duration>,
    about: About,
    tenant: TenantId,
    principal: Arc<str>,
    read: ReadMeter,
    memory: MemoryBudget,
    rows: Rows,
    started: Instant,
    outcome: &'static str,
}

/// How many rows an answer has, told by the thread that made it.
#[derive(Clone, Default)]
pub(super) struct Rows(Arc<AtomicUsize>);

impl Rows {
    pub(super) fn set(&self, rows: usize) {
        self.0.store(rows, Ordering::Relaxed);
    }
}

impl<'a> Asked<'a> {
    /// A question that is asked now. From `slow` on it is told in the log.
    pub(super) fn new(observer: &'a Observer, slow: Option<Duration>, about: About, context: &Context) -> Self {
        Self {
            observer,
            slow,
            about,
            tenant: context.tenant.clone(),
            principal: Arc::clone(&context.principal),
            read: context.read.clone(),
            memory: context.memory.clone(),
            rows: Rows::default(),
            started: Instant::now(),
            outcome: outcome(ErrorKind::Cancelled),
        }
    }

    pub(super) fn rows(&self) -> Rows {
        self.rows.clone()
    }

    /// It was answered so.
    pub(super) fn ended<T>(mut self, answer: Result<T, AppError>) -> Result<T, AppError> {
        self.outcome = match &answer {
            Ok(_) => "ok",
            Err(error) => {
                self.observer.refused([&*error.to_string()]);
                outcome(error.kind())
            }
        };
        answer
    }

    /// The line of the log. An operator finds it by its target, `slow_query`, whatever module writes it.
    fn tell(&self, took: Duration) {
        let About { name, language, text, range } = &self.about;
        let (start, end) = range.map_or((None, None), |range| (bound(range.start), bound(range.end)));
        tracing::info!(
            target: "slow_query",
            question = name,
            language,
            query = &text[..text.floor_char_boundary(SLOW_QUERY_TEXT)],
            start,
            end,
            tenant = self.tenant.as_str(),
            caller = &*self.principal,
            outcome = self.outcome,
            rows = self.rows.0.load(Ordering::Relaxed),
            bytes = self.read.bytes(),
            memory = self.memory.peak(),
            seconds = took.as_secs_f64(),
            "slow query"
        );
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.observer.queried(self.about.name, self.outcome, took);
        if self.slow.is_some_and(|least| took >= least) {
            self.tell(took);
        }
    }
}

/// A bound in nanoseconds; none where the question is about all time on that side.
fn bound(time: i64) -> Option<i64> {
    (time != i64::MIN && time != i64::MAX).then_some(time)
}
