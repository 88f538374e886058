//! What every call to a store or a query carries: for whom, until when, and how much memory.

use crate::caller::Scopes;
use crate::damage::Warnings;
use crate::error::{ErrorKind, ReadError};
use crate::id::TenantId;
use crate::memory::MemoryBudget;
use crate::scan::{Executor, Serial};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Why a call was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelReason {
    /// The caller went away.
    Caller,
    /// The deadline passed.
    Deadline,
    /// The server is stopping.
    Shutdown,
}

/// A flag shared by a call and whoever may stop it. The first reason wins.
///
/// There is no clock in this crate: whoever owns one trips the flag with [`CancelReason::Deadline`].
#[derive(Debug, Clone, Default)]
pub struct Cancel {
    state: Arc<AtomicU8>,
}

impl Cancel {
    /// Asks the call to stop.
    pub fn cancel(&self, reason: CancelReason) {
        let code = match reason {
            CancelReason::Caller => 1,
            CancelReason::Deadline => 2,
            CancelReason::Shutdown => 3,
        };
        // An earlier reason stays; losing this race is the point.
        let _ = self.state.compare_exchange(0, code, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Why the call was asked to stop, if it was.
    #[must_use]
    pub fn reason(&self) -> Option<CancelReason> {
        match self.state.load(Ordering::Relaxed) {
            0 => None,
            1 => Some(CancelReason::Caller),
            2 => Some(CancelReason::Deadline),
            _ => Some(CancelReason::Shutdown),
        }
    }
}

/// Counts the bytes that stores read for a call, for whoever asks what it cost; shared by the parts of the call.
#[derive(Debug, Clone, Default)]
pub struct ReadMeter(Arc<AtomicU64>);

impl ReadMeter {
    /// A store read so many bytes, as they are stored: compressed, from disk, from a cache or from the hot tail.
    pub fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes read so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// For whom a call is made, what it may use, and how it is stopped.
#[derive(Debug, Clone)]
pub struct Context {
    /// Whose data.
    pub tenant: TenantId,
    /// Who asks, for the audit log and limits; `anonymous` while authentication is off.
    pub principal: Arc<str>,
    /// What they may do.
    pub scopes: Scopes,
    /// How long the call may take; enforced by whoever holds the clock, through `cancel`.
    pub timeout: std::time::Duration,
    /// The flag that stops the call.
    pub cancel: Cancel,
    /// The memory the call may hold.
    pub memory: MemoryBudget,
    /// What the call has read.
    pub read: ReadMeter,
    /// What whoever asked must know beside the answer.
    pub warnings: Warnings,
    /// What runs the pieces of the call side by side.
    pub executor: Arc<dyn Executor>,
}

impl Context {
    /// A context for the default tenant with a memory limit and a time limit; everything runs on the calling thread.
    #[must_use]
    pub fn new(timeout: std::time::Duration, memory_bytes: u64) -> Self {
        Self {
            tenant: TenantId::default(),
            principal: Arc::from("anonymous"),
            scopes: Scopes::ALL,
            timeout,
            cancel: Cancel::default(),
            memory: MemoryBudget::new(memory_bytes),
            read: ReadMeter::default(),
            warnings: Warnings::default(),
            executor: Arc::new(Serial),
        }
    }

    /// Asks whether the call may go on; stores call it at each block.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`], [`ErrorKind::DeadlineExceeded`] or [`ErrorKind::Unavailable`] when it may not.
    pub fn check(&self) -> Result<(), ReadError> {
        match self.cancel.reason() {
            None => Ok(()),
            Some(CancelReason::Caller) => Err(ReadError::new(ErrorKind::Cancelled, "the caller cancelled the query")),
            Some(CancelReason::Deadline) => Err(ReadError::new(
                ErrorKind::DeadlineExceeded,
                format!(
                    "the query took longer than its limit of {} s (limits.query_timeout); narrow the time range or \
                     the selection",
                    self.timeout.as_secs_f64()
                ),
            )),
            Some(CancelReason::Shutdown) => Err(ReadError::new(ErrorKind::Unavailable, "the server is stopping")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_reason_to_stop_wins() {
        let context = Context::new(Duration::from_secs(60), 100);
        assert!(context.check().is_ok());
        context.cancel.cancel(CancelReason::Deadline);
        context.cancel.cancel(CancelReason::Caller);
        let error = context.check().unwrap_err();
        assert_eq!(error.kind, ErrorKind::DeadlineExceeded);
        assert!(error.message.contains("60 s"), "{}", error.message);
    }
}
