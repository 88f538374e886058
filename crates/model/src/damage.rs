//! What is said of stored files that are damaged or missing.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Most warnings of one call; what goes beyond is counted.
const MOST_WARNINGS: usize = 16;

/// A file that is not read any more, because it is damaged, or is not there though it was written down. It hurts those
/// records alone that it held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetAside {
    /// The file, where it is now: most stay where they were, so that a good copy put there is read at the next start.
    pub file: PathBuf,
    /// What is wrong with it.
    pub reason: String,
    /// Records (log records, samples, spans) that it held and that cannot be read: 0 where another copy was used or
    /// nothing but caches is lost, `None` where nobody knows.
    pub records: Option<u64>,
    /// Requests (frames of a journal) that were acknowledged and cannot be read, for a file of a journal.
    pub requests: Option<u64>,
}

impl SetAside {
    /// A file that held so many records.
    #[must_use]
    pub fn of_records(file: impl Into<PathBuf>, reason: impl Into<String>, records: Option<u64>) -> Self {
        Self { file: file.into(), reason: reason.into(), records, requests: None }
    }

    /// A file of a journal that held so many requests.
    #[must_use]
    pub fn of_requests(file: impl Into<PathBuf>, reason: impl Into<String>, requests: Option<u64>) -> Self {
        Self { file: file.into(), reason: reason.into(), records: None, requests }
    }

    /// What an asker is told whose answer could have had something of it. It names the file without its folder.
    #[must_use]
    pub fn warning(&self) -> String {
        let name = self.file.file_name().map_or_else(|| self.file.to_string_lossy(), |name| name.to_string_lossy());
        let lost = match (self.records, self.requests) {
            (Some(1), _) => "1 record of it is".to_owned(),
            (Some(records), _) => format!("{records} records of it are"),
            (None, Some(1)) => "1 request of it is".to_owned(),
            (None, Some(requests)) => format!("{requests} requests of it are"),
            (None, None) => "what it held is".to_owned(),
        };
        format!("the answer may not be whole: the file {name} is set aside ({}); {lost} missing", self.reason)
    }
}

/// What an asker must know beside the answer: gathered by the stores that a call reads, shared by its parts.
#[derive(Debug, Clone, Default)]
pub struct Warnings(Arc<Mutex<Gathered>>);

#[derive(Debug, Default)]
struct Gathered {
    texts: BTreeSet<String>,
    beyond: BTreeSet<u64>,
}

impl Warnings {
    /// Adds a text, once however often it is told.
    pub fn add(&self, text: impl Into<String>) {
        let text = text.into();
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if gathered.texts.contains(&text) {
            return;
        }
        if gathered.texts.len() < MOST_WARNINGS {
            gathered.texts.insert(text);
        } else {
            gathered.beyond.insert(hash(&text));
        }
    }

    /// Takes what was told, in order; the last says how many more there were.
    #[must_use]
    pub fn take(&self) -> Vec<String> {
        let gathered = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut texts: Vec<String> = gathered.texts.into_iter().collect();
        if !gathered.beyond.is_empty() {
            texts.push(format!("{} more of the kind; GET /api/v1/status lists them", gathered.beyond.len()));
        }
        texts
    }
}

fn hash(text: &str) -> u64 {
    use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
    BuildHasherDefault::<DefaultHasher>::default().hash_one(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_names_the_file_alone_and_counts_what_is_lost() {
        let file = SetAside::of_records("/data/metrics/store/tables/3.default.0.table", "it is not there", Some(70));
        assert_eq!(
            file.warning(),
            "the answer may not be whole: the file 3.default.0.table is set aside (it is not there); 70 records of it are \
             missing"
        );
    }

    #[test]
    fn warnings_come_once_and_those_beyond_the_bound_are_counted() {
        let warnings = Warnings::default();
        for number in (0..MOST_WARNINGS + 3).chain(0..MOST_WARNINGS + 3) {
            warnings.add(format!("{number:03}"));
        }
        let told = warnings.take();
        assert_eq!(told.len(), MOST_WARNINGS + 1);
        assert!(told[MOST_WARNINGS].starts_with("3 more"), "{told:?}");
        assert!(warnings.take().is_empty());
    }
}
