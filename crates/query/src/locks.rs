//! Locks of what the workers of a scan merge into.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is behind the lock; a worker that panicked leaves nothing half done there.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is in the lock, when all workers are done.
pub(crate) fn unlocked<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
