//! What came since the start, by signal and protocol, for the status page.

use crate::server::Protocol;
use clew_model::{Signal, UnixNanos};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What one protocol brought of one signal since the start of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The signal.
    pub signal: Signal,
    /// How it came.
    pub protocol: Protocol,
    /// Records that are durable and readable.
    pub accepted: u64,
    /// Records that were refused; a request that could not be read at all counts as one.
    pub rejected: u64,
    /// When records were last accepted.
    pub last_received: Option<UnixNanos>,
}

/// The time of a cell that has received nothing.
const NEVER: UnixNanos = i64::MIN;

#[derive(Debug)]
struct Cell {
    accepted: AtomicU64,
    rejected: AtomicU64,
    last: AtomicI64,
}

/// Counts without a lock: one cell for each signal and protocol.
#[derive(Debug)]
pub(crate) struct Tally {
    cells: Vec<(Signal, Protocol, Cell)>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let cell = || Cell { accepted: AtomicU64::new(0), rejected: AtomicU64::new(0), last: AtomicI64::new(NEVER) };
        let protocols = |signal: Signal| Protocol::ALL.into_iter().map(move |protocol| (signal, protocol));
        let pairs = Signal::ALL.into_iter().flat_map(protocols);
        Self { cells: pairs.map(|(signal, protocol)| (signal, protocol, cell())).collect() }
    }

    pub(crate) fn accepted(&self, signal: Signal, protocol: Protocol, count: u64, now: UnixNanos) {
        if let Some(cell) = self.cell(signal, protocol)
            && count > 0
        {
            cell.accepted.fetch_add(count, Ordering::Relaxed);
            cell.last.fetch_max(now, Ordering::Relaxed);
        }
    }

    pub(crate) fn rejected(&self, signal: Signal, protocol: Protocol, count: u64) {
        if let Some(cell) = self.cell(signal, protocol) {
            cell.rejected.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// What came, in the order of the signals and protocols; pairs of which nothing was ever seen are left out.
    pub(crate) fn sources(&self) -> Vec<Source> {
        let read = |(signal, protocol, cell): &(Signal, Protocol, Cell)| {
            let last = cell.last.load(Ordering::Relaxed);
            Source {
                signal: *signal,
                protocol: *protocol,
                accepted: cell.accepted.load(Ordering::Relaxed),
                rejected: cell.rejected.load(Ordering::Relaxed),
                last_received: (last != NEVER).then_some(last),
            }
        };
        self.cells.iter().map(read).filter(|source| source.accepted > 0 || source.rejected > 0).collect()
    }

    fn cell(&self, signal: Signal, protocol: Protocol) -> Option<&Cell> {
        self.cells.iter().find(|(own, by, _)| *own == signal && *by == protocol).map(|(.., cell)| cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_counted_apart_and_silent_ones_are_left_out() {
        let tally = Tally::new();
        tally.accepted(Signal::Logs, Protocol::JsonLogs, 3, 100);
        tally.accepted(Signal::Logs, Protocol::JsonLogs, 2, 90);
        tally.accepted(Signal::Metrics, Protocol::Scrape, 0, 200);
        tally.rejected(Signal::Logs, Protocol::OtlpHttp, 1);
        let expected = |protocol, accepted, rejected, last_received| Source {
            signal: Signal::Logs,
            protocol,
            accepted,
            rejected,
            last_received,
        };
        assert_eq!(
            tally.sources(),
            [expected(Protocol::OtlpHttp, 0, 1, None), expected(Protocol::JsonLogs, 5, 0, Some(100))]
        );
    }
}
