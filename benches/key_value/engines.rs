//! The engines behind one trait, each with one partition (keyspace, table, tree) for each half of the time.

use crate::Key;
use anyhow::{Result, bail};
use clew_host::DiskFiles;
use clew_kvstore::engine::{Engine as Store, EngineOptions, Entry, PartitionKey, Run, RunSpan};
use clew_model::TenantId;
use fjall::{KeyspaceCreateOptions, PersistMode};
use redb::{ReadableDatabase, TableDefinition};
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

/// The contenders.
pub(crate) const NAMES: [&str; 5] = ["own tables", "fjall", "fjall in bulk", "redb", "sled"];

const OLDER: &str = "older";
const NEWER: &str = "newer";

/// What is asked of an engine.
pub(crate) trait Engine {
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
pub(crate) fn open(name: &str, dir: &Path) -> Result<Box<dyn Engine>> {
    Ok(match name {
        "own tables" => Box::new(Own { store: Store::open(Arc::new(DiskFiles), dir, EngineOptions::new("bench", 1))? }),
        "fjall" => Box::new(Fjall::open(dir, false)?),
        "fjall in bulk" => Box::new(Fjall::open(dir, true)?),
        "redb" => Box::new(Redb { database: redb::Database::create(dir.join("redb"))? }),
        "sled" => Box::new(Sled { database: sled::open(dir.join("sled"))? }),
        other => bail!("no engine {other}"),
    })
}

/// The engine of metrics and traces: a run for each durable write, eight of them merged as the metric store does.
struct Own {
    store: Store,
}

const MERGED_RUNS: usize = 8;

impl Own {
    fn merge(&self, time: i64) -> Result<()> {
        let snapshot = self.store.snapshot();
        let Some((key, partition)) = snapshot.manifest().overlapping(&TenantId::default(), time, time).next() else {
            return Ok(());
        };
        // Of the last runs of about equal size, as there: a run of eight is left alone until there are eight of those.
        let last = partition.runs.last().map_or(0, |run| run.bytes);
        let equal: Vec<&Run> = partition.runs.iter().rev().take_while(|run| run.bytes < 2 * last).collect();
        if equal.len() < MERGED_RUNS {
            return Ok(());
        }
        let mut sources = Vec::new();
        for run in &equal {
            let mut entries = snapshot.scan(run, &[], None)?;
            if let Some(first) = entries.next() {
                sources.push((first?, entries));
            }
        }
        let mut edit = self.store.edit();
        let merged = edit.write_run(key, |writer| {
            let least =
                |sources: &[(Entry, _)]| (0..sources.len()).min_by(|a, b| sources[*a].0.key().cmp(sources[*b].0.key()));
            while let Some(at) = least(&sources) {
                let (entry, entries) = &mut sources[at];
                writer.put(entry.key(), &entry.value)?;
                match entries.next().transpose()? {
                    Some(next) => *entry = next,
                    None => drop(sources.swap_remove(at)),
                }
            }
            Ok(RunSpan { min_time: time, max_time: time, rows: 0 })
        })?;
        let replaced: Vec<u64> = equal.iter().map(|run| run.generation).collect();
        edit.replace_runs(key, &replaced, merged);
        edit.commit()?;
        Ok(())
    }
}

impl Engine for Own {
    fn write(&mut self, newer: bool, chunks: &[(Key, Vec<u8>)]) -> Result<()> {
        let time = i64::from(newer);
        let mut edit = self.store.edit();
        let (key, _) = edit.partition_of(&TenantId::default(), time);
        let run = edit.write_run(&key, |writer| {
            chunks.iter().try_for_each(|(key, value)| writer.put(key, value))?;
            Ok(RunSpan { min_time: time, max_time: time, rows: chunks.len() as u64 })
        })?;
        edit.add_run(&key, run);
        edit.commit()?;
        self.merge(time)
    }

    fn count(&self, first: Key, last: Key) -> Result<usize> {
        let snapshot = self.store.snapshot();
        // The end is not part of a scan.
        let end = (u64::from_be_bytes(last) + 1).to_be_bytes();
        let mut found = 0;
        for run in snapshot.manifest().partitions.values().flat_map(|partition| &partition.runs) {
            for entry in snapshot.scan(run, &first, Some(&end))? {
                black_box(entry?.value);
                found += 1;
            }
        }
        Ok(found)
    }

    fn drop_older(&mut self) -> Result<()> {
        let mut edit = self.store.edit();
        edit.drop_partition(&PartitionKey { tenant: TenantId::default(), start: 0 });
        edit.commit()?;
        Ok(())
    }

    fn compact(&mut self) -> Result<bool> {
        Ok(false)
    }
}

struct Fjall {
    /// Whether chunks are written by bulk ingestion, past its journal and memtables.
    is_bulk: bool,
    database: fjall::Database,
    older: fjall::Keyspace,
    newer: fjall::Keyspace,
}

impl Fjall {
    fn open(dir: &Path, is_bulk: bool) -> Result<Self> {
        let database = fjall::Database::builder(dir.join("fjall")).max_journaling_size(64 << 20).open()?;
        let older = database.keyspace(OLDER, KeyspaceCreateOptions::default)?;
        let newer = database.keyspace(NEWER, KeyspaceCreateOptions::default)?;
        Ok(Self { is_bulk, database, older, newer })
    }
}

impl Engine for Fjall {
    fn write(&mut self, newer: bool, chunks: &[(Key, Vec<u8>)]) -> Result<()> {
        let keyspace = if newer { &self.newer } else { &self.older };
        if self.is_bulk {
            let mut ingestion = keyspace.start_ingestion()?;
            for (key, value) in chunks {
                ingestion.write(key.as_slice(), value.as_slice())?;
            }
            return Ok(ingestion.finish()?);
        }
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
