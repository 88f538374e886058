//! The store: what it holds, and how records enter it.

mod compact;
mod retain;
mod seal;

use crate::error::LogStoreError;
use crate::hot::{Frozen, HotBlock, HotTail, cut};
use crate::limits::MAX_MANIFEST_BYTES;
use crate::limits::OPEN_PART_FILES;
use crate::manifest::{FILE_NAME, Manifest};
use crate::pages::PageCache;
use crate::part::{Part, PartMeta, PartWriter};
use clew_columns::logs::EncodedBlock;
use clew_host::{
    COPY_SUFFIX, DirEntry, Files, OpenFiles, SET_ASIDE_DIR, TEMPORARY_SUFFIX, make_dir, move_aside, open_twin,
};
use clew_model::correlation::CorrelationRules;
use clew_model::logs::{LogReader, LogRecord, LogView};
use clew_model::{Context, ErrorKind, SetAside, TenantId, UnixNanos, UsageByTenant};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use compact::CompactReport;
pub use retain::RetentionReport;
pub use seal::SealReport;

const PARTS: &str = "parts";

/// What the names of parts end with.
const SUFFIX: &str = ".part";

/// What may be set about a store.
#[derive(Debug, Clone)]
pub struct LogStoreOptions {
    /// Bytes of index pages kept in memory for all parts.
    pub page_cache_bytes: usize,
    /// Compaction makes no part of more records.
    pub max_part_rows: u64,
    /// Compaction makes no part of more bytes: what retention by size removes at once.
    pub max_part_bytes: u64,
    /// Files of parts that are open at once, beside those that a read holds at the moment.
    pub open_part_files: usize,
}

impl Default for LogStoreOptions {
    fn default() -> Self {
        Self {
            page_cache_bytes: 32 * 1024 * 1024,
            max_part_rows: 1_000_000,
            max_part_bytes: u64::MAX,
            open_part_files: OPEN_PART_FILES,
        }
    }
}

/// How much the hot tail holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HotStats {
    /// Records that no part has yet.
    pub records: u64,
    /// Bytes of memory they take, an estimate.
    pub bytes: u64,
}

/// What the store has on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PartStats {
    /// Files.
    pub parts: usize,
    /// Records in them.
    pub records: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Parts that could not be read, and why.
    pub damaged: Vec<String>,
}

/// Log records: a hot tail in memory, sealed parts on the disk.
#[derive(Debug)]
pub struct LogStore {
    files: Arc<dyn Files>,
    dir: PathBuf,
    pub(crate) options: LogStoreOptions,
    pub(crate) rules: Arc<CorrelationRules>,
    cache: Arc<PageCache>,
    open_files: Arc<OpenFiles>,
    state: Mutex<State>,
    /// The manifest on the disk. Whoever changes it holds this lock until readers see the change.
    manifest: Mutex<Manifest>,
    next_sequence: AtomicU64,
    /// Files that are no parts and were damaged or missing at the start.
    aside: Vec<SetAside>,
    /// One seal at a time.
    sealing: Mutex<()>,
    /// One compaction or retention at a time.
    maintenance: Mutex<()>,
}

/// What readers see.
#[derive(Debug)]
struct State {
    parts: Arc<Vec<Arc<Part>>>,
    hot: HotTail,
    /// The generation whose parts are being written.
    frozen: Option<Arc<Frozen>>,
    position: u64,
    next_number: u64,
    cutoff: UnixNanos,
}

/// What one question reads: nothing of it changes or vanishes meanwhile.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub parts: Vec<Arc<Part>>,
    pub hot: Vec<Arc<HotBlock>>,
    /// Records before it are deleted.
    pub cutoff: UnixNanos,
    pub rules: Arc<CorrelationRules>,
}

impl LogReader for LogStore {
    fn view(&self, context: &Context) -> Box<dyn LogView> {
        let tenant = &context.tenant;
        let state = self.state.lock();
        let mut hot = Vec::new();
        if let Some(frozen) = &state.frozen {
            frozen.blocks(tenant, &mut hot);
        }
        state.hot.blocks(tenant, &mut hot);
        let parts = state.parts.iter().filter(|part| part.meta.tenant == *tenant).cloned().collect();
        Box::new(Snapshot { parts, hot, cutoff: state.cutoff, rules: Arc::clone(&self.rules) })
    }
}

impl LogStore {
    /// Opens the store in `dir`, or makes one. Reads the manifest and the lengths of the parts only; parts are opened when
    /// queries need them. What is damaged or missing is set aside, see [`LogStore::set_aside`].
    ///
    /// `rules` say which IDs are indexed. Parts keep the index they were written with: after a change of the rules,
    /// older parts are still found by trace ID and by values that look like IDs.
    ///
    /// # Errors
    /// The disk refuses, or the manifest is of a newer version.
    pub fn open(
        files: Arc<dyn Files>,
        dir: &Path,
        options: LogStoreOptions,
        rules: Arc<CorrelationRules>,
    ) -> Result<Self, LogStoreError> {
        let parts_dir = dir.join(PARTS);
        for made in [dir, &parts_dir] {
            make_dir(&*files, made).map_err(LogStoreError::io("create the log store"))?;
        }
        let mut aside = Vec::new();
        let (manifest, is_certain) = load_or_create(&*files, dir, &mut aside)?;
        let entries = files.list(&parts_dir).map_err(LogStoreError::io("list the parts"))?;
        let lengths: HashMap<&str, u64> = entries.iter().map(|entry| (entry.name.as_str(), entry.len)).collect();
        let cache = Arc::new(PageCache::new(options.page_cache_bytes));
        let open_files = Arc::new(OpenFiles::new(Arc::clone(&files), options.open_part_files));
        let part = |meta: &PartMeta| {
            let (files, open_files) = (Arc::clone(&files), Arc::clone(&open_files));
            let below = manifest.next_number;
            let part = Part::new(meta.clone(), below, files, open_files, &parts_dir, Arc::clone(&cache));
            part.check_length(lengths.get(part.name()).copied());
            Arc::new(part)
        };
        let parts = Arc::new(manifest.parts.iter().map(part).collect());
        remove_leftovers(&*files, dir, &manifest, entries, is_certain)?;
        let state = State {
            parts,
            hot: HotTail::default(),
            frozen: None,
            position: manifest.position,
            next_number: manifest.next_number,
            cutoff: manifest.cutoff,
        };
        Ok(Self {
            dir: dir.to_owned(),
            options,
            rules,
            cache,
            open_files,
            state: Mutex::new(state),
            next_sequence: AtomicU64::new(manifest.next_sequence),
            manifest: Mutex::new(manifest),
            aside,
            sealing: Mutex::new(()),
            maintenance: Mutex::new(()),
            files,
        })
    }

    /// The journal position up to which records are in parts: replay begins there, the journal may be trimmed to it.
    #[must_use]
    pub fn sealed_position(&self) -> u64 {
        self.manifest.lock().position
    }

    /// Records before this instant are deleted, and those that come are not kept.
    #[must_use]
    pub fn kept_from(&self) -> UnixNanos {
        self.state.lock().cutoff
    }

    /// The number for the next record.
    #[must_use]
    pub fn next_record_number(&self) -> u64 {
        self.state.lock().next_number
    }

    /// The records as blocks, their rows numbered from 0: what [`Self::publish`] takes once they are numbered from
    /// their place in the journal. Reads and changes nothing of the store, on the caller's thread.
    #[must_use]
    pub fn encode(&self, records: &[LogRecord]) -> Vec<EncodedBlock> {
        cut(records, &self.rules)
    }

    /// Makes blocks readable: called in journal order, after their frame is durable. `position` is the frame's
    /// position in the journal (from 1); a frame at or below the position already published is ignored, so that replay
    /// may begin too early. Each block lies within one day.
    pub fn publish(&self, position: u64, tenant: &TenantId, next_number: u64, blocks: &[Arc<EncodedBlock>]) {
        let mut joinable = None;
        {
            let mut state = self.state.lock();
            if position <= state.position {
                return;
            }
            state.position = position;
            state.next_number = state.next_number.max(next_number);
            for block in blocks.iter().filter(|block| block.rows > 0) {
                joinable = state.hot.push(tenant, Arc::clone(block)).or(joinable);
            }
        }
        // Readers do not wait while small blocks are put together. Those that cannot be read stay as they are, to be told at
        // the seal; those of another day wait for the next record of it.
        if let Some(joinable) = joinable
            && let Ok(joined) = joinable.join(&self.rules)
        {
            self.state.lock().hot.replace(&joinable, joined);
        }
    }

    /// Encodes and publishes records whose numbers follow from the first.
    pub fn apply(&self, position: u64, tenant: &TenantId, first_number: u64, records: Vec<LogRecord>) {
        let next = first_number.saturating_add(records.len() as u64);
        let mut blocks = self.encode(&records);
        // A block that was just made can be numbered.
        blocks.retain_mut(|block| block.rebase(first_number).is_ok());
        let blocks: Vec<_> = blocks.into_iter().map(Arc::new).collect();
        self.publish(position, tenant, next, &blocks);
    }

    /// How much waits to be sealed.
    #[must_use]
    pub fn hot_stats(&self) -> HotStats {
        let state = self.state.lock();
        let frozen = state.frozen.as_ref().map_or((0, 0), |frozen| (frozen.records, frozen.bytes));
        HotStats { records: state.hot.records + frozen.0, bytes: state.hot.bytes + frozen.1 }
    }

    /// What is on the disk.
    #[must_use]
    pub fn part_stats(&self) -> PartStats {
        let parts = Arc::clone(&self.state.lock().parts);
        PartStats {
            parts: parts.len(),
            records: parts.iter().map(|part| part.meta.rows).sum(),
            bytes: parts.iter().map(|part| part.meta.bytes).sum(),
            damaged: parts.iter().filter_map(|part| part.damage()).collect(),
        }
    }

    /// What it holds of each tenant.
    #[must_use]
    pub fn usage(&self) -> UsageByTenant {
        let state = self.state.lock();
        let mut usage = UsageByTenant::new();
        let mut add = |tenant: &TenantId, blocks: &[Arc<HotBlock>]| {
            let own = usage.entry(tenant.clone()).or_default();
            for block in blocks {
                own.hot_records = own.hot_records.saturating_add(block.rows as u64);
                own.hot_bytes = own.hot_bytes.saturating_add(block.memory_bytes() as u64);
            }
        };
        state.hot.each_partition(&mut add);
        state.frozen.iter().flat_map(|frozen| &frozen.partitions).for_each(|(tenant, _, blocks)| add(tenant, blocks));
        let parts = Arc::clone(&state.parts);
        drop(state);
        for part in parts.iter() {
            let own = usage.entry(part.meta.tenant.clone()).or_default();
            own.parts = own.parts.saturating_add(1);
            own.records = own.records.saturating_add(part.meta.rows);
            own.bytes = own.bytes.saturating_add(part.meta.bytes);
        }
        usage
    }

    /// The latest time of a record in a part.
    #[must_use]
    pub fn newest(&self) -> Option<UnixNanos> {
        self.state.lock().parts.iter().map(|part| part.meta.last).max()
    }

    /// What is damaged or missing, as far as is known. Parts stay where they are, so that a good copy put there is read at
    /// the next start.
    #[must_use]
    pub fn set_aside(&self) -> Vec<SetAside> {
        let parts = Arc::clone(&self.state.lock().parts);
        parts.iter().filter_map(|part| part.set_aside()).chain(self.aside.iter().cloned()).collect()
    }

    /// How many files that is; asked often.
    #[must_use]
    pub fn damage_count(&self) -> usize {
        let parts = Arc::clone(&self.state.lock().parts);
        parts.iter().filter(|part| part.is_damaged()).count() + self.aside.len()
    }

    fn parts_dir(&self) -> PathBuf {
        self.dir.join(PARTS)
    }

    fn part_writer(
        &self,
        sequence: u64,
        tenant: &TenantId,
        day: i64,
        blocks: usize,
    ) -> Result<PartWriter, LogStoreError> {
        PartWriter::create(&*self.files, &self.parts_dir(), sequence, tenant, day, blocks)
    }

    fn new_sequence(&self) -> u64 {
        self.next_sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// Changes the manifest on the disk and then, in one swap, what readers see. `parts` are newly written files of
    /// records with numbers below `below`; when the commit fails they are removed if the disk surely does not name them.
    fn commit(
        &self,
        parts: &[PartMeta],
        below: u64,
        change: impl FnOnce(&mut Manifest),
        swap: impl FnOnce(&mut State),
    ) -> Result<(), LogStoreError> {
        let mut manifest = self.manifest.lock();
        let mut next = manifest.clone();
        change(&mut next);
        next.parts.extend(parts.iter().cloned());
        next.next_sequence = self.next_sequence.load(Ordering::Relaxed);
        let stored = self
            .files
            .sync_dir(&self.parts_dir())
            .map_err(LogStoreError::io("sync the parts"))
            .and_then(|()| next.store(&*self.files, &self.dir));
        if let Err(error) = stored {
            // A failed write may have reached the disk after all; files that the disk may name must stay.
            if matches!(Manifest::load(&*self.files, &self.dir), Ok(Some(present)) if present == *manifest) {
                self.remove_files(parts);
            }
            return Err(error);
        }
        let mut state = self.state.lock();
        let known = |meta: &PartMeta| state.parts.iter().find(|part| part.meta.sequence == meta.sequence);
        let part = |meta: &PartMeta| {
            known(meta).cloned().unwrap_or_else(|| {
                let (files, open_files) = (Arc::clone(&self.files), Arc::clone(&self.open_files));
                Arc::new(Part::new(meta.clone(), below, files, open_files, &self.parts_dir(), Arc::clone(&self.cache)))
            })
        };
        let parts: Vec<Arc<Part>> = next.parts.iter().map(part).collect();
        let kept = |part: &Arc<Part>| parts.iter().any(|own| Arc::ptr_eq(own, part));
        state.parts.iter().filter(|part| !kept(part)).for_each(|part| part.give_up());
        let old = std::mem::replace(&mut state.parts, Arc::new(parts));
        swap(&mut state);
        drop(state);
        *manifest = next;
        drop(manifest);
        // Files are removed here, outside the locks, unless a query still reads them.
        drop(old);
        Ok(())
    }

    fn remove_files(&self, parts: &[PartMeta]) {
        for part in parts {
            // What stays behind is removed when the store is opened next.
            let _ = self.files.remove_file(&self.parts_dir().join(part.file_name()));
        }
    }
}

/// The manifest, and whether it is surely the last one: where its copy was used, parts that it does not name may have been
/// published after it. A store without a manifest that can be read is set aside whole, and a new one begun.
fn load_or_create(files: &dyn Files, dir: &Path, aside: &mut Vec<SetAside>) -> Result<(Manifest, bool), LogStoreError> {
    let read = |bytes: io::Result<&[u8]>| Manifest::decode(bytes.map_err(LogStoreError::io("read the manifest"))?);
    let reason = match open_twin(files, &dir.join(FILE_NAME), MAX_MANIFEST_BYTES as usize, read, Manifest::age) {
        Ok(Some(found)) => {
            let faults = found.faults.into_iter();
            aside.extend(faults.map(|(file, reason)| SetAside::of_records(file, reason, Some(0))));
            return Ok((found.content, !found.is_copy));
        }
        Ok(None) if !has_parts(files, dir)? => return Ok((create(files, dir)?, true)),
        Ok(None) => "its manifest and the copy of it are not there".to_owned(),
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            format!("neither its manifest nor the copy can be read: {error}")
        }
        Err(error) => return Err(error),
    };
    let whole = set_store_aside(files, dir).map_err(LogStoreError::io("set the log store aside"))?;
    aside.push(SetAside::of_records(whole, reason, None));
    Ok((create(files, dir)?, true))
}

fn has_parts(files: &dyn Files, dir: &Path) -> Result<bool, LogStoreError> {
    let entries = files.list(&dir.join(PARTS)).map_err(LogStoreError::io("list the parts"))?;
    Ok(entries.iter().any(|entry| entry.name.ends_with(SUFFIX)))
}

/// Renames the folder of the parts, and makes an empty one; answers where it is.
fn set_store_aside(files: &dyn Files, dir: &Path) -> io::Result<PathBuf> {
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}{COPY_SUFFIX}")] {
        if files.exists(&dir.join(&name))? {
            move_aside(files, &dir.join(&name));
        }
    }
    let taken = files.list(dir)?;
    let names = (1u32..).map(|number| format!("{PARTS}.{SET_ASIDE_DIR}.{number}"));
    let name = names.into_iter().find(|name| taken.iter().all(|entry| entry.name != *name)).unwrap_or_default();
    let aside = dir.join(name);
    files.rename(&dir.join(PARTS), &aside)?;
    files.sync_dir(dir)?;
    make_dir(files, &dir.join(PARTS))?;
    Ok(aside)
}

fn create(files: &dyn Files, dir: &Path) -> Result<Manifest, LogStoreError> {
    let sync = |dir: &Path| files.sync_dir(dir).map_err(LogStoreError::io("sync the log store"));
    sync(dir)?;
    if let Some(parent) = dir.parent() {
        sync(parent)?;
    }
    let manifest = Manifest::default();
    manifest.store(files, dir)?;
    Ok(manifest)
}

/// Removes files that a crash left behind: unfinished ones, and parts that the manifest does not name. Where the manifest
/// is not `certain` to be the last one those are moved aside instead.
fn remove_leftovers(
    files: &dyn Files,
    dir: &Path,
    manifest: &Manifest,
    parts: Vec<DirEntry>,
    is_certain: bool,
) -> Result<(), LogStoreError> {
    let names: HashSet<String> = manifest.parts.iter().map(PartMeta::file_name).collect();
    // What is not ours (`lost+found`, a file somebody put there) is left alone.
    let is_part = |entry: &DirEntry| !entry.is_dir && entry.name.ends_with(SUFFIX);
    for entry in parts.into_iter().filter(|entry| is_part(entry) && !names.contains(&entry.name)) {
        let path = dir.join(PARTS).join(entry.name);
        if is_certain {
            files.remove_file(&path).map_err(LogStoreError::io("remove a leftover"))?;
        } else {
            move_aside(files, &path);
        }
    }
    let entries = files.list(dir).map_err(LogStoreError::io("list the log store"))?;
    for entry in entries.into_iter().filter(|entry| !entry.is_dir && entry.name.ends_with(TEMPORARY_SUFFIX)) {
        files.remove_file(&dir.join(entry.name)).map_err(LogStoreError::io("remove a leftover"))?;
    }
    Ok(())
}
