//! One rule and what it does to labels. The semantics are those of Prometheus' `model/relabel`.

use super::labels::LabelBuilder;
use md5::{Digest, Md5};
use regex::Regex;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RelabelAction {
    /// Sets the target label to the replacement when the regex matches.
    #[default]
    Replace,
    /// Drops what does not match.
    Keep,
    /// Drops what matches.
    Drop,
    /// Drops what does not equal the target label.
    KeepEqual,
    /// Drops what equals the target label.
    DropEqual,
    /// Sets the target label to a hash modulo a number.
    HashMod,
    /// Copies labels whose names match to names made from the replacement.
    LabelMap,
    /// Removes labels whose names match.
    LabelDrop,
    /// Removes labels whose names do not match.
    LabelKeep,
    /// Sets the target label to the lowercase value.
    Lowercase,
    /// Sets the target label to the uppercase value.
    Uppercase,
}

impl RelabelAction {
    /// All actions with their names.
    pub const ALL: [(&'static str, RelabelAction); 11] = [
        ("replace", RelabelAction::Replace),
        ("keep", RelabelAction::Keep),
        ("drop", RelabelAction::Drop),
        ("keepequal", RelabelAction::KeepEqual),
        ("dropequal", RelabelAction::DropEqual),
        ("hashmod", RelabelAction::HashMod),
        ("labelmap", RelabelAction::LabelMap),
        ("labeldrop", RelabelAction::LabelDrop),
        ("labelkeep", RelabelAction::LabelKeep),
        ("lowercase", RelabelAction::Lowercase),
        ("uppercase", RelabelAction::Uppercase),
    ];
}

/// A rule.
#[derive(Debug, Clone)]
pub struct RelabelRule {
    /// Labels whose values are joined to the text that the rule looks at.
    pub source_labels: Vec<String>,
    /// What stands between them.
    pub separator: String,
    /// The expression, anchored at both ends.
    pub regex: Regex,
    /// What `hashmod` divides by; not zero there.
    pub modulus: u64,
    /// The label that is set; may hold references to groups for `replace`.
    pub target_label: String,
    /// What it is set to; `$1` and `${name}` are groups of the match.
    pub replacement: String,
    /// What is done.
    pub action: RelabelAction,
}

impl PartialEq for RelabelRule {
    fn eq(&self, other: &Self) -> bool {
        self.source_labels == other.source_labels
            && self.separator == other.separator
            && self.regex.as_str() == other.regex.as_str()
            && self.modulus == other.modulus
            && self.target_label == other.target_label
            && self.replacement == other.replacement
            && self.action == other.action
    }
}

/// Applies rules in order; false when one of them drops the label set.
#[must_use]
pub fn relabel(rules: &[RelabelRule], labels: &mut LabelBuilder) -> bool {
    rules.iter().all(|rule| apply(rule, labels))
}

fn apply(rule: &RelabelRule, labels: &mut LabelBuilder) -> bool {
    let sources: Vec<&str> = rule.source_labels.iter().map(|name| labels.get(name)).collect();
    let value = sources.join(&rule.separator);
    match rule.action {
        RelabelAction::Keep => return rule.regex.is_match(&value),
        RelabelAction::Drop => return !rule.regex.is_match(&value),
        RelabelAction::KeepEqual => return labels.get(&rule.target_label) == value,
        RelabelAction::DropEqual => return labels.get(&rule.target_label) != value,
        RelabelAction::Replace => replace(rule, &value, labels),
        RelabelAction::Lowercase => labels.set(&rule.target_label, value.to_lowercase()),
        RelabelAction::Uppercase => labels.set(&rule.target_label, value.to_uppercase()),
        RelabelAction::HashMod => {
            if let Some(remainder) = hash(&value).checked_rem(rule.modulus) {
                labels.set(&rule.target_label, remainder.to_string());
            }
        }
        RelabelAction::LabelMap => map_names(rule, labels),
        RelabelAction::LabelDrop => labels.retain(|name| !rule.regex.is_match(name)),
        RelabelAction::LabelKeep => labels.retain(|name| rule.regex.is_match(name)),
    }
    true
}

fn replace(rule: &RelabelRule, value: &str, labels: &mut LabelBuilder) {
    let Some(captures) = rule.regex.captures(value) else { return };
    let (mut target, mut replacement) = (String::new(), String::new());
    captures.expand(&rule.target_label, &mut target);
    captures.expand(&rule.replacement, &mut replacement);
    if !target.is_empty() {
        labels.set(target, replacement);
    }
}

fn map_names(rule: &RelabelRule, labels: &mut LabelBuilder) {
    let mut mapped = Vec::new();
    for (name, value) in labels.iter() {
        if let Some(captures) = rule.regex.captures(name) {
            let mut target = String::new();
            captures.expand(&rule.replacement, &mut target);
            mapped.push((target, value.to_owned()));
        }
    }
    for (name, value) in mapped.into_iter().filter(|(name, _)| !name.is_empty()) {
        labels.set(name, value);
    }
}

/// The last 8 bytes of the MD5, big-endian: the hash that shards of Prometheus servers agree on.
fn hash(text: &str) -> u64 {
    let digest = Md5::digest(text.as_bytes());
    digest.iter().skip(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}
