//! The questions about log records that are answered today, each a sink with the function that asks it of a view.

mod arrivals;
mod counts;
mod fields;
mod held;
mod newest;
mod tally;
mod values;

#[cfg(test)]
mod samples;

pub use arrivals::arrivals;
pub use counts::histogram;
pub use fields::fields;
pub use newest::{find_ids, search};
pub use values::field_values;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is behind the lock; a worker that panicked leaves nothing half done there.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is in the lock, when all workers are done.
fn unlocked<T>(mutex: Mutex<T>) -> T {
    mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
}
