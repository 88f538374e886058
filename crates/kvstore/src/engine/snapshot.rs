//! Reading: a manifest with handles to the keyspaces it names.

use super::manifest::{Manifest, Run};
use crate::error::KvError;
use fjall::{Keyspace, Slice};
use std::collections::BTreeMap;

/// What existed at one moment. Holding it keeps the data it names on disk.
pub struct Snapshot {
    manifest: Manifest,
    pub(super) keyspaces: BTreeMap<u64, Keyspace>,
}

impl Snapshot {
    pub(super) fn new(manifest: Manifest, keyspaces: BTreeMap<u64, Keyspace>) -> Self {
        Self { manifest, keyspaces }
    }

    /// What exists.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// One value of a run.
    ///
    /// # Errors
    /// The engine cannot read.
    pub fn get(&self, run: &Run, key: &[u8]) -> Result<Option<Slice>, KvError> {
        self.keyspace(run)?.get(full_key(run.generation, key)).map_err(KvError::engine("read a value"))
    }

    /// The entries of a run whose keys lie in `from..to`, in order of keys; up to the run's end without `to`.
    ///
    /// # Errors
    /// The run's keyspace is not there.
    pub fn scan(&self, run: &Run, from: &[u8], to: Option<&[u8]>) -> Result<Entries, KvError> {
        let from = full_key(run.generation, from);
        let to = match to {
            Some(to) => full_key(run.generation, to),
            None => full_key(run.generation.saturating_add(1), &[]),
        };
        let iter = (from <= to).then(|| self.keyspace(run).map(|keyspace| keyspace.range(from..to))).transpose()?;
        Ok(Entries { iter })
    }

    /// Bytes on disk of the keyspaces that hold these runs.
    #[must_use]
    pub fn keyspace_bytes<'a>(&self, runs: impl IntoIterator<Item = &'a Run>) -> u64 {
        let mut numbers: Vec<u64> = runs.into_iter().map(|run| run.keyspace).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.iter().filter_map(|number| self.keyspaces.get(number)).map(Keyspace::disk_space).sum()
    }

    fn keyspace(&self, run: &Run) -> Result<&Keyspace, KvError> {
        self.keyspaces.get(&run.keyspace).ok_or_else(|| {
            KvError::inconsistent("the store", format!("keyspace {} of a listed run is not there", run.keyspace))
        })
    }
}

/// One entry of a run.
pub struct Entry {
    full_key: Slice,
    /// The value.
    pub value: Slice,
}

impl Entry {
    /// The key, without the generation number.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        self.full_key.get(8..).unwrap_or_default()
    }
}

/// The entries of a run, in order of keys.
pub struct Entries {
    iter: Option<fjall::Iter>,
}

impl Iterator for Entries {
    type Item = Result<Entry, KvError>;

    fn next(&mut self) -> Option<Self::Item> {
        let guard = self.iter.as_mut()?.next()?;
        Some(match guard.into_inner() {
            Ok((full_key, value)) => Ok(Entry { full_key, value }),
            Err(source) => Err(KvError::Engine { operation: "read a run", source }),
        })
    }
}

pub(super) fn full_key(generation: u64, key: &[u8]) -> Vec<u8> {
    let mut full = Vec::with_capacity(8 + key.len());
    full.extend_from_slice(&generation.to_be_bytes());
    full.extend_from_slice(key);
    full
}

pub(super) fn generation_of(key: &[u8]) -> Result<u64, KvError> {
    match key.split_first_chunk::<8>() {
        Some((number, _)) => Ok(u64::from_be_bytes(*number)),
        None => Err(KvError::inconsistent("a partition's keyspace", format!("it has a key of {} bytes", key.len()))),
    }
}
