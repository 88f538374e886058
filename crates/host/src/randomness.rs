//! Random numbers for names and identities, not for secrets.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

/// A source of random numbers.
pub trait Random: Send + Sync + fmt::Debug {
    /// The next number, uniform over all of `u64`.
    fn u64(&self) -> u64;

    /// A number below `bound`; zero when `bound` is zero. The bias is below `bound` / 2⁶⁴.
    fn below(&self, bound: u64) -> u64 {
        let scaled = u128::from(self.u64()) * u128::from(bound);
        (scaled >> 64) as u64
    }
}

/// Numbers that differ at every start: a counter hashed (SipHash) under a key from the operating system's generator.
///
/// Unpredictable enough for identities; not for passwords, tokens or keys.
#[derive(Debug, Default)]
pub struct OsRandom {
    key: RandomState,
    counter: AtomicU64,
}

impl OsRandom {
    /// A generator with a key of its own.
    pub fn new() -> Self {
        Self::default()
    }
}

impl Random for OsRandom {
    fn u64(&self) -> u64 {
        let count = self.counter.fetch_add(1, Ordering::Relaxed);
        self.key.hash_one(count)
    }
}

/// Numbers that repeat with the seed.
pub struct SeededRandom {
    generator: Mutex<fastrand::Rng>,
    seed: u64,
}

impl SeededRandom {
    /// A generator whose numbers follow from `seed` alone.
    pub fn new(seed: u64) -> Self {
        let generator = Mutex::new(fastrand::Rng::with_seed(seed));
        Self { generator, seed }
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SeededRandom")
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Random for SeededRandom {
    fn u64(&self) -> u64 {
        self.generator.lock().u64(..)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_seed_decides_the_numbers() {
        let draw = |seed| {
            let random = SeededRandom::new(seed);
            (0..8).map(|_| random.u64()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn os_numbers_do_not_repeat() {
        let (one, two) = (OsRandom::new(), OsRandom::new());
        let mut seen = HashSet::new();
        for _ in 0..10_000 {
            assert!(seen.insert(one.u64()));
            assert!(seen.insert(two.u64()));
        }
    }

    #[test]
    fn below_reaches_every_value_and_no_other() {
        let random = SeededRandom::new(3);
        let seen: HashSet<u64> = (0..200).map(|_| random.below(5)).collect();
        assert_eq!(seen, HashSet::from([0, 1, 2, 3, 4]));
        assert_eq!(random.below(0), 0);
    }
}
