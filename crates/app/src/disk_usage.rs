//! What the signals take on disk together, and how much of the common limit each may have.

use clew_model::Signal;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of each signal, as far as known, under one limit (`storage.max_size`).
#[derive(Debug)]
pub struct DiskUsage {
    limit: Option<u64>,
    /// What each keeps although others grow.
    floors: [u64; 3],
    /// Sealed data.
    sealed: [AtomicU64; 3],
    /// Journals, which retention cannot make smaller.
    journals: [AtomicU64; 3],
}

impl DiskUsage {
    /// Usage under a limit; `None` for no limit. `floors` are what logs, metrics and traces keep although others grow: those
    /// that are not set share what the others leave.
    #[must_use]
    pub fn new(limit: Option<u64>, floors: [Option<u64>; 3]) -> Self {
        let set: u64 = floors.iter().flatten().fold(0, |all, floor| all.saturating_add(*floor));
        let open = floors.iter().filter(|floor| floor.is_none()).count().max(1) as u64;
        let share = limit.unwrap_or(0).saturating_sub(set) / open;
        let floors = floors.map(|floor| floor.unwrap_or(share));
        Self { limit, floors, sealed: Default::default(), journals: Default::default() }
    }

    /// Tells what a signal takes now: its sealed data and its journal.
    pub(crate) fn set(&self, signal: Signal, sealed: u64, journal: u64) {
        cell(&self.sealed, signal).store(sealed, Ordering::Relaxed);
        cell(&self.journals, signal).store(journal, Ordering::Relaxed);
    }

    /// What the sealed data of a signal may take: what the others and its own journal leave, and its floor in any case, so
    /// that no signal is emptied because another grows.
    pub(crate) fn allowance(&self, signal: Signal) -> Option<u64> {
        let limit = self.limit?;
        let used = |of: &[AtomicU64; 3], signal| cell(of, signal).load(Ordering::Relaxed);
        let others = Signal::ALL.into_iter().filter(|other| *other != signal);
        let taken: u64 = others.map(|other| used(&self.sealed, other) + used(&self.journals, other)).sum();
        let left = limit.saturating_sub(taken).max(*cell(&self.floors, signal));
        Some(left.saturating_sub(used(&self.journals, signal)))
    }
}

fn cell<T>([logs, metrics, traces]: &[T; 3], signal: Signal) -> &T {
    match signal {
        Signal::Logs => logs,
        Signal::Metrics => metrics,
        Signal::Traces => traces,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_may_take_what_the_others_leave_and_its_third_in_any_case() {
        let usage = DiskUsage::new(Some(90), [None; 3]);
        usage.set(Signal::Logs, 70, 0);
        usage.set(Signal::Traces, 8, 2);
        assert_eq!(usage.allowance(Signal::Logs), Some(80));
        assert_eq!(usage.allowance(Signal::Metrics), Some(30));
        assert_eq!(usage.allowance(Signal::Traces), Some(28), "its journal is no data");
        assert_eq!(DiskUsage::new(None, [None; 3]).allowance(Signal::Logs), None);
    }

    #[test]
    fn floors_that_are_set_hold_and_the_others_share_the_rest() {
        let usage = DiskUsage::new(Some(90), [Some(60), None, None]);
        usage.set(Signal::Metrics, 90, 0);
        assert_eq!(usage.allowance(Signal::Logs), Some(60));
        assert_eq!(usage.allowance(Signal::Traces), Some(15));
        usage.set(Signal::Logs, 60, 0);
        assert_eq!(usage.allowance(Signal::Metrics), Some(30));
    }
}
