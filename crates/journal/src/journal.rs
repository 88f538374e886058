//! Appending, syncing, rotating, trimming.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use clew_host::{Files, Random, WriteFile, move_aside};

use crate::error::JournalError;
use crate::format::{FrameHeader, SegmentHeader};
use crate::limits::{DEFAULT_SEGMENT_BYTES, MAX_PAYLOAD_BYTES, MAX_RETAINED_BUFFER_BYTES};
use crate::mark::MarkFile;
use crate::metrics::JournalMetrics;
use crate::position::JournalPosition;
use crate::recovery::{self, Recovery};
use crate::segment::{self, Segment};

/// How a journal works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// A segment that has reached this size in bytes is closed and the next begun.
    pub segment_bytes: u64,
    /// Open a damaged journal, passing over what is damaged: see [`Recovery::skipped`].
    pub salvage: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: DEFAULT_SEGMENT_BYTES, salvage: false }
    }
}

/// The place that a frame is about to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendSlot {
    /// Where the frame will stand.
    pub position: JournalPosition,
    /// Its segment, by the segment's first position.
    pub segment: JournalPosition,
    /// Whether a stateful encoder must begin anew: at a segment's first frame. An append that failed after the encoder
    /// ran is followed by a new segment, so that the encoder's state and the frames on disk agree.
    pub first_in_segment: bool,
}

/// What a journal holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// Segment files.
    pub segments: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The first position that is still held, or the next to come if none is.
    pub first: JournalPosition,
    /// The last position appended.
    pub last: JournalPosition,
    /// The last position known to be durable.
    pub synced: JournalPosition,
}

/// What is known of a journal, and kept, outside its directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beside {
    /// The file that says how far the journal was acknowledged; made where it is missing.
    pub mark: PathBuf,
    /// The journal's identity, if somebody has written it down: segments of another are damage.
    pub journal: Option<u64>,
}

/// A write-ahead log in a directory of its own. All calls may come from any thread; appends go on while a sync runs.
#[derive(Debug)]
pub struct Journal {
    files: Arc<dyn Files>,
    random: Arc<dyn Random>,
    dir: PathBuf,
    options: Options,
    metrics: JournalMetrics,
    // Locks are taken in this order. `syncing` lets one sync at a time reach the file: a failed sync is told to one
    // caller only, and nobody else may take its frames for durable.
    mark: Option<MarkFile>,
    trimming: Mutex<()>,
    syncing: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The journal's identity.
    journal: u64,
    /// Closed segments, all durable, oldest first.
    closed: VecDeque<Segment>,
    current: Segment,
    /// The disk had no room for the current segment, which is not there yet.
    is_unmade: bool,
    file: Arc<dyn WriteFile>,
    /// The last frame appended, or that which the journal's history names.
    previous: u64,
    next: u64,
    /// Everything up to here is durable.
    synced: u64,
    /// An encoder has run for a frame that did not come to be.
    encoder_is_ahead: bool,
    /// A partial frame was cut off the current segment: until the cut is durable a crash may bring it back.
    has_cut: bool,
    failure: Option<Arc<str>>,
    payload: Vec<u8>,
    frame: Vec<u8>,
}

impl Journal {
    /// Opens the journal in `dir`, making it if need be; cuts off a torn tail, makes what is left durable and begins a
    /// new segment. Nobody else may use the directory.
    ///
    /// [`JournalError::Corrupt`] when bytes that had been durable are damaged or missing, unless salvage is asked for.
    pub fn open(
        files: Arc<dyn Files>,
        random: Arc<dyn Random>,
        dir: &Path,
        options: Options,
        metrics: JournalMetrics,
    ) -> Result<(Self, Recovery), JournalError> {
        Self::open_beside(files, random, dir, options, metrics, None)
    }

    /// As [`Journal::open`], compared with what is written down beside it: frames that were acknowledged and are not there
    /// are damage too.
    pub fn open_beside(
        files: Arc<dyn Files>,
        random: Arc<dyn Random>,
        dir: &Path,
        options: Options,
        metrics: JournalMetrics,
        beside: Option<&Beside>,
    ) -> Result<(Self, Recovery), JournalError> {
        let found = recovery::recover(&*files, dir, options.salvage, beside)?;
        let header = SegmentHeader {
            journal: found.journal.unwrap_or_else(|| random.u64()),
            salt: random.u64(),
            first: found.next,
            previous: found.previous,
        };
        let (current, file, is_unmade) = match segment::create(&*files, dir, &header) {
            Ok((segment, file)) => (segment, file, false),
            // What is held can be read all the same; the segment is made when a frame comes and there is room.
            Err(failed) if JournalError::is_storage_full_kind(failed.error.kind()) && !failed.may_exist => {
                (segment::unmade(dir, &header), Arc::new(segment::NoRoom) as Arc<dyn WriteFile>, true)
            }
            Err(failed) => return Err(failed.error.into()),
        };
        let mark = beside.and_then(|beside| MarkFile::open(&*files, &beside.mark, header.journal, found.previous).ok());
        let recovery = found.recovery;
        metrics.torn_tails.add(u64::from(recovery.torn_tail.is_some()));
        let skipped = recovery.skipped.iter().map(|skipped| skipped.bytes);
        metrics.skipped_bytes.add(skipped.sum());
        let state = State {
            journal: header.journal,
            closed: found.segments,
            current,
            is_unmade,
            file,
            previous: found.previous,
            next: found.next,
            synced: found.next - 1,
            encoder_is_ahead: false,
            has_cut: false,
            failure: None,
            payload: Vec::new(),
            frame: Vec::new(),
        };
        let journal = Self {
            files,
            random,
            dir: dir.to_owned(),
            options,
            metrics,
            mark,
            trimming: Mutex::default(),
            syncing: Mutex::default(),
            state: Mutex::new(state),
        };
        journal.show(&lock(&journal.state));
        Ok((journal, recovery))
    }

    /// Appends a frame. It is durable after the next [`sync`](Self::sync).
    pub fn append(&self, kind: u8, payload: &[u8]) -> Result<JournalPosition, JournalError> {
        self.append_with(kind, |_, bytes| {
            bytes.extend_from_slice(payload);
            Ok(())
        })
    }

    /// Appends a frame whose payload `encode` writes into the empty buffer it is given. It runs under the journal's
    /// lock, so frames are encoded in the order in which they stand.
    ///
    /// After an error nothing was appended. [`JournalError::StorageFull`] may pass; see [`AppendSlot`] for what a
    /// stateful encoder meets then.
    pub fn append_with(
        &self,
        kind: u8,
        encode: impl FnOnce(AppendSlot, &mut Vec<u8>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
    ) -> Result<JournalPosition, JournalError> {
        let mut state = self.state_with_room()?;
        let result = state.append(kind, encode);
        match &result {
            Ok(_) => {
                self.metrics.appended_bytes.add(state.frame.len() as u64);
                self.metrics.appended_frames.inc();
            }
            Err(_) => self.metrics.append_failures.inc(),
        }
        state.forget_big_buffers();
        result
    }

    /// Makes every frame appended before the call durable and gives the last of them. Appends may go on meanwhile.
    ///
    /// After a failure the journal is [`JournalError::Poisoned`]: a second sync could succeed without the frames.
    pub fn sync(&self) -> Result<JournalPosition, JournalError> {
        let _turn = lock(&self.syncing);
        self.sync_in_turn()
    }

    /// Closes the current segment, unless it is empty, so that [`trim`](Self::trim) may remove it.
    pub fn rotate(&self) -> Result<(), JournalError> {
        self.rotate_if(|_| true)
    }

    /// Lets the next position be above `upto`, whatever the journal holds. A store that knows a position the journal
    /// does not (its directory was lost) must call this, or its next frames pass for known ones.
    pub fn advance_past(&self, upto: JournalPosition) -> Result<(), JournalError> {
        let _turn = lock(&self.syncing);
        self.sync_in_turn()?;
        let mut state = lock(&self.state);
        if state.next > upto.0 {
            return Ok(());
        }
        let first = upto.0.checked_add(1).ok_or(JournalError::OutOfPositions)?;
        if state.is_unmade {
            (state.next, state.synced) = (first, upto.0);
            return Ok(());
        }
        self.begin_segment(&mut state, first)
    }

    /// Removes the segments, oldest first, whose every frame is at or before `upto`; never the current one. Gives their
    /// number. Each removal is made durable before the next, so that a crash leaves no gap.
    pub fn trim(&self, upto: JournalPosition) -> Result<usize, JournalError> {
        let _turn = lock(&self.trimming);
        let mut removed = 0;
        loop {
            let state = lock(&self.state);
            let oldest = state.closed.front().filter(|oldest| oldest.last <= upto.0);
            let Some((path, is_damaged)) = oldest.map(|oldest| (oldest.path.clone(), oldest.is_damaged)) else {
                return Ok(removed);
            };
            drop(state);
            let gone = if is_damaged { self.move_aside(&path) } else { self.files.remove_file(&path) };
            match gone {
                // An earlier trim removed it and then failed.
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
            self.files.sync_dir(&self.dir)?;
            let mut state = lock(&self.state);
            state.closed.pop_front();
            self.show(&state);
            removed += 1;
        }
    }

    /// What is damaged is kept for whoever wants to look at it.
    fn move_aside(&self, path: &Path) -> io::Result<()> {
        if !self.files.exists(path)? {
            return Ok(());
        }
        if move_aside(&*self.files, path) == path {
            return Err(io::Error::other(format!("{} cannot be moved aside", path.display())));
        }
        Ok(())
    }

    /// Where its segments are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The identity that all its segments have.
    pub fn identity(&self) -> u64 {
        lock(&self.state).journal
    }

    /// The last position appended, durable or not.
    pub fn last_position(&self) -> JournalPosition {
        JournalPosition(lock(&self.state).next - 1)
    }

    /// What the journal holds now.
    pub fn stats(&self) -> Stats {
        lock(&self.state).stats()
    }

    pub(crate) fn files(&self) -> &dyn Files {
        &*self.files
    }

    pub(crate) fn metrics(&self) -> &JournalMetrics {
        &self.metrics
    }

    /// The segments that hold frames after `from`, and the last frame that there was.
    pub(crate) fn segments_after(&self, from: JournalPosition) -> (Vec<Segment>, u64) {
        let state = lock(&self.state);
        let all = state.closed.iter().chain([&state.current]);
        let wanted = all.filter(|segment| segment.last > from.0 && !segment.is_empty());
        (wanted.cloned().collect(), state.previous)
    }

    /// The state, with a current segment that may take a frame.
    fn state_with_room(&self) -> Result<MutexGuard<'_, State>, JournalError> {
        loop {
            let state = lock(&self.state);
            state.check()?;
            if !state.is_due(self.options.segment_bytes) {
                return Ok(state);
            }
            drop(state);
            let rotated = self.rotate_if(|state| state.is_due(self.options.segment_bytes));
            if rotated.is_err() {
                self.metrics.append_failures.inc();
            }
            rotated?;
        }
    }

    fn rotate_if(&self, is_due: impl Fn(&State) -> bool) -> Result<(), JournalError> {
        let _turn = lock(&self.syncing);
        // The long sync runs while others append; what they append meanwhile is little.
        self.sync_in_turn()?;
        let mut state = lock(&self.state);
        if (state.current.is_empty() && !state.is_unmade) || !is_due(&state) {
            return Ok(());
        }
        let first = state.next;
        self.begin_segment(&mut state, first)
    }

    /// Must be called with the `syncing` lock held.
    fn sync_in_turn(&self) -> Result<JournalPosition, JournalError> {
        let state = lock(&self.state);
        state.check()?;
        let (file, last) = (Arc::clone(&state.file), state.next - 1);
        if state.synced == last {
            return Ok(JournalPosition(last));
        }
        drop(state);
        let result = self.sync_file(&*file);
        let mut state = lock(&self.state);
        self.show(&state);
        let synced = state.finish_sync(result, last)?;
        drop(state);
        if let Some(mark) = &self.mark {
            mark.set(synced.0);
        }
        Ok(synced)
    }

    fn sync_file(&self, file: &dyn WriteFile) -> io::Result<()> {
        let start = Instant::now();
        let result = file.sync();
        self.metrics.sync_duration.observe_duration(start.elapsed());
        if result.is_err() {
            self.metrics.sync_failures.inc();
        }
        result
    }

    /// Makes the current segment durable and begins one at `first`. Must be called with the `syncing` lock held.
    fn begin_segment(&self, state: &mut State, first: u64) -> Result<(), JournalError> {
        state.check()?;
        let last = state.next - 1;
        if state.synced < last || state.has_cut {
            let result = self.sync_file(&*state.file);
            let synced = state.finish_sync(result, last)?;
            if let Some(mark) = &self.mark {
                mark.set(synced.0);
            }
        }
        if let Some(mark) = &self.mark {
            mark.sync();
        }
        let header = SegmentHeader { journal: state.journal, salt: self.random.u64(), first, previous: state.previous };
        let created = segment::create(&*self.files, &self.dir, &header);
        let (segment, file) = created.map_err(|failed| {
            if failed.may_exist { state.fail(&failed.error) } else { JournalError::from(failed.error) }
        })?;
        let closed = std::mem::replace(&mut state.current, segment);
        if !std::mem::take(&mut state.is_unmade) {
            state.closed.push_back(closed);
        }
        state.file = file;
        state.has_cut = false;
        state.next = first;
        state.synced = first - 1;
        self.show(state);
        Ok(())
    }

    fn show(&self, state: &State) {
        let stats = state.stats();
        self.metrics.segments.set_count(stats.segments as u64);
        self.metrics.bytes.set_count(stats.bytes);
    }
}

impl State {
    fn check(&self) -> Result<(), JournalError> {
        match &self.failure {
            None => Ok(()),
            Some(cause) => Err(JournalError::Poisoned { cause: Arc::clone(cause) }),
        }
    }

    /// Stops the journal for good.
    fn fail(&mut self, error: &io::Error) -> JournalError {
        let cause = self.failure.get_or_insert_with(|| error.to_string().into());
        JournalError::Poisoned { cause: Arc::clone(cause) }
    }

    fn finish_sync(&mut self, result: io::Result<()>, last: u64) -> Result<JournalPosition, JournalError> {
        if let Err(error) = result {
            return Err(self.fail(&error));
        }
        self.synced = self.synced.max(last);
        Ok(JournalPosition(last))
    }

    /// Whether the next frame must begin a segment.
    fn is_due(&self, segment_bytes: u64) -> bool {
        let is_full = self.current.end >= segment_bytes;
        self.is_unmade || !self.current.is_empty() && (is_full || self.encoder_is_ahead)
    }

    fn append<F>(&mut self, kind: u8, encode: F) -> Result<JournalPosition, JournalError>
    where
        F: FnOnce(AppendSlot, &mut Vec<u8>) -> Result<(), Box<dyn std::error::Error + Send + Sync>>,
    {
        let sequence = self.next;
        let after = sequence.checked_add(1).ok_or(JournalError::OutOfPositions)?;
        let slot = AppendSlot {
            position: JournalPosition(sequence),
            segment: JournalPosition(self.current.first),
            first_in_segment: self.current.is_empty(),
        };
        // Set until the frame stands, so that a panic in the encoder leaves it set too.
        self.encoder_is_ahead = true;
        self.payload.clear();
        encode(slot, &mut self.payload).map_err(JournalError::Encode)?;
        if self.payload.len() > MAX_PAYLOAD_BYTES {
            let bytes = self.payload.len();
            return Err(JournalError::FrameTooLarge { bytes });
        }
        let unsynced = sequence - 1 - self.synced;
        let unsynced = u32::try_from(unsynced).map_err(|_| JournalError::OutOfPositions)?;
        let salt = self.current.salt;
        let header = FrameHeader::new(salt, sequence, unsynced, kind, &self.payload);
        self.frame.clear();
        header.encode_into(&mut self.frame);
        self.frame.extend_from_slice(&self.payload);
        if let Err(error) = self.file.write_all(&self.frame) {
            // Part of the frame may stand in the file.
            self.has_cut = true;
            if let Err(cut) = self.file.truncate(self.current.end) {
                return Err(self.fail(&cut));
            }
            return Err(JournalError::from(error));
        }
        self.encoder_is_ahead = false;
        self.current.end += self.frame.len() as u64;
        self.current.bytes = self.current.end;
        self.current.last = sequence;
        self.previous = sequence;
        self.next = after;
        Ok(slot.position)
    }

    fn forget_big_buffers(&mut self) {
        for buffer in [&mut self.payload, &mut self.frame] {
            if buffer.capacity() > MAX_RETAINED_BUFFER_BYTES {
                *buffer = Vec::new();
            }
        }
    }

    fn stats(&self) -> Stats {
        let all = || self.closed.iter().chain([&self.current]);
        let held = all().find(|segment| !segment.is_empty());
        Stats {
            segments: all().count(),
            bytes: all().map(|segment| segment.bytes).sum(),
            first: JournalPosition(held.map_or(self.next, |segment| segment.first)),
            last: JournalPosition(self.next - 1),
            synced: JournalPosition(self.synced),
        }
    }
}

/// A panic in an encoder leaves the state whole, so the lock's own poison is passed over.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
