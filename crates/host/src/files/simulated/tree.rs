//! The names of a simulated disk: directories as programs see them, as syncs made them durable, and as a crash leaves
//! them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path};

use fastrand::Rng;

/// A file or directory, whatever it is called.
pub(super) type NodeId = u64;

const ROOT: NodeId = 0;

#[derive(Debug)]
pub(super) struct Tree {
    dirs: BTreeMap<NodeId, Dir>,
    next: NodeId,
    /// Changes of names that no directory sync has covered, oldest first.
    pending: Vec<Change>,
}

#[derive(Debug, Default)]
struct Dir {
    live: BTreeMap<String, NodeId>,
    durable: BTreeMap<String, NodeId>,
}

/// Which names: those that programs see, or those that a crash cannot take.
#[derive(Clone, Copy)]
enum View {
    Live,
    Durable,
}

#[derive(Debug, Clone)]
enum Change {
    Link(Place, NodeId),
    Unlink(Place),
    Rename {
        from: Place,
        to: Place,
        node: NodeId,
    },
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    dir: NodeId,
    name: String,
}

impl Tree {
    pub(super) fn new() -> Self {
        Self {
            dirs: BTreeMap::from([(ROOT, Dir::default())]),
            next: ROOT + 1,
            pending: Vec::new(),
        }
    }

    pub(super) fn is_dir(&self, node: NodeId) -> bool {
        self.dirs.contains_key(&node)
    }

    /// The node a path leads to.
    pub(super) fn resolve(&self, path: &Path) -> io::Result<NodeId> {
        let mut node = ROOT;
        for name in components(path)? {
            let dir = self.dirs.get(&node).ok_or(io::ErrorKind::NotADirectory)?;
            node = *dir.live.get(name).ok_or(io::ErrorKind::NotFound)?;
        }
        Ok(node)
    }

    /// The place a path names, whether or not anything is there.
    pub(super) fn place(&self, path: &Path) -> io::Result<Place> {
        let names = components(path)?;
        let (name, parents) = names.split_last().ok_or(io::ErrorKind::IsADirectory)?;
        let dir = self.resolve(&parents.iter().collect::<std::path::PathBuf>())?;
        if !self.is_dir(dir) {
            return Err(io::ErrorKind::NotADirectory.into());
        }
        let name = (*name).to_owned();
        Ok(Place { dir, name })
    }

    pub(super) fn at(&self, place: &Place) -> Option<NodeId> {
        self.dirs.get(&place.dir)?.live.get(&place.name).copied()
    }

    pub(super) fn entries(&self, dir: NodeId) -> io::Result<&BTreeMap<String, NodeId>> {
        let dir = self.dirs.get(&dir).ok_or(io::ErrorKind::NotADirectory)?;
        Ok(&dir.live)
    }

    /// Every node that has a name now.
    pub(super) fn linked(&self) -> impl Iterator<Item = NodeId> {
        self.dirs
            .values()
            .flat_map(|dir| dir.live.values().copied())
    }

    pub(super) fn create_file(&mut self, place: Place) -> NodeId {
        let node = self.next;
        self.next += 1;
        self.change(Change::Link(place, node));
        node
    }

    pub(super) fn create_dir_all(&mut self, path: &Path) -> io::Result<()> {
        let names = components(path)?;
        let mut dir = ROOT;
        for (index, name) in names.iter().enumerate() {
            let name = (*name).to_owned();
            let place = Place { dir, name };
            dir = match self.at(&place) {
                Some(node) if self.is_dir(node) => node,
                Some(_) if index + 1 == names.len() => {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                Some(_) => return Err(io::ErrorKind::NotADirectory.into()),
                None => {
                    let node = self.create_file(place);
                    self.dirs.insert(node, Dir::default());
                    node
                }
            };
        }
        Ok(())
    }

    pub(super) fn remove_file(&mut self, place: Place) -> io::Result<()> {
        let node = self.at(&place).ok_or(io::ErrorKind::NotFound)?;
        if self.is_dir(node) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        self.change(Change::Unlink(place));
        Ok(())
    }

    /// Removes entry by entry, as the real call does, so that a crash may leave any part.
    pub(super) fn remove_dir_all(&mut self, place: Place) -> io::Result<()> {
        let dir = self.at(&place).ok_or(io::ErrorKind::NotFound)?;
        let entries = self.entries(dir)?.clone();
        for (name, node) in entries {
            let inner = Place { dir, name };
            if self.is_dir(node) {
                self.remove_dir_all(inner)?;
            } else {
                self.change(Change::Unlink(inner));
            }
        }
        self.change(Change::Unlink(place));
        Ok(())
    }

    pub(super) fn rename(&mut self, from: Place, to: Place) -> io::Result<()> {
        let node = self.at(&from).ok_or(io::ErrorKind::NotFound)?;
        if from == to {
            return Ok(());
        }
        if self.is_dir(node) && from.dir != to.dir {
            return Err(io::ErrorKind::Unsupported.into());
        }
        if let Some(other) = self.at(&to) {
            self.check_replaceable(node, other)?;
        }
        self.change(Change::Rename { from, to, node });
        Ok(())
    }

    fn check_replaceable(&self, by: NodeId, other: NodeId) -> io::Result<()> {
        match (self.is_dir(by), self.is_dir(other)) {
            (false, false) => Ok(()),
            (false, true) => Err(io::ErrorKind::IsADirectory.into()),
            (true, _) if self.entries(other)?.is_empty() => Ok(()),
            (true, _) => Err(io::ErrorKind::DirectoryNotEmpty.into()),
        }
    }

    pub(super) fn sync_dir(&mut self, dir: NodeId) -> io::Result<()> {
        self.entries(dir)?;
        for change in std::mem::take(&mut self.pending) {
            if change.touches(dir) {
                self.apply(&change, View::Durable);
            } else {
                self.pending.push(change);
            }
        }
        Ok(())
    }

    /// The tree after a power loss: of the unsynced changes, none, all, or any of them.
    pub(super) fn survive(mut self, rng: &mut Rng) -> Self {
        let mode = rng.u8(..4);
        for change in std::mem::take(&mut self.pending) {
            let kept = match mode {
                0 => false,
                1 => true,
                _ => rng.bool(),
            };
            if kept {
                self.apply(&change, View::Durable);
            }
        }
        let mut reached = BTreeSet::new();
        let mut queue = vec![ROOT];
        while let Some(node) = queue.pop() {
            if let Some(dir) = self.dirs.get_mut(&node)
                && reached.insert(node)
            {
                dir.live = dir.durable.clone();
                queue.extend(dir.live.values());
            }
        }
        self.dirs.retain(|node, _| reached.contains(node));
        self
    }

    fn change(&mut self, change: Change) {
        self.apply(&change, View::Live);
        self.pending.push(change);
    }

    fn apply(&mut self, change: &Change, view: View) {
        let (place, node) = match change {
            Change::Unlink(place) => {
                if let Some(names) = self.names(place, view) {
                    names.remove(&place.name);
                }
                return;
            }
            Change::Link(place, node) => (place, node),
            Change::Rename { from, to, node } => {
                if let Some(names) = self.names(from, view)
                    && names.get(&from.name) == Some(node)
                {
                    names.remove(&from.name);
                }
                (to, node)
            }
        };
        if let Some(names) = self.names(place, view) {
            names.insert(place.name.clone(), *node);
        }
    }

    /// The names beside a place; none if its directory did not survive.
    fn names(&mut self, place: &Place, view: View) -> Option<&mut BTreeMap<String, NodeId>> {
        let dir = self.dirs.get_mut(&place.dir)?;
        Some(match view {
            View::Live => &mut dir.live,
            View::Durable => &mut dir.durable,
        })
    }
}

impl Change {
    /// Whether a sync of the directory makes this durable. A rename between directories is one change of both.
    fn touches(&self, dir: NodeId) -> bool {
        match self {
            Self::Link(place, _) | Self::Unlink(place) => place.dir == dir,
            Self::Rename { from, to, .. } => from.dir == dir || to.dir == dir,
        }
    }
}

fn components(path: &Path) -> io::Result<Vec<&str>> {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::RootDir | Component::CurDir => {}
            Component::Normal(name) => {
                names.push(name.to_str().ok_or(io::ErrorKind::InvalidInput)?);
            }
            Component::ParentDir | Component::Prefix(_) => {
                return Err(io::ErrorKind::InvalidInput.into());
            }
        }
    }
    Ok(names)
}
