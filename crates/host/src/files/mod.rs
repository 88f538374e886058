//! Files and directories: what durable stores need of a disk, and nothing more.
//!
//! Three facts of real disks shape these traits, and [`SimFiles`] makes tests meet them:
//! - bytes are durable only after [`WriteFile::sync`]; before that a crash may keep any part of them;
//! - a name (created, renamed, removed) is durable only after [`Files::sync_dir`] of its directory;
//! - a failed sync may have thrown the bytes away, and the next sync then succeeds without them. Never retry one.
//!
//! Every error is an [`io::Error`] of the cause's kind whose message names the operation and the path.

mod atomic;
mod disk;
mod error;
mod make_dir;
mod open_files;
mod simulated;
mod twin;

use std::fmt::Debug;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use atomic::{TEMPORARY_SUFFIX, atomic_write};
pub use disk::DiskFiles;
pub use make_dir::make_dir;
pub use open_files::{OpenFiles, PooledFile};
pub use simulated::{Fault, Operation, Ruling, SimFiles};
pub use twin::{COPY_SUFFIX, SET_ASIDE_DIR, Twin, move_aside, open_twin, write_twin};

/// A file system. Paths are used as they are given; directories above a new name must exist.
pub trait Files: Send + Sync + Debug {
    /// Creates the file, or empties it if it exists, and opens it for writing. New files are for this user alone.
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;

    /// Opens an existing file for writing at its end.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>>;

    /// Opens an existing file for reading.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>>;

    /// Renames a file, replacing `to` atomically if it exists; or a directory, within its parent, onto a free name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name. Open handles go on working.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes a directory with everything below it. Not atomic: a crash may leave part of it.
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Creates a directory and those above it, as far as missing; new ones are for this user alone.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// The entries of a directory, sorted by name (bytewise).
    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>>;

    /// Whether there is a file or directory of this name.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Makes the names inside this directory durable (not its own name, which stands in its parent).
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Sets a file's length in bytes: cuts it off, or fills it up with zeros. Durable after a sync of the file.
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()>;

    /// Bytes that may still be written to the file system that holds `dir`.
    fn available_space(&self, dir: &Path) -> io::Result<u64>;

    /// Takes the rights that others have on an existing directory from them.
    fn make_private(&self, dir: &Path) -> io::Result<()>;

    /// Takes the directory for this holder alone, until the lock is dropped or the process ends. Fails at once with
    /// [`io::ErrorKind::WouldBlock`] if somebody else has it. Leaves a file [`LOCK_FILE`] in the directory.
    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Lock>>;
}

/// The name of the file by which [`Files::lock`] marks a directory.
pub const LOCK_FILE: &str = "LOCK";

/// A file open for writing at its end, by one writer. Shared references suffice, so that one thread may sync while
/// another appends.
pub trait WriteFile: Send + Sync + Debug {
    /// Appends all bytes. After an error part of them may stand in the file beyond [`len`](Self::len): the next write
    /// replaces them, [`truncate`](Self::truncate) cuts them off.
    fn write_all(&self, bytes: &[u8]) -> io::Result<()>;

    /// Writes over bytes that the file has; [`io::ErrorKind::InvalidInput`] if they do not all lie before its end.
    /// A crash before the next sync leaves each sector old or new.
    fn overwrite_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// The length in bytes, counting whole writes only.
    fn len(&self) -> u64;

    /// Whether the length is zero.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets the length; later writes go on from there.
    fn truncate(&self, len: u64) -> io::Result<()>;

    /// Makes everything written before this call durable (`fdatasync`), the length included, the name excluded.
    fn sync(&self) -> io::Result<()>;
}

/// A file open for reading.
pub trait ReadFile: Send + Sync + Debug {
    /// The present length in bytes.
    fn len(&self) -> io::Result<u64>;

    /// Whether the length is zero.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Fills the buffer from `offset`; [`io::ErrorKind::UnexpectedEof`] if the file ends before, and only then: readers
    /// take a file that ends too early for damaged.
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()>;

    /// Up to `len` bytes from `offset`: fewer only at the end of the file, so a wild `len` costs nothing.
    fn read_at(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let rest = self.len()?.saturating_sub(offset);
        let size = usize::try_from(rest).map_or(len, |rest| rest.min(len));
        let mut buffer = vec![0; size];
        self.read_exact_at(&mut buffer, offset)?;
        Ok(buffer)
    }
}

/// A directory held for one holder alone, until dropped.
pub trait Lock: Send + Sync + Debug {}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name, without the directory. Bytes that are not UTF-8 are shown as U+FFFD.
    pub name: String,
    /// Whether it is a directory.
    pub is_dir: bool,
    /// The file's length in bytes; zero for a directory.
    pub len: u64,
}
