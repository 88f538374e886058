//! The write path: queue, group commit, sealing, replay, stopping; over a disk and a clock in memory.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod full_disk;
mod list_store;
mod pipeline;
mod rooms;
mod signals;
mod slow_queries;
mod span_metrics;
mod tail;

/// An answer of which nothing may be missing.
pub(crate) struct Whole<T>(pub(crate) T);

impl<T> clew_app::reads::Warned for Whole<T> {
    fn warn(&mut self, warnings: Vec<String>) {
        assert_eq!(warnings, Vec::<String>::new());
    }
}
