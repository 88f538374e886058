//! What was just made readable, for those who tail.
//!
//! While somebody watches, the commit thread leaves the blocks of each batch in a ring that all watchers share. Whoever reads
//! too slowly finds the ring moved on and is told how many records it missed; nobody holds the commit thread up. While
//! nobody watches, it costs a look at a counter.

use crate::limits::{TAIL_FEED_BYTES, TAILS};
use clew_columns::logs::EncodedBlock;
use clew_model::TenantId;
use parking_lot::{Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// Records of one request, as they were made readable.
#[derive(Debug)]
pub(crate) struct FeedBatch {
    /// Whose they are.
    pub(crate) tenant: TenantId,
    /// The records, encoded: whoever tails reads them on a thread of its own. Empty where they were too many to be kept.
    pub(crate) blocks: Vec<Arc<EncodedBlock>>,
    /// Records that were too many to be kept.
    pub(crate) passed_over: u64,
    records: u64,
    bytes: usize,
}

impl FeedBatch {
    /// A request's records, unless they alone would fill the ring.
    pub(crate) fn of(tenant: TenantId, records: u64, blocks: Vec<Arc<EncodedBlock>>) -> Self {
        let bytes = blocks.iter().map(|block| block.memory_bytes()).sum();
        let fits = bytes <= TAIL_FEED_BYTES;
        Self {
            tenant,
            blocks: if fits { blocks } else { Vec::new() },
            passed_over: if fits { 0 } else { records },
            records,
            bytes: if fits { bytes } else { 0 },
        }
    }

    fn count(&self) -> u64 {
        self.records
    }
}

#[derive(Debug, Default)]
struct Ring {
    /// Each with the number of records that were published before it.
    batches: VecDeque<(u64, Arc<FeedBatch>)>,
    bytes: usize,
    /// Records published so far.
    published: u64,
}

/// The ring and its watchers.
#[derive(Debug)]
pub(crate) struct LogFeed {
    /// Held while a batch is made readable and published, and while a watcher enters: so each watcher knows exactly
    /// which records the store had before and which the feed will bring.
    turn: Mutex<()>,
    watchers: AtomicUsize,
    ring: Mutex<Ring>,
    published: watch::Sender<u64>,
}

impl LogFeed {
    pub(crate) fn new() -> Arc<Self> {
        let (published, _) = watch::channel(0);
        Arc::new(Self { turn: Mutex::default(), watchers: AtomicUsize::new(0), ring: Mutex::default(), published })
    }

    /// The right to make a batch readable and publish it.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock()
    }

    /// Whether anybody would read what is published.
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    /// Leaves a batch for the watchers; to be called within a turn, after the batch was made readable.
    pub(crate) fn publish(&self, batch: FeedBatch) {
        let mut ring = self.ring.lock();
        if !self.is_watched() {
            return;
        }
        let before = ring.published;
        ring.published = before.saturating_add(batch.count());
        ring.bytes = ring.bytes.saturating_add(batch.bytes);
        ring.batches.push_back((before, Arc::new(batch)));
        while ring.bytes > TAIL_FEED_BYTES
            && let Some((_, oldest)) = ring.batches.pop_front()
        {
            ring.bytes = ring.bytes.saturating_sub(oldest.bytes);
        }
        let published = ring.published;
        drop(ring);
        self.published.send_replace(published);
    }

    /// Watches from now on; `None` when [`TAILS`] do already. `next_number` is asked within a turn.
    pub(crate) fn watch(self: &Arc<Self>, next_number: impl FnOnce() -> u64) -> Option<Watch> {
        let _turn = self.turn.lock();
        let ring = self.ring.lock();
        if self.watchers.load(Ordering::Relaxed) >= TAILS {
            return None;
        }
        self.watchers.fetch_add(1, Ordering::Relaxed);
        Some(Watch {
            from: next_number(),
            seen: ring.published,
            news: self.published.subscribe(),
            feed: Arc::clone(self),
        })
    }
}

/// One watcher of the feed; it leaves when dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The number from which on the feed brings records; those before were in the store.
    pub(crate) from: u64,
    feed: Arc<LogFeed>,
    /// Records published before what is to be read next.
    seen: u64,
    news: watch::Receiver<u64>,
}

impl Watch {
    /// Waits until there is something to take.
    pub(crate) async fn changed(&mut self) {
        // The feed outlives its watchers, so the channel is open.
        let _ = self.news.changed().await;
    }

    /// What came since the last call, and how many records came and went unseen.
    pub(crate) fn take(&mut self) -> (Vec<Arc<FeedBatch>>, u64) {
        let ring = self.feed.ring.lock();
        let seen = std::mem::replace(&mut self.seen, ring.published);
        let oldest = ring.batches.front().map_or(ring.published, |(before, _)| *before);
        // The commit thread waits for this lock: the ring may hold many batches, of which mostly the last few are new.
        let start = ring.batches.partition_point(|(before, _)| *before < seen);
        let fresh = ring.batches.range(start..);
        (fresh.map(|(_, batch)| Arc::clone(batch)).collect(), oldest.saturating_sub(seen))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut ring = self.feed.ring.lock();
        if self.feed.watchers.fetch_sub(1, Ordering::Relaxed) == 1 {
            ring.batches = VecDeque::new();
            ring.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_columns::logs::BlockTerms;

    /// A batch whose one block is told by its first time.
    fn batch(mark: i64, records: u64, bytes: usize) -> FeedBatch {
        let terms = BlockTerms::default();
        let block =
            EncodedBlock { bytes: vec![0; bytes].into(), first: mark, last: mark, rows: records as usize, terms };
        FeedBatch::of(TenantId::default(), records, vec![Arc::new(block)])
    }

    fn marks(batches: &[Arc<FeedBatch>]) -> Vec<i64> {
        batches.iter().flat_map(|batch| &batch.blocks).map(|block| block.first).collect()
    }

    #[test]
    fn nothing_is_kept_while_nobody_watches() {
        let feed = LogFeed::new();
        feed.publish(batch(1, 1, 10));
        let mut watch = feed.watch(|| 2).unwrap();
        feed.publish(batch(2, 1, 10));
        let (batches, missed) = watch.take();
        assert_eq!((marks(&batches), missed), (vec![2], 0));
        assert!(watch.take().0.is_empty());
        drop(watch);
        assert!(feed.ring.lock().batches.is_empty() && !feed.is_watched());
    }

    #[test]
    fn a_slow_watcher_is_told_how_many_records_it_missed_and_a_fast_one_sees_all() {
        let feed = LogFeed::new();
        let (mut slow, mut fast) = (feed.watch(|| 0).unwrap(), feed.watch(|| 0).unwrap());
        let mut seen = 0;
        for n in 0..10 {
            feed.publish(batch(n * 10, 10, TAIL_FEED_BYTES / 4));
            let (batches, missed) = fast.take();
            assert_eq!(missed, 0);
            seen += batches.iter().map(|batch| batch.count()).sum::<u64>();
        }
        assert_eq!(seen, 100);
        let (batches, missed) = slow.take();
        let left: u64 = batches.iter().map(|batch| batch.count()).sum();
        assert_eq!(missed + left, 100);
        assert!(missed >= 60 && left > 0, "{missed} missed, {left} left");
        assert_eq!(marks(&batches).last(), Some(&90));
    }

    #[test]
    fn a_batch_that_alone_would_fill_the_ring_is_counted_and_not_copied() {
        let feed = LogFeed::new();
        let mut watch = feed.watch(|| 0).unwrap();
        feed.publish(batch(0, 3, TAIL_FEED_BYTES * 2));
        let (batches, missed) = watch.take();
        assert_eq!((batches[0].blocks.len(), batches[0].passed_over, missed), (0, 3, 0));
    }

    #[test]
    fn watchers_are_bounded() {
        let feed = LogFeed::new();
        let watches: Vec<_> = (0..TAILS).map(|_| feed.watch(|| 0).unwrap()).collect();
        assert!(feed.watch(|| 0).is_none());
        drop(watches);
        assert!(feed.watch(|| 0).is_some());
    }
}
