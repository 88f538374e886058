//! A JSON log record that was pasted as a query: it finds the records that say the same.

use super::all_of;
use crate::limits::{MAX_EXPR_DEPTH, MAX_LOG_TERMS};
use clew_model::logs::{FieldTest, LogFilter, WellKnown, well_known};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// A test for each member that is text, a number or a boolean, by its dotted path. Times are left out, since they are
/// kept as instants and not as they were written, and so are numbers that stand for a severity.
///
/// `None` for text that is no JSON object, has no such member, or is nested or long beyond what a query may be.
pub(super) fn filter(text: &str) -> Option<LogFilter> {
    if !begins_as_json(text) {
        return None;
    }
    let mut tests = Vec::new();
    add_object(text.trim(), "", &mut tests, 0)?;
    (!tests.is_empty()).then(|| all_of(tests))
}

/// Whether the text begins with a bracket and a quote.
pub(super) fn begins_as_json(text: &str) -> bool {
    text.trim_start().strip_prefix('{').is_some_and(|inner| inner.trim_start().starts_with('"'))
}

fn add_object(text: &str, path: &str, tests: &mut Vec<LogFilter>, depth: usize) -> Option<()> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    for (key, value) in members {
        let path = if path.is_empty() { key } else { format!("{path}.{key}") };
        add_value(value.get(), &path, tests, depth)?;
    }
    Some(())
}

fn add_value(text: &str, path: &str, tests: &mut Vec<LogFilter>, depth: usize) -> Option<()> {
    if depth > MAX_EXPR_DEPTH || tests.len() >= MAX_LOG_TERMS {
        return None;
    }
    let known = well_known(path);
    let value = match text.bytes().next()? {
        b'{' => return add_object(text, path, tests, depth + 1),
        b'[' => {
            let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            return items.iter().try_for_each(|item| add_value(item.get(), path, tests, depth + 1));
        }
        b'n' => return Some(()),
        b'"' => serde_json::from_str::<String>(text).ok()?,
        _ if known == Some(WellKnown::Severity) => return Some(()),
        _ => text.to_owned(),
    };
    if known != Some(WellKnown::Time) && !value.is_empty() {
        tests.push(LogFilter::Field { name: path.to_owned(), test: FieldTest::Is(value) });
    }
    Some(())
}
