//! Who has logged in: a session is a random text in a cookie, of which only the digest is kept. It ends when it is not
//! used for a while, after some days in any case, and with the user or token that opened it.

use super::limits::SESSIONS;
use super::password::PasswordHash;
use super::token::TokenDigest;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Who opened a session; what they may do is looked up at each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// A user, as long as the password is the same.
    User { name: String, hash: PasswordHash },
    /// A token.
    Token(TokenDigest),
}

#[derive(Debug)]
struct Session {
    holder: Holder,
    opened: Instant,
    used: Instant,
}

/// The sessions that are open.
#[derive(Debug)]
pub(super) struct Sessions {
    open: Mutex<HashMap<TokenDigest, Session>>,
    idle: Duration,
    age: Duration,
}

impl Sessions {
    /// Sessions that end after so long without use, and after so long.
    pub(super) fn new(idle: Duration, age: Duration) -> Self {
        Self { open: Mutex::default(), idle, age }
    }

    /// Opens one; answers its secret text.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn open(&self, holder: Holder) -> Result<String, String> {
        let secret = super::token::random_text()?;
        let now = Instant::now();
        let mut open = self.open.lock();
        if open.len() >= SESSIONS {
            open.retain(|_, session| self.is_open(session, now));
        }
        if open.len() >= SESSIONS {
            let oldest = open.iter().min_by_key(|(_, session)| session.used).map(|(digest, _)| *digest);
            oldest.and_then(|oldest| open.remove(&oldest));
        }
        open.insert(TokenDigest::of(&secret), Session { holder, opened: now, used: now });
        Ok(secret)
    }

    /// Whose session this is, which counts as its use.
    pub(super) fn holder(&self, secret: &str) -> Option<Holder> {
        let (digest, now) = (TokenDigest::of(secret), Instant::now());
        let mut open = self.open.lock();
        let session = open.get_mut(&digest)?;
        if self.is_open(session, now) {
            session.used = now;
            return Some(session.holder.clone());
        }
        open.remove(&digest);
        None
    }

    /// Ends one.
    pub(super) fn close(&self, secret: &str) {
        self.open.lock().remove(&TokenDigest::of(secret));
    }

    fn is_open(&self, session: &Session, now: Instant) -> bool {
        now.duration_since(session.used) < self.idle && now.duration_since(session.opened) < self.age
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(n: usize) -> Holder {
        Holder::Token(TokenDigest::of(&n.to_string()))
    }

    #[test]
    fn a_session_ends_without_use_or_in_time_or_when_it_is_closed() {
        let sessions = Sessions::new(Duration::from_millis(200), Duration::from_millis(500));
        let secret = sessions.open(holder(1)).unwrap();
        assert_eq!((sessions.holder(&secret), sessions.holder("other")), (Some(holder(1)), None));
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(100));
            assert!(sessions.holder(&secret).is_some(), "it is used");
        }
        std::thread::sleep(Duration::from_millis(110));
        assert_eq!(sessions.holder(&secret), None, "it is old");
        let secret = sessions.open(holder(1)).unwrap();
        std::thread::sleep(Duration::from_millis(210));
        assert_eq!(sessions.holder(&secret), None, "it was not used");
        let secret = sessions.open(holder(1)).unwrap();
        sessions.close(&secret);
        assert_eq!(sessions.holder(&secret), None, "it was closed");
    }

    #[test]
    fn there_are_as_many_as_there_may_be_and_the_one_used_longest_ago_goes() {
        let sessions = Sessions::new(Duration::from_secs(60), Duration::from_secs(60));
        let first = sessions.open(holder(0)).unwrap();
        let second = sessions.open(holder(1)).unwrap();
        sessions.holder(&first);
        for n in 2..=SESSIONS {
            sessions.open(holder(n)).unwrap();
        }
        assert_eq!(sessions.open.lock().len(), SESSIONS);
        assert!(sessions.holder(&first).is_some() && sessions.holder(&second).is_none());
    }
}
