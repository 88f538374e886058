//! What may be put into a signal's way in: stages before records are durable, taps and accumulators after.

use crate::signal::{SignalStore, StoreError};
use clew_model::TenantId;
use std::fmt;
use std::sync::Arc;

/// Changes or drops records before they are encoded: pipelines, redaction, sampling. Runs on the thread of the request,
/// beside others; what it leaves is what the journal and the store know.
pub trait Stage<R>: Send + Sync {
    /// Its name in Clew's own metrics.
    fn name(&self) -> &'static str;

    /// Changes the records in place; answers how many it dropped on purpose. The sender is told that they were accepted.
    fn pass(&self, tenant: &TenantId, records: &mut R) -> u64;
}

/// Learns of batches after they are durable and readable, in journal order, on the commit thread that every sender waits
/// for: it must not block, and keeps what it cannot hand on at once in a bounded queue from which it drops and counts
/// ([`super::Feed`] is one). It is told nothing of what a start replays; what must be exact is an [`Accumulator`].
pub trait Tap<B>: Send + Sync {
    /// Takes note of a batch.
    fn published(&self, batch: &B);
}

/// A result over all batches that is exact: [`Self::add`] sees the batch of each durable frame once, whether it comes now
/// or is replayed, in journal order and whatever is sealed. Its state after the last frame of a prefix of the journal must
/// follow from that prefix alone, so that a start from a [`Self::checkpoint`] continues as if there had been none.
pub trait Accumulator<B>: Send + Sync {
    /// Its name, which is also that of its checkpoint's file. Letters and dashes.
    fn name(&self) -> &'static str;

    /// Takes in the batch of the next frame. Runs on the commit thread: it must be quick and must not block.
    fn add(&self, batch: &B);

    /// The whole state, in a format with a version of its own.
    fn checkpoint(&self) -> Vec<u8>;

    /// Takes a state over that [`Self::checkpoint`] gave.
    ///
    /// # Errors
    /// [`clew_model::ErrorKind::Unsupported`] for bytes of a newer version, which stops the start; any other error for
    /// damage, after which it begins anew and says so.
    fn restore(&self, bytes: &[u8]) -> Result<(), StoreError>;
}

/// What a pipeline has beside its journal and its store.
pub struct Rooms<S: SignalStore> {
    /// In the order in which records pass them.
    pub stages: Vec<Arc<dyn Stage<S::Records>>>,
    /// Told of every batch.
    pub taps: Vec<Arc<dyn Tap<S::Batch>>>,
    /// Told of every batch exactly once.
    pub accumulators: Vec<Arc<dyn Accumulator<S::Batch>>>,
}

impl<S: SignalStore> Default for Rooms<S> {
    fn default() -> Self {
        Self { stages: Vec::new(), taps: Vec::new(), accumulators: Vec::new() }
    }
}

impl<S: SignalStore> fmt::Debug for Rooms<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [self.stages.len(), self.taps.len(), self.accumulators.len()];
        formatter.debug_tuple("Rooms").field(&counts).finish()
    }
}
