//! Whether the disk takes what comes: requests that it refused lately.

use crate::limits::REFUSAL_REMEMBERED;
use clew_host::Clock;
use clew_model::ErrorKind;
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// The last refusal of a write path, until something is taken again or it is long ago: who is told that Clew is not ready
/// sends nothing, and only what is sent shows that the disk is well again.
pub(super) struct Refusals {
    clock: Arc<dyn Clock>,
    /// By monotonic time.
    last: Mutex<Option<(Duration, Refusal)>>,
}

/// Why a request was refused that the next one may not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What senders were told.
    pub kind: ErrorKind,
    /// The cause, with the file that could not be written.
    pub cause: Arc<str>,
}

impl Refusals {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, last: Mutex::default() }
    }

    /// The disk refused a request.
    pub(super) fn add(&self, kind: ErrorKind, cause: &str) {
        let refusal = Refusal { kind, cause: cause.into() };
        *self.last.lock() = Some((self.clock.monotonic(), refusal));
    }

    /// The disk took a request.
    pub(super) fn clear(&self) {
        self.last.lock().take();
    }

    /// The last refusal, if it was lately and nothing was taken since.
    pub(super) fn last(&self) -> Option<Refusal> {
        let last = self.last.lock();
        let (at, refusal) = last.as_ref()?;
        (self.clock.monotonic().saturating_sub(*at) < REFUSAL_REMEMBERED).then(|| refusal.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_host::SimClock;

    #[test]
    fn a_refusal_counts_until_something_is_taken_or_it_is_long_ago() {
        let clock = SimClock::new(0);
        let refusals = Refusals::new(Arc::new(clock.clone()));
        assert_eq!(refusals.last(), None);
        refusals.add(ErrorKind::StorageFull, "cannot write /data/logs");
        assert_eq!(refusals.last().unwrap().kind, ErrorKind::StorageFull);
        clock.advance(REFUSAL_REMEMBERED - Duration::from_millis(1));
        assert!(refusals.last().is_some());
        clock.advance(Duration::from_millis(1));
        assert_eq!(refusals.last(), None);
        refusals.add(ErrorKind::Unavailable, "cannot write /data/logs");
        refusals.clear();
        assert_eq!(refusals.last(), None);
    }
}
