//! Whether connections are at work: those that have nothing to say end after a time, and make room for others.

use crate::limits::{IDLE, IDLE_FIRST};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// Whether a connection is at work. Until its protocol says otherwise it is.
#[derive(Debug, Clone)]
pub struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Requests, or whatever the protocol knows, that are under way.
    busy: AtomicUsize,
    /// Whether a request has come at all.
    has_served: AtomicBool,
    /// When it last came to rest.
    since: Mutex<Instant>,
    /// Told to make room for another.
    leaves: AtomicBool,
    told: Notify,
}

/// Something under way on a connection; over when it is dropped.
#[derive(Debug)]
pub struct Busy(Activity);

impl Drop for Busy {
    fn drop(&mut self) {
        let inner = &self.0.0;
        *inner.since.lock() = Instant::now();
        inner.has_served.store(true, Ordering::Relaxed);
        inner.busy.fetch_sub(1, Ordering::Release);
    }
}

impl Activity {
    fn new() -> Self {
        Self(Arc::new(Inner {
            busy: AtomicUsize::new(1),
            has_served: AtomicBool::new(false),
            since: Mutex::new(Instant::now()),
            leaves: AtomicBool::new(false),
            told: Notify::new(),
        }))
    }

    /// The protocol tells by [`Activity::begin`] when something is under way; at first nothing is.
    pub(super) fn begins_at_rest(&self) {
        self.0.busy.fetch_sub(1, Ordering::Release);
    }

    /// Something is under way.
    pub(super) fn begin(&self) -> Busy {
        self.0.busy.fetch_add(1, Ordering::Acquire);
        Busy(self.clone())
    }

    /// Whether nothing is under way.
    pub(super) fn is_at_rest(&self) -> bool {
        self.at_rest().is_some()
    }

    /// Since when nothing is under way.
    fn at_rest(&self) -> Option<Instant> {
        (self.0.busy.load(Ordering::Acquire) == 0).then(|| *self.0.since.lock())
    }

    /// Ready when the connection has nothing to say for too long, or is to make room for another.
    pub(super) async fn idle_too_long(&self) {
        self.idle_for(IDLE_FIRST, IDLE).await;
    }

    async fn idle_for(&self, first: Duration, between: Duration) {
        loop {
            let most = if self.0.has_served.load(Ordering::Relaxed) { between } else { first };
            let left = self.at_rest().map_or(most, |since| most.saturating_sub(since.elapsed()));
            if left == Duration::ZERO || self.0.leaves.load(Ordering::Relaxed) {
                return;
            }
            tokio::select! {
                () = sleep(left) => {}
                () = self.0.told.notified() => {}
            }
        }
    }
}

/// The connections of a port.
#[derive(Debug, Default)]
pub(super) struct Crowd {
    all: Mutex<Vec<Weak<Inner>>>,
}

impl Crowd {
    /// One more.
    pub(super) fn join(&self) -> Activity {
        let activity = Activity::new();
        let mut all = self.all.lock();
        // Those that are gone are forgotten once they are as many as the others.
        if all.len() == all.capacity() {
            all.retain(|one| one.strong_count() > 0);
        }
        all.push(Arc::downgrade(&activity.0));
        activity
    }

    /// Tells the one that has been at rest for longest to make room. Whether there was one.
    pub(super) fn send_one_away(&self) -> bool {
        let all = self.all.lock();
        let staying = all.iter().filter_map(Weak::upgrade).filter(|one| !one.leaves.load(Ordering::Relaxed));
        let resting = staying.filter_map(|one| Some((Activity(Arc::clone(&one)).at_rest()?, one)));
        let Some((_, one)) = resting.min_by_key(|(since, _)| *since) else { return false };
        one.leaves.store(true, Ordering::Relaxed);
        one.told.notify_one();
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    const FIRST: Duration = Duration::from_millis(100);
    const BETWEEN: Duration = Duration::from_millis(400);
    const LONG: Duration = Duration::from_secs(20);

    async fn ends(activity: &Activity, within: Duration) -> bool {
        timeout(within, activity.idle_for(FIRST, BETWEEN)).await.is_ok()
    }

    #[tokio::test]
    async fn a_connection_ends_when_nothing_was_under_way_for_a_time() {
        let activity = Crowd::default().join();
        assert!(!ends(&activity, 4 * FIRST).await, "a protocol that says nothing is at work");
        activity.begins_at_rest();
        assert!(ends(&activity, LONG).await);
        let busy = activity.begin();
        assert!(!ends(&activity, 2 * BETWEEN).await);
        drop(busy);
        assert!(!ends(&activity, 2 * FIRST).await, "it may rest longer after a request");
        assert!(ends(&activity, LONG).await);
    }

    #[tokio::test]
    async fn the_one_that_rests_longest_makes_room() {
        let crowd = Crowd::default();
        let [first, second, third] = std::array::from_fn(|_| crowd.join());
        assert!(!crowd.send_one_away(), "all are at work");
        for one in [&second, &first, &third] {
            one.begins_at_rest();
            drop(one.begin());
            sleep(Duration::from_millis(2)).await;
        }
        let _busy = second.begin();
        let leaves = |one: &Activity| one.0.leaves.load(Ordering::Relaxed);
        assert!(crowd.send_one_away());
        assert_eq!([&first, &second, &third].map(leaves), [true, false, false]);
        timeout(LONG, first.idle_too_long()).await.unwrap();
        assert!(crowd.send_one_away() && leaves(&third) && !crowd.send_one_away());
    }
}
