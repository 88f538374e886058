//! The three engines behind one trait, each with one table (keyspace, tree) a partition of time.

use crate::Key;
use anyhow::{Result, bail};
use fjall::{KeyspaceCreateOptions, PersistMode};
use redb::{ReadableDatabase, TableDefinition};
use std::hint::black_box;
use std::path::Path;

/// The contenders.
pub const NAMES: [&str; 3] = ["fjall", "redb", "sled"];

const OLDER: &str = "older";
const NEWER: &str = "newer";

/// What is asked of an engine.
pub trait Engine {
    /// Writes chunks into one of the two partitions; durable when it returns.
    fn write(&mut self, newer: bool, chunks: &[(Key, Vec<u8>)]) -> Result<()>;
    /// Reads the chunks from `first` to `last` of both partitions and counts them.
    fn count(&self, first: Key, last: Key) -> Result<usize>;
    /// Drops the older partition.
    fn drop_older(&mut self) -> Result<()>;
    /// Gives space back that dropping did not; answers whether the engine has such a call.
    fn compact(&mut self) -> Result<bool>;
}

/// Opens an engine of its own defaults below `dir`.
pub fn open(name: &str, dir: &Path) -> Result<Box<dyn Engine>> {
    Ok(match name {
        "fjall" => Box::new(Fjall::open(dir)?),
        "redb" => Box::new(Redb { database: redb::Database::create(dir.join("redb"))? }),
        "sled" => Box::new(Sled { database: sled::open(dir.join("sled"))? }),
        other => bail!("no engine {other}"),
    })
}

struct Fjall {
    database: fjall::Database,
    older: fjall::Keyspace,
    newer: fjall::Keyspace,
}

impl Fjall {
    fn open(dir: &Path) -> Result<Self> {
        let database = fjall::Database::builder(dir.join("fjall")).max_journaling_size(64 << 20).open()?;
        let older = database.keyspace(OLDER, KeyspaceCreateOptions::default)?;
        let newer = database.keyspace(NEWER, KeyspaceCreateOptions::default)?;
        Ok(Self { database, older, newer })
    }
}

impl Engine for Fjall {
    fn write(&mut self, newer: bool, chunks: &[(Key, Vec<u8>)]) -> Result<()> {
        let keyspace = if newer { &self.newer } else { &self.older };
        for (key, value) in chunks {
            keyspace.insert(key, value)?;
        }
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    fn count(&self, first: Key, last: Key) -> Result<usize> {
        let mut found = 0;
        for keyspace in [&self.older, &self.newer] {
            for entry in keyspace.range(first..=last) {
                black_box(entry.value()?);
                found += 1;
            }
        }
        Ok(found)
    }

    fn drop_older(&mut self) -> Result<()> {
        // The newer partition's memtable is written out, as when a partition is sealed: it would pin the journals.
        self.newer.rotate_memtable_and_wait()?;
        // The engine removes the files when the last handle goes.
        let older = std::mem::replace(&mut self.older, self.newer.clone());
        Ok(self.database.delete_keyspace(older)?)
    }

    fn compact(&mut self) -> Result<bool> {
        Ok(false)
    }
}

struct Redb {
    database: redb::Database,
}

type Table = TableDefinition<'static, &'static [u8], &'static [u8]>;

const TABLES: [Table; 2] = [TableDefinition::new(OLDER), TableDefinition::new(NEWER)];

impl Engine for Redb {
    fn write(&mut self, newer: bool, chunks: &[(Key, Vec<u8>)]) -> Result<()> {
        let transaction = self.database.begin_write()?;
        {
            let [older, newest] = TABLES;
            let mut table = transaction.open_table(if newer { newest } else { older })?;
            for (key, value) in chunks {
                table.insert(key.as_slice(), value.as_slice())?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn count(&self, first: Key, last: Key) -> Result<usize> {
        let transaction = self.database.begin_read()?;
        let mut found = 0;
        for table in TABLES {
            let table = transaction.open_table(table)?;
            for entry in table.range(first.as_slice()..=last.as_slice())? {
                black_box(entry?.1.value());
                found += 1;
            }
        }
        Ok(found)
    }

    fn drop_older(&mut self) -> Result<()> {
        let transaction = self.database.begin_write()?;
        let [older, _] = TABLES;
        transaction.delete_table(older)?;
        Ok(transaction.commit()?)
    }

    /// Needs the database for itself: nobody may read meanwhile.
    fn compact(&mut self) -> Result<bool> {
        self.database.compact()?;
        Ok(true)
    }
}

struct Sled {
    database: sled::Db,
}

impl Engine for Sled {
    fn write(&mut self, newer: bool, chunks: &[(Key, Vec<u8>)]) -> Result<()> {
        let tree = self.database.open_tree(if newer { NEWER } else { OLDER })?;
        for (key, value) in chunks {
            tree.insert(key, value.as_slice())?;
        }
        self.database.flush()?;
        Ok(())
    }

    fn count(&self, first: Key, last: Key) -> Result<usize> {
        let mut found = 0;
        for tree in [OLDER, NEWER] {
            for entry in self.database.open_tree(tree)?.range(first..=last) {
                black_box(entry?.1);
                found += 1;
            }
        }
        Ok(found)
    }

    fn drop_older(&mut self) -> Result<()> {
        self.database.drop_tree(OLDER)?;
        self.database.flush()?;
        Ok(())
    }

    fn compact(&mut self) -> Result<bool> {
        Ok(false)
    }
}
