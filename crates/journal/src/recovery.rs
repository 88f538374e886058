//! What a journal finds when it is opened, and how it puts it in order.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use clew_host::files::TEMPORARY_SUFFIX;
use clew_host::{Files, make_dir};

use crate::error::JournalError;
use crate::format::{BadHeader, SEGMENT_HEADER_BYTES, SegmentHeader, VERSION};
use crate::journal::Beside;
use crate::limits::{READ_CHUNK_BYTES, SALVAGE_POSITION_GAP};
use crate::mark::{self, Mark, NoMark};
use crate::position::JournalPosition;
use crate::reader::{FrameReader, Step};
use crate::segment::{Hole, Segment, parse_file_name};

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
    /// What was damaged or missing and is not read. Empty unless salvage was asked for.
    pub skipped: Vec<Skipped>,
    /// What is wrong with the mark beside the journal, where there is to be one.
    pub mark_fault: Option<&'static str>,
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

/// Damage that salvage passed over. The file is left as it is until it is trimmed, and then moved aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// The segment file; the journal's directory where none is left.
    pub file: PathBuf,
    /// Where the damage begins, in bytes.
    pub offset: u64,
    /// How many bytes are not read; 0 where they are gone.
    pub bytes: u64,
    /// What is wrong there.
    pub reason: &'static str,
    /// The frames behind this position are lost,
    pub after: JournalPosition,
    /// up to this one; `None` where nobody knows how many there were.
    pub upto: Option<JournalPosition>,
}

impl Skipped {
    /// How many of the lost frames lie behind a position.
    #[must_use]
    pub fn frames_behind(&self, position: u64) -> Option<u64> {
        self.upto.map(|upto| upto.0.saturating_sub(self.after.0.max(position)))
    }
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
pub(crate) fn recover(
    files: &dyn Files,
    dir: &Path,
    salvage: bool,
    beside: Option<&Beside>,
) -> Result<Found, JournalError> {
    make_dir(files, dir)?;
    let mark = beside.map(|beside| mark::read(files, &beside.mark));
    let journal = beside.and_then(|beside| beside.journal);
    let recovery = Recovery::default();
    let mut scan = Scan {
        files,
        dir,
        salvage,
        mark: mark.and_then(Result::ok),
        checked_previous: None,
        open_ends: Vec::new(),
        found: Found { journal, segments: VecDeque::new(), previous: 0, next: 1, recovery },
    };
    let firsts = scan.list()?;
    for (index, first) in firsts.iter().enumerate() {
        scan.segment(*first, index + 1 == firsts.len())?;
    }
    scan.found.recovery.mark_fault = match (mark, scan.found.journal) {
        (Some(Err(NoMark::Damaged)), _) => Some("it is damaged"),
        (Some(Err(NoMark::Missing)), Some(_)) => Some("it is not there"),
        (Some(Ok(mark)), Some(journal)) if mark.journal != journal => Some("it belongs to another journal"),
        _ => None,
    };
    scan.compare_with_mark()?;
    let mut found = scan.found;
    found.recovery.last = JournalPosition(found.next - 1);
    secure_last(files, dir, &mut found)?;
    Ok(found)
}

struct Scan<'a> {
    files: &'a dyn Files,
    dir: &'a Path,
    salvage: bool,
    mark: Option<Mark>,
    /// The last frame of the segment before, if that segment was good to its end.
    checked_previous: Option<u64>,
    /// What was skipped, by its places in the list, of which is not known how far it reached.
    open_ends: Vec<usize>,
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
        let before = first.saturating_sub(1);
        let mut segment = Segment {
            path,
            salt: 0,
            first,
            last: before,
            previous: before,
            holes: Vec::new(),
            is_damaged: false,
            end: bytes,
            bytes,
        };
        let header = SegmentHeader::decode(&file.read_at(0, SEGMENT_HEADER_BYTES)?);
        let header = match self.check_header(header, first, &segment.path)? {
            Ok(header) => header,
            Err(reason) => {
                self.close_ends(before);
                return self.lost(segment, 0, reason);
            }
        };
        (segment.salt, segment.previous) = (header.salt, header.previous);
        self.close_ends(header.previous);
        if let Some(last) = self.checked_previous.filter(|last| *last != header.previous) {
            let reason = "frames missing before this segment";
            self.skip(&segment, (0, 0), reason, last, Some(header.previous))?;
        }
        let mut reader = FrameReader::new(file, &segment);
        loop {
            match reader.next()? {
                Step::Frame { sequence, .. } => segment.last = sequence,
                Step::End => break,
                Step::Bad(reason) => {
                    let offset = reader.offset();
                    if is_last && !self.is_marked(segment.last + 1) && !reader.was_durable()? {
                        let (file, bytes) = (segment.path.clone(), bytes - offset);
                        self.found.recovery.torn_tail = Some(TornTail { file, offset, bytes, reason });
                        break;
                    }
                    let Some(hole) = reader.resume()? else {
                        return self.lost(segment, offset, reason);
                    };
                    self.hole(&mut segment, hole, reason)?;
                }
            }
        }
        segment.end = reader.offset();
        self.found.previous = if segment.is_empty() { header.previous } else { segment.last };
        self.checked_previous = Some(self.found.previous);
        self.take(segment, 0);
        Ok(())
    }

    /// Whether a frame is known to have been acknowledged.
    fn is_marked(&self, sequence: u64) -> bool {
        let mark = self.mark.filter(|mark| Some(mark.journal) == self.found.journal);
        mark.is_some_and(|mark| sequence <= mark.last)
    }

    /// Frames within a segment that cannot be read: an error, or passed over.
    fn hole(&mut self, segment: &mut Segment, hole: Hole, reason: &'static str) -> Result<(), JournalError> {
        let (after, upto) = (hole.after, hole.next.saturating_sub(1));
        segment.is_damaged = true;
        segment.holes.push(hole);
        self.skip(segment, (hole.from, hole.to - hole.from), reason, after, Some(upto))
    }

    /// What was open is known now to have reached to this frame.
    fn close_ends(&mut self, upto: u64) {
        for place in std::mem::take(&mut self.open_ends) {
            if let Some(skipped) = self.found.recovery.skipped.get_mut(place) {
                skipped.upto = Some(JournalPosition(upto.max(skipped.after.0)));
            }
        }
    }

    /// What was acknowledged, as far as that is known, must be there or have been said to be lost.
    fn compare_with_mark(&mut self) -> Result<(), JournalError> {
        let own = self.found.journal;
        let Some(mark) = self.mark.filter(|mark| own.is_none_or(|own| own == mark.journal)) else { return Ok(()) };
        self.found.journal = Some(mark.journal);
        if self.open_ends.is_empty() && mark.last > self.found.previous {
            let reason = "frames that were acknowledged are not there";
            let segment = self.found.segments.back_mut();
            let (file, offset) = match segment {
                Some(segment) => {
                    segment.is_damaged = true;
                    (segment.path.clone(), segment.end)
                }
                None => (self.dir.to_owned(), 0),
            };
            if !self.salvage {
                return Err(JournalError::Corrupt { file, offset, reason });
            }
            let (after, upto) = (JournalPosition(self.found.previous), Some(JournalPosition(mark.last)));
            self.found.recovery.skipped.push(Skipped { file, offset, bytes: 0, reason, after, upto });
        }
        self.close_ends(mark.last);
        self.found.previous = self.found.previous.max(mark.last);
        self.found.next = self.found.next.max(mark.last.saturating_add(1));
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
    fn lost(&mut self, mut segment: Segment, offset: u64, reason: &'static str) -> Result<(), JournalError> {
        let (bytes, last) = (segment.bytes - offset, segment.last);
        self.skip(&segment, (offset, bytes), reason, last, None)?;
        self.open_ends.push(self.found.recovery.skipped.len().saturating_sub(1));
        (segment.end, segment.is_damaged) = (offset, true);
        self.checked_previous = None;
        self.found.previous = self.found.previous.max(last);
        // Nobody knows how many frames there were. If a segment follows, it knows where it begins.
        self.take(segment, SALVAGE_POSITION_GAP);
        Ok(())
    }

    fn skip(
        &mut self,
        segment: &Segment,
        (offset, bytes): (u64, u64),
        reason: &'static str,
        after: u64,
        upto: Option<u64>,
    ) -> Result<(), JournalError> {
        let file = segment.path.clone();
        if !self.salvage {
            return Err(JournalError::Corrupt { file, offset, reason });
        }
        let (after, upto) = (JournalPosition(after), upto.map(JournalPosition));
        self.found.recovery.skipped.push(Skipped { file, offset, bytes, reason, after, upto });
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
