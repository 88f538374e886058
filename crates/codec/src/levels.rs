//! The level of records whose protocol has a place for it, but whose sender wrote it elsewhere.

use crate::json_logs::{known_beside, members_of_text};
use crate::limits::MAX_LEVEL_TEXT_BYTES;
use clew_model::logs::{Severity, WellKnown, ranked};
use clew_model::{Attribute, Value};

/// The severity that the members of an object say, by the most preferred name of which the value says one.
pub(crate) fn severity_among(members: &[Attribute]) -> Option<Severity> {
    let mut best: Option<(i8, Severity)> = None;
    for member in members {
        let meaning = ranked(&member.key).or_else(|| known_beside(&member.key, members));
        if let Some((WellKnown::Severity, rank)) = meaning
            && best.is_none_or(|(own, _)| rank < own)
            && let Some(said) = Severity::of_member(&member.key, &member.value, members)
            && said.severity != Severity::UNSPECIFIED
        {
            best = Some((rank, said.severity));
        }
    }
    best.map(|(_, severity)| severity)
}

/// As [`severity_among`], for a body that is an object, or the text of one: a line that a collector took as it was.
pub(crate) fn severity_in(body: &Value) -> Option<Severity> {
    match body {
        Value::Map(members) => severity_among(members),
        Value::String(text) if text.len() <= MAX_LEVEL_TEXT_BYTES => severity_among(&members_of_text(text)?),
        _ => None,
    }
}
