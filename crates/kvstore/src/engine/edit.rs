//! Changing what exists, in one atomic step.

use super::manifest::{Manifest, Partition, PartitionKey, Run};
use super::open::{Engine, MANIFEST_KEY, meta_key};
use super::snapshot::{Snapshot, full_key};
use crate::error::KvError;
use crate::limits::{MAX_KEY_BYTES, MAX_VALUE_BYTES};
use clew_model::TenantId;
use fjall::Keyspace;
use parking_lot::MutexGuard;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Where a run is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Beside the partition's newest run: what a seal does.
    Shared,
    /// Into a keyspace of its own, so that the runs it replaces can be dropped whole: what a compaction does.
    Fresh,
}

/// What a finished run is known to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunSpan {
    /// Earliest time of a row.
    pub min_time: i64,
    /// Latest time of a row.
    pub max_time: i64,
    /// Rows.
    pub rows: u64,
}

/// A change being prepared. Nothing of it is seen before [`Edit::commit`]; dropping it instead leaves what exists as it
/// was (and unlisted bytes that the next open removes).
pub struct Edit<'a> {
    engine: &'a Engine,
    manifest: Manifest,
    keyspaces: BTreeMap<u64, Keyspace>,
    generation: u64,
    values: BTreeMap<Vec<u8>, Vec<u8>>,
    created: Vec<Keyspace>,
    _guard: MutexGuard<'a, ()>,
}

impl<'a> Edit<'a> {
    pub(super) fn begin(engine: &'a Engine) -> Self {
        let guard = engine.editing.lock();
        let current = engine.snapshot();
        Self {
            engine,
            manifest: current.manifest().clone(),
            keyspaces: current.keyspaces.clone(),
            generation: engine.next_generation.fetch_add(1, Ordering::Relaxed),
            values: BTreeMap::new(),
            created: Vec::new(),
            _guard: guard,
        }
    }

    /// The number of the generation that this change writes.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What will exist, as far as it is prepared.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The partition that covers `time`, made when there is none, and its end.
    pub fn partition_of(&mut self, tenant: &TenantId, time: i64) -> (PartitionKey, i64) {
        let (key, end) = self.manifest.place(tenant, time, self.engine.options.partition_width);
        self.manifest.partitions.entry(key.clone()).or_insert_with(|| Partition { end, runs: Vec::new() });
        (key, end)
    }

    /// Writes this generation's run into a partition and syncs it: `write` puts the entries and answers what they hold.
    /// The run exists only once it is listed and the change is committed.
    ///
    /// # Errors
    /// The engine cannot write, or `write` fails.
    pub fn write_run(
        &mut self,
        partition: &PartitionKey,
        target: Target,
        write: impl FnOnce(&mut RunWriter<'_>) -> Result<RunSpan, KvError>,
    ) -> Result<Run, KvError> {
        let (number, keyspace) = self.target_keyspace(partition, target)?;
        let mut ingestion = keyspace.start_ingestion().map_err(KvError::engine("begin a run"))?;
        let mut sink = |key: &[u8], value: &[u8]| ingestion.write(key, value);
        let mut writer = RunWriter { sink: &mut sink, generation: self.generation, last: Vec::new(), bytes: 0 };
        let span = write(&mut writer)?;
        let bytes = writer.bytes;
        ingestion.finish().map_err(KvError::engine("write a run"))?;
        let RunSpan { min_time, max_time, rows } = span;
        Ok(Run {
            generation: self.generation,
            keyspace: number,
            min_time,
            max_time,
            rows,
            bytes,
            is_merged: target == Target::Fresh,
        })
    }

    fn target_keyspace(&mut self, partition: &PartitionKey, target: Target) -> Result<(u64, Keyspace), KvError> {
        let runs = self.manifest.partitions.get(partition).map(|partition| partition.runs.as_slice());
        let shared = runs.and_then(|runs| runs.last()).filter(|run| !run.is_merged).map(|run| run.keyspace);
        if let (Target::Shared, Some(number)) = (target, shared)
            && let Some(keyspace) = self.keyspaces.get(&number)
        {
            return Ok((number, keyspace.clone()));
        }
        let number = self.engine.next_keyspace.fetch_add(1, Ordering::Relaxed);
        let keyspace = self.engine.create_keyspace(number)?;
        self.keyspaces.insert(number, keyspace.clone());
        self.created.push(keyspace.clone());
        Ok((number, keyspace))
    }

    /// Lists a run that was written.
    pub fn add_run(&mut self, partition: &PartitionKey, run: Run) {
        if let Some(partition) = self.manifest.partitions.get_mut(partition) {
            partition.runs.push(run);
        }
    }

    /// Replaces runs of a partition, by their generations, with the one that was made of them. It keeps the place of
    /// the first of them in the order of generations.
    pub fn replace_runs(&mut self, partition: &PartitionKey, replaced: &[u64], by: Run) {
        if let Some(partition) = self.manifest.partitions.get_mut(partition) {
            let at = partition.runs.iter().position(|run| replaced.contains(&run.generation)).unwrap_or_default();
            partition.runs.retain(|run| !replaced.contains(&run.generation));
            partition.runs.insert(at.min(partition.runs.len()), by);
        }
    }

    /// Drops a partition whole.
    pub fn drop_partition(&mut self, partition: &PartitionKey) {
        self.manifest.partitions.remove(partition);
    }

    /// Raises the bound below which nothing exists any more; a lower one changes nothing.
    pub fn raise_retention_bound(&mut self, bound: i64) {
        self.manifest.retention_bound = self.manifest.retention_bound.max(bound);
    }

    /// Says that everything up to this journal position is sealed.
    pub fn set_sealed_position(&mut self, position: u64) {
        self.manifest.sealed_position = self.manifest.sealed_position.max(position);
    }

    /// Sets a value beside the manifest, published with it.
    pub fn set_meta_value(&mut self, key: &str, value: Vec<u8>) {
        self.values.insert(meta_key(key), value);
    }

    /// Makes the change durable and visible, then drops keyspaces that nothing lists any more. The answer shows the
    /// new state; older snapshots stay readable.
    ///
    /// # Errors
    /// The engine cannot write; what exists is as it was, and after a crash either that or the change.
    pub fn commit(mut self) -> Result<Arc<Snapshot>, KvError> {
        self.manifest.partitions.retain(|_, partition| !partition.runs.is_empty());
        self.manifest.next_generation = self.engine.next_generation.load(Ordering::Relaxed);
        self.manifest.next_keyspace = self.engine.next_keyspace.load(Ordering::Relaxed);
        self.engine.sync()?;
        let values = std::mem::take(&mut self.values);
        let manifest = (MANIFEST_KEY.to_vec(), self.manifest.encode(&self.engine.options.signal));
        let entries: BTreeMap<Vec<u8>, Vec<u8>> = values.into_iter().chain([manifest]).collect();
        // From here on the disk may list them, even if publishing fails.
        let created = std::mem::take(&mut self.created);
        let mut doubtful = self.engine.doubtful.lock();
        if let Err(error) = publish(&self.engine.meta, entries) {
            doubtful.extend(created);
            return Err(error);
        }
        let doubtful = std::mem::take(&mut *doubtful);
        let listed = self.manifest.keyspaces();
        let (kept, dropped): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.keyspaces).into_iter().partition(|(number, _)| listed.contains(number));
        let snapshot = Arc::new(Snapshot::new(std::mem::take(&mut self.manifest), kept));
        *self.engine.current.write() = snapshot.clone();
        for keyspace in dropped.into_values().chain(doubtful) {
            // The change is made; what cannot be dropped now is dropped by the next open.
            let _ = self.engine.database.delete_keyspace(keyspace);
        }
        Ok(snapshot)
    }
}

impl Drop for Edit<'_> {
    /// Gives back the disk space of what was not committed.
    fn drop(&mut self) {
        for keyspace in std::mem::take(&mut self.created) {
            // Should this fail, the next open drops it.
            let _ = self.engine.database.delete_keyspace(keyspace);
        }
    }
}

type Sink<'k> = dyn FnMut(&[u8], &[u8]) -> fjall::Result<()> + 'k;

/// Writes one run: entries in ascending order of keys.
pub struct RunWriter<'k> {
    // fjall does not export the type of its ingestion.
    sink: &'k mut Sink<'k>,
    generation: u64,
    last: Vec<u8>,
    bytes: u64,
}

impl RunWriter<'_> {
    /// Adds an entry.
    ///
    /// # Errors
    /// A key that is not greater than the one before, an entry that is too large, or the engine cannot write.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        if key.len() > MAX_KEY_BYTES || value.len() > MAX_VALUE_BYTES {
            return Err(KvError::BadEntry(format!("key of {} bytes, value of {} bytes", key.len(), value.len())));
        }
        let full = full_key(self.generation, key);
        if self.last >= full {
            return Err(KvError::BadEntry(format!("the key {key:?} is not greater than the one before")));
        }
        self.bytes += (full.len() + value.len()) as u64;
        (self.sink)(&full, value).map_err(KvError::engine("write a run"))?;
        self.last = full;
        Ok(())
    }

    /// Bytes of keys and values so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Writes to the manifest's keyspace, all of it or nothing, and syncs.
pub(super) fn publish(meta: &Keyspace, entries: BTreeMap<Vec<u8>, Vec<u8>>) -> Result<(), KvError> {
    let operation = "publish the manifest";
    let mut ingestion = meta.start_ingestion().map_err(KvError::engine(operation))?;
    for (key, value) in entries {
        ingestion.write(key, value).map_err(KvError::engine(operation))?;
    }
    ingestion.finish().map_err(KvError::engine(operation))
}
