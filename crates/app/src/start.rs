//! The start of a signal: its store and its journal are opened, what is missing of them is said, and where its disk cannot be
//! used the signal is closed.

use crate::data_dir::refused;
use crate::data_folder::DataFolder;
use crate::disk_usage::DiskUsage;
use crate::error::AppError;
use crate::ingest::{Pipeline, PipelineOptions, PipelineParts, Rooms};
use crate::inventory::Entry;
use crate::maintenance::MaintenanceOptions;
use crate::observe::Observer;
use crate::server::{AppOptions, SignalOptions};
use crate::signal::SignalStore;
use clew_host::{Clock, Files, Random, SimFiles, make_dir};
use clew_journal::{Beside, Journal, JournalMetrics, Recovery};
use clew_model::SetAside;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens what the write path of a signal is made of.
pub(crate) struct Starter<'a> {
    pub(crate) files: Arc<dyn Files>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<Observer>,
    pub(crate) folder: Arc<DataFolder>,
    pub(crate) options: &'a AppOptions,
}

impl Starter<'_> {
    /// The write path of a signal. Where its disk cannot be used it stands on an empty one in memory, and is closed: the
    /// other signals are served.
    pub(crate) fn signal_or_closed<S: SignalStore>(
        &self,
        options: SignalOptions,
        open: impl Fn(Arc<dyn Files>, &Path, &AppOptions) -> Result<S, AppError>,
        rooms: impl Fn(&S) -> Rooms<S>,
    ) -> Result<Pipeline<S>, AppError> {
        match self.signal(options, &open, &rooms, (Arc::clone(&self.files), Arc::clone(&self.folder)), None) {
            Err(error) => {
                let reason = error.full_message();
                tracing::error!(signal = S::SIGNAL.as_str(), reason, "cannot start a signal; the others are served");
                let usage = DiskUsage::new(None, [None; 3]);
                let nowhere: Arc<dyn Files> = Arc::new(SimFiles::new());
                let (folder, _) = DataFolder::open(&nowhere, &self.options.data_dir, &self.clock, false, usage);
                self.signal(options, &open, &rooms, (nowhere, Arc::new(folder)), Some(reason.into()))
            }
            started => started,
        }
    }

    fn signal<S: SignalStore>(
        &self,
        options: SignalOptions,
        open: impl Fn(Arc<dyn Files>, &Path, &AppOptions) -> Result<S, AppError>,
        rooms: impl Fn(&S) -> Rooms<S>,
        (files, folder): (Arc<dyn Files>, Arc<DataFolder>),
        closed: Option<Arc<str>>,
    ) -> Result<Pipeline<S>, AppError> {
        let signal = S::SIGNAL.as_str();
        let dir = self.options.data_dir.join(signal);
        let known = folder.inventory.entry(S::SIGNAL);
        let mut aside = missing_folders(&*files, &dir, known);
        for made in [&dir, &dir.join("store")] {
            make_dir(&*files, made).map_err(|error| refused("create", made, error))?;
        }
        let store = open(Arc::clone(&files), &dir, self.options)?;
        // Sealed data are about an eighth of the hot ones.
        let seal_bytes = options.seal_bytes.min(self.options.step_bytes(&options).saturating_mul(8));
        aside.extend(lost_store(&store, &dir, known));
        let journal_options = clew_journal::Options {
            // A start replays at most what the hot tail may hold, plus the segment it begins in.
            segment_bytes: seal_bytes.clamp(4 << 20, 64 << 20),
            salvage: true,
        };
        let (journal, recovery) = self.journal(signal, &dir.join("journal"), journal_options, &files, known.journal)?;
        aside.extend(skipped(&recovery, store.sealed_position()));
        if let (Some(reason), Some(_)) = (recovery.mark_fault, known.journal) {
            let reason = format!("{reason}: whether the end of the journal is there cannot be told");
            aside.push(SetAside::of_requests(self.mark(signal), reason, Some(0)));
        }
        let maintenance = MaintenanceOptions { seal_bytes, seal_age: options.seal_age, retention: options.retention };
        let parts = PipelineParts {
            rooms: rooms(&store),
            store: Arc::new(store),
            journal: Arc::new(journal),
            clock: Arc::clone(&self.clock),
            observer: Arc::clone(&self.observer),
            files,
            checkpoints: dir.join("checkpoints"),
            folder,
            aside,
            closed,
        };
        Pipeline::start(parts, PipelineOptions { maintenance })
    }

    fn journal(
        &self,
        signal: &str,
        dir: &Path,
        options: clew_journal::Options,
        files: &Arc<dyn Files>,
        identity: Option<u64>,
    ) -> Result<(Journal, Recovery), AppError> {
        let metrics = JournalMetrics::new(self.observer.registry(), signal);
        let (files, random) = (Arc::clone(files), Arc::clone(&self.random));
        let beside = Beside { mark: self.mark(signal), journal: identity };
        let (journal, recovery) = Journal::open_beside(files, random, dir, options, metrics, Some(&beside))
            .map_err(|error| AppError::start(format!("open the journal of {signal}"), error))?;
        if let Some(tail) = &recovery.torn_tail {
            tracing::warn!(
                signal,
                file = %tail.file.display(),
                offset = tail.offset,
                bytes = tail.bytes,
                reason = tail.reason,
                "cut off a torn end of the journal; it was never acknowledged"
            );
        }
        Ok((journal, recovery))
    }

    /// The file that says how far the journal of a signal was acknowledged.
    fn mark(&self, signal: &str) -> PathBuf {
        self.options.data_dir.join(format!("{signal}.mark"))
    }
}

/// The folders that were there and are not, where nothing of what they held is missed: that is said otherwise.
fn missing_folders(files: &dyn Files, dir: &Path, known: Entry) -> Vec<SetAside> {
    let is_gone = |path: &PathBuf| known.journal.is_some() && matches!(files.exists(path), Ok(false));
    let store = Some(dir.join("store")).filter(|path| is_gone(path) && known.sealed == 0);
    let store =
        store.map(|path| SetAside::of_records(path, "the folder was not there; nothing had been sealed", Some(0)));
    let journal = Some(dir.join("journal")).filter(is_gone);
    let journal = journal.map(|path| {
        let reason = "the folder was not there; requests that it held and that were not sealed are counted";
        SetAside::of_requests(path, reason, Some(0))
    });
    store.into_iter().chain(journal).collect()
}

/// What is to be said of a store that lacks what was written down of it.
fn lost_store<S: SignalStore>(store: &S, dir: &Path, known: Entry) -> Option<SetAside> {
    if store.sealed_position() >= known.sealed {
        return None;
    }
    let Entry { files, records, .. } = known;
    let (reason, records) = if store.on_disk().parts == 0 {
        (format!("what it held is not there: {files} files with {records} records were written down"), Some(records))
    } else {
        ("it is older than what was written down of it".to_owned(), None)
    };
    Some(SetAside::of_records(dir.join("store"), reason, records))
}

/// What of a journal cannot be read, by file, with the requests of it that the store does not have.
fn skipped(recovery: &Recovery, sealed: u64) -> Vec<SetAside> {
    let mut files: Vec<SetAside> = Vec::new();
    for skipped in &recovery.skipped {
        let requests = skipped.frames_behind(sealed);
        match files.iter_mut().find(|aside| aside.file == skipped.file) {
            Some(aside) => aside.requests = aside.requests.zip(requests).map(|(one, other)| one.saturating_add(other)),
            None => {
                let reason = match skipped.bytes {
                    0 => skipped.reason.to_owned(),
                    _ => format!("{} at byte {}", skipped.reason, skipped.offset),
                };
                files.push(SetAside::of_requests(&skipped.file, reason, requests));
            }
        }
    }
    files
}
