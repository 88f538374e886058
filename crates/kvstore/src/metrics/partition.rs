//! The series indexes of sealed partitions, loaded when they are asked for and kept in bounded memory.

use super::head::SharedSeries;
use super::index::SeriesIndex;
use super::run::{RunHeader, read_header, read_known, read_labels};
use crate::engine::{PartitionKey, Run, Snapshot};
use crate::error::KvError;
use clew_model::{ReadError, UnixMillis, Warnings};
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
    /// Whether there are numbers whose labels no run brought that named them first.
    has_gap: bool,
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
        let is_fresh = self.headers.is_empty();
        for run in runs {
            if self.headers.contains_key(&run.generation) || self.damaged.contains_key(&run.generation) {
                continue;
            }
            match self.load_run(snapshot, run, is_fresh) {
                Ok(()) => {}
                Err(error) if error.is_damage() => {
                    self.damaged.insert(run.generation, snapshot.blame(run, error).to_string());
                }
                Err(error) => return Err(error),
            }
        }
        if self.has_gap || !self.damaged.is_empty() {
            runs.iter().try_for_each(|run| self.learn_known(snapshot, run))?;
        }
        Ok(())
    }

    /// Takes from a run the labels of its series that only a damaged one was to name.
    fn learn_known(&mut self, snapshot: &Snapshot, run: &Run) -> Result<(), KvError> {
        let Some(header) = self.headers.get(&run.generation).map(Arc::clone) else { return Ok(()) };
        if header.present.range(..header.first_new).all(|number| self.series.labels(number).is_some()) {
            return Ok(());
        }
        match read_known(snapshot, run, &header) {
            Ok(known) => known.into_iter().for_each(|(number, labels)| self.series.fill(number, labels)),
            Err(error) if error.is_damage() => {
                self.damaged.insert(run.generation, snapshot.blame(run, error).to_string());
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn load_run(&mut self, snapshot: &Snapshot, run: &Run, is_fresh: bool) -> Result<(), KvError> {
        let header = read_header(snapshot, run)?;
        let known = self.series.len() as u32;
        if header.first_new > known {
            // A run that cannot be read, or that retention has dropped, had the labels of those between.
            self.series.skip_to(header.first_new);
            self.has_gap = true;
        }
        let skip = (self.series.len() as u32 - header.first_new) as usize;
        // Runs that are read for the first time never name the same number, unless one of them was set aside when the other
        // was written, and is back.
        let is_doubtful = is_fresh && skip > 0 && header.new > 0;
        if header.new as usize > skip || is_doubtful {
            let labels = read_labels(snapshot, run, &header).inspect_err(|_| {
                self.series.skip_to(header.first_new.saturating_add(header.new));
            })?;
            let known = self.series.all_labels().iter().skip(header.first_new as usize);
            if is_doubtful && known.zip(&labels).any(|(known, own)| !known.is_empty() && known != own) {
                let reason = "the numbers of its series were given to others while it could not be read";
                return Err(KvError::inconsistent(format!("run {}", run.generation), reason));
            }
            for labels in labels.into_iter().skip(skip) {
                self.series.insert(labels);
            }
        }
        self.headers.insert(run.generation, Arc::new(header));
        Ok(())
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

    fn memory_bytes(&self) -> usize {
        let headers: usize = self.headers.values().map(|header| header.present.serialized_size() + 64).sum();
        self.series.memory_bytes() + headers + self.links.lock().numbers.capacity() * size_of::<u32>()
    }
}

pub(super) type SharedIndex = Arc<RwLock<PartitionIndex>>;

/// The index of a partition with the runs that were asked for. Its lock is for short looks, never to be held while runs
/// are read: who comes with a new run waits for it, and then all others behind.
pub(super) struct LoadedIndex<'r> {
    pub(super) index: SharedIndex,
    /// The runs asked for that can be read, in their order.
    pub(super) runs: Vec<(&'r Run, Arc<RunHeader>)>,
    /// The others.
    pub(super) damaged: Vec<&'r Run>,
}

impl<'r> LoadedIndex<'r> {
    /// The runs that may have samples in `start..=end`, oldest first; those that cannot be read are told.
    pub(super) fn touching(
        &self,
        snapshot: &Snapshot,
        (start, end): (UnixMillis, UnixMillis),
        warnings: &Warnings,
    ) -> Vec<(&'r Run, Arc<RunHeader>)> {
        let touches = |run: &Run| run.min_time <= end && start <= run.max_time;
        for run in self.damaged.iter().filter(|run| touches(run)) {
            snapshot.can_be_read(run, warnings);
        }
        self.runs.iter().filter(|(run, _)| touches(run)).cloned().collect()
    }
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

    /// Bytes of what is kept.
    pub(super) fn bytes(&self) -> u64 {
        let cached = self.cached.lock();
        cached.1.values().map(|one| one.bytes as u64).sum()
    }

    /// The index of a partition, with all these runs loaded that can be read.
    pub(super) fn get<'r>(
        &self,
        snapshot: &Snapshot,
        key: &PartitionKey,
        runs: &'r [Run],
    ) -> Result<LoadedIndex<'r>, KvError> {
        let index = self.get_to_extend(snapshot, key, runs)?;
        let (mut readable, mut damaged) = (Vec::with_capacity(runs.len()), Vec::new());
        {
            let index = index.read();
            for run in runs {
                match index.headers.get(&run.generation) {
                    Some(header) if snapshot.set_aside(run).is_none() => readable.push((run, Arc::clone(header))),
                    None if !index.damaged.contains_key(&run.generation) => {
                        return Err(KvError::inconsistent("a partition", "two of its runs have one number"));
                    }
                    _ => damaged.push(run),
                }
            }
        }
        Ok(LoadedIndex { index, runs: readable, damaged })
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
