//! What people make and the server keeps: users, tokens and sessions, and who did what, in one SQLite file.
//!
//! The schema is made by the numbered files in `migrations/`, all that are missing in one transaction when the file is
//! opened, after a copy of what was there. A file of a newer Clew is refused. Everything is synchronous; several processes
//! may have the file open (the server, and a command that adds a user).

mod audit;
mod export;
mod migrations;
mod people;
mod sessions;

pub use audit::{Chain, ChainError, Entry, Event};
pub use export::ImportError;
pub use people::{Token, User};
pub use sessions::Session;

use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The file, in the folder that is given.
pub const FILE: &str = "catalog.db";

/// How long a write waits for that of another process.
const BUSY: Duration = Duration::from_secs(10);

/// The file, opened.
#[derive(Debug)]
pub struct Catalog {
    connection: Mutex<Connection>,
    /// Where it is opened alone, and nobody else can: to be tried again.
    alone: Mutex<Option<PathBuf>>,
    /// How often it was opened anew.
    openings: AtomicI64,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The file or its folder cannot be used.
    #[error("{}: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A newer Clew wrote it.
    #[error("{} was written by a newer Clew: its schema is {found}, this one knows up to {known}", .path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// It is another program's.
    #[error("{} is no catalog of Clew's", .path.display())]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// The name is taken.
    #[error("{what} of this name is there already")]
    Taken {
        /// `a user`, `a token`.
        what: &'static str,
    },
    /// The database refuses.
    #[error("the catalog: {0}")]
    Database(#[from] rusqlite::Error),
    /// A row holds what this Clew never wrote.
    #[error("the catalog holds a row that cannot be read: {0}")]
    Row(String),
}

impl Catalog {
    /// Opens the catalog in this folder, which is made when it is not there, and brings its schema up to date. Where the disk
    /// has no room for what several processes share of it, it is opened by this one alone, until there is room again.
    ///
    /// # Errors
    /// A folder or file that cannot be used, a newer schema, a file of another program's.
    pub fn open(folder: &Path) -> Result<Self, CatalogError> {
        let fault = |source| CatalogError::File { path: folder.to_owned(), source };
        make_private(folder).map_err(fault)?;
        let path = folder.join(FILE);
        make_file_private(&path).map_err(|source| CatalogError::File { path: path.clone(), source })?;
        let (connection, alone) = match open(&path, false, BUSY) {
            Err(CatalogError::Database(error)) if is_of_the_disk(&error) => (open(&path, true, BUSY)?, Some(path)),
            connection => (connection?, None),
        };
        Ok(Self { connection: Mutex::new(connection), alone: Mutex::new(alone), openings: AtomicI64::new(0) })
    }

    /// A catalog that is gone with the process, for tests.
    ///
    /// # Errors
    /// The database refuses.
    pub fn in_memory() -> Result<Self, CatalogError> {
        let mut connection = Connection::open_in_memory()?;
        migrations::apply(&mut connection, Path::new(":memory:"))?;
        Ok(Self { connection: Mutex::new(connection), alone: Mutex::new(None), openings: AtomicI64::new(0) })
    }

    /// A number that changes when another process wrote.
    ///
    /// # Errors
    /// The database refuses.
    pub fn foreign_changes(&self) -> Result<i64, CatalogError> {
        self.open_to_others()?;
        let version: i64 = self.connection.lock().pragma_query_value(None, "data_version", |row| row.get(0))?;
        Ok(version.wrapping_add(self.openings.load(Ordering::Relaxed) << 32))
    }
}

impl Catalog {
    /// Opens what was opened alone as others can open it too, where that goes by now.
    fn open_to_others(&self) -> Result<(), CatalogError> {
        let mut alone = self.alone.lock();
        let Some(path) = alone.as_ref() else { return Ok(()) };
        let mut connection = self.connection.lock();
        // Its lock would keep out the next.
        drop(std::mem::replace(&mut *connection, Connection::open_in_memory()?));
        match open(path, false, Duration::ZERO) {
            Ok(shared) => {
                shared.busy_timeout(BUSY)?;
                *connection = shared;
                *alone = None;
                // What others wrote meanwhile is not in the numbers of this connection.
                self.openings.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => *connection = open(path, true, Duration::ZERO)?,
        }
        Ok(())
    }
}

fn open(path: &Path, alone: bool, busy: Duration) -> Result<Connection, CatalogError> {
    let mut connection = Connection::open(path)?;
    if alone {
        // Said before the first access, so that the index of the write-ahead log is kept in memory, not in a file
        // (sqlite.org/wal.html, "Use of WAL Without Shared-Memory").
        connection.pragma_update(None, "locking_mode", "exclusive")?;
    }
    connection.busy_timeout(busy)?;
    prepare(&connection)?;
    migrations::apply(&mut connection, path)?;
    Ok(connection)
}

/// Whether there is no room for a file beside the catalog, or none can be made.
fn is_of_the_disk(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen))
}

/// What is written is on disk when a call returns; readers and one writer do not wait for each other.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What the file says is data: no code of its own is run.
    connection.pragma_update(None, "trusted_schema", false)
}

/// The folder, which nobody but the server's user enters.
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if folder.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().mode(0o700).create(folder)
}

/// SQLite gives the files beside it the same permissions.
fn make_file_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}
