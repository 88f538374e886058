//! Which files of a store are set aside: those found to be damaged, and those that are not there.

use clew_model::SetAside;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What was found since the store was opened. Stores ask no run of a table that is in here any more, so that a question
/// meets damage at its beginning and not half-way; the next start looks at it anew.
#[derive(Debug, Default)]
pub(crate) struct Damage {
    /// By number, why.
    tables: Mutex<BTreeMap<u64, String>>,
    count: AtomicUsize,
    /// What is no table.
    others: Mutex<Vec<SetAside>>,
}

impl Damage {
    /// Sets a table aside; the first reason stays.
    pub(crate) fn table(&self, number: u64, reason: &str) {
        let mut tables = self.tables.lock();
        tables.entry(number).or_insert_with(|| reason.to_owned());
        self.count.store(tables.len(), Ordering::Release);
    }

    /// Notes another file.
    pub(crate) fn other(&self, file: SetAside) {
        self.others.lock().push(file);
    }

    /// Why a table is set aside, if it is.
    pub(crate) fn reason(&self, number: u64) -> Option<String> {
        // Nearly always there is none, and every look-up asks.
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.tables.lock().get(&number).cloned()
    }

    /// How many files there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Acquire) + self.others.lock().len()
    }

    /// Files that are no tables.
    pub(crate) fn others(&self) -> Vec<SetAside> {
        self.others.lock().clone()
    }

    /// Forgets a table that is gone for good.
    pub(crate) fn forget(&self, number: u64) {
        if self.count.load(Ordering::Acquire) > 0 {
            let mut tables = self.tables.lock();
            tables.remove(&number);
            self.count.store(tables.len(), Ordering::Release);
        }
    }
}
