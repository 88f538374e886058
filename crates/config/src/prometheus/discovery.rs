//! Where the targets of a job come from: lists in the configuration, and files that are read again when they change.

use super::static_labels::{is_target_address, read_labels};
use crate::yaml::{Document, Fault, Faults, Source, Value};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time after which files are read again though nothing about them seems changed.
const DEFAULT_REFRESH: Duration = Duration::from_secs(300);

/// Targets with common labels.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TargetGroup {
    /// Addresses, `host:port`.
    pub targets: Vec<String>,
    /// Labels of all of them.
    pub labels: Vec<(String, String)>,
}

/// Files that list targets (`file_sd_configs`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileDiscovery {
    /// Patterns of paths; `*`, `?` and `[…]` in the last part.
    pub files: Vec<PathBuf>,
    /// Time after which they are read again at the latest.
    pub refresh_interval: Duration,
}

/// Reads `static_configs`. Addresses are checked unless relabelling may still change them.
pub(super) fn read_static(value: &Value<'_>, check_addresses: bool) -> Vec<TargetGroup> {
    value.items().iter().map(|item| read_group(item, check_addresses)).collect()
}

fn read_group(value: &Value<'_>, check_addresses: bool) -> TargetGroup {
    let mut fields = value.fields();
    let mut group = TargetGroup::default();
    for target in fields.get("targets").map(|value| value.items()).unwrap_or_default() {
        let Some(text) = target.text() else { continue };
        if check_addresses && !is_target_address(text) {
            target.fault(
                format!("{text:?} is not an address"),
                "write host:port; the scheme and the path belong under scheme and metrics_path",
            );
        }
        group.targets.push(text.to_owned());
    }
    group.labels = fields.get("labels").map(|value| read_labels(&value)).unwrap_or_default();
    fields.finish();
    group
}

/// Reads `file_sd_configs`.
pub(super) fn read_file_discovery(value: &Value<'_>) -> Vec<FileDiscovery> {
    let mut all = Vec::new();
    for item in value.items() {
        let mut fields = item.fields();
        let patterns = fields.get("files").map(|value| value.items()).unwrap_or_default();
        if patterns.is_empty() {
            item.fault("names no files", "add `files: [targets/*.json]`");
        }
        let files = patterns.iter().filter_map(read_pattern).collect();
        let refresh_interval = fields.get("refresh_interval").and_then(|value| value.duration());
        fields.finish();
        let refresh_interval = refresh_interval.filter(|own| !own.is_zero()).unwrap_or(DEFAULT_REFRESH);
        all.push(FileDiscovery { files, refresh_interval });
    }
    all
}

fn read_pattern(value: &Value<'_>) -> Option<PathBuf> {
    let text = value.filled_text()?;
    let (folder, name) = text.rsplit_once('/').unwrap_or(("", text));
    let stem = [".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"].iter().find_map(|ending| name.strip_suffix(ending));
    let star_count = stem.unwrap_or_default().matches('*').count();
    if stem.is_none() || folder.contains(['*', '?', '[']) || star_count > 1 {
        value.fault(
            format!("{text:?} is not a pattern of target files"),
            "end it in .json, .yml or .yaml, with at most one `*`, in the file's name",
        );
        return None;
    }
    value.file_path()
}

/// Reads a file of targets, in YAML or JSON.
///
/// # Errors
/// Every fault of the file.
pub fn read_target_groups(file: &Path, text: &str) -> Result<Vec<TargetGroup>, Vec<Fault>> {
    let faults = Faults::new();
    let mut groups = Vec::new();
    if let Some(document) = Document::parse(file, text, &faults) {
        let source = Source::file(&document.file, &faults);
        groups = source.root(&document).items().iter().map(|item| read_group(item, false)).collect();
    }
    if faults.has_errors() { Err(faults.into_sorted()) } else { Ok(groups) }
}
