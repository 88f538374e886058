//! What was sent and what became of it, as a list: the ledger that a start is compared with.

use super::SIGNALS;
use std::collections::BTreeMap;

/// A record is known by a number that no other has; everything else of it but its time follows from the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub number: u64,
    /// Nanoseconds since 1970, whole milliseconds.
    pub time: i64,
}

/// What is known about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Answered with success: all of it must be there.
    Acknowledged,
    /// Not answered, or by an error: all of it or nothing.
    Open,
    /// A start did not find it: it must not come back.
    Absent,
}

#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub signal: usize,
    pub records: Vec<Record>,
    pub fate: Fate,
}

/// What a server shows: for each signal the records by number, with the time of each copy, and from when on it keeps.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub records: [BTreeMap<u64, Vec<i64>>; 3],
    pub kept_from: [i64; 3],
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub requests: Vec<Request>,
    kept_from: [Option<i64>; 3],
    pub met: Met,
}

/// How often a start met what is to be tested.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Met {
    /// Records found.
    pub records: u64,
    /// Requests that were never acknowledged and found whole, or not found.
    pub whole: u64,
    pub absent: u64,
    /// Records that retention had removed.
    pub removed: u64,
}

impl Ledger {
    /// Compares with what a server shows after its start; settles what was open. Answers what is wrong.
    pub(crate) fn check(&mut self, shown: &Shown, now: i64, retention: i64) -> Result<(), String> {
        for (signal, name) in SIGNALS.iter().enumerate() {
            let kept_from = shown.kept_from[signal];
            if self.kept_from[signal].is_some_and(|before| kept_from < before) {
                return Err(format!("{name}: what retention removed is back: kept from {kept_from}"));
            }
            if kept_from > now - retention {
                return Err(format!("{name}: retention removed what is too young: kept from {kept_from}"));
            }
            self.kept_from[signal] = Some(kept_from);
            let mut sent: BTreeMap<u64, i64> = BTreeMap::new();
            for request in self.requests.iter().filter(|request| request.signal == signal) {
                sent.extend(request.records.iter().map(|record| (record.number, record.time)));
            }
            for (number, times) in &shown.records[signal] {
                match (sent.get(number), times.as_slice()) {
                    (None, _) => return Err(format!("{name}: record {number} was never sent")),
                    (Some(sent), [time]) if sent == time && *time >= kept_from => {}
                    (Some(sent), _) => {
                        return Err(format!(
                            "{name}: record {number} of {sent} is shown at {times:?}, kept from {kept_from}"
                        ));
                    }
                }
            }
        }
        for (place, request) in self.requests.iter_mut().enumerate() {
            let before = request.fate;
            request.settle(place, shown)?;
            self.met.whole += u64::from(before == Fate::Open && request.fate == Fate::Acknowledged);
            self.met.absent += u64::from(before == Fate::Open && request.fate == Fate::Absent);
            let kept_from = shown.kept_from[request.signal];
            self.met.removed += request.records.iter().filter(|record| record.time < kept_from).count() as u64;
        }
        self.met.records += shown.records.iter().map(|records| records.len() as u64).sum::<u64>();
        Ok(())
    }
}

impl Ledger {
    /// Compares how many spans were counted with those that are durable: each request once, however often it came, and
    /// whatever was sealed or retention removed. To be called after [`Self::check`].
    pub(crate) fn check_counted_spans(&self, counted: u64) -> Result<(), String> {
        let sum = |fate: Fate| {
            let requests = self.requests.iter().filter(|request| request.signal == 2 && request.fate == fate);
            requests.map(|request| request.records.len() as u64).sum::<u64>()
        };
        // Of some requests nothing could be seen any more.
        let (least, open) = (sum(Fate::Acknowledged), sum(Fate::Open));
        match (least..=least + open).contains(&counted) {
            true => Ok(()),
            false => Err(format!("traces: {counted} spans were counted of {least} and up to {open} more")),
        }
    }
}

impl Request {
    fn settle(&mut self, place: usize, shown: &Shown) -> Result<(), String> {
        let kept_from = shown.kept_from[self.signal];
        let kept: Vec<_> = self.records.iter().filter(|record| record.time >= kept_from).collect();
        let found = kept.iter().filter(|record| shown.records[self.signal].contains_key(&record.number)).count();
        let whole = found == kept.len();
        self.fate = match self.fate {
            // Nothing of it could be seen any more: nothing is learnt.
            fate if kept.is_empty() => fate,
            Fate::Acknowledged | Fate::Open if whole => Fate::Acknowledged,
            Fate::Open | Fate::Absent if found == 0 => Fate::Absent,
            fate => {
                let name = SIGNALS[self.signal];
                return Err(format!(
                    "{name}: of request {place} ({fate:?}) {found} of {} records are shown",
                    kept.len()
                ));
            }
        };
        Ok(())
    }
}
