//! Failed attempts, by the address they came from and the name they were for: each further one waits longer. Nobody is
//! locked out: whoever knows the password gets in after the wait, so that nobody can lock another out.

use super::limits::{
    DOUBLINGS, FIRST_DELAY, FORGET, FREE_FAILURES, REMEMBERED, WAITING, WAITING_BY_ADDRESS, WAITING_TOKENS_BY_ADDRESS,
};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What is remembered of failures.
#[derive(Debug)]
pub(super) struct Attempts {
    inner: Mutex<Inner>,
    /// How long the first attempt waits that is not free.
    first_delay: Duration,
}

#[derive(Debug, Default)]
struct Inner {
    records: HashMap<Key, Record>,
    waiting: Waiting,
}

/// Attempts under way. Passwords and tokens have places of their own: a program with a token of yesterday keeps nobody behind
/// the same proxy from logging in.
#[derive(Debug, Default)]
struct Waiting {
    passwords: u32,
    tokens: u32,
}

impl Waiting {
    fn of(&mut self, kind: Kind) -> &mut u32 {
        match kind {
            Kind::Password => &mut self.passwords,
            Kind::Token => &mut self.tokens,
        }
    }

    fn is_none(&self) -> bool {
        self.passwords == 0 && self.tokens == 0
    }
}

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Password,
    Token,
}

impl Kind {
    /// Attempts of one address that may be under way.
    fn most(self) -> u32 {
        match self {
            Kind::Password => WAITING_BY_ADDRESS,
            Kind::Token => WAITING_TOKENS_BY_ADDRESS,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// An address; of IPv6 the network, since a host has all addresses of one.
    Address(IpAddr),
    Name(String),
}

#[derive(Debug)]
struct Record {
    failures: u32,
    waiting: Waiting,
    last: Instant,
}

/// An attempt that is under way.
#[derive(Debug)]
pub(super) struct Attempt {
    attempts: Arc<Attempts>,
    keys: Vec<Key>,
    kind: Kind,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { inner: Mutex::default(), first_delay: FIRST_DELAY }
    }
}

impl Attempts {
    /// Attempts that wait another time.
    #[cfg(test)]
    pub(super) fn delayed_by(first_delay: Duration) -> Self {
        Self { first_delay, ..Self::default() }
    }

    /// Begins an attempt with the password of a name, or with a token, which is to wait so long first.
    ///
    /// # Errors
    /// Too many are under way; when to try again.
    pub(super) fn enter(
        this: &Arc<Self>,
        address: Option<IpAddr>,
        name: Option<&str>,
    ) -> Result<(Attempt, Duration), Duration> {
        let mut inner = this.inner.lock();
        let kind = if name.is_some() { Kind::Password } else { Kind::Token };
        let address = Key::Address(address.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), network));
        // Long names are nobody's.
        let name = name.map(|name| Key::Name(name.chars().take(super::limits::SHOWN_NAME).collect()));
        let keys: Vec<Key> = [Some(address), name].into_iter().flatten().collect();
        inner.make_room();
        let doublings = keys.iter().filter_map(|key| inner.doublings(key)).max();
        let delay = doublings.map_or(Duration::ZERO, |n| this.first_delay.saturating_mul(2_u32.saturating_pow(n)));
        let of_address = keys.first().and_then(|key| inner.records.get_mut(key));
        let by_address = of_address.map_or(0, |record| *record.waiting.of(kind));
        if *inner.waiting.of(kind) >= WAITING || by_address >= kind.most() {
            return Err(delay.max(Duration::from_secs(1)));
        }
        let one_more = |waiting: &mut u32| *waiting = waiting.saturating_add(1);
        one_more(inner.waiting.of(kind));
        for key in &keys {
            one_more(inner.record(key.clone()).waiting.of(kind));
        }
        Ok((Attempt { attempts: Arc::clone(this), keys, kind }, delay))
    }
}

impl Inner {
    fn record(&mut self, key: Key) -> &mut Record {
        self.records.entry(key).or_insert_with(|| Record {
            failures: 0,
            waiting: Waiting::default(),
            last: Instant::now(),
        })
    }

    /// How often the delay is doubled; `None` while failures are free.
    fn doublings(&self, key: &Key) -> Option<u32> {
        let record = self.records.get(key).filter(|record| record.last.elapsed() < FORGET)?;
        record.failures.checked_sub(FREE_FAILURES).map(|beyond| beyond.min(DOUBLINGS))
    }

    /// Forgets what is old; where that is not enough, who failed least.
    fn make_room(&mut self) {
        if self.records.len() < REMEMBERED {
            return;
        }
        let now = Instant::now();
        self.records.retain(|_, record| !record.waiting.is_none() || now.duration_since(record.last) < FORGET);
        let mut least = 1;
        while self.records.len() >= REMEMBERED && least < u32::MAX {
            self.records.retain(|_, record| !record.waiting.is_none() || record.failures > least);
            least = least.saturating_mul(2);
        }
    }
}

impl Attempt {
    /// It failed. Answers how many did, of its address or name.
    pub(super) fn failed(self) -> u32 {
        let mut inner = self.attempts.inner.lock();
        let now = Instant::now();
        let mut most = 0;
        for key in &self.keys {
            let record = inner.record(key.clone());
            if now.duration_since(record.last) > FORGET {
                record.failures = 0;
            }
            record.failures = record.failures.saturating_add(1);
            record.last = now;
            most = most.max(record.failures);
        }
        drop(inner);
        most
    }

    /// It did not.
    pub(super) fn succeeded(self) {
        let mut inner = self.attempts.inner.lock();
        for key in &self.keys {
            inner.record(key.clone()).failures = 0;
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let mut inner = self.attempts.inner.lock();
        let one_less = |waiting: &mut u32| *waiting = waiting.saturating_sub(1);
        one_less(inner.waiting.of(self.kind));
        for key in &self.keys {
            if let Some(record) = inner.records.get_mut(key) {
                one_less(record.waiting.of(self.kind));
                if record.waiting.is_none() && record.failures == 0 {
                    inner.records.remove(key);
                }
            }
        }
    }
}

/// What one host has: an IPv4 address, or 2^64 of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        },
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(attempts: &Arc<Attempts>, address: &str, name: &str) -> Duration {
        let (attempt, delay) = Attempts::enter(attempts, address.parse().ok(), Some(name)).unwrap();
        attempt.failed();
        delay
    }

    #[test]
    fn each_further_failure_waits_longer_by_address_and_by_name() {
        let attempts = Arc::default();
        let delays: Vec<u128> = (0..12).map(|_| fail(&attempts, "10.0.0.1", "ada").as_millis()).collect();
        assert_eq!(delays, [0, 0, 0, 0, 250, 500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        assert_eq!(fail(&attempts, "10.0.0.1", "bob").as_secs(), 8, "the address is known");
        assert_eq!(fail(&attempts, "10.0.0.2", "ada").as_secs(), 8, "the name is known");
        assert_eq!(fail(&attempts, "10.0.0.3", "eve").as_secs(), 0, "others are not slowed");
        for n in 0..5 {
            fail(&attempts, &format!("2001:db8::{n}"), &format!("n{n}"));
        }
        assert!(fail(&attempts, "2001:db8::ffff", "x").as_millis() > 0, "a network of IPv6 is one host");
        for record in attempts.inner.lock().records.values_mut() {
            record.last = record.last.checked_sub(FORGET).unwrap();
        }
        assert_eq!(fail(&attempts, "10.0.0.1", "ada"), Duration::ZERO, "it is forgotten in time");
    }

    #[test]
    fn few_of_an_address_are_under_way_at_once_and_a_success_clears_the_slate() {
        let attempts = Arc::default();
        let enter = || Attempts::enter(&attempts, "10.0.0.1".parse().ok(), None);
        let held: Vec<_> = (0..WAITING_TOKENS_BY_ADDRESS).map(|_| enter().unwrap()).collect();
        assert!(enter().is_err());
        let log_in = || Attempts::enter(&attempts, "10.0.0.1".parse().ok(), Some("ada"));
        let logins: Vec<_> = (0..WAITING_BY_ADDRESS).map(|_| log_in().unwrap()).collect();
        assert!(log_in().is_err(), "tokens and passwords are counted apart");
        drop(logins);
        assert!(Attempts::enter(&attempts, "10.0.0.2".parse().ok(), None).is_ok());
        drop(held);
        for _ in 0..9 {
            enter().unwrap().0.failed();
        }
        enter().unwrap().0.succeeded();
        assert_eq!(enter().unwrap().1, Duration::ZERO);
        assert!(attempts.inner.lock().records.is_empty());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_the_worst_stay() {
        let attempts = Arc::default();
        for _ in 0..9 {
            fail(&attempts, "10.0.0.1", "ada");
        }
        for n in 0..20_000_u32 {
            fail(&attempts, &Ipv6Addr::from_bits(u128::from(n + 1) << 64).to_string(), &n.to_string());
        }
        assert!(attempts.inner.lock().records.len() <= REMEMBERED + 2);
        assert!(fail(&attempts, "10.0.0.1", "x").as_secs() > 0);
    }
}
