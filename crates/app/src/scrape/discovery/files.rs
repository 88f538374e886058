//! Files that list targets: finding them by their patterns, and noticing that they changed.

use super::super::client::read_bounded;
use super::super::limits::{MAX_TARGET_FILE_BYTES, MAX_TARGET_FILES};
use crate::file_patterns::matching;
use clew_config::prometheus::{FileDiscovery, TargetGroup, read_target_groups};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The label with the path of the file that a target comes from.
const FILE_LABEL: &str = "__meta_filepath";

/// What is told of a file without reading it.
type Stamp = (Option<SystemTime>, u64);

/// The files of a job, as they were read last.
#[derive(Debug, Default)]
pub(in super::super) struct TargetFiles {
    read: BTreeMap<PathBuf, ReadFile>,
    /// What is wrong with patterns.
    faults: Vec<String>,
}

#[derive(Debug)]
struct ReadFile {
    stamp: Stamp,
    /// The targets of its last good content.
    groups: Vec<TargetGroup>,
    error: Option<String>,
}

impl TargetFiles {
    /// Looks at the files, and reads those that are new or changed, or all of them. Blocks. Answers whether the targets
    /// may have changed. A file that cannot be read keeps the targets it had; one that is gone takes them with it.
    pub(in super::super) fn refresh(&mut self, discoveries: &[FileDiscovery], all: bool) -> bool {
        let mut changed = false;
        let mut present = BTreeMap::new();
        let patterns = discoveries.iter().flat_map(|discovery| &discovery.files);
        let found: Vec<_> = patterns.map(|pattern| (pattern, matching(pattern, MAX_TARGET_FILES))).collect();
        let cut = found.iter().filter(|(_, found)| found.is_cut);
        let faults: Vec<String> = cut
            .map(|(pattern, _)| {
                format!("{} names more than {MAX_TARGET_FILES} files; the rest is left out", pattern.display())
            })
            .collect();
        for path in found.into_iter().flat_map(|(_, found)| found.files) {
            let stamp = stamp(&path);
            let known = self.read.remove(&path);
            let file = match known {
                Some(known) if known.stamp == stamp && !all => known,
                known => {
                    changed = true;
                    read(&path, stamp, known)
                }
            };
            present.insert(path, file);
        }
        changed |= !self.read.is_empty() || self.faults != faults;
        for error in faults.iter().filter(|fault| !self.faults.contains(fault)) {
            tracing::warn!(%error, "not all files of targets are read");
        }
        self.faults = faults;
        self.read = present;
        changed
    }

    /// The targets of all files.
    pub(in super::super) fn groups(&self) -> impl Iterator<Item = &TargetGroup> + Clone {
        self.read.values().flat_map(|file| &file.groups)
    }

    /// What is wrong with files.
    pub(in super::super) fn errors(&self) -> impl Iterator<Item = &str> {
        let files = self.read.values().filter_map(|file| file.error.as_deref());
        self.faults.iter().map(String::as_str).chain(files)
    }
}

/// The time after which the files of a job are read again at the latest.
pub(in super::super) fn refresh_interval(discoveries: &[FileDiscovery]) -> Option<Duration> {
    discoveries.iter().map(|discovery| discovery.refresh_interval).min()
}

fn stamp(path: &Path) -> Stamp {
    std::fs::metadata(path).map(|metadata| (metadata.modified().ok(), metadata.len())).unwrap_or_default()
}

fn read(path: &Path, stamp: Stamp, known: Option<ReadFile>) -> ReadFile {
    let text = read_bounded(path, MAX_TARGET_FILE_BYTES).map_err(|error| format!("{}: {error}", path.display()));
    let groups = text.and_then(|text| {
        read_target_groups(path, &text)
            .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    });
    match groups {
        Ok(mut groups) => {
            for group in &mut groups {
                group.labels.push((FILE_LABEL.to_owned(), path.display().to_string()));
            }
            ReadFile { stamp, groups, error: None }
        }
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "a file of targets cannot be used, its last good content stays");
            ReadFile { stamp, groups: known.map(|known| known.groups).unwrap_or_default(), error: Some(error) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(files: &TargetFiles) -> Vec<&str> {
        files.groups().flat_map(|group| &group.targets).map(String::as_str).collect()
    }

    #[test]
    fn files_come_change_break_and_go() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let files = vec![folder.path().join("t-*.yml"), folder.path().join("one.json")];
        let discoveries = [FileDiscovery { files, refresh_interval: Duration::from_secs(300) }];
        let mut found = TargetFiles::default();
        assert!(!found.refresh(&discoveries, false));

        write("t-a.yml", "- targets: [a:1]\n");
        write("one.json", r#"[{"targets": ["b:1"]}]"#);
        write("other.yml", "- targets: [no:1]\n");
        assert!(found.refresh(&discoveries, false));
        assert_eq!(addresses(&found), ["b:1", "a:1"]);
        let label = &found.groups().next().unwrap().labels[0];
        assert_eq!(label, &("__meta_filepath".to_owned(), folder.path().join("one.json").display().to_string()));
        assert!(!found.refresh(&discoveries, false));

        write("t-a.yml", "- targets: [a:1, a:22]\n");
        assert!(found.refresh(&discoveries, false));
        assert_eq!(addresses(&found), ["b:1", "a:1", "a:22"]);

        write("t-a.yml", "- targets: [\n");
        assert!(found.refresh(&discoveries, false));
        assert_eq!(addresses(&found), ["b:1", "a:1", "a:22"], "the last good content stays");
        assert!(found.errors().next().unwrap().contains("t-a.yml"));

        std::fs::remove_file(folder.path().join("t-a.yml")).unwrap();
        assert!(found.refresh(&discoveries, false));
        assert_eq!(addresses(&found), ["b:1"]);
        assert_eq!(found.errors().next(), None);
    }
}
