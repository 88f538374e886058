//! Reading a journal back at a start: one thread reads and decodes, the one that starts applies.

use super::ledger::Ledger;
use super::pipeline::{FRAME_KIND_RECORDS, PipelineOptions};
use crate::error::AppError;
use crate::limits::REPLAY_BYTES;
use crate::observe::Observer;
use crate::signal::{Needed, ReadFrame, SignalStore, StoreError};
use clew_journal::{Frame, Journal, JournalError, JournalPosition};
use clew_model::ErrorKind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Frames that were read together.
type Frames<S> = Vec<ReadFrame<<S as SignalStore>::Frame>>;

/// Reads the journal from the first position that the store has not sealed or an accumulator has not seen; seals in between
/// when the hot tail grows. Answers how many frames cannot be understood because others of their segment are damaged.
pub(super) fn replay<S: SignalStore>(
    store: &S,
    ledger: &Ledger<S>,
    journal: &Journal,
    observer: &Observer,
    options: &PipelineOptions,
) -> Result<u64, AppError> {
    let sealed = store.sealed_position();
    let from = ledger.position().map_or(sealed, |position| position.min(sealed));
    let failed = |error: StoreError| AppError::start(format!("replay the journal of {}", S::SIGNAL), error.source);
    // One waits while one is applied and one is read.
    let (sender, receiver) = sync_channel(1);
    let (applied, read) = std::thread::scope(|scope| {
        let reader = std::thread::Builder::new().name(format!("{}-replay", S::SIGNAL));
        let decoder = S::Decoder::default();
        let ahead = Ahead::<S> { sealed, ledger, decoder, frames: Vec::new(), bytes: 0, lost: 0, sender };
        let reading = reader.spawn_scoped(scope, || ahead.read(journal, from));
        let reading = reading.map_err(|error| StoreError::new(ErrorKind::Internal, error))?;
        let applied = apply(store, ledger, &receiver, options.maintenance.seal_bytes);
        // Where applying failed, the reader must not wait for room.
        drop(receiver);
        let read = reading.join().map_err(|_| StoreError::new(ErrorKind::Internal, "reading the journal panicked"))?;
        Ok((applied, read))
    })
    .map_err(failed)?;
    let (frames, records) = applied.map_err(failed)?;
    let lost = read.map_err(failed)?;
    // A journal that was lost begins at 1 again: its positions must not fall among those already sealed.
    journal
        .advance_past(JournalPosition(sealed.max(ledger.reached())))
        .map_err(|error| AppError::start(format!("open the journal of {}", S::SIGNAL), error))?;
    observer.replayed(S::SIGNAL, frames, records);
    Ok(lost)
}

/// Applies what is read; answers the frames and the records that the store lacked.
fn apply<S: SignalStore>(
    store: &S,
    ledger: &Ledger<S>,
    read: &Receiver<Frames<S>>,
    seal_bytes: u64,
) -> Result<(u64, u64), StoreError> {
    let mut state = S::Replay::default();
    let (mut count, mut records) = (0u64, 0u64);
    for frame in read.iter().flatten() {
        count += u64::from(frame.needed.apply);
        records += store.replay(&mut state, frame, &mut |position, batch| ledger.add(position, batch))?;
        if store.hot().bytes > seal_bytes {
            match store.seal() {
                // What is stored is served all the same; there is as much more in memory as the journal holds.
                Err(error) if error.kind == ErrorKind::StorageFull => {}
                sealed => drop(sealed?),
            }
        }
    }
    store.finish_replay(state)?;
    Ok((count, records))
}

/// Reads and decodes ahead of what is applied.
struct Ahead<'a, S: SignalStore> {
    sealed: u64,
    ledger: &'a Ledger<S>,
    decoder: S::Decoder,
    frames: Frames<S>,
    /// Bytes of `frames` in the journal.
    bytes: usize,
    /// Frames behind damage that cannot be understood without those that are lost.
    lost: u64,
    sender: SyncSender<Frames<S>>,
}

/// Why reading ended early.
enum Ended {
    Failed(StoreError),
    /// Nobody applies any more, and says why.
    Unwanted,
}

impl From<JournalError> for Ended {
    fn from(error: JournalError) -> Self {
        Self::Failed(error.into())
    }
}

impl<S: SignalStore> Ahead<'_, S> {
    fn read(mut self, journal: &Journal, from: u64) -> Result<u64, StoreError> {
        let replayed = journal.replay(JournalPosition(from), |frame| self.take(&frame));
        match replayed.and_then(|_| self.hand_over()) {
            Ok(()) => Ok(self.lost),
            Err(Ended::Failed(error)) => Err(error),
            Err(Ended::Unwanted) => Ok(0),
        }
    }

    fn take(&mut self, frame: &Frame<'_>) -> Result<(), Ended> {
        if frame.kind != FRAME_KIND_RECORDS {
            return Err(Ended::Failed(unknown_kind(frame.kind, frame.position)));
        }
        let position = frame.position.0;
        let needed = Needed { apply: position > self.sealed, account: self.ledger.lacks(position) };
        let decoded = match S::decode(&mut self.decoder, frame.segment.0, frame.payload, needed) {
            Err(_) if frame.behind_damage => {
                self.lost += u64::from(needed.apply);
                return Ok(());
            }
            decoded => decoded.map_err(Ended::Failed)?,
        };
        if let Some(decoded) = decoded {
            self.frames.push(ReadFrame { position, frame: decoded, needed });
            self.bytes += frame.payload.len();
        }
        if self.bytes >= REPLAY_BYTES { self.hand_over() } else { Ok(()) }
    }

    fn hand_over(&mut self) -> Result<(), Ended> {
        self.bytes = 0;
        self.sender.send(std::mem::take(&mut self.frames)).map_err(|_| Ended::Unwanted)
    }
}

/// What the journal holds was acknowledged: a frame that cannot be understood must not be passed over.
fn unknown_kind(kind: u8, position: JournalPosition) -> StoreError {
    StoreError::new(
        ErrorKind::Corrupt,
        format!(
            "the frame at position {} is of kind {kind}, which this Clew does not know (it knows kind \
             {FRAME_KIND_RECORDS}); a newer Clew wrote it: start that one",
            position.0
        ),
    )
}
