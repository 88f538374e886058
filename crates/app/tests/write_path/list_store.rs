//! A store as plain as can be: a list of numbers. It keeps state within a journal segment, as metrics do, and does on
//! demand what a store may do at its worst.

use clew_app::signal::{Account, Dropped, Hot, Needed, OnDisk, ReadFrame, Removed, Sealed, SignalStore, StoreError};
use clew_journal::AppendSlot;
use clew_model::{ErrorKind, Signal, TenantId, UnixNanos};
use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

/// What is asked of the store, and what it holds.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Sealed numbers, with the journal position they reach.
    pub sealed: Vec<u32>,
    pub position: u64,
    pub hot: Vec<u32>,
    applied: u64,
    /// Writers wait in `apply` while this is set.
    pub is_held: bool,
    /// Every seal fails.
    pub fails_to_seal: bool,
    /// A number that makes `apply` panic.
    pub poison: Option<u32>,
}

/// The store; clones are handles to the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListStore {
    pub state: Arc<Mutex<State>>,
    pub changed: Arc<Condvar>,
}

impl ListStore {
    /// What a restart finds: the sealed numbers.
    pub(crate) fn reopened(&self) -> Self {
        let state = self.state.lock();
        let (sealed, position) = (state.sealed.clone(), state.position);
        let state = State { sealed, position, applied: position, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)), changed: Arc::default() }
    }

    /// Everything that is readable, in the order in which it was applied.
    pub(crate) fn all(&self) -> Vec<u32> {
        let state = self.state.lock();
        state.sealed.iter().chain(&state.hot).copied().collect()
    }

    pub(crate) fn hold(&self, is_held: bool) {
        self.state.lock().is_held = is_held;
        self.changed.notify_all();
    }
}

/// Differences to the last number of the segment.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    segment: u64,
    last: u32,
}

impl Differences {
    fn begin_if_new(&mut self, segment: u64) {
        if self.segment != segment {
            *self = Self { segment, last: 0 };
        }
    }
}

impl SignalStore for ListStore {
    const SIGNAL: Signal = Signal::Logs;
    type Records = Vec<u32>;
    type Batch = Vec<u32>;
    type Writer = Differences;
    type Decoder = Differences;
    type Frame = Vec<u32>;
    type Replay = ();

    fn writer(&self) -> Differences {
        Differences::default()
    }

    fn count(records: &Vec<u32>) -> u64 {
        records.len() as u64
    }

    /// A kibibyte each: what one permit of the queue stands for.
    fn memory(records: &Vec<u32>) -> usize {
        records.len() * 1024
    }

    fn encode(&self, _tenant: TenantId, records: Vec<u32>) -> Result<Vec<u32>, StoreError> {
        Ok(records)
    }

    fn append(
        writer: &mut Differences,
        slot: AppendSlot,
        records: &mut Vec<u32>,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError> {
        if slot.first_in_segment {
            *writer = Differences::default();
        }
        writer.begin_if_new(slot.segment.0);
        for number in records {
            out.extend(number.wrapping_sub(writer.last).to_le_bytes());
            writer.last = *number;
        }
        Ok(())
    }

    fn publish(&self, position: u64, records: &mut Vec<u32>) -> Result<Dropped, StoreError> {
        let mut state = self.state.lock();
        while state.is_held {
            self.changed.wait(&mut state);
        }
        assert!(state.poison.is_none_or(|poison| !records.contains(&poison)), "a bug of the store");
        assert!(position > state.applied, "frames come in journal order, each once");
        state.applied = position;
        state.hot.extend(&*records);
        Ok(Dropped::default())
    }

    fn decode(
        decoder: &mut Differences,
        segment: u64,
        frame: &[u8],
        _needed: Needed,
    ) -> Result<Option<Vec<u32>>, StoreError> {
        decoder.begin_if_new(segment);
        let mut records = Vec::new();
        for bytes in frame.chunks(4) {
            let bytes = bytes.try_into().map_err(|error| StoreError::new(ErrorKind::Corrupt, error))?;
            decoder.last = decoder.last.wrapping_add(u32::from_le_bytes(bytes));
            records.push(decoder.last);
        }
        Ok(Some(records))
    }

    fn replay(
        &self,
        _state: &mut (),
        ReadFrame { position, frame: mut records, needed }: ReadFrame<Vec<u32>>,
        account: Account<'_, Vec<u32>>,
    ) -> Result<u64, StoreError> {
        if needed.account {
            account(position, &records);
        }
        if !needed.apply {
            return Ok(0);
        }
        self.publish(position, &mut records)?;
        Ok(records.len() as u64)
    }

    fn sealed_position(&self) -> u64 {
        self.state.lock().position
    }

    fn kept_from(&self) -> UnixNanos {
        UnixNanos::MIN
    }

    fn hot(&self) -> Hot {
        let records = self.state.lock().hot.len() as u64;
        Hot { records, bytes: records * 1024, needs_seal: records > 0 }
    }

    fn on_disk(&self) -> OnDisk {
        OnDisk::default()
    }

    fn seal(&self) -> Result<Sealed, StoreError> {
        let mut state = self.state.lock();
        if state.fails_to_seal {
            return Err(StoreError::new(ErrorKind::StorageFull, "no space left on device"));
        }
        let hot = std::mem::take(&mut state.hot);
        let records = hot.len() as u64;
        state.sealed.extend(hot);
        state.position = state.applied;
        Ok(Sealed { position: state.position, records, ..Sealed::default() })
    }

    fn compact(&self) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn retain(&self, _: UnixNanos, _: Option<u64>) -> Result<Removed, StoreError> {
        Ok(Removed::default())
    }
}
