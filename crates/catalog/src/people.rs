//! Users and tokens.

use crate::{Catalog, CatalogError};
use clew_model::{Scopes, TenantSet};
use rusqlite::{Connection, ErrorCode, Row, params};

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The hash of the password, in PHC form.
    pub password_hash: String,
    /// What they may do.
    pub scopes: Scopes,
    /// The tenants that they may use.
    pub tenants: TenantSet,
    /// When they were made, Unix nanoseconds.
    pub created_at: i64,
    /// By whom.
    pub created_by: String,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The name.
    pub name: String,
    /// Its digest: `sha256:` and 64 hex digits.
    pub digest: String,
    /// What it may do.
    pub scopes: Scopes,
    /// The tenants that it may use.
    pub tenants: TenantSet,
    /// When it was made, Unix nanoseconds.
    pub created_at: i64,
    /// By whom.
    pub created_by: String,
}

impl Catalog {
    /// All users, by name.
    ///
    /// # Errors
    /// The database refuses.
    pub fn users(&self) -> Result<Vec<User>, CatalogError> {
        users(&self.connection.lock())
    }

    /// All tokens, by name.
    ///
    /// # Errors
    /// The database refuses.
    pub fn tokens(&self) -> Result<Vec<Token>, CatalogError> {
        tokens(&self.connection.lock())
    }

    /// Adds a user.
    ///
    /// # Errors
    /// One of this name is there; the database refuses.
    pub fn add_user(&self, user: &User) -> Result<(), CatalogError> {
        let User { name, password_hash, scopes, tenants, created_at, created_by } = user;
        let insert = "INSERT INTO users (name, password_hash, scopes, created_at, created_by, tenants) \
                      VALUES (?, ?, ?, ?, ?, ?)";
        let row = params![name, password_hash, words(*scopes), created_at, created_by, tenant_words(tenants)];
        taken("a user", self.connection.lock().execute(insert, row))
    }

    /// Adds a token.
    ///
    /// # Errors
    /// One of this name or with this digest is there; the database refuses.
    pub fn add_token(&self, token: &Token) -> Result<(), CatalogError> {
        let Token { name, digest, scopes, tenants, created_at, created_by } = token;
        let insert = "INSERT INTO tokens (name, digest, scopes, created_at, created_by, tenants) \
                      VALUES (?, ?, ?, ?, ?, ?)";
        let row = params![name, digest, words(*scopes), created_at, created_by, tenant_words(tenants)];
        taken("a token", self.connection.lock().execute(insert, row))
    }

    /// Changes a user's password, scopes or tenants, those that are given. Answers whether there is one of this name.
    ///
    /// # Errors
    /// The database refuses.
    pub fn change_user(
        &self,
        name: &str,
        password_hash: Option<&str>,
        scopes: Option<Scopes>,
        tenants: Option<&TenantSet>,
    ) -> Result<bool, CatalogError> {
        let update = "UPDATE users SET password_hash = coalesce(?2, password_hash), scopes = coalesce(?3, scopes), \
                      tenants = coalesce(?4, tenants) WHERE name = ?1";
        let row = params![name, password_hash, scopes.map(words), tenants.map(tenant_words)];
        Ok(self.connection.lock().execute(update, row)? > 0)
    }

    /// Removes a user. Answers whether there was one of this name.
    ///
    /// # Errors
    /// The database refuses.
    pub fn remove_user(&self, name: &str) -> Result<bool, CatalogError> {
        Ok(self.connection.lock().execute("DELETE FROM users WHERE name = ?", [name])? > 0)
    }

    /// Removes a token. Answers whether there was one of this name.
    ///
    /// # Errors
    /// The database refuses.
    pub fn remove_token(&self, name: &str) -> Result<bool, CatalogError> {
        Ok(self.connection.lock().execute("DELETE FROM tokens WHERE name = ?", [name])? > 0)
    }
}

pub(crate) fn users(connection: &Connection) -> Result<Vec<User>, CatalogError> {
    let mut all = connection
        .prepare("SELECT name, password_hash, scopes, created_at, created_by, tenants FROM users ORDER BY name")?;
    let rows = all.query_map([], columns)?;
    rows.map(|row| {
        let (name, password_hash, scopes, created_at, created_by, tenants) = row?;
        let tenants = read_tenants(&tenants)?;
        Ok(User { name, password_hash, scopes: read_words(&scopes)?, tenants, created_at, created_by })
    })
    .collect()
}

pub(crate) fn tokens(connection: &Connection) -> Result<Vec<Token>, CatalogError> {
    let mut all =
        connection.prepare("SELECT name, digest, scopes, created_at, created_by, tenants FROM tokens ORDER BY name")?;
    let rows = all.query_map([], columns)?;
    rows.map(|row| {
        let (name, digest, scopes, created_at, created_by, tenants) = row?;
        let tenants = read_tenants(&tenants)?;
        Ok(Token { name, digest, scopes: read_words(&scopes)?, tenants, created_at, created_by })
    })
    .collect()
}

/// Name, secret, scopes, when, by whom, tenants.
type Columns = (String, String, String, i64, String, String);

fn columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok((text(row, 0)?, text(row, 1)?, text(row, 2)?, row.get(3)?, text(row, 4)?, text(row, 5)?))
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    row.get(column)
}

pub(crate) fn words(scopes: Scopes) -> String {
    scopes.names().join(" ")
}

pub(crate) fn tenant_words(tenants: &TenantSet) -> String {
    tenants.words().join(" ")
}

fn read_tenants(text: &str) -> Result<TenantSet, CatalogError> {
    TenantSet::parse(text.split_whitespace()).map_err(|word| CatalogError::Row(format!("{word:?} is no tenant")))
}

fn read_words(text: &str) -> Result<Scopes, CatalogError> {
    let scope = |word: &str| Scopes::NAMED.into_iter().find(|(name, _)| *name == word).map(|(_, scope)| scope);
    let read = text.split_whitespace().try_fold(Scopes::NONE, |all, word| Some(all | scope(word)?));
    read.ok_or_else(|| CatalogError::Row(format!("{text:?} are no scopes")))
}

fn taken(what: &'static str, result: rusqlite::Result<usize>) -> Result<(), CatalogError> {
    match result {
        Ok(_) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => {
            Err(CatalogError::Taken { what })
        }
        Err(error) => Err(error.into()),
    }
}
