//! Units of a scan dealt to the threads of the executor, each with a worker of the sink.

use crate::limits::SCAN_UNITS_PER_THREAD;
use clew_model::traces::SpanBatch;
use clew_model::{Context, Flow, ReadError, Sink, SinkWorker};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What a thread does with a unit.
pub(super) type Work<'w, U> = dyn Fn(&U, &mut dyn SinkWorker<dyn SpanBatch>) -> Result<Flow, ReadError> + Sync + 'w;

/// Does the units in any order, on as many threads as they are worth. Answers whether the sink wants more.
pub(super) fn run<U: Sync>(
    context: &Context,
    units: &[U],
    sink: &dyn Sink<dyn SpanBatch>,
    work: &Work<'_, U>,
) -> Result<Flow, ReadError> {
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    let failed: Mutex<Option<ReadError>> = Mutex::new(None);
    let one_thread = || -> Result<(), ReadError> {
        let mut worker = sink.worker();
        while !stopped.load(Ordering::Relaxed) {
            let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
            context.check()?;
            if work(unit, &mut *worker)? == Flow::Stop {
                stopped.store(true, Ordering::Relaxed);
            }
        }
        worker.merge()
    };
    let extra = (units.len() / SCAN_UNITS_PER_THREAD).min(context.executor.workers().saturating_sub(1));
    context.executor.run(extra, &|| {
        if let Err(error) = one_thread() {
            stopped.store(true, Ordering::Relaxed);
            failed.lock().get_or_insert(error);
        }
    });
    match failed.into_inner() {
        Some(error) => Err(error),
        None if stopped.into_inner() => Ok(Flow::Stop),
        None => Ok(Flow::Continue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_model::{ErrorKind, Executor};
    use std::time::Duration;

    /// Always four threads.
    #[derive(Debug)]
    struct Four;

    impl Executor for Four {
        fn workers(&self) -> usize {
            4
        }

        fn run(&self, extra: usize, work: &(dyn Fn() + Sync)) {
            std::thread::scope(|scope| {
                (0..extra).for_each(|_| drop(scope.spawn(work)));
                work();
            });
        }
    }

    /// Counts the workers that were merged.
    #[derive(Default)]
    struct Merged(AtomicUsize);

    struct Worker<'m>(&'m Merged);

    impl Sink<dyn SpanBatch> for Merged {
        fn worker(&self) -> Box<dyn SinkWorker<dyn SpanBatch> + '_> {
            Box::new(Worker(self))
        }
    }

    impl SinkWorker<dyn SpanBatch> for Worker<'_> {
        fn take(&mut self, _: &dyn SpanBatch) -> Result<Flow, ReadError> {
            Ok(Flow::Continue)
        }

        fn merge(self: Box<Self>) -> Result<(), ReadError> {
            self.0.0.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }

    fn context() -> Context {
        let context = Context::new(Duration::from_secs(60), 1 << 20);
        Context { executor: std::sync::Arc::new(Four), ..context }
    }

    #[test]
    fn each_unit_is_done_once_and_each_worker_merged_once() {
        let (sink, done) = (Merged::default(), Mutex::new(Vec::new()));
        let units: Vec<usize> = (0..SCAN_UNITS_PER_THREAD * 3).collect();
        let flow = run(&context(), &units, &sink, &|unit, _| {
            done.lock().push(*unit);
            Ok(Flow::Continue)
        });
        assert_eq!(flow.unwrap(), Flow::Continue);
        let mut done = done.into_inner();
        done.sort_unstable();
        assert_eq!(done, units);
        assert_eq!(sink.0.into_inner(), 4);
    }

    #[test]
    fn an_error_or_a_stop_of_one_ends_all() {
        let units: Vec<usize> = (0..100_000).collect();
        let (sink, done) = (Merged::default(), AtomicUsize::new(0));
        let answer = |unit: usize, flow: fn() -> Result<Flow, ReadError>| {
            done.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_micros(10));
            if unit == 50 { flow() } else { Ok(Flow::Continue) }
        };
        let stopped = run(&context(), &units, &sink, &|unit, _| answer(*unit, || Ok(Flow::Stop)));
        assert_eq!(stopped.unwrap(), Flow::Stop);
        let failing = || Err(ReadError::new(ErrorKind::Corrupt, "damaged"));
        let failed = run(&context(), &units, &sink, &|unit, _| answer(*unit, failing));
        assert_eq!(failed.unwrap_err().kind, ErrorKind::Corrupt);
        assert!(done.into_inner() < units.len(), "all went on");
    }
}
