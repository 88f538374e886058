//! The machine's own file system.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::error::Context;
use super::{DirEntry, Files, LOCK_FILE, Lock, ReadFile, WriteFile};

/// What Clew keeps is for its own user alone.
const FILE_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;

/// The machine's own file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct DiskFiles;

impl DiskFiles {
    /// The one and only.
    pub fn new() -> Self {
        Self
    }
}

impl Files for DiskFiles {
    fn create(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let options = &mut OpenOptions::new();
        let file =
            options.write(true).create(true).truncate(true).mode(FILE_MODE).open(path).context("create", path)?;
        Ok(Box::new(DiskWriteFile::new(file, path, 0)))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn WriteFile>> {
        let operation = "open for appending";
        let file = OpenOptions::new().write(true).open(path).context(operation, path)?;
        let len = file.metadata().context(operation, path)?.len();
        Ok(Box::new(DiskWriteFile::new(file, path, len)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn ReadFile>> {
        let file = File::open(path).context("open", path)?;
        if file.metadata().context("open", path)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::IsADirectory)).context("open", path);
        }
        let path = path.to_owned();
        Ok(Arc::new(DiskReadFile { file, path }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to).context("rename", from)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path).context("remove", path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path).context("remove directory", path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(path).context("create directory", path)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<DirEntry>> {
        list(dir).context("list", dir)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists().context("look for", path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let dir_or_here = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        let directory_only = rustix::fs::OFlags::DIRECTORY.bits().cast_signed();
        OpenOptions::new()
            .read(true)
            .custom_flags(directory_only)
            .open(dir_or_here)
            .and_then(|dir| dir.sync_all())
            .context("sync directory", dir)
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(len)).context("truncate", path)
    }

    fn available_space(&self, dir: &Path) -> io::Result<u64> {
        let status = rustix::fs::statvfs(dir).map_err(io::Error::from).context("read the free space of", dir)?;
        // Blocks open to ordinary users, as `df` shows them; root's reserve is left alone.
        Ok(status.f_bavail.saturating_mul(status.f_frsize))
    }

    fn make_private(&self, dir: &Path) -> io::Result<()> {
        let mode = fs::metadata(dir).context("look at", dir)?.permissions().mode();
        if mode & 0o077 == 0 {
            return Ok(());
        }
        fs::set_permissions(dir, Permissions::from_mode(mode & 0o700)).context("make private", dir)
    }

    fn lock(&self, dir: &Path) -> io::Result<Box<dyn Lock>> {
        let path = dir.join(LOCK_FILE);
        let options = &mut OpenOptions::new();
        let file = options.write(true).create(true).truncate(false).mode(FILE_MODE).open(&path).context("lock", dir)?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(DiskLock { _file: file })),
            Err(TryLockError::WouldBlock) => Err(already_locked()).context("lock", dir),
            Err(TryLockError::Error(cause)) => Err(cause).context("lock", dir),
        }
    }
}

pub(super) fn check_inside(bytes: &[u8], offset: u64, len: u64) -> io::Result<()> {
    match offset.checked_add(bytes.len() as u64) {
        Some(end) if end <= len => Ok(()),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{} bytes at {offset} go beyond the end at {len}", bytes.len()),
        )),
    }
}

/// A read met the end of a file: whether that is where the file ends, or the file system gave less than there is, as those
/// in the network may while their server is away.
fn ended_early(length: u64, offset: u64, wanted: usize) -> io::Error {
    let is_there = offset.checked_add(wanted as u64).is_some_and(|end| end <= length);
    if is_there {
        io::Error::other(format!("the file has {length} bytes, and the disk gave fewer"))
    } else {
        io::ErrorKind::UnexpectedEof.into()
    }
}

/// What the second holder of a directory is told.
pub(super) fn already_locked() -> io::Error {
    io::Error::new(io::ErrorKind::WouldBlock, "another process is using it: stop that one, or choose another directory")
}

fn list(dir: &Path) -> io::Result<Vec<DirEntry>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Removed between the listing and the look.
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => continue,
            Err(other) => return Err(other),
        };
        let is_dir = metadata.is_dir();
        entries.push(DirEntry {
            name: entry.file_name().to_string_lossy().into_owned(),
            is_dir,
            len: if is_dir { 0 } else { metadata.len() },
        });
    }
    entries.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(entries)
}

/// Writes at a position of its own instead of in append mode, so that what a failed write left is overwritten.
#[derive(Debug)]
struct DiskWriteFile {
    file: File,
    path: PathBuf,
    len: Mutex<u64>,
}

impl DiskWriteFile {
    fn new(file: File, path: &Path, len: u64) -> Self {
        let (path, len) = (path.to_owned(), Mutex::new(len));
        Self { file, path, len }
    }
}

impl WriteFile for DiskWriteFile {
    fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut len = self.len.lock();
        self.file.write_all_at(bytes, *len).context("write", &self.path)?;
        *len = len.saturating_add(bytes.len() as u64);
        Ok(())
    }

    fn overwrite_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let len = self.len.lock();
        check_inside(bytes, offset, *len)
            .and_then(|()| self.file.write_all_at(bytes, offset))
            .context("overwrite", &self.path)
    }

    fn len(&self) -> u64 {
        *self.len.lock()
    }

    fn truncate(&self, to: u64) -> io::Result<()> {
        let mut len = self.len.lock();
        self.file.set_len(to).context("truncate", &self.path)?;
        *len = to;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_data().context("sync", &self.path)
    }
}

#[derive(Debug)]
struct DiskReadFile {
    file: File,
    path: PathBuf,
}

impl ReadFile for DiskReadFile {
    fn len(&self) -> io::Result<u64> {
        let metadata = self.file.metadata().context("read the length of", &self.path)?;
        Ok(metadata.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let read = self.file.read_exact_at(buffer, offset);
        let read = match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                let length = self.file.metadata().map(|metadata| metadata.len());
                Err(length.map_or(error, |length| ended_early(length, offset, buffer.len())))
            }
            other => other,
        };
        read.context("read", &self.path)
    }
}

/// The lock goes with the open file.
#[derive(Debug)]
struct DiskLock {
    _file: File,
}

impl Lock for DiskLock {}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_disk_that_gives_too_little_is_told_from_a_file_that_ends() {
        let kind = |length, offset, wanted| ended_early(length, offset, wanted).kind();
        assert_eq!(kind(100, 0, 100), io::ErrorKind::Other);
        assert_eq!(kind(100, 90, 10), io::ErrorKind::Other);
        assert_eq!(kind(100, 90, 11), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(100, u64::MAX, 2), io::ErrorKind::UnexpectedEof);
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        fs::write(&path, [1; 100]).unwrap();
        let file = DiskFiles.open(&path).unwrap();
        assert_eq!(file.read_exact_at(&mut [0; 11], 90).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(file.read_exact_at(&mut [0; 10], 90).is_ok());
    }

    #[test]
    fn what_is_made_is_for_its_user_alone() {
        let root = tempfile::tempdir().unwrap();
        let (dir, files) = (root.path().join("a/b"), DiskFiles);
        files.create_dir_all(&dir).unwrap();
        files.create(&dir.join("file")).unwrap();
        let _lock = files.lock(&dir).unwrap();
        assert_eq!([mode(&root.path().join("a")), mode(&dir)], [0o700; 2]);
        assert_eq!([mode(&dir.join("file")), mode(&dir.join(LOCK_FILE))], [0o600; 2]);
        fs::set_permissions(&dir, Permissions::from_mode(0o755)).unwrap();
        files.make_private(&dir).unwrap();
        assert_eq!(mode(&dir), 0o700);
    }
}
