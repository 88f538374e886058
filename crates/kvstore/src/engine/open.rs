//! Opening a store: version check, leftovers of unfinished work.

use super::edit::Edit;
use super::manifest::{FORMAT_VERSION, Manifest};
use super::snapshot::Snapshot;
use super::table::{BlockCache, Slice, Table, Tables};
use crate::error::KvError;
use crate::limits::{CACHE_BYTES, OPEN_TABLE_FILES};
use clew_host::{Files, Lock, OpenFiles, TEMPORARY_SUFFIX, make_dir};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// The folder of the tables.
const TABLES: &str = "tables";

/// What the names of tables end with.
const SUFFIX: &str = ".table";

/// How to open an [`Engine`].
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Which store it is (`metrics`, `traces`); a directory of another one is refused.
    pub signal: String,
    /// Width of new partitions, in the signal's unit of time.
    pub partition_width: i64,
    /// Bytes of blocks and indexes of tables kept in memory.
    pub cache_bytes: u64,
}

impl EngineOptions {
    /// Options with the default cache.
    #[must_use]
    pub fn new(signal: &str, partition_width: i64) -> Self {
        Self { signal: signal.to_owned(), partition_width, cache_bytes: CACHE_BYTES }
    }
}

/// One signal's sealed partitions. Reads go through [`Snapshot`]s and never wait for writes; there is one [`Edit`] at a
/// time.
#[derive(Debug)]
pub struct Engine {
    pub(super) tables: Arc<Tables>,
    pub(super) options: EngineOptions,
    pub(super) dir: PathBuf,
    pub(super) current: RwLock<Arc<Snapshot>>,
    pub(super) editing: Mutex<()>,
    /// Files of changes whose publishing failed: the disk may list them until the next manifest is there.
    pub(super) doubtful: Mutex<Vec<PathBuf>>,
    pub(super) next_generation: AtomicU64,
    pub(super) next_table: AtomicU64,
    _lock: Box<dyn Lock>,
}

impl Engine {
    /// Opens the store in `dir`, creating it when there is none; removes what unfinished seals left behind. Reads the
    /// manifest only.
    ///
    /// # Errors
    /// A directory that cannot be read or written, is in use, of a newer format or of another store, or a damaged
    /// manifest.
    pub fn open(files: Arc<dyn Files>, dir: &Path, options: EngineOptions) -> Result<Self, KvError> {
        let tables_dir = dir.join(TABLES);
        for made in [dir, &tables_dir] {
            make_dir(&*files, made).map_err(KvError::io("create the store"))?;
        }
        let lock = files.lock(dir).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => KvError::Locked { path: dir.to_owned() },
            _ => KvError::Io { operation: "lock the store", source },
        })?;
        let manifest = match read_manifest(&*files, dir, &options.signal)? {
            Some(manifest) => manifest,
            None => first_manifest(&*files, dir, &options.signal)?,
        };
        let open_files = Arc::new(OpenFiles::new(Arc::clone(&files), OPEN_TABLE_FILES));
        let cache = BlockCache::new(usize::try_from(options.cache_bytes).unwrap_or(usize::MAX));
        let tables = Arc::new(Tables { files, open_files, cache });
        let listed: BTreeMap<u64, Arc<Table>> = names(&manifest)
            .into_iter()
            .map(|(number, name)| (number, Arc::new(Table::new(&tables, &tables_dir.join(name), number))))
            .collect();
        remove_leftovers(&*tables.files, dir, &manifest)?;
        Ok(Self {
            tables,
            dir: dir.to_owned(),
            next_generation: AtomicU64::new(manifest.next_generation),
            next_table: AtomicU64::new(manifest.next_table),
            current: RwLock::new(Arc::new(Snapshot::new(manifest, listed))),
            editing: Mutex::new(()),
            doubtful: Mutex::default(),
            options,
            _lock: lock,
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

    /// A value that was set beside the runs.
    ///
    /// # Errors
    /// The disk refuses, or the value is damaged.
    pub fn meta_value(&self, name: &str) -> Result<Option<Slice>, KvError> {
        let snapshot = self.snapshot();
        let Some(value) = snapshot.manifest().values.get(name) else { return Ok(None) };
        snapshot.table(value.table)?.get(&[])
    }

    /// Bytes on disk of what exists.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.snapshot().manifest().bytes()
    }

    /// Width of new partitions.
    #[must_use]
    pub fn partition_width(&self) -> i64 {
        self.options.partition_width
    }

    pub(super) fn tables_dir(&self) -> PathBuf {
        self.dir.join(TABLES)
    }
}

/// The name of a run's table.
pub(super) fn run_file(number: u64, tenant: &str, start: i64) -> String {
    format!("{number}.{tenant}.{start}{SUFFIX}")
}

/// The name of the table of a value.
pub(super) fn value_file(number: u64, name: &str) -> String {
    format!("{number}.{name}{SUFFIX}")
}

/// The files that a manifest lists, by their numbers.
pub(super) fn names(manifest: &Manifest) -> BTreeMap<u64, String> {
    let runs = manifest.partitions.iter().flat_map(|(key, partition)| {
        partition.runs.iter().map(|run| (run.table, run_file(run.table, key.tenant.as_str(), key.start)))
    });
    let values = manifest.values.iter().map(|(name, value)| (value.table, value_file(value.table, name)));
    runs.chain(values).collect()
}

/// Publishes the manifest of a new store. It comes before any table, so that tables without one are damage and not
/// leftovers to be removed.
fn first_manifest(files: &dyn Files, dir: &Path, signal: &str) -> Result<Manifest, KvError> {
    let entries = files.list(&dir.join(TABLES)).map_err(KvError::io("list the tables"))?;
    if entries.iter().any(|entry| entry.name.ends_with(SUFFIX)) {
        let reason = "its manifest is missing though there are data; restore it from a backup";
        return Err(KvError::inconsistent(format!("the store in {}", dir.display()), reason));
    }
    let manifest = Manifest::empty();
    Manifest::write(files, dir, &manifest.encode(signal))?;
    Ok(manifest)
}

fn read_manifest(files: &dyn Files, dir: &Path, signal: &str) -> Result<Option<Manifest>, KvError> {
    let Some(bytes) = Manifest::read(files, dir)? else { return Ok(None) };
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

/// Removes tables that the manifest does not list, from work that was not finished or whose last step was cut off, and
/// what a manifest that was not finished left. Names that are not ours are left alone.
fn remove_leftovers(files: &dyn Files, dir: &Path, manifest: &Manifest) -> Result<(), KvError> {
    let listed: BTreeSet<String> = names(manifest).into_values().collect();
    let tables_dir = dir.join(TABLES);
    let list = |dir: &Path| files.list(dir).map_err(KvError::io("list the store"));
    let tables = list(&tables_dir)?.into_iter().filter(|entry| entry.name.ends_with(SUFFIX));
    let tables = tables.filter(|entry| !entry.is_dir && !listed.contains(&entry.name));
    let tables = tables.map(|entry| tables_dir.join(entry.name));
    let unfinished = list(dir)?.into_iter().filter(|entry| !entry.is_dir && entry.name.ends_with(TEMPORARY_SUFFIX));
    for path in tables.chain(unfinished.map(|entry| dir.join(entry.name))) {
        files.remove_file(&path).map_err(KvError::io("remove a leftover"))?;
    }
    Ok(())
}
