//! How a question reads a store, whatever the signal: the store *scans* and pushes batches, the asker's *sink* takes
//! them in, each worker into a state of its own, and the states are merged. A new question is a new sink, never a new
//! method on a store.
//!
//! What a batch is, and what can be asked of a scan, stands with each signal.

use crate::error::ReadError;
use std::fmt::Debug;

/// Whether a worker goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// More batches are welcome.
    Continue,
    /// No batch that is still to come can change the answer: all workers end.
    Stop,
}

/// What an asker does with batches of type `B`.
///
/// The store makes one worker for each thread that scans, hands every batch to exactly one of them, and merges each of
/// them once when all batches are taken. Which worker gets which batch is not told: an answer must not depend on it.
pub trait Sink<B: ?Sized>: Sync {
    /// A new state for one thread.
    fn worker(&self) -> Box<dyn SinkWorker<B> + '_>;
}

/// The state of one thread of a scan.
pub trait SinkWorker<B: ?Sized>: Send {
    /// Takes a batch in. After an error nothing of the batch may have been taken, so that a store can say that a batch
    /// is damaged and go on without it.
    ///
    /// # Errors
    /// The batch cannot be decoded, or the question has hit a limit.
    fn take(&mut self, batch: &B) -> Result<Flow, ReadError>;

    /// Adds what was taken to the sink.
    ///
    /// # Errors
    /// The question has hit a limit.
    fn merge(self: Box<Self>) -> Result<(), ReadError>;
}

/// Runs pieces of one question side by side. Who asks hands it in through its [`crate::Context`]; there is no global
/// pool.
pub trait Executor: Send + Sync + Debug {
    /// How many threads may work on one question at once, the caller's among them; at least 1.
    fn workers(&self) -> usize;

    /// Calls `work` on the calling thread and, as far as there is room, on up to `extra` other threads at the same time;
    /// returns when all calls have. `work` takes pieces from a place that all calls share until none is left, so that it
    /// does not matter how many calls there are.
    fn run(&self, extra: usize, work: &(dyn Fn() + Sync));
}

/// Does everything on the calling thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Serial;

impl Executor for Serial {
    fn workers(&self) -> usize {
        1
    }

    fn run(&self, _extra: usize, work: &(dyn Fn() + Sync)) {
        work();
    }
}
