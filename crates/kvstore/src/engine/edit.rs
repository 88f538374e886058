//! Changing what exists, in one atomic step.

use super::manifest::{Manifest, Partition, PartitionKey, Run, ValueTable};
use super::open::{Engine, run_file, value_file};
use super::snapshot::Snapshot;
use super::table::{Table, TableWriter};
use crate::error::KvError;
use clew_model::TenantId;
use parking_lot::MutexGuard;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

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
/// was.
pub struct Edit<'a> {
    engine: &'a Engine,
    manifest: Manifest,
    tables: BTreeMap<u64, Arc<Table>>,
    generation: u64,
    values: BTreeMap<String, Vec<u8>>,
    /// The files that this change has begun.
    created: Vec<PathBuf>,
    _guard: MutexGuard<'a, ()>,
}

impl<'a> Edit<'a> {
    pub(super) fn begin(engine: &'a Engine) -> Self {
        let guard = engine.editing.lock();
        let current = engine.snapshot();
        Self {
            engine,
            manifest: current.manifest().clone(),
            tables: current.tables.clone(),
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

    /// Writes this generation's run of a partition and syncs it: `write` puts the entries and answers what they hold.
    /// The run exists only once it is listed and the change is committed.
    ///
    /// # Errors
    /// The disk refuses, or `write` fails.
    pub fn write_run(
        &mut self,
        partition: &PartitionKey,
        write: impl FnOnce(&mut RunWriter<'_>) -> Result<RunSpan, KvError>,
    ) -> Result<Run, KvError> {
        let name = |number| run_file(number, partition.tenant.as_str(), partition.start);
        let (table, bytes, span) = self.write_table(name, write)?;
        let RunSpan { min_time, max_time, rows } = span;
        Ok(Run { generation: self.generation, table, min_time, max_time, rows, bytes })
    }

    /// Writes a table; answers its number and length.
    fn write_table<T>(
        &mut self,
        name: impl FnOnce(u64) -> String,
        write: impl FnOnce(&mut RunWriter<'_>) -> Result<T, KvError>,
    ) -> Result<(u64, u64, T), KvError> {
        let number = self.engine.next_table.fetch_add(1, Ordering::Relaxed);
        let path = self.engine.tables_dir().join(name(number));
        self.created.push(path.clone());
        let mut table = TableWriter::create(&*self.engine.tables.files, &path, number)?;
        let answer = write(&mut RunWriter { table: &mut table })?;
        let bytes = table.finish()?;
        self.tables.insert(number, Arc::new(Table::new(&self.engine.tables, &path, number)));
        Ok((number, bytes, answer))
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

    /// Drops the runs that end before a bound, in the partitions for which `may_be_cut` holds, and in others those that end
    /// before it whole; answers them with their partitions.
    pub fn drop_before(
        &mut self,
        bound: i64,
        may_be_cut: impl Fn(&PartitionKey, &[Run]) -> bool,
    ) -> Vec<(PartitionKey, Run)> {
        let mut dropped = Vec::new();
        for (key, partition) in &mut self.manifest.partitions {
            let kept: Vec<Run> = partition.runs.iter().filter(|run| run.max_time >= bound).cloned().collect();
            if partition.end > bound && (kept.len() == partition.runs.len() || !may_be_cut(key, &kept)) {
                continue;
            }
            let before = std::mem::replace(&mut partition.runs, kept);
            let gone = before.into_iter().filter(|run| partition.end <= bound || run.max_time < bound);
            dropped.extend(gone.map(|run| (key.clone(), run)));
            if partition.end <= bound {
                partition.runs.clear();
            }
        }
        dropped
    }

    /// Raises the bound below which nothing exists any more; a lower one changes nothing.
    pub fn raise_retention_bound(&mut self, bound: i64) {
        self.manifest.retention_bound = self.manifest.retention_bound.max(bound);
    }

    /// Says that everything up to this journal position is sealed.
    pub fn set_sealed_position(&mut self, position: u64) {
        self.manifest.sealed_position = self.manifest.sealed_position.max(position);
    }

    /// Sets a value beside the runs, published with them. Its name is one that a file may have.
    pub fn set_meta_value(&mut self, name: &str, value: Vec<u8>) {
        self.values.insert(name.to_owned(), value);
    }

    /// Makes the change durable and visible, then removes the tables that nothing lists any more. The answer shows the
    /// new state; older snapshots stay readable.
    ///
    /// # Errors
    /// The disk refuses; what exists is as it was, and after a crash either that or the change.
    pub fn commit(mut self) -> Result<Arc<Snapshot>, KvError> {
        for (name, value) in std::mem::take(&mut self.values) {
            let (table, bytes, ()) =
                self.write_table(|number| value_file(number, &name), |writer| writer.put(&[], &value))?;
            self.manifest.values.insert(name, ValueTable { table, bytes });
        }
        self.manifest.partitions.retain(|_, partition| !partition.runs.is_empty());
        self.manifest.next_generation = self.engine.next_generation.load(Ordering::Relaxed);
        self.manifest.next_table = self.engine.next_table.load(Ordering::Relaxed);
        let files = &*self.engine.tables.files;
        files.sync_dir(&self.engine.tables_dir()).map_err(KvError::io("sync the tables' names"))?;
        let bytes = self.manifest.encode(&self.engine.options.signal);
        if let Err(error) = Manifest::write(files, &self.engine.dir, &bytes) {
            self.keep_if_listed();
            return Err(error);
        }
        self.created.clear();
        for path in std::mem::take(&mut *self.engine.doubtful.lock()) {
            // What stays behind is removed when the store is opened next.
            let _ = files.remove_file(&path);
        }
        Ok(self.publish())
    }

    /// After a manifest that may have reached the disk or not: its tables must stay until the next one has replaced it,
    /// unless the disk surely has the one before. A full disk gets its room back at once that way.
    fn keep_if_listed(&mut self) {
        let Engine { tables, dir, options, .. } = self.engine;
        let before = self.engine.snapshot().manifest().encode(&options.signal);
        let is_unchanged = matches!(Manifest::read(&*tables.files, dir), Ok(Some(found)) if found == before);
        if !is_unchanged {
            self.engine.doubtful.lock().append(&mut self.created);
        }
    }

    /// Shows readers what the disk has.
    fn publish(&mut self) -> Arc<Snapshot> {
        let listed = super::open::names(&self.manifest);
        let (kept, dropped): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.tables).into_iter().partition(|(number, _)| listed.contains_key(number));
        let snapshot = Arc::new(Snapshot::new(std::mem::take(&mut self.manifest), kept));
        let before = std::mem::replace(&mut *self.engine.current.write(), Arc::clone(&snapshot));
        dropped.values().for_each(|table| table.give_up());
        // Files are removed here, outside the lock, unless somebody still reads them.
        drop((before, dropped));
        snapshot
    }
}

impl Drop for Edit<'_> {
    /// Gives back the disk space of what was not committed.
    fn drop(&mut self) {
        for path in std::mem::take(&mut self.created) {
            // Should this fail, the next open removes it.
            let _ = self.engine.tables.files.remove_file(&path);
        }
    }
}

/// Writes one run: entries in ascending order of keys.
pub struct RunWriter<'k> {
    table: &'k mut TableWriter,
}

impl RunWriter<'_> {
    /// Adds an entry.
    ///
    /// # Errors
    /// A key that is not greater than the one before, an entry that is too large, or the disk refuses.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        self.table.put(key, value)
    }

    /// Bytes so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.table.bytes()
    }
}
