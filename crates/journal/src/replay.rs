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
    /// Positions after `from` that the journal has given out but does not hold: trimmed, skipped as damaged, or passed
    /// over by [`Journal::advance_past`]. Anything but zero where a store asks for what it lacks is a loss to report.
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
        let (segments, last) = self.segments_after(from);
        let mut replayed = Replayed::default();
        let mut given = 0;
        for segment in &segments {
            let files = self.files();
            read_segment(files, segment, &mut |frame: Frame| {
                replayed.frames += 1;
                given += u64::from(frame.position > from);
                take(frame)
            })?;
        }
        self.metrics().replayed_frames.add(replayed.frames);
        replayed.missing = last.0.saturating_sub(from.0).saturating_sub(given);
        Ok(replayed)
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
        match reader.next().map_err(JournalError::from)? {
            Step::Frame { sequence, kind, payload } => take(Frame {
                position: JournalPosition(sequence),
                segment: JournalPosition(segment.first),
                first_in_segment: sequence == segment.first,
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
