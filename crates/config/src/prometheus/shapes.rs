//! Whole configurations in the style of public ones: each starts, with what is left out named, or is refused, as
//! Prometheus does (`tests/fixtures/prometheus/shapes`).

#![cfg(test)]

use super::parse;
use crate::yaml::Severity;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Characters of the files that stand for those which would not be seen in them.
const SIGNS: [(char, &str); 4] = [('→', "\t"), ('␍', "\r"), ('⇔', "\u{feff}"), ('␄', "")];

/// Keys of Prometheus that promtool 2.42 as Debian builds it does not know.
const UNKNOWN_TO_PROMTOOL: [&str; 17] = [
    "azuread",
    "body_size_limit",
    "ca",
    "consul_sd_configs",
    "kubernetes_sd_configs",
    "kuma_sd_configs",
    "label_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "linode_sd_configs",
    "nomad_sd_configs",
    "proxy_from_environment",
    "sample_limit",
    "scrape_config_files",
    "target_limit",
    "scaleway_sd_configs",
    "xds_sd_configs",
];

struct Shape {
    name: String,
    document: String,
    outcome: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/prometheus/shapes")
}

fn shapes() -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        for line in std::fs::read_to_string(path).unwrap().lines() {
            if let Some(name) = line.strip_prefix("=== ") {
                shapes.push(Shape { name: name.to_owned(), document: String::new(), outcome: String::new() });
            } else if let (Some(outcome), Some(shape)) = (line.strip_prefix(">>> "), shapes.last_mut()) {
                shape.outcome = outcome.to_owned();
            } else if let Some(shape) = shapes.last_mut() {
                shape.document.push_str(line);
                if !line.ends_with('␄') {
                    shape.document.push('\n');
                }
            }
        }
    }
    for shape in &mut shapes {
        for (sign, text) in SIGNS {
            shape.document = shape.document.replace(sign, text);
        }
    }
    shapes
}

/// What comes of a document, in the words of the files.
fn outcome(document: &str) -> String {
    let faults = |list: &[crate::yaml::Fault]| {
        let errors = list.iter().filter(|fault| fault.severity == Severity::Error);
        let places: Vec<String> = errors.map(ToString::to_string).collect();
        places.join("\n    ")
    };
    match parse(Path::new("p.yml"), document, &|_| None) {
        Err(list) => format!("refused: {}", faults(&list).replace("p.yml:", "")),
        Ok(loaded) if loaded.warnings.is_empty() => "starts".to_owned(),
        Ok(loaded) => {
            let paths: Vec<&str> = loaded.warnings.iter().map(|fault| fault.path.as_str()).collect();
            format!("starts; left out: {}", paths.join(", "))
        }
    }
}

#[test]
fn configurations_start_or_are_refused_as_in_prometheus() {
    let shapes = shapes();
    assert!(shapes.len() >= 150, "{} shapes", shapes.len());
    let mut wrong = Vec::new();
    for Shape { name, document, outcome: expected } in &shapes {
        let found = outcome(document);
        let same = match expected.strip_prefix("refused: ") {
            Some(place) => found.strip_prefix("refused: ").is_some_and(|found| found.starts_with(place)),
            None => sorted(&found) == sorted(expected),
        };
        if !same {
            wrong.push(format!("{name}\n  expected: {expected}\n  found:    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), shapes.len(), wrong.join("\n"));
}

fn sorted(outcome: &str) -> Vec<&str> {
    let mut words: Vec<&str> = outcome.split([',', ' ']).filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words
}

/// Runs where promtool is installed; `tests/install-tools` does that, before all other tests in CI.
#[test]
fn promtool_says_the_same() {
    if Command::new("promtool").arg("--version").stderr(Stdio::null()).stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "promtool is not installed: run tests/install-tools");
        eprintln!("promtool is not installed (tests/install-tools does that): nothing is compared");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for Shape { name, document, outcome } in shapes() {
        if name.ends_with("(3)") || name.ends_with("(2)") {
            continue;
        }
        let file = folder.path().join("p.yml");
        std::fs::write(&file, document).unwrap();
        let told = Command::new("promtool")
            .args(["check", "config", "--syntax-only"])
            .arg(&file)
            .stdout(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&told.stderr);
        let unknown: Vec<&str> =
            said.split("field ").skip(1).filter_map(|rest| rest.split_once(" not found").map(|(key, _)| key)).collect();
        let excused = !unknown.is_empty() && unknown.iter().all(|key| UNKNOWN_TO_PROMTOOL.contains(key));
        if told.status.success() != outcome.starts_with("starts") && !excused {
            wrong.push(format!("{name}: we say {outcome}, promtool {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
