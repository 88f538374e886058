//! Sessions of the web page, so that a restart logs nobody out.

use crate::{Catalog, CatalogError};
use rusqlite::params;

/// A session, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The digest of its secret: `sha256:` and 64 hex digits.
    pub digest: String,
    /// Who opened it: `user` or `token`.
    pub holder: String,
    /// The user's name; the token's digest.
    pub name: String,
    /// The hash of the user's password when it was opened; empty for tokens.
    pub stamp: String,
    /// When it was opened, Unix nanoseconds.
    pub opened_at: i64,
    /// When it was used last, as far as that was written down.
    pub used_at: i64,
}

impl Catalog {
    /// All sessions.
    ///
    /// # Errors
    /// The database refuses.
    pub fn sessions(&self) -> Result<Vec<Session>, CatalogError> {
        let connection = self.connection.lock();
        let mut all = connection.prepare(
            "SELECT digest, holder, name, stamp, opened_at, used_at FROM sessions ORDER BY opened_at, digest",
        )?;
        let rows = all.query_map([], |row| {
            Ok(Session {
                digest: row.get(0)?,
                holder: row.get(1)?,
                name: row.get(2)?,
                stamp: row.get(3)?,
                opened_at: row.get(4)?,
                used_at: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes a session down, or when it was used.
    ///
    /// # Errors
    /// The database refuses.
    pub fn put_session(&self, session: &Session) -> Result<(), CatalogError> {
        let Session { digest, holder, name, stamp, opened_at, used_at } = session;
        let put = "INSERT INTO sessions (digest, holder, name, stamp, opened_at, used_at) VALUES (?, ?, ?, ?, ?, ?) \
                   ON CONFLICT (digest) DO UPDATE SET used_at = excluded.used_at";
        self.connection.lock().execute(put, params![digest, holder, name, stamp, opened_at, used_at])?;
        Ok(())
    }

    /// Removes a session.
    ///
    /// # Errors
    /// The database refuses.
    pub fn remove_session(&self, digest: &str) -> Result<(), CatalogError> {
        self.connection.lock().execute("DELETE FROM sessions WHERE digest = ?", [digest])?;
        Ok(())
    }
}
