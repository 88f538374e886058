//! `docs/configuration.md`, made from the table of settings.

use super::settings::SETTINGS;
use std::fmt::Write as _;

const HEAD: &str = "# Configuration

<!-- Made by `make docs` from crates/clew/src/config/settings.rs; a test fails when it differs. -->

One YAML file, given by `--config`; every key is optional. Environment variables win over the file, flags over both.
Unknown keys are errors, and all faults are told at once with their lines before any port opens; `clew check-config FILE`
tells them without starting. Paths in a file are relative to that file.

Durations are written `30d`, `1h30m`, `60s`; sizes `50GiB`, `64MiB`; lists `[a, b]`, in variables too.

| flag | what |
|---|---|
| `--config FILE` | the configuration file |
| `--data-dir DIR` | `storage.dir` |
| `--listen HOST` | the host of all listeners |
| `--drop-in` | `server.drop_in: true` |
";

/// The whole document.
#[must_use]
pub fn render_docs() -> String {
    let mut out = HEAD.to_owned();
    let mut section = "";
    for setting in SETTINGS {
        let own = setting.key.split('.').next().unwrap_or_default();
        if own != section {
            section = own;
            let _ = write!(out, "\n## {section}\n");
        }
        let default = if setting.default.is_empty() { "unset" } else { setting.default };
        let _ = write!(
            out,
            "\n### `{}`\n\n{}\n\n- form: {}\n- default: `{default}`\n- variable: `{}`\n",
            setting.key,
            setting.help,
            setting.form,
            setting.variable()
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_document_is_the_one_made_from_the_code() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(committed == render_docs(), "docs/configuration.md is not current; run `make docs`");
    }

    #[test]
    fn every_limit_that_a_message_names_is_a_setting() {
        let crates = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let mut named = std::collections::BTreeSet::new();
        limits_named_below(crates, &mut named);
        assert!(named.contains("limits.query_samples"), "the sources were not read: {named:?}");
        for key in named {
            assert!(SETTINGS.iter().any(|setting| setting.key == key), "a message names {key}, which is no setting");
        }
    }

    /// Messages name a limit in brackets behind the sentence: `… 5 s (limits.query_timeout)`.
    fn limits_named_below(dir: &std::path::Path, named: &mut std::collections::BTreeSet<String>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                limits_named_below(&path, named);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                for (at, _) in text.match_indices(concat!(" (", "limits.")) {
                    let key = text[at + 2..].split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
                    named.extend(key.take(1).map(str::to_owned));
                }
            }
        }
    }
}
