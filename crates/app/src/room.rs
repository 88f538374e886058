//! Room on the disk: a reserve that is kept for the moment in which there is none, and whether there is any.

use crate::limits::{LEAST_ROOM, MOST_RESERVE, RESERVE_SHARE};
use clew_host::Files;
use parking_lot::Mutex;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the reserve's file.
const FILE: &str = "reserve";

/// Bytes that are written to it at once.
const CHUNK: usize = 256 << 10;

/// The room that a data directory has.
#[derive(Debug)]
pub struct Room {
    files: Arc<dyn Files>,
    dir: PathBuf,
    /// Whether a reserve is kept; held while it is made or given up.
    keeps_reserve: Mutex<bool>,
}

impl Room {
    /// The room of a directory; with a reserve or without.
    #[must_use]
    pub fn new(files: Arc<dyn Files>, dir: &Path, keeps_reserve: bool) -> Self {
        Self { files, dir: dir.to_owned(), keeps_reserve: Mutex::new(keeps_reserve) }
    }

    /// Makes the reserve where it is missing and there is plenty of room for it.
    pub fn make_reserve(&self) {
        let keeps = self.keeps_reserve.lock();
        let path = self.path();
        if !*keeps || self.files.exists(&path).unwrap_or(true) {
            return;
        }
        let free = self.files.available_space(&self.dir).unwrap_or(0);
        let bytes = (free / RESERVE_SHARE).min(MOST_RESERVE);
        if bytes < LEAST_ROOM {
            return;
        }
        if let Err(error) = self.write_reserve(&path, bytes) {
            tracing::debug!(%error, "cannot make the reserve");
            // Half of it helps nobody.
            let _ = self.files.remove_file(&path);
        }
    }

    /// Gives the reserve up, so that what must be written has room; answers whether there was one.
    pub fn release(&self) -> bool {
        let _turn = self.keeps_reserve.lock();
        let is_gone = self.files.remove_file(&self.path()).is_ok();
        if is_gone {
            tracing::warn!("the disk is full: the reserve is given up, so that what is in memory can be written");
        }
        is_gone
    }

    /// Whether there is next to no room left.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.files.available_space(&self.dir).is_ok_and(|free| free < LEAST_ROOM)
    }

    fn path(&self) -> PathBuf {
        self.dir.join(FILE)
    }

    /// Bytes that no file system makes smaller: it is to take the room that it says.
    fn write_reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = self.files.create(path)?;
        let mut noise = 0x9e37_79b9_7f4a_7c15u64;
        let mut chunk = vec![0; CHUNK];
        while file.len() < bytes {
            for word in chunk.chunks_exact_mut(8) {
                noise ^= noise << 13;
                noise ^= noise >> 7;
                noise ^= noise << 17;
                word.copy_from_slice(&noise.to_le_bytes());
            }
            file.write_all(&chunk)?;
        }
        file.sync()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_host::SimFiles;

    #[test]
    fn the_reserve_takes_a_part_of_the_room_and_gives_it_back() {
        let files = SimFiles::new();
        files.create_dir_all(Path::new("/data")).unwrap();
        files.set_capacity(Some(64 << 20));
        let room = Room::new(Arc::new(files.clone()), Path::new("/data"), true);
        let free = || files.available_space(Path::new("/data")).unwrap();
        room.make_reserve();
        let reserve = (64 << 20) - free();
        assert!(reserve >= 2 << 20, "{reserve}");
        room.make_reserve();
        assert_eq!((64 << 20) - free(), reserve);
        files.set_capacity(Some(reserve));
        assert!(room.is_full());
        assert!(room.release() && !room.release());
        assert!(!room.is_full());
        // Where there is little room none is taken.
        files.set_capacity(Some(4 << 20));
        room.make_reserve();
        assert_eq!(free(), 4 << 20);
    }
}
