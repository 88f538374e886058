//! Who did what: entries that are only added, each with the hash of the one before.

use crate::{Catalog, CatalogError};
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What the first entry has for the hash of the one before it.
const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Longest text of an entry, bytes; what is longer is cut.
const TEXT_BYTES: usize = 1_024;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, Unix nanoseconds.
    pub at: i64,
    /// By whom.
    pub who: String,
    /// From where: an address, `command`, `signal`, `server`.
    pub origin: String,
    /// What: a word.
    pub what: String,
    /// To what, or how it ended.
    pub detail: String,
}

/// An event in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number, from 1.
    pub seq: i64,
    /// The event.
    pub event: Event,
    /// The hash of the entry before.
    pub previous: String,
    /// Its hash.
    pub hash: String,
}

/// A log that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Entries.
    pub entries: i64,
    /// The hash of the last one: whoever wrote it down elsewhere can tell that nothing before it was changed.
    pub head: String,
}

/// Why a log is not whole.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// An entry is not what it was.
    #[error("entry {seq} of the audit log {problem}")]
    Broken {
        /// Its number.
        seq: i64,
        /// What is wrong.
        problem: &'static str,
    },
    /// Entries were taken off the end.
    #[error("the audit log ends with entry {last}; there were {known}")]
    Shortened {
        /// The last that is there.
        last: i64,
        /// How many there were.
        known: i64,
    },
    /// The catalog cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Catalog {
    /// Adds an event. It is on disk when this returns.
    ///
    /// # Errors
    /// The database refuses.
    pub fn append(&self, event: &Event) -> Result<(), CatalogError> {
        let event = &cut(event);
        let mut connection = self.connection.lock();
        // Commands add entries too: the last one must stay the last until this one is there.
        let adding = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let last = "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1";
        let last = adding.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (last, previous): (i64, String) = last.unwrap_or((0, BEGINNING.to_owned()));
        // Entries that were taken off the end leave a gap that stays: their numbers are given to no others.
        let given = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'";
        let given: Option<i64> = adding.query_row(given, [], |row| row.get(0)).optional()?;
        let seq = last.max(given.unwrap_or(0)).saturating_add(1);
        let insert = "INSERT INTO audit (seq, at, who, origin, what, detail, previous, hash) \
                      VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let Event { at, who, origin, what, detail } = event;
        let hash = hash(seq, event, &previous);
        adding.execute(insert, params![seq, at, who, origin, what, detail, previous, hash])?;
        Ok(adding.commit()?)
    }

    /// Entries before a number, the newest first.
    ///
    /// # Errors
    /// The database refuses.
    pub fn audit(&self, before: i64, limit: usize) -> Result<Vec<Entry>, CatalogError> {
        let connection = self.connection.lock();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        read(&connection, "WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2", [before, limit])
    }

    /// Checks every entry against its hash and the one before, and whether all are there.
    ///
    /// # Errors
    /// The first entry that is not what it was.
    pub fn verify(&self) -> Result<Chain, ChainError> {
        let mut chain = Chain { entries: 0, head: BEGINNING.to_owned() };
        let connection = self.connection.lock();
        loop {
            let page = read(&connection, "WHERE seq > ?1 ORDER BY seq LIMIT ?2", [chain.entries, 1_000])?;
            if page.is_empty() {
                break;
            }
            for entry in page {
                let broken = |problem| Err(ChainError::Broken { seq: entry.seq, problem });
                if entry.seq != chain.entries.saturating_add(1) {
                    return broken("is not the one that follows: entries before it are missing");
                }
                if entry.previous != chain.head {
                    return broken("does not follow the one before it");
                }
                if entry.hash != hash(entry.seq, &entry.event, &entry.previous) {
                    return broken("was changed");
                }
                chain = Chain { entries: entry.seq, head: entry.hash };
            }
        }
        let known = "SELECT seq FROM sqlite_sequence WHERE name = 'audit'";
        let known = connection.query_row(known, [], |row| row.get(0)).optional().map_err(CatalogError::from)?;
        let known: i64 = known.unwrap_or(0);
        if known > chain.entries {
            return Err(ChainError::Shortened { last: chain.entries, known });
        }
        Ok(chain)
    }
}

/// SHA-256 of the hash before and every field, each behind its length: no two entries have the same bytes.
fn hash(seq: i64, event: &Event, previous: &str) -> String {
    let Event { at, who, origin, what, detail } = event;
    let mut digest = Sha256::new();
    for part in [previous, &seq.to_string(), &at.to_string(), who, origin, what, detail] {
        digest.update(format!("{}:", part.len()));
        digest.update(part);
    }
    digest.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn cut(event: &Event) -> Event {
    let cut = |text: &str| {
        let end = (0..=text.len().min(TEXT_BYTES)).rev().find(|end| text.is_char_boundary(*end));
        text.get(..end.unwrap_or_default()).unwrap_or_default().to_owned()
    };
    let Event { at, who, origin, what, detail } = event;
    Event { at: *at, who: cut(who), origin: cut(origin), what: cut(what), detail: cut(detail) }
}

fn read(connection: &Connection, which: &str, bounds: [i64; 2]) -> Result<Vec<Entry>, CatalogError> {
    let sql = format!("SELECT seq, at, who, origin, what, detail, previous, hash FROM audit {which}");
    let mut select = connection.prepare(&sql)?;
    let rows = select.query_map(bounds, entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let (at, who, origin) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let event = Event { at, who, origin, what: row.get(4)?, detail: row.get(5)? };
    Ok(Entry { seq: row.get(0)?, event, previous: row.get(6)?, hash: row.get(7)? })
}
