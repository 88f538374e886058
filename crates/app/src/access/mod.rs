//! Who may use the server: users with passwords, tokens, and what they may do (`auth` in the configuration).
//!
//! Credentials come in, a [`Caller`] or a [`Refusal`] goes out. Passwords are checked away from the threads that serve
//! connections, each right one once in a while only; whoever fails is slowed by address and by name.

mod attempts;
mod audit;
mod book;
mod limits;
mod members;
mod oidc;
mod password;
mod sessions;
mod tenancy;
#[cfg(test)]
mod tests;
mod token;
mod verified;

pub use audit::{Audit, Deed};
pub use book::{Book, Token, User};
pub use clew_catalog::{CatalogError, Entry as AuditEntry};
pub use members::{May, Member, MemberError, Members, check_name};
pub use oidc::{Begun, Oidc, OidcError, OidcOptions, Person};
pub use password::{PasswordHash, hash_password};
pub use tenancy::{Shown, Tenancy, TenantRefusal};
pub use token::{TokenDigest, new_token};

use arc_swap::ArcSwap;
use attempts::{Attempt, Attempts};
use clew_host::Clock;
use clew_model::{Caller, Scopes, TenantId, TenantSet};
use clew_telemetry::{Counter, Registry, table};
use limits::PASSWORD_CHECKS;
use sessions::{Change, Holder, Sessions};
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
    /// A login through a provider of identities (OpenID Connect), or a token.
    Oidc,
}

impl AccessOptions {
    /// The usual lives of sessions: half a day without use, a week.
    #[must_use]
    pub fn of(mode: AuthMode) -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        Self { mode, session_idle: hours(12), session_age: hours(7 * 24), tenancy: Tenancy::default() }
    }
}

impl AuthMode {
    /// The word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AuthMode::None => "none",
            AuthMode::Basic => "basic",
            AuthMode::Token => "token",
            AuthMode::Oidc => "oidc",
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
    /// The secret text of a session.
    Session(String),
    /// Something that cannot be read; why.
    Unreadable(&'static str),
}

/// How the door is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessOptions {
    /// What is asked of callers.
    pub mode: AuthMode,
    /// How long a session lives without use.
    pub session_idle: Duration,
    /// How long a session lives.
    pub session_age: Duration,
    /// Whether tenants are kept apart.
    pub tenancy: Tenancy,
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

/// By what somebody was let in.
#[derive(Clone)]
pub struct Standing(By);

#[derive(Clone)]
enum By {
    /// Everybody is.
    Nothing,
    /// The secret text of a session.
    Session(String),
    /// A user or a token.
    Holder(Holder),
}

/// Why nobody was logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginError {
    /// They are not let in.
    Refused(Refusal),
    /// The server cannot; why.
    Failed(String),
}

/// The door.
pub struct Access {
    options: AccessOptions,
    clock: Arc<dyn Clock>,
    sessions: Sessions,
    book: ArcSwap<Book>,
    verified: Verified,
    attempts: Arc<Attempts>,
    /// Turns to check a password: each takes memory and a core.
    checks: Arc<Semaphore>,
    counts: Counts,
}

/// What happens to sessions, to be written down ([`Members::keep`]).
pub struct SessionChanges(tokio::sync::mpsc::Receiver<Change>);

/// How often what was refused.
struct Counts {
    missing: Counter,
    wrong: Counter,
    too_many: Counter,
    scope: Counter,
    tenant: Counter,
    checks: Counter,
}

impl Access {
    /// A door in this mode for those in the book.
    #[must_use]
    pub fn new(
        options: AccessOptions,
        book: Book,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> (Self, SessionChanges) {
        let (sessions, changes) = Sessions::new(options.session_idle, options.session_age);
        let refused = |reason| registry.counter(&table::AUTH_REFUSED, [reason]);
        let access = Self {
            options,
            clock,
            sessions,
            book: ArcSwap::from_pointee(book),
            verified: Verified::new(),
            attempts: Arc::new(Attempts::default()),
            checks: Arc::new(Semaphore::new(PASSWORD_CHECKS)),
            counts: Counts {
                missing: refused("missing"),
                wrong: refused("wrong"),
                too_many: refused("too_many"),
                scope: refused("scope"),
                tenant: refused("tenant"),
                checks: registry.counter(&table::AUTH_PASSWORD_CHECKS, []),
            },
        };
        (access, SessionChanges(changes))
    }

    /// Whether nobody is known whom the mode lets in.
    #[must_use]
    pub fn is_without_anybody(&self) -> bool {
        let book = self.book.load();
        match self.mode() {
            AuthMode::None | AuthMode::Oidc => false,
            AuthMode::Basic => book.users().next().is_none() && book.tokens().next().is_none(),
            AuthMode::Token => book.tokens().next().is_none(),
        }
    }

    /// What is asked of callers.
    #[must_use]
    pub fn mode(&self) -> AuthMode {
        self.options.mode
    }

    /// How long a session lives.
    #[must_use]
    pub fn session_age(&self) -> Duration {
        self.options.session_age
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
        self.admit(credentials, address).await.map(|(caller, _)| caller)
    }

    /// The same, and by what they stand here: what goes on for long asks again ([`Access::stands`]).
    ///
    /// # Errors
    /// As [`Access::identify`].
    pub async fn admit(
        &self,
        credentials: Credentials,
        address: Option<IpAddr>,
    ) -> Result<(Caller, Standing), Refusal> {
        if self.mode() == AuthMode::None {
            return Ok((Caller::anonymous(), Standing(By::Nothing)));
        }
        let session = match &credentials {
            Credentials::Session(secret) => Some(secret.clone()),
            _ => None,
        };
        let known = self.known(credentials, address).await;
        if let Err(refusal) = &known {
            match refusal {
                Refusal::Missing => self.counts.missing.inc(),
                Refusal::Wrong | Refusal::Unreadable(_) => self.counts.wrong.inc(),
                Refusal::TooMany { .. } => self.counts.too_many.inc(),
            }
        }
        let known = known?;
        let by = session.map_or(By::Holder(known.holder), By::Session);
        Ok((known.caller, Standing(by)))
    }

    /// Who somebody is now who was let in before; nobody, once their session, user or token is gone.
    #[must_use]
    pub fn stands(&self, standing: &Standing) -> Option<Caller> {
        match &standing.0 {
            By::Nothing => Some(Caller::anonymous()),
            By::Session(secret) => self.session(secret),
            By::Holder(holder) => self.of_holder(holder),
        }
    }

    /// Opens a session for who shows these credentials; answers its secret text.
    ///
    /// # Errors
    /// Why they are not let in.
    pub async fn log_in(
        &self,
        credentials: Credentials,
        address: Option<IpAddr>,
    ) -> Result<(Caller, String), LoginError> {
        let known = self.known(credentials, address).await.map_err(LoginError::Refused)?;
        let secret = self.sessions.open(known.holder, self.clock.now()).map_err(LoginError::Failed)?;
        Ok((known.caller, secret))
    }

    /// Opens a session for somebody whom a provider knows; answers its secret text.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn let_in(&self, person: &Person) -> Result<(Caller, String), String> {
        let secret = self.sessions.open(Holder::Person(person.clone()), self.clock.now())?;
        Ok((of_provider(person), secret))
    }

    /// Ends a session.
    pub fn log_out(&self, secret: &str) {
        self.sessions.close(secret);
    }

    /// Whose session this is.
    #[must_use]
    pub fn session(&self, secret: &str) -> Option<Caller> {
        let holder = self.sessions.holder(secret, self.clock.now())?;
        let caller = self.of_holder(&holder);
        if caller.is_none() {
            self.sessions.close(secret);
        }
        caller
    }

    /// Who a session's holder is now; nobody, once the user or token is not in the book any more, or another password is.
    fn of_holder(&self, holder: &Holder) -> Option<Caller> {
        let book = self.book.load();
        match holder {
            Holder::User { name, hash } => {
                book.user(name).filter(|user| user.hash == *hash).map(|user| Known::user(user).caller)
            }
            // Only as long as the provider is asked.
            Holder::Person(person) => (self.mode() == AuthMode::Oidc).then(|| of_provider(person)),
            Holder::Token(digest) => book.token(digest).map(|token| Known::token(token).caller),
        }
    }

    /// The caller within the tenant that a request shows. A refusal is counted.
    ///
    /// # Errors
    /// What the request shows names no tenant that the caller may use.
    pub fn in_tenant(&self, caller: Caller, shown: &Shown) -> Result<Caller, TenantRefusal> {
        self.within(caller, shown).inspect_err(|_| self.counts.tenant.inc())
    }

    /// The same for whoever only wants to know.
    ///
    /// # Errors
    /// As [`Access::in_tenant`].
    pub fn within(&self, caller: Caller, shown: &Shown) -> Result<Caller, TenantRefusal> {
        self.options.tenancy.within(caller, shown)
    }

    /// The caller of something that is about the whole server; none where they are to know of their tenants alone. Where nobody
    /// is asked who they are, a request that `names` a tenant is of that one alone: a proxy in front says whose it is.
    #[must_use]
    pub fn of_server(&self, caller: Caller, names: bool) -> Option<Caller> {
        let is_confined = caller.is_confined() || (names && self.mode() == AuthMode::None);
        if self.has_tenants() && is_confined {
            self.counts.tenant.inc();
            return None;
        }
        Some(Caller { tenant: TenantId::default(), tenants: TenantSet::Any, ..caller })
    }

    /// Whether tenants are kept apart.
    #[must_use]
    pub fn has_tenants(&self) -> bool {
        self.options.tenancy.is_on
    }

    /// The tenant that the page begins with; none while tenants are not kept apart.
    #[must_use]
    pub fn page_tenant(&self) -> Option<TenantId> {
        self.has_tenants().then(|| self.options.tenancy.missing.clone().unwrap_or_default())
    }

    /// Whether somebody who was let in before still may use a tenant.
    #[must_use]
    pub fn still_uses(&self, caller: &Caller, tenant: &TenantId) -> bool {
        !self.has_tenants() || caller.tenants.contains(tenant)
    }

    /// Counts a request of a known caller that lacks the scope it needs.
    pub fn count_missing_scope(&self) {
        self.counts.scope.inc();
    }

    async fn known(&self, credentials: Credentials, address: Option<IpAddr>) -> Result<Known, Refusal> {
        match credentials {
            Credentials::Nothing => Err(Refusal::Missing),
            Credentials::Unreadable(why) => Err(Refusal::Unreadable(why)),
            // One that has ended is no guess.
            Credentials::Session(secret) => {
                let holder = self.sessions.holder(&secret, self.clock.now()).ok_or(Refusal::Missing)?;
                let caller = self.session(&secret).ok_or(Refusal::Missing)?;
                Ok(Known { caller, holder })
            }
            Credentials::Token(token) => match self.book.load().token(&TokenDigest::of(&token)) {
                Some(known) => Ok(Known::token(known)),
                None => self.fail(address, None).await,
            },
            Credentials::Password { name, password } => self.by_password(name, password, address).await,
        }
    }

    async fn by_password(&self, name: String, password: String, address: Option<IpAddr>) -> Result<Known, Refusal> {
        let book = self.book.load_full();
        if let Some(known) = book.token(&TokenDigest::of(&password)) {
            return Ok(Known::token(known));
        }
        if self.mode() != AuthMode::Basic {
            return self.fail(address, None).await;
        }
        let user = book.user(&name);
        if let Some(user) = user
            && self.verified.knows(user, &password)
        {
            return Ok(Known::user(user));
        }
        let attempt = self.enter(address, Some(&name)).await?;
        self.counts.checks.inc();
        let hash = user.map(|user| user.hash.clone());
        let costliest = book.costliest().cloned();
        let turn = Arc::clone(&self.checks).acquire_owned().await;
        let shown = password.clone();
        let check = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            match hash {
                Some(hash) => hash.verify(&shown),
                // As long as for those who are there, so that nobody learns who is.
                None => password::take_as_long(&shown, costliest.as_ref()),
            }
        });
        match (check.await.unwrap_or(false), user) {
            (true, Some(user)) => {
                attempt.succeeded();
                self.verified.remember(user, &password);
                Ok(Known::user(user))
            }
            _ => {
                told(attempt.failed(), address, Some(self.shown(&name)));
                Err(Refusal::Wrong)
            }
        }
    }

    /// A failure that needed no check: it is slowed as others are.
    async fn fail(&self, address: Option<IpAddr>, name: Option<&str>) -> Result<Known, Refusal> {
        let attempt = self.enter(address, name).await?;
        told(attempt.failed(), address, name);
        Err(Refusal::Wrong)
    }

    /// A name that somebody gave, as it may be written down: one that nobody has may be a password in the wrong field.
    #[must_use]
    pub fn shown<'a>(&self, name: &'a str) -> &'a str {
        if self.book.load().user(name).is_some() { name } else { "(nobody's name)" }
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

/// Somebody who was let in.
struct Known {
    caller: Caller,
    holder: Holder,
}

impl Known {
    fn user(user: &User) -> Self {
        let holder = Holder::User { name: user.name.clone(), hash: user.hash.clone() };
        Self { caller: named(&user.name, user.scopes, &user.tenants), holder }
    }

    fn token(token: &Token) -> Self {
        let caller = named(&format!("token:{}", token.name), token.scopes, &token.tenants);
        Self { caller, holder: Holder::Token(token.digest) }
    }
}

fn of_provider(person: &Person) -> Caller {
    named(&format!("oidc:{}", person.name), person.scopes, &person.tenants)
}

/// Which of the tenants is theirs for a request is told by [`Access::in_tenant`].
fn named(principal: &str, scopes: Scopes, tenants: &TenantSet) -> Caller {
    let tenant = tenants.names().first().cloned().unwrap_or_default();
    Caller { tenant, principal: Arc::from(principal), scopes, tenants: tenants.clone() }
}

/// Tells of failures: the first, the second, the fourth …, so that an attack does not fill the log.
fn told(failures: u32, address: Option<IpAddr>, name: Option<&str>) {
    if failures.is_power_of_two() {
        let address = address.map_or_else(|| "?".to_owned(), |address| address.to_string());
        let name: String = name.unwrap_or("a token").chars().take(limits::SHOWN_NAME).collect();
        tracing::warn!(%address, ?name, failures, "credentials were refused");
    }
}
