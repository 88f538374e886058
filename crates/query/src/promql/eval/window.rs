//! Which samples lie in which window: bounds are computed once for all series that share an array of times.

use super::steps::Steps;
use crate::limits::MAX_CACHED_WINDOWS;
use clew_model::UnixMillis;
use hashbrown::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// Indexes of the first sample of a window and of the first sample after it.
pub(super) type Bounds = (u32, u32);

/// An array of times and the bounds of the windows over it.
type Known = (Arc<[UnixMillis]>, Rc<[Bounds]>);

/// Computes the bounds of windows `(end - width, end]` for arrays of times.
pub(super) struct Windows {
    ends: Steps,
    width: i64,
    /// By address of the array, which is kept alive beside its bounds so that no other array can take its place.
    known: HashMap<usize, Known>,
}

impl Windows {
    pub fn new(ends: Steps, width: i64) -> Self {
        Self { ends, width, known: HashMap::new() }
    }

    /// The bounds of each step's window.
    pub fn bounds(&mut self, times: &Arc<[UnixMillis]>) -> Rc<[Bounds]> {
        let address = times.as_ptr() as usize;
        if let Some((known, bounds)) = self.known.get(&address)
            && Arc::ptr_eq(known, times)
        {
            return Rc::clone(bounds);
        }
        let bounds: Rc<[Bounds]> = window_bounds(times.len(), |index| times.get(index).copied(), self.ends, self.width);
        if self.known.len() >= MAX_CACHED_WINDOWS {
            self.known.clear();
        }
        self.known.insert(address, (Arc::clone(times), Rc::clone(&bounds)));
        bounds
    }

    /// The bounds for samples whose times are not in an array of their own.
    pub fn bounds_of<T>(&self, samples: &[(UnixMillis, T)]) -> Rc<[Bounds]> {
        window_bounds(samples.len(), |index| samples.get(index).map(|(time, _)| *time), self.ends, self.width)
    }
}

/// Both bounds only ever advance, so all windows together cost one pass.
fn window_bounds(length: usize, time: impl Fn(usize) -> Option<UnixMillis>, ends: Steps, width: i64) -> Rc<[Bounds]> {
    let (mut low, mut high) = (0, 0);
    let narrow = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
    ends.iter()
        .map(|end| {
            let start = end.saturating_sub(width);
            while high < length && time(high).is_some_and(|time| time <= end) {
                high += 1;
            }
            while low < high && time(low).is_some_and(|time| time <= start) {
                low += 1;
            }
            (narrow(low), narrow(high))
        })
        .collect()
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
        let bounds = windows.bounds(&times);
        assert_eq!(&*bounds, &[(0, 2), (1, 3), (2, 4), (3, 4)]);
        assert!(Rc::ptr_eq(&bounds, &windows.bounds(&times)));
        assert!(!Rc::ptr_eq(&bounds, &windows.bounds(&Arc::from([0, 10, 20, 30]))));
    }
}
