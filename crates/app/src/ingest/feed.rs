//! What was just made readable, for those who follow it: a queue with a bound, from which the slow are dropped and told so.
//!
//! While somebody watches, the commit thread leaves each batch in a ring that all watchers share. Whoever reads too slowly
//! finds the ring moved on and is told how many records it missed; nobody holds the commit thread up. While nobody watches,
//! it costs a look at a counter.

use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// What a feed is fed with.
pub trait Fed: Send + Sync {
    /// Records in it.
    fn records(&self) -> u64;

    /// Bytes of memory that the ring holds for it.
    fn bytes(&self) -> usize;
}

#[derive(Debug)]
struct Ring<T> {
    /// Each with the number of records that were fed before it.
    batches: VecDeque<(u64, Arc<T>)>,
    bytes: usize,
    /// Records fed so far.
    fed: u64,
}

/// The ring and its watchers.
#[derive(Debug)]
pub struct Feed<T> {
    most_bytes: usize,
    most_watchers: usize,
    watchers: AtomicUsize,
    ring: Mutex<Ring<T>>,
    news: watch::Sender<u64>,
}

impl<T: Fed> Feed<T> {
    /// A feed that holds so many bytes for so many watchers.
    pub(crate) fn new(most_bytes: usize, most_watchers: usize) -> Arc<Self> {
        let ring = Mutex::new(Ring { batches: VecDeque::new(), bytes: 0, fed: 0 });
        Arc::new(Self { most_bytes, most_watchers, watchers: AtomicUsize::new(0), ring, news: watch::channel(0).0 })
    }

    /// Whether anybody would read what is fed.
    pub(crate) fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::SeqCst) > 0
    }

    /// Leaves a batch for the watchers; one that alone is larger than the ring is only counted.
    pub(crate) fn publish(&self, batch: T) {
        let mut ring = self.ring.lock();
        if !self.is_watched() {
            return;
        }
        let (before, bytes) = (ring.fed, batch.bytes());
        ring.fed = before.saturating_add(batch.records());
        ring.bytes = ring.bytes.saturating_add(bytes);
        ring.batches.push_back((before, Arc::new(batch)));
        while ring.bytes > self.most_bytes
            && let Some((_, oldest)) = ring.batches.pop_front()
        {
            ring.bytes = ring.bytes.saturating_sub(oldest.bytes());
        }
        let fed = ring.fed;
        drop(ring);
        self.news.send_replace(fed);
    }

    /// Watches from now on; `None` when too many do already.
    pub(crate) fn watch(self: &Arc<Self>) -> Option<Watch<T>> {
        let ring = self.ring.lock();
        if self.watchers.load(Ordering::SeqCst) >= self.most_watchers {
            return None;
        }
        self.watchers.fetch_add(1, Ordering::SeqCst);
        Some(Watch { seen: ring.fed, news: self.news.subscribe(), feed: Arc::clone(self) })
    }
}

/// One watcher of a feed; it leaves when dropped.
#[derive(Debug)]
pub(crate) struct Watch<T> {
    feed: Arc<Feed<T>>,
    /// Records fed before what is to be read next.
    seen: u64,
    news: watch::Receiver<u64>,
}

impl<T> Watch<T> {
    /// Waits until there is something to take.
    pub(crate) async fn changed(&mut self) {
        // The feed outlives its watchers, so the channel is open.
        let _ = self.news.changed().await;
    }

    /// What came since the last call, and how many records came and went unseen.
    pub(crate) fn take(&mut self) -> (Vec<Arc<T>>, u64) {
        let ring = self.feed.ring.lock();
        let seen = std::mem::replace(&mut self.seen, ring.fed);
        let oldest = ring.batches.front().map_or(ring.fed, |(before, _)| *before);
        // The commit thread waits for this lock: the ring may hold many batches, of which mostly the last few are new.
        let start = ring.batches.partition_point(|(before, _)| *before < seen);
        let fresh = ring.batches.range(start..);
        (fresh.map(|(_, batch)| Arc::clone(batch)).collect(), oldest.saturating_sub(seen))
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        let mut ring = self.feed.ring.lock();
        if self.feed.watchers.fetch_sub(1, Ordering::SeqCst) == 1 {
            ring.batches = VecDeque::new();
            ring.bytes = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 1 << 20;
    const WATCHERS: usize = 32;

    #[derive(Debug)]
    struct Batch {
        mark: i64,
        records: u64,
        bytes: usize,
    }

    impl Fed for Batch {
        fn records(&self) -> u64 {
            self.records
        }

        fn bytes(&self) -> usize {
            self.bytes
        }
    }

    fn new() -> Arc<Feed<Batch>> {
        Feed::new(BYTES, WATCHERS)
    }

    fn batch(mark: i64, records: u64, bytes: usize) -> Batch {
        Batch { mark, records, bytes }
    }

    fn marks(batches: &[Arc<Batch>]) -> Vec<i64> {
        batches.iter().map(|batch| batch.mark).collect()
    }

    #[test]
    fn nothing_is_kept_while_nobody_watches() {
        let feed = new();
        feed.publish(batch(1, 1, 10));
        let mut watch = feed.watch().unwrap();
        feed.publish(batch(2, 1, 10));
        let (batches, missed) = watch.take();
        assert_eq!((marks(&batches), missed), (vec![2], 0));
        assert!(watch.take().0.is_empty());
        drop(watch);
        assert!(feed.ring.lock().batches.is_empty() && !feed.is_watched());
    }

    #[test]
    fn a_slow_watcher_is_told_how_many_records_it_missed_and_a_fast_one_sees_all() {
        let feed = new();
        let (mut slow, mut fast) = (feed.watch().unwrap(), feed.watch().unwrap());
        let mut seen = 0;
        for n in 0..10 {
            feed.publish(batch(n * 10, 10, BYTES / 4));
            let (batches, missed) = fast.take();
            assert_eq!(missed, 0);
            seen += batches.iter().map(|batch| batch.records()).sum::<u64>();
        }
        assert_eq!(seen, 100);
        let (batches, missed) = slow.take();
        let left: u64 = batches.iter().map(|batch| batch.records()).sum();
        assert_eq!(missed + left, 100);
        assert!(missed >= 60 && left > 0, "{missed} missed, {left} left");
        assert_eq!(marks(&batches).last(), Some(&90));
    }

    #[test]
    fn a_batch_that_alone_would_fill_the_ring_is_counted_and_not_kept() {
        let feed = new();
        let mut watch = feed.watch().unwrap();
        feed.publish(batch(0, 3, BYTES * 2));
        assert!(feed.ring.lock().batches.is_empty());
        let (batches, missed) = watch.take();
        assert_eq!((batches.len(), missed), (0, 3));
    }

    #[test]
    fn watchers_are_bounded() {
        let feed = new();
        let watches: Vec<_> = (0..WATCHERS).map(|_| feed.watch().unwrap()).collect();
        assert!(feed.watch().is_none());
        drop(watches);
        assert!(feed.watch().is_some());
    }
}
