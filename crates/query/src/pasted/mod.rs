//! What a pasted text may name: IDs, a service, a metric.
//!
//! People paste what they have: an ID with the quotes, brackets and commas around it, `key=value`, `"key": "value"`, a
//! header, a URL (Clew's own or another tool's), a whole log line. Everything in it that may be an ID is a candidate;
//! the stores say which of them exist.

mod tokens;
mod url;

use crate::limits::{MAX_PASTED_BYTES, MAX_PASTED_CANDIDATES, MAX_PASTED_NAMES};
use clew_model::CanonicalId;
use clew_model::correlation::{CorrelationRules, PropagatedContext};
use clew_model::logs::{WellKnown, well_known};
use tokens::{Token, tokens};

/// Something that a pasted text may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// As it stands in the text.
    pub text: String,
    /// The IDs that it may be, the likeliest first; never empty.
    pub ids: Vec<CanonicalId>,
    /// How sure the text alone makes it.
    pub rank: Rank,
}

/// How sure it is that a part of a text is an ID, before any store is asked; the surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// It stands under the name of a correlation field, or is a link's.
    Named,
    /// It is the whole text but for what stands around it.
    Whole,
    /// It has the form of a trace's ID.
    TraceShaped,
    /// A configured pattern finds it.
    Pattern,
    /// It has a digit and no blank.
    IdLike,
    /// It is several words held together (`task:nightly`, `night-run`), which an index finds as one.
    Compound,
    /// The whole text of several words, as it stands or in another case.
    Other,
}

/// The candidates in a text, the surest first, each ID once.
#[must_use]
pub fn candidates(text: &str, rules: &CorrelationRules) -> Vec<Candidate> {
    let text = clipped(text.trim());
    let mut found = Found { rules, candidates: Vec::new() };
    let bare = bare(text);
    // One word is what it is, whatever stands inside it: `task:001`, a header, a service's name.
    let is_word =
        !bare.contains(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '{' | ',')) && !bare.contains("://");
    if is_word || PropagatedContext::parse(bare).is_some() {
        found.offer(bare, Rank::Whole);
    }
    text.split_whitespace().for_each(|word| found.word(word));
    tokens(text).for_each(|token| found.token(&token));
    rules.visit_patterns(text, &mut |carried| found.offer(carried.id.as_str(), Rank::Pattern));
    // A correlation field may hold words: a session's title, a person's name.
    if CanonicalId::new(bare).is_some() {
        [bare, text, &bare.to_lowercase()].into_iter().for_each(|whole| found.offer(whole, Rank::Other));
    }
    let mut candidates = found.candidates;
    candidates.sort_by_key(|candidate| candidate.rank);
    candidates.truncate(MAX_PASTED_CANDIDATES);
    candidates
}

/// The names of services that a text may say: the whole of it, and what stands under the name of such a field.
#[must_use]
pub fn service_names(text: &str) -> Vec<String> {
    let text = clipped(text.trim());
    let mut names = vec![bare(text).to_owned()];
    // `service: a b` has a name of two words.
    let of_field = text.split_once(['=', ':']).filter(|(name, _)| well_known(bare(name)) == Some(WellKnown::Service));
    names.extend(of_field.map(|(_, name)| bare(name).to_owned()));
    for token in tokens(text) {
        if token.name.is_some_and(|name| well_known(name) == Some(WellKnown::Service)) {
            names.push(bare(&token.text).to_owned());
        }
    }
    let of_links = text.split_whitespace().flat_map(|word| url::parts(bare(word)));
    names.extend(of_links.filter(|part| part.name.as_deref() == Some("services")).map(|part| part.value));
    names.retain(|name| !name.is_empty());
    names.truncate(MAX_PASTED_NAMES);
    names.sort_unstable();
    names.dedup();
    names
}

struct Found<'r> {
    rules: &'r CorrelationRules,
    candidates: Vec<Candidate>,
}

impl Found<'_> {
    /// Takes a text as a candidate, or makes one that is there surer.
    fn offer(&mut self, text: &str, rank: Rank) {
        let ids = CanonicalId::readings(text);
        let Some(first) = ids.first() else { return };
        if let Some(same) = self.candidates.iter_mut().find(|own| own.ids.first() == Some(first)) {
            same.rank = same.rank.min(rank);
            return;
        }
        let candidate = Candidate { text: text.to_owned(), ids, rank };
        if self.candidates.len() < MAX_PASTED_CANDIDATES * 4 {
            self.candidates.push(candidate);
        } else if let Some(worst) = self.candidates.iter_mut().max_by_key(|own| own.rank)
            && rank < worst.rank
        {
            *worst = candidate;
        }
    }

    /// Looks at a run without blanks: headers and links come apart where IDs do not.
    fn word(&mut self, word: &str) {
        let word = bare(word);
        let value = word.split_once(['=', ':']).map_or("", |(_, value)| bare(value));
        for whole in [word, value] {
            if PropagatedContext::parse(whole).is_some() {
                self.offer(whole, Rank::TraceShaped);
            }
        }
        for part in url::parts(word) {
            let rank = match &part.name {
                Some(name) if part.is_path || self.rules.field(name).is_some() => Rank::Named,
                _ => by_shape(&part.value),
            };
            // Grafana keeps a whole query in a parameter.
            if part.value.contains(['"', '{']) {
                tokens(&part.value).for_each(|token| self.token(&token));
            } else {
                self.offer(&part.value, rank);
            }
        }
    }

    fn token(&mut self, token: &Token<'_>) {
        let text = bare(&token.text);
        let is_named = !token.is_name && token.name.is_some_and(|name| self.rules.field(name).is_some());
        if is_named {
            self.offer(text, Rank::Named);
        } else if by_shape(text) < Rank::Other {
            self.offer(text, by_shape(text));
        }
        // `trace_id:4bf92f…` is a name and a value, `task:001` is one ID.
        if let Some((name, value)) = text.split_once(':')
            && !value.starts_with("//")
        {
            let rank = if self.rules.field(name).is_some() { Rank::Named } else { by_shape(value) };
            if rank < Rank::Other {
                self.offer(bare(value), rank);
            }
        }
    }
}

/// What the characters of a word say.
fn by_shape(text: &str) -> Rank {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let trace_shaped = CanonicalId::new(digits).is_some_and(|id| id.as_trace_id().is_some());
    let letters = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if trace_shaped && (letters || text.len() >= 30) {
        Rank::TraceShaped
    } else if text.len() >= 4 && text.bytes().any(|byte| byte.is_ascii_digit()) && !is_moment_or_amount(text) {
        Rank::IdLike
    } else if text.len() >= 4 && !text.contains('/') && is_compound(text) && !is_moment_or_amount(text) {
        Rank::Compound
    } else {
        Rank::Other
    }
}

/// Whether letters or digits stand on both sides of another mark.
fn is_compound(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty());
    words.next().is_some() && words.next().is_some() && !text.contains(char::is_whitespace)
}

/// Times of day, dates, plain small numbers and amounts with a unit (`250ms`, `17.4`, `14:21:53.496`, `2026-11-30T…Z`).
fn is_moment_or_amount(text: &str) -> bool {
    let is_date = text.len() >= 8
        && text.bytes().all(|byte| byte.is_ascii_digit() || b"-:.,+/TZ ".contains(&byte))
        && text.bytes().any(|byte| b"-:/".contains(&byte));
    let number =
        text.trim_start_matches(['-', '+']).trim_end_matches(|c: char| c.is_alphabetic() || c == '%' || c == '/');
    let unit = text.len().saturating_sub(number.len());
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let is_amount = is_number && unit <= 4 && (number.len() <= 7 || number.contains('.'));
    is_date || is_amount
}

/// The text without what people copy along: quotes, brackets, commas and the like at its ends.
fn bare(text: &str) -> &str {
    const AROUND: [char; 30] = [
        '#', '@', '*', '=', '"', '\'', '`', '“', '”', '‘', '’', '„', '«', '»', '(', ')', '[', ']', '{', '}', '<', '>',
        ',', ';', ':', '.', '!', '?', '|', '\\',
    ];
    // A UUID in braces is one as it stands, so are `{`…`}` around it away all the same.
    text.trim().trim_matches(|c: char| c.is_whitespace() || AROUND.contains(&c))
}

/// As much of the text as is looked at.
fn clipped(text: &str) -> &str {
    let mut end = text.len().min(MAX_PASTED_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn first_ids(text: &str) -> Vec<String> {
        let rules = CorrelationRules::new(["task_id", "request_id", "session_id"], [Regex::new("job#[0-9]+").unwrap()]);
        candidates(text, &rules).into_iter().filter_map(|found| Some(found.ids.first()?.to_string())).collect()
    }

    #[test]
    fn an_id_is_found_whatever_is_copied_along_with_it() {
        for (text, id) in [
            ("task:89938d0c", "task:89938d0c"),
            ("\"task:89938d0c\",", "task:89938d0c"),
            ("'req-abc123'", "req-abc123"),
            ("[req-abc123]", "req-abc123"),
            ("(req-abc123).", "req-abc123"),
            ("<req-abc123>", "req-abc123"),
            ("`req-abc123`;", "req-abc123"),
            ("“req-abc123”", "req-abc123"),
            ("task_id=task:001", "task:001"),
            ("task_id: task:001", "task:001"),
            ("task_id:task:001", "task:001"),
            ("\"task_id\": \"task:001\",", "task:001"),
            ("{\"task_id\":\"task:001\"}", "task:001"),
            ("taskId => task:001", "task:001"),
            ("trace_id=4BF92F3577B34DA6A3CE929D0E0E4736", TRACE),
            ("traceId: '4bf92f35-77b3-4da6-a3ce-929d0e0e4736'", TRACE),
            ("{4bf92f35-77b3-4da6-a3ce-929d0e0e4736}", TRACE),
            ("0x4bf92f3577b34da6a3ce929d0e0e4736", TRACE),
            ("traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", TRACE),
            ("X-Amzn-Trace-Id: Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Sampled=1", TRACE),
            ("uber-trace-id: 4bf92f3577b34da6a3ce929d0e0e4736:f067aa0ba902b7:0:1", TRACE),
            ("session_id=alice", "alice"),
            ("http://localhost:4300/id/task%3A001", "task:001"),
            ("https://clew.example/base/traces/4bf92f3577b34da6a3ce929d0e0e4736?span=00f067aa0ba902b7", TRACE),
            ("http://jaeger:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736", TRACE),
            ("https://shop.example/cart?request_id=req-abc123&lang=de", "req-abc123"),
            ("/id/task%3A001?depth=3", "task:001"),
            ("#req-abc123", "req-abc123"),
            (
                "http://g/explore?left=%5B%22now-1h%22,%7B%22query%22:%224bf92f3577b34da6a3ce929d0e0e4736%22%7D%5D",
                TRACE,
            ),
            ("the order 7 of Alice", "the order 7 of Alice"),
        ] {
            assert_eq!(first_ids(text).first().map(String::as_str), Some(id), "{text}");
        }
    }

    #[test]
    fn every_id_of_a_log_line_is_offered_those_under_known_names_first() {
        let line = r#"2026-11-30T14:21:53.496Z ERROR [worker-7] task failed after 250ms task_id=task:001 trace=4bf92f3577b34da6a3ce929d0e0e4736 file=/tmp/out-77a9.json job#42 of run:nightly (attempt 3 of 5)"#;
        let ids = first_ids(line);
        assert_eq!(ids.first().map(String::as_str), Some("task:001"));
        for id in [TRACE, "worker-7", "job#42", "run:nightly"] {
            assert!(ids.iter().any(|found| found == id), "{id}: {ids:?}");
        }
        for no_id in ["250ms", "2026-11-30T14:21:53.496Z", "3", "5"] {
            assert!(!ids.iter().any(|found| found == no_id), "{no_id}: {ids:?}");
        }
        let json =
            r#"{"ts":1764512513.4,"level":"error","msg":"boom","request_id":"r-1","ctx":{"taskId":"t-2"},"n":12}"#;
        assert_eq!(first_ids(json).get(..2), Some(["r-1".to_owned(), "t-2".to_owned()].as_slice()));
    }

    #[test]
    fn a_long_text_does_not_hide_the_surest_id() {
        let frames: String = (0..150).map(|n| format!("  at a.b.C{n}.run(C{n}.java:{n}7)\n")).collect();
        assert_eq!(first_ids(&format!("{frames} trace_id={TRACE}")).first().map(String::as_str), Some(TRACE));
    }

    #[test]
    fn a_service_is_named_by_the_whole_text_a_field_or_a_link() {
        for (text, name) in [
            ("checkout", "checkout"),
            ("\"checkout service\"", "checkout service"),
            ("service: checkout service", "checkout service"),
            ("level=error service.name=checkout msg=x", "checkout"),
            ("http://h/services/check%20out?x=1", "check out"),
        ] {
            assert!(service_names(text).iter().any(|own| own == name), "{text}: {:?}", service_names(text));
        }
    }

    #[test]
    fn placeholders_and_blank_text_name_nothing() {
        for text in ["", "  ", "-", "null", "\"none\"", "task_id=null", "trace_id=00000000000000000000000000000000"] {
            let ids = first_ids(text);
            assert!(ids.iter().all(|id| id.contains('=')), "{text}: {ids:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_looked_through(text in ".{0,200}|[\\[\\]{}\"':=/?&%;, a-f0-9]{0,200}") {
            let found = candidates(&text, &CorrelationRules::default());
            prop_assert!(found.len() <= MAX_PASTED_CANDIDATES);
            prop_assert!(found.iter().all(|candidate| !candidate.ids.is_empty()));
        }

        #[test]
        fn an_id_between_any_other_words_is_offered(before in "[a-z ]{0,20}", after in "[a-z ]{0,20}", n in 0u64..) {
            let id = format!("req-{n:x}a0");
            let found = candidates(&format!("{before} {id}, {after}"), &CorrelationRules::default());
            prop_assert!(found.iter().any(|candidate| candidate.text == id));
        }
    }
}
