//! What a journal finds when it is opened, and how it puts it in order.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use clew_host::files::TEMPORARY_SUFFIX;
use clew_host::{Files, make_dir};

use crate::error::JournalError;
use crate::format::{BadHeader, SEGMENT_HEADER_BYTES, SegmentHeader, VERSION};
use crate::limits::{READ_CHUNK_BYTES, SALVAGE_POSITION_GAP};
use crate::position::JournalPosition;
use crate::reader::{FrameReader, Step};
use crate::segment::{Segment, parse_file_name};

/// What was found when a journal was opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Segments read.
    pub segments: usize,
    /// Good frames in them.
    pub frames: u64,
    /// Bytes of those segments.
    pub bytes: u64,
    /// The last position ever given out, as far as known.
    pub last: JournalPosition,
    /// The end that was being written when the machine or the process stopped, now cut off. It was never durable.
    pub torn_tail: Option<TornTail>,
    /// What was damaged and is not read. Empty unless salvage was asked for.
    pub skipped: Vec<Skipped>,
}

/// An end that was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment file.
    pub file: PathBuf,
    /// Where it was cut, in bytes.
    pub offset: u64,
    /// How many bytes went.
    pub bytes: u64,
    /// What was wrong there.
    pub reason: &'static str,
}

/// Damage that salvage passed over. The file is left as it is until it is trimmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The segment file.
    pub file: PathBuf,
    /// Where the damage begins, in bytes.
    pub offset: u64,
    /// How many bytes are not read.
    pub bytes: u64,
    /// What is wrong there.
    pub reason: &'static str,
}

/// A journal's files in order, before its new segment is begun.
pub(crate) struct Found {
    /// The journal's random identity, if there is any segment.
    pub(crate) journal: Option<u64>,
    pub(crate) segments: VecDeque<Segment>,
    /// The last frame before the next.
    pub(crate) previous: u64,
    pub(crate) next: u64,
    pub(crate) recovery: Recovery,
}

/// Reads all segments, cuts off a torn tail, and makes what is left durable.
pub(crate) fn recover(files: &dyn Files, dir: &Path, salvage: bool) -> Result<Found, JournalError> {
    make_dir(files, dir)?;
    let mut scan = Scan {
        files,
        dir,
        salvage,
        checked_previous: None,
        found: Found { journal: None, segments: VecDeque::new(), previous: 0, next: 1, recovery: Recovery::default() },
    };
    let firsts = scan.list()?;
    for (index, first) in firsts.iter().enumerate() {
        scan.segment(*first, index + 1 == firsts.len())?;
    }
    let mut found = scan.found;
    found.recovery.last = JournalPosition(found.next - 1);
    secure_last(files, dir, &mut found)?;
    Ok(found)
}

struct Scan<'a> {
    files: &'a dyn Files,
    dir: &'a Path,
    salvage: bool,
    /// The last frame of the segment before, if that segment was good.
    checked_previous: Option<u64>,
    found: Found,
}

impl Scan<'_> {
    /// The segments' first sequence numbers in order. Removes what an interrupted creation left.
    fn list(&self) -> io::Result<Vec<u64>> {
        let mut firsts = Vec::new();
        for entry in self.files.list(self.dir)? {
            if let Some(first) = parse_file_name(&entry.name) {
                firsts.push(first);
            } else if let Some(name) = entry.name.strip_suffix(TEMPORARY_SUFFIX)
                && parse_file_name(name).is_some()
            {
                self.files.remove_file(&self.dir.join(entry.name))?;
            }
        }
        firsts.sort_unstable();
        Ok(firsts)
    }

    fn segment(&mut self, first: u64, is_last: bool) -> Result<(), JournalError> {
        let path = self.dir.join(crate::segment::file_name(first));
        let file = self.files.open(&path)?;
        let bytes = file.len()?;
        self.found.recovery.segments += 1;
        self.found.recovery.bytes += bytes;
        let mut segment = Segment { path, salt: 0, first, last: first.saturating_sub(1), end: bytes, bytes };
        let header = SegmentHeader::decode(&file.read_at(0, SEGMENT_HEADER_BYTES)?);
        let header = match self.check_header(header, first, &segment.path)? {
            Ok(header) => header,
            Err(reason) => return self.damaged(segment, 0, reason),
        };
        segment.salt = header.salt;
        if self.checked_previous.is_some_and(|last| last != header.previous) {
            self.report(&segment, 0, 0, "frames missing before this segment")?;
        }
        let mut reader = FrameReader::new(file, &segment);
        let reason = loop {
            match reader.next()? {
                Step::Frame { sequence, .. } => segment.last = sequence,
                Step::End => break None,
                Step::Bad(reason) => break Some(reason),
            }
        };
        let good = reader.offset();
        match reason {
            Some(reason) if !is_last || reader.was_durable()? => {
                return self.damaged(segment, good, reason);
            }
            Some(reason) => {
                self.found.recovery.torn_tail =
                    Some(TornTail { file: segment.path.clone(), offset: good, bytes: bytes - good, reason });
            }
            None => {}
        }
        segment.end = good;
        self.found.previous = if segment.is_empty() { header.previous } else { segment.last };
        self.checked_previous = Some(self.found.previous);
        self.take(segment, 0);
        Ok(())
    }

    /// The header, or why it is none of this journal's.
    fn check_header(
        &mut self,
        header: Result<SegmentHeader, BadHeader>,
        first: u64,
        path: &Path,
    ) -> Result<Result<SegmentHeader, &'static str>, JournalError> {
        let header = match header {
            Ok(header) => header,
            Err(BadHeader::Damaged(reason)) => return Ok(Err(reason)),
            Err(BadHeader::Newer(version)) => {
                return Err(JournalError::NewerFormat { file: path.to_owned(), version, supported: VERSION });
            }
        };
        if header.first != first {
            return Ok(Err("segment header that does not fit the file's name"));
        }
        let journal = *self.found.journal.get_or_insert(header.journal);
        if journal != header.journal {
            return Ok(Err("segment of another journal"));
        }
        Ok(Ok(header))
    }

    /// A segment whose bytes from `offset` on cannot be trusted: an error, or passed over.
    fn damaged(&mut self, mut segment: Segment, offset: u64, reason: &'static str) -> Result<(), JournalError> {
        let lost = segment.bytes - offset;
        self.report(&segment, offset, lost, reason)?;
        segment.end = offset;
        self.checked_previous = None;
        // Nobody knows how many frames there were. If a segment follows, it knows where it begins.
        self.take(segment, SALVAGE_POSITION_GAP);
        self.found.previous = self.found.next - 1;
        Ok(())
    }

    fn report(&mut self, segment: &Segment, offset: u64, bytes: u64, reason: &'static str) -> Result<(), JournalError> {
        let file = segment.path.clone();
        if !self.salvage {
            return Err(JournalError::Corrupt { file, offset, reason });
        }
        self.found.recovery.skipped.push(Skipped { file, offset, bytes, reason });
        Ok(())
    }

    fn take(&mut self, segment: Segment, possible_frames: u64) {
        let next = segment.last.saturating_add(1);
        let frames = next.saturating_sub(segment.first);
        self.found.recovery.frames += frames;
        self.found.next = next.saturating_add(possible_frames);
        self.found.segments.push_back(segment);
    }
}

/// Makes the last segment durable without its torn tail. An empty one is dropped from the list: the new segment takes
/// its name and place.
fn secure_last(files: &dyn Files, dir: &Path, found: &mut Found) -> io::Result<()> {
    let is_damaged = |segment: &Segment| {
        let skipped = &mut found.recovery.skipped.iter();
        skipped.any(|skipped| skipped.file == segment.path && skipped.bytes > 0)
    };
    let Some(last) = found.segments.back_mut() else {
        return Ok(());
    };
    if is_damaged(last) {
        return Ok(());
    }
    if last.is_empty() {
        found.segments.pop_back();
        return Ok(());
    }
    match copy_over(files, dir, last) {
        Err(full) if JournalError::is_storage_full_kind(full.kind()) => {
            rewrite_in_place(files, dir, last)?;
        }
        other => other?,
    }
    last.bytes = last.end;
    Ok(())
}

/// Copies the good bytes into a new file that takes the place of the old. Cutting the old one off would not do: if the
/// process before died of a failed sync, the kernel may show bytes that it will never write, and call them clean.
fn copy_over(files: &dyn Files, dir: &Path, segment: &Segment) -> io::Result<()> {
    let mut name = segment.path.clone().into_os_string();
    name.push(TEMPORARY_SUFFIX);
    let temporary = PathBuf::from(name);
    let copied = files.create(&temporary).and_then(|target| {
        for_each_chunk(files, segment, |bytes, _| target.write_all(bytes))?;
        target.sync()
    });
    if copied.is_err() {
        // Gives a full disk its space back; if this fails too, the next start removes it.
        let _ = files.remove_file(&temporary);
    }
    copied?;
    files.rename(&temporary, &segment.path)?;
    files.sync_dir(dir)
}

/// The same without room for a copy: every byte is written again, so that the sync has to write it.
fn rewrite_in_place(files: &dyn Files, dir: &Path, segment: &Segment) -> io::Result<()> {
    let target = files.open_append(&segment.path)?;
    target.truncate(segment.end)?;
    for_each_chunk(files, segment, |bytes, offset| target.overwrite_at(bytes, offset))?;
    target.sync()?;
    files.sync_dir(dir)
}

fn for_each_chunk(
    files: &dyn Files,
    segment: &Segment,
    mut write: impl FnMut(&[u8], u64) -> io::Result<()>,
) -> io::Result<()> {
    let source = files.open(&segment.path)?;
    let mut offset = 0;
    while offset < segment.end {
        let left = usize::try_from(segment.end - offset).unwrap_or(usize::MAX);
        let mut bytes = vec![0; left.min(READ_CHUNK_BYTES)];
        source.read_exact_at(&mut bytes, offset)?;
        write(&bytes, offset)?;
        offset += bytes.len() as u64;
    }
    Ok(())
}
