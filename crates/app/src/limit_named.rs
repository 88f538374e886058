//! Which limit refused something: every error that a limit causes names the setting in brackets, `… 60 s
//! (limits.query_timeout)`. What people read and what Clew's own metrics count is one text.

/// What stands before the name.
const BEFORE: &str = "(limits.";

/// The limit that a message names, without `limits.`; the first where there are several.
#[must_use]
pub(crate) fn limit_named(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(BEFORE)?;
    let (name, _) = rest.split_once(')')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    is_name.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_name_in_brackets() {
        assert_eq!(limit_named("longer than 60 s (limits.query_timeout); narrow it"), Some("query_timeout"));
        for other in ["", "all is well", "see limits.memory", "(limits.)", "(limits.Query timeout)", "(limits.open"] {
            assert_eq!(limit_named(other), None, "{other}");
        }
    }
}
