//! What is not sealed: per tenant the series index, the samples being gathered, and those being sealed.

use super::buffer::{Codec, SeriesBuffer, SeriesEnd};
use super::index::SeriesIndex;
use crate::engine::Snapshot;
use crate::limits::{HEAD_CHUNK_SERIES, MAX_METADATA_BYTES, MAX_METADATA_FAMILIES};
use clew_model::TenantId;
use clew_model::metrics::Metadata;
use parking_lot::RwLock;
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
    pub(super) metadata: BTreeMap<TenantId, Arc<Families>>,
    pub(super) metadata_is_new: bool,
    pub(super) codec: Codec,
}

/// A tenant's metadata by the name of the metric family.
#[derive(Debug, Clone, Default)]
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

/// Buffers of series whose numbers follow each other. A view of the head shares them; who writes makes them its own
/// again, so readers and writers share no lock.
pub(super) type Chunk = Vec<SeriesBuffer>;

/// The samples gathered between two seals, by the series' number in the head. Cloning it shares the buffers.
#[derive(Clone, Default)]
pub(super) struct Generation {
    chunks: Vec<Arc<Chunk>>,
    pub(super) with_exemplars: RoaringBitmap,
    pub(super) samples: u64,
    pub(super) bytes: u64,
}

impl Generation {
    pub(super) fn buffer(&self, number: u32) -> Option<&SeriesBuffer> {
        let number = number as usize;
        self.chunks.get(number / HEAD_CHUNK_SERIES)?.get(number % HEAD_CHUNK_SERIES)
    }

    /// The chunks of the series up to `number`, to be written; those that are not there are made.
    pub(super) fn chunks_mut(&mut self, number: u32) -> &mut [Arc<Chunk>] {
        while self.chunks.len() <= number as usize / HEAD_CHUNK_SERIES {
            let mut chunk = Vec::new();
            chunk.resize_with(HEAD_CHUNK_SERIES, SeriesBuffer::default);
            self.chunks.push(Arc::new(chunk));
        }
        &mut self.chunks
    }

    /// The buffer of a series, to be written.
    pub(super) fn buffer_mut(&mut self, number: u32) -> Option<&mut SeriesBuffer> {
        let chunk = self.chunks_mut(number).get_mut(number as usize / HEAD_CHUNK_SERIES).map(Arc::make_mut)?;
        chunk.get_mut(number as usize % HEAD_CHUNK_SERIES)
    }

    /// All buffers, in order of the series' numbers from 0 on.
    pub(super) fn chunks(&self) -> impl Iterator<Item = &Chunk> {
        self.chunks.iter().map(|chunk| &**chunk)
    }

    /// Whether nothing was written.
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Bytes of the buffers themselves.
    pub(super) fn slot_bytes(&self) -> usize {
        self.chunks.len() * HEAD_CHUNK_SERIES * size_of::<SeriesBuffer>()
    }
}

/// One tenant's head.
#[derive(Default)]
pub(super) struct TenantHead {
    /// Which index it is: another one has other numbers.
    pub(super) table: u64,
    pub(super) index: SharedSeries,
    pub(super) ends: Vec<SeriesEnd>,
    pub(super) active: Generation,
    pub(super) frozen: Option<Arc<Generation>>,
}

/// The series of a head. Numbers only grow; where they change, it is another one. Its lock is for short looks.
pub(super) type SharedSeries = Arc<RwLock<SeriesIndex>>;

impl TenantHead {
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
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let is_in = |generation: &Generation| generation.buffer(number).is_some_and(|one| !one.is_empty());
            is_in(&self.active) || frozen.as_ref().is_some_and(|frozen| is_in(frozen))
        };
        let known = self.index.read().len();
        let used: Vec<usize> = (0..known).filter(|number| is_used(*number)).collect();
        let ended = known - used.len();
        let is_worth_it = ended > used.len() || (known >= many && ended * 8 > known) || (is_full && ended > 0);
        if !is_worth_it {
            return frozen;
        }
        let old = std::mem::take(self);
        self.table = old.table + 1;
        let old_index = old.index.read();
        let mut index = self.index.write();
        for number in used {
            let labels = old_index.all_labels().get(number);
            let (Some(labels), Some(end)) = (labels, old.ends.get(number)) else { continue };
            let new = index.insert(labels.clone());
            self.ends.push(*end);
            let buffer = old.active.buffer(u32::try_from(number).unwrap_or(u32::MAX)).cloned().unwrap_or_default();
            if !buffer.exemplars().is_empty() {
                self.active.with_exemplars.insert(new);
            }
            if let Some(place) = self.active.buffer_mut(new) {
                *place = buffer;
            }
        }
        drop((index, old_index));
        self.active.samples = old.active.samples;
        self.active.bytes = old.active.bytes;
        frozen
    }
}
