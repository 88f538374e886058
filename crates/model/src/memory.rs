//! Memory as one budget: shares of it for all who hold outside data, and what one call may hold of a share.

use crate::error::{ErrorKind, ReadError};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a call holds before its share of the memory is asked, so that small questions are answered whoever holds the rest.
const UNCHARGED_BYTES: u64 = 256 << 10;

/// By how much more than it needs a call's part of the share grows, so that the share is asked seldom.
const CHARGE_STEP: u64 = 64 << 10;

/// A part of the memory that the process may use, for one kind of outside data. Clones are the same share.
#[derive(Debug, Clone)]
pub struct MemoryShare(Arc<ShareInner>);

#[derive(Debug)]
struct ShareInner {
    limit: u64,
    used: AtomicU64,
    /// The share that this is a part of, and what the part is called.
    part: Option<(MemoryShare, String)>,
}

impl MemoryShare {
    /// A share of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(ShareInner { limit, used: AtomicU64::new(0), part: None }))
    }

    /// A part of `whole` of `limit` bytes: what is taken of it is taken of the whole too. `named` is what errors call it: whose,
    /// and the setting in brackets.
    #[must_use]
    pub fn part_of(whole: &MemoryShare, limit: u64, named: String) -> Self {
        Self(Arc::new(ShareInner { limit, used: AtomicU64::new(0), part: Some((whole.clone(), named)) }))
    }

    /// Takes `bytes` until what is answered is dropped; none where the share has no such room.
    #[must_use]
    pub fn take(&self, bytes: u64) -> Option<Taken> {
        self.take_within(bytes, self.0.limit)
    }

    /// The same within a lower limit, for what must leave some of the share to others.
    #[must_use]
    pub fn take_within(&self, bytes: u64, limit: u64) -> Option<Taken> {
        let grown = |used: u64| used.checked_add(bytes).filter(|used| *used <= limit.min(self.0.limit));
        self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, grown).ok()?;
        if let Some((whole, _)) = &self.0.part {
            match whole.take(bytes) {
                // It is given back with what is taken here.
                Some(mut of_whole) => of_whole.bytes = 0,
                None => {
                    self.0.used.fetch_sub(bytes, Ordering::Relaxed);
                    return None;
                }
            }
        }
        Some(Taken { share: self.clone(), bytes })
    }

    /// The share that this is a part of, or itself.
    fn whole(&self) -> &Self {
        self.0.part.as_ref().map_or(self, |(whole, _)| whole.whole())
    }

    /// Gives bytes back that were taken or counted.
    fn give_back(&self, bytes: u64) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
        if let Some((whole, _)) = &self.0.part {
            whole.give_back(bytes);
        }
    }

    /// Whether so many bytes more would be beyond this part, whatever room the whole has; what the part is called then.
    fn part_without_room(&self, bytes: u64) -> Option<&str> {
        let (_, named) = self.0.part.as_ref()?;
        (self.used().saturating_add(bytes) > self.limit()).then_some(named)
    }

    /// Bytes that may still be taken now.
    fn room(&self) -> u64 {
        let own = self.limit().saturating_sub(self.used());
        self.0.part.as_ref().map_or(own, |(whole, _)| own.min(whole.room()))
    }

    /// Counts bytes that somebody else bounds.
    #[must_use]
    pub fn count(&self, bytes: u64) -> Taken {
        self.0.used.fetch_add(bytes, Ordering::Relaxed);
        if let Some((whole, _)) = &self.0.part {
            whole.count(bytes).bytes = 0;
        }
        Taken { share: self.clone(), bytes }
    }

    /// Bytes that may be held.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// Bytes held now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }
}

/// Bytes taken from a [`MemoryShare`]; given back on drop.
#[derive(Debug)]
pub struct Taken {
    share: MemoryShare,
    bytes: u64,
}

impl Taken {
    /// How many.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes as much more as is missing to `bytes`. Whether there was room.
    #[must_use]
    pub fn grow_to(&mut self, bytes: u64) -> bool {
        match self.share.take(bytes.saturating_sub(self.bytes)) {
            Some(more) => {
                self.merge(more);
                true
            }
            None => false,
        }
    }

    /// Takes over what another has taken of the same share.
    pub fn merge(&mut self, mut more: Taken) {
        self.bytes = self.bytes.saturating_add(more.bytes);
        more.bytes = 0;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.share.give_back(self.bytes);
    }
}

/// A bound on the bytes a call may hold at once, shared by its parts.
///
/// What the call held at most is charged to its share of the memory until the last clone is dropped: an answer takes about as
/// much after the question as it did while it was made.
#[derive(Debug, Clone)]
pub struct MemoryBudget {
    inner: Arc<BudgetInner>,
}

#[derive(Debug)]
struct BudgetInner {
    limit: u64,
    used: AtomicU64,
    peak: AtomicU64,
    share: Option<MemoryShare>,
    /// Bytes that the share was asked for, and those that may be used before it is asked again.
    charged: AtomicU64,
    /// What would have been charged had others not held it, since the call began or began anew.
    refused: AtomicU64,
}

impl Drop for BudgetInner {
    fn drop(&mut self) {
        if let Some(share) = &self.share {
            share.give_back(*self.charged.get_mut());
        }
    }
}

impl MemoryBudget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self::of(limit, None)
    }

    /// A budget of `limit` bytes out of a share that all calls have together.
    #[must_use]
    pub fn within(share: &MemoryShare, limit: u64) -> Self {
        Self::of(limit, Some(share.clone()))
    }

    fn of(limit: u64, share: Option<MemoryShare>) -> Self {
        let [used, peak, charged, refused] = [const { AtomicU64::new(0) }; 4];
        Self { inner: Arc::new(BudgetInner { limit, used, peak, share, charged, refused }) }
    }

    /// Takes `bytes` until the reservation is dropped.
    ///
    /// # Errors
    /// [`ErrorKind::LimitExceeded`] when the budget would be exceeded, [`ErrorKind::Unavailable`] when other calls hold what
    /// there is for all, [`ErrorKind::RateLimited`] when the part of the share that the call is in is held.
    pub fn reserve(&self, bytes: u64) -> Result<Reservation, ReadError> {
        let used = self.inner.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        // Given back where it is refused.
        let reservation = Reservation { budget: self.clone(), bytes };
        if used > self.inner.limit {
            return Err(ReadError::new(
                ErrorKind::LimitExceeded,
                format!(
                    "the query needs more than its memory limit of {} bytes (limits.query_memory); narrow the time \
                     range or the selection",
                    self.inner.limit
                ),
            ));
        }
        if self.inner.peak.load(Ordering::Relaxed) < used {
            self.charge(used)?;
            self.inner.peak.fetch_max(used, Ordering::Relaxed);
        }
        Ok(reservation)
    }

    /// Has the share know of a new peak.
    fn charge(&self, peak: u64) -> Result<(), ReadError> {
        let Some(share) = &self.inner.share else { return Ok(()) };
        let wanted = peak.saturating_sub(UNCHARGED_BYTES);
        let charged = self.inner.charged.load(Ordering::Relaxed);
        if wanted <= charged {
            return Ok(());
        }
        // Two threads may both ask, for a step too much: it is given back with the rest.
        let more = (wanted - charged).next_multiple_of(CHARGE_STEP);
        let Some(mut taken) = share.take(more) else {
            if let Some(named) = share.part_without_room(more) {
                return Err(ReadError::new(
                    ErrorKind::RateLimited,
                    format!(
                        "the queries under way hold all the memory of {named}, {} bytes; narrow the query, or ask again in a \
                         moment",
                        share.limit()
                    ),
                ));
            }
            self.inner.refused.fetch_max(charged.saturating_add(more), Ordering::Relaxed);
            return Err(ReadError::new(
                ErrorKind::Unavailable,
                format!(
                    "the queries under way hold what there is for all of them together, {} bytes (limits.memory); ask \
                     again in a moment",
                    share.whole().limit()
                ),
            ));
        };
        self.inner.charged.fetch_add(std::mem::take(&mut taken.bytes), Ordering::Relaxed);
        Ok(())
    }

    /// Gives back what is charged, where nothing is held: before the call begins anew. How much the call would have been charged,
    /// in bytes, had the share not refused it.
    pub fn begin_anew(&self) -> u64 {
        let wanted = self.inner.refused.swap(0, Ordering::Relaxed);
        if let Some(share) = self.inner.share.as_ref().filter(|_| self.used() == 0) {
            self.inner.peak.store(0, Ordering::Relaxed);
            share.give_back(self.inner.charged.swap(0, Ordering::Relaxed));
        }
        wanted
    }

    /// Whether something was refused because other calls held what there is for all.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.inner.refused.load(Ordering::Relaxed) > 0
    }

    /// Whether the share has room for `bytes` now.
    #[must_use]
    pub fn has_room_for(&self, bytes: u64) -> bool {
        self.inner.share.as_ref().is_none_or(|share| share.room() >= bytes)
    }

    /// Bytes held now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.inner.used.load(Ordering::Relaxed)
    }

    /// Most bytes ever held at once.
    #[must_use]
    pub fn peak(&self) -> u64 {
        self.inner.peak.load(Ordering::Relaxed)
    }
}

/// Bytes taken from a [`MemoryBudget`]; given back on drop.
#[derive(Debug)]
pub struct Reservation {
    budget: MemoryBudget,
    bytes: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.inner.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_refuses_what_exceeds_it_and_takes_back_what_is_dropped() {
        let budget = MemoryBudget::new(100);
        let first = budget.reserve(60).unwrap();
        let refused = budget.reserve(41).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::LimitExceeded);
        assert!(refused.message.contains("100 bytes (limits.query_memory)"), "{refused}");
        assert_eq!(budget.used(), 60);
        drop(first);
        let whole = budget.reserve(100).unwrap();
        assert_eq!((budget.used(), budget.peak()), (100, 100));
        drop(whole);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_share_gives_what_it_has_and_takes_back_what_is_dropped() {
        let share = MemoryShare::new(100);
        let mut first = share.take(60).unwrap();
        assert!(share.take(41).is_none() && share.take_within(1, 60).is_none() && share.take(u64::MAX).is_none());
        assert!(!first.grow_to(101) && first.grow_to(90) && first.grow_to(10));
        assert_eq!((share.used(), share.limit(), first.bytes()), (90, 100, 90));
        drop(first);
        assert_eq!(share.used(), 0);
    }

    #[test]
    fn calls_together_hold_no_more_than_their_share_until_they_are_over() {
        let share = MemoryShare::new(10 << 20);
        let budget = || MemoryBudget::within(&share, 8 << 20);
        let (first, second) = (budget(), budget());
        let held = first.reserve(6 << 20).unwrap();
        let refused = second.reserve(6 << 20).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Unavailable);
        assert!(refused.message.contains("(limits.memory)"), "{refused}");
        assert!(second.is_short() && !first.is_short());
        // A small question is answered none the less.
        assert!(second.reserve(UNCHARGED_BYTES).is_ok());
        // What was held is charged until the call is over, in the place of its answer.
        drop(held);
        assert!(second.reserve(6 << 20).is_err());
        drop(first);
        second.begin_anew();
        assert!(second.reserve(6 << 20).is_ok() && !second.is_short());
        drop(second);
        assert_eq!(share.used(), 0);
    }

    #[test]
    fn who_begins_anew_waits_for_as_much_as_was_refused() {
        let share = MemoryShare::new(8 << 20);
        let (first, second) = (MemoryBudget::within(&share, 8 << 20), MemoryBudget::within(&share, 8 << 20));
        let held = first.reserve(6 << 20).unwrap();
        let own = second.reserve(1 << 20).unwrap();
        assert_eq!(second.reserve(4 << 20).unwrap_err().kind, ErrorKind::Unavailable);
        drop(own);
        let wanted = second.begin_anew();
        assert_eq!(wanted, (5 << 20) - UNCHARGED_BYTES);
        assert_eq!(share.used(), (6 << 20) - UNCHARGED_BYTES);
        assert!(!second.has_room_for(wanted));
        drop((held, first));
        assert!(second.has_room_for(wanted) && second.reserve(5 << 20).is_ok());
    }
}
