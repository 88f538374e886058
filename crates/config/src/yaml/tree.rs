//! The tree of a YAML document, each node with its place.

use super::fault::{Fault, Faults, Origin, Severity};
use super::number::is_null;
use super::relaxed::relax;
use super::tag::tagged;
use super::text::{control_character, first_document};
use crate::limits::{MAX_DEPTH, MAX_NODES};
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

/// A place in a document; both count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// A node and where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Where it starts.
    pub at: Position,
    /// What it is.
    pub content: Content,
}

/// What a node is. Scalars keep their text: who reads it decides the type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Nothing, `~` or `null`.
    Null,
    /// Anything else that is one value.
    Scalar(String),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order of the document; keys are unique.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub at: Position,
    /// The value.
    pub value: Node,
}

/// A parsed document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The file it came from, as it was named.
    pub file: Arc<Path>,
    /// Its top node.
    pub root: Node,
}

impl Document {
    /// Parses the first document of a text; what follows it is a warning. Anchors, aliases, merge keys (`<<`) and YAML's
    /// own tags are resolved. An empty file is a null.
    ///
    /// Answers `None` when the syntax is broken or a bound is passed (nesting of 64, 8 million nodes); duplicate keys and
    /// keys that are no scalars are faults, and the tree goes on without them.
    pub fn parse(file: &Path, text: &str, faults: &Faults) -> Option<Document> {
        let file: Arc<Path> = Arc::from(file);
        let (text, rest) = first_document(text.strip_prefix('\u{feff}').unwrap_or(text));
        let report = |severity, line, column, problem, remedy: &str| {
            let origin = Origin::File { file: file.clone(), line, column };
            faults.push(Fault { severity, origin, path: String::new(), problem, remedy: remedy.to_owned() });
        };
        if let Some((c, line, column)) = control_character(text) {
            let problem = format!("is not valid YAML: control character {:?}", c);
            report(Severity::Error, line, column, problem, "remove it, or write it as an escape in double quotes");
            return None;
        }
        let root = match Builder::build(&file, text, &[]) {
            (_, Err(error)) => {
                let relaxed = relax(text);
                let (found, Ok(root)) = Builder::build(&file, &relaxed.text, &relaxed.added) else {
                    let at = position(*error.marker());
                    let remedy = "check indentation, quotes and brackets here and on the line before";
                    report(Severity::Error, at.line, at.column, format!("is not valid YAML: {}", error.info()), remedy);
                    return None;
                };
                faults.append(found);
                root?
            }
            (found, Ok(root)) => {
                faults.append(found);
                root?
            }
        };
        if let Some(line) = rest {
            let problem = "what follows is not read, only the first document of a file is".to_owned();
            report(Severity::Warning, line, 1, problem, "keep one document");
        }
        Some(Document { file, root })
    }
}

fn position(marker: Marker) -> Position {
    let bounded = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: bounded(marker.line()), column: bounded(marker.col()).saturating_add(1) }
}

/// A list or mapping that is not finished.
enum Open {
    Sequence { at: Position, anchor: usize, items: Vec<Node> },
    Mapping { at: Position, anchor: usize, pairs: Pairs },
}

/// The entries of a mapping that is not finished.
#[derive(Default)]
struct Pairs {
    entries: Vec<Entry>,
    /// Lines of the keys, to tell duplicates.
    lines: HashMap<String, u32>,
    /// What merge keys brought, in order.
    merged: Vec<Entry>,
    /// The key whose value comes next.
    key: Option<Key>,
}

/// The key of an entry whose value is still to come.
enum Key {
    Named(String, Position),
    Merge,
    /// Not usable; a fault was reported.
    Refused,
}

struct Builder<'a> {
    file: &'a Arc<Path>,
    faults: Faults,
    stack: Vec<Open>,
    anchors: HashMap<usize, (Node, Extent)>,
    nodes: usize,
    root: Option<Node>,
}

impl Builder<'_> {
    /// Builds the tree of a text whose lines begin with so many blanks that were added; with the faults that were found.
    /// The inner `None`: one of them ended it.
    fn build(file: &Arc<Path>, text: &str, added: &[u32]) -> (Faults, Result<Option<Node>, ScanError>) {
        let (faults, stack, anchors) = (Faults::new(), Vec::new(), HashMap::new());
        let mut builder = Builder { file, faults, stack, anchors, nodes: 0, root: None };
        for event in Parser::new_from_str(text) {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => return (builder.faults, Err(error)),
            };
            let mut at = position(span.start);
            let blanks = added.get((at.line as usize).saturating_sub(1)).copied().unwrap_or_default();
            at.column = at.column.saturating_sub(blanks).max(1);
            if builder.take(event, at).is_none() {
                return (builder.faults, Ok(None));
            }
        }
        let root = builder.root.unwrap_or(Node { at: Position { line: 1, column: 1 }, content: Content::Null });
        (builder.faults, Ok(Some(root)))
    }

    /// Takes one event; `None` ends parsing, with a fault reported.
    fn take(&mut self, event: Event<'_>, at: Position) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain;
                let content = match tag {
                    Some(tag) if tag.is_yaml_core_schema() => tagged(&tag.suffix, &text).unwrap_or_else(|problem| {
                        self.fault(at, problem, "write what the tag says, or remove the tag");
                        Content::Null
                    }),
                    None if plain && is_null(&text) => Content::Null,
                    _ => Content::Scalar(text.into_owned()),
                };
                self.place(Node { at, content }, anchor, plain, 1)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some((_, extent)) if self.stack.len() + extent.depth > MAX_DEPTH => self.too_deep(at),
                Some((node, extent)) => self.place(node, 0, false, extent.nodes),
                None => {
                    self.stop(at, "is an alias without an anchor".to_owned(), "put &name before the value it repeats")
                }
            },
            Event::SequenceStart(anchor, _) => self.open(Open::Sequence { at, anchor, items: Vec::new() }, at),
            Event::MappingStart(anchor, _) => self.open(Open::Mapping { at, anchor, pairs: Pairs::default() }, at),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            _ => Some(()),
        }
    }

    fn open(&mut self, open: Open, at: Position) -> Option<()> {
        if self.stack.len() >= MAX_DEPTH {
            return self.too_deep(at);
        }
        self.stack.push(open);
        Some(())
    }

    fn too_deep(&self, at: Position) -> Option<()> {
        self.stop(at, format!("is nested deeper than {MAX_DEPTH} levels"), "flatten it")
    }

    fn close(&mut self) -> Option<()> {
        match self.stack.pop()? {
            Open::Sequence { at, anchor, items } => {
                self.place(Node { at, content: Content::Sequence(items) }, anchor, false, 1)
            }
            Open::Mapping { at, anchor, pairs } => {
                let Pairs { mut entries, mut lines, merged, .. } = pairs;
                for entry in merged {
                    if lines.insert(entry.key.clone(), entry.at.line).is_none() {
                        entries.push(entry);
                    }
                }
                self.place(Node { at, content: Content::Mapping(entries) }, anchor, false, 1)
            }
        }
    }

    /// Puts a finished node where it belongs: the top, a list, a key or a value.
    fn place(&mut self, node: Node, anchor: usize, plain: bool, size: usize) -> Option<()> {
        self.nodes = self.nodes.saturating_add(size);
        if self.nodes > MAX_NODES {
            return self.stop(node.at, format!("makes the document larger than {MAX_NODES} values"), "split the file");
        }
        if anchor != 0 {
            let extent = Extent::of(&node);
            self.nodes = self.nodes.saturating_add(extent.nodes);
            self.anchors.insert(anchor, (node.clone(), extent));
        }
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some(Open::Sequence { items, .. }) => items.push(node),
            Some(Open::Mapping { pairs, .. }) => {
                if let Some((at, problem, remedy)) = pairs.take(node, plain) {
                    self.fault(at, problem, remedy);
                }
            }
        }
        Some(())
    }

    fn stop(&self, at: Position, problem: String, remedy: &str) -> Option<()> {
        self.fault(at, problem, remedy);
        None
    }

    fn fault(&self, at: Position, problem: String, remedy: &str) {
        let origin = Origin::File { file: self.file.clone(), line: at.line, column: at.column };
        let remedy = remedy.to_owned();
        self.faults.push(Fault { severity: Severity::Error, origin, path: String::new(), problem, remedy });
    }
}

/// A place, what is wrong there, and what to write instead.
type Complaint = (Position, String, &'static str);

impl Pairs {
    /// Takes the next node, a key or the value of the key before.
    fn take(&mut self, node: Node, plain: bool) -> Option<Complaint> {
        match self.key.take() {
            None => {
                let (key, complaint) = self.new_key(node, plain);
                self.key = Some(key);
                complaint
            }
            Some(Key::Named(key, at)) => {
                self.entries.push(Entry { key, at, value: node });
                None
            }
            Some(Key::Merge) => {
                let at = node.at;
                let problem =
                    || (at, "cannot be merged by `<<`".to_owned(), "write an alias of a mapping, or a list of them");
                (!merge(node, &mut self.merged)).then(problem)
            }
            Some(Key::Refused) => None,
        }
    }

    fn new_key(&mut self, node: Node, plain: bool) -> (Key, Option<Complaint>) {
        let at = node.at;
        let text = match node.content {
            Content::Scalar(text) => text,
            Content::Null => "null".to_owned(),
            Content::Sequence(_) | Content::Mapping(_) => {
                let problem = "a key is a list or a mapping".to_owned();
                return (Key::Refused, Some((at, problem, "write a plain word as the key")));
            }
        };
        if plain && text == "<<" {
            return (Key::Merge, None);
        }
        if let Some(first) = self.lines.get(&text) {
            let problem = format!("the key {text:?} is given twice, first on line {first}");
            return (Key::Refused, Some((at, problem, "keep one of them")));
        }
        self.lines.insert(text.clone(), at.line);
        (Key::Named(text, at), None)
    }
}

/// Adds what `<<: node` brings; false when the node cannot be merged.
fn merge(node: Node, merged: &mut Vec<Entry>) -> bool {
    match node.content {
        Content::Mapping(entries) => {
            merged.extend(entries);
            true
        }
        Content::Sequence(items) => {
            items.into_iter().all(|item| matches!(&item.content, Content::Mapping(_)) && merge(item, merged))
        }
        Content::Null | Content::Scalar(_) => false,
    }
}

/// How large a subtree is.
#[derive(Clone, Copy)]
struct Extent {
    nodes: usize,
    depth: usize,
}

impl Extent {
    /// Measures a subtree; the recursion ends at the depth that the builder allows.
    fn of(node: &Node) -> Self {
        let inner = |own: Extent, child: &Node| {
            let child = Extent::of(child);
            Extent { nodes: own.nodes.saturating_add(child.nodes), depth: own.depth.max(child.depth + 1) }
        };
        let one = Extent { nodes: 1, depth: 0 };
        match &node.content {
            Content::Null | Content::Scalar(_) => one,
            Content::Sequence(items) => items.iter().fold(Extent { depth: 1, ..one }, inner),
            Content::Mapping(entries) => {
                entries.iter().map(|entry| &entry.value).fold(Extent { depth: 1, ..one }, inner)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> Vec<String> {
        let faults = Faults::new();
        let _ = Document::parse(Path::new("f.yml"), text, &faults);
        faults.into_sorted().iter().map(ToString::to_string).collect()
    }

    /// The tree on one line: mappings in braces, lists in brackets, positions after `@`.
    fn shown(node: &Node) -> String {
        match &node.content {
            Content::Null => "null".to_owned(),
            Content::Scalar(text) => format!("{text}@{}:{}", node.at.line, node.at.column),
            Content::Sequence(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(" ")),
            Content::Mapping(entries) => {
                let entries: Vec<String> =
                    entries.iter().map(|entry| format!("{}: {}", entry.key, shown(&entry.value))).collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn check(text: &str, expected: &str) {
        let faults = Faults::new();
        let document = Document::parse(Path::new("f.yml"), text, &faults);
        assert!(!faults.has_errors(), "{text}: {:?}", faults.into_sorted());
        assert_eq!(shown(&document.unwrap().root), expected, "{text}");
    }

    #[test]
    fn nodes_know_their_place() {
        check("", "null");
        check("a: 1\nb:\n  - x\n  - 'null'\nc: ~\n", "{a: 1@1:4, b: [x@3:5 null@4:5], c: null}");
        check(r#"{"a": [1, "two"], "b": {"c": true}}"#, "{a: [1@1:8 two@1:11], b: {c: true@1:30}}");
    }

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        check(
            "x: &x {a: 1, b: 2}\ny: {<<: *x, b: 3}\nz: *x",
            "{x: {a: 1@1:11, b: 2@1:17}, y: {b: 3@2:16, a: 1@1:11}, z: {a: 1@1:11, b: 2@1:17}}",
        );
    }

    #[test]
    fn broken_documents_are_named_with_their_line() {
        for (text, expected) in [
            ("a: 1\nb: 2\na: 3\n", "f.yml:3:1: the key \"a\" is given twice, first on line 1; keep one of them"),
            (
                "a: 1\n---\nb: 2\n",
                "f.yml:2:1: warning: what follows is not read, only the first document of a file is; keep one document",
            ),
            ("? [a]\n: 1\n", "f.yml:1:3: a key is a list or a mapping; write a plain word as the key"),
            ("x: {<<: 1}", "f.yml:1:9: cannot be merged by `<<`; write an alias of a mapping, or a list of them"),
        ] {
            assert_eq!(faults_of(text), [expected], "{text}");
        }
        let broken = faults_of("a: [1, 2\nb: 3\n");
        assert!(broken.len() == 1 && broken[0].contains("is not valid YAML"), "{broken:?}");
    }

    #[test]
    fn documents_that_grow_without_bound_are_refused() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let items = vec![format!("*a{}", level - 1); 10].join(",");
            bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
        }
        assert!(faults_of(&bomb)[0].contains("larger than"), "{:?}", faults_of(&bomb));
        let deep = format!("{}{}", "[".repeat(70), "]".repeat(70));
        assert!(faults_of(&deep)[0].contains("nested deeper than 64"), "{:?}", faults_of(&deep));
        let mut chain = format!("a0: &a0 {}{}\n", "[".repeat(40), "]".repeat(40));
        chain.push_str(&format!("a1: {}*a0{}\n", "[".repeat(40), "]".repeat(40)));
        assert!(faults_of(&chain)[0].contains("nested deeper than 64"), "{:?}", faults_of(&chain));
    }
}
