//! `docs/configuration.md`, made from the table of settings.

use super::limits;
use super::settings::SETTINGS;
use std::fmt::Write as _;

const HEAD: &str = "# Configuration

<!-- Made by `make docs` from crates/clew/src/config/settings.rs; a test fails when it differs. -->

One YAML file, given by `--config`; every key is optional. Environment variables win over the file, flags over both.
Unknown keys are errors, and all faults are told at once with their lines before any port opens; `clew check-config FILE`
tells them without starting. Paths in a file are relative to that file.

YAML is read as Prometheus reads it (go-yaml, YAML 1.1), here and in the files of the replaced systems: `yes`, `on`, `0x10`,
`1_000`, `010` (eight), tags, anchors, merge keys, UTF-16; the first document of a file alone, a key once. Beyond that,
quoted numbers and truth values count, and tabs, escapes and directives of YAML 1.2 are taken. Not as there: a key that is a
list or a mapping is refused, own keys win over merged ones wherever `<<` stands, and a block text at the very end of a
file ends with a line break though the file does not.

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
pub(crate) fn render_docs() -> String {
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
        if let Some(limit) = limits::of(setting.key) {
            let _ = write!(out, "- error: `… {} …`\n- metric: `{}`\n", limit.says, limit.metric());
        }
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
}
