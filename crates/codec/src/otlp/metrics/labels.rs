//! Attributes as labels: read from the wire as texts under Prometheus names, then put in order.

use super::naming::{TranslationStrategy, label_name};
use super::texts::label_value;
use crate::otlp::common::any_value;
use crate::protobuf::{Budget, Field, Outcome, Reader};
use clew_model::{Attribute, Value};
use compact_str::CompactString;
use hashbrown::HashMap;

/// The text of a label: as it stands on the wire, or made of another kind of value.
#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    Sent(&'a str),
    Made(CompactString),
}

impl Text<'_> {
    fn as_str(&self) -> &str {
        match self {
            Text::Sent(text) => text,
            Text::Made(text) => text,
        }
    }
}

/// An attribute: its key's place among the [`LabelNames`], and the label's text.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    key: u32,
    text: Text<'a>,
}

impl Entry<'_> {
    /// Whether the attribute has a name.
    pub(super) fn is_named(&self) -> bool {
        self.key != NO_KEY
    }
}

/// The place of the empty key.
const NO_KEY: u32 = 0;

/// Label names by attribute keys, each translated once a body.
#[derive(Debug)]
pub(super) struct LabelNames {
    strategy: TranslationStrategy,
    /// Keys with their label names.
    known: Vec<(CompactString, CompactString)>,
    places: HashMap<CompactString, u32>,
}

impl LabelNames {
    pub(super) fn new(strategy: TranslationStrategy) -> Self {
        let none = CompactString::default();
        Self { strategy, known: vec![(none.clone(), none)], places: HashMap::new() }
    }

    /// An attribute that was read before.
    pub(super) fn entry(&mut self, key: &str, value: Value) -> Entry<'static> {
        Entry { key: self.place(key), text: Text::Made(label_value(value)) }
    }

    /// Reads a `KeyValue` and appends it. The attribute at the same place in `before` is the guess at its key.
    pub(super) fn push<'a>(
        &mut self,
        field: &Field<'a>,
        name: &'static str,
        before: &Layout,
        out: &mut Vec<Entry<'a>>,
        budget: &mut Budget,
    ) -> Outcome<()> {
        let guess = before.keys.get(out.len()).copied().unwrap_or(NO_KEY);
        let entry = field.element(name, out.len(), |reader| self.read(reader, guess, budget))?;
        budget.take(size_of::<Attribute>(), field.offset)?;
        out.push(entry);
        Ok(())
    }

    fn read<'a>(&mut self, mut reader: Reader<'a>, guess: u32, budget: &mut Budget) -> Outcome<Entry<'a>> {
        // the usual attribute: a key that is known already, and a text
        if let Some((key, text)) = reader.short_text_attribute()
            && self.is_key(guess, key)
            && let Ok(text) = std::str::from_utf8(text)
        {
            return Ok(Entry { key: guess, text: Text::Sent(text) });
        }
        let mut entry = Entry { key: NO_KEY, text: Text::Sent("") };
        while let Some(field) = reader.next()? {
            match field.number {
                1 => entry.key = self.place(field.string("key")?),
                2 => entry.text = field.nested("value", |reader| text(reader, budget))?,
                _ => {}
            }
        }
        Ok(entry)
    }

    fn is_key(&self, place: u32, key: &[u8]) -> bool {
        self.known.get(place as usize).is_some_and(|(known, _)| known.as_bytes() == key)
    }

    /// The place of a key.
    fn place(&mut self, key: &str) -> u32 {
        if key.is_empty() {
            return NO_KEY;
        }
        if let Some(place) = self.places.get(key) {
            return *place;
        }
        // a body has far fewer keys than that
        let place = self.known.len() as u32;
        let key = CompactString::from(key);
        self.known.push((key.clone(), label_name(&key, self.strategy)));
        self.places.insert(key, place);
        place
    }

    /// The label name of a key.
    pub(super) fn translate(&mut self, key: &str) -> CompactString {
        let place = self.place(key);
        self.name(place).into()
    }

    fn name(&self, key: u32) -> &str {
        self.known.get(key as usize).map_or("", |(_, name)| name)
    }

    /// The labels that attributes become, as pairs.
    pub(super) fn pairs(&self, entries: &[Entry<'_>]) -> Vec<(CompactString, CompactString)> {
        let mut pairs = Vec::with_capacity(entries.len());
        Layout::of(entries, self).for_each(entries, self, |name, text| pairs.push((name.into(), text.into())));
        pairs
    }
}

/// Reads an `AnyValue` as the text of a label.
fn text<'a>(mut reader: Reader<'a>, budget: &mut Budget) -> Outcome<Text<'a>> {
    let start = reader;
    let mut text = Text::Sent("");
    while let Some(field) = reader.next()? {
        if field.number != 1 {
            return Ok(Text::Made(label_value(any_value(start, 0, budget)?)));
        }
        text = Text::Sent(field.string("string_value")?);
    }
    Ok(text)
}

/// How attributes stand in the order of their label names: the same for all data points that have the same keys in the
/// same order, which most points of a metric have.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// The keys, in the order in which they were sent.
    keys: Vec<u32>,
    /// Places of those that have a name, by label name, then by key.
    order: Vec<u32>,
    /// Whether several keys become one name.
    joins: bool,
}

impl Layout {
    /// The layout of these attributes.
    pub(super) fn of(entries: &[Entry<'_>], names: &LabelNames) -> Self {
        let mut layout = Self::default();
        layout.fit(entries, names);
        layout
    }

    /// Becomes the layout of these attributes, unless it is.
    pub(super) fn fit(&mut self, entries: &[Entry<'_>], names: &LabelNames) {
        let keys = entries.iter().map(|entry| entry.key);
        if self.keys.len() == entries.len() && self.keys.iter().copied().eq(keys.clone()) {
            return;
        }
        self.keys.clear();
        self.keys.extend(keys);
        let key_at = |place: u32| self.keys.get(place as usize).copied().unwrap_or(NO_KEY);
        self.order.clear();
        self.order.extend((0..self.keys.len() as u32).filter(|place| key_at(*place) != NO_KEY));
        let known = |place: u32| names.known.get(key_at(place) as usize).map(|(key, name)| (name, key));
        // stable: a key that is given twice keeps its order
        self.order.sort_by(|left, right| known(*left).cmp(&known(*right)));
        let name_at = |place: u32| names.name(key_at(place));
        self.joins = self.order.windows(2).any(|pair| matches!(pair, [one, next] if name_at(*one) == name_at(*next)));
    }

    /// Visits the labels that these attributes become, sorted by name, without those that have no name. The values of
    /// attributes whose names become one are joined by `;` in the order of the original keys (specification, "Metric
    /// Attributes").
    pub(super) fn for_each(&self, entries: &[Entry<'_>], names: &LabelNames, mut visit: impl FnMut(&str, &str)) {
        let mut sorted = self.order.iter().filter_map(|place| entries.get(*place as usize)).peekable();
        let mut joined = String::new();
        while let Some(entry) = sorted.next() {
            let name = names.name(entry.key);
            if !self.joins {
                visit(name, entry.text.as_str());
                continue;
            }
            entry.text.as_str().clone_into(&mut joined);
            while let Some(next) = sorted.next_if(|next| names.name(next.key) == name) {
                joined.push(';');
                joined.push_str(next.text.as_str());
            }
            visit(name, &joined);
        }
    }
}
