//! What was written and acknowledged, and what was found of it.

use super::records::Kind;
use crate::limits::CANARY_CHECKED;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

/// The figures of one signal.
#[derive(Debug)]
pub(super) struct Ledger {
    kind: Kind,
    /// Acknowledged records and when they are, in milliseconds, oldest first; and whether each was sent more than once.
    written: VecDeque<Written>,
    /// How many of them ever.
    acknowledged: u64,
    /// Of them, those that were found right after they were acknowledged, or later.
    read: u64,
    /// Of the last records, how long each took from its sending until it was read back, in microseconds.
    latencies: VecDeque<u64>,
    slowest: Duration,
    /// Writes that the server refused, that nobody answered, reads that failed; each was tried again.
    pub refused: u64,
    pub unanswered: u64,
    pub unread: u64,
    /// What was said last of a write that was not taken.
    pub trouble: String,
    /// What was not there in time, and, at the end, what is not there at all.
    missing: Vec<u64>,
    /// What the look at the end found.
    doubled: Vec<u64>,
    disordered: u64,
}

/// An acknowledged record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// Its sequence number.
    pub number: u64,
    /// Its time, in milliseconds since 1970.
    pub millis: i64,
    /// Whether it was sent more than once, since an answer did not come: of logs it may be there more than once.
    pub is_repeated: bool,
}

impl Ledger {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            written: VecDeque::new(),
            acknowledged: 0,
            read: 0,
            latencies: VecDeque::new(),
            slowest: Duration::ZERO,
            refused: 0,
            unanswered: 0,
            unread: 0,
            trouble: String::new(),
            missing: Vec::new(),
            doubled: Vec::new(),
            disordered: 0,
        }
    }

    /// Notes an acknowledged record.
    pub(super) fn write(&mut self, written: Written) {
        self.acknowledged += 1;
        self.written.push_back(written);
        if self.written.len() > CANARY_CHECKED {
            self.written.pop_front();
        }
    }

    /// Notes that a record was read back, so long after it was sent.
    pub(super) fn found(&mut self, after: Duration) {
        self.read += 1;
        self.slowest = self.slowest.max(after);
        self.latencies.push_back(u64::try_from(after.as_micros()).unwrap_or(u64::MAX));
        if self.latencies.len() > CANARY_CHECKED {
            self.latencies.pop_front();
        }
    }

    /// Notes that a record was not there in time. It may come yet: the look at the end tells.
    pub(super) fn overdue(&mut self, number: u64) {
        if self.missing.len() < CANARY_CHECKED {
            self.missing.push(number);
        }
    }

    /// The records that are looked for at the end.
    pub(super) fn written(&self) -> impl Iterator<Item = Written> + '_ {
        self.written.iter().copied()
    }

    /// Compares with the sequence numbers that were found, in the order of the answer.
    pub(super) fn compare(&mut self, found: &[u64]) {
        let mut times: BTreeMap<u64, u64> = BTreeMap::new();
        found.iter().for_each(|number| *times.entry(*number).or_default() += 1);
        self.disordered = found.windows(2).filter(|pair| pair.first() > pair.last()).count() as u64;
        // What is not looked for any more stays missing.
        let oldest = self.written.front().map_or(u64::MAX, |written| written.number);
        self.missing.retain(|number| *number < oldest);
        self.doubled.clear();
        for written in &self.written {
            let may_be_repeated = written.is_repeated && self.kind == Kind::Logs;
            match times.get(&written.number) {
                None => self.missing.push(written.number),
                Some(1) => {}
                Some(_) if may_be_repeated => {}
                Some(_) => self.doubled.push(written.number),
            }
        }
    }

    /// The figures as a line.
    pub(super) fn line(&self) -> String {
        let mut sorted: Vec<u64> = self.latencies.iter().copied().collect();
        sorted.sort_unstable();
        let mut line = format!(
            "{:<7} written {} read {} missing {} doubled {} disordered {} refused {} unanswered {} unread {}",
            self.kind.name(),
            self.acknowledged,
            self.read,
            self.missing.len(),
            self.doubled.len(),
            self.disordered,
            self.refused,
            self.unanswered,
            self.unread,
        );
        if let (Some(p50), Some(p99)) = (quantile(&sorted, 50), quantile(&sorted, 99)) {
            let slowest = self.slowest.as_secs_f64() * 1_000.0;
            let _ =
                write!(line, " readable after p50 {:.1} ms p99 {:.1} ms max {slowest:.1} ms", millis(p50), millis(p99));
        }
        line
    }

    /// What must not be.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let name = self.kind.name();
        if self.acknowledged == 0 {
            faults.push(format!("{name}: nothing was acknowledged: {}", self.trouble));
        }
        for (what, numbers) in [("missing", &self.missing), ("there more than once", &self.doubled)] {
            if let Some(first) = numbers.first() {
                faults.push(format!(
                    "{name}: {} of what was acknowledged are {what}, number {first} first",
                    numbers.len()
                ));
            }
        }
        if self.disordered > 0 {
            faults.push(format!("{name}: {} are out of order", self.disordered));
        }
        faults
    }
}

/// The value below which so many of a hundred lie.
fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied()
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_overdue_is_told_until_it_came_and_for_good_where_it_is_not_looked_for_any_more() {
        let mut ledger = ledger(Kind::Traces);
        ledger.overdue(1);
        ledger.overdue(4);
        assert!(ledger.line().contains(" missing 2 "), "{}", ledger.line());
        ledger.written.drain(..3);
        ledger.compare(&[3, 4, 5]);
        assert_eq!((&ledger.missing[..], ledger.faults().len()), (&[1][..], 1));
    }

    fn ledger(kind: Kind) -> Ledger {
        let mut ledger = Ledger::new(kind);
        for number in 0..6 {
            ledger.write(Written { number, millis: number as i64, is_repeated: number == 3 });
        }
        ledger
    }

    #[test]
    fn what_is_missing_doubled_or_out_of_order_is_a_fault() {
        let faults = |kind: Kind, found: &[u64]| {
            let mut ledger = ledger(kind);
            ledger.compare(found);
            ledger.faults()
        };
        assert_eq!(faults(Kind::Logs, &[0, 1, 2, 3, 4, 5]), Vec::<String>::new());
        // What was sent twice may be there twice as a log record; never as a sample or a span.
        assert_eq!(faults(Kind::Logs, &[0, 1, 2, 3, 3, 4, 5]), Vec::<String>::new());
        let doubled = "traces: 1 of what was acknowledged are there more than once, number 3 first";
        assert_eq!(faults(Kind::Traces, &[0, 1, 2, 3, 3, 4, 5]), [doubled]);
        assert_eq!(
            faults(Kind::Metrics, &[1, 0, 3, 4, 5]),
            ["metrics: 1 of what was acknowledged are missing, number 2 first", "metrics: 1 are out of order"]
        );
        // Something that was never acknowledged may be there.
        assert_eq!(faults(Kind::Logs, &[0, 1, 2, 3, 4, 5, 6]), Vec::<String>::new());
        assert_eq!(Ledger::new(Kind::Logs).faults(), ["logs: nothing was acknowledged: "]);
    }

    #[test]
    fn the_line_has_the_figures() {
        let mut ledger = ledger(Kind::Metrics);
        (1..=100).for_each(|number| ledger.found(Duration::from_millis(number)));
        ledger.refused = 2;
        assert_eq!(
            ledger.line(),
            "metrics written 6 read 100 missing 0 doubled 0 disordered 0 refused 2 unanswered 0 unread 0 readable after \
             p50 51.0 ms p99 100.0 ms max 100.0 ms"
        );
    }
}
