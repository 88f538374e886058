//! A disk in memory that forgets what was not synced.
//!
//! It is harsher than most real disks and never kinder than POSIX allows:
//! - a crash keeps, of the unsynced writes of each file, none, all, or a prefix whose last write may be torn at any
//!   byte; sectors of them may be zero, noise or stale where the file grew, and old where it was overwritten (a sector
//!   that was durable is never mixed or lost); the length may arrive before the bytes;
//! - a crash keeps any of the unsynced changes of names, independently of each other and of the bytes; a rename is
//!   one change: the old state or the new;
//! - a failed sync loses what was unsynced though readers still see it, and the next sync succeeds.

mod content;
mod faults;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fastrand::Rng;
use parking_lot::Mutex;

use self::content::Content;
pub use self::faults::{Fault, Operation, Ruling};
use self::faults::{Faults, Judging, Verdict, power_lost};
use self::tree::{NodeId, Tree};
use super::disk::{already_locked, check_inside};
use super::error::Context;
use super::{DirEntry, Files, LOCK_FILE, Lock, ReadFile, WriteFile};

/// A simulated disk. Clones are handles to the same one. Absolute and relative paths both begin at its root, which
/// exists; `..` is refused.
#[derive(Debug, Clone)]
pub struct SimFiles {
    disk: Arc<Mutex<Disk>>,
}

#[derive(Debug)]
struct Disk {
    tree: Tree,
    contents: BTreeMap<NodeId, Content>,
    faults: Faults,
    capacity: Option<u64>,
    locked: BTreeSet<NodeId>,
}

impl SimFiles {
    /// An empty disk without faults and without a limit.
    pub fn new() -> Self {
        Self::with(Tree::new(), BTreeMap::new(), None)
    }

    fn with(tree: Tree, contents: BTreeMap<NodeId, Content>, capacity: Option<u64>) -> Self {
        let (faults, locked) = (Faults::default(), BTreeSet::new());
        let disk = Disk { tree, contents, faults, capacity, locked };
        Self { disk: Arc::new(Mutex::new(disk)) }
    }

    /// How many operations that change the disk were begun.
    pub fn operations(&self) -> u64 {
        self.disk.lock().faults.operations
    }

    /// Lets the power fail during the operation of this number (counted as [`operations`](Self::operations), from 1).
    /// It and everything after it fails, reads too; the next step is [`crash`](Self::crash).
    pub fn lose_power_at(&self, operation: u64) {
        self.disk.lock().faults.power_fails_at = Some(operation);
    }

    /// Whether the power has failed.
    pub fn has_lost_power(&self) -> bool {
        self.disk.lock().faults.dead
    }

    /// Lets the operation of this number (from 1, among those that change the disk) fail.
    pub fn fail_at(&self, operation: u64, fault: Fault) {
        self.disk.lock().faults.at.push((operation, fault));
    }

    /// Lets the next operation of this kind fail. Calls add up: two calls, two failures.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.disk.lock().faults.next.push((operation, fault));
    }

    /// Forgets the failures planned and not yet met.
    pub fn clear_faults(&self) {
        let faults = &mut self.disk.lock().faults;
        faults.at.clear();
        faults.next.clear();
        faults.judge = Judging::default();
    }

    /// Lets somebody say of every call, in the order in which they come, what becomes of it. The judge is asked under the
    /// disk's lock and may not use the disk; faults planned otherwise come first.
    pub fn set_judge(&self, judge: impl Fn(Operation, &Path) -> Ruling + Send + Sync + 'static) {
        self.disk.lock().faults.judge = Judging(Some(Arc::new(judge)));
    }

    /// Limits the bytes of all files together; `None` lifts the limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk.lock().capacity = bytes;
    }

    /// Cuts the power and gives the disk as the next start finds it; `seed` decides what survives. Every handle of
    /// this disk is dead from here on. The capacity stays, faults and locks do not.
    pub fn crash(&self, seed: u64) -> Self {
        let mut disk = self.disk.lock();
        disk.faults.dead = true;
        let mut rng = Rng::with_seed(seed);
        let tree = std::mem::replace(&mut disk.tree, Tree::new()).survive(&mut rng);
        let contents = std::mem::take(&mut disk.contents);
        let candidates: Vec<&Content> = contents.values().collect();
        let mut survivors = BTreeMap::new();
        for node in tree.linked() {
            if let Some(content) = contents.get(&node) {
                let strays = candidates.get(rng.usize(..candidates.len().max(1)));
                let strays = strays.map_or(&[][..], |content| content.live());
                let bytes = content.survive(&mut rng, strays);
                survivors.insert(node, Content::recovered(bytes));
            }
        }
        Self::with(tree, survivors, disk.capacity)
    }

    fn run<T>(
        &self,
        operation: Operation,
        path: &Path,
        effect: impl FnOnce(&mut Disk) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut disk = self.disk.lock();
        let mut verdict = disk.faults.judge(operation);
        if let (Verdict::Runs, Some(judge)) = (verdict, disk.faults.judge.clone().0) {
            match judge(operation, path) {
                Ruling::Runs => {}
                Ruling::Fails(fault) => verdict = Verdict::Fails(fault),
                Ruling::LeavesRoom(bytes) => disk.capacity = Some(disk.used().saturating_add(bytes)),
            }
        }
        let result = match verdict {
            Verdict::Runs => effect(&mut disk),
            Verdict::Fails(fault) => Err(fault.error()),
            Verdict::IsDead => Err(power_lost()),
            Verdict::LosesPower => {
                // It may have reached the disk or not: begun, hence pending, but never synced.
                if !matches!(operation, Operation::Sync | Operation::SyncDir) {
                    let _ = effect(&mut disk);
                }
                Err(power_lost())
            }
        };
        result.context(operation.name(), path)
    }

    fn write_handle(&self, node: NodeId, path: &Path, len: u64) -> Box<dyn WriteFile> {
        Box::new(SimWriteFile { files: self.clone(), node, path: path.to_owned(), len: Mutex::new(len) })
    }
}

impl Default for SimFiles {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk {
    /// The file's node; the kind of error that opening a directory gives.
    fn file(&self, path: &Path) -> io::Result<NodeId> {
        let node = self.tree.resolve(path)?;
        if self.tree.is_dir(node) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(node)
    }

    fn content(&self, node: NodeId) -> io::Result<&Content> {
        self.contents.get(&node).ok_or_else(power_lost)
    }

    fn content_mut(&mut self, node: NodeId) -> io::Result<&mut Content> {
        self.contents.get_mut(&node).ok_or_else(power_lost)
    }

    fn create(&mut self, path: &Path) -> io::Result<NodeId> {
        let place = self.tree.place(path)?;
        match self.tree.at(&place) {
            Some(node) if self.tree.is_dir(node) => Err(io::ErrorKind::IsADirectory.into()),
            Some(node) => {
                self.content_mut(node)?.resize(0);
                Ok(node)
            }
            None => {
                let node = self.tree.create_file(place);
                self.contents.insert(node, Content::default());
                Ok(node)
            }
        }
    }

    fn free(&self) -> u64 {
        let Some(capacity) = self.capacity else {
            return u64::MAX;
        };
        capacity.saturating_sub(self.used())
    }

    fn used(&self) -> u64 {
        let lengths = self.tree.linked().filter_map(|node| self.contents.get(&node));
        lengths.map(|content| content.live().len() as u64).sum()
    }

    /// Writes as much as there is room for.
    fn write(&mut self, node: NodeId, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let free = self.free();
        let content = self.content_mut(node)?;
        let offset = size(offset)?;
        let room = (content.live().len() as u64).saturating_add(free);
        let fits = usize::try_from(room.saturating_sub(offset as u64)).unwrap_or(usize::MAX);
        match bytes.get(..fits) {
            Some(part) if part.len() < bytes.len() => {
                content.write(offset, part);
                Err(Fault::OutOfSpace.error())
            }
            _ => {
                content.write(offset, bytes);
                Ok(())
            }
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        let entries = self.tree.entries(self.tree.resolve(dir)?)?;
        let entry = |(name, node): (&String, &NodeId)| DirEntry {
            name: name.clone(),
            is_dir: self.tree.is_dir(*node),
            len: self.contents.get(node).map_or(0, |file| file.live().len() as u64),
        };
        Ok(entries.iter().map(entry).collect())
    }
}

fn size(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

impl Files for SimFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let node = self.run(Operation::Create, path, |disk| disk.create(path))?;
        Ok(self.write_handle(node, path, 0))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let (node, len) = self.run(Operation::Open, path, |disk| {
            let node = disk.file(path)?;
            Ok((node, disk.content(node)?.live().len() as u64))
        })?;
        Ok(self.write_handle(node, path, len))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let node = self.run(Operation::Open, path, |disk| disk.file(path))?;
        let (files, path) = (self.clone(), path.to_owned());
        Ok(Arc::new(SimReadFile { files, node, path }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(Operation::Rename, from, |disk| {
            let (from, to) = (disk.tree.place(from)?, disk.tree.place(to)?);
            disk.tree.rename(from, to)
        })
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.run(Operation::Remove, path, |disk| disk.tree.remove_file(disk.tree.place(path)?))
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        self.run(Operation::Remove, path, |disk| disk.tree.remove_dir_all(disk.tree.place(path)?))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let is_there = |disk: &Disk| disk.tree.resolve(path).is_ok_and(|node| disk.tree.is_dir(node));
        let operation = if is_there(&self.disk.lock()) { Operation::Look } else { Operation::CreateDir };
        self.run(operation, path, |disk| disk.tree.create_dir_all(path))
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        self.run(Operation::Look, dir, |disk| disk.list(dir))
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        self.run(Operation::Look, path, |disk| match disk.tree.resolve(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        })
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.run(Operation::SyncDir, dir, |disk| disk.tree.sync_dir(disk.tree.resolve(dir)?))
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        self.run(Operation::Truncate, path, |disk| {
            let node = disk.file(path)?;
            disk.content_mut(node)?.resize(size(len)?);
            Ok(())
        })
    }

    fn available_space(&self, dir: &Path) -> io::Result<u64> {
        self.run(Operation::Look, dir, |disk| {
            disk.tree.resolve(dir)?;
            Ok(disk.free())
        })
    }

    fn make_private(&self, dir: &Path) -> io::Result<()> {
        self.run(Operation::Look, dir, |disk| disk.tree.resolve(dir).map(drop))
    }

    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Lock>> {
        let node = self.run(Operation::Lock, dir, |disk| {
            let node = disk.tree.resolve(dir)?;
            let file = dir.join(LOCK_FILE);
            if disk.tree.at(&disk.tree.place(&file)?).is_none() {
                disk.create(&file)?;
            }
            if !disk.locked.insert(node) {
                return Err(already_locked());
            }
            Ok(node)
        })?;
        let files = self.clone();
        Ok(Box::new(SimLock { files, node }))
    }
}

#[derive(Debug)]
struct SimWriteFile {
    files: SimFiles,
    node: NodeId,
    path: PathBuf,
    len: Mutex<u64>,
}

impl SimWriteFile {
    /// A write that fails half-way leaves half of it.
    fn leave_half(&self, bytes: &[u8], offset: u64) {
        let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
        let mut disk = self.files.disk.lock();
        if !disk.faults.dead {
            let _ = disk.write(self.node, offset, half);
        }
    }
}

impl WriteFile for SimWriteFile {
    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut len = self.len.lock();
        let result = self.files.run(Operation::Write, &self.path, |disk| disk.write(self.node, *len, bytes));
        match &result {
            Ok(()) => *len = len.saturating_add(bytes.len() as u64),
            Err(_) => self.leave_half(bytes, *len),
        }
        result
    }

    fn overwrite_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let len = self.len.lock();
        check_inside(bytes, offset, *len).context(Operation::Write.name(), &self.path)?;
        let result = self.files.run(Operation::Write, &self.path, |disk| disk.write(self.node, offset, bytes));
        if result.is_err() {
            self.leave_half(bytes, offset);
        }
        result
    }

    fn len(&self) -> u64 {
        *self.len.lock()
    }

    fn truncate(&self, to: u64) -> io::Result<()> {
        let mut len = self.len.lock();
        self.files.run(Operation::Truncate, &self.path, |disk| {
            disk.content_mut(self.node)?.resize(size(to)?);
            Ok(())
        })?;
        *len = to;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let result = self.files.run(Operation::Sync, &self.path, |disk| {
            disk.content_mut(self.node)?.sync();
            Ok(())
        });
        if result.is_err() {
            let mut disk = self.files.disk.lock();
            if !disk.faults.dead
                && let Ok(content) = disk.content_mut(self.node)
            {
                content.lose_unsynced();
            }
        }
        result
    }
}

#[derive(Debug)]
struct SimReadFile {
    files: SimFiles,
    node: NodeId,
    path: PathBuf,
}

impl ReadFile for SimReadFile {
    fn len(&self) -> io::Result<u64> {
        self.files.run(Operation::Read, &self.path, |disk| Ok(disk.content(self.node)?.live().len() as u64))
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.files.run(Operation::Read, &self.path, |disk| {
            let live = disk.content(self.node)?.live();
            let found =
                usize::try_from(offset).ok().and_then(|start| live.get(start..start.checked_add(buffer.len())?));
            match found {
                Some(bytes) => {
                    buffer.copy_from_slice(bytes);
                    Ok(())
                }
                None if buffer.is_empty() => Ok(()),
                None => Err(io::ErrorKind::UnexpectedEof.into()),
            }
        })
    }
}

#[derive(Debug)]
struct SimLock {
    files: SimFiles,
    node: NodeId,
}

impl Lock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.files.disk.lock().locked.remove(&self.node);
    }
}
