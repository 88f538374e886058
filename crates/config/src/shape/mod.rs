//! What may be written in sections whose capability is not built: their keys and the kinds of values, as tables.
//!
//! Such a section has no effect, but what the system that it was written for would refuse is a fault here too: a
//! misspelled key, a value of another kind, a key that must be there. So a file means the same before the capability is
//! built and after.

mod http_keys;

pub(crate) use http_keys::{AUTHENTICATION, HTTP_CLIENT, OAUTH2, TLS};

use crate::relabel::read_rules;
use crate::shown_url::has_valid_port;
use crate::yaml::{Content, Fields, Value};

/// The kind of value that a key takes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// One value, whatever it is.
    Text,
    /// A truth value.
    Bool,
    /// A whole number.
    Integer,
    /// A whole number from 0 on.
    Count,
    /// A number.
    Number,
    /// A duration.
    Duration,
    /// A size in bytes, `KB` and the like counting by 1024.
    Size,
    /// A URL with a scheme of HTTP and a host.
    HttpUrl,
    /// One of these words; an empty text counts as not written.
    Choice(&'static [&'static str]),
    /// A list of single values.
    Texts,
    /// A mapping of the user's names to single values.
    TextMap,
    /// A mapping of the user's names to lists of single values.
    TextsMap,
    /// A mapping of the user's names to sections.
    SectionMap(&'static Section),
    /// Rules of relabelling.
    Relabel,
    /// A section.
    One(&'static Section),
    /// A list of sections; none of them may be empty.
    Many(&'static Section),
    /// Anything.
    Any,
}

/// A mapping with known keys.
#[derive(Debug)]
pub(crate) struct Section {
    /// The keys, list after list.
    pub(crate) keys: &'static [&'static [(&'static str, Shape)]],
    /// Keys that must be there and not be empty.
    pub(crate) required: &'static [&'static str],
    /// Groups of keys of which at most one may be written.
    pub(crate) exclusive: &'static [&'static [&'static str]],
}

impl Section {
    /// A section with these keys, all of them optional.
    pub(crate) const fn of(keys: &'static [&'static [(&'static str, Shape)]]) -> Self {
        Self { keys, required: &[], exclusive: &[] }
    }

    /// A section with these keys, some of which must be there.
    pub(crate) const fn requiring(
        keys: &'static [&'static [(&'static str, Shape)]],
        required: &'static [&'static str],
    ) -> Self {
        Self { keys, required, exclusive: &[] }
    }

    /// Reports what is wrong with a value of this form.
    pub(crate) fn check(&self, value: &Value<'_>) {
        let mut fields = value.fields();
        self.check_fields(&mut fields);
        fields.finish();
    }

    /// Reports what is wrong with this section's keys of a mapping, whose other keys somebody else reads.
    pub(crate) fn check_fields(&self, fields: &mut Fields<'_>) {
        for (key, shape) in self.keys.iter().copied().flatten() {
            if let Some(value) = fields.get(key) {
                shape.check(&value);
            }
        }
        for key in self.required {
            if fields.get_written(key).is_none() {
                fields.owner().fault(format!("{key} is missing"), format!("add `{key}`"));
            }
        }
        for group in self.exclusive {
            exclude(fields, group);
        }
    }
}

/// Reports the second of several keys of which at most one may be written.
pub(crate) fn exclude(fields: &mut Fields<'_>, group: &[&'static str]) {
    let mut written = group.iter().filter_map(|key| fields.get_written(key).map(|value| (*key, value)));
    if let (Some((first, _)), Some((second, value))) = (written.next(), written.next()) {
        value.fault(format!("both {first} and {second} are given"), "keep one of them");
    }
}

impl Shape {
    fn check(self, value: &Value<'_>) {
        match self {
            Shape::Text => read(value.text()),
            Shape::Bool => read(value.bool()),
            Shape::Integer => read(value.integer()),
            Shape::Count => read(value.count()),
            Shape::Number => read(value.number()),
            Shape::Duration => read(value.duration()),
            Shape::Size => read(value.size(1024)),
            Shape::HttpUrl => check_url(value),
            Shape::Choice(words) => check_choice(value, words),
            Shape::Texts => value.items().iter().for_each(|item| read(item.text())),
            Shape::TextMap => value.entries().iter().for_each(|(_, value)| read(value.text())),
            Shape::TextsMap => value.entries().iter().for_each(|(_, value)| Shape::Texts.check(value)),
            Shape::SectionMap(section) => value.entries().iter().for_each(|(_, value)| section.check(value)),
            Shape::Relabel => read(Some(read_rules(value))),
            Shape::One(section) => section.check(value),
            Shape::Many(section) => check_many(value, section),
            Shape::Any => {}
        }
    }
}

/// What was read only for the faults that reading it reports.
fn read<T>(_: Option<T>) {}

fn check_many(value: &Value<'_>, section: &Section) {
    for item in value.items() {
        if item.node().content == Content::Null {
            item.fault("is an empty section", "remove it");
        } else {
            section.check(&item);
        }
    }
}

fn check_choice(value: &Value<'_>, words: &'static [&'static str]) {
    let Some(text) = value.text() else { return };
    if !text.is_empty() && !words.contains(&text) {
        value.fault(format!("{text:?} is not a known value"), format!("write one of {}", words.join(", ")));
    }
}

fn check_url(value: &Value<'_>) {
    if let Some(text) = value.text()
        && !is_http_url(text)
    {
        // The text is not repeated: it may hold a password.
        value.fault("is not a URL of HTTP", "write http://host:port/path or https://…");
    }
}

/// Whether a text begins with a scheme of HTTP and a host.
pub(crate) fn is_http_url(text: &str) -> bool {
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let is_http = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    let is_host = !host.is_empty() && !host.starts_with(':') && has_valid_port(host);
    is_http && is_host && !text.contains(char::is_whitespace)
}
