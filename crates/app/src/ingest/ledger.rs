//! The accumulators of a signal and how far each has come, on disk beside the store.
//!
//! Of each accumulator a file holds its state after the journal position that stands in the file. It is written after a
//! seal and before the journal is trimmed, and the journal keeps what any of them lacks: so after a crash the frames behind
//! the position are given to it again, whether the store has sealed them or not, and none is counted twice or not at all.
//!
//! A file is a container `CLTA`: section 1 the journal position (8 bytes), section 2 the state.

use super::rooms::Accumulator;
use crate::error::AppError;
use crate::limits::MAX_CHECKPOINT_BYTES;
use crate::signal::{SignalStore, StoreError};
use clew_columns::ColumnsError;
use clew_columns::container::{Container, ContainerBuilder};
use clew_host::{Files, atomic_write, make_dir, move_aside};
use clew_model::{ErrorKind, SetAside};
use parking_lot::Mutex;
use std::io::ErrorKind as ErrorKindOfIo;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MAGIC: [u8; 4] = *b"CLTA";
const SUFFIX: &str = ".checkpoint";
const POSITION: u32 = 1;
const STATE: u32 = 2;

/// The accumulators of one signal.
pub(crate) struct Ledger<S: SignalStore> {
    files: Arc<dyn Files>,
    dir: PathBuf,
    accounts: Vec<Arc<dyn Accumulator<S::Batch>>>,
    /// Of each, the position of the last frame it took. Held while one takes a frame, so that a checkpoint fits its position.
    positions: Mutex<Vec<u64>>,
}

impl<S: SignalStore> Ledger<S> {
    /// Restores each accumulator from its file below `dir`. One without a file begins at `sealed`, and has a file when this
    /// returns, so that it will not begin there again. Files of accumulators that are no more are removed: the journal does
    /// not keep what they lack.
    pub(crate) fn open(
        files: Arc<dyn Files>,
        dir: PathBuf,
        accounts: Vec<Arc<dyn Accumulator<S::Batch>>>,
        sealed: u64,
        had_checkpoints: bool,
        aside: &mut Vec<SetAside>,
    ) -> Result<Self, AppError> {
        let start = |error| AppError::start(format!("restore what was accumulated of {}", S::SIGNAL), error);
        let mut positions = Vec::with_capacity(accounts.len());
        let mut is_new = false;
        for account in &accounts {
            let file = path(&dir, account.name());
            let read = read(&*files, &file);
            let restored = read.and_then(|state| match state {
                Some((position, state)) => account.restore(&state).map(|()| Some(position)),
                None => Ok(None),
            });
            let position = match restored {
                Ok(None) if had_checkpoints => {
                    let reason = "it is not there: what was accumulated begins anew";
                    aside.push(SetAside::of_records(file, reason, Some(0)));
                    None
                }
                Ok(position) => position,
                Err(error) if error.kind == ErrorKind::Corrupt => {
                    let reason = format!("{}: what was accumulated begins anew", error.source);
                    aside.push(SetAside::of_records(move_aside(&*files, &file), reason, Some(0)));
                    None
                }
                Err(error) => return Err(start(error.source)),
            };
            is_new |= position.is_none();
            positions.push(position.unwrap_or(sealed));
        }
        remove_others(&*files, &dir, &accounts).map_err(|error| start(error.into()))?;
        let ledger = Self { files, dir, accounts, positions: Mutex::new(positions) };
        if is_new {
            match ledger.write() {
                // The next seal writes it, or the next start begins where this one does.
                Err(error) if error.kind != ErrorKind::StorageFull => return Err(start(error.source)),
                _ => {}
            }
        }
        Ok(ledger)
    }

    /// Whether something accumulated has a checkpoint.
    pub(crate) fn has_checkpoints(&self) -> bool {
        !self.accounts.is_empty()
    }

    /// The position behind which frames are needed; `None` without accumulators.
    pub(crate) fn position(&self) -> Option<u64> {
        self.positions.lock().iter().copied().min()
    }

    /// Whether one of them has not had the frame at this position.
    pub(crate) fn lacks(&self, position: u64) -> bool {
        self.positions.lock().iter().any(|own| *own < position)
    }

    /// The last position that any of them has had; 0 without accumulators.
    pub(crate) fn reached(&self) -> u64 {
        self.positions.lock().iter().copied().max().unwrap_or(0)
    }

    /// Gives a frame to those that have not had it.
    pub(crate) fn add(&self, position: u64, batch: &S::Batch) {
        if self.accounts.is_empty() {
            return;
        }
        let mut positions = self.positions.lock();
        for (account, own) in self.accounts.iter().zip(positions.iter_mut()) {
            if *own < position {
                account.add(batch);
                *own = position;
            }
        }
    }

    /// Writes all states; answers the position up to which the journal is no longer needed for them.
    pub(crate) fn write(&self) -> Result<Option<u64>, StoreError> {
        if self.accounts.is_empty() {
            return Ok(None);
        }
        make_dir(&*self.files, &self.dir).map_err(io)?;
        let (positions, states): (Vec<u64>, Vec<Vec<u8>>) = {
            let positions = self.positions.lock();
            (positions.clone(), self.accounts.iter().map(|account| account.checkpoint()).collect())
        };
        for ((account, position), state) in self.accounts.iter().zip(&positions).zip(&states) {
            let bytes = encode(*position, state);
            atomic_write(&*self.files, &path(&self.dir, account.name()), &bytes).map_err(io)?;
        }
        Ok(positions.into_iter().min())
    }
}

/// Removes the files of accumulators that are not among these.
fn remove_others<B>(files: &dyn Files, dir: &Path, accounts: &[Arc<dyn Accumulator<B>>]) -> std::io::Result<()> {
    if !files.exists(dir)? {
        return Ok(());
    }
    let mut is_changed = false;
    for entry in files.list(dir)? {
        let name = entry.name.strip_suffix(SUFFIX);
        if name.is_some_and(|name| accounts.iter().all(|account| account.name() != name)) {
            files.remove_file(&dir.join(&entry.name))?;
            is_changed = true;
        }
    }
    if is_changed { files.sync_dir(dir) } else { Ok(()) }
}

fn io(error: std::io::Error) -> StoreError {
    let is_full = matches!(error.kind(), ErrorKindOfIo::StorageFull | ErrorKindOfIo::QuotaExceeded);
    StoreError::new(if is_full { ErrorKind::StorageFull } else { ErrorKind::Internal }, error)
}

fn path(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{name}{SUFFIX}"))
}

fn encode(position: u64, state: &[u8]) -> Vec<u8> {
    let mut container = ContainerBuilder::new(MAGIC);
    container.section(POSITION, &position.to_le_bytes());
    container.section(STATE, state);
    container.finish()
}

/// The position and the state in a file; `None` when there is no file.
fn read(files: &dyn Files, path: &Path) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    if !files.exists(path).map_err(io)? {
        return Ok(None);
    }
    let file = files.open(path).map_err(io)?;
    let length = file.len().map_err(io)?;
    let length = usize::try_from(length).ok().filter(|length| *length <= MAX_CHECKPOINT_BYTES);
    let length = length.ok_or_else(|| StoreError::new(ErrorKind::Corrupt, "the checkpoint is too long"))?;
    let decoded = decode(&file.read_at(0, length).map_err(io)?);
    decoded.map(Some).map_err(|error| {
        let is_newer = matches!(error, ColumnsError::Version { .. });
        StoreError::new(if is_newer { ErrorKind::Unsupported } else { ErrorKind::Corrupt }, error)
    })
}

fn decode(bytes: &[u8]) -> Result<(u64, Vec<u8>), ColumnsError> {
    let container = Container::open(bytes, MAGIC)?;
    let position = container.required(POSITION)?.try_into().map(u64::from_le_bytes);
    let wrong = ColumnsError::Inconsistent { what: "checkpoint", reason: "its position has not eight bytes" };
    Ok((position.map_err(|_| wrong)?, container.section(STATE)?.unwrap_or_default().to_vec()))
}
