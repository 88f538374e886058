//! What was just made readable, for those who follow it: a queue with a bound, from which the slow are dropped and told so.
//!
//! While somebody watches, the commit thread leaves each batch in a ring that all watchers share. Whoever reads too slowly
//! finds the ring moved on and is told how many records it missed; nobody holds the commit thread up. While nobody watches,
//! it costs a look at a counter.

use clew_model::TenantId;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

/// What a feed is fed with.
pub trait Fed: Send + Sync {
    /// Whose it is: others neither see nor count it.
    fn owner(&self) -> &TenantId;

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
    /// Of each owner: records fed, and who watches. Forgotten when nobody does.
    owners: HashMap<TenantId, Owner>,
}

#[derive(Debug, Default)]
struct Owner {
    fed: u64,
    watchers: usize,
}

/// The ring and its watchers.
#[derive(Debug)]
pub struct Feed<T> {
    most_bytes: usize,
    most_watchers: usize,
    most_of_one: usize,
    watchers: AtomicUsize,
    ring: Mutex<Ring<T>>,
    news: watch::Sender<u64>,
}

impl<T: Fed> Feed<T> {
    /// A feed that holds so many bytes for so many watchers, of one owner so many of them.
    pub(crate) fn new(most_bytes: usize, most_watchers: usize, most_of_one: usize) -> Arc<Self> {
        let ring = Mutex::new(Ring { batches: VecDeque::new(), bytes: 0, fed: 0, owners: HashMap::new() });
        let (watchers, news) = (AtomicUsize::new(0), watch::channel(0).0);
        Arc::new(Self { most_bytes, most_watchers, most_of_one, watchers, ring, news })
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
        match ring.owners.get_mut(batch.owner()) {
            Some(owner) if owner.watchers > 0 => owner.fed = owner.fed.saturating_add(batch.records()),
            // Nobody of theirs watches: it would be kept for nobody.
            _ => return,
        }
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

    /// Watches what is the owner's from now on; `None` when too many watch already.
    pub(crate) fn watch(self: &Arc<Self>, owner: &TenantId) -> Option<Watch<T>> {
        let mut ring = self.ring.lock();
        if self.watchers.load(Ordering::SeqCst) >= self.most_watchers {
            return None;
        }
        let seen = ring.fed;
        let own = ring.owners.entry(owner.clone()).or_default();
        if own.watchers >= self.most_of_one {
            return None;
        }
        own.watchers += 1;
        self.watchers.fetch_add(1, Ordering::SeqCst);
        let (seen_own, owner) = (own.fed, owner.clone());
        Some(Watch { seen, seen_own, owner, news: self.news.subscribe(), feed: Arc::clone(self) })
    }
}

/// One watcher of a feed; it leaves when dropped.
#[derive(Debug)]
pub(crate) struct Watch<T> {
    feed: Arc<Feed<T>>,
    owner: TenantId,
    /// Records fed before what is to be read next.
    seen: u64,
    /// Records of the owner's fed before that.
    seen_own: u64,
    news: watch::Receiver<u64>,
}

impl<T: Fed> Watch<T> {
    /// Waits until there is something to take.
    pub(crate) async fn changed(&mut self) {
        // The feed outlives its watchers, so the channel is open.
        let _ = self.news.changed().await;
    }

    /// What of the owner's came since the last call, and how many of its records came and went unseen.
    pub(crate) fn take(&mut self) -> (Vec<Arc<T>>, u64) {
        let ring = self.feed.ring.lock();
        let seen = std::mem::replace(&mut self.seen, ring.fed);
        let fed = ring.owners.get(&self.owner).map_or(self.seen_own, |own| own.fed);
        let came = fed.saturating_sub(std::mem::replace(&mut self.seen_own, fed));
        // The commit thread waits for this lock: the ring may hold many batches, of which mostly the last few are new.
        let start = ring.batches.partition_point(|(before, _)| *before < seen);
        let fresh = ring.batches.range(start..).filter(|(_, batch)| *batch.owner() == self.owner);
        let fresh: Vec<Arc<T>> = fresh.map(|(_, batch)| Arc::clone(batch)).collect();
        let seen_now: u64 = fresh.iter().map(|batch| batch.records()).sum();
        (fresh, came.saturating_sub(seen_now))
    }
}

impl<T> Drop for Watch<T> {
    fn drop(&mut self) {
        let mut ring = self.feed.ring.lock();
        if self.feed.watchers.fetch_sub(1, Ordering::SeqCst) == 1 {
            ring.batches = VecDeque::new();
            ring.bytes = 0;
            ring.owners = HashMap::new();
        } else if let Some(own) = ring.owners.get_mut(&self.owner) {
            own.watchers = own.watchers.saturating_sub(1);
            if own.watchers == 0 {
                // What is left of theirs in the ring is older than all who come.
                ring.owners.remove(&self.owner);
            }
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
        owner: TenantId,
        mark: i64,
        records: u64,
        bytes: usize,
    }

    impl Fed for Batch {
        fn owner(&self) -> &TenantId {
            &self.owner
        }

        fn records(&self) -> u64 {
            self.records
        }

        fn bytes(&self) -> usize {
            self.bytes
        }
    }

    fn new() -> Arc<Feed<Batch>> {
        Feed::new(BYTES, WATCHERS, WATCHERS)
    }

    fn batch(mark: i64, records: u64, bytes: usize) -> Batch {
        Batch { owner: TenantId::default(), mark, records, bytes }
    }

    fn marks(batches: &[Arc<Batch>]) -> Vec<i64> {
        batches.iter().map(|batch| batch.mark).collect()
    }

    #[test]
    fn nothing_is_kept_while_nobody_watches() {
        let feed = new();
        feed.publish(batch(1, 1, 10));
        let mut watch = feed.watch(&TenantId::default()).unwrap();
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
        let (mut slow, mut fast) =
            (feed.watch(&TenantId::default()).unwrap(), feed.watch(&TenantId::default()).unwrap());
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
        let mut watch = feed.watch(&TenantId::default()).unwrap();
        feed.publish(batch(0, 3, BYTES * 2));
        assert!(feed.ring.lock().batches.is_empty());
        let (batches, missed) = watch.take();
        assert_eq!((batches.len(), missed), (0, 3));
    }

    #[test]
    fn what_is_anothers_is_neither_seen_nor_counted_as_missed() {
        let feed = Feed::new(BYTES, WATCHERS, 2);
        let (a, b) = (TenantId::new("a").unwrap(), TenantId::new("b").unwrap());
        let of = |owner: &TenantId, mark, records, bytes| Batch { owner: owner.clone(), mark, records, bytes };
        let (mut own, mut other) = (feed.watch(&a).unwrap(), feed.watch(&b).unwrap());
        feed.publish(of(&a, 1, 3, 10));
        feed.publish(of(&b, 2, 5, 10));
        feed.publish(of(&a, 3, 7, 10));
        let (batches, missed) = own.take();
        assert_eq!((marks(&batches), missed), (vec![1, 3], 0));
        for n in 0..8 {
            feed.publish(of(&b, 10 + n, 100, BYTES / 2));
        }
        feed.publish(of(&a, 4, 1, 10));
        let (batches, missed) = own.take();
        assert_eq!((marks(&batches), missed), (vec![4], 0), "those that ran over are none of its own");
        let (batches, missed) = other.take();
        assert_eq!(batches.iter().map(|batch| batch.records()).sum::<u64>() + missed, 805);
        assert!(missed >= 600);
        let second = feed.watch(&a).unwrap();
        assert!(feed.watch(&a).is_none() && feed.watch(&b).is_some(), "one has no more than its part of the places");
        drop(second);
        assert!(feed.watch(&a).is_some());
    }

    #[test]
    fn watchers_are_bounded() {
        let feed = new();
        let watches: Vec<_> = (0..WATCHERS).map(|_| feed.watch(&TenantId::default()).unwrap()).collect();
        assert!(feed.watch(&TenantId::default()).is_none());
        drop(watches);
        assert!(feed.watch(&TenantId::default()).is_some());
    }
}
