//! What an index keeps of a block, so that a search need not open it.
//!
//! A *word* is a token of the message, a service, an ID or any scalar attribute. A *field term* is
//! `name \x1f word` for a value of low-cardinality columns, `name \x1f` for every name that occurs, and
//! `name \x1f \x1e` for a name of which not every value has field terms; then the plain words decide. `\x1b word` says
//! that a word which is not varied stands in another text than the message, so that a word without a field need not be
//! looked for everywhere. The well-known service and severity have the names `\x1d service` and `\x1d severity`. Terms
//! that hold a zero byte or are too varied for a dictionary are given as hashes only; whoever looks a term up asks for
//! both forms.

use super::block_terms::{BlockTerms, kept_bits, widened};
use super::bodies::{BODY, BodyField, fields_of_bodies};
use super::leaves::Leaf;
use super::messages::{BuiltMessages, BuiltStrings, Templates};
use super::shapes::Column;
use super::template::{NUMBER, TEXT};
use super::words::for_each_word;
use crate::dictionary::{Interner, TextColumn};
use crate::hash_list::hash_of;
use crate::strings::{Texts, push_hex};
use clew_model::correlation::{CorrelationRules, IdField, IdSource, looks_like_id};
use clew_model::logs::{LogRecord, Severity, plain_text, tokens};
use clew_model::numeral::other_notation;
use clew_model::{CanonicalId, Resource, Scope, Value};
use std::sync::Arc;

/// Between the name and the word of a field term.
pub(super) const SEPARATOR: char = '\u{1f}';
/// In place of a word: not every value of the name has field terms.
pub(super) const INCOMPLETE: char = '\u{1e}';
/// Before the names of well-known fields.
pub(super) const WELL_KNOWN: char = '\u{1d}';
/// Before words that stand in another text than the message.
pub(super) const OUTSIDE: char = '\u{1b}';
/// Before IDs that are more than one word.
const ID: char = '\u{1c}';

/// Words of so many bytes with a digit are taken for IDs or measurements: too varied for a dictionary of terms.
const MIN_VARIED_BYTES: usize = 4;
/// Longer words without a digit rarely repeat.
const MAX_PLAIN_BYTES: usize = 24;

/// Longer field terms (names may have any length) are given as hashes.
const MAX_TERM_BYTES: usize = 256;

/// Distinct words of a block of usual size and variety.
const EXPECTED_WORDS: usize = 4096;

/// The hash by which a term stands in a hash list. It says no more than the bits that blocks keep of it.
#[must_use]
pub fn term_hash(term: &str) -> u64 {
    widened(kept_bits(hash_of(0, term.as_bytes())))
}

/// The term of an ID as a whole; IDs that are a single word have that word instead.
#[must_use]
pub fn id_term(id: &CanonicalId) -> String {
    format!("{ID}{id}")
}

/// Whether an ID's text is a single word, which then stands for it.
pub(super) fn is_one_word(id: &CanonicalId) -> bool {
    let mut words = clew_model::logs::tokens(id.as_str());
    words.next().is_some() && words.next().is_none()
}

/// The columns of a block as its builder knows them.
pub(super) struct Columns<'a> {
    pub bodies: &'a BuiltMessages,
    pub services: Option<&'a TextColumn>,
    pub severity_texts: Option<&'a TextColumn>,
    pub severities: &'a [u64],
    pub traces: &'a [[u8; 16]],
    pub spans: &'a [[u8; 8]],
    pub leaves: &'a [(Column, Leaf)],
    pub resources: &'a [Arc<Resource>],
    pub scopes: &'a [Arc<Scope>],
}

/// The terms of a block with these columns.
pub(super) fn terms_of(columns: &Columns<'_>, rules: &CorrelationRules) -> BlockTerms {
    let mut terms = Collector::new(rules);
    columns.add_bodies(&mut terms);
    terms.in_messages = false;
    fields_of_bodies(&columns.bodies.others.entries).iter().for_each(|(path, field)| terms.body_field(path, field));
    columns.add_well_known_terms(&mut terms);
    columns.leaves.iter().for_each(|(column, leaf)| terms.leaf(column, leaf));
    let resources =
        columns.resources.iter().map(|resource| LogRecord { resource: Arc::clone(resource), ..LogRecord::default() });
    let scopes = columns.scopes.iter().map(|scope| LogRecord { scope: Arc::clone(scope), ..LogRecord::default() });
    resources.chain(scopes).for_each(|record| terms.shared(&record));
    terms.finish()
}

impl Columns<'_> {
    fn add_bodies(&self, terms: &mut Collector<'_>) {
        let BuiltMessages { strings, others, .. } = self.bodies;
        let texts = match strings {
            BuiltStrings::Column(column) => {
                column.candidates().iter().for_each(|text| terms.text(text));
                column.candidates()
            }
            BuiltStrings::Templates(templates, ids, rendered) => {
                templates.for_each_word(ids, |word| terms.word(word));
                terms.templated_ids(templates, ids, rendered);
                rendered
            }
        };
        if terms.rules.has_patterns() {
            texts.iter().for_each(|text| terms.pattern_ids(text));
        }
        for value in &others.entries {
            let text = value.display_text();
            terms.text(&text);
            terms.pattern_ids(&text);
        }
    }

    fn add_well_known_terms(&self, terms: &mut Collector<'_>) {
        for service in self.services.into_iter().flat_map(|column| column.candidates().iter()) {
            terms.text(service);
            terms.field("\u{1d}service", service);
            terms.canonical_field("\u{1d}service", service);
        }
        for text in self.severity_texts.into_iter().flat_map(|column| column.candidates().iter()) {
            terms.field("\u{1d}severity", text);
            terms.canonical_field("\u{1d}severity", text);
        }
        let mut seen = [false; 25];
        for severity in self.severities {
            if let Some(seen) = seen.get_mut(usize::try_from(*severity).unwrap_or(usize::MAX))
                && !std::mem::replace(seen, true)
            {
                let severity = Severity::from_number(i64::try_from(*severity).unwrap_or(-1));
                terms.field("\u{1d}severity", severity.range_name());
                terms.field("\u{1d}range", if severity.number() == 0 { "none" } else { severity.range_name() });
            }
        }
        self.traces.iter().for_each(|id| terms.hex(id));
        self.spans.iter().for_each(|id| terms.hex(id));
    }
}

struct Collector<'a> {
    rules: &'a CorrelationRules,
    /// Words that may stand in a dictionary.
    words: Interner,
    /// Words that are not varied of other texts than messages.
    outside: Interner,
    in_messages: bool,
    fields: Interner,
    /// Of the words that may not.
    hashes: Vec<u64>,
    scratch: String,
    field_scratch: String,
}

impl<'a> Collector<'a> {
    fn new(rules: &'a CorrelationRules) -> Self {
        let (words, outside, fields) = (Interner::with_capacity(EXPECTED_WORDS), Interner::new(), Interner::new());
        let (hashes, scratch, field_scratch) = (Vec::new(), String::new(), String::new());
        Self { rules, words, outside, in_messages: true, fields, hashes, scratch, field_scratch }
    }

    fn word(&mut self, word: &str) {
        let Self { words, hashes, .. } = self;
        add_word(words, hashes, word);
    }

    fn hex(&mut self, bytes: &[u8]) {
        let Self { words, outside, hashes, scratch, .. } = self;
        scratch.clear();
        push_hex(scratch, bytes);
        if !add_word(words, hashes, scratch) {
            outside.intern(scratch);
        }
    }

    /// Messages that are nothing but an ID in another spelling (UUID, traceparent, wide decimal): only templates that
    /// are one run of ID characters can give such.
    fn templated_ids(&mut self, templates: &Templates, ids: &[u32], rendered: &Texts) {
        let is_bare = |template: &str| {
            let template = plain_text(template);
            let template = template.trim();
            template.contains([NUMBER, TEXT]) && !template.contains(char::is_whitespace)
        };
        let bare: Vec<bool> = templates.templates.iter().map(is_bare).collect();
        if bare.contains(&true) {
            for (text, template) in rendered.iter().zip(ids) {
                if bare.get(*template as usize) == Some(&true) {
                    self.canonical(text);
                }
            }
        }
    }

    /// The words of a text, and the canonical form of an ID that is spelt in another way.
    fn text(&mut self, text: &str) {
        let Self { words, outside, in_messages, hashes, scratch, .. } = self;
        for_each_word(text, scratch, |word| {
            if !add_word(words, hashes, word) && !*in_messages {
                outside.intern(word);
            }
        });
        self.canonical(text);
    }

    fn canonical(&mut self, text: &str) {
        let text = &*plain_text(text);
        if let Some(id) = respelt(text) {
            self.word(id.as_str());
        }
        if let Some(plain) = other_notation(text) {
            tokens(&plain).for_each(|word| self.word(&word));
        }
    }

    fn field(&mut self, name: &str, text: &str) {
        let Self { fields, scratch, field_scratch, .. } = self;
        for_each_word(text, scratch, |word| {
            field_scratch.clear();
            field_scratch.push_str(name);
            field_scratch.push(SEPARATOR);
            field_scratch.push_str(word);
            fields.intern(field_scratch);
        });
    }

    fn mark(&mut self, name: &str, mark: Option<char>) {
        let Self { fields, field_scratch, .. } = self;
        field_scratch.clear();
        field_scratch.push_str(name);
        field_scratch.push(SEPARATOR);
        field_scratch.extend(mark);
        fields.intern(field_scratch);
    }

    /// The ID that a value carries, unless it is one of the text's words.
    fn carried(&mut self, field: Option<IdField>, text: &str, value: &Value) {
        let Some(carried) = CorrelationRules::carried_in(field, "", value) else { return };
        if !is_one_word(&carried.id) {
            self.hashes.push(term_hash(&id_term(&carried.id)));
        } else if carried.id.as_str() != text {
            self.word(carried.id.as_str());
        }
    }

    fn pattern_ids(&mut self, text: &str) {
        let rules = self.rules;
        rules.visit_patterns(text, &mut |carried| {
            // A match may be part of a word, so that its own words say nothing.
            self.hashes.push(term_hash(&id_term(&carried.id)));
        });
    }

    fn leaf(&mut self, column: &Column, leaf: &Leaf) {
        let names = [Some(column.path.as_str()), column.short_path()];
        let names = || names.iter().copied().flatten();
        names().for_each(|name| self.mark(name, None));
        let complete = match leaf {
            Leaf::Null => {
                self.scalars(names(), &column.path, ["null"].into_iter(), &|_| Value::Null);
                true
            }
            Leaf::Bool(_) => {
                self.scalars(names(), &column.path, ["true", "false"].into_iter(), &|text| Value::Bool(text == "true"));
                true
            }
            Leaf::Text(texts @ TextColumn::Dictionary { entries, .. }) => {
                debug_assert!(!texts.is_empty(), "columns have values");
                self.scalars(names(), &column.path, entries.iter(), &|text| Value::from(text));
                true
            }
            Leaf::Text(TextColumn::Plain(texts)) => {
                self.scalars(std::iter::empty(), &column.path, texts.iter(), &|text| Value::from(text));
                false
            }
            Leaf::Number(texts) => {
                let number = |text: &str| Value::Number(clew_model::Number(text.into()));
                self.scalars(std::iter::empty(), &column.path, texts.candidates().iter(), &number);
                false
            }
            Leaf::Int(numbers) => {
                self.numbers(column, numbers.iter().map(|number| Value::Int(*number)));
                false
            }
            Leaf::Double(numbers) => {
                self.numbers(column, numbers.iter().map(|number| Value::Double(*number)));
                false
            }
            Leaf::Opaque(values) => {
                for value in &values.entries {
                    self.opaque(column, value);
                }
                true
            }
        };
        if !complete {
            names().for_each(|name| self.mark(name, Some(INCOMPLETE)));
        }
    }

    fn scalars<'t>(
        &mut self,
        names: impl Iterator<Item = &'t str> + Clone,
        path: &str,
        texts: impl Iterator<Item = &'t str>,
        value: &dyn Fn(&str) -> Value,
    ) {
        let field = self.rules.field(path);
        for text in texts {
            self.text(text);
            names.clone().for_each(|name| {
                self.field(name, text);
                self.canonical_field(name, text);
            });
            if field.is_some() || looks_like_id(text) {
                self.carried(field, text, &value(text));
            }
        }
    }

    /// `field:value` finds an ID in any spelling, so its canonical form is a field term too.
    fn canonical_field(&mut self, name: &str, text: &str) {
        let text = &*plain_text(text);
        if let Some(id) = respelt(text) {
            self.field(name, id.as_str());
        }
        if let Some(plain) = other_notation(text) {
            self.field(name, &plain);
        }
    }

    fn numbers(&mut self, column: &Column, values: impl Iterator<Item = Value>) {
        let field = self.rules.field(&column.path);
        for value in values {
            let Some(text) = value.scalar_text() else { continue };
            self.text(&text);
            // A number is an ID only in a correlation field.
            if field.is_some() {
                self.carried(field, &text, &value);
            }
        }
    }

    /// Values inside arrays have field terms under the path of the array, and of the keys below it.
    fn opaque(&mut self, column: &Column, value: &Value) {
        let container = column.inside_container;
        let record = LogRecord {
            attributes: vec![clew_model::Attribute::new(column.path.as_str(), value.clone())],
            ..LogRecord::default()
        };
        record.visit_attributes(&mut |path, value| {
            let Some(text) = value.scalar_text() else { return };
            self.text(&text);
            for name in [Some(path), container.and_then(|from| path.get(from..))].into_iter().flatten() {
                self.mark(name, None);
                self.field(name, &text);
                self.canonical_field(name, &text);
            }
            self.carried(self.rules.field(path), &text, value);
        });
    }

    /// A field of bodies: as a column of attributes.
    fn body_field(&mut self, path: &str, field: &BodyField) {
        let names = || [Some(path), path.strip_prefix(BODY)].into_iter().flatten();
        let is_dictionary = field.is_dictionary();
        names().for_each(|name| self.mark(name, None));
        if !is_dictionary {
            names().for_each(|name| self.mark(name, Some(INCOMPLETE)));
        }
        let id_field = self.rules.field(path);
        for (text, value) in field.texts.entries().iter().zip(&field.values) {
            self.text(text);
            if is_dictionary {
                names().for_each(|name| {
                    self.field(name, text);
                    self.canonical_field(name, text);
                });
            }
            self.carried(id_field, text, value);
        }
    }

    /// Attributes of a resource or scope.
    fn shared(&mut self, record: &LogRecord) {
        record.visit_attributes(&mut |path, value| {
            let Some(text) = value.scalar_text() else { return };
            self.text(&text);
            for name in [Some(path), path.strip_prefix("resource.")].into_iter().flatten() {
                self.mark(name, None);
                self.field(name, &text);
                self.canonical_field(name, &text);
            }
            self.carried(self.rules.field(path), &text, value);
        });
        for (name, text) in [("scope.name", &record.scope.name), ("scope.version", &record.scope.version)] {
            if !text.is_empty() {
                self.mark(name, None);
                self.field(name, text);
                self.canonical_field(name, text);
                // These are fields, not texts: no word leads to them.
            }
        }
    }

    fn finish(self) -> BlockTerms {
        let Self { words, outside, fields, mut hashes, .. } = self;
        let outside: Vec<String> = outside.entries().iter().map(|word| format!("{OUTSIDE}{word}")).collect();
        let mut plain: Vec<&str> = words.entries().iter().collect();
        for term in fields.entries().iter() {
            if is_hashed(term, word_of(term)) {
                hashes.push(term_hash(term));
            } else {
                plain.push(term);
            }
        }
        plain.extend(outside.iter().map(String::as_str));
        plain.sort_unstable();
        hashes.sort_unstable();
        hashes.dedup();
        BlockTerms::of(&plain, &hashes)
    }
}

/// The trace or span ID that a text is in another spelling than that of its words.
fn respelt(text: &str) -> Option<CanonicalId> {
    // `0x` and 16 digits are the shortest; a header of Jaeger has 19 bytes, UUIDs and wide decimals 30.
    let may_be = match text.as_bytes() {
        [b'0', b'x' | b'X', digits @ ..] => digits.len() >= 16,
        bytes => (19..=clew_model::limits::MAX_ID_BYTES).contains(&bytes.len()),
    };
    let id = may_be.then(|| CanonicalId::new(text)).flatten()?;
    (id.as_trace_id().is_some() && id.as_str() != text).then_some(id)
}

/// Whether the word is kept as a hash.
fn add_word(words: &mut Interner, hashes: &mut Vec<u64>, word: &str) -> bool {
    let is_hashed = is_hashed(word, word);
    if is_hashed {
        hashes.push(term_hash(word));
    } else {
        words.intern(word);
    }
    is_hashed
}

/// The word of a field term or of one that stands outside of messages, or the whole of another.
fn word_of(term: &str) -> &str {
    let word = term.rsplit(SEPARATOR).next().unwrap_or_default();
    word.strip_prefix(OUTSIDE).unwrap_or(word)
}

/// Whether a term with this word is not given as text.
fn is_hashed(term: &str, word: &str) -> bool {
    is_varied(word) || term.contains('\0') || term.len() > MAX_TERM_BYTES
}

/// Whether a term is given by its hash for its word, however short it is.
pub(super) fn is_varied_term(term: &str) -> bool {
    is_varied(word_of(term))
}

/// Whether a word is kept as a hash only.
pub(super) fn is_varied(word: &str) -> bool {
    let has_digit = word.bytes().any(|byte| byte.is_ascii_digit());
    (has_digit && word.len() >= MIN_VARIED_BYTES) || word.len() > MAX_PLAIN_BYTES || word.starts_with(ID)
}

/// Whether an ID came from a pattern; such IDs are found by their own term only.
pub(super) fn is_pattern(source: IdSource) -> bool {
    matches!(source, IdSource::Pattern)
}
