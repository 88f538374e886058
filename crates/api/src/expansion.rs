//! How much larger than its bytes the records of a body are, as those before it were.

use clew_model::Signal;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is taken at first, in quarters: three times the bytes.
const LEAST: usize = 12;

/// What is taken at most, in quarters, however the bodies before were: much for one is little for many at once.
const MOST: usize = 32;

/// Bodies that had enough, after which a quarter less is tried.
const TRIES_LESS_AFTER: usize = 256;

/// What bodies of each signal become. A body that is given too little is decoded twice, one that is given too much keeps
/// others waiting.
#[derive(Debug, Default)]
pub(crate) struct Expansions([Expansion; Signal::ALL.len()]);

#[derive(Debug)]
pub(crate) struct Expansion {
    quarters: AtomicUsize,
    enough: AtomicUsize,
}

impl Default for Expansion {
    fn default() -> Self {
        Self { quarters: AtomicUsize::new(LEAST), enough: AtomicUsize::new(0) }
    }
}

impl Expansions {
    /// That of a signal's bodies.
    pub(crate) fn of(&self, signal: Signal) -> &Expansion {
        let [logs, metrics, traces] = &self.0;
        match signal {
            Signal::Logs => logs,
            Signal::Metrics => metrics,
            Signal::Traces => traces,
        }
    }
}

impl Expansion {
    /// Bytes that the records of a body of so many bytes are taken to have.
    pub(crate) fn records(&self, bytes: usize) -> usize {
        bytes.saturating_mul(self.quarters.load(Ordering::Relaxed)) / 4
    }

    /// A body had enough of what [`Self::records`] said.
    pub(crate) fn was_enough(&self) {
        if self.enough.fetch_add(1, Ordering::Relaxed) % TRIES_LESS_AFTER == TRIES_LESS_AFTER - 1 {
            let less = |quarters: usize| (quarters > LEAST).then(|| quarters - 1);
            let _ = self.quarters.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        }
    }

    /// A body had too little.
    pub(crate) fn was_too_little(&self) {
        let more = |quarters: usize| Some((quarters + quarters / 2).min(MOST));
        let _ = self.quarters.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_bodies_become_is_learnt_from_those_before_and_forgotten_slowly() {
        let all = Expansions::default();
        let own = all.of(Signal::Logs);
        assert_eq!(own.records(1_000), 3_000);
        // Bodies become five times as much.
        let decoded_twice = (0..10_000).filter(|_| {
            let is_enough = own.records(1_000) >= 5_000;
            if is_enough {
                own.was_enough()
            } else {
                own.was_too_little()
            }
            !is_enough
        });
        let decoded_twice = decoded_twice.count();
        assert!((1..40).contains(&decoded_twice), "{decoded_twice}");
        assert_eq!(all.of(Signal::Traces).records(1_000), 3_000, "others are not told");
        (0..10).for_each(|_| own.was_too_little());
        assert_eq!(own.records(1_000), 8_000, "there is a bound");
        (0..20 * TRIES_LESS_AFTER).for_each(|_| own.was_enough());
        assert_eq!(own.records(1_000), 3_000);
    }
}
