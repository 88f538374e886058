//! What questions do with batches of spans, one sink a file.

mod candidates;
mod edges;
mod names;
mod service;
mod services;
mod spans;
mod summaries;

pub use candidates::Candidates;
pub use edges::service_edges;
pub use service::service;
pub use services::services;
pub use spans::{find_ids, trace};
pub use summaries::Summaries;

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The lock of what workers merge into. A panic in another worker ends the question anyway.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(super) mod testing;
