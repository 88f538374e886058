//! Whether the clock may be believed where believing it removes data.
//!
//! What was believed last is written down with the time of the last retention. A clock that is further ahead of that than
//! time has passed has jumped; one that is far ahead at a start has jumped, or the server was off for long. Either way
//! nothing is removed by its age for a day, which is long enough for somebody to set the clock right or, if it is right,
//! to say so.

use crate::inventory::{ClockNote, Inventory};
use crate::limits::{CLOCK_JUMP, CLOCK_WAIT, CLOCK_WAS_OFF};
use clew_host::Clock;
use clew_model::UnixNanos;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The clock, as far as it is believed.
#[derive(Debug)]
pub struct TrustedClock {
    clock: Arc<dyn Clock>,
    inventory: Arc<Inventory>,
    state: Mutex<State>,
    /// As in the state; asked with every request that comes in.
    is_doubted: AtomicBool,
}

#[derive(Debug)]
struct State {
    /// The newest data that are stored.
    newest: Option<UnixNanos>,
    /// Whether the clock was looked at before.
    is_settled: bool,
    /// What the clock should show at the last look, going by the last time it was believed.
    believed: UnixNanos,
    /// When that was, by monotonic time.
    seen: Duration,
    /// For how long it has not been believed, while the server ran.
    doubted: Option<Duration>,
}

impl State {
    /// The first look.
    fn settle(&mut self, note: ClockNote, now: UnixNanos) {
        let newest = self.newest.filter(|newest| *newest <= now);
        self.believed = note.believed.or(newest).unwrap_or(now);
        let ahead = now.saturating_sub(self.believed);
        self.doubted = (note.doubted > 0).then(|| Duration::from_secs(note.doubted));
        if self.doubted.is_some() {
            tell(ahead);
        } else if ahead > nanos(CLOCK_WAS_OFF) {
            tell(ahead);
            self.doubted = Some(Duration::ZERO);
        } else {
            // For less than that it was simply off.
            self.believed = self.believed.max(now);
        }
    }
}

/// A clock that is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// How far it is ahead of what it should show, in nanoseconds.
    pub ahead: i64,
    /// How long until it is believed, unless somebody says before that it is right.
    pub wait: Duration,
}

impl TrustedClock {
    /// The clock; it is looked at first when the stores are open.
    pub(crate) fn new(clock: Arc<dyn Clock>, inventory: Arc<Inventory>) -> Self {
        let (believed, seen) = (clock.now(), clock.monotonic());
        let state = State { newest: None, is_settled: false, believed, seen, doubted: None };
        Self { clock, inventory, state: Mutex::new(state), is_doubted: AtomicBool::new(false) }
    }

    /// Tells of the newest data that are stored: where the clock was never believed before, it was right then.
    pub(crate) fn learn(&self, newest: UnixNanos) {
        let mut state = self.state.lock();
        state.newest = state.newest.max(Some(newest));
    }

    /// Looks at the clock; answers why it is not believed, if it is not.
    pub fn look(&self) -> Option<Doubt> {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let mut state = self.state.lock();
        if !std::mem::replace(&mut state.is_settled, true) {
            state.settle(self.inventory.clock(), now);
        }
        let passed = monotonic.saturating_sub(state.seen);
        let expected = state.believed.saturating_add(nanos(passed));
        let ahead = now.saturating_sub(expected);
        (state.believed, state.seen) = (expected, monotonic);
        match state.doubted {
            // One that went back removes nothing that it would not have removed before.
            None if ahead <= nanos(CLOCK_JUMP) => {
                if ahead > -nanos(CLOCK_JUMP) {
                    state.believed = now;
                }
            }
            None => {
                tell(ahead);
                state.doubted = Some(Duration::ZERO);
            }
            Some(_) if ahead <= nanos(CLOCK_JUMP) => {
                tracing::info!("the clock shows what it should again; data are removed by their age as before");
                state.doubted = None;
            }
            Some(doubted) if doubted.saturating_add(passed) >= CLOCK_WAIT => {
                tracing::warn!("the clock has been ahead for a day and is believed now; data are removed by their age");
                (state.believed, state.doubted) = (now, None);
            }
            Some(doubted) => state.doubted = Some(doubted.saturating_add(passed)),
        }
        let doubted = state.doubted;
        self.is_doubted.store(doubted.is_some(), Ordering::Relaxed);
        let seconds = doubted.map_or(0, |doubted| doubted.as_secs().max(1));
        let note = ClockNote { believed: Some(state.believed), doubted: seconds };
        drop(state);
        self.inventory.set_clock(note);
        doubted.map(|doubted| Doubt { ahead, wait: CLOCK_WAIT.saturating_sub(doubted) })
    }

    /// Whether the clock was not believed at the last look.
    #[must_use]
    pub fn is_doubted(&self) -> bool {
        self.is_doubted.load(Ordering::Relaxed)
    }

    /// Somebody says that the clock is right.
    pub fn believe(&self) {
        let mut state = self.state.lock();
        (state.believed, state.seen) = (self.clock.now(), self.clock.monotonic());
        if state.doubted.take().is_some() {
            self.is_doubted.store(false, Ordering::Relaxed);
            tracing::warn!("the clock is believed as somebody says that it is right; data are removed by their age");
        }
        self.inventory.set_clock(ClockNote { believed: Some(state.believed), doubted: 0 });
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

fn tell(ahead: i64) {
    let hours = ahead / nanos(Duration::from_secs(3_600));
    tracing::warn!(
        hours,
        "the clock is ahead of what it should show, or the server was off for that long: nothing is removed by its age for a day; \
         set the clock right, or say that it is right by POST /-/trust-clock"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_host::{Files as _, SimClock, SimFiles};
    use std::path::Path;

    const NOW: i64 = 1_800_000_000_000_000_000;
    const HOUR: i64 = 3_600_000_000_000;
    const DAY: i64 = 24 * HOUR;

    fn start(files: &SimFiles, clock: &SimClock, newest: Option<i64>) -> TrustedClock {
        files.create_dir_all(Path::new("/data")).unwrap();
        let inventory = Arc::new(Inventory::open(Arc::new(files.clone()), Path::new("/data")).0);
        let trusted = TrustedClock::new(Arc::new(clock.clone()), inventory);
        newest.into_iter().for_each(|newest| trusted.learn(newest));
        trusted
    }

    fn hours(count: u64) -> Duration {
        Duration::from_secs(3_600 * count)
    }

    #[test]
    fn a_start_far_ahead_waits_a_day_of_running_however_often_it_is_restarted() {
        let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
        assert_eq!(start(&files, &clock, None).look(), None);
        // The same machine, its clock 60 days ahead.
        let clock = SimClock::new(NOW + 60 * DAY);
        for _ in 0..3 {
            let trusted = start(&files, &clock, Some(NOW + 60 * DAY));
            assert!(trusted.look().is_some_and(|doubt| doubt.ahead > 59 * DAY));
            for _ in 0..7 {
                clock.advance(hours(1));
                assert!(trusted.look().is_some());
            }
        }
        let trusted = start(&files, &clock, None);
        assert!(trusted.look().is_some());
        clock.advance(hours(2));
        assert!(trusted.look().is_some_and(|doubt| doubt.wait <= hours(1)));
        clock.advance(hours(1));
        assert_eq!(trusted.look(), None);
        drop(trusted);
        assert_eq!(start(&files, &clock, None).look(), None);
    }

    #[test]
    fn a_clock_that_is_set_right_or_said_to_be_right_is_believed_at_once() {
        let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
        let trusted = start(&files, &clock, None);
        assert_eq!(trusted.look(), None);
        clock.set(NOW + 60 * DAY);
        assert!(trusted.look().is_some());
        clock.set(NOW + HOUR / 2);
        assert_eq!(trusted.look(), None);
        clock.set(NOW + 60 * DAY);
        assert!(trusted.look().is_some());
        trusted.believe();
        assert_eq!(trusted.look(), None);
        drop(trusted);
        assert_eq!(start(&files, &SimClock::new(NOW + 60 * DAY + HOUR), None).look(), None);
    }

    #[test]
    fn a_night_off_is_nothing_and_neither_is_a_clock_that_goes_back() {
        let (files, clock) = (SimFiles::new(), SimClock::new(NOW));
        start(&files, &clock, None).look();
        let clock = SimClock::new(NOW + 20 * HOUR);
        let trusted = start(&files, &clock, None);
        assert_eq!(trusted.look(), None);
        clock.set(NOW - 300 * DAY);
        assert_eq!(trusted.look(), None);
        // Back where it was it has not jumped.
        clock.set(NOW + 20 * HOUR);
        assert_eq!(trusted.look(), None);
    }

    #[test]
    fn without_a_note_the_newest_data_say_when_the_clock_was_right() {
        let clock = SimClock::new(NOW);
        assert!(start(&SimFiles::new(), &clock, Some(NOW - 60 * DAY)).look().is_some());
        assert_eq!(start(&SimFiles::new(), &clock, Some(NOW - HOUR)).look(), None);
        assert_eq!(start(&SimFiles::new(), &clock, Some(NOW + DAY)).look(), None);
    }
}
