//! Bounds of the door that nobody configures.

use std::time::Duration;

/// Passwords that are checked at once.
pub(super) const PASSWORD_CHECKS: usize = 2;

/// Memory that checking one password may take, KiB (argon2's `m`).
pub(super) const PASSWORD_MEMORY: u32 = 128 << 10;

/// Passes over that memory (argon2's `t`).
pub(super) const PASSWORD_PASSES: u32 = 16;

/// Longest password, bytes.
pub(super) const PASSWORD_BYTES: usize = 1_024;

/// Right passwords that are remembered, as digests.
pub(super) const VERIFIED: usize = 4_096;

/// How long they are remembered.
pub(super) const VERIFIED_AGE: Duration = Duration::from_secs(600);

/// Sessions that are open; beyond it the one goes that was used longest ago.
pub(super) const SESSIONS: usize = 1_024;

/// Sessions of one user or token that are open; beyond it the one of theirs goes that was used longest ago.
pub(super) const SESSIONS_OF_ONE: usize = 32;

/// Sessions that ended, and could not be written down yet.
pub(super) const SESSIONS_ENDED: usize = 65_536;

/// Changes of sessions that wait to be written down.
pub(super) const SESSION_CHANGES: usize = 4_096;

/// Nanoseconds after which the use of a session is written down again.
pub(super) const SESSION_NOTED: i64 = 60_000_000_000;

/// Failed logins that the audit log takes a minute; more are counted.
pub(super) const FAILURES_A_MINUTE: u32 = 60;

/// Logins through a provider that are under way; beyond it the oldest is forgotten.
pub(super) const OIDC_PENDING: usize = 4_096;

/// Of them those that one address began; beyond it its own oldest is forgotten.
pub(super) const OIDC_PENDING_BY_ADDRESS: usize = 32;

/// How long is believed where a provider said that its pages are.
pub(super) const OIDC_METADATA_AGE: Duration = Duration::from_secs(300);

/// How long a person may take at the provider's page.
pub(super) const OIDC_PENDING_AGE: Duration = Duration::from_secs(600);

/// How long a provider may take to answer.
pub(super) const OIDC_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest answer of a provider, bytes.
pub(super) const OIDC_ANSWER_BYTES: usize = 1 << 20;

/// How often the catalog is looked at for what commands changed.
pub(super) const CATALOG_LOOK: Duration = Duration::from_secs(1);

/// Longest name of a user or token, bytes.
pub(super) const NAME_BYTES: usize = 128;

/// Failed attempts by an address or for a name that cost nothing.
pub(super) const FREE_FAILURES: u32 = 4;

/// How long the next attempt waits; each further failure doubles it.
pub(super) const FIRST_DELAY: Duration = Duration::from_millis(250);

/// How often it is doubled: to 8 s.
pub(super) const DOUBLINGS: u32 = 5;

/// Attempts with passwords of one address that may be under way, of all who stand behind a proxy; more are sent away.
pub(super) const WAITING_BY_ADDRESS: u32 = 16;

/// Attempts with wrong tokens of one address that may be under way; more are sent away.
pub(super) const WAITING_TOKENS_BY_ADDRESS: u32 = 4;

/// Attempts that may be under way in all.
pub(super) const WAITING: u32 = 256;

/// Addresses and names whose failures are remembered.
pub(super) const REMEMBERED: usize = 8_192;

/// How long failures are remembered after the last one.
pub(super) const FORGET: Duration = Duration::from_secs(900);

/// Characters of a refused name that the log shows.
pub(super) const SHOWN_NAME: usize = 64;
