//! Reading nodes by the type that is wanted.

use super::fault::{Fault, Faults, Origin, Severity};
use super::number::{Number, parse_bool, parse_number};
use super::scalar::{parse_duration, parse_size};
use super::tree::{Content, Document, Entry, Node, Position};
use clew_model::near::nearest;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Where the nodes of a tree were written, and where their faults go.
#[derive(Debug)]
pub struct Source<'a> {
    place: Place,
    /// Relative paths start here.
    base: PathBuf,
    faults: &'a Faults,
    mentioned: RefCell<Vec<MentionedFile>>,
}

/// A file that a document names and that is read later, when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MentionedFile {
    /// Its path, relative to the working directory.
    pub path: PathBuf,
    /// Where it is named.
    pub origin: Origin,
    /// The path of keys that leads there.
    pub key: String,
}

#[derive(Debug)]
enum Place {
    File(Arc<Path>),
    Fixed(Origin),
}

impl<'a> Source<'a> {
    /// Nodes of a file; paths written in it are relative to its folder.
    #[must_use]
    pub fn file(file: &Arc<Path>, faults: &'a Faults) -> Self {
        let base = file.parent().map(Path::to_path_buf).unwrap_or_default();
        Self { place: Place::File(file.clone()), base, faults, mentioned: RefCell::default() }
    }

    /// A value from elsewhere (an environment variable, a flag, a default); paths are relative to the working directory.
    #[must_use]
    pub fn fixed(origin: Origin, faults: &'a Faults) -> Self {
        Self { place: Place::Fixed(origin), base: PathBuf::new(), faults, mentioned: RefCell::default() }
    }

    /// The top of a document of this source.
    #[must_use]
    pub fn root<'b>(&'b self, document: &'b Document) -> Value<'b> {
        self.value(&document.root, String::new())
    }

    /// A node of this source under a path of keys.
    #[must_use]
    pub fn value<'b>(&'b self, node: &'b Node, path: String) -> Value<'b> {
        Value { node, path, source: self }
    }

    /// The files that were read as [`Value::mentioned_file`], in the order of reading.
    #[must_use]
    pub fn into_mentioned(self) -> Vec<MentionedFile> {
        self.mentioned.into_inner()
    }

    fn origin(&self, at: Position) -> Origin {
        match &self.place {
            Place::File(file) => Origin::File { file: file.clone(), line: at.line, column: at.column },
            Place::Fixed(origin) => origin.clone(),
        }
    }

    fn report(&self, severity: Severity, at: Position, path: &str, problem: String, remedy: String) {
        self.faults.push(Fault { severity, origin: self.origin(at), path: path.to_owned(), problem, remedy });
    }
}

/// A node to be read. Reads answer `None` after they have reported a fault; the caller goes on with a default.
#[derive(Debug, Clone)]
pub struct Value<'a> {
    node: &'a Node,
    path: String,
    source: &'a Source<'a>,
}

impl<'a> Value<'a> {
    /// The node itself.
    #[must_use]
    pub fn node(&self) -> &'a Node {
        self.node
    }

    /// The path of keys that leads here.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where it was written.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.source.origin(self.node.at)
    }

    /// Reports that this value cannot be accepted.
    pub fn fault(&self, problem: impl Into<String>, remedy: impl Into<String>) {
        self.source.report(Severity::Error, self.node.at, &self.path, problem.into(), remedy.into());
    }

    /// Reports that this value has no effect.
    pub fn warn(&self, problem: impl Into<String>, remedy: impl Into<String>) {
        self.source.report(Severity::Warning, self.node.at, &self.path, problem.into(), remedy.into());
    }

    /// The text of a scalar; a null is empty.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        match &self.node.content {
            Content::Scalar(text) => Some(text),
            Content::Null => Some(""),
            _ => self.wrong_kind("a single value", "write one value, in quotes when it has special characters"),
        }
    }

    /// A scalar that is not empty.
    #[must_use]
    pub fn filled_text(&self) -> Option<&'a str> {
        let text = self.text()?;
        if text.is_empty() {
            self.fault("is empty", "give it a value or remove the key");
        }
        (!text.is_empty()).then_some(text)
    }

    /// A truth value in one of YAML 1.1's spellings (`yes`, `no`, `on`, `off`, `y`, `n` too), quoted or not.
    #[must_use]
    pub fn bool(&self) -> Option<bool> {
        let text = self.text()?;
        let truth = parse_bool(text);
        if truth.is_none() {
            self.fault(format!("{text:?} is not a truth value"), "write true or false");
        }
        truth
    }

    /// A whole number from 0 on, quoted or not, in any of YAML 1.1's spellings (`0x10`, `0b11`, `1_000`, `1e3`, octal
    /// behind a leading 0). What stands behind the point of a fraction is cut off, with a warning.
    #[must_use]
    pub fn count(&self) -> Option<u64> {
        let text = self.text()?;
        let number = match parse_number(text) {
            Some(Number::Whole(number)) => u64::try_from(number).ok(),
            // Beyond 2^53 every double is whole; 2^64 itself is too large.
            Some(Number::Float(number)) if (0.0..18_446_744_073_709_551_616.0).contains(&number) => {
                if number.fract() != 0.0 {
                    self.warn(format!("{text:?} is cut to {}", number.trunc()), "write a whole number");
                }
                Some(number as u64)
            }
            _ => None,
        };
        if number.is_none() {
            self.fault(format!("{text:?} is not a whole number from 0 on"), "write digits only, such as 1000");
        }
        number
    }

    /// A whole number, negative ones too, in any of the spellings of [`Value::count`].
    #[must_use]
    pub fn integer(&self) -> Option<i64> {
        let text = self.text()?;
        let number = match parse_number(text) {
            Some(Number::Whole(number)) => i64::try_from(number).ok(),
            Some(Number::Float(number)) if number.fract() == 0.0 && number.abs() < 9.0e18 => Some(number as i64),
            _ => None,
        };
        if number.is_none() {
            self.fault(format!("{text:?} is not a whole number"), "write digits only, such as 1000");
        }
        number
    }

    /// A number, be it a fraction.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        let text = self.text()?;
        let number = match parse_number(text) {
            Some(Number::Whole(number)) => Some(number as f64),
            Some(Number::Float(number)) => Some(number),
            None => None,
        };
        if number.is_none() {
            self.fault(format!("{text:?} is not a number"), "write a number such as 0.5");
        }
        number
    }

    /// A duration such as `1h30m`.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.parsed(parse_duration, "write whole numbers with the units y, w, d, h, m, s or ms, such as 30s or 1h30m")
    }

    /// A size in bytes such as `64MiB`; `decimal_base` is what `KB` counts by (1000, or 1024 in prometheus.yml).
    #[must_use]
    pub fn size(&self, decimal_base: u32) -> Option<u64> {
        self.parsed(|text| parse_size(text, decimal_base), "write a number with a unit, such as 64MiB or 50GiB")
    }

    /// A path, relative ones from where the value was written; a null or empty value is a fault.
    #[must_use]
    pub fn file_path(&self) -> Option<PathBuf> {
        self.filled_text().map(|text| self.source.base.join(text))
    }

    /// The path of a file that is read later, noted in the source (see [`Source::into_mentioned`]).
    #[must_use]
    pub fn mentioned_file(&self) -> Option<PathBuf> {
        let path = self.file_path()?;
        let file = MentionedFile { path: path.clone(), origin: self.origin(), key: self.path.clone() };
        self.source.mentioned.borrow_mut().push(file);
        Some(path)
    }

    /// One of these words.
    #[must_use]
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let found = choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice);
        if found.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let one_of = if words.len() > 1 { "one of " } else { "" };
            self.fault(format!("{text:?} is not a known value"), format!("write {one_of}{}", words.join(", ")));
        }
        found
    }

    /// A scalar read by a parser of the caller's, whose error says what is wrong.
    pub fn parsed<T, E: std::fmt::Display>(&self, parse: impl FnOnce(&str) -> Result<T, E>, remedy: &str) -> Option<T> {
        match parse(self.text()?) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(error.to_string(), remedy);
                None
            }
        }
    }

    /// The items of a list; a null has none.
    #[must_use]
    pub fn items(&self) -> Vec<Value<'a>> {
        match &self.node.content {
            Content::Null => Vec::new(),
            Content::Sequence(items) => {
                let item = |(index, node)| self.source.value(node, format!("{}[{index}]", self.path));
                items.iter().enumerate().map(item).collect()
            }
            _ => self
                .wrong_kind("a list", "write each item on its own line after `- `, or all in [brackets]")
                .unwrap_or_default(),
        }
    }

    /// The entries of a mapping whose keys are names of the user's; a null has none.
    #[must_use]
    pub fn entries(&self) -> Vec<(&'a str, Value<'a>)> {
        let entry = |entry: &'a Entry| (entry.key.as_str(), self.child(entry));
        self.mapping().iter().map(entry).collect()
    }

    /// The mapping with known keys that this is; a null is an empty one.
    #[must_use]
    pub fn fields(&self) -> Fields<'a> {
        Fields { entries: self.mapping(), owner: self.clone(), known: Vec::new() }
    }

    fn child(&self, entry: &'a Entry) -> Value<'a> {
        self.source.value(&entry.value, self.join(&entry.key))
    }

    fn join(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn mapping(&self) -> &'a [Entry] {
        match &self.node.content {
            Content::Null => &[],
            Content::Mapping(entries) => entries,
            _ => self.wrong_kind("a mapping", "write `key: value` lines").unwrap_or_default(),
        }
    }

    fn wrong_kind<T>(&self, wanted: &str, remedy: &str) -> Option<T> {
        let found = match &self.node.content {
            Content::Null => "nothing",
            Content::Scalar(_) => "a single value",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        };
        self.fault(format!("is {found} where {wanted} belongs"), remedy);
        None
    }
}

/// A mapping with known keys. Every key asked for counts as known; [`Fields::finish`] reports the others.
#[derive(Debug)]
pub struct Fields<'a> {
    entries: &'a [Entry],
    owner: Value<'a>,
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The value of a key, when it is there and not null.
    pub fn get(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.known.push(key);
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        (entry.value.content != Content::Null).then(|| self.owner.child(entry))
    }

    /// The value of a key that must be there.
    pub fn required(&mut self, key: &'static str, example: &str) -> Option<Value<'a>> {
        let value = self.get(key);
        if value.is_none() {
            self.owner.fault(format!("{key} is missing"), format!("add `{key}: {example}`"));
        }
        value
    }

    /// Whether a key is written, be it null.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Keys that are accepted without effect: warnings where they are written with a value.
    pub fn ignore(&mut self, keys: &[(&'static str, &str)]) {
        for (key, why) in keys {
            if let Some(entry) = self.take(key) {
                self.owner.source.report(
                    Severity::Warning,
                    entry.at,
                    &self.owner.join(key),
                    (*why).to_owned(),
                    String::new(),
                );
            }
        }
    }

    /// The value of a key, unless nothing, an empty text or an empty list is written there.
    pub fn get_written(&mut self, key: &'static str) -> Option<Value<'a>> {
        let entry = self.take(key)?;
        Some(self.owner.child(entry))
    }

    /// Reports at a key that what is written under it has no effect.
    pub fn warn_at(&self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        if let Some(entry) = self.entries.iter().find(|entry| entry.key == key) {
            let path = self.owner.join(key);
            self.owner.source.report(Severity::Warning, entry.at, &path, problem.into(), remedy.into());
        }
    }

    /// The mapping as a value, for faults that concern it as a whole.
    #[must_use]
    pub fn owner(&self) -> &Value<'a> {
        &self.owner
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str())) {
            let remedy = match nearest(&entry.key, self.known.iter().copied()) {
                Some(known) => format!("did you mean {known:?}?"),
                None if self.known.len() <= 8 => format!("known keys here: {}", self.known.join(", ")),
                None => "remove it".to_owned(),
            };
            let problem = format!("unknown key {:?}", entry.key);
            self.owner.source.report(Severity::Error, entry.at, &self.owner.path, problem, remedy);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        self.entries.iter().find(|entry| entry.key == key && !is_empty(&entry.value))
    }
}

fn is_empty(node: &Node) -> bool {
    match &node.content {
        Content::Null => true,
        Content::Scalar(text) => text.is_empty(),
        Content::Sequence(items) => items.is_empty(),
        Content::Mapping(entries) => entries.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str, read: impl FnOnce(Value<'_>)) -> Vec<String> {
        let faults = Faults::new();
        let document = Document::parse(Path::new("dir/f.yml"), text, &faults).unwrap();
        let source = Source::file(&document.file, &faults);
        read(source.root(&document));
        drop(source);
        faults.into_sorted().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_fault_is_reported_with_its_place_and_a_way_out() {
        let text =
            "nmae: x\nage: tomorrow\nsize: 3\nlist: {a: 1}\non: maybe\ncount: -1\nmode: fast\nproxy: p\nlater: 1\n";
        let faults = faults_of(text, |root| {
            let mut fields = root.fields();
            assert!(fields.required("name", "anything").is_none());
            assert!(fields.get("age").unwrap().duration().is_none());
            assert!(fields.get("size").unwrap().size(1000).is_none());
            assert!(fields.get("list").unwrap().items().is_empty());
            assert!(fields.get("on").unwrap().bool().is_none());
            assert!(fields.get("count").unwrap().count().is_none());
            assert!(fields.get("mode").unwrap().choice(&[("slow", 1), ("steady", 2)]).is_none());
            fields.ignore(&[("later", "is for a later version")]);
            fields.finish();
        });
        assert_eq!(
            faults,
            [
                "dir/f.yml:1:1: name is missing; add `name: anything`",
                "dir/f.yml:1:1: unknown key \"nmae\"; did you mean \"name\"?",
                "dir/f.yml:2:6: age: \"tomorrow\" is not a duration; write whole numbers with the units y, w, d, h, m, s or ms, such as 30s or 1h30m",
                "dir/f.yml:3:7: size: \"3\" is not a size in bytes; write a number with a unit, such as 64MiB or 50GiB",
                "dir/f.yml:4:7: list: is a mapping where a list belongs; write each item on its own line after `- `, or all in [brackets]",
                "dir/f.yml:5:5: on: \"maybe\" is not a truth value; write true or false",
                "dir/f.yml:6:8: count: \"-1\" is not a whole number from 0 on; write digits only, such as 1000",
                "dir/f.yml:7:7: mode: \"fast\" is not a known value; write one of slow, steady",
                "dir/f.yml:8:1: unknown key \"proxy\"; known keys here: name, age, size, list, on, count, mode, later",
                "dir/f.yml:9:1: warning: later: is for a later version",
            ]
        );
    }

    #[test]
    fn good_values_are_read_and_paths_start_at_the_file() {
        let faults = faults_of("a: {p: x.txt, q: /abs}\nb: [1, yes]\nc: ~\n", |root| {
            let mut fields = root.fields();
            let inner = fields.get("a").unwrap().entries();
            let paths: Vec<_> = inner.iter().map(|(key, value)| (*key, value.file_path().unwrap())).collect();
            assert_eq!(paths, [("p", PathBuf::from("dir/x.txt")), ("q", PathBuf::from("/abs"))]);
            let items = fields.get("b").unwrap().items();
            assert_eq!((items[0].count(), items[1].bool(), items[1].path()), (Some(1), Some(true), "b[1]"));
            assert!(fields.get("c").is_none() && fields.has("c"));
            fields.finish();
        });
        assert_eq!(faults, Vec::<String>::new());
    }
}
