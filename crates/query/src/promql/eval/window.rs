//! Which samples lie in which window: bounds are computed once for all series that share an array of times.

use super::rate::Stretch;
use super::steps::Steps;
use clew_model::UnixMillis;
use std::sync::Arc;

/// Indexes of the first sample of a window and of the first sample after it.
pub(super) type Bounds = (u32, u32);

/// Computes the bounds of windows `(end - width, end]` for arrays of times.
pub(super) struct Windows {
    ends: Steps,
    width: i64,
    /// The last array: series that share one follow each other.
    known: Option<Known>,
}

struct Known {
    times: Arc<[UnixMillis]>,
    bounds: Vec<Bounds>,
    /// Of each window, once they are asked for.
    stretches: Vec<Option<Stretch>>,
}

impl Windows {
    pub(super) fn new(ends: Steps, width: i64) -> Self {
        Self { ends, width, known: None }
    }

    /// The bounds of each step's window.
    pub(super) fn bounds(&mut self, times: &Arc<[UnixMillis]>) -> &[Bounds] {
        &self.known(times).bounds
    }

    /// The bounds of each step's window, and how far it is extrapolated.
    pub(super) fn stretched(&mut self, times: &Arc<[UnixMillis]>) -> (&[Bounds], &[Option<Stretch>]) {
        let (ends, width) = (self.ends, self.width);
        let Known { bounds, stretches, .. } = self.known(times);
        if stretches.len() != bounds.len() {
            let of_window = |(bounds, end): (&Bounds, UnixMillis)| {
                Stretch::of(slice(times, *bounds), end.saturating_sub(width), end)
            };
            stretches.clear();
            stretches.extend(bounds.iter().zip(ends.iter()).map(of_window));
        }
        (bounds, stretches)
    }

    fn known(&mut self, times: &Arc<[UnixMillis]>) -> &mut Known {
        let known = self.known.get_or_insert_with(|| Known {
            times: Arc::clone(times),
            bounds: Vec::new(),
            stretches: Vec::new(),
        });
        if known.bounds.is_empty() || !Arc::ptr_eq(&known.times, times) {
            known.times = Arc::clone(times);
            known.stretches.clear();
            let time = |index| times.get(index).copied();
            window_bounds(times.len(), time, self.ends, self.width, &mut known.bounds);
        }
        known
    }

    /// The bounds for samples whose times are not in an array of their own.
    pub(super) fn bounds_of<T>(&self, samples: &[(UnixMillis, T)]) -> Vec<Bounds> {
        let mut bounds = Vec::new();
        let time = |index: usize| samples.get(index).map(|(time, _)| *time);
        window_bounds(samples.len(), time, self.ends, self.width, &mut bounds);
        bounds
    }
}

/// Both bounds only ever advance, so all windows together cost one pass.
fn window_bounds(
    length: usize,
    time: impl Fn(usize) -> Option<UnixMillis>,
    ends: Steps,
    width: i64,
    bounds: &mut Vec<Bounds>,
) {
    bounds.clear();
    let (mut low, mut high) = (0, 0);
    let narrow = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    bounds.extend(ends.iter().map(|end| {
        let start = end.saturating_sub(width);
        while high < length && time(high).is_some_and(|time| time <= end) {
            high += 1;
        }
        while low < high && time(low).is_some_and(|time| time <= start) {
            low += 1;
        }
        (narrow(low), narrow(high))
    }));
}

/// The samples within bounds.
pub(super) fn slice<T>(samples: &[T], bounds: Bounds) -> &[T] {
    samples.get(bounds.0 as usize..bounds.1 as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_open_on_the_left_and_shared_by_pointer() {
        let times: Arc<[i64]> = Arc::from([0, 10, 20, 30]);
        let mut windows = Windows::new(Steps { first: 10, step: 10, count: 4 }, 20);
        assert_eq!(windows.bounds(&times), &[(0, 2), (1, 3), (2, 4), (3, 4)]);
        let first = windows.bounds(&times).as_ptr();
        assert_eq!(windows.bounds(&times).as_ptr(), first);
        assert_eq!(windows.bounds(&Arc::from([5, 30])), &[(0, 1), (0, 1), (1, 2), (1, 2)]);
    }
}
