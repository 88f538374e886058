//! The threads that heavy questions share.

use clew_host::SystemThread;
use clew_model::Executor;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Hands out extra threads to questions that are heavy enough to ask for them: so many at once for all questions
/// together. A question always has the thread it runs on, so that a light one beside a heavy one still answers.
///
/// Threads are made for one piece of work and end with it (tens of microseconds each), so that what they borrow needs
/// no reference counting and an idle server has none.
#[derive(Debug)]
pub struct QueryThreads {
    most: usize,
    free: AtomicUsize,
}

/// Extra threads taken; given back on drop.
struct Taken<'a> {
    threads: &'a QueryThreads,
    count: usize,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.threads.free.fetch_add(self.count, Ordering::Release);
    }
}

impl QueryThreads {
    /// So many extra threads for all questions together.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, free: AtomicUsize::new(most) }
    }

    fn take(&self, wanted: usize) -> Taken<'_> {
        let mut count = 0;
        let _ = self.free.fetch_update(Ordering::Acquire, Ordering::Relaxed, |free| {
            count = wanted.min(free);
            (count > 0).then(|| free - count)
        });
        Taken { threads: self, count }
    }
}

impl Executor for QueryThreads {
    fn workers(&self) -> usize {
        self.most.saturating_add(1)
    }

    fn run(&self, extra: usize, work: &(dyn Fn() + Sync)) {
        let taken = self.take(extra);
        if taken.count == 0 {
            return work();
        }
        std::thread::scope(|scope| {
            for _ in 0..taken.count {
                let name = std::thread::Builder::new().name("query".to_owned());
                // A thread that cannot be made leaves its share to the others.
                let work = || {
                    // Only heavy questions have such threads: they leave the processor to ingest.
                    SystemThread::current().give_way();
                    work();
                };
                if let Err(error) = name.spawn_scoped(scope, work) {
                    tracing::warn!(%error, "cannot start a thread for a query");
                }
            }
            work();
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Barrier;
    use std::thread::ThreadId;

    fn threads_used(pool: &QueryThreads, extra: usize, expected: usize) -> HashSet<ThreadId> {
        let seen = parking_lot::Mutex::new(HashSet::new());
        // All calls must be under way at the same time to pass.
        let together = Barrier::new(expected);
        pool.run(extra, &|| {
            together.wait();
            seen.lock().insert(std::thread::current().id());
        });
        seen.into_inner()
    }

    #[test]
    fn a_question_has_its_own_thread_and_as_many_more_as_there_are() {
        let pool = QueryThreads::new(2);
        assert_eq!(pool.workers(), 3);
        assert_eq!(threads_used(&pool, 0, 1), HashSet::from([std::thread::current().id()]));
        assert_eq!(threads_used(&pool, 1, 2).len(), 2);
        assert_eq!(threads_used(&pool, 8, 3).len(), 3);
    }

    #[test]
    fn while_others_have_the_extra_threads_a_question_goes_on_alone() {
        let pool = QueryThreads::new(1);
        let outer = pool.take(1);
        assert_eq!(threads_used(&pool, 1, 1).len(), 1);
        drop(outer);
        assert_eq!(threads_used(&pool, 1, 2).len(), 2);
    }

    #[test]
    fn threads_are_given_back_after_a_panic() {
        let pool = QueryThreads::new(1);
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| pool.run(1, &|| panic!("a bug"))));
        assert!(outcome.is_err());
        assert_eq!(threads_used(&pool, 1, 2).len(), 2);
    }
}
