//! What every limit says when it refuses something, and the test that reaches it.

/// A limit among the settings.
pub(super) struct Limit {
    /// The setting.
    pub key: &'static str,
    /// What an error says, as its source has it.
    pub says: &'static str,
    /// A test that reaches it; that test knows the name of the limit from the error.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests of this table look it up"))]
    pub reached_by: &'static str,
}

impl Limit {
    /// The series of Clew's own metrics that counts how often it refused something.
    pub(super) fn metric(&self) -> String {
        format!("clew_limit_hits_total{{limit=\"{}\"}}", self.key.trim_start_matches("limits."))
    }
}

macro_rules! limit {
    ($key:literal, $says:literal, $reached_by:literal) => {
        Limit { key: $key, says: $says, reached_by: $reached_by }
    };
}

/// Every setting below `limits` that refuses something, in the order of the settings.
pub(super) const LIMITS: &[Limit] = &[
    limit!(
        "limits.memory",
        "the server holds as many request bodies as its memory has room for (limits.memory)",
        "without_room_a_sender_is_told_to_come_back"
    ),
    limit!(
        "limits.query_timeout",
        "the query took longer than its limit of {} s (limits.query_timeout)",
        "a_query_beyond_its_deadline_is_stopped_and_says_the_limit"
    ),
    limit!(
        "limits.query_memory",
        "the query needs more than its memory limit of {} bytes (limits.query_memory)",
        "a_budget_refuses_what_exceeds_it_and_takes_back_what_is_dropped"
    ),
    limit!(
        "limits.query_concurrency",
        "queries are running and waiting, more than the server can answer (limits.query_concurrency)",
        "queries_that_would_wait_too_long_are_refused_by_the_name_of_the_limit"
    ),
    limit!(
        "limits.query_series",
        "the query selects {count} series, more than {} (limits.query_series)",
        "a_query_beyond_what_it_may_read_is_refused_by_the_name_of_its_limit"
    ),
    limit!(
        "limits.query_samples",
        "the query reads more than {} samples (limits.query_samples)",
        "a_query_beyond_what_it_may_read_is_refused_by_the_name_of_its_limit"
    ),
    limit!(
        "limits.series",
        "is beyond the limit of {limit} active series (limits.series)",
        "churn_is_refused_at_the_limit_of_series_while_known_series_go_on"
    ),
    limit!(
        "limits.connections",
        "as many connections are open as there may be: {} (limits.connections)",
        "a_connection_beyond_the_bound_waits_until_one_ends"
    ),
    limit!(
        "limits.ingest_body",
        "the request's body is larger than the limit of {limit} bytes (limits.ingest_body)",
        "a_body_that_fits_exactly_is_taken_and_one_byte_more_is_refused"
    ),
    limit!(
        "limits.log_line",
        "the record is longer than the limit of {limit} bytes (limits.log_line)",
        "a_ten_megabyte_line_is_kept_and_a_twenty_megabyte_line_refused"
    ),
];

/// The limit that a setting is, if it is one that refuses.
pub(super) fn of(key: &str) -> Option<&'static Limit> {
    LIMITS.iter().find(|limit| limit.key == key)
}

#[cfg(test)]
mod tests {
    use super::super::settings::SETTINGS;
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    /// The sources below a folder, with texts that are broken over lines put together.
    fn sources(dir: &Path, into: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                sources(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("config/limits.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                let whole = text.split("\\\n").map(str::trim_start);
                into.push(whole.collect());
            }
        }
    }

    fn all_sources() -> Vec<String> {
        let mut all = Vec::new();
        sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), &mut all);
        all
    }

    /// Messages name a limit in brackets behind the sentence: `… 5 s (limits.query_timeout)`.
    fn named(source: &str) -> impl Iterator<Item = String> {
        let after = source.match_indices(concat!(" (", "limits.")).map(|(at, _)| &source[at + 2..]);
        after.filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())).filter(|key| !key.contains(' '))
    }

    #[test]
    fn every_limit_that_a_message_names_is_in_the_table_and_a_setting() {
        let sources = all_sources();
        let keys: BTreeSet<String> = sources.iter().flat_map(|source| named(source)).collect();
        assert!(keys.contains("limits.query_samples"), "the sources were not read: {keys:?}");
        for key in keys {
            assert!(SETTINGS.iter().any(|setting| setting.key == key), "a message names {key}, which is no setting");
            assert!(of(&key).is_some(), "a message names {key}, which the table of limits does not have");
        }
    }

    #[test]
    fn every_setting_of_a_limit_is_in_the_table_or_refuses_nothing() {
        for setting in SETTINGS.iter().filter(|setting| setting.key.starts_with("limits.")) {
            assert!(of(setting.key).is_some() || setting.key == "limits.slow_query", "{}", setting.key);
        }
        assert!(LIMITS.iter().all(|limit| SETTINGS.iter().any(|setting| setting.key == limit.key)));
    }

    #[test]
    fn every_limit_says_what_the_table_says_and_a_test_reaches_it() {
        let sources = all_sources();
        for Limit { key, says, reached_by } in LIMITS {
            assert!(says.ends_with(&format!("({key})")), "{says} names another limit than {key}");
            let said = sources.iter().any(|source| source.contains(says));
            assert!(said, "no source says {says:?}");
            let test = format!("fn {reached_by}()");
            assert!(sources.iter().any(|source| source.contains(&test)), "there is no test {reached_by}");
        }
    }
}
