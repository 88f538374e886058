//! The limit of active series: those that the head knows are written on, those beyond it are named to be refused, before
//! anything of them stands in the journal.

use super::head::State;
use super::store::MetricStore;
use crate::limits::SERIES_INDEX_BYTES;
use clew_model::TenantId;
use clew_model::metrics::{LabelSets, SeriesKey};
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much of the limit is taken: known without the head's lock, as of the last batch or seal.
#[derive(Debug, Default)]
pub(super) struct Taken {
    series: AtomicUsize,
    bytes: AtomicUsize,
    /// Series and bytes of each tenant.
    tenants: Mutex<HashMap<TenantId, (usize, usize)>>,
    /// Tenants of which new series were refused since the last seal.
    crowded: Mutex<HashSet<TenantId>>,
}

impl Taken {
    /// Looks at all tenants.
    pub(super) fn update(&self, state: &State) {
        state.tenants.keys().for_each(|tenant| self.update_one(state, tenant));
    }

    /// Tenants for which every place counts, which are forgotten.
    pub(super) fn take_crowded(&self) -> HashSet<TenantId> {
        std::mem::take(&mut *self.crowded.lock())
    }

    /// Looks at a tenant. Called with the state's lock held for writing, so that no two do at once.
    pub(super) fn update_one(&self, state: &State, tenant: &TenantId) {
        let Some(head) = state.tenants.get(tenant) else { return };
        let now = {
            let index = head.index.read();
            (index.len(), index.memory_bytes())
        };
        let mut tenants = self.tenants.lock();
        let before = match tenants.get_mut(tenant) {
            Some(known) => std::mem::replace(known, now),
            None => {
                tenants.insert(tenant.clone(), now);
                (0, 0)
            }
        };
        let moved = |total: &AtomicUsize, before: usize, now: usize| {
            total.store(total.load(Ordering::Relaxed).saturating_sub(before).saturating_add(now), Ordering::Relaxed);
        };
        moved(&self.series, before.0, now.0);
        moved(&self.bytes, before.1, now.1);
    }
}

/// Which series are beyond the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beyond {
    /// That of the store.
    Store,
    /// That of their tenant.
    Tenant,
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

    /// Series of a tenant in the head, as of its last batch or the last seal.
    #[must_use]
    pub fn active_series_of(&self, tenant: &TenantId) -> usize {
        self.taken.tenants.lock().get(tenant).map_or(0, |(series, _)| *series)
    }

    /// Whether so many series are within the limit even if all of them are new; known without the head's lock.
    #[must_use]
    pub fn has_room(&self, series: usize) -> bool {
        series <= self.room()
    }

    /// The same within the limit of a tenant, where it has one.
    #[must_use]
    pub fn has_room_of(&self, tenant: &TenantId, limit: Option<usize>, series: usize) -> bool {
        self.has_room(series) && limit.is_none_or(|limit| series <= limit.saturating_sub(self.active_series_of(tenant)))
    }

    /// Which of these series are new and beyond the limit of the store or that of their tenant, by their place; empty when
    /// none is. Those that will not be
    /// written whatever the limit (`is_candidate`, by place) take no room. Waits for the head's lock, unless there is room
    /// for all: not for a thread that serves connections.
    ///
    /// Batches that are looked at side by side do not count each other: together they may pass the limit by what waits
    /// for the journal.
    #[must_use]
    pub fn beyond_limit(
        &self,
        tenant: &TenantId,
        limit: Option<usize>,
        series: &LabelSets,
        is_candidate: impl Fn(usize) -> bool,
    ) -> Vec<Option<Beyond>> {
        let mut room = self.room();
        let mut own_room = limit.map_or(usize::MAX, |limit| limit.saturating_sub(self.active_series_of(tenant)));
        if series.len() <= room.min(own_room) {
            return Vec::new();
        }
        let state = self.state.read();
        let head = state.tenants.get(tenant).map(|head| head.index.read());
        let mut guess = 0;
        let mut is_beyond = |(place, key): (usize, SeriesKey<'_>)| {
            if !is_candidate(place) {
                return None;
            }
            if let Some(number) = head.as_ref().and_then(|head| head.find_near(key, guess)) {
                guess = number.wrapping_add(1);
                return None;
            }
            if own_room == 0 || room == 0 {
                return Some(if own_room == 0 { Beyond::Tenant } else { Beyond::Store });
            }
            (room, own_room) = (room.saturating_sub(1), own_room.saturating_sub(1));
            None
        };
        let beyond: Vec<Option<Beyond>> = series.keys().enumerate().map(&mut is_beyond).collect();
        if beyond.contains(&Some(Beyond::Tenant)) {
            self.taken.crowded.lock().insert(tenant.clone());
        }
        if beyond.iter().any(Option::is_some) { beyond } else { Vec::new() }
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
        self.room() < self.options.max_series / 2 || !self.taken.crowded.lock().is_empty()
    }
}
