//! What a filter asks of an index of blocks: a condition on terms that every block with a passing row fulfils.

use super::bodies::BODY;
use super::literals::literals;
use super::terms::{INCOMPLETE, OUTSIDE, SEPARATOR, WELL_KNOWN, id_term, is_one_word, is_varied};
use clew_model::CanonicalId;
use clew_model::logs::{
    FieldTest, LogFilter, Severity, TextTest, WellKnown, inside_message, is_unspaced, tokens, well_known,
};
use clew_model::numeral::other_notation;
use std::borrow::Cow;

/// A condition on the terms of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// Any block may hold a passing row.
    Nothing,
    /// The block has this term, in its dictionary or among its hashes.
    Term(String),
    /// All of them hold.
    All(Vec<Need>),
    /// One of them holds.
    Any(Vec<Need>),
}

/// What a block must have for a row of it to pass. Blocks that have it may still hold no passing row.
#[must_use]
pub fn needs(filter: &LogFilter) -> Need {
    match filter {
        LogFilter::And(filters) => all(filters.iter().map(needs)),
        LogFilter::Or(filters) => any(filters.iter().map(needs)),
        LogFilter::AnyText(test) | LogFilter::Message(test) => text_needs(test),
        LogFilter::Field { name, test } => field_needs(name, test),
        LogFilter::All | LogFilter::Not(_) | LogFilter::SeverityBetween(..) => Need::Nothing,
    }
}

/// What a block must have for a row of it to carry the ID.
#[must_use]
pub fn needs_of_id(id: &CanonicalId) -> Need {
    let whole = Need::Term(id_term(id));
    if is_one_word(id) {
        any([whole, words_of(id.as_str())].into_iter().chain(padded(id).map(Need::Term)))
    } else {
        whole
    }
}

/// A 64-bit trace ID as the word that a text or a record's trace ID has of it.
fn padded(id: &CanonicalId) -> Option<String> {
    id.as_span_id().and(id.as_trace_id()).map(|trace| trace.to_string())
}

fn all(needs: impl IntoIterator<Item = Need>) -> Need {
    let mut needs: Vec<Need> = needs.into_iter().filter(|need| *need != Need::Nothing).collect();
    match needs.len() {
        0 => Need::Nothing,
        1 => needs.remove(0),
        _ => Need::All(needs),
    }
}

fn any(needs: impl IntoIterator<Item = Need>) -> Need {
    let mut needs: Vec<Need> = needs.into_iter().collect();
    match needs.len() {
        _ if needs.contains(&Need::Nothing) => Need::Nothing,
        1 => needs.remove(0),
        _ => Need::Any(needs),
    }
}

fn words_of(text: &str) -> Need {
    all(tokens(text).map(|token| Need::Term(token.into_owned())))
}

fn text_needs(test: &TextTest) -> Need {
    match test {
        TextTest::Words(words) => all(words.iter().cloned().map(Need::Term)),
        TextTest::Substring(part) => all(whole_words(part).map(|word| Need::Term(word.into_owned()))),
        TextTest::Regex(pattern) => literals_need(&literals(pattern), &|word| Need::Term(word.to_owned())),
    }
}

/// What a block must have for the test to pass by another text than the message: all its words stand outside of
/// messages, as far as that is kept (varied words are not told apart).
pub(super) fn outside_needs(test: &TextTest) -> Need {
    let outside = |word: &str| match is_varied(word) {
        true => Need::Nothing,
        false => Need::Term(format!("{OUTSIDE}{word}")),
    };
    match test {
        TextTest::Words(words) => all(words.iter().map(|word| outside(word))),
        TextTest::Substring(part) => all(whole_words(part).map(|word| outside(&word))),
        TextTest::Regex(pattern) => literals_need(&literals(pattern), &outside),
    }
}

/// One of the literals stands in a text of the block.
fn literals_need(literals: &[String], word: &dyn Fn(&str) -> Need) -> Need {
    match literals {
        [] => Need::Nothing,
        literals => any(literals.iter().map(|literal| all(whole_words(literal).map(|own| word(&own))))),
    }
}

/// The words of a substring that cannot be parts of longer words in the text around it. Words so long that they may be
/// cut into pieces are left out.
fn whole_words(part: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let is_word = |c: char| (c.is_alphanumeric() || c == '_') && !is_unspaced(c);
    let inner = part.trim_start_matches(is_word).trim_end_matches(is_word);
    inner
        .split(move |c: char| !(is_word(c) || is_unspaced(c)))
        .filter(|run| run.len() <= clew_model::limits::MAX_TOKEN_BYTES)
        .flat_map(tokens)
}

fn field_needs(name: &str, test: &FieldTest) -> Need {
    let exists = || field_exists(name);
    match test {
        FieldTest::Is(text) => match TextTest::words(text) {
            TextTest::Words(words) => {
                let spelt = all(words.iter().map(|word| field_word(name, word)));
                let canonical = CanonicalId::new(text).filter(|id| id.as_trace_id().is_some());
                let padded = canonical.as_ref().and_then(padded).map(|id| field_word(name, &id));
                let canonical = canonical.map(|id| field_word(name, id.as_str()));
                let plain = other_notation(text).map(|plain| all(tokens(&plain).map(|word| field_word(name, &word))));
                let others = canonical.into_iter().chain(padded).chain(plain).chain(severity_range(name, text));
                any([spelt].into_iter().chain(others))
            }
            _ => exists(),
        },
        FieldTest::Equals(text) => match words_in(text).as_slice() {
            [] => exists(),
            words => all(words.iter().map(|word| field_word(name, word))),
        },
        FieldTest::Contains(TextTest::Words(words)) if !words.is_empty() => {
            all(words.iter().map(|word| field_word(name, word)))
        }
        FieldTest::Contains(TextTest::Substring(part)) => {
            all([exists()].into_iter().chain(whole_words(part).map(|word| field_word(name, &word))))
        }
        _ => exists(),
    }
}

fn words_in(text: &str) -> Vec<String> {
    tokens(text).map(Cow::into_owned).collect()
}

/// `level:error` passes by the severity's number, whatever its text; numbers are indexed by their range.
fn severity_range(name: &str, text: &str) -> Option<Need> {
    let is_severity = well_known(name) == Some(WellKnown::Severity);
    let severity = Severity::from_text(text).filter(|_| is_severity)?;
    Some(Need::Term(format!("{WELL_KNOWN}range{SEPARATOR}{}", severity.range_name().to_lowercase())))
}

/// A value of the field has this word.
fn field_word(name: &str, word: &str) -> Need {
    let word_alone = || Need::Term(word.to_owned());
    let term = |name: &str| Need::Term(format!("{name}{SEPARATOR}{word}"));
    let spelt = |name: &str| {
        let incomplete = Need::Term(format!("{name}{SEPARATOR}{INCOMPLETE}"));
        any([term(name), all([incomplete, word_alone()])])
    };
    let well_known = match well_known(name) {
        None => None,
        Some(WellKnown::Message | WellKnown::TraceId | WellKnown::SpanId) => Some(word_alone()),
        Some(WellKnown::Service) => Some(term("\u{1d}service")),
        Some(WellKnown::Severity) => Some(term("\u{1d}severity")),
        // Times are not indexed.
        Some(WellKnown::Time) => Some(Need::Nothing),
    };
    let in_body = in_body(name).map(|name| spelt(&name));
    any([spelt(name)].into_iter().chain(well_known).chain(in_body))
}

fn field_exists(name: &str) -> Need {
    // Nearly every block has every well-known field.
    if well_known(name).is_some() {
        return Need::Nothing;
    }
    let exists = |name: &str| Need::Term(format!("{name}{SEPARATOR}"));
    let in_body = in_body(name).map(|name| exists(&name));
    any([exists(name)].into_iter().chain(in_body))
}

/// The name by which a field of a body is indexed, where it is asked for by another name of the message.
fn in_body(name: &str) -> Option<String> {
    inside_message(name).map(|rest| format!("{BODY}{rest}")).filter(|body| body != name)
}
