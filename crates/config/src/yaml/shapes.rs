//! Real-world shapes of documents, held against what go-yaml makes of them (`tests/fixtures/yaml/shapes.txt`).

#![cfg(test)]

use super::number::{Number, parse_number};
use super::tree::{Content, Document, Node};
use super::{Faults, Source};
use std::fmt::Write as _;
use std::path::Path;

/// Prometheus reads its files with go-yaml v2, rule files with v3. The file says how its expectations were made.
const SHAPES: &str = include_str!("../../tests/fixtures/yaml/shapes.txt");

/// Values, and what they are read as by the type that is wanted.
const SCALARS: &str = include_str!("../../tests/fixtures/yaml/scalars.txt");

/// Characters of the file that stand for those which would not be seen in it.
const SIGNS: [(char, char); 7] =
    [('→', '\t'), ('␍', '\r'), ('⇔', '\u{feff}'), ('␁', '\u{1}'), ('␡', '\u{7f}'), ('␌', '\u{c}'), ('⍽', '\u{a0}')];

/// A document, what go-yaml makes of it, and what Clew does where that differs.
#[derive(Default)]
struct Shape {
    name: String,
    document: String,
    go: String,
    own: Option<String>,
}

fn shapes() -> Vec<Shape> {
    let mut shapes: Vec<Shape> = Vec::new();
    for line in SHAPES.lines() {
        let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (mark, shapes.last_mut()) {
            ("#", _) => shapes.push(Shape { name: rest.to_owned(), ..Shape::default() }),
            ("|", Some(shape)) => shape.document.push_str(&unsigned(rest)),
            ("=", Some(shape)) => shape.go = unsigned(rest).trim_end().to_owned(),
            ("~", Some(shape)) => shape.own = Some(unsigned(rest).trim_end().to_owned()),
            _ => {}
        }
    }
    shapes
}

/// A line with its signs replaced.
fn unsigned(line: &str) -> String {
    let line = line.replace('␠', "").replace("⟨1100⟩", &"k".repeat(1100));
    let mut text: String =
        line.chars().map(|c| SIGNS.iter().find(|(sign, _)| *sign == c).map_or(c, |(_, own)| *own)).collect();
    if text.ends_with('␄') {
        text.pop();
    } else {
        text.push('\n');
    }
    text
}

/// The document as JSON with sorted keys and every scalar as its text, or `refused`.
fn read(document: &str) -> String {
    let faults = Faults::new();
    let read = Document::parse(Path::new("f.yml"), document, &faults);
    match read {
        Some(read) if !faults.has_errors() => json(&read.root),
        _ => "refused".to_owned(),
    }
}

fn json(node: &Node) -> String {
    match &node.content {
        Content::Null => "null".to_owned(),
        Content::Scalar(text) => quoted(text),
        Content::Sequence(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(",")),
        Content::Mapping(entries) => {
            let mut entries: Vec<_> = entries.iter().map(|entry| (&entry.key, json(&entry.value))).collect();
            entries.sort();
            let entries: Vec<_> = entries.iter().map(|(key, value)| format!("{}:{value}", quoted(key))).collect();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    let mut json = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => json.extend(['\\', c]),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            c if c < ' ' || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

#[test]
fn documents_are_read_as_go_yaml_reads_them() {
    let shapes = shapes();
    assert!(shapes.len() > 150, "{} shapes", shapes.len());
    let mut wrong = Vec::new();
    for Shape { name, document, go, own } in &shapes {
        let read = read(document);
        if read != *own.as_ref().unwrap_or(go) {
            wrong.push(format!("{name}\n{document}  go-yaml: {go}\n  read:    {read}"));
        }
        if own.as_ref() == Some(go) {
            wrong.push(format!("{name}: is no difference any more"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), shapes.len(), wrong.join("\n"));
}

/// What a value is read as, or `refused`.
fn scalar(kind: &str, text: &str) -> String {
    let refused = || "refused".to_owned();
    if kind == "float" {
        return match parse_number(text) {
            Some(Number::Whole(number)) => number.to_string(),
            Some(Number::Float(number)) if number == f64::INFINITY => "+Inf".to_owned(),
            Some(Number::Float(number)) if number == f64::NEG_INFINITY => "-Inf".to_owned(),
            Some(Number::Float(number)) => number.to_string(),
            None => refused(),
        };
    }
    let faults = Faults::new();
    let Some(document) = Document::parse(Path::new("f.yml"), &format!("v: {text}\n"), &faults) else {
        return refused();
    };
    let source = Source::file(&document.file, &faults);
    let entries = source.root(&document).entries();
    let Some((_, value)) = entries.first() else { return refused() };
    let read = match kind {
        "bool" => value.bool().map(|truth| truth.to_string()),
        "count" => value.count().map(|count| count.to_string()),
        _ => Some(json(value.node())),
    };
    if faults.has_errors() { refused() } else { read.unwrap_or_else(refused) }
}

#[test]
fn values_are_read_as_go_yaml_reads_them() {
    let mut wrong = Vec::new();
    let lines: Vec<&str> = SCALARS.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() > 100, "{} values", lines.len());
    for line in lines {
        let mut columns = line.split('\t');
        let mut next = || columns.next().unwrap_or_default();
        let (kind, text, go, _, own) = (next(), next(), next(), next(), next());
        let read = scalar(kind, text);
        if read != if own.is_empty() { go } else { own } {
            wrong.push(format!("{kind} {text}: go-yaml {go}, read {read}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
