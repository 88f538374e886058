//! What is not sealed: per tenant the series index, the samples being gathered, and those being sealed.

use super::buffer::{Codec, SeriesBuffer, SeriesEnd};
use super::index::SeriesIndex;
use crate::engine::Snapshot;
use crate::limits::{MAX_METADATA_BYTES, MAX_METADATA_FAMILIES};
use clew_model::TenantId;
use clew_model::metrics::{Labels, Metadata};
use roaring::RoaringBitmap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes that the stored form of a family's metadata has beside its texts, at most.
const METADATA_OVERHEAD: usize = 16;

/// Everything that readers must see together, under one lock.
pub(super) struct State {
    pub(super) tenants: BTreeMap<TenantId, TenantHead>,
    /// The sealed runs; those of the frozen samples are not among them.
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) applied_position: u64,
    /// Where the frozen samples end, while there are some.
    pub(super) frozen_position: Option<u64>,
    pub(super) metadata: BTreeMap<TenantId, Families>,
    pub(super) metadata_is_new: bool,
    pub(super) codec: Codec,
}

/// A tenant's metadata by the name of the metric family.
#[derive(Debug, Default)]
pub(super) struct Families {
    pub(super) by_name: BTreeMap<String, Metadata>,
    bytes: usize,
}

impl Families {
    /// Keeps what is new; answers whether it was, `None` when there is no room for it.
    pub(super) fn keep(&mut self, metadata: &Metadata) -> Option<bool> {
        let known = self.by_name.get(&metadata.metric);
        if known == Some(metadata) {
            return Some(false);
        }
        let bytes_of = |one: &Metadata| one.metric.len() + one.help.len() + one.unit.len() + METADATA_OVERHEAD;
        let bytes = self.bytes - known.map_or(0, bytes_of) + bytes_of(metadata);
        if bytes > MAX_METADATA_BYTES || (known.is_none() && self.by_name.len() >= MAX_METADATA_FAMILIES) {
            return None;
        }
        self.bytes = bytes;
        self.by_name.insert(metadata.metric.clone(), metadata.clone());
        Some(true)
    }
}

impl FromIterator<Metadata> for Families {
    fn from_iter<I: IntoIterator<Item = Metadata>>(stored: I) -> Self {
        let mut families = Self::default();
        stored.into_iter().for_each(|metadata| {
            families.keep(&metadata);
        });
        families
    }
}

/// The samples gathered between two seals, by the series' number in the head.
#[derive(Default)]
pub(super) struct Generation {
    pub(super) buffers: Vec<SeriesBuffer>,
    pub(super) with_exemplars: RoaringBitmap,
    pub(super) samples: u64,
    pub(super) bytes: u64,
}

impl Generation {
    pub(super) fn buffer(&self, number: u32) -> Option<&SeriesBuffer> {
        self.buffers.get(number as usize)
    }
}

/// One tenant's head.
#[derive(Default)]
pub(super) struct TenantHead {
    pub(super) index: SeriesIndex,
    pub(super) ends: Vec<SeriesEnd>,
    pub(super) active: Generation,
    pub(super) frozen: Option<Arc<Generation>>,
}

impl TenantHead {
    /// The number of a series, and whether it was added.
    pub(super) fn number_of(&mut self, labels: &Labels, guess: u32) -> (u32, bool) {
        if let Some(number) = self.index.find_near(labels, guess) {
            return (number, false);
        }
        let number = self.index.insert(labels.clone());
        self.ends.push(SeriesEnd::NONE);
        (number, true)
    }

    /// The active buffer and the end of a series.
    pub(super) fn slot(&mut self, number: u32) -> Option<(&mut SeriesBuffer, &mut SeriesEnd)> {
        let at = number as usize;
        if self.active.buffers.len() <= at {
            // All at once: after a freeze every series comes back soon.
            self.active.buffers.resize_with(self.ends.len().max(at + 1), SeriesBuffer::default);
        }
        self.active.buffers.get_mut(at).zip(self.ends.get_mut(at))
    }

    /// Sets the active samples aside, to be sealed.
    pub(super) fn freeze(&mut self) {
        self.frozen = Some(Arc::new(std::mem::take(&mut self.active)));
    }

    /// Forgets the frozen samples, which are sealed now; and the series that had none for a while, when they are the
    /// greater part, or an eighth where the head has `many` series, or any where it `is_full`. Answers the frozen samples,
    /// to be freed by the caller.
    pub(super) fn thaw(&mut self, many: usize, is_full: bool) -> Option<Arc<Generation>> {
        let frozen = self.frozen.take();
        let is_used = |number: usize| {
            let is_in = |generation: &Generation| generation.buffers.get(number).is_some_and(|one| !one.is_empty());
            is_in(&self.active) || frozen.as_ref().is_some_and(|frozen| is_in(frozen))
        };
        let used: Vec<usize> = (0..self.index.len()).filter(|number| is_used(*number)).collect();
        let ended = self.index.len() - used.len();
        let is_worth_it =
            ended > used.len() || (self.index.len() >= many && ended * 8 > self.index.len()) || (is_full && ended > 0);
        if !is_worth_it {
            return frozen;
        }
        let old = std::mem::take(self);
        let mut buffers = old.active.buffers;
        for number in used {
            let labels = old.index.all_labels().get(number);
            let (Some(labels), Some(end)) = (labels, old.ends.get(number)) else { continue };
            let new = self.index.insert(labels.clone());
            self.ends.push(*end);
            let buffer = buffers.get_mut(number).map(std::mem::take).unwrap_or_default();
            if !buffer.exemplars().is_empty() {
                self.active.with_exemplars.insert(new);
            }
            self.active.buffers.push(buffer);
        }
        self.active.samples = old.active.samples;
        self.active.bytes = old.active.bytes;
        frozen
    }
}
