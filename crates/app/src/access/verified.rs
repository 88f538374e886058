//! Passwords that were right a moment ago, so that a program that shows one with each request does not pay for argon2
//! each time. What is kept is a digest under a key that lives as long as the process.

use super::book::User;
use super::limits::{VERIFIED, VERIFIED_AGE};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::time::Instant;

pub(super) struct Verified {
    key: [u8; 32],
    /// When each was found right.
    digests: Mutex<HashMap<[u8; 32], Instant>>,
}

impl Verified {
    pub(super) fn new() -> Self {
        let mut key = [0; 32];
        // Without randomness the digests are only easier to guess for who reads this process' memory.
        let _ = getrandom::fill(&mut key);
        Self { key, digests: Mutex::default() }
    }

    /// Whether this password of the user's was right lately; another hash in the book makes it another.
    pub(super) fn knows(&self, user: &User, password: &str) -> bool {
        let found = self.digests.lock().get(&self.digest(user, password)).copied();
        found.is_some_and(|when| when.elapsed() < VERIFIED_AGE)
    }

    pub(super) fn remember(&self, user: &User, password: &str) {
        let digest = self.digest(user, password);
        let mut digests = self.digests.lock();
        if digests.len() >= VERIFIED {
            digests.retain(|_, when| when.elapsed() < VERIFIED_AGE);
        }
        if digests.len() >= VERIFIED {
            let any = digests.keys().next().copied();
            any.and_then(|any| digests.remove(&any));
        }
        digests.insert(digest, Instant::now());
    }

    fn digest(&self, user: &User, password: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [&self.key[..], user.name.as_bytes(), user.hash.as_str().as_bytes(), password.as_bytes()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }
}
