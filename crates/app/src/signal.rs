//! What the write path needs of a store: one trait over the three signals.

use clew_journal::AppendSlot;
use clew_model::{ErrorKind, SetAside, Signal, TenantId, UnixNanos, UsageByTenant};
use std::error::Error as StdError;

/// A failure of a store or a frame, with what a caller may do about it.
#[derive(Debug)]
pub struct StoreError {
    /// What a caller may do.
    pub kind: ErrorKind,
    /// The store's own error.
    pub source: Box<dyn StdError + Send + Sync>,
}

impl StoreError {
    /// Wraps a store's own error.
    pub fn new(kind: ErrorKind, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { kind, source: source.into() }
    }
}

/// Records of a batch that the store could not keep beside what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dropped {
    /// How many.
    pub count: u64,
    /// Why, with the first of them as an example; empty when none.
    pub reason: String,
}

/// What the hot tail holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hot {
    /// Records that are not sealed yet.
    pub records: u64,
    /// Bytes of memory they take.
    pub bytes: u64,
    /// Whether a seal would do something: there are records, frames of other things in the journal, or a memory to tidy.
    pub needs_seal: bool,
}

/// What a seal wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sealed {
    /// The journal position up to which everything is in sealed parts.
    pub position: u64,
    /// Records written.
    pub records: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Parts, or partitions touched.
    pub parts: u64,
}

/// What retention removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// Parts or partitions removed.
    pub parts: u64,
    /// Bytes they took on disk.
    pub bytes: u64,
}

/// What a store holds on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnDisk {
    /// Parts or partitions.
    pub parts: u64,
    /// Records in them, where the store knows.
    pub records: u64,
    /// Bytes they take.
    pub bytes: u64,
}

/// How long and how much of a signal is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Records older than this many nanoseconds go; `None` keeps them for ever.
    pub age: Option<i64>,
    /// Beyond so many bytes on disk the oldest go.
    pub bytes: Option<u64>,
}

/// What is shown the batches that accumulators lack, with their positions.
pub type Account<'a, B> = &'a mut dyn FnMut(u64, &B);

/// A frame that a start has read from the journal.
pub struct ReadFrame<F> {
    /// Where it stands.
    pub position: u64,
    /// What it holds.
    pub frame: F,
    /// What a start needs it for.
    pub needed: Needed,
}

/// What a start needs a frame for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needed {
    /// The store lacks it.
    pub apply: bool,
    /// An accumulator lacks it.
    pub account: bool,
}

impl Needed {
    /// Whether it is needed for anything.
    #[must_use]
    pub fn any(self) -> bool {
        self.apply || self.account
    }
}

/// A store behind the write path. Its reads go through the traits of the model.
pub trait SignalStore: Send + Sync + 'static {
    /// Which signal.
    const SIGNAL: Signal;
    /// Decided records that are written together.
    type Records: Send + 'static;
    /// The same records encoded, as far as that can be done before their place in the journal is known.
    type Batch: Send + 'static;
    /// What the journal's writer keeps from frame to frame: numbers, and state within a segment.
    type Writer: Send + 'static;
    /// What decodes frames at replay, on a thread of its own.
    type Decoder: Default + Send;
    /// A frame, decoded.
    type Frame: Send;
    /// What replay keeps from frame to frame beside the decoder.
    type Replay: Default;

    /// The state of the journal's writer, made after replay.
    fn writer(&self) -> Self::Writer;

    /// Records in the batch.
    fn count(records: &Self::Records) -> u64;

    /// Bytes of memory the batch takes; an estimate.
    fn memory(records: &Self::Records) -> usize;

    /// Encodes the records of a batch. Runs on the thread of the request, beside others; only what depends on the place
    /// in the journal is left to [`Self::append`].
    ///
    /// # Errors
    /// Records that contradict themselves: a bug of whoever decided them.
    fn encode(&self, tenant: TenantId, records: Self::Records) -> Result<Self::Batch, StoreError>;

    /// Appends the frame of a batch that will stand in `slot` of the journal. Runs on the one commit thread, which every
    /// request waits for. State that is kept within a segment must begin anew at its first frame: a frame that could not
    /// be written is followed by a first frame, in a new segment or in the same one that is empty still.
    ///
    /// # Errors
    /// A batch that contradicts itself: a bug of whoever encoded it.
    fn append(
        writer: &mut Self::Writer,
        slot: AppendSlot,
        batch: &mut Self::Batch,
        out: &mut Vec<u8>,
    ) -> Result<(), StoreError>;

    /// Bytes of memory that are kept of what was read from sealed parts.
    fn cached_bytes(&self) -> u64 {
        0
    }

    /// Makes a batch readable; called in journal order, after the journal is durable. What the store keeps of it it shares or
    /// copies: taps are shown the batch afterwards.
    ///
    /// # Errors
    /// A failure of the store; the batch stays in the journal.
    fn publish(&self, position: u64, batch: &mut Self::Batch) -> Result<Dropped, StoreError>;

    /// Decodes a frame of a segment of the journal; `None` where it is not `needed`, not for later frames either.
    ///
    /// # Errors
    /// A frame that is damaged.
    fn decode(
        decoder: &mut Self::Decoder,
        segment: u64,
        frame: &[u8],
        needed: Needed,
    ) -> Result<Option<Self::Frame>, StoreError>;

    /// Does with a frame what it is needed for; frames come in the order of the journal. Answers the records that it makes
    /// readable, which they are at the latest when [`Self::finish_replay`] returns.
    ///
    /// # Errors
    /// A failure of the store.
    fn replay(
        &self,
        state: &mut Self::Replay,
        frame: ReadFrame<Self::Frame>,
        account: Account<'_, Self::Batch>,
    ) -> Result<u64, StoreError>;

    /// Does what [`Self::replay`] has put off.
    ///
    /// # Errors
    /// A failure of the store.
    fn finish_replay(&self, _state: Self::Replay) -> Result<(), StoreError> {
        Ok(())
    }

    /// The journal position up to which everything is in sealed parts.
    fn sealed_position(&self) -> u64;

    /// What retention has removed lies before this instant; records before it would vanish as they come.
    fn kept_from(&self) -> UnixNanos;

    /// What the hot tail holds.
    fn hot(&self) -> Hot;

    /// What is on disk.
    fn on_disk(&self) -> OnDisk;

    /// What it holds of each tenant.
    fn usage(&self) -> UsageByTenant {
        UsageByTenant::new()
    }

    /// The newest time that its sealed parts know of, in nanoseconds since 1970.
    fn newest(&self) -> Option<UnixNanos> {
        None
    }

    /// Which of its files are damaged or missing, as far as is known.
    fn set_aside(&self) -> Vec<SetAside> {
        Vec::new()
    }

    /// How many were found; asked after every question.
    fn damage_count(&self) -> usize {
        0
    }

    /// Writes the hot tail to sealed parts and publishes them.
    ///
    /// # Errors
    /// A failure of the disk; the hot tail stays as it was.
    fn seal(&self) -> Result<Sealed, StoreError>;

    /// Merges some small parts; answers whether there may be more to do.
    ///
    /// # Errors
    /// A failure of the disk; the parts stay as they were.
    fn compact(&self) -> Result<bool, StoreError>;

    /// Removes what lies before `cutoff`, and the oldest beyond `bytes`.
    ///
    /// # Errors
    /// A failure of the disk.
    fn retain(&self, cutoff: UnixNanos, bytes: Option<u64>) -> Result<Removed, StoreError>;
}
