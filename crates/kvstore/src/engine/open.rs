//! Opening a store: version check, what is damaged or missing, leftovers of unfinished work.

use super::damage::Damage;
use super::edit::Edit;
use super::manifest::{FILE_NAME, FORMAT_VERSION, Manifest};
use super::snapshot::Snapshot;
use super::table::{BlockCache, Slice, Table, Tables};
use crate::error::KvError;
use crate::limits::{CACHE_BYTES, MAX_MANIFEST_BYTES, OPEN_TABLE_FILES};
use clew_host::{
    COPY_SUFFIX, DirEntry, Files, Lock, OpenFiles, SET_ASIDE_DIR, TEMPORARY_SUFFIX, make_dir, move_aside, open_twin,
};
use clew_model::{ErrorKind, SetAside};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    /// manifest and the lengths of the tables only. What is damaged or missing is set aside, see [`Engine::set_aside`].
    ///
    /// # Errors
    /// A directory that cannot be read or written, is in use, of a newer format or of another store.
    pub fn open(files: Arc<dyn Files>, dir: &Path, options: EngineOptions) -> Result<Self, KvError> {
        let tables_dir = dir.join(TABLES);
        for made in [dir, &tables_dir] {
            make_dir(&*files, made).map_err(KvError::io("create the store"))?;
        }
        let lock = files.lock(dir).map_err(|source| match source.kind() {
            io::ErrorKind::WouldBlock => KvError::Locked { path: dir.to_owned() },
            _ => KvError::Io { operation: "lock the store", source },
        })?;
        let damage = Damage::default();
        let (manifest, is_certain) = open_manifest(&*files, dir, &options.signal, &damage)?;
        let open_files = Arc::new(OpenFiles::new(Arc::clone(&files), OPEN_TABLE_FILES));
        let cache = BlockCache::new(usize::try_from(options.cache_bytes).unwrap_or(usize::MAX));
        let tables = Arc::new(Tables { files, open_files, cache, damage });
        let listed: BTreeMap<u64, Arc<Table>> = names(&manifest)
            .into_iter()
            .map(|(number, name)| (number, Arc::new(Table::new(&tables, &tables_dir.join(name), number))))
            .collect();
        let entries = tables.files.list(&tables_dir).map_err(KvError::io("list the tables"))?;
        check_lengths(&tables.damage, &manifest, &entries);
        remove_leftovers(&*tables.files, dir, &manifest, entries, is_certain)?;
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

    /// What is damaged or missing, as far as is known: tables that the manifest lists, and other files of the store.
    /// Tables stay where they are, so that a good copy put there is read at the next start.
    #[must_use]
    pub fn set_aside(&self) -> Vec<SetAside> {
        let snapshot = self.snapshot();
        let runs = snapshot.manifest().partitions.values().flat_map(|partition| &partition.runs);
        let mut found: Vec<SetAside> = runs.filter_map(|run| snapshot.set_aside(run)).collect();
        for value in snapshot.manifest().values.values() {
            let table = snapshot.tables.get(&value.table);
            let reason = table.and_then(|table| Some((table.path(), table.set_aside()?)));
            found.extend(reason.map(|(path, reason)| SetAside::of_records(path, reason, Some(0))));
        }
        found.extend(self.tables.damage.others());
        found
    }

    /// How many files were found to be so; asked often.
    #[must_use]
    pub fn damage_count(&self) -> usize {
        self.tables.damage.count()
    }

    /// Bytes on disk of what exists.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.snapshot().manifest().bytes()
    }

    /// Bytes of blocks and indexes of tables that are kept in memory.
    #[must_use]
    pub fn cached_bytes(&self) -> u64 {
        self.tables.cache.bytes() as u64
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

/// The manifest, and whether it is surely the last one: where its copy was used, tables that it does not list may have
/// been published after it. A store without a manifest that can be read is set aside whole, and a new one begun.
fn open_manifest(files: &dyn Files, dir: &Path, signal: &str, damage: &Damage) -> Result<(Manifest, bool), KvError> {
    let path = dir.join(FILE_NAME);
    let read = |bytes: io::Result<&[u8]>| {
        let bytes = bytes.map_err(KvError::io("read the manifest"))?;
        read_manifest(bytes, dir, signal)
    };
    let reason = match open_twin(files, &path, MAX_MANIFEST_BYTES, read, |manifest| manifest.next_generation) {
        Ok(Some(found)) => {
            for (file, reason) in found.faults {
                damage.other(SetAside::of_records(file, reason, Some(0)));
            }
            return Ok((found.content, !found.is_copy));
        }
        Ok(None) if !has_tables(files, dir)? => return Ok((first_manifest(files, dir, signal)?, true)),
        Ok(None) => "its manifest and the copy of it are not there".to_owned(),
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            format!("neither its manifest nor the copy can be read: {error}")
        }
        Err(error) => return Err(error),
    };
    let whole = set_store_aside(files, dir).map_err(KvError::io("set the store aside"))?;
    damage.other(SetAside::of_records(whole, reason, None));
    Ok((first_manifest(files, dir, signal)?, true))
}

fn has_tables(files: &dyn Files, dir: &Path) -> Result<bool, KvError> {
    let entries = files.list(&dir.join(TABLES)).map_err(KvError::io("list the tables"))?;
    Ok(entries.iter().any(|entry| entry.name.ends_with(SUFFIX)))
}

/// Renames the folder of the tables, and makes an empty one; answers where it is.
fn set_store_aside(files: &dyn Files, dir: &Path) -> io::Result<PathBuf> {
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}{COPY_SUFFIX}")] {
        if files.exists(&dir.join(&name))? {
            move_aside(files, &dir.join(&name));
        }
    }
    let taken = files.list(dir)?;
    let names = (1u32..).map(|number| format!("{TABLES}.{SET_ASIDE_DIR}.{number}"));
    let name = names.into_iter().find(|name| taken.iter().all(|entry| entry.name != *name)).unwrap_or_default();
    let aside = dir.join(name);
    files.rename(&dir.join(TABLES), &aside)?;
    files.sync_dir(dir)?;
    make_dir(files, &dir.join(TABLES))?;
    Ok(aside)
}

/// Publishes the manifest of a new store. It comes before any table, so that tables without one are damage and not
/// leftovers to be removed.
fn first_manifest(files: &dyn Files, dir: &Path, signal: &str) -> Result<Manifest, KvError> {
    let manifest = Manifest::empty();
    Manifest::write(files, dir, &manifest.encode(signal))?;
    Ok(manifest)
}

fn read_manifest(bytes: &[u8], dir: &Path, signal: &str) -> Result<Manifest, KvError> {
    let what = || format!("the manifest in {}", dir.display());
    let (version, found) = Manifest::peek(bytes).map_err(KvError::damaged(what()))?;
    if version > FORMAT_VERSION {
        let (path, signal) = (dir.to_owned(), signal.to_owned());
        return Err(KvError::NewerFormat { path, signal, found: version, supported: FORMAT_VERSION });
    }
    let manifest = Manifest::decode(bytes).map_err(KvError::damaged(what()))?;
    if found != signal {
        return Err(KvError::OtherSignal { path: dir.to_owned(), found, wanted: signal.to_owned() });
    }
    Ok(manifest)
}

/// Sets aside the tables that are not there, or have another length than they were written with.
fn check_lengths(damage: &Damage, manifest: &Manifest, entries: &[DirEntry]) {
    let there: HashMap<&str, u64> = entries.iter().map(|entry| (entry.name.as_str(), entry.len)).collect();
    let runs = manifest.partitions.values().flat_map(|partition| &partition.runs);
    let runs = runs.map(|run| (run.table, run.bytes));
    let values = manifest.values.values().map(|value| (value.table, value.bytes));
    let bytes: BTreeMap<u64, u64> = runs.chain(values).collect();
    for (number, name) in names(manifest) {
        let written = bytes.get(&number).copied().unwrap_or_default();
        match there.get(name.as_str()) {
            None => damage.table(number, "it is not there"),
            Some(length) if *length != written => {
                damage.table(number, &format!("it has {length} bytes, {written} were written"));
            }
            Some(_) => {}
        }
    }
}

/// Removes tables that the manifest does not list, from work that was not finished or whose last step was cut off, and
/// what a manifest that was not finished left. Names that are not ours are left alone. Where the manifest is not
/// `certain` to be the last one the tables are moved aside instead.
fn remove_leftovers(
    files: &dyn Files,
    dir: &Path,
    manifest: &Manifest,
    tables: Vec<DirEntry>,
    is_certain: bool,
) -> Result<(), KvError> {
    let listed: BTreeSet<String> = names(manifest).into_values().collect();
    let tables_dir = dir.join(TABLES);
    let tables = tables.into_iter().filter(|entry| entry.name.ends_with(SUFFIX) && !entry.is_dir);
    for entry in tables.filter(|entry| !listed.contains(&entry.name)) {
        let path = tables_dir.join(entry.name);
        if is_certain {
            files.remove_file(&path).map_err(KvError::io("remove a leftover"))?;
        } else {
            move_aside(files, &path);
        }
    }
    let entries = files.list(dir).map_err(KvError::io("list the store"))?;
    for entry in entries.into_iter().filter(|entry| !entry.is_dir && entry.name.ends_with(TEMPORARY_SUFFIX)) {
        files.remove_file(&dir.join(entry.name)).map_err(KvError::io("remove a leftover"))?;
    }
    Ok(())
}
