//! Reading rules, with the checks that Prometheus makes.

use super::rule::{RelabelAction, RelabelRule};
use crate::yaml::{Content, Fields, Value};
use clew_model::limits::MAX_REGEX_BYTES;
use clew_model::re2::whole_text_regex;
use regex::Regex;

const DEFAULT_REGEX: &str = "(.*)";
const DEFAULT_REPLACEMENT: &str = "$1";
const DEFAULT_SEPARATOR: &str = ";";

/// Reads a list of rules; those with faults are left out.
pub(crate) fn read_rules(value: &Value<'_>) -> Vec<RelabelRule> {
    value.items().iter().filter_map(read_rule).collect()
}

fn read_rule(value: &Value<'_>) -> Option<RelabelRule> {
    if value.node().content == Content::Null {
        value.fault("is an empty rule", "remove it");
        return None;
    }
    let mut fields = value.fields();
    let action = read_action(fields.get("action"));
    let rule = RelabelRule {
        source_labels: fields.get("source_labels").map(|value| read_names(&value)).unwrap_or_default(),
        separator: text_or(fields.get("separator"), DEFAULT_SEPARATOR, &fields, "separator"),
        regex: read_regex(fields.get("regex"))?,
        modulus: fields.get("modulus").and_then(|value| value.count()).unwrap_or_default(),
        target_label: text_or(fields.get("target_label"), "", &fields, "target_label"),
        replacement: text_or(fields.get("replacement"), DEFAULT_REPLACEMENT, &fields, "replacement"),
        action: action?,
    };
    check(&rule, value);
    fields.finish();
    Some(rule)
}

fn read_action(value: Option<Value<'_>>) -> Option<RelabelAction> {
    let Some(value) = value else { return Some(RelabelAction::default()) };
    let text = value.text()?;
    let found = RelabelAction::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    if found.is_none() {
        let names = RelabelAction::ALL.map(|(name, _)| name).join(", ");
        value.fault(format!("{text:?} is not an action"), format!("write one of {names}"));
    }
    found.map(|(_, action)| *action)
}

fn read_names(value: &Value<'_>) -> Vec<String> {
    value.items().iter().filter_map(Value::filled_text).map(str::to_owned).collect()
}

/// A text where a null that is written counts as empty.
fn text_or(value: Option<Value<'_>>, default: &str, fields: &Fields<'_>, key: &str) -> String {
    match value {
        Some(value) => value.text().unwrap_or(default).to_owned(),
        None if fields.has(key) => String::new(),
        None => default.to_owned(),
    }
}

fn read_regex(value: Option<Value<'_>>) -> Option<Regex> {
    let build = |text: &str| whole_text_regex(text, MAX_REGEX_BYTES);
    let Some(value) = value else { return build(DEFAULT_REGEX).ok() };
    let text = value.text()?;
    match build(text) {
        Ok(regex) => Some(regex),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            value.fault(
                format!("{text:?} is not a regular expression: {reason}"),
                "escape special characters with a backslash",
            );
            None
        }
    }
}

/// The keys whose values are not the defaults; tools write defaults out, so those do not count as written.
fn changed(rule: &RelabelRule) -> impl Iterator<Item = &'static str> {
    let keys = [
        ("source_labels", !rule.source_labels.is_empty()),
        ("separator", rule.separator != DEFAULT_SEPARATOR),
        ("regex", rule.regex.as_str() != format!("^(?s:{DEFAULT_REGEX})$")),
        ("modulus", rule.modulus != 0),
        ("target_label", !rule.target_label.is_empty()),
        ("replacement", rule.replacement != DEFAULT_REPLACEMENT),
    ];
    keys.into_iter().filter(|(_, changed)| *changed).map(|(key, _)| key)
}

/// The checks of `relabel.Config.Validate`.
fn check(rule: &RelabelRule, value: &Value<'_>) {
    use RelabelAction::{DropEqual, HashMod, KeepEqual, LabelDrop, LabelKeep, LabelMap, Lowercase, Replace, Uppercase};
    let name =
        RelabelAction::ALL.iter().find(|(_, action)| *action == rule.action).map(|(name, _)| *name).unwrap_or_default();
    let needs_target = matches!(rule.action, Replace | HashMod | Lowercase | Uppercase | KeepEqual | DropEqual);
    if needs_target && rule.target_label.is_empty() {
        value.fault(format!("the action {name} needs a target_label"), "add `target_label: name`");
    }
    if rule.action == HashMod && rule.modulus == 0 {
        value.fault("the action hashmod needs a modulus above 0", "add `modulus: 4` with the number of shards");
    }
    let only = |allowed: &[&str]| {
        let extra: Vec<&str> = changed(rule).filter(|key| !allowed.contains(key)).collect();
        if !extra.is_empty() {
            let extra = extra.join(", ");
            value.fault(format!("the action {name} takes only {}", allowed.join(" and ")), format!("remove {extra}"));
        }
    };
    match rule.action {
        KeepEqual | DropEqual => only(&["source_labels", "target_label"]),
        LabelDrop | LabelKeep => only(&["regex"]),
        Lowercase | Uppercase if rule.replacement != DEFAULT_REPLACEMENT => {
            value.fault(format!("the action {name} takes no replacement"), "remove replacement");
        }
        LabelMap if rule.replacement.is_empty() => {
            value.fault("the action labelmap needs a replacement that makes a label name", "write `replacement: $1`");
        }
        _ => {}
    }
}
