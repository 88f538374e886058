//! The limit of active series: those that the head knows are written on, those beyond it are named to be refused, before
//! anything of them stands in the journal.

use super::head::State;
use super::store::MetricStore;
use crate::limits::SERIES_INDEX_BYTES;
use clew_model::TenantId;
use clew_model::metrics::{LabelSets, SeriesKey};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much of the limit is taken: known without the head's lock, as of the last batch or seal.
#[derive(Debug, Default)]
pub(super) struct Taken {
    series: AtomicUsize,
    bytes: AtomicUsize,
}

impl Taken {
    pub(super) fn update(&self, state: &State) {
        let sum = |of: &dyn Fn(&super::head::TenantHead) -> usize| state.tenants.values().map(of).sum();
        self.series.store(sum(&|head| head.index.read().len()), Ordering::Relaxed);
        self.bytes.store(sum(&|head| head.index.read().memory_bytes()), Ordering::Relaxed);
    }
}

impl MetricStore {
    /// The limit of active series, all tenants together.
    #[must_use]
    pub fn max_series(&self) -> usize {
        self.options.max_series
    }

    /// Series in the head, all tenants together, as of the last batch or seal.
    #[must_use]
    pub fn active_series(&self) -> usize {
        self.taken.series.load(Ordering::Relaxed)
    }

    /// Whether so many series are within the limit even if all of them are new; known without the head's lock.
    #[must_use]
    pub fn has_room(&self, series: usize) -> bool {
        series <= self.room()
    }

    /// Which of these series are new and beyond the limit, by their place; empty when none is. Those that will not be
    /// written whatever the limit (`is_candidate`, by place) take no room. Waits for the head's lock, unless there is room
    /// for all: not for a thread that serves connections.
    ///
    /// Batches that are looked at side by side do not count each other: together they may pass the limit by what waits
    /// for the journal.
    #[must_use]
    pub fn beyond_limit(
        &self,
        tenant: &TenantId,
        series: &LabelSets,
        is_candidate: impl Fn(usize) -> bool,
    ) -> Vec<bool> {
        let mut room = self.room();
        if series.len() <= room {
            return Vec::new();
        }
        let state = self.state.read();
        let head = state.tenants.get(tenant).map(|head| head.index.read());
        let mut guess = 0;
        let mut is_beyond = |(place, key): (usize, SeriesKey<'_>)| {
            if !is_candidate(place) {
                return false;
            }
            if let Some(number) = head.as_ref().and_then(|head| head.find_near(key, guess)) {
                guess = number.wrapping_add(1);
                return false;
            }
            let is_beyond = room == 0;
            room = room.saturating_sub(1);
            is_beyond
        };
        let beyond: Vec<bool> = series.keys().enumerate().map(&mut is_beyond).collect();
        if beyond.contains(&true) { beyond } else { Vec::new() }
    }

    /// New series that may still come.
    fn room(&self) -> usize {
        let most_bytes = self.options.max_series.saturating_mul(SERIES_INDEX_BYTES);
        if self.taken.bytes.load(Ordering::Relaxed) >= most_bytes {
            return 0;
        }
        self.options.max_series.saturating_sub(self.active_series())
    }

    /// Whether the head is so full that it is worth a seal to forget the series that ended, though no sample waits.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.room() < self.options.max_series / 2
    }
}
