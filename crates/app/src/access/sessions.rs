//! Who has logged in: a session is a random text in a cookie, of which only the digest is kept. It ends when it is not
//! used for a while, after some days in any case, and with the user or token that opened it.

use super::limits::{SESSION_CHANGES, SESSION_NOTED, SESSIONS, SESSIONS_ENDED, SESSIONS_OF_ONE};
use super::oidc::Person;
use super::password::PasswordHash;
use super::token::TokenDigest;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::mpsc;

/// Who opened a session; what they may do is looked up at each use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Holder {
    /// A user, as long as the password is the same.
    User { name: String, hash: PasswordHash },
    /// A token.
    Token(TokenDigest),
    /// Somebody whom a provider of identities knew then.
    Person(Person),
}

/// A session. Times are those of the wall clock, nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) holder: Holder,
    pub(super) opened: i64,
    pub(super) used: i64,
    /// The last use that was written down.
    pub(super) noted: i64,
}

/// A session that was opened or used, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change(pub(super) TokenDigest, pub(super) Session);

/// The sessions that are open.
#[derive(Debug)]
pub(super) struct Sessions {
    open: Mutex<HashMap<TokenDigest, Session>>,
    /// Those that ended, until that is written down. As many as ended while the catalog could not be written.
    ended: Mutex<HashSet<TokenDigest>>,
    idle: i64,
    age: i64,
    /// What is not taken in time is not written down: it is forgotten by a restart, no more.
    changes: mpsc::Sender<Change>,
}

impl Sessions {
    /// Sessions that end after so long without use, and after so long; what is to be written down comes out of the
    /// receiver.
    pub(super) fn new(idle: Duration, age: Duration) -> (Self, mpsc::Receiver<Change>) {
        let nanos = |duration: Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
        let (changes, taken) = mpsc::channel(SESSION_CHANGES);
        (Self { open: Mutex::default(), ended: Mutex::default(), idle: nanos(idle), age: nanos(age), changes }, taken)
    }

    /// Opens one; answers its secret text.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn open(&self, holder: Holder, now: i64) -> Result<String, String> {
        let secret = super::token::random_text()?;
        self.put(TokenDigest::of(&secret), Session { holder, opened: now, used: now, noted: now }, now, true);
        Ok(secret)
    }

    /// Puts one back that was open before a restart.
    pub(super) fn restore(&self, digest: TokenDigest, session: Session, now: i64) {
        self.put(digest, session, now, false);
    }

    fn put(&self, digest: TokenDigest, session: Session, now: i64, note: bool) {
        let mut open = self.open.lock();
        if open.len() >= SESSIONS {
            open.retain(|digest, session| self.stays(digest, session, now));
        }
        let own = open.values().filter(|one| one.holder == session.holder).count();
        if own >= SESSIONS_OF_ONE || open.len() >= SESSIONS {
            // Who opens many ends none of others, as long as there are not many who do.
            let may_go = |one: &Session| own < SESSIONS_OF_ONE || one.holder == session.holder;
            let oldest = open.iter().filter(|(_, one)| may_go(one)).min_by_key(|(_, one)| one.used);
            if let Some(oldest) = oldest.map(|(digest, _)| *digest) {
                open.remove(&oldest);
                self.end(oldest);
            }
        }
        if note {
            self.note(Change(digest, session.clone()));
        }
        open.insert(digest, session);
    }

    /// Whose session this is, which counts as its use.
    pub(super) fn holder(&self, secret: &str, now: i64) -> Option<Holder> {
        let digest = TokenDigest::of(secret);
        let mut open = self.open.lock();
        let session = open.get_mut(&digest)?;
        if !self.stays(&digest, session, now) {
            open.remove(&digest);
            return None;
        }
        session.used = session.used.max(now);
        if now.saturating_sub(session.noted) > SESSION_NOTED {
            session.noted = now;
            self.note(Change(digest, session.clone()));
        }
        Some(session.holder.clone())
    }

    /// Ends one.
    pub(super) fn close(&self, secret: &str) {
        let digest = TokenDigest::of(secret);
        if self.open.lock().remove(&digest).is_some() {
            self.end(digest);
        }
    }

    /// Whether it is still open; that it ended is written down.
    fn stays(&self, digest: &TokenDigest, session: &Session, now: i64) -> bool {
        let stays = now.saturating_sub(session.used) < self.idle && now.saturating_sub(session.opened) < self.age;
        if !stays {
            self.end(*digest);
        }
        stays
    }

    fn note(&self, change: Change) {
        let _ = self.changes.try_send(change);
    }

    fn end(&self, digest: TokenDigest) {
        let mut ended = self.ended.lock();
        if ended.len() < SESSIONS_ENDED {
            ended.insert(digest);
        } else {
            tracing::error!("more sessions ended than can be remembered while the catalog cannot be written");
        }
    }

    /// Looks whether a session that was just written down has ended meanwhile, and has that written down again.
    pub(super) fn was_put(&self, digest: TokenDigest) {
        if !self.open.lock().contains_key(&digest) {
            self.end(digest);
        }
    }

    /// Whether some ended and were not written down yet: a restart must not bring them back.
    pub(super) fn have_ended(&self) -> bool {
        !self.ended.lock().is_empty()
    }

    /// Those, to be written down. One that ends again meanwhile is among the next.
    pub(super) fn take_ended(&self) -> Vec<TokenDigest> {
        self.ended.lock().drain().collect()
    }

    /// These could not be written down.
    pub(super) fn put_back(&self, ended: Vec<TokenDigest>) {
        ended.into_iter().for_each(|digest| self.end(digest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn holder(n: usize) -> Holder {
        Holder::Token(TokenDigest::of(&n.to_string()))
    }

    #[test]
    fn a_session_ends_without_use_or_in_time_or_when_it_is_closed() {
        let (sessions, mut changes) = Sessions::new(Duration::from_secs(20), Duration::from_secs(50));
        let secret = sessions.open(holder(1), 0).unwrap();
        assert_eq!((sessions.holder(&secret, 1), sessions.holder("other", 1)), (Some(holder(1)), None));
        for second in [15, 30, 45, 49] {
            assert!(sessions.holder(&secret, second * SECOND).is_some(), "it is used");
        }
        assert_eq!(sessions.holder(&secret, 50 * SECOND), None, "it is old");
        let secret = sessions.open(holder(1), 0).unwrap();
        assert_eq!(sessions.holder(&secret, 20 * SECOND), None, "it was not used");
        let secret = sessions.open(holder(1), 0).unwrap();
        sessions.close(&secret);
        assert_eq!(sessions.holder(&secret, 1), None, "it was closed");
        let mut opened = 0;
        while changes.try_recv().is_ok() {
            opened += 1;
        }
        let mut ended = sessions.take_ended();
        assert_eq!((opened, ended.len(), sessions.have_ended()), (3, 3, false));
        ended.truncate(1);
        sessions.put_back(ended.clone());
        assert_eq!(sessions.take_ended(), ended);
    }

    #[test]
    fn who_opens_many_ends_their_own_and_none_of_others() {
        let (sessions, _changes) = Sessions::new(Duration::from_secs(3600), Duration::from_secs(7200));
        let honest = sessions.open(holder(1), 0).unwrap();
        let many: Vec<String> = (1..3_000).map(|at| sessions.open(holder(2), at).unwrap()).collect();
        assert!(sessions.holder(&honest, 3_000).is_some());
        let open = many.iter().filter(|secret| sessions.holder(secret, 3_000).is_some()).count();
        assert_eq!(open, SESSIONS_OF_ONE);
        assert!(sessions.holder(many.last().unwrap(), 3_000).is_some(), "the last one is open");
    }

    #[test]
    fn use_is_written_down_now_and_then() {
        let (sessions, mut changes) = Sessions::new(Duration::from_secs(3600), Duration::from_secs(7200));
        let secret = sessions.open(holder(1), 0).unwrap();
        for second in 0..600 {
            sessions.holder(&secret, second * SECOND);
        }
        let mut noted = 0;
        while changes.try_recv().is_ok() {
            noted += 1;
        }
        assert!((5..=11).contains(&noted), "{noted}");
    }

    #[test]
    fn there_are_as_many_as_there_may_be_and_the_one_used_longest_ago_goes() {
        let (sessions, _changes) = Sessions::new(Duration::from_secs(60), Duration::from_secs(60));
        let first = sessions.open(holder(0), 0).unwrap();
        let second = sessions.open(holder(1), 1).unwrap();
        sessions.holder(&first, 2);
        for n in 2..=SESSIONS {
            sessions.open(holder(n), 3).unwrap();
        }
        assert_eq!(sessions.open.lock().len(), SESSIONS);
        assert!(sessions.holder(&first, 4).is_some() && sessions.holder(&second, 4).is_none());
    }
}
