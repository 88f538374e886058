//! Reads the frames of one segment, in bounded memory, trusting nothing.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use clew_host::ReadFile;

use crate::format::{FRAME_HEADER_BYTES, FrameHeader, SEGMENT_HEADER_BYTES};
use crate::limits::READ_CHUNK_BYTES;
use crate::segment::{Hole, Segment};

/// Reads frames in order from a segment's beginning.
pub(crate) struct FrameReader {
    file: Arc<dyn ReadFile>,
    salt: u64,
    /// The sequence number that the next frame must have.
    sequence: u64,
    offset: u64,
    end: u64,
    /// What is passed over, in order; those behind the reader are gone.
    holes: VecDeque<Hole>,
    buffer: Vec<u8>,
    buffer_offset: u64,
}

/// What comes next in a segment.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    Frame {
        sequence: u64,
        kind: u8,
        payload: &'a [u8],
    },
    End,
    /// No frame, from the reader's offset on.
    Bad(&'static str),
}

impl FrameReader {
    /// A reader of the frames before `segment.end`.
    pub(crate) fn new(file: Arc<dyn ReadFile>, segment: &Segment) -> Self {
        Self {
            file,
            salt: segment.salt,
            sequence: segment.first,
            offset: SEGMENT_HEADER_BYTES as u64,
            end: segment.end,
            holes: segment.holes.iter().copied().collect(),
            buffer: Vec::new(),
            buffer_offset: 0,
        }
    }

    /// Where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn next(&mut self) -> io::Result<Step<'_>> {
        while let Some(hole) = self.holes.pop_front_if(|hole| hole.from <= self.offset) {
            (self.offset, self.sequence) = (hole.to, hole.next);
        }
        let remaining = self.end.saturating_sub(self.offset);
        if remaining == 0 {
            return Ok(Step::End);
        }
        if remaining < FRAME_HEADER_BYTES as u64 {
            return Ok(Step::Bad("a frame header that is cut off"));
        }
        let (offset, salt, sequence) = (self.offset, self.salt, self.sequence);
        let Some(header) = FrameHeader::decode(self.bytes(offset, FRAME_HEADER_BYTES)?) else {
            return Ok(Step::Bad("a frame header that is cut off"));
        };
        if header.sequence != sequence {
            return Ok(Step::Bad("no frame where one was expected"));
        }
        if !header.has_allowed_length() {
            return Ok(Step::Bad("a frame with an impossible length"));
        }
        let total = FRAME_HEADER_BYTES + header.length as usize;
        if remaining < total as u64 {
            return Ok(Step::Bad("a frame that is cut off"));
        }
        self.offset = offset.saturating_add(total as u64);
        self.sequence = sequence.saturating_add(1);
        let frame = self.bytes(offset, total)?;
        let payload = frame.get(FRAME_HEADER_BYTES..).unwrap_or_default();
        if header.matches(salt, payload) {
            // Borrowed anew: the borrow above may not outlive the early return.
            let payload = self.buffered(offset, total, FRAME_HEADER_BYTES);
            let kind = header.kind;
            return Ok(Step::Frame { sequence, kind, payload });
        }
        self.offset = offset;
        self.sequence = sequence;
        Ok(Step::Bad("a frame with a wrong checksum"))
    }

    /// After a bad frame: the next good one, behind which reading goes on.
    pub(crate) fn resume(&mut self) -> io::Result<Option<Hole>> {
        let (from, after) = (self.offset, self.sequence.saturating_sub(1));
        let Some((to, next)) = self.find_later(|_| true)? else { return Ok(None) };
        (self.offset, self.sequence) = (to, next);
        Ok(Some(Hole { from, to, after, next }))
    }

    /// After a bad frame: whether a later frame says that this one was durable once. Then it was damaged; otherwise it
    /// was being written when the power failed. Looks at every byte, since frame bounds are lost.
    pub(crate) fn was_durable(&mut self) -> io::Result<bool> {
        let bad = self.sequence;
        Ok(self.find_later(|header| header.durable() >= bad)?.is_some())
    }

    /// The first good frame of a later number that is as wanted: where it begins, and its number.
    fn find_later(&mut self, is_wanted: impl Fn(&FrameHeader) -> bool) -> io::Result<Option<(u64, u64)>> {
        let (bad, first_offset, salt) = (self.sequence, self.offset, self.salt);
        let frames_at_most = (self.end - first_offset) / FRAME_HEADER_BYTES as u64;
        let last_header = self.end.saturating_sub(FRAME_HEADER_BYTES as u64);
        for offset in first_offset..=last_header {
            let Some(header) = FrameHeader::decode(self.bytes(offset, FRAME_HEADER_BYTES)?) else {
                break;
            };
            let distance = header.sequence.wrapping_sub(bad);
            let total = FRAME_HEADER_BYTES as u64 + u64::from(header.length);
            let is_plausible = (1..=frames_at_most).contains(&distance)
                && is_wanted(&header)
                && header.has_allowed_length()
                && total <= self.end - offset;
            if is_plausible {
                let frame = self.bytes(offset, total as usize)?;
                let payload = frame.get(FRAME_HEADER_BYTES..).unwrap_or_default();
                if header.matches(salt, payload) {
                    return Ok(Some((offset, header.sequence)));
                }
            }
        }
        Ok(None)
    }

    /// Bytes of the file, read in chunks. The caller has made sure that they are before `end`.
    fn bytes(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let available = self.buffer_offset.saturating_add(self.buffer.len() as u64);
        let wanted = offset.saturating_add(len as u64);
        if offset < self.buffer_offset || wanted > available {
            let left = self.end.saturating_sub(offset);
            let chunk = len.max(READ_CHUNK_BYTES);
            let chunk = usize::try_from(left).map_or(chunk, |left| left.min(chunk));
            self.buffer = self.file.read_at(offset, chunk)?;
            self.buffer_offset = offset;
            if self.buffer.len() < len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffered(offset, len, 0))
    }

    fn buffered(&self, offset: u64, len: usize, skip: usize) -> &[u8] {
        let start = offset.saturating_sub(self.buffer_offset) as usize;
        let range = start.saturating_add(skip)..start.saturating_add(len);
        self.buffer.get(range).unwrap_or_default()
    }
}
