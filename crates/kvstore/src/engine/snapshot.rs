//! Reading: a manifest with the tables it names.

use super::manifest::{Manifest, Run};
use super::table::{Entries, Slice, Table};
use crate::error::KvError;
use clew_model::{SetAside, Warnings};
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

    /// What is to be said of a run, if its table is set aside.
    #[must_use]
    pub fn set_aside(&self, run: &Run) -> Option<SetAside> {
        let table = self.tables.get(&run.table)?;
        Some(SetAside::of_records(table.path(), table.set_aside()?, Some(run.rows)))
    }

    /// Whether a run can be read as far as is known; where it cannot, that is told to whoever asked.
    pub(crate) fn can_be_read(&self, run: &Run, warnings: &Warnings) -> bool {
        let aside = self.set_aside(run);
        if let Some(aside) = &aside {
            warnings.add(aside.warning());
        }
        aside.is_none()
    }

    /// The table of a run has good checksums and does not say what it should: it is set aside as if they were bad.
    pub(crate) fn blame(&self, run: &Run, error: KvError) -> KvError {
        match (self.tables.get(&run.table), error) {
            (Some(table), KvError::Damaged { .. } | KvError::Inconsistent { .. }) if table.set_aside().is_some() => {
                KvError::DamagedTable { file: table.path().to_owned(), reason: table.set_aside().unwrap_or_default() }
            }
            (Some(table), error @ KvError::Damaged { .. }) => table.damaged(error_with_cause(&error)),
            (Some(table), KvError::Inconsistent { what, reason }) => table.damaged(format!("{what}: {reason}")),
            (_, error) => error,
        }
    }
}

fn error_with_cause(error: &KvError) -> String {
    match error {
        KvError::Damaged { what, source } => format!("{what}: {source}"),
        other => other.to_string(),
    }
}
