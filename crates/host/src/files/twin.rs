//! Small files without which nothing else can be read, kept twice: the file, and beside it a copy.
//!
//! The file is written first, the copy after it, each as a whole. So the copy is never newer than the file, unless
//! somebody put an old file there; a crash may leave it one change behind, which the next start mends.

use super::{Files, atomic_write};
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

/// What the name of a copy has behind the name of its file.
pub const COPY_SUFFIX: &str = ".copy";

/// The folder, beside a file, that damaged ones are moved to.
pub const SET_ASIDE_DIR: &str = "set-aside";

/// What was read of a file that is kept twice.
#[derive(Debug)]
pub struct Twin<T> {
    /// What it says.
    pub content: T,
    /// Whether that was the copy's: the file was damaged, missing or older.
    pub is_copy: bool,
    /// What was found to be wrong: the file, where it is now, and why it was not used.
    pub faults: Vec<(PathBuf, String)>,
}

/// One of the two.
enum One<T, E> {
    Missing,
    Bad(E),
    Good(T, Vec<u8>),
}

/// Reads a file that is kept twice; `None` when neither is there. `read` makes sense of its bytes, or of the disk's
/// refusal to give them; `age` grows with each change of the content. A damaged one is moved to the folder [`SET_ASIDE_DIR`] beside it, and written anew from the
/// other if there is room.
///
/// # Errors
/// What `read` says where neither can be used.
pub fn open_twin<T, E: Display>(
    files: &dyn Files,
    path: &Path,
    most_bytes: usize,
    read: impl Fn(io::Result<&[u8]>) -> Result<T, E>,
    age: impl Fn(&T) -> u64,
) -> Result<Option<Twin<T>>, E> {
    let copy = copy_of(path);
    let mut faults = Vec::new();
    let is_there = "it is not there";
    let (content, bytes, is_copy) = match (one(files, path, most_bytes, &read), one(files, &copy, most_bytes, &read)) {
        (One::Good(own, _), One::Good(other, bytes)) if age(&other) > age(&own) => {
            faults.push((move_aside(files, path), "it is older than its copy, which is used".to_owned()));
            (other, bytes, true)
        }
        (One::Good(own, bytes), One::Good(_, other)) => {
            if bytes != other {
                write_copy(files, path, &bytes);
            }
            (own, bytes, false)
        }
        (One::Good(own, bytes), other) => {
            if let One::Bad(error) = other {
                faults.push((move_aside(files, &copy), format!("{error}; the file itself is used")));
            }
            write_copy(files, path, &bytes);
            (own, bytes, false)
        }
        (One::Missing, One::Good(other, bytes)) => {
            faults.push((path.to_owned(), format!("{is_there}; its copy is used")));
            (other, bytes, true)
        }
        (One::Bad(error), One::Good(other, bytes)) => {
            faults.push((move_aside(files, path), format!("{error}; its copy is used")));
            (other, bytes, true)
        }
        (One::Bad(error), _) | (One::Missing, One::Bad(error)) => return Err(error),
        (One::Missing, One::Missing) => return Ok(None),
    };
    if is_copy {
        // Without room the copy stands alone until the next change.
        let _ = atomic_write(files, path, &bytes);
    }
    Ok(Some(Twin { content, is_copy, faults }))
}

/// Replaces a file that is kept twice. After success it is durable; a copy that could not be written is left out.
///
/// # Errors
/// The file cannot be written; what stood there before still does, or the new bytes do.
pub fn write_twin(files: &dyn Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    atomic_write(files, path, bytes)?;
    write_copy(files, path, bytes);
    Ok(())
}

/// Moves a damaged file to the folder [`SET_ASIDE_DIR`] beside it; answers where it is, which is the place where it was
/// if it cannot be moved.
pub fn move_aside(files: &dyn Files, path: &Path) -> PathBuf {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else { return path.to_owned() };
    let aside = dir.join(SET_ASIDE_DIR);
    let moved = || -> io::Result<PathBuf> {
        files.create_dir_all(&aside)?;
        let taken = files.list(&aside)?;
        let name = name.to_string_lossy();
        let free = (1u32..).map(|number| format!("{name}.{number}"));
        let free = free.into_iter().find(|name| taken.iter().all(|entry| entry.name != *name)).unwrap_or_default();
        let to = aside.join(free);
        files.rename(path, &to)?;
        files.sync_dir(&aside)?;
        files.sync_dir(dir)?;
        Ok(to)
    };
    moved().unwrap_or_else(|_| path.to_owned())
}

fn copy_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(COPY_SUFFIX);
    PathBuf::from(name)
}

fn write_copy(files: &dyn Files, path: &Path, bytes: &[u8]) {
    let copy = copy_of(path);
    if atomic_write(files, &copy, bytes).is_err() {
        // A full disk needs the room; an older copy says so by what it lists.
        let mut temporary = copy.into_os_string();
        temporary.push(super::TEMPORARY_SUFFIX);
        let _ = files.remove_file(Path::new(&temporary));
    }
}

fn one<T, E>(
    files: &dyn Files,
    path: &Path,
    most_bytes: usize,
    read: impl Fn(io::Result<&[u8]>) -> Result<T, E>,
) -> One<T, E> {
    let bytes = || -> io::Result<Option<Vec<u8>>> {
        if !files.exists(path)? {
            return Ok(None);
        }
        let file = files.open(path)?;
        let length = usize::try_from(file.len()?).ok().filter(|length| *length <= most_bytes);
        let length = length.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is too long"))?;
        file.read_at(0, length).map(Some)
    };
    let bytes = match bytes() {
        Ok(None) => return One::Missing,
        other => other.map(Option::unwrap_or_default),
    };
    let read = match &bytes {
        Ok(bytes) => read(Ok(bytes)),
        Err(error) => read(Err(io::Error::new(error.kind(), error.to_string()))),
    };
    match (read, bytes) {
        (Ok(content), bytes) => One::Good(content, bytes.unwrap_or_default()),
        (Err(error), _) => One::Bad(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SimFiles;

    const PATH: &str = "d/manifest";

    fn decimal(bytes: io::Result<&[u8]>) -> Result<u64, io::Error> {
        let text = std::str::from_utf8(bytes?).ok().and_then(|text| text.parse().ok());
        text.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no number"))
    }

    fn open(files: &SimFiles) -> Result<Option<Twin<u64>>, io::Error> {
        open_twin(files, Path::new(PATH), 64, decimal, |number| *number)
    }

    fn disk() -> SimFiles {
        let files = SimFiles::new();
        files.create_dir_all(Path::new("d")).unwrap();
        write_twin(&files, Path::new(PATH), b"41").unwrap();
        write_twin(&files, Path::new(PATH), b"42").unwrap();
        files
    }

    #[test]
    fn either_may_be_damaged_missing_or_old_and_is_mended_by_the_other() {
        type Spoil<'s> = &'s dyn Fn(&SimFiles, &Path);
        let spoil: [(&str, Spoil); 4] = [
            ("missing", &|files, path| files.remove_file(path).unwrap()),
            ("damaged", &|files, path| atomic_write(files, path, b"x").unwrap()),
            ("too long", &|files, path| atomic_write(files, path, &[b'1'; 65]).unwrap()),
            ("old", &|files, path| atomic_write(files, path, b"7").unwrap()),
        ];
        for (name, spoil) in spoil {
            for place in [PATH.to_owned(), format!("{PATH}{COPY_SUFFIX}")] {
                let files = disk();
                spoil(&files, Path::new(&place));
                let is_said = place == PATH || !matches!(name, "missing" | "old");
                let found = open(&files).unwrap().unwrap();
                assert_eq!(found.content, 42, "{name} {place}");
                assert_eq!(found.is_copy, place == PATH, "{name} {place}");
                assert_eq!(found.faults.len(), usize::from(is_said), "{name} {place}: {:?}", found.faults);
                // Both are good again.
                assert!(open(&files).unwrap().unwrap().faults.is_empty(), "{name} {place}");
                for place in [PATH.to_owned(), format!("{PATH}{COPY_SUFFIX}")] {
                    let bytes = files.open(Path::new(&place)).unwrap().read_at(0, 9).unwrap();
                    assert_eq!(bytes, b"42", "{name} {place}");
                }
            }
        }
    }

    #[test]
    fn what_is_damaged_is_kept_and_both_damaged_is_an_error() {
        let files = disk();
        for damage in [b"x", b"y"] {
            atomic_write(&files, Path::new(PATH), damage).unwrap();
            open(&files).unwrap();
        }
        let names: Vec<String> =
            files.list(Path::new("d/set-aside")).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["manifest.1", "manifest.2"]);
        for place in [PATH.to_owned(), format!("{PATH}{COPY_SUFFIX}")] {
            atomic_write(&files, Path::new(&place), b"x").unwrap();
        }
        assert_eq!(open(&files).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert!(open(&SimFiles::new()).unwrap().is_none());
    }

    #[test]
    fn a_crash_leaves_the_old_or_the_new() {
        for operation in 1..20 {
            for seed in 0..20 {
                let files = disk();
                files.sync_dir(Path::new("")).unwrap();
                files.lose_power_at(files.operations() + operation);
                let _ = write_twin(&files, Path::new(PATH), b"43");
                let after = files.crash(seed);
                let found = open(&after).unwrap().unwrap();
                assert!(matches!(found.content, 42 | 43), "operation {operation}, seed {seed}: {}", found.content);
                assert_eq!(found.faults, [], "operation {operation}, seed {seed}");
            }
        }
    }
}
