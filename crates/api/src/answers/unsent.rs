//! What was written of an answer and not yet sent, and all such answers together.

use super::{given_up, no_room};
use crate::error::ApiError;
use crate::limits::{ANSWER_AHEAD, ANSWER_ROOM_WAIT, ANSWER_YIELD, ANSWERS_WAITING, WRITE_STALL};
use crate::listen::Transfer;
use bytes::Bytes;
use clew_app::AppError;
use clew_model::{Context, MemoryShare, Taken};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// How often a writer that waits looks whether it may go on.
const LOOK: Duration = Duration::from_millis(10);

/// All answers that are written and not yet sent whole, and the memory they take.
#[derive(Debug)]
pub(crate) struct Answers {
    share: MemoryShare,
    all: Mutex<Vec<Weak<Unsent>>>,
    /// Writers that wait for their readers, or for room.
    waiting: AtomicUsize,
}

impl Answers {
    /// No answers yet, out of this share.
    pub(crate) fn new(share: MemoryShare) -> Arc<Self> {
        Arc::new(Self { share, all: Mutex::default(), waiting: AtomicUsize::new(0) })
    }

    /// How far an answer may be ahead of its reader.
    fn ahead(&self) -> u64 {
        (self.share.limit() / 16).clamp(ANSWER_AHEAD.0, ANSWER_AHEAD.1)
    }

    /// What long answers may take together; the rest is for short ones.
    fn for_long(&self) -> u64 {
        self.share.limit() / 8 * 7
    }

    /// Gives up the answer whose reader has read nothing for longest, where that is long enough. Whether there was one.
    fn give_one_up(&self) -> bool {
        let mut all = self.all.lock();
        all.retain(|one| one.strong_count() > 0);
        let stalled = all.iter().filter_map(Weak::upgrade).filter_map(|one| Some((one.stalled()?, one)));
        let longest = stalled.max_by_key(|(stalled, _)| *stalled);
        drop(all);
        match longest {
            Some((stalled, answer)) if stalled >= ANSWER_YIELD => {
                answer.give_up();
                true
            }
            _ => false,
        }
    }
}

/// An answer between its writer and its reader.
#[derive(Debug)]
pub(super) struct Unsent {
    answers: Arc<Answers>,
    /// What carries it, and ends with it where it is given up.
    transfer: Option<Transfer>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    chunks: VecDeque<Bytes>,
    /// Bytes of the pieces that wait here.
    bytes: u64,
    /// Bytes of all pieces, those included that are on their way.
    held: u64,
    is_gzip: bool,
    /// All of a short answer is there.
    is_whole: bool,
    ended: Option<Result<(), ApiError>>,
    given_up: bool,
    /// What carries it was ended.
    ends: bool,
    /// When the reader last took something, or found nothing to take.
    taken: Instant,
    reader: Option<Waker>,
}

/// A piece of an answer with the memory it takes.
struct Chunk {
    bytes: Vec<u8>,
    _memory: Taken,
    /// Until whoever sends it lets it go, which is when its reader has taken it.
    answer: Arc<Unsent>,
}

impl Drop for Chunk {
    fn drop(&mut self) {
        let mut state = self.answer.state.lock();
        state.held = state.held.saturating_sub(self.bytes.len() as u64);
        state.taken = Instant::now();
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What the reader finds.
pub(super) enum Next {
    Chunk(Bytes),
    End,
    Broken(ApiError),
}

impl Unsent {
    pub(super) fn new(answers: &Arc<Answers>, transfer: Option<Transfer>) -> Arc<Self> {
        let state = State {
            chunks: VecDeque::new(),
            bytes: 0,
            held: 0,
            is_gzip: false,
            is_whole: false,
            ended: None,
            given_up: false,
            ends: false,
            taken: Instant::now(),
            reader: None,
        };
        let own = Arc::new(Self { answers: Arc::clone(answers), transfer, state: Mutex::new(state) });
        let mut all = answers.all.lock();
        // Those that are gone are forgotten once they are as many as the others.
        if all.len() == all.capacity() {
            all.retain(|one| one.strong_count() > 0);
        }
        all.push(Arc::downgrade(&own));
        drop(all);
        own
    }

    /// The answer is compressed; said before its first piece.
    pub(super) fn compressed(&self) {
        self.state.lock().is_gzip = true;
    }

    /// Takes memory for the next piece, if the reader is near enough and there is room. The last piece of an answer that is
    /// short enough may take what is kept from others.
    ///
    /// # Errors
    /// The answer was given up.
    pub(super) fn room(&self, bytes: u64, is_whole: bool) -> Result<Option<Taken>, AppError> {
        let state = self.state.lock();
        if state.given_up {
            return Err(given_up());
        }
        if state.bytes > 0 && state.bytes.saturating_add(bytes) > self.answers.ahead() {
            return Ok(None);
        }
        let share = &self.answers.share;
        Ok(if is_whole { share.take(bytes) } else { share.take_within(bytes, self.answers.for_long()) })
    }

    /// Waits until there is room for the next piece. Blocks.
    ///
    /// # Errors
    /// The query was stopped, the answer given up, or no room is to be had.
    pub(super) fn wait_for_room(&self, bytes: u64, is_whole: bool, context: &Context) -> Result<Taken, AppError> {
        let _waiting = Waiting::new(&self.answers.waiting);
        let (started, mut has_asked) = (Instant::now(), false);
        loop {
            context.check()?;
            if let Some(taken) = self.room(bytes, is_whole)? {
                return Ok(taken);
            }
            if self.stalled().is_some_and(|stalled| stalled >= WRITE_STALL) {
                self.give_up();
                return Err(given_up());
            }
            let is_ahead = self.state.lock().bytes > 0;
            let is_crowded = self.answers.waiting.load(Ordering::Relaxed) > ANSWERS_WAITING && !has_asked;
            if !is_ahead || is_crowded {
                has_asked |= self.answers.give_one_up();
            }
            if !is_ahead && started.elapsed() >= ANSWER_ROOM_WAIT {
                return Err(no_room());
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Hands the reader a piece, or all of a short answer.
    pub(super) fn push(self: &Arc<Self>, bytes: Vec<u8>, memory: Taken, is_whole: bool) {
        let mut state = self.state.lock();
        state.is_whole = is_whole;
        if state.given_up {
            return;
        }
        if state.held == 0 {
            state.taken = Instant::now();
        }
        state.bytes = state.bytes.saturating_add(bytes.len() as u64);
        state.held = state.held.saturating_add(bytes.len() as u64);
        state.chunks.push_back(Bytes::from_owner(Chunk { bytes, _memory: memory, answer: Arc::clone(self) }));
        wake(&mut state);
    }

    /// Nothing more comes.
    pub(super) fn end(&self, outcome: Result<(), ApiError>) {
        let mut state = self.state.lock();
        state.ended.get_or_insert(outcome);
        wake(&mut state);
    }

    /// The next piece, when it is there.
    pub(super) fn poll_next(&self, waker: &Waker) -> Poll<Next> {
        let mut state = self.state.lock();
        if let Some(chunk) = state.chunks.pop_front() {
            state.bytes = state.bytes.saturating_sub(chunk.len() as u64);
            state.taken = Instant::now();
            return Poll::Ready(Next::Chunk(chunk));
        }
        if state.given_up {
            return Poll::Ready(Next::Broken(given_up().into()));
        }
        match &state.ended {
            Some(Ok(())) => Poll::Ready(Next::End),
            Some(Err(error)) => Poll::Ready(Next::Broken(error.clone())),
            None => wait(&mut state, waker),
        }
    }

    /// Ready when the answer can begin: a whole short one, or the first piece of a long one. Whether it is compressed, and
    /// its length where it is known.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn poll_begin(&self, waker: &Waker) -> Poll<Result<(bool, Option<u64>), ApiError>> {
        let mut state = self.state.lock();
        match &state.ended {
            Some(Ok(())) => Poll::Ready(Ok((state.is_gzip, Some(state.bytes)))),
            Some(Err(error)) => Poll::Ready(Err(error.clone())),
            None if state.given_up => Poll::Ready(Err(given_up().into())),
            None if !state.chunks.is_empty() && !state.is_whole => Poll::Ready(Ok((state.is_gzip, None))),
            None => wait(&mut state, waker),
        }
    }

    /// What is left to be sent, where all is written.
    pub(super) fn left(&self) -> Option<u64> {
        let state = self.state.lock();
        matches!(state.ended, Some(Ok(()))).then_some(state.bytes)
    }

    /// For how long its reader has taken nothing though there was something.
    fn stalled(&self) -> Option<Duration> {
        let state = self.state.lock();
        (!state.ends && state.held > 0).then(|| state.taken.elapsed())
    }

    /// Lets what waits go; nothing more is taken.
    pub(super) fn close(&self) {
        let mut state = self.state.lock();
        state.given_up = true;
        state.bytes = 0;
        let chunks = std::mem::take(&mut state.chunks);
        wake(&mut state);
        // A piece that goes looks at the state.
        drop(state);
        drop(chunks);
    }

    fn give_up(&self) {
        self.state.lock().ends = true;
        self.close();
        if let Some(transfer) = &self.transfer {
            transfer.end();
        }
        tracing::debug!("an answer was given up: its client reads nothing, and others need the memory");
    }
}

fn wait<T>(state: &mut State, waker: &Waker) -> Poll<T> {
    state.reader = Some(waker.clone());
    Poll::Pending
}

fn wake(state: &mut State) {
    if let Some(reader) = state.reader.take() {
        reader.wake();
    }
}

/// A writer's place among those that wait.
struct Waiting<'a> {
    all: &'a AtomicUsize,
}

impl<'a> Waiting<'a> {
    fn new(all: &'a AtomicUsize) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self { all }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}
