//! Labels and addresses as they are written in configuration.

use crate::yaml::Value;

/// Whether a name is a label name of the classic data model: `[a-zA-Z_][a-zA-Z0-9_]*`.
#[must_use]
pub fn is_legacy_label_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Whether a text may be the address of a target: host and port, not a URL.
#[must_use]
pub fn is_target_address(address: &str) -> bool {
    !address.contains('/')
}

/// Reads a mapping of label names to values.
pub(super) fn read_labels(value: &Value<'_>) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    for (name, value) in value.entries() {
        if name.is_empty() {
            value.fault("a label has an empty name", "give it a name such as team");
        } else if let Some(text) = value.text() {
            labels.push((name.to_owned(), text.to_owned()));
        }
    }
    labels
}
