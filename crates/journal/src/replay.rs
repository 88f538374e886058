//! Giving back what a journal holds.

use clew_host::Files;

use crate::error::JournalError;
use crate::journal::Journal;
use crate::position::JournalPosition;
use crate::reader::{FrameReader, Step};
use crate::segment::Segment;

/// A frame, as it was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Where it stands.
    pub position: JournalPosition,
    /// Its segment, by the segment's first position: as it was in [`AppendSlot`](crate::AppendSlot).
    pub segment: JournalPosition,
    /// Whether a stateful decoder must begin anew.
    pub first_in_segment: bool,
    /// Whether frames of its segment before it are damaged: a stateful decoder may not understand it.
    pub behind_damage: bool,
    /// The caller's mark.
    pub kind: u8,
    /// The caller's bytes.
    pub payload: &'a [u8],
}

/// What a replay gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Frames given, those up to `from` included.
    pub frames: u64,
    /// Frames after `from` that the journal has acknowledged but does not hold, as far as that is known: trimmed, or
    /// damaged. Anything but zero where a store asks for what it lacks is a loss to report.
    pub missing: u64,
}

impl Journal {
    /// Gives every frame after `from`, in order, beginning with the first frame of the segment that holds the first of
    /// them, since stateful decoders need it: skip those up to `from`. Frames appended after the call began are not
    /// given. Holds one frame in memory. Do not trim meanwhile.
    ///
    /// Stops at the first error of `take`, and with [`JournalError::Corrupt`] at bytes that have changed since the
    /// journal was opened.
    pub fn replay<E: From<JournalError>>(
        &self,
        from: JournalPosition,
        mut take: impl FnMut(Frame<'_>) -> Result<(), E>,
    ) -> Result<Replayed, E> {
        let (segments, _) = self.segments_after(from);
        let mut replayed = Replayed::default();
        for segment in &segments {
            let files = self.files();
            read_segment(files, segment, &mut |frame: Frame| {
                replayed.frames += 1;
                take(frame)
            })?;
        }
        self.metrics().replayed_frames.add(replayed.frames);
        replayed.missing = self.missing_behind(from);
        Ok(replayed)
    }

    /// Frames behind a position that the journal has acknowledged but does not hold, as far as that is known.
    pub fn missing_behind(&self, position: JournalPosition) -> u64 {
        let (segments, acknowledged) = self.segments_after(position);
        // The last frame that is there or, before the first, is not asked for.
        let (mut before, mut missing) = (position.0, 0u64);
        for segment in &segments {
            missing = missing.saturating_add(segment.previous.saturating_sub(before));
            for hole in &segment.holes {
                let upto = hole.next.saturating_sub(1);
                missing = missing.saturating_add(upto.saturating_sub(hole.after.max(position.0)));
            }
            before = before.max(segment.previous).max(segment.last);
        }
        missing.saturating_add(acknowledged.saturating_sub(before))
    }
}

fn read_segment<E: From<JournalError>>(
    files: &dyn Files,
    segment: &Segment,
    take: &mut impl FnMut(Frame<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let file = files.open(&segment.path).map_err(JournalError::from)?;
    let mut reader = FrameReader::new(file, segment);
    loop {
        let offset = reader.offset();
        let holes = segment.holes.as_slice();
        match reader.next().map_err(JournalError::from)? {
            Step::Frame { sequence, kind, payload } => take(Frame {
                position: JournalPosition(sequence),
                segment: JournalPosition(segment.first),
                first_in_segment: sequence == segment.first,
                behind_damage: holes.iter().any(|hole| hole.next <= sequence),
                kind,
                payload,
            })?,
            Step::End => return Ok(()),
            Step::Bad(reason) => {
                return Err(E::from(JournalError::Corrupt { file: segment.path.clone(), offset, reason }));
            }
        }
    }
}
