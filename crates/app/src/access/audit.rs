//! Who did what, written down for later: logins, what was changed, by whom and from where.

use super::limits::FAILURES_A_MINUTE;
use super::members::MemberError;
use clew_catalog::{Catalog, Entry, Event};
use clew_host::Clock;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The audit log.
pub struct Audit {
    /// `None` where it could not be opened; then the log of the server has it alone.
    catalog: Option<Arc<Catalog>>,
    clock: Arc<dyn Clock>,
    failures: Mutex<Failures>,
}

/// Failures of this minute.
struct Failures {
    since: Instant,
    written: u32,
    left_out: u32,
}

/// What is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// The server started.
    Start,
    /// It stopped.
    Stop,
    /// Somebody logged in to the web page.
    Login,
    /// Somebody tried to.
    LoginFailed,
    /// Somebody logged out.
    Logout,
    /// The configuration was read anew, or could not be.
    Reload,
    /// Somebody said that the clock is right.
    TrustClock,
    /// `auth.file` was.
    AuthFileRead,
    /// Certificates were.
    CertificatesRead,
    /// A user was made.
    UserAdded,
    /// A user got another password or other scopes.
    UserChanged,
    /// A user was removed.
    UserRemoved,
    /// A token was made.
    TokenAdded,
    /// A token was removed.
    TokenRemoved,
    /// The catalog was written out, with its hashes and digests.
    CatalogExported,
    /// A catalog was taken in.
    CatalogImported,
}

impl Deed {
    /// The word in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Deed::Start => "start",
            Deed::Stop => "stop",
            Deed::Login => "login",
            Deed::LoginFailed => "login_failed",
            Deed::Logout => "logout",
            Deed::Reload => "reload",
            Deed::TrustClock => "trust_clock",
            Deed::AuthFileRead => "auth_file_read",
            Deed::CertificatesRead => "certificates_read",
            Deed::UserAdded => "user_added",
            Deed::UserChanged => "user_changed",
            Deed::UserRemoved => "user_removed",
            Deed::TokenAdded => "token_added",
            Deed::TokenRemoved => "token_removed",
            Deed::CatalogExported => "catalog_exported",
            Deed::CatalogImported => "catalog_imported",
        }
    }
}

impl Audit {
    pub(super) fn new(catalog: Option<Arc<Catalog>>, clock: Arc<dyn Clock>) -> Self {
        let failures = Mutex::new(Failures { since: Instant::now(), written: 0, left_out: 0 });
        Self { catalog, clock, failures }
    }

    /// Writes a deed down; it is on disk when this returns. What cannot be written is in the log of the server. Blocks.
    pub fn record(&self, who: &str, origin: &str, deed: Deed, detail: &str) {
        let Some(detail) = self.bounded(deed, detail) else { return };
        let what = deed.as_str();
        tracing::info!(target: "audit", who, origin, what, detail, "done");
        let event = Event {
            at: self.clock.now(),
            who: who.to_owned(),
            origin: origin.to_owned(),
            what: what.to_owned(),
            detail,
        };
        if let Some(catalog) = &self.catalog
            && let Err(error) = catalog.append(&event)
        {
            tracing::error!(%error, ?event, "an entry could not be written to the audit log");
        }
    }

    /// Whoever guesses does not fill the disk: beyond a number a minute failures are counted, and the next entry says how
    /// many.
    fn bounded(&self, deed: Deed, detail: &str) -> Option<String> {
        if deed != Deed::LoginFailed {
            return Some(detail.to_owned());
        }
        let mut failures = self.failures.lock();
        if failures.since.elapsed() > Duration::from_secs(60) {
            (failures.since, failures.written) = (Instant::now(), 0);
        }
        if failures.written >= FAILURES_A_MINUTE {
            failures.left_out = failures.left_out.saturating_add(1);
            return None;
        }
        failures.written = failures.written.saturating_add(1);
        let left_out = std::mem::take(&mut failures.left_out);
        Some(if left_out == 0 { detail.to_owned() } else { format!("{detail} ({left_out} before it left out)") })
    }

    /// Entries before a number, the newest first. Blocks.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn entries(&self, before: Option<i64>, limit: usize) -> Result<Vec<Entry>, MemberError> {
        let catalog = self.catalog.as_ref();
        let catalog = catalog.ok_or_else(|| MemberError::Failed("the audit log could not be opened".to_owned()))?;
        Ok(catalog.audit(before.unwrap_or(i64::MAX), limit)?)
    }
}
