//! Reading: a manifest with the tables it names.

use super::manifest::{Manifest, Run};
use super::table::{Entries, Slice, Table};
use crate::error::KvError;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What existed at one moment. Holding it keeps the files it names on disk.
#[derive(Debug)]
pub struct Snapshot {
    manifest: Manifest,
    pub(super) tables: BTreeMap<u64, Arc<Table>>,
}

impl Snapshot {
    pub(super) fn new(manifest: Manifest, tables: BTreeMap<u64, Arc<Table>>) -> Self {
        Self { manifest, tables }
    }

    /// What exists.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// One value of a run.
    ///
    /// # Errors
    /// The disk refuses, or the run's table is damaged where the value would be.
    pub fn get(&self, run: &Run, key: &[u8]) -> Result<Option<Slice>, KvError> {
        self.table(run.table)?.get(key)
    }

    /// The entries of a run whose keys lie in `from..to`, in order of keys; up to the run's end without `to`.
    ///
    /// # Errors
    /// The disk refuses, or the run's table is damaged as a whole.
    pub fn scan(&self, run: &Run, from: &[u8], to: Option<&[u8]>) -> Result<Entries, KvError> {
        Entries::new(self.table(run.table)?, from, to)
    }

    pub(super) fn table(&self, number: u64) -> Result<&Arc<Table>, KvError> {
        self.tables.get(&number).ok_or_else(|| {
            KvError::inconsistent("the store", format!("table {number} of a listed run is not in this snapshot"))
        })
    }
}
