//! The series indexes of sealed partitions, loaded when they are asked for and kept in bounded memory.

use super::head::SharedSeries;
use super::index::SeriesIndex;
use super::run::{RunHeader, read_header, read_labels};
use crate::engine::{PartitionKey, Run, Snapshot};
use crate::error::KvError;
use clew_model::ReadError;
use parking_lot::{Mutex, RwLock};
use roaring::RoaringBitmap;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Weak};

/// The series of one partition: numbers are the partition's own.
#[derive(Default)]
pub(super) struct PartitionIndex {
    pub(super) series: SeriesIndex,
    /// By generation.
    pub(super) headers: BTreeMap<u64, Arc<RunHeader>>,
    /// Runs that cannot be read, by generation, and why. Series that only they name have no labels.
    damaged: BTreeMap<u64, String>,
    links: Mutex<Links>,
}

/// Which series of the head is which of a partition, as far as was asked: found by label bytes once, then by number.
#[derive(Default)]
pub(super) struct Links {
    head: Weak<RwLock<SeriesIndex>>,
    known: usize,
    numbers: Vec<u32>,
}

/// Not asked yet.
const UNKNOWN: u32 = u32::MAX;
/// Not in the head.
const NOWHERE: u32 = u32::MAX - 1;

impl Links {
    /// Begins anew for another head; series that were not in it may be by now.
    fn renew(&mut self, shared: &SharedSeries, head: &SeriesIndex, series: usize) {
        if self.head.as_ptr() != Arc::as_ptr(shared) {
            *self = Self { head: Arc::downgrade(shared), known: head.len(), numbers: Vec::new() };
        }
        if self.known != head.len() {
            self.known = head.len();
            self.numbers.iter_mut().filter(|number| **number == NOWHERE).for_each(|number| *number = UNKNOWN);
        }
        self.numbers.resize(series, UNKNOWN);
    }
}

impl PartitionIndex {
    /// Loads what is not loaded yet, oldest run first: each run continues the numbers of those before it.
    fn load(&mut self, snapshot: &Snapshot, runs: &[Run]) -> Result<(), KvError> {
        for run in runs {
            if self.headers.contains_key(&run.generation) || self.damaged.contains_key(&run.generation) {
                continue;
            }
            match self.load_run(snapshot, run) {
                Ok(()) => {}
                Err(error) if error.is_damage() => {
                    self.damaged.insert(run.generation, error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn load_run(&mut self, snapshot: &Snapshot, run: &Run) -> Result<(), KvError> {
        let header = read_header(snapshot, run)?;
        let known = self.series.len() as u32;
        if header.first_new > known {
            if self.damaged.is_empty() {
                let reason = format!("its series begin at {}, {known} are known", header.first_new);
                return Err(KvError::inconsistent(format!("run {}", run.generation), reason));
            }
            // A run that cannot be read has the labels of those between.
            self.series.skip_to(header.first_new);
        }
        let skip = (self.series.len() as u32 - header.first_new) as usize;
        if header.new as usize > skip {
            let labels = read_labels(snapshot, run, &header).inspect_err(|_| {
                self.series.skip_to(header.first_new.saturating_add(header.new));
            })?;
            for labels in labels.into_iter().skip(skip) {
                self.series.insert(labels);
            }
        }
        self.headers.insert(run.generation, Arc::new(header));
        Ok(())
    }

    /// Why one of these runs cannot be read, if one is known not to be.
    fn damage_of(&self, runs: &[Run]) -> Option<&String> {
        runs.iter().find_map(|run| self.damaged.get(&run.generation))
    }

    fn has_loaded(&self, runs: &[Run]) -> bool {
        let is_loaded =
            |run: &Run| self.headers.contains_key(&run.generation) || self.damaged.contains_key(&run.generation);
        runs.iter().all(is_loaded)
    }

    /// Calls `visit` with each of these series, and the head's number of it where the head has it.
    pub(super) fn link(
        &self,
        shared: &SharedSeries,
        selected: &RoaringBitmap,
        mut visit: impl FnMut(u32, Option<u32>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let head = shared.read();
        let mut links = self.links.lock();
        links.renew(shared, &head, self.series.len());
        let mut guess = 0;
        for number in selected {
            let Some(link) = links.numbers.get_mut(number as usize) else { continue };
            if *link == UNKNOWN {
                let labels = self.series.labels(number);
                *link = labels.and_then(|labels| head.find_labels(labels, guess)).unwrap_or(NOWHERE);
            }
            guess = link.wrapping_add(1);
            visit(number, (*link != NOWHERE).then_some(*link))?;
        }
        Ok(())
    }

    /// The headers of these runs, in their order; `None` when one is not loaded.
    fn headers_of(&self, runs: &[Run]) -> Option<Vec<Arc<RunHeader>>> {
        runs.iter().map(|run| self.headers.get(&run.generation).cloned()).collect()
    }

    fn memory_bytes(&self) -> usize {
        let headers: usize = self.headers.values().map(|header| header.present.serialized_size() + 64).sum();
        self.series.memory_bytes() + headers + self.links.lock().numbers.capacity() * size_of::<u32>()
    }
}

pub(super) type SharedIndex = Arc<RwLock<PartitionIndex>>;

/// The index of a partition with the runs that were asked for. Its lock is for short looks, never to be held while runs
/// are read: who comes with a new run waits for it, and then all others behind.
pub(super) struct LoadedIndex {
    pub(super) index: SharedIndex,
    /// Of each run asked for, in their order.
    pub(super) headers: Vec<Arc<RunHeader>>,
}

struct Cached {
    index: SharedIndex,
    used: u64,
    bytes: usize,
}

/// Loaded indexes, the least recently used ones give way.
pub(super) struct IndexCache {
    most_bytes: u64,
    cached: Mutex<(u64, HashMap<PartitionKey, Cached>)>,
}

impl IndexCache {
    pub(super) fn new(most_bytes: u64) -> Self {
        Self { most_bytes, cached: Mutex::default() }
    }

    /// The index of a partition, with all these runs loaded.
    pub(super) fn get(&self, snapshot: &Snapshot, key: &PartitionKey, runs: &[Run]) -> Result<LoadedIndex, KvError> {
        let index = self.get_to_extend(snapshot, key, runs)?;
        let headers = {
            let index = index.read();
            if let Some(reason) = index.damage_of(runs) {
                return Err(KvError::inconsistent("a partition", reason.clone()));
            }
            index.headers_of(runs)
        };
        let headers = headers.ok_or_else(|| KvError::inconsistent("a partition", "two of its runs have one number"))?;
        Ok(LoadedIndex { index, headers })
    }

    /// As [`IndexCache::get`], for who adds a run and need not know what the others hold: a run that is damaged does not
    /// matter, its series are named anew.
    pub(super) fn get_to_extend(
        &self,
        snapshot: &Snapshot,
        key: &PartitionKey,
        runs: &[Run],
    ) -> Result<SharedIndex, KvError> {
        let index = {
            let mut cached = self.cached.lock();
            cached.0 += 1;
            let (clock, entries) = &mut *cached;
            let entry = entries.entry(key.clone());
            let entry = entry.or_insert_with(|| Cached { index: SharedIndex::default(), used: 0, bytes: 0 });
            entry.used = *clock;
            entry.index.clone()
        };
        if index.read().has_loaded(runs) {
            return Ok(index);
        }
        let bytes = {
            let mut index = index.write();
            index.load(snapshot, runs)?;
            // Headers of runs that were merged or dropped; a reader that still needs one loads it again.
            if index.headers.len() > runs.len() * 2 + 16 {
                index.headers.retain(|generation, _| runs.iter().any(|run| run.generation == *generation));
            }
            index.memory_bytes()
        };
        self.trim(key, bytes);
        Ok(index)
    }

    /// Forgets a partition that is gone.
    pub(super) fn forget(&self, key: &PartitionKey) {
        self.cached.lock().1.remove(key);
    }

    fn trim(&self, key: &PartitionKey, bytes: usize) {
        let mut cached = self.cached.lock();
        let entries = &mut cached.1;
        if let Some(entry) = entries.get_mut(key) {
            entry.bytes = bytes;
        }
        let mut held: u64 = entries.values().map(|cached| cached.bytes as u64).sum();
        while held > self.most_bytes && entries.len() > 1 {
            let oldest = entries.iter().filter(|(other, _)| *other != key).min_by_key(|(_, cached)| cached.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            held -= entries.remove(&oldest).map_or(0, |cached| cached.bytes as u64);
        }
    }
}
