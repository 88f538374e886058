//! `clew check-config FILE`: every fault of a file with its line, exit 1 if any.

use crate::config::{Overrides, load};
use crate::terminal::say;
use clew_app::prometheus_file;
use clew_config::yaml::{Content, Document, Fault, Faults, Node, Severity, decode_text};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// What a file is, told by its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Clew,
    Prometheus,
    /// A kind whose capability is not built yet: its syntax alone is checked.
    Later(&'static str),
}

/// Checks the file and prints what is wrong with it.
pub(crate) fn run(file: &Path) -> ExitCode {
    let (kind, faults) = check(file);
    for fault in &faults {
        say(&fault.to_string());
    }
    let errors = faults.iter().filter(|fault| fault.severity == Severity::Error).count();
    if errors > 0 {
        say(&format!("{}: {errors} faults", file.display()));
        return ExitCode::FAILURE;
    }
    let file = file.display();
    say(&match kind {
        Kind::Clew => format!("{file}: a usable configuration of Clew"),
        Kind::Prometheus => format!("{file}: a usable prometheus.yml"),
        Kind::Later(what) => {
            format!("{file}: looks like {what}; its YAML is well-formed, and this version of Clew checks no more of it")
        }
    });
    ExitCode::SUCCESS
}

fn check(file: &Path) -> (Kind, Vec<Fault>) {
    let faults = Faults::new();
    // What cannot be read is told by those who read it for what it is.
    let bytes = std::fs::read(file).unwrap_or_default();
    let document = Document::parse(file, &decode_text(&bytes).unwrap_or_default(), &faults);
    let kind = document.map_or(Kind::Clew, |document| kind(&document.root));
    let outcome = match kind {
        // The environment is not part of the file.
        Kind::Clew => load(Some(file), &BTreeMap::new(), &Overrides::default()).map(|loaded| loaded.warnings),
        Kind::Prometheus => prometheus_file::load(file, &|name| std::env::var(name).ok()).map(|loaded| loaded.warnings),
        Kind::Later(_) if faults.has_errors() => Err(faults.into_sorted()),
        Kind::Later(_) => Ok(Vec::new()),
    };
    (kind, outcome.unwrap_or_else(|faults| faults))
}

fn kind(root: &Node) -> Kind {
    let Content::Mapping(entries) = &root.content else { return Kind::Clew };
    let has = |key: &str| entries.iter().any(|entry| entry.key == key);
    if ["scrape_configs", "rule_files", "remote_write"].into_iter().any(has) || (has("global") && !has("route")) {
        Kind::Prometheus
    } else if has("groups") {
        Kind::Later("a file of rules")
    } else if has("route") && has("receivers") {
        Kind::Later("an alertmanager.yml")
    } else if has("panels") || has("dashboard") {
        Kind::Later("a Grafana dashboard")
    } else {
        Kind::Clew
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_their_keys() {
        for (text, expected) in [
            ("server: {}\n", Kind::Clew),
            ("", Kind::Clew),
            ("scrape_configs: []\n", Kind::Prometheus),
            ("global: { scrape_interval: 15s }\n", Kind::Prometheus),
            ("groups: []\n", Kind::Later("a file of rules")),
            ("global: {}\nroute: {}\nreceivers: []\n", Kind::Later("an alertmanager.yml")),
            ("{\"panels\": []}", Kind::Later("a Grafana dashboard")),
        ] {
            let faults = Faults::new();
            let document = Document::parse(Path::new("file.yml"), text, &faults).unwrap();
            assert_eq!(kind(&document.root), expected, "{text}");
        }
    }
}
