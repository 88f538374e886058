//! What is known of the series of one target, so that a series seen before costs one lookup.

use clew_config::prometheus::ScrapeProtocol;
use clew_model::UnixMillis;
use clew_model::metrics::{Labels, Metadata, MetricType};
use hashbrown::{DefaultHashBuilder, HashMap};
use parking_lot::Mutex;
use std::sync::Arc;

/// What a target says of its families, by their names.
pub(super) type Families = Arc<Mutex<HashMap<String, Metadata, DefaultHashBuilder>>>;

/// The series of one target: the text by which it writes each, and what is stored under it.
///
/// Rounds count scrapes from 1. Memory: what the target exposed in its last two successful scrapes.
#[derive(Debug, Default)]
pub(super) struct SeriesCache {
    /// By the text in the answer.
    pub(super) texts: HashMap<Box<[u8]>, Written, DefaultHashBuilder>,
    /// Stored series; several texts may name one, after relabelling.
    pub(super) slots: Vec<Slot>,
    pub(super) free: Vec<u32>,
    pub(super) by_labels: HashMap<Labels, u32, DefaultHashBuilder>,
    /// What was last written about each family; the target's status shows it.
    pub(super) metadata: Families,
    /// The format of the last answer; a text may mean something else in another.
    pub(super) protocol: Option<ScrapeProtocol>,
    /// The round that runs, or ran last.
    pub(super) round: u64,
}

/// A text of the answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// The slot of its series; `None` when relabelling drops it.
    pub(super) slot: Option<u32>,
    /// The type of the family under which it stood; under another type the text may mean something else.
    pub(super) family_type: MetricType,
    /// The round in which it was seen last.
    pub(super) round: u64,
}

/// A stored series.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) labels: Labels,
    /// The round in which it was seen last; its place in that round's batch is `place`.
    pub(super) round: u64,
    pub(super) place: u32,
    /// The time of its last sample.
    pub(super) time: UnixMillis,
    /// The last round with a sample whose absence later asks for a staleness marker.
    pub(super) tracked: u64,
    /// What `tracked` was before the round that runs; a round that fails goes back to it.
    pub(super) tracked_before: u64,
}

impl SeriesCache {
    /// The series that had tracked samples in the last round: the ones to be marked stale when the target goes.
    pub(super) fn live(&self) -> impl Iterator<Item = &Labels> {
        self.slots.iter().filter(|slot| self.round > 0 && slot.tracked == self.round).map(|slot| &slot.labels)
    }

    /// The time of the latest sample of those series.
    pub(super) fn latest(&self) -> Option<UnixMillis> {
        self.slots.iter().filter(|slot| slot.tracked == self.round).map(|slot| slot.time).max()
    }

    /// Keeps the stored series, for their staleness, and forgets what the texts meant: the rules have changed.
    pub(super) fn forget_texts(&mut self) {
        self.texts.clear();
        self.metadata.lock().clear();
    }

    /// The slot of a label set.
    pub(super) fn slot_of(&mut self, labels: Labels) -> u32 {
        if let Some(slot) = self.by_labels.get(&labels) {
            return *slot;
        }
        let fresh =
            Slot { labels: labels.clone(), round: 0, place: 0, time: UnixMillis::MIN, tracked: 0, tracked_before: 0 };
        let reused = self.free.pop().and_then(|index| self.slots.get_mut(index as usize).map(|slot| (index, slot)));
        let index = match reused {
            Some((index, slot)) => {
                *slot = fresh;
                index
            }
            None => {
                self.slots.push(fresh);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.by_labels.insert(labels, index);
        index
    }

    /// Forgets what the round that just ended did not see.
    pub(super) fn evict(&mut self) {
        let round = self.round;
        self.texts.retain(|_, written| written.round == round);
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if slot.round != round && !slot.labels.is_empty() {
                self.by_labels.remove(&slot.labels);
                slot.labels = Labels::empty();
                slot.tracked = 0;
                self.free.extend(u32::try_from(index));
            }
        }
    }
}
