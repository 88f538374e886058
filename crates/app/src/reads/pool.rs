//! The threads that questions run on, and how long ones give way to ingest.

use clew_host::SystemThread;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a question runs like everything else. One that runs longer gives way to ingest: somebody waits for it either way,
/// and records that are not taken are lost to those who cannot wait. The more have given way already, the sooner: a half of
/// it where there is one, a third where there are two.
pub(super) const GIVES_WAY_AFTER: Duration = Duration::from_millis(30);

/// How long a thread waits for the next question before it ends.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// Threads for work that blocks: as many as there is work at once, which whoever hands it in bounds.
#[derive(Default)]
pub(super) struct Pool {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: usize,
    /// Questions that run and have given way.
    long: u32,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("idle", &self.state.lock().idle).finish_non_exhaustive()
    }
}

impl Pool {
    /// Runs work on a thread of its own. A panic of it ends nothing else.
    ///
    /// # Errors
    /// The system has no thread for it.
    pub(super) fn run(
        self: &Arc<Self>,
        running: &Arc<Running>,
        work: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let (own, running) = (Arc::clone(self), Arc::clone(running));
        let job = move || {
            running.begin();
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            if running.end() {
                HAS_GIVEN_WAY.set(true);
                let long = &mut own.state.lock().long;
                *long = long.saturating_sub(1);
            }
        };
        let mut state = self.state.lock();
        if state.idle > state.jobs.len() {
            state.jobs.push_back(Box::new(job));
            drop(state);
            self.came.notify_one();
            return Ok(());
        }
        drop(state);
        let own = Arc::clone(self);
        let thread = std::thread::Builder::new().name("query".to_owned());
        thread.spawn(move || own.work(job)).map(drop)
    }

    /// Has a question give way where it has run for long. When to look again, where it may have to later.
    pub(super) fn look(&self, running: &Running) -> Option<Duration> {
        let mut state = self.state.lock();
        let after = GIVES_WAY_AFTER / state.long.saturating_add(1);
        let mut stage = running.0.lock();
        match &*stage {
            Stage::Waits => Some(after),
            Stage::Runs(thread, since) => match after.checked_sub(since.elapsed()) {
                Some(left) if !left.is_zero() => Some(left),
                _ => {
                    // While the lock is held the thread has not gone on to something else.
                    thread.give_way();
                    *stage = Stage::GaveWay;
                    state.long = state.long.saturating_add(1);
                    None
                }
            },
            Stage::GaveWay | Stage::Ended => None,
        }
    }

    fn work(&self, first: impl FnOnce()) {
        first();
        // What gave way never counts like others again: the next question gets another thread.
        while !HAS_GIVEN_WAY.get() {
            match self.next() {
                Some(job) => job(),
                None => return,
            }
        }
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.state.lock();
        state.idle += 1;
        let until = Instant::now() + IDLE;
        let job = loop {
            if let Some(job) = state.jobs.pop_front() {
                break Some(job);
            }
            if self.came.wait_until(&mut state, until).timed_out() {
                break state.jobs.pop_front();
            }
        };
        state.idle -= 1;
        job
    }
}

thread_local! {
    static HAS_GIVEN_WAY: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// A question that runs on a thread, and for how long it has.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<Stage>);

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Waits,
    Runs(SystemThread, Instant),
    GaveWay,
    Ended,
}

impl Running {
    fn begin(&self) {
        *self.0.lock() = Stage::Runs(SystemThread::current(), Instant::now());
    }

    /// Whether the thread has given way.
    fn end(&self) -> bool {
        matches!(std::mem::replace(&mut *self.0.lock(), Stage::Ended), Stage::GaveWay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::thread::ThreadId;

    fn run(pool: &Arc<Pool>, running: &Arc<Running>, work: impl FnOnce() + Send + 'static) -> ThreadId {
        let (tell, told) = channel();
        pool.run(running, move || {
            tell.send(std::thread::current().id()).unwrap();
            work();
        })
        .unwrap();
        let id = told.recv().unwrap();
        while !matches!(*running.0.lock(), Stage::Ended) {
            std::thread::yield_now();
        }
        id
    }

    fn is_idle(pool: &Pool) -> bool {
        pool.state.lock().idle > 0
    }

    fn wait_until(condition: impl Fn() -> bool) {
        let until = Instant::now() + Duration::from_secs(5);
        while !condition() {
            assert!(Instant::now() < until, "it never came");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_thread_serves_one_question_after_the_other_also_after_a_panic() {
        let pool = Arc::new(Pool::default());
        let first = run(&pool, &Arc::default(), || {});
        wait_until(|| is_idle(&pool));
        let second = run(&pool, &Arc::default(), || panic!("a bug"));
        wait_until(|| is_idle(&pool));
        assert_eq!((first, second), (first, run(&pool, &Arc::default(), || {})));
    }

    #[test]
    fn a_long_question_gives_way_and_its_thread_serves_no_other() {
        let pool = Arc::new(Pool::default());
        let running = Arc::new(Running::default());
        assert_eq!(pool.look(&running), Some(GIVES_WAY_AFTER));
        let own = Arc::clone(&running);
        let (tell, told) = channel::<()>();
        let (begun, begins) = channel();
        pool.run(&running, move || {
            begun.send(std::thread::current().id()).unwrap();
            let _ = told.recv();
        })
        .unwrap();
        let first = begins.recv().unwrap();
        assert!(pool.look(&own).is_some_and(|left| left <= GIVES_WAY_AFTER));
        wait_until(|| pool.look(&own).is_none());
        tell.send(()).unwrap();
        wait_until(|| matches!(*own.0.lock(), Stage::Ended));
        wait_until(|| pool.state.lock().long == 0);
        assert_ne!(first, run(&pool, &Arc::default(), || {}));
    }
}
