//! The catalog as one JSON document, for a backup or another server. Sessions are left out: they are worth nothing
//! elsewhere.

use crate::people::{tenant_words, tokens, users, words};
use crate::{Catalog, CatalogError};
use clew_model::{Scopes, TenantSet};
use rusqlite::params;
use serde::{Deserialize, Serialize};

/// The form of the document.
const FORMAT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: u32,
    users: Vec<UserRow>,
    tokens: Vec<TokenRow>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRow {
    name: String,
    password_hash: String,
    scopes: Vec<String>,
    /// Absent where it is `default` alone, as in documents of before there were tenants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tenants: Vec<String>,
    created_at: i64,
    created_by: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRow {
    name: String,
    digest: String,
    scopes: Vec<String>,
    /// Absent where it is `default` alone, as in documents of before there were tenants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tenants: Vec<String>,
    created_at: i64,
    created_by: String,
}

/// Why a document was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is no export.
    #[error("it is no export of a catalog: {0}")]
    Malformed(#[from] serde_json::Error),
    /// A newer Clew wrote it.
    #[error("it was written by a newer Clew: its format is {0}, this one knows {FORMAT}")]
    Newer(u32),
    /// Something in it cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The catalog refuses.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Catalog {
    /// Users and tokens as JSON, hashes and digests included.
    ///
    /// # Errors
    /// The database refuses.
    pub fn export(&self) -> Result<String, CatalogError> {
        let mut connection = self.connection.lock();
        // One view of both.
        let view = connection.transaction()?;
        let names = |scopes: Scopes| scopes.names().into_iter().map(str::to_owned).collect();
        let tenants = |set: &TenantSet| if *set == TenantSet::default() { Vec::new() } else { set.words() };
        let users = users(&view)?.into_iter().map(|user| UserRow {
            name: user.name,
            password_hash: user.password_hash,
            scopes: names(user.scopes),
            tenants: tenants(&user.tenants),
            created_at: user.created_at,
            created_by: user.created_by,
        });
        let tokens = tokens(&view)?.into_iter().map(|token| TokenRow {
            name: token.name,
            digest: token.digest,
            scopes: names(token.scopes),
            tenants: tenants(&token.tenants),
            created_at: token.created_at,
            created_by: token.created_by,
        });
        let document = Document { format: FORMAT, users: users.collect(), tokens: tokens.collect() };
        serde_json::to_string_pretty(&document).map_err(|error| CatalogError::Row(error.to_string()))
    }

    /// Takes an export in, all of it or nothing. What is there of the same name is replaced, others stay. `check` says what
    /// is wrong with a user's hash (`true`) or a token's digest. Answers how many users and tokens it held.
    ///
    /// # Errors
    /// A document that cannot be used; the database refuses.
    pub fn import(
        &self,
        text: &str,
        check: impl Fn(bool, &str, &str) -> Result<(), String>,
    ) -> Result<(usize, usize), ImportError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let Head { format } = serde_json::from_str(text)?;
        if format > FORMAT {
            return Err(ImportError::Newer(format));
        }
        let document: Document = serde_json::from_str(text)?;
        let mut connection = self.connection.lock();
        let all = connection.transaction().map_err(CatalogError::from)?;
        for user in &document.users {
            check(true, &user.name, &user.password_hash).map_err(ImportError::Unusable)?;
            let put = "INSERT INTO users (name, password_hash, scopes, created_at, created_by, tenants) \
                       VALUES (?, ?, ?, ?, ?, ?) \
                       ON CONFLICT (name) DO UPDATE SET password_hash = excluded.password_hash, \
                       scopes = excluded.scopes, created_at = excluded.created_at, created_by = excluded.created_by, \
                       tenants = excluded.tenants";
            let UserRow { name, password_hash, scopes, tenants, created_at, created_by } = user;
            let (scopes, tenants) = (checked(name, scopes)?, checked_tenants(name, tenants)?);
            all.execute(put, params![name, password_hash, scopes, created_at, created_by, tenants])
                .map_err(CatalogError::from)?;
        }
        for token in &document.tokens {
            check(false, &token.name, &token.digest).map_err(ImportError::Unusable)?;
            let put = "INSERT INTO tokens (name, digest, scopes, created_at, created_by, tenants) \
                       VALUES (?, ?, ?, ?, ?, ?) \
                       ON CONFLICT (name) DO UPDATE SET digest = excluded.digest, \
                       scopes = excluded.scopes, created_at = excluded.created_at, created_by = excluded.created_by, \
                       tenants = excluded.tenants";
            let TokenRow { name, digest, scopes, tenants, created_at, created_by } = token;
            let (scopes, tenants) = (checked(name, scopes)?, checked_tenants(name, tenants)?);
            all.execute(put, params![name, digest, scopes, created_at, created_by, tenants])
                .map_err(CatalogError::from)?;
        }
        all.commit().map_err(CatalogError::from)?;
        Ok((document.users.len(), document.tokens.len()))
    }
}

fn checked(name: &str, scopes: &[String]) -> Result<String, ImportError> {
    let scope = |word: &String| Scopes::NAMED.into_iter().find(|(known, _)| known == word).map(|(_, scope)| scope);
    let read = scopes.iter().try_fold(Scopes::NONE, |all, word| Some(all | scope(word)?));
    read.map(words).ok_or_else(|| ImportError::Unusable(format!("{name}: {scopes:?} are not scopes")))
}

fn checked_tenants(name: &str, tenants: &[String]) -> Result<String, ImportError> {
    let read = TenantSet::parse(tenants.iter().map(String::as_str));
    read.map(|set| tenant_words(&set)).map_err(|word| ImportError::Unusable(format!("{name}: {word:?} is no tenant")))
}
