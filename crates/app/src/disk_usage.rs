//! What the signals take on disk together, and how much of the common limit each may have.

use clew_model::Signal;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes of each signal, as far as known, under one limit (`storage.max_size`).
#[derive(Debug)]
pub struct DiskUsage {
    limit: Option<u64>,
    used: [AtomicU64; 3],
}

impl DiskUsage {
    /// Usage under a limit; `None` for no limit.
    #[must_use]
    pub fn new(limit: Option<u64>) -> Self {
        Self { limit, used: Default::default() }
    }

    /// Tells what a signal takes now.
    pub(crate) fn set(&self, signal: Signal, bytes: u64) {
        self.cell(signal).store(bytes, Ordering::Relaxed);
    }

    /// What a signal may take: what the others leave, and its third in any case, so that no signal is emptied because
    /// another grows.
    pub(crate) fn allowance(&self, signal: Signal) -> Option<u64> {
        let limit = self.limit?;
        let others = Signal::ALL.into_iter().filter(|other| *other != signal);
        let taken: u64 = others.map(|other| self.cell(other).load(Ordering::Relaxed)).sum();
        Some(limit.saturating_sub(taken).max(limit / 3))
    }

    fn cell(&self, signal: Signal) -> &AtomicU64 {
        let [logs, metrics, traces] = &self.used;
        match signal {
            Signal::Logs => logs,
            Signal::Metrics => metrics,
            Signal::Traces => traces,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_may_take_what_the_others_leave_and_its_third_in_any_case() {
        let usage = DiskUsage::new(Some(90));
        usage.set(Signal::Logs, 70);
        usage.set(Signal::Traces, 10);
        assert_eq!(usage.allowance(Signal::Logs), Some(80));
        assert_eq!(usage.allowance(Signal::Metrics), Some(30));
        assert_eq!(usage.allowance(Signal::Traces), Some(30));
        assert_eq!(DiskUsage::new(None).allowance(Signal::Logs), None);
    }
}
