//! What must be in a data directory, written down beside it: so that what is missing is never taken for never having been
//! there.
//!
//! Two files, one a copy of the other, with a line for each signal: the identity of its journal, how far its store is
//! sealed, how many files and records the store has. They are written after the store has changed, so they may be one
//! change behind and are never ahead. A file is a container `CLIV` with one section, text.

use clew_columns::container::{Container, ContainerBuilder};
use clew_host::{Files, open_twin, write_twin};
use clew_model::{SetAside, Signal};
use parking_lot::Mutex;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The name of the file.
const FILE: &str = "inventory";

const MAGIC: [u8; 4] = *b"CLIV";

/// The section with the text.
const TEXT: u32 = 1;

/// Longest inventory that is believed.
const MAX_BYTES: usize = 64 << 10;

/// What is written down of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Entry {
    /// The identity of its journal; `None` before there is one.
    pub(crate) journal: Option<u64>,
    /// The journal position up to which its store is sealed.
    pub(crate) sealed: u64,
    /// Sealed parts or runs.
    pub(crate) files: u64,
    /// Records in them.
    pub(crate) records: u64,
    /// Whether something accumulated has a checkpoint.
    pub(crate) checkpoints: bool,
}

/// What is written down of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ClockNote {
    /// When it was last believed, in nanoseconds since 1970.
    pub(crate) believed: Option<i64>,
    /// For how many seconds it has not been believed since.
    pub(crate) doubted: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Content {
    /// Grows with each change.
    age: u64,
    signals: [Entry; 3],
    clock: ClockNote,
}

/// The inventory of a data directory.
#[derive(Debug)]
pub(crate) struct Inventory {
    files: Arc<dyn Files>,
    path: PathBuf,
    content: Mutex<Content>,
}

impl Inventory {
    /// Reads the inventory; answers what was wrong with its files.
    pub(crate) fn open(files: Arc<dyn Files>, dir: &Path) -> (Self, Vec<SetAside>) {
        let path = dir.join(FILE);
        let read = |bytes: io::Result<&[u8]>| {
            let bytes = bytes.map_err(|error| error.to_string())?;
            Content::decode(bytes).ok_or_else(|| "it is damaged".to_owned())
        };
        let (content, aside) = match open_twin(&*files, &path, MAX_BYTES, read, |content| content.age) {
            Ok(Some(found)) => {
                let aside = found.faults.into_iter().map(|(file, reason)| SetAside::of_records(file, reason, Some(0)));
                (found.content, aside.collect())
            }
            Ok(None) => (Content::default(), Vec::new()),
            Err(reason) => {
                let reason = format!("{reason}, and so is its copy: what is missing cannot be told by it");
                (Content::default(), vec![SetAside::of_records(path.clone(), reason, Some(0))])
            }
        };
        (Self { files, path, content: Mutex::new(content) }, aside)
    }

    /// What is written down of a signal.
    pub(crate) fn entry(&self, signal: Signal) -> Entry {
        let content = self.content.lock();
        content.signals.get(place(signal)).copied().unwrap_or_default()
    }

    /// What is written down of the clock.
    pub(crate) fn clock(&self) -> ClockNote {
        self.content.lock().clock
    }

    /// Writes down what changed of a signal.
    pub(crate) fn set(&self, signal: Signal, entry: Entry) {
        self.change(|content| {
            if let Some(own) = content.signals.get_mut(place(signal)) {
                *own = entry;
            }
        });
    }

    /// Writes down what changed of the clock.
    pub(crate) fn set_clock(&self, clock: ClockNote) {
        self.change(|content| content.clock = clock);
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        let mut content = self.content.lock();
        let before = *content;
        change(&mut content);
        if *content == before {
            return;
        }
        content.age = content.age.saturating_add(1);
        // What is not written down is behind, which it may be.
        if let Err(error) = write_twin(&*self.files, &self.path, &content.encode()) {
            tracing::debug!(%error, "cannot write the inventory");
        }
    }
}

fn place(signal: Signal) -> usize {
    match signal {
        Signal::Logs => 0,
        Signal::Metrics => 1,
        Signal::Traces => 2,
    }
}

impl Content {
    fn encode(&self) -> Vec<u8> {
        let mut text = format!("age {}\n", self.age);
        let ClockNote { believed, doubted } = self.clock;
        let _ = writeln!(text, "clock {} {doubted}", believed.unwrap_or(i64::MIN));
        for signal in Signal::ALL {
            let Entry { journal, sealed, files, records, checkpoints } =
                self.signals.get(place(signal)).copied().unwrap_or_default();
            let journal = journal.map_or_else(|| "none".to_owned(), |journal| format!("{journal:016x}"));
            let _ = writeln!(
                text,
                "{} journal {journal} sealed {sealed} files {files} records {records} checkpoints {}",
                signal.as_str(),
                u8::from(checkpoints)
            );
        }
        let mut container = ContainerBuilder::new(MAGIC);
        container.section(TEXT, text.as_bytes());
        container.finish()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let container = Container::open(bytes, MAGIC).ok()?;
        let section = container.required(TEXT).ok()?;
        let text = std::str::from_utf8(section).ok()?;
        let mut content = Self::default();
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["age", age] => content.age = age.parse().ok()?,
                ["clock", believed, doubted] => {
                    let believed = Some(believed.parse().ok()?).filter(|believed| *believed != i64::MIN);
                    content.clock = ClockNote { believed, doubted: doubted.parse().ok()? };
                }
                [
                    name,
                    "journal",
                    journal,
                    "sealed",
                    sealed,
                    "files",
                    files,
                    "records",
                    records,
                    "checkpoints",
                    checkpoints,
                ] => {
                    let signal = Signal::ALL.into_iter().find(|signal| signal.as_str() == *name)?;
                    let journal = match *journal {
                        "none" => None,
                        journal => Some(u64::from_str_radix(journal, 16).ok()?),
                    };
                    *content.signals.get_mut(place(signal))? = Entry {
                        journal,
                        sealed: sealed.parse().ok()?,
                        files: files.parse().ok()?,
                        records: records.parse().ok()?,
                        checkpoints: *checkpoints == "1",
                    };
                }
                _ => return None,
            }
        }
        Some(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clew_host::SimFiles;

    #[test]
    fn it_is_read_back_and_any_changed_bit_is_noticed() {
        let (files, dir) = (Arc::new(SimFiles::new()), Path::new("/data"));
        files.create_dir_all(dir).unwrap();
        let entry = Entry { journal: Some(7), sealed: 40, files: 3, records: 1_000, checkpoints: true };
        let clock = ClockNote { believed: Some(-5), doubted: 12 };
        {
            let (inventory, aside) = Inventory::open(files.clone(), dir);
            assert!(aside.is_empty());
            inventory.set(Signal::Metrics, entry);
            inventory.set_clock(clock);
        }
        let (inventory, _) = Inventory::open(files.clone(), dir);
        assert_eq!((inventory.entry(Signal::Metrics), inventory.entry(Signal::Logs)), (entry, Entry::default()));
        assert_eq!(inventory.clock(), clock);
        let bytes = inventory.content.lock().encode();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(Content::decode(&changed), None, "byte {at} bit {bit}");
            }
        }
    }
}
