//! Replacing a small file as a whole.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::Files;

/// What [`atomic_write`] appends to a name while it writes. A file of such a name found later is garbage.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// Writes a file so that a crash at any moment leaves the old content or the new one, and after success the new one:
/// temporary name, write, sync, rename, sync of the directory.
pub fn atomic_write(files: &dyn Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = temporary_name(path);
    let file = files.create(&temporary)?;
    file.write_all(bytes)?;
    file.sync()?;
    drop(file);
    files.rename(&temporary, path)?;
    files.sync_dir(path.parent().unwrap_or(Path::new("")))
}

fn temporary_name(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(TEMPORARY_SUFFIX);
    PathBuf::from(name)
}
