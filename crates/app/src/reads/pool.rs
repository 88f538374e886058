//! The threads that questions run on, and how long ones give way to ingest.

use clew_host::SystemThread;
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
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
    /// Questions that run and have given way.
    long: Arc<AtomicU32>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: usize,
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
        let running = Arc::clone(running);
        let job = move || {
            running.begin();
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            if running.end() {
                HAS_GIVEN_WAY.set(true);
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

    /// A question that is about to run here.
    pub(super) fn running(&self) -> Arc<Running> {
        Arc::new(Running { stage: Mutex::default(), long: Arc::clone(&self.long) })
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
#[derive(Debug)]
pub(super) struct Running {
    stage: Mutex<Stage>,
    /// How many have given way and run.
    long: Arc<AtomicU32>,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    Waits,
    /// On this thread, since when, and how long it had before that.
    Runs(SystemThread, Instant, Duration),
    /// It waits for something outside; how long it has run.
    Stands(SystemThread, Duration),
    GaveWay,
    /// It has given way, and waits for something outside.
    GaveWayAndStands,
    Ended,
}

impl Running {
    fn begin(&self) {
        *self.stage.lock() = Stage::Runs(SystemThread::current(), Instant::now(), Duration::ZERO);
    }

    /// Whether the thread has given way.
    fn end(&self) -> bool {
        let stage = std::mem::replace(&mut *self.stage.lock(), Stage::Ended);
        if matches!(stage, Stage::GaveWay) {
            self.long.fetch_sub(1, Ordering::Relaxed);
        }
        matches!(stage, Stage::GaveWay | Stage::GaveWayAndStands)
    }

    /// It waits for something outside until it goes on.
    pub(super) fn pause(&self) {
        let mut stage = self.stage.lock();
        match &*stage {
            Stage::Runs(thread, since, had) => *stage = Stage::Stands(*thread, had.saturating_add(since.elapsed())),
            Stage::GaveWay => {
                self.long.fetch_sub(1, Ordering::Relaxed);
                *stage = Stage::GaveWayAndStands;
            }
            Stage::Waits | Stage::Stands(..) | Stage::GaveWayAndStands | Stage::Ended => {}
        }
    }

    /// It goes on.
    pub(super) fn go_on(&self) {
        let mut stage = self.stage.lock();
        match &*stage {
            Stage::Stands(thread, had) => *stage = Stage::Runs(*thread, Instant::now(), *had),
            Stage::GaveWayAndStands => {
                self.long.fetch_add(1, Ordering::Relaxed);
                *stage = Stage::GaveWay;
            }
            Stage::Waits | Stage::Runs(..) | Stage::GaveWay | Stage::Ended => {}
        }
    }

    /// Has the thread give way where the question has run for long. When to look again, where it may have to later.
    pub(super) fn look(&self) -> Option<Duration> {
        let after = GIVES_WAY_AFTER / self.long.load(Ordering::Relaxed).saturating_add(1);
        let mut stage = self.stage.lock();
        match &*stage {
            Stage::Waits | Stage::Stands(..) => Some(GIVES_WAY_AFTER),
            Stage::Runs(thread, since, had) => match after.checked_sub(had.saturating_add(since.elapsed())) {
                Some(left) if !left.is_zero() => Some(left),
                _ => {
                    // While the lock is held the thread has not gone on to something else.
                    thread.give_way();
                    self.long.fetch_add(1, Ordering::Relaxed);
                    *stage = Stage::GaveWay;
                    None
                }
            },
            Stage::GaveWay | Stage::GaveWayAndStands | Stage::Ended => None,
        }
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
        while !matches!(*running.stage.lock(), Stage::Ended) {
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
        let first = run(&pool, &pool.running(), || {});
        wait_until(|| is_idle(&pool));
        let second = run(&pool, &pool.running(), || panic!("a bug"));
        wait_until(|| is_idle(&pool));
        assert_eq!((first, second), (first, run(&pool, &pool.running(), || {})));
    }

    #[test]
    fn a_long_question_gives_way_and_its_thread_serves_no_other() {
        let pool = Arc::new(Pool::default());
        let running = pool.running();
        assert_eq!(running.look(), Some(GIVES_WAY_AFTER));
        let own = Arc::clone(&running);
        let (tell, told) = channel::<()>();
        let (begun, begins) = channel();
        pool.run(&running, move || {
            begun.send(std::thread::current().id()).unwrap();
            let _ = told.recv();
        })
        .unwrap();
        let first = begins.recv().unwrap();
        // While it waits for something outside no time passes for it, and it is none of those that run.
        own.pause();
        std::thread::sleep(2 * GIVES_WAY_AFTER);
        assert!(own.look().is_some());
        own.go_on();
        wait_until(|| own.look().is_none());
        let long = || pool.long.load(Ordering::Relaxed);
        assert_eq!(long(), 1);
        own.pause();
        assert_eq!((long(), own.look()), (0, None));
        own.go_on();
        assert_eq!(long(), 1);
        tell.send(()).unwrap();
        wait_until(|| matches!(*own.stage.lock(), Stage::Ended));
        assert_eq!(long(), 0);
        assert_ne!(first, run(&pool, &pool.running(), || {}));
    }
}
