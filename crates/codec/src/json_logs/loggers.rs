//! What only the other members of an object tell: names that are too common to mean a field wherever they stand, and what a
//! logger leaves out or writes in a form of its own.

use clew_model::logs::{Severity, WellKnown};
use clew_model::value::find;
use clew_model::{Attribute, Value};

/// Objects whose members may be a record's own, beyond `CONTAINER_FIELDS`: loguru's record, Serilog's properties, the
/// context of Log4j 2 and logback. Their names stay part of the fields' paths.
pub(super) const CONTAINERS_OF_LOGGERS: [&str; 4] = ["record", "Properties", "contextMap", "mdc"];

/// Whether a name means a field beside others.
pub(super) fn may_be_known_beside(name: &str) -> bool {
    matches!(
        name,
        "created"
            | "label"
            | "name"
            | "channel"
            | "target"
            | "Category"
            | "PRIORITY"
            | "PROGRAM"
            | "s"
            | "c"
            | "T"
            | "L"
            | "M"
            | "N"
    )
}

/// The field that a name means beside these members, and its rank among the field's names.
pub(crate) fn known_beside(name: &str, beside: &[Attribute]) -> Option<(WellKnown, i8)> {
    use WellKnown::{Message, Service, Severity, Time};
    if !may_be_known_beside(name) {
        return None;
    }
    let has = |key: &str| beside.iter().any(|own| own.key == key);
    let is_python = || ["levelname", "levelno", "asctime", "funcName", "relativeCreated"].into_iter().any(has);
    let is_journal = || ["MESSAGE", "__REALTIME_TIMESTAMP"].into_iter().any(has);
    let is_mongo = || matches!(find(beside, "t"), Some(Value::Map(_)));
    // zap's development configuration.
    let is_zap = || has("L") && has("M");
    let field = match name {
        "created" if is_python() => (Time, 8),
        "name" if (has("pid") && has("hostname")) || is_python() || (has("module") && has("function")) => (Service, 24),
        // semantic_logger
        "name" if has("level_index") => (Service, 24),
        // MySQL's error log
        "label" if has("prio") && has("err_code") => (Severity, 6),
        "channel" if has("level_name") || has("datetime") => (Service, 24),
        "target" if has("timestamp") && has("level") && is_module(beside) => (Service, 24),
        "Category" if has("LogLevel") || has("EventId") => (Service, 24),
        // In capitals it is the journal's, whoever passes it on.
        "PRIORITY" => (Severity, 6),
        "PROGRAM" if is_journal() => (Service, 24),
        "s" if is_mongo() => (Severity, 6),
        "c" if is_mongo() => (Service, 24),
        "T" if is_zap() => (Time, 6),
        "L" if is_zap() => (Severity, 6),
        "M" if is_zap() => (Message, 6),
        "N" if is_zap() => (Service, 24),
        _ => return None,
    };
    Some(field)
}

/// Whether the target of a record is a module, as tracing writes it, and no address or file.
fn is_module(beside: &[Attribute]) -> bool {
    let of_path = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b':');
    match find(beside, "target") {
        Some(Value::String(target)) => {
            target.bytes().all(of_path) && !target.starts_with(|first: char| first.is_ascii_digit())
        }
        _ => false,
    }
}

/// The level that a logger means where it writes none: Serilog's compact format leaves out Information.
pub(super) fn implied_severity(members: &[Attribute]) -> Option<Severity> {
    let has = |key: &str| find(members, key).is_some();
    let is_compact = has("@t") && ["@m", "@mt", "@i", "@r"].into_iter().any(has);
    (is_compact && !has("@l")).then_some(Severity::INFO)
}

/// Whether the member is the same message as another, once more with everything around it: loguru's `text` beside its
/// record.
pub(super) fn repeats_the_message(name: &str, beside: &[Attribute]) -> bool {
    name == "text" && matches!(find(beside, "record"), Some(Value::Map(record)) if find(record, "message").is_some())
}

/// The text of a message that journald gives as numbers, since a byte of it is no printable text (colours, newlines); with
/// whether the text says all of them.
pub(super) fn text_of_bytes(name: &str, value: &Value) -> Option<(String, bool)> {
    let Value::Array(items) = value else { return None };
    if name != "MESSAGE" || items.is_empty() {
        return None;
    }
    let byte = |item: &Value| match item {
        Value::Int(byte) => u8::try_from(*byte).ok(),
        _ => None,
    };
    let bytes: Vec<u8> = items.iter().map(byte).collect::<Option<_>>()?;
    Some(match String::from_utf8(bytes) {
        Ok(text) => (text, true),
        Err(broken) => (String::from_utf8_lossy(broken.as_bytes()).into_owned(), false),
    })
}
