//! Writes an answer on the query's thread.

use super::unsent::Unsent;
use crate::limits::{ANSWER_CHUNK, COMPRESS_FROM, COMPRESS_LEVEL};
use clew_app::AppError;
use clew_app::reads::Turn;
use clew_model::{Context, ErrorKind, ReadError};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use std::io::{self, Write};
use std::sync::Arc;

/// Writes an answer as JSON, compressed where the client takes that and it is worth it.
///
/// # Errors
/// The query was stopped, or the answer given up.
pub(super) fn write(
    answer: &impl Serialize,
    takes_gzip: bool,
    to: &Arc<Unsent>,
    turn: &mut Turn,
) -> Result<(), AppError> {
    let pieces = Pieces { to, turn, buffer: Vec::with_capacity(COMPRESS_FROM.into()), is_first: true, stopped: None };
    let mut coding = Coding { pieces: Some(pieces), gzip: None, takes_gzip };
    let written = serde_json::to_writer(&mut coding, answer).map_err(io::Error::from).and_then(|()| coding.finish());
    match (written, coding.stopped()) {
        (_, Some(stopped)) => Err(stopped),
        (Ok(()), None) => Ok(()),
        (Err(error), None) => {
            Err(ReadError::new(ErrorKind::Internal, format!("the answer could not be written: {error}")).into())
        }
    }
}

/// Compresses from a length on.
struct Coding<'a> {
    /// Where it goes, while it is not compressed.
    pieces: Option<Pieces<'a>>,
    gzip: Option<GzEncoder<Pieces<'a>>>,
    takes_gzip: bool,
}

impl Coding<'_> {
    fn finish(&mut self) -> io::Result<()> {
        if let Some(gzip) = &mut self.gzip {
            gzip.try_finish()?;
        }
        match (&mut self.gzip, &mut self.pieces) {
            (Some(gzip), _) => gzip.get_mut().hand_over(true),
            (None, Some(pieces)) => pieces.hand_over(true),
            (None, None) => Ok(()),
        }
    }

    /// Why writing was stopped.
    fn stopped(self) -> Option<AppError> {
        let own = self.pieces.and_then(|pieces| pieces.stopped);
        own.or(self.gzip.and_then(|mut gzip| gzip.get_mut().stopped.take()))
    }

    fn begin_to_compress(&mut self) -> io::Result<()> {
        let Some(mut pieces) = self.pieces.take() else { return Ok(()) };
        pieces.to.compressed();
        let begun = std::mem::take(&mut pieces.buffer);
        let mut gzip = GzEncoder::new(pieces, Compression::new(COMPRESS_LEVEL.unsigned_abs()));
        let written = gzip.write_all(&begun);
        self.gzip = Some(gzip);
        written
    }
}

impl Write for Coding<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(gzip) = &mut self.gzip {
            return gzip.write(bytes);
        }
        let Some(pieces) = &mut self.pieces else { return Ok(0) };
        let written = pieces.write(bytes)?;
        if self.takes_gzip && pieces.is_first && pieces.buffer.len() > COMPRESS_FROM.into() {
            self.begin_to_compress()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Gathers what is written into pieces.
struct Pieces<'a> {
    to: &'a Arc<Unsent>,
    turn: &'a mut Turn,
    buffer: Vec<u8>,
    is_first: bool,
    stopped: Option<AppError>,
}

impl Pieces<'_> {
    fn hand_over(&mut self, is_last: bool) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut piece = std::mem::replace(&mut self.buffer, Vec::with_capacity(if is_last { 0 } else { ANSWER_CHUNK }));
        piece.shrink_to_fit();
        let is_whole = is_last && self.is_first;
        match self.room(piece.len() as u64, is_whole) {
            Ok(memory) => {
                self.is_first = false;
                self.to.push(piece, memory, is_whole);
                Ok(())
            }
            Err(stopped) => {
                self.stopped = Some(stopped);
                Err(io::ErrorKind::Other.into())
            }
        }
    }

    fn room(&mut self, bytes: u64, is_whole: bool) -> Result<clew_model::Taken, AppError> {
        self.turn.context().check()?;
        if let Some(memory) = self.to.room(bytes, is_whole)? {
            return Ok(memory);
        }
        let to = self.to;
        self.turn.aside(|context: &Context| to.wait_for_room(bytes, is_whole, context))?
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A text may be long beyond all pieces.
        let room = ANSWER_CHUNK.saturating_sub(self.buffer.len()).max(1);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= ANSWER_CHUNK {
            self.hand_over(false)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
