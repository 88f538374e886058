//! Who may use the server: users with passwords, tokens, and what they may do (`auth` in the configuration).
//!
//! Credentials come in, a [`Caller`] or a [`Refusal`] goes out. Passwords are checked away from the threads that serve
//! connections, each right one once in a while only; whoever fails is slowed by address and by name.

mod attempts;
mod book;
mod limits;
mod password;
#[cfg(test)]
mod tests;
mod token;
mod verified;

pub use book::{Book, Token, User};
pub use password::{PasswordHash, hash_password};
pub use token::{TokenDigest, new_token};

use arc_swap::ArcSwap;
use attempts::{Attempt, Attempts};
use clew_model::{Caller, Scopes, TenantId};
use clew_telemetry::{Counter, Registry, table};
use limits::PASSWORD_CHECKS;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use verified::Verified;

/// What is asked of callers (`auth.mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuthMode {
    /// Nothing: whoever reaches the server may do everything.
    #[default]
    None,
    /// A user's name and password, or a token.
    Basic,
    /// A token.
    Token,
}

impl AuthMode {
    /// The word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AuthMode::None => "none",
            AuthMode::Basic => "basic",
            AuthMode::Token => "token",
        }
    }
}

/// What a request shows of who it is from. Never written anywhere.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing.
    Nothing,
    /// A token by itself.
    Token(String),
    /// A name and a password, or anything and a token in the password's place: many programs can send nothing else.
    Password {
        /// The name.
        name: String,
        /// The password.
        password: String,
    },
    /// Something that cannot be read; why.
    Unreadable(&'static str),
}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It shows nothing.
    Missing,
    /// What it shows cannot be read; why.
    Unreadable(&'static str),
    /// What it shows is nobody's.
    Wrong,
    /// Too many failed before it.
    TooMany {
        /// When to try again.
        retry_after: Duration,
    },
}

/// The door.
pub struct Access {
    mode: AuthMode,
    book: ArcSwap<Book>,
    verified: Verified,
    attempts: Arc<Attempts>,
    /// Turns to check a password: each takes memory and a core.
    checks: Arc<Semaphore>,
    counts: Counts,
}

/// How often what was refused.
struct Counts {
    missing: Counter,
    wrong: Counter,
    too_many: Counter,
    scope: Counter,
    checks: Counter,
}

impl Access {
    /// A door in this mode for those in the book.
    #[must_use]
    pub fn new(mode: AuthMode, book: Book, registry: &Registry) -> Self {
        let refused = |reason| registry.counter(&table::AUTH_REFUSED, [reason]);
        Self {
            mode,
            book: ArcSwap::from_pointee(book),
            verified: Verified::new(),
            attempts: Arc::new(Attempts::default()),
            checks: Arc::new(Semaphore::new(PASSWORD_CHECKS)),
            counts: Counts {
                missing: refused("missing"),
                wrong: refused("wrong"),
                too_many: refused("too_many"),
                scope: refused("scope"),
                checks: registry.counter(&table::AUTH_PASSWORD_CHECKS, []),
            },
        }
    }

    /// What is asked of callers.
    #[must_use]
    pub fn mode(&self) -> AuthMode {
        self.mode
    }

    /// Puts another book in force, from the next request on.
    pub fn replace(&self, book: Book) {
        self.book.store(Arc::new(book));
    }

    /// Who shows these credentials, coming from this address.
    ///
    /// # Errors
    /// Why they are not let in.
    pub async fn identify(&self, credentials: Credentials, address: Option<IpAddr>) -> Result<Caller, Refusal> {
        if self.mode == AuthMode::None {
            return Ok(Caller::anonymous());
        }
        let outcome = match credentials {
            Credentials::Nothing => Err(Refusal::Missing),
            Credentials::Unreadable(why) => Err(Refusal::Unreadable(why)),
            Credentials::Token(token) => match self.book.load().token(&token) {
                Some(known) => Ok(named(&format!("token:{}", known.name), known.scopes)),
                None => self.fail(address, None).await,
            },
            Credentials::Password { name, password } => self.by_password(name, password, address).await,
        };
        if let Err(refusal) = &outcome {
            match refusal {
                Refusal::Missing => self.counts.missing.inc(),
                Refusal::Wrong | Refusal::Unreadable(_) => self.counts.wrong.inc(),
                Refusal::TooMany { .. } => self.counts.too_many.inc(),
            }
        }
        outcome
    }

    /// Counts a request of a known caller that lacks the scope it needs.
    pub fn count_missing_scope(&self) {
        self.counts.scope.inc();
    }

    async fn by_password(&self, name: String, password: String, address: Option<IpAddr>) -> Result<Caller, Refusal> {
        let book = self.book.load_full();
        if let Some(known) = book.token(&password) {
            return Ok(named(&format!("token:{}", known.name), known.scopes));
        }
        if self.mode == AuthMode::Token {
            return self.fail(address, None).await;
        }
        let user = book.user(&name);
        if let Some(user) = user
            && self.verified.knows(user, &password)
        {
            return Ok(named(&user.name, user.scopes));
        }
        let attempt = self.enter(address, Some(&name)).await?;
        self.counts.checks.inc();
        let hash = user.map(|user| user.hash.clone());
        let turn = Arc::clone(&self.checks).acquire_owned().await;
        let shown = password.clone();
        let check = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            match hash {
                Some(hash) => hash.verify(&shown),
                // As long as for those who are there, so that nobody learns who is.
                None => password::take_as_long(&shown),
            }
        });
        match (check.await.unwrap_or(false), user) {
            (true, Some(user)) => {
                attempt.succeeded();
                self.verified.remember(user, &password);
                Ok(named(&user.name, user.scopes))
            }
            _ => {
                told(attempt.failed(), address, Some(&name));
                Err(Refusal::Wrong)
            }
        }
    }

    /// A failure that needed no check: it is slowed as others are.
    async fn fail(&self, address: Option<IpAddr>, name: Option<&str>) -> Result<Caller, Refusal> {
        let attempt = self.enter(address, name).await?;
        told(attempt.failed(), address, name);
        Err(Refusal::Wrong)
    }

    async fn enter(&self, address: Option<IpAddr>, name: Option<&str>) -> Result<Attempt, Refusal> {
        let entered = Attempts::enter(&self.attempts, address, name);
        let (attempt, delay) = entered.map_err(|retry_after| Refusal::TooMany { retry_after })?;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        Ok(attempt)
    }
}

fn named(principal: &str, scopes: Scopes) -> Caller {
    Caller { tenant: TenantId::default(), principal: Arc::from(principal), scopes }
}

/// Tells of failures: the first, the second, the fourth …, so that an attack does not fill the log.
fn told(failures: u32, address: Option<IpAddr>, name: Option<&str>) {
    if failures.is_power_of_two() {
        let address = address.map_or_else(|| "?".to_owned(), |address| address.to_string());
        let name: String = name.unwrap_or("a token").chars().take(limits::SHOWN_NAME).collect();
        tracing::warn!(%address, ?name, failures, "credentials were refused");
    }
}
