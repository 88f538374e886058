//! Segment files: their names and their making.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clew_host::files::TEMPORARY_SUFFIX;
use clew_host::{Files, WriteFile};

use crate::format::{SEGMENT_HEADER_BYTES, SegmentHeader};

const SUFFIX: &str = ".journal";

/// A segment file and the frames in it: `first ..= last` without a gap but for its holes, or none if `last` is below `first`.
#[derive(Debug, Clone)]
pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) salt: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// The last frame before it, as its header says; `first` - 1 where the header cannot be read.
    pub(crate) previous: u64,
    /// What cannot be read between its frames.
    pub(crate) holes: Vec<Hole>,
    /// Whether any of it is damaged: it is moved aside then, rather than removed.
    pub(crate) is_damaged: bool,
    /// Where the frames end in the file.
    pub(crate) end: u64,
    /// The file's size.
    pub(crate) bytes: u64,
}

/// Frames of a segment that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hole {
    /// Where they begin in the file.
    pub(crate) from: u64,
    /// Where the next good frame begins.
    pub(crate) to: u64,
    /// The last good frame before it.
    pub(crate) after: u64,
    /// The next good frame.
    pub(crate) next: u64,
}

impl Segment {
    pub(crate) fn is_empty(&self) -> bool {
        self.last < self.first
    }
}

/// Names sort as their segments do: `00000000000000000001.journal`.
pub(crate) fn file_name(first: u64) -> String {
    format!("{first:020}{SUFFIX}")
}

/// The first sequence number in a segment's name; nothing if the name is not a segment's.
pub(crate) fn parse_file_name(name: &str) -> Option<u64> {
    let first = name.strip_suffix(SUFFIX)?.parse().ok()?;
    (file_name(first) == name).then_some(first)
}

/// A segment that could not be begun.
pub(crate) struct NotCreated {
    pub(crate) error: io::Error,
    /// Whether the directory may show the new segment, now or after a crash.
    pub(crate) may_exist: bool,
}

/// Makes an empty segment, durable with its name before it can take a frame: so a segment whose header is bad was
/// damaged, never torn. Replaces a file of the same name.
pub(crate) fn create(
    files: &dyn Files,
    dir: &Path,
    header: &SegmentHeader,
) -> Result<(Segment, Arc<dyn WriteFile>), NotCreated> {
    let path = dir.join(file_name(header.first));
    let temporary = dir.join(file_name(header.first) + TEMPORARY_SUFFIX);
    let certainly_not = |error| NotCreated { error, may_exist: false };
    write_synced(files, &temporary, &header.encode()).map_err(|error| {
        // A full disk needs the space back; if this fails too, the next start removes it.
        let _ = files.remove_file(&temporary);
        certainly_not(error)
    })?;
    let finish = || {
        files.rename(&temporary, &path)?;
        files.sync_dir(dir)?;
        files.open_append(&path)
    };
    let file = finish().map_err(|error| NotCreated { error, may_exist: true })?;
    let segment = Segment {
        path,
        salt: header.salt,
        first: header.first,
        last: header.first.saturating_sub(1),
        previous: header.previous,
        holes: Vec::new(),
        is_damaged: false,
        end: SEGMENT_HEADER_BYTES as u64,
        bytes: SEGMENT_HEADER_BYTES as u64,
    };
    Ok((segment, Arc::from(file)))
}

/// The segment that [`create`] would make, where there is no room for it.
pub(crate) fn unmade(dir: &Path, header: &SegmentHeader) -> Segment {
    Segment {
        path: dir.join(file_name(header.first)),
        salt: header.salt,
        first: header.first,
        last: header.first.saturating_sub(1),
        previous: header.previous,
        holes: Vec::new(),
        is_damaged: false,
        end: 0,
        bytes: 0,
    }
}

/// The file of a segment that is not made.
#[derive(Debug)]
pub(crate) struct NoRoom;

impl NoRoom {
    fn error() -> io::Error {
        io::Error::new(io::ErrorKind::StorageFull, "there was no room for a segment of the journal")
    }
}

impl WriteFile for NoRoom {
    fn write_all(&self, _bytes: &[u8]) -> io::Result<()> {
        Err(Self::error())
    }

    fn overwrite_at(&self, _bytes: &[u8], _offset: u64) -> io::Result<()> {
        Err(Self::error())
    }

    fn len(&self) -> u64 {
        0
    }

    fn truncate(&self, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn write_synced(files: &dyn Files, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = files.create(path)?;
    file.write_all(bytes)?;
    file.sync()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(file_name(42), "00000000000000000042.journal");
        assert_eq!(file_name(u64::MAX), "18446744073709551615.journal");
        let check = |name, expected| assert_eq!(parse_file_name(name), expected, "{name}");
        check("00000000000000000042.journal", Some(42));
        check("18446744073709551615.journal", Some(u64::MAX));
        check("99999999999999999999.journal", None);
        check("42.journal", None);
        check("+0000000000000000042.journal", None);
        check("00000000000000000042.journal.tmp", None);
        check("LOCK", None);
    }
}
