//! Opening a database: version check, leftovers of unfinished work, keyspaces by number.

use super::edit::{Edit, publish};
use super::manifest::{FORMAT_VERSION, Manifest};
use super::snapshot::{Snapshot, generation_of};
use crate::error::KvError;
use crate::limits::{ENGINE_BLOCK_BYTES, ENGINE_CACHE_BYTES, ENGINE_JOURNAL_BYTES, ENGINE_WORKERS};
use fjall::config::{BlockSizePolicy, CompressionPolicy};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

pub(super) const META: &str = "meta";
pub(super) const MANIFEST_KEY: &[u8] = b"manifest";

/// How to open an [`Engine`].
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Which store it is (`metrics`, `traces`); a directory of another one is refused.
    pub signal: String,
    /// Width of new partitions, in the signal's unit of time.
    pub partition_width: i64,
    /// Bytes of the block cache.
    pub cache_bytes: u64,
}

impl EngineOptions {
    /// Options with the default cache.
    #[must_use]
    pub fn new(signal: &str, partition_width: i64) -> Self {
        Self { signal: signal.to_owned(), partition_width, cache_bytes: ENGINE_CACHE_BYTES }
    }
}

/// One signal's database. Reads go through [`Snapshot`]s and never wait for writes; there is one [`Edit`] at a time.
pub struct Engine {
    pub(super) database: Database,
    pub(super) meta: Keyspace,
    pub(super) options: EngineOptions,
    pub(super) path: PathBuf,
    pub(super) current: RwLock<Arc<Snapshot>>,
    pub(super) editing: Mutex<()>,
    /// Keyspaces of changes whose publishing failed: the disk may list them until the next manifest is there.
    pub(super) doubtful: Mutex<Vec<Keyspace>>,
    pub(super) next_generation: AtomicU64,
    pub(super) next_keyspace: AtomicU64,
}

impl Engine {
    /// Opens the database in `dir`, creating it when there is none; removes what unfinished seals left behind.
    ///
    /// # Errors
    /// A directory that cannot be read or written, is in use, damaged, of a newer format or of another store.
    pub fn open(dir: &Path, options: EngineOptions) -> Result<Self, KvError> {
        let database = Database::builder(dir)
            .cache_size(options.cache_bytes)
            .worker_threads(ENGINE_WORKERS)
            .max_journaling_size(ENGINE_JOURNAL_BYTES)
            .open()
            .map_err(|source| match source {
                fjall::Error::Locked => KvError::Locked { path: dir.to_owned() },
                source => KvError::Engine { operation: "open the database", source },
            })?;
        let meta = database
            .keyspace(META, KeyspaceCreateOptions::default)
            .map_err(KvError::engine("open the manifest's keyspace"))?;
        let manifest = match read_manifest(&meta, dir, &options.signal)? {
            Some(manifest) => manifest,
            None => first_manifest(&database, &meta, dir, &options.signal)?,
        };
        drop_unlisted_keyspaces(&database, &manifest.keyspaces())?;
        let keyspaces = open_keyspaces(&database, &manifest)?;
        let mut next_generation = manifest.next_generation;
        for (number, keyspace) in &keyspaces {
            next_generation = next_generation.max(remove_unlisted_runs(keyspace, *number, &manifest)?);
        }
        Ok(Self {
            database,
            meta,
            path: dir.to_owned(),
            next_generation: AtomicU64::new(next_generation),
            next_keyspace: AtomicU64::new(manifest.next_keyspace),
            current: RwLock::new(Arc::new(Snapshot::new(manifest, keyspaces))),
            editing: Mutex::new(()),
            doubtful: Mutex::default(),
            options,
        })
    }

    /// What exists now. The data it names stay readable as long as it is held.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.read().clone()
    }

    /// Begins a change of what exists; waits while another one is being made.
    #[must_use]
    pub fn edit(&self) -> Edit<'_> {
        Edit::begin(self)
    }

    /// A value that was set beside the manifest.
    ///
    /// # Errors
    /// The engine cannot read.
    pub fn meta_value(&self, key: &str) -> Result<Option<fjall::Slice>, KvError> {
        self.meta.get(meta_key(key)).map_err(KvError::engine("read beside the manifest"))
    }

    /// Bytes on disk, the engine's own journal included.
    ///
    /// # Errors
    /// The engine cannot tell.
    pub fn disk_bytes(&self) -> Result<u64, KvError> {
        self.database.disk_space().map_err(KvError::engine("count its bytes on disk"))
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Width of new partitions.
    #[must_use]
    pub fn partition_width(&self) -> i64 {
        self.options.partition_width
    }

    /// Files of the engine's own journal; stays at one, since nothing is written through it.
    #[must_use]
    pub fn journal_files(&self) -> usize {
        self.database.journal_count()
    }

    pub(super) fn create_keyspace(&self, number: u64) -> Result<Keyspace, KvError> {
        partition_keyspace(&self.database, number)
    }

    pub(super) fn sync(&self) -> Result<(), KvError> {
        self.database.persist(PersistMode::SyncAll).map_err(KvError::engine("sync to disk"))
    }
}

/// The key of a value beside the manifest.
pub(super) fn meta_key(key: &str) -> Vec<u8> {
    [b"value/", key.as_bytes()].concat()
}

fn keyspace_name(number: u64) -> String {
    format!("p{number}")
}

fn partition_keyspace(database: &Database, number: u64) -> Result<Keyspace, KvError> {
    let options = || {
        KeyspaceCreateOptions::default()
            .data_block_size_policy(BlockSizePolicy::all(ENGINE_BLOCK_BYTES))
            .data_block_compression_policy(CompressionPolicy::disabled())
            .expect_point_read_hits(true)
    };
    database.keyspace(&keyspace_name(number), options).map_err(KvError::engine("open a partition's keyspace"))
}

/// Publishes the manifest of a new store. It comes before any other keyspace, so that data without one are damage and
/// not leftovers to be removed.
fn first_manifest(database: &Database, meta: &Keyspace, dir: &Path, signal: &str) -> Result<Manifest, KvError> {
    if database.list_keyspace_names().iter().any(|name| &**name != META) {
        let reason = "its manifest is missing though there are data; restore it from a backup";
        return Err(KvError::inconsistent(format!("the store in {}", dir.display()), reason));
    }
    let manifest = Manifest::empty();
    publish(meta, BTreeMap::from([(MANIFEST_KEY.to_vec(), manifest.encode(signal))]))?;
    Ok(manifest)
}

fn read_manifest(meta: &Keyspace, dir: &Path, signal: &str) -> Result<Option<Manifest>, KvError> {
    let Some(bytes) = meta.get(MANIFEST_KEY).map_err(KvError::engine("read the manifest"))? else {
        return Ok(None);
    };
    let what = || format!("the manifest in {}", dir.display());
    let (version, found) = Manifest::peek(&bytes).map_err(KvError::damaged(what()))?;
    if version > FORMAT_VERSION {
        let (path, signal) = (dir.to_owned(), signal.to_owned());
        return Err(KvError::NewerFormat { path, signal, found: version, supported: FORMAT_VERSION });
    }
    if found != signal {
        return Err(KvError::OtherSignal { path: dir.to_owned(), found, wanted: signal.to_owned() });
    }
    Manifest::decode(&bytes).map(Some).map_err(KvError::damaged(what()))
}

/// Keyspaces that no manifest lists: created by work that was not finished, or dropped by work whose last step was cut
/// off.
fn drop_unlisted_keyspaces(database: &Database, listed: &BTreeSet<u64>) -> Result<(), KvError> {
    let listed: BTreeSet<String> = listed.iter().map(|number| keyspace_name(*number)).collect();
    for name in database.list_keyspace_names() {
        let name: &str = &name;
        if name != META && !listed.contains(name) {
            let keyspace = database
                .keyspace(name, KeyspaceCreateOptions::default)
                .map_err(KvError::engine("open an unfinished keyspace"))?;
            database.delete_keyspace(keyspace).map_err(KvError::engine("drop an unfinished keyspace"))?;
        }
    }
    Ok(())
}

fn open_keyspaces(database: &Database, manifest: &Manifest) -> Result<BTreeMap<u64, Keyspace>, KvError> {
    let mut keyspaces = BTreeMap::new();
    for number in manifest.keyspaces() {
        if !database.keyspace_exists(&keyspace_name(number)) {
            let reason = format!("keyspace {number}, which the manifest lists, is not there");
            return Err(KvError::inconsistent("the store", reason));
        }
        keyspaces.insert(number, partition_keyspace(database, number)?);
    }
    Ok(keyspaces)
}

/// Removes runs that the manifest does not list from a keyspace that it does; answers the first generation number that
/// no leftover has used.
fn remove_unlisted_runs(keyspace: &Keyspace, number: u64, manifest: &Manifest) -> Result<u64, KvError> {
    let runs = manifest.partitions.values().flat_map(|partition| &partition.runs);
    let listed: BTreeSet<u64> = runs.filter(|run| run.keyspace == number).map(|run| run.generation).collect();
    let read = || KvError::engine("look for unfinished runs");
    let mut leftovers = Vec::new();
    let mut from = 0u64;
    let mut next = 0;
    while let Some(guard) = keyspace.range(from.to_be_bytes()..).next() {
        let key = guard.key().map_err(read())?;
        let generation = generation_of(&key)?;
        if !listed.contains(&generation) {
            next = generation.saturating_add(1);
            for guard in keyspace.prefix(generation.to_be_bytes()) {
                leftovers.push(guard.key().map_err(read())?);
            }
        }
        let Some(following) = generation.checked_add(1) else { break };
        from = following;
    }
    if !leftovers.is_empty() {
        let mut ingestion = keyspace.start_ingestion().map_err(KvError::engine("remove an unfinished run"))?;
        for key in leftovers {
            ingestion.write_tombstone(key).map_err(KvError::engine("remove an unfinished run"))?;
        }
        ingestion.finish().map_err(KvError::engine("remove an unfinished run"))?;
    }
    Ok(next)
}
