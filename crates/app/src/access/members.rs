//! Users and tokens that are made while the server runs, beside those of the configuration: kept in the catalog, which
//! commands change too.

use super::audit::Audit;
use super::book::{Book, Token, User};
use super::limits::{CATALOG_LOOK, NAME_BYTES};
use super::oidc::Person;
use super::password::{PasswordHash, hash_password};
use super::sessions::{Change, Holder, Session};
use super::token::{TokenDigest, new_token};
use super::{Access, SessionChanges};
use clew_catalog::{Catalog, CatalogError, ImportError};
use clew_host::Clock;
use clew_model::{ErrorKind, Scopes, TenantSet};
use parking_lot::Mutex;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

/// Those who may use the server.
pub struct Members {
    /// `None` where it could not be opened.
    catalog: Option<Arc<Catalog>>,
    audit: Audit,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
    /// Those of the configuration, who count first.
    /// What the catalog held when it was last read.
    held: Mutex<(Vec<User>, Vec<Token>)>,
    /// One at a time writes down which sessions have ended.
    writes: Mutex<()>,
    configured: Mutex<Book>,
}

/// A user or token as others are told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub name: String,
    /// What they may do.
    pub scopes: Scopes,
    /// The tenants that they may use.
    pub tenants: TenantSet,
    /// When they were made, Unix nanoseconds, and by whom; `None` for those of the configuration.
    pub made: Option<(i64, String)>,
}

/// What a user or token may do, and of which tenants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct May {
    /// What.
    pub scopes: Scopes,
    /// Of which tenants.
    pub tenants: TenantSet,
}

impl fmt::Display for May {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.scopes.names().join(", "))?;
        if self.tenants == TenantSet::default() { Ok(()) } else { write!(formatter, " in {}", self.tenants) }
    }
}

impl From<Scopes> for May {
    /// In the tenant `default`.
    fn from(scopes: Scopes) -> Self {
        Self { scopes, tenants: TenantSet::default() }
    }
}

/// Why a member was not made, changed or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MemberError {
    /// What was asked for cannot be.
    #[error("{0}")]
    Invalid(String),
    /// There is nobody of this name.
    #[error("there is no {what} {name:?}")]
    Missing {
        /// `user`, `token`.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The name is taken, or belongs to the configuration.
    #[error("{0}")]
    Conflict(String),
    /// The catalog cannot be used.
    #[error("{0}")]
    Failed(String),
}

impl MemberError {
    /// What a caller may do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            MemberError::Invalid(_) => ErrorKind::InvalidInput,
            MemberError::Missing { .. } => ErrorKind::NotFound,
            MemberError::Conflict(_) => ErrorKind::Conflict,
            MemberError::Failed(_) => ErrorKind::Internal,
        }
    }
}

impl From<CatalogError> for MemberError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Taken { .. } => MemberError::Conflict(error.to_string()),
            _ => MemberError::Failed(error.to_string()),
        }
    }
}

/// Whether something can be the name of a user or token: basic authentication cannot carry a colon, a line of the log no
/// line break.
///
/// # Errors
/// What would be right.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(|c| c == ':' || c.is_control()) {
        return Err(format!("a name has 1 to {NAME_BYTES} bytes and neither colons nor line breaks"));
    }
    Ok(())
}

impl Members {
    /// Those of the configuration and of the catalog in this folder. A catalog that is damaged keeps nobody else out: it is
    /// told in the log. Blocks.
    ///
    /// # Errors
    /// A catalog of a newer Clew's or of another program's.
    pub fn open(
        folder: &Path,
        access: Arc<Access>,
        clock: Arc<dyn Clock>,
        configured: Book,
    ) -> Result<Self, CatalogError> {
        let catalog = match Catalog::open(folder) {
            Ok(catalog) => Some(catalog),
            Err(error @ (CatalogError::Newer { .. } | CatalogError::Foreign { .. })) => return Err(error),
            Err(error) => {
                tracing::error!(%error, "the catalog cannot be opened: those whom it names are not let in");
                None
            }
        };
        Ok(Self::new(catalog, access, clock, configured))
    }

    /// The same with a catalog that is gone with the process.
    ///
    /// # Errors
    /// The database refuses.
    pub fn in_memory(access: Arc<Access>, clock: Arc<dyn Clock>, configured: Book) -> Result<Self, CatalogError> {
        Ok(Self::new(Some(Catalog::in_memory()?), access, clock, configured))
    }

    fn new(catalog: Option<Catalog>, access: Arc<Access>, clock: Arc<dyn Clock>, configured: Book) -> Self {
        let catalog = catalog.map(Arc::new);
        let audit = Audit::new(catalog.clone(), Arc::clone(&clock));
        let members = Self {
            catalog,
            audit,
            access,
            clock,
            configured: Mutex::new(configured),
            held: Mutex::default(),
            writes: Mutex::default(),
        };
        members.refresh();
        members.restore_sessions();
        members
    }

    /// The door that they pass.
    #[must_use]
    pub fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// Users and tokens that were made as one document ([`Catalog::export`]).
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn export(&self) -> Result<String, MemberError> {
        Ok(self.catalog()?.export()?)
    }

    /// Takes such a document in, all of it or nothing; what is there of the same name is replaced. Answers how many users
    /// and tokens it held.
    ///
    /// # Errors
    /// A document that cannot be used.
    pub fn import(&self, text: &str) -> Result<(usize, usize), MemberError> {
        let check = |is_user: bool, name: &str, secret: &str| {
            check_name(name)?;
            let checked = if is_user {
                PasswordHash::parse(secret).map(drop)
            } else {
                TokenDigest::parse(secret).map(drop).map_err(str::to_owned)
            };
            checked.map_err(|error| format!("{name}: {error}"))
        };
        let taken = self.catalog()?.import(text, check).map_err(|error| match error {
            ImportError::Catalog(error) => error.into(),
            error => MemberError::Invalid(error.to_string()),
        })?;
        self.refresh();
        Ok(taken)
    }

    /// Who did what.
    #[must_use]
    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Puts other users and tokens of the configuration in force.
    pub fn configure(&self, book: Book) {
        *self.configured.lock() = book;
        self.refresh();
    }

    /// Puts in force what the configuration says and the catalog holds now. Where the catalog cannot be read what it held
    /// last stays: its damage keeps nobody of the configuration out, and lets nobody in whom that took away.
    fn refresh(&self) {
        // Held throughout: of two changes at once none puts back what the other took away.
        let mut held = self.held.lock();
        match self.read() {
            Ok((users, tokens)) => {
                let users = users.into_iter().filter_map(|user| readable(&user)).collect();
                *held = (users, tokens.iter().filter_map(readable_token).collect());
            }
            Err(error) => tracing::error!(%error, "the catalog cannot be read: those whom it named last are let in"),
        }
        let mut book = self.configured.lock().clone();
        book.add(held.0.iter().cloned(), held.1.iter().cloned());
        self.access.replace(book);
    }

    fn read(&self) -> Result<(Vec<clew_catalog::User>, Vec<clew_catalog::Token>), CatalogError> {
        match &self.catalog {
            None => Ok(Default::default()),
            Some(catalog) => Ok((catalog.users()?, catalog.tokens()?)),
        }
    }

    fn catalog(&self) -> Result<&Catalog, MemberError> {
        let catalog = self.catalog.as_deref();
        catalog
            .ok_or_else(|| MemberError::Failed("the catalog could not be opened; the log of the start says why".into()))
    }

    /// All users, by name. Blocks, as all that follow do.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn users(&self) -> Result<Vec<Member>, MemberError> {
        let configured = self.configured.lock().users().map(of_configuration_user).collect();
        let made = self.read()?.0.into_iter();
        let made = made.map(|user| Member {
            name: user.name,
            scopes: user.scopes,
            tenants: user.tenants,
            made: Some((user.created_at, user.created_by)),
        });
        Ok(all(configured, made))
    }

    /// All tokens, by name.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn tokens(&self) -> Result<Vec<Member>, MemberError> {
        let configured = self.configured.lock().tokens().map(of_configuration_token).collect();
        let made = self.read()?.1.into_iter();
        let made = made.map(|token| Member {
            name: token.name,
            scopes: token.scopes,
            tenants: token.tenants,
            made: Some((token.created_at, token.created_by)),
        });
        Ok(all(configured, made))
    }

    /// Makes a user.
    ///
    /// # Errors
    /// A name or password that cannot be one, a name that is taken.
    pub fn add_user(&self, name: &str, password: &str, may: May, by: &str) -> Result<(), MemberError> {
        check_name(name).map_err(MemberError::Invalid)?;
        if self.configured.lock().user(name).is_some() {
            return Err(MemberError::Conflict(format!("the configuration names a user {name:?}")));
        }
        let password_hash = hash_password(password).map_err(MemberError::Invalid)?;
        let (created_at, created_by) = (self.clock.now(), by.to_owned());
        let May { scopes, tenants } = may;
        let user = clew_catalog::User { name: name.to_owned(), password_hash, scopes, tenants, created_at, created_by };
        self.catalog()?.add_user(&user)?;
        self.refresh();
        Ok(())
    }

    /// Gives a user another password, other scopes or other tenants. Sessions end with the password.
    ///
    /// # Errors
    /// Nobody of this name in the catalog, a password that cannot be one.
    pub fn change_user(
        &self,
        name: &str,
        password: Option<&str>,
        scopes: Option<Scopes>,
        tenants: Option<&TenantSet>,
    ) -> Result<(), MemberError> {
        let hash = password.map(hash_password).transpose().map_err(MemberError::Invalid)?;
        self.must_be_made("user", name, |book| book.user(name).is_some())?;
        if !self.catalog()?.change_user(name, hash.as_deref(), scopes, tenants)? {
            return Err(MemberError::Missing { what: "user", name: name.to_owned() });
        }
        self.refresh();
        Ok(())
    }

    /// Removes a user; sessions end.
    ///
    /// # Errors
    /// Nobody of this name in the catalog.
    pub fn remove_user(&self, name: &str) -> Result<(), MemberError> {
        self.must_be_made("user", name, |book| book.user(name).is_some())?;
        if !self.catalog()?.remove_user(name)? {
            return Err(MemberError::Missing { what: "user", name: name.to_owned() });
        }
        self.refresh();
        Ok(())
    }

    /// Makes a token; answers it, which nobody can again.
    ///
    /// # Errors
    /// A name that cannot be one or is taken.
    pub fn add_token(&self, name: &str, may: May, by: &str) -> Result<String, MemberError> {
        check_name(name).map_err(MemberError::Invalid)?;
        if self.configured.lock().tokens().any(|token| token.name == name) {
            return Err(MemberError::Conflict(format!("the configuration names a token {name:?}")));
        }
        let text = new_token().map_err(MemberError::Failed)?;
        let (digest, created_at) = (TokenDigest::of(&text).to_string(), self.clock.now());
        let (name, created_by) = (name.to_owned(), by.to_owned());
        let May { scopes, tenants } = may;
        self.catalog()?.add_token(&clew_catalog::Token { name, digest, scopes, tenants, created_at, created_by })?;
        self.refresh();
        Ok(text)
    }

    /// Removes a token; sessions that it opened end.
    ///
    /// # Errors
    /// None of this name in the catalog.
    pub fn remove_token(&self, name: &str) -> Result<(), MemberError> {
        self.must_be_made("token", name, |book| book.tokens().any(|token| token.name == name))?;
        if !self.catalog()?.remove_token(name)? {
            return Err(MemberError::Missing { what: "token", name: name.to_owned() });
        }
        self.refresh();
        Ok(())
    }

    fn must_be_made(
        &self,
        what: &'static str,
        name: &str,
        is_configured: impl Fn(&Book) -> bool,
    ) -> Result<(), MemberError> {
        if is_configured(&self.configured.lock()) {
            return Err(MemberError::Conflict(format!(
                "the {what} {name:?} stands in the configuration; change it there"
            )));
        }
        Ok(())
    }

    /// Looks for what commands change, and writes sessions down, until `stop`.
    pub async fn keep(self: Arc<Self>, mut changes: SessionChanges, stop: CancellationToken) {
        // What a command changed before this began is seen at the first look.
        let mut known = None;
        let mut looks = tokio::time::interval(CATALOG_LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                // However many sessions begin and end: what a command took away is looked for.
                biased;
                () = stop.cancelled() => break,
                _ = looks.tick() => {
                    if self.access.sessions.have_ended() {
                        self.on_a_thread(|members| drop(members.write_ended())).await;
                    }
                    let now = self.foreign_changes().await;
                    if now != known {
                        known = now;
                        self.on_a_thread(Members::refresh).await;
                    }
                }
                Some(change) = changes.0.recv() => self.on_a_thread(move |members| members.note(change)).await,
            }
        }
        while let Ok(change) = changes.0.try_recv() {
            self.on_a_thread(move |members| members.note(change)).await;
        }
        self.on_a_thread(|members| drop(members.write_ended())).await;
    }

    /// Writes down which sessions have ended. What could not be written is tried again. Blocks.
    ///
    /// # Errors
    /// The catalog cannot be written: a restart may bring them back.
    pub fn write_ended(&self) -> Result<(), MemberError> {
        let Some(catalog) = &self.catalog else { return Ok(()) };
        // Whoever logs out waits for another who writes it down just now.
        let _one = self.writes.lock();
        let mut ended = self.access.sessions.take_ended();
        while let Some(digest) = ended.last() {
            if let Err(error) = catalog.remove_session(&digest.to_string()) {
                self.access.sessions.put_back(ended);
                return Err(error.into());
            }
            ended.pop();
        }
        Ok(())
    }

    async fn on_a_thread(self: &Arc<Self>, run: impl FnOnce(&Self) + Send + 'static) {
        let members = Arc::clone(self);
        let _ = tokio::task::spawn_blocking(move || run(&members)).await;
    }

    async fn foreign_changes(self: &Arc<Self>) -> Option<i64> {
        let catalog = self.catalog.clone()?;
        tokio::task::spawn_blocking(move || catalog.foreign_changes().ok()).await.ok().flatten()
    }

    fn note(&self, change: Change) {
        let Some(catalog) = &self.catalog else { return };
        let Change(digest, session) = change;
        let written = catalog.put_session(&row(digest, &session));
        self.access.sessions.was_put(digest);
        if let Err(error) = written {
            tracing::warn!(%error, "a session could not be written down; a restart ends it");
        }
    }

    fn restore_sessions(&self) {
        let Some(catalog) = &self.catalog else { return };
        match catalog.sessions() {
            Ok(rows) => {
                let now = self.clock.now();
                for (digest, session) in rows.iter().filter_map(session) {
                    self.access.sessions.restore(digest, session, now);
                }
            }
            Err(error) => tracing::warn!(%error, "sessions cannot be read; everybody logs in anew"),
        }
    }
}

fn readable(user: &clew_catalog::User) -> Option<User> {
    match PasswordHash::parse(&user.password_hash) {
        Ok(hash) => Some(User { name: user.name.clone(), hash, scopes: user.scopes, tenants: user.tenants.clone() }),
        Err(error) => {
            tracing::error!(user = ?user.name, error, "the catalog holds a password hash that cannot be used");
            None
        }
    }
}

fn readable_token(token: &clew_catalog::Token) -> Option<Token> {
    match TokenDigest::parse(&token.digest) {
        Ok(digest) => {
            Some(Token { name: token.name.clone(), digest, scopes: token.scopes, tenants: token.tenants.clone() })
        }
        Err(error) => {
            tracing::error!(token = ?token.name, error, "the catalog holds a digest that cannot be used");
            None
        }
    }
}

fn of_configuration_user(user: &User) -> Member {
    Member { name: user.name.clone(), scopes: user.scopes, tenants: user.tenants.clone(), made: None }
}

fn of_configuration_token(token: &Token) -> Member {
    Member { name: token.name.clone(), scopes: token.scopes, tenants: token.tenants.clone(), made: None }
}

/// Both together by name; those of the configuration count.
fn all(mut configured: Vec<Member>, made: impl Iterator<Item = Member>) -> Vec<Member> {
    let made: Vec<Member> = made.filter(|made| configured.iter().all(|known| known.name != made.name)).collect();
    configured.extend(made);
    configured.sort_by(|a, b| a.name.cmp(&b.name));
    configured
}

fn row(digest: TokenDigest, session: &Session) -> clew_catalog::Session {
    let (holder, name, stamp) = match &session.holder {
        Holder::User { name, hash } => ("user", name.clone(), hash.as_str().to_owned()),
        Holder::Token(token) => ("token", token.to_string(), String::new()),
        Holder::Person(person) => ("person", person.name.clone(), rights(person)),
    };
    clew_catalog::Session {
        digest: digest.to_string(),
        holder: holder.to_owned(),
        name,
        stamp,
        opened_at: session.opened,
        used_at: session.used,
    }
}

/// What stands before a tenant among the words that a person's session is kept with.
const TENANT_MARK: char = '@';

/// What a person may do, as words: scopes, and tenants with a mark.
fn rights(person: &Person) -> String {
    let tenants = person.tenants.words().into_iter().map(|tenant| format!("{TENANT_MARK}{tenant}"));
    let words: Vec<String> = person.scopes.names().into_iter().map(str::to_owned).chain(tenants).collect();
    words.join(" ")
}

/// A person with what [`rights`] wrote; none where that cannot be read.
fn person(name: &str, words: &str) -> Option<Person> {
    let words: Vec<&str> = words.split(' ').collect();
    let known = Scopes::NAMED.into_iter().filter(|(name, _)| words.contains(name));
    let scopes = known.fold(Scopes::NONE, |all, (_, scope)| all | scope);
    let tenants = TenantSet::parse(words.iter().filter_map(|word| word.strip_prefix(TENANT_MARK))).ok()?;
    Some(Person { name: name.to_owned(), scopes, tenants })
}

fn session(row: &clew_catalog::Session) -> Option<(TokenDigest, Session)> {
    let digest = TokenDigest::parse(&row.digest).ok()?;
    let holder = match row.holder.as_str() {
        "user" => Holder::User { name: row.name.clone(), hash: PasswordHash::parse(&row.stamp).ok()? },
        "token" => Holder::Token(TokenDigest::parse(&row.name).ok()?),
        "person" => Holder::Person(person(&row.name, &row.stamp)?),
        _ => return None,
    };
    Some((digest, Session { holder, opened: row.opened_at, used: row.used_at, noted: row.used_at }))
}
