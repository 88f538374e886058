//! What the journal's tests share.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use clew_host::{Files, SeededRandom};
use clew_journal::{Journal, JournalError, JournalMetrics, JournalPosition, Options, Recovery, Replayed};
use clew_telemetry::{BuildInfo, Registry};

pub(crate) const DIR: &str = "/data/journal/logs";

pub(crate) const SMALL: Options = Options { segment_bytes: 4_000, salvage: false };

/// Position, kind and payload.
pub(crate) type Owned = (u64, u8, Vec<u8>);

pub(crate) fn registry() -> Registry {
    Registry::new(BuildInfo { version: "0", revision: "none" })
}

pub(crate) fn open_with(
    files: &(impl Files + Clone + 'static),
    seed: u64,
    options: Options,
) -> Result<(Journal, Recovery), JournalError> {
    let metrics = JournalMetrics::new(&registry(), "logs");
    let random = Arc::new(SeededRandom::new(seed));
    let files = Arc::new(files.clone());
    Journal::open(files, random, Path::new(DIR), options, metrics)
}

pub(crate) fn replay(journal: &Journal, from: u64) -> Result<(Vec<Owned>, Replayed), JournalError> {
    let mut frames = Vec::new();
    let replayed = journal.replay(JournalPosition(from), |frame| {
        let payload = frame.payload.to_vec();
        frames.push((frame.position.0, frame.kind, payload));
        Ok::<_, JournalError>(())
    })?;
    Ok((frames, replayed))
}

/// The names of the files in the journal's directory.
pub(crate) fn names(files: &dyn Files) -> Vec<String> {
    let entries = files.list(Path::new(DIR)).unwrap();
    entries.into_iter().map(|entry| entry.name).collect()
}
