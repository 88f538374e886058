//! The data directory: whether it is Clew's, whether it can be used, and that it is used by this process alone.

use crate::error::AppError;
use clew_host::files::LOCK_FILE;
use clew_host::{COPY_SUFFIX, Files, Lock, TEMPORARY_SUFFIX, make_dir, open_twin, write_twin};
use clew_model::{SetAside, Signal};
use std::fmt;
use std::io;
use std::path::Path;

/// The file that says which format a data directory has.
pub(crate) const FORMAT_FILE: &str = "format";

/// The version of the data directory's layout that this program writes. Version 0 is free to change.
const FORMAT_VERSION: u32 = 4;

/// What stands before the version.
const FORMAT_TEXT: &str = "clew data directory, format ";

/// Longest format file that is believed.
const MAX_FORMAT_BYTES: usize = 4 << 10;

/// What a new file system has in an empty folder, a first start that was cut off, or a command that makes a user before
/// the first start.
const NOT_COUNTED: [&str; 3] = ["lost+found", LOCK_FILE, "catalog"];

/// Foreign names that a refusal lists.
const LISTED_NAMES: usize = 5;

/// A directory that this process alone uses.
pub(crate) struct DataDir {
    pub(crate) lock: Box<dyn Lock>,
    /// Its own files that were damaged or missing.
    pub(crate) aside: Vec<SetAside>,
}

/// Why a format file cannot be used.
enum BadFormat {
    /// Another version.
    Version(u32),
    /// Not one of ours, or damaged.
    Unknown,
    /// The disk refuses.
    Io(io::Error),
}

impl fmt::Display for BadFormat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(formatter, "it says format {version}"),
            Self::Unknown => write!(formatter, "it does not say a format"),
            Self::Io(error) => write!(formatter, "{error}"),
        }
    }
}

/// Takes the directory for this process and checks its format. A folder that is neither empty nor Clew's is left as it is.
pub(crate) fn open(files: &dyn Files, dir: &Path) -> Result<DataDir, AppError> {
    let is_known = is_clews(files, dir)?;
    make_dir(files, dir).map_err(|error| refused("create the data directory", dir, error))?;
    let lock = files.lock(dir).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            let what = format!("use the data directory {} (is another Clew running on it?)", dir.display());
            AppError::start(what, error)
        }
        _ => refused("use the data directory", dir, error),
    })?;
    if let Err(error) = files.make_private(dir) {
        tracing::warn!(%error, "others may look into the data directory: its rights cannot be changed");
    }
    let aside = check_format(files, dir, is_known)?;
    Ok(DataDir { lock, aside })
}

/// Whether there are data of ours; an error for a folder with something else in it.
fn is_clews(files: &dyn Files, dir: &Path) -> Result<bool, AppError> {
    let failed = |error| refused("look into the data directory", dir, error);
    if !files.exists(dir).map_err(failed)? {
        return Ok(false);
    }
    let entries = files.list(dir).map_err(failed)?;
    let has = |name: &str| entries.iter().any(|entry| entry.name == name);
    let is_signal = |signal: &Signal| entries.iter().any(|entry| entry.is_dir && entry.name == signal.as_str());
    let has_signals = Signal::ALL.iter().filter(|signal| is_signal(signal)).any(|signal| {
        let inside = files.list(&dir.join(signal.as_str())).unwrap_or_default();
        inside.iter().any(|entry| entry.is_dir && ["store", "journal"].contains(&entry.name.as_str()))
    });
    if has(FORMAT_FILE) || has(&format!("{FORMAT_FILE}{COPY_SUFFIX}")) || has_signals {
        return Ok(true);
    }
    let is_foreign = |name: &&str| !NOT_COUNTED.contains(name) && !name.ends_with(TEMPORARY_SUFFIX);
    let foreign: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).filter(is_foreign).collect();
    if foreign.is_empty() {
        return Ok(false);
    }
    let more = if foreign.len() > LISTED_NAMES { ", …" } else { "" };
    let names = foreign.into_iter().take(LISTED_NAMES).collect::<Vec<_>>().join(", ");
    Err(AppError::start(
        format!("use {} as the data directory", dir.display()),
        format!(
            "it is not empty and not Clew's (it holds {names}{more}); give an empty folder, or one that Clew made, with \
             --data-dir or storage.dir"
        ),
    ))
}

fn check_format(files: &dyn Files, dir: &Path, is_known: bool) -> Result<Vec<SetAside>, AppError> {
    let path = dir.join(FORMAT_FILE);
    let text = format!("{FORMAT_TEXT}{FORMAT_VERSION}\n");
    let write =
        || write_twin(files, &path, text.as_bytes()).map_err(|error| refused("write the format of", dir, error));
    match open_twin(files, &path, MAX_FORMAT_BYTES, read_format, |()| 0) {
        Ok(Some(found)) => {
            Ok(found.faults.into_iter().map(|(file, reason)| SetAside::of_records(file, reason, Some(0))).collect())
        }
        Ok(None) => {
            write()?;
            let reason = "it is not there; what the folder holds says what it is";
            Ok(if is_known { vec![SetAside::of_records(path, reason, Some(0))] } else { Vec::new() })
        }
        Err(BadFormat::Io(error)) => Err(refused("read the format of", dir, error)),
        Err(BadFormat::Version(version)) => Err(AppError::start(format!("open {}", dir.display()), other(version))),
        Err(BadFormat::Unknown) => Err(AppError::start(
            format!("open {}", dir.display()),
            format!(
                "neither the file `{FORMAT_FILE}` in it nor its copy says a format that Clew knows; give another --data-dir, or, \
                 if both were damaged, remove them: each store says what it is"
            ),
        )),
    }
}

fn read_format(bytes: io::Result<&[u8]>) -> Result<(), BadFormat> {
    let text = String::from_utf8_lossy(bytes.map_err(BadFormat::Io)?);
    let version = text.trim().strip_prefix(FORMAT_TEXT).and_then(|text| text.parse::<u32>().ok());
    match version {
        Some(FORMAT_VERSION) => Ok(()),
        Some(version) => Err(BadFormat::Version(version)),
        None => Err(BadFormat::Unknown),
    }
}

fn other(version: u32) -> String {
    if version < FORMAT_VERSION {
        format!(
            "its format is {version}, from before a release, and this Clew reads format {FORMAT_VERSION} alone; begin with an \
             empty directory, or give another --data-dir"
        )
    } else {
        format!(
            "its format is {version}, this Clew reads format {FORMAT_VERSION}; start a newer Clew, or give another --data-dir"
        )
    }
}

/// What the disk refuses, with what a person can do about it.
pub(crate) fn refused(what: &str, dir: &Path, error: io::Error) -> AppError {
    let shown = dir.display();
    let advice = match error.kind() {
        io::ErrorKind::ReadOnlyFilesystem => Some(
            "the file system is read-only: mount it read-write, or give another folder with --data-dir or storage.dir",
        ),
        io::ErrorKind::PermissionDenied => Some(
            "the user that Clew runs as may not write there: give them the folder, or give another with --data-dir",
        ),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("the disk is full: make room, or give another folder with --data-dir or storage.dir")
        }
        io::ErrorKind::NotADirectory => Some("a file is in the way: give a folder with --data-dir or storage.dir"),
        _ => None,
    };
    match advice {
        Some(advice) => AppError::start(format!("{what} {shown} ({advice})"), error),
        None => AppError::start(format!("{what} {shown}"), error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_host::{SimFiles, atomic_write};

    const DIR: &str = "/data";

    fn made() -> SimFiles {
        let files = SimFiles::new();
        open(&files, Path::new(DIR)).map(drop).unwrap();
        files
    }

    fn refusal(files: &SimFiles) -> String {
        open(files, Path::new(DIR)).map(drop).unwrap_err().full_message()
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_left_as_it_is() {
        for name in ["photo.jpg", ".hidden", "logs"] {
            let files = SimFiles::new();
            files.create_dir_all(Path::new(DIR)).unwrap();
            atomic_write(&files, &Path::new(DIR).join(name), b"?").unwrap();
            let message = refusal(&files);
            assert!(message.contains("not empty and not Clew's") && message.contains(name), "{message}");
            assert_eq!(files.list(Path::new(DIR)).unwrap().len(), 1, "{name}");
        }
        // What a new file system has, and what a first start that was cut off left, is nothing.
        let files = SimFiles::new();
        files.create_dir_all(&Path::new(DIR).join("lost+found")).unwrap();
        atomic_write(&files, &Path::new(DIR).join("LOCK"), b"").unwrap();
        assert!(open(&files, Path::new(DIR)).is_ok_and(|opened| opened.aside.is_empty()));
    }

    #[test]
    fn a_format_file_that_is_damaged_or_missing_is_mended_by_its_copy() {
        let path = Path::new(DIR).join(FORMAT_FILE);
        let spoil: [&dyn Fn(&SimFiles); 3] =
            [&|files| files.remove_file(&path).unwrap(), &|files| files.truncate(&path, 4).unwrap(), &|files| {
                atomic_write(files, &path, b"clew data directory, format 9\n").unwrap()
            }];
        for spoil in spoil {
            let files = made();
            spoil(&files);
            assert_eq!(open(&files, Path::new(DIR)).unwrap().aside.len(), 1);
            assert_eq!(open(&files, Path::new(DIR)).unwrap().aside, []);
        }
        let files = made();
        for name in ["format", "format.copy"] {
            atomic_write(&files, &Path::new(DIR).join(name), b"clew data directory, format 9\n").unwrap();
        }
        assert!(refusal(&files).contains("its format is 9"));
    }

    #[test]
    fn a_folder_of_ours_without_a_format_file_is_known_by_what_it_holds() {
        let files = made();
        files.create_dir_all(&Path::new(DIR).join("logs/store")).unwrap();
        for name in ["format", "format.copy"] {
            files.remove_file(&Path::new(DIR).join(name)).unwrap();
        }
        assert_eq!(open(&files, Path::new(DIR)).unwrap().aside.len(), 1);
    }

    #[test]
    fn a_read_only_disk_and_missing_rights_are_called_so() {
        let says = |kind: io::ErrorKind| refused("use", Path::new(DIR), io::Error::from(kind)).full_message();
        assert!(says(io::ErrorKind::ReadOnlyFilesystem).contains("the file system is read-only"));
        assert!(says(io::ErrorKind::PermissionDenied).contains("may not write there"));
        assert!(says(io::ErrorKind::StorageFull).contains("the disk is full"));
    }
}
